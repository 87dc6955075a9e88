"""Names that want to leave their place, through a pass and every reader: they are text, wherever they come out.

Whoever may create a node, a namespace or a pod in a cluster chooses these; an API server refuses most of them, a dump
or a server that lies does not.
"""

import csv
import gzip
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clusters import node, pod
from fuzz.commands import URL, Ended, MemoryStore, assert_harmless, nodetally
from fuzz.shapes import HOSTILE
from nodetally.simulate.cluster import SimulatedCluster
from nodetally.simulate.server import Simulator, serving
from nodetally.store.layout import parse_cluster_index_key, parse_day_index_key, parse_snapshot_key

C, AT, LATER = "c", "2026-11-23T12:00:00Z", "2026-11-23T13:00:00Z"
NAMES = [each for each in HOSTILE if each]
FORMULA = tuple("=+-@＝＋－＠\t\r")


def objects() -> list[dict[str, Any]]:
    """A node, a pod, a namespace of each hostile name; the same text wherever a node or pod holds text."""
    made = []
    for at, name in enumerate(NAMES):
        hostile = node(name, {"topology.kubernetes.io/zone": name, "node-role.kubernetes.io/" + name: "", "team": name})
        amounts = {"cpu": "4", "memory": "8Gi", "pods": "110", f"evil.example/{name}": "3"}
        hostile["metadata"]["uid"] = f"{at}{name}"
        hostile["spec"]["taints"] = [{"key": name, "value": name, "effect": name}]
        hostile["status"] |= {"capacity": amounts, "allocatable": amounts}
        hostile["status"]["nodeInfo"] = {"osImage": name, "kubeletVersion": name, "architecture": name}
        hostile["status"]["conditions"].append({"type": name, "status": "True"})
        more: dict[str, Any] = {f"evil.example/{name}": "1"}
        bound = pod(f"pod {name}", name, name, cpu="100m", memory="1Gi", **more)
        astray = pod(f"astray {name}", f"gone {name}", name, cpu="1")
        for each in (bound, astray):
            each["metadata"]["labels"] = {"app": name}
            each["spec"]["containers"][0]["name"] = name
        made += [hostile, bound, astray]
    return made


def write_dump(path: Path) -> Path:
    path.write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": objects()}))
    return path


@pytest.fixture(scope="module")
def server() -> Iterator[Simulator]:
    with serving(SimulatedCluster.of(objects())) as running:
        yield running


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> MemoryStore:
    """Two passes over a dump of them, an hour apart."""
    store, dump = MemoryStore(), write_dump(tmp_path_factory.mktemp("names") / "dump.json")
    for at in (AT, LATER):
        end = a_pass(store, "--dump", str(dump), "--at", at)
        assert end.code == 0, end
    return store


def a_pass(store: MemoryStore, *arguments: str) -> Ended:
    return nodetally(store, "run", "--cluster", C, "--store", URL, "--label", "team", *arguments)


@pytest.mark.parametrize("name", [*NAMES, ""])
@pytest.mark.parametrize("command", ["run", "show", "status", "store verify", "store ls", "store prune"])
def test_a_cluster_may_not_be_called_so(name: str, command: str, tmp_path: Path) -> None:
    """It would be part of keys: exit 2 before anything is read or written; the message is one line."""
    store = MemoryStore({"clusters.json": b'{"schema":1,"clusters":["c"]}'})
    before = dict(store.objects)
    more = {"run": ["--dump", str(tmp_path / "no")], "store prune": ["--keep", "all:1d"]}.get(command, [])
    end = nodetally(store, *command.split(), f"--cluster={name}", "--store", URL, *more)
    assert (end.code, end.out, store.objects) == (2, "", before), end
    assert_harmless(end)
    assert len(end.said) < 2_000


def test_no_name_is_part_of_a_key(stored: MemoryStore) -> None:
    """Keys are made of the cluster, the day and the slot."""
    for key in stored.objects:
        own = key in ("clusters.json", f"clusters/{C}/latest.json.gz")
        assert own or parse_snapshot_key(key) or parse_day_index_key(key) or parse_cluster_index_key(key), key


@pytest.mark.parametrize("source", ["dump", "list", "watch"])
def test_names_are_stored_as_they_are(source: str, server: Simulator, tmp_path: Path) -> None:
    """Every name of a node, label, taint, resource and namespace, to the last character; nothing is lost or doubled."""
    server.write_kubeconfig(tmp_path / "kubeconfig")
    live = ["--kubeconfig", str(tmp_path / "kubeconfig"), "--no-usage"]
    live += ["--cache", "memory"] if source == "watch" else []
    store = MemoryStore()
    dump = ["--dump", str(write_dump(tmp_path / "dump.json"))]
    end = a_pass(store, *(dump if source == "dump" else live), "--at", AT)
    assert end.code == 0, end
    (body,) = (body for key, body in store.objects.items() if key.startswith("snapshots/"))
    document = json.loads(gzip.decompress(body))
    assert [row["name"] for row in document["nodes"]] == sorted(NAMES, key=str.encode)
    assert [row["name"] for row in document["namespaces"]] == sorted(NAMES, key=str.encode)
    assert {row["name"] for row in document["unknown_nodes"]} == {f"gone {name}" for name in NAMES}
    for row in document["nodes"]:
        name = row["name"]
        assert (row["zone"], row["os_image"], row["labels"], row["conditions"]) == (name, name, {"team": name}, [name])
        assert row["taints"] == [{"key": name, "value": name, "effect": name}]
        assert row["resources"][f"evil.example/{name}"]["requests"] == 1


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_log_line_stays_a_line(log_format: str, tmp_path: Path) -> None:
    """What a pass says of them: as many lines as things to say, and no line of their own."""
    dump = write_dump(tmp_path / "dump.json")
    end = a_pass(MemoryStore(), "--dump", str(dump), "--at", AT, "--log-format", log_format)
    assert end.code == 0
    assert end.said.endswith("\n")
    lines = end.said[:-1].split("\n")
    unknown = [line for line in lines if "which is not listed" in line]
    assert (len(unknown), len(lines)) == (len(NAMES), len(NAMES) + 2), lines
    if log_format == "json":
        assert {tuple(json.loads(line)) for line in lines} == {("time", "level", "message")}
    assert_harmless(end._replace(out=""))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("log_format", ["text", "json"])
def test_an_error_about_them_stays_a_line(name: str, log_format: str, tmp_path: Path) -> None:
    """A pod of such a name and namespace that cannot be read, and a quantity of such text: exit 3, two lines."""
    broken = pod(name, "n1", name, cpu=name)
    path = tmp_path / "dump.json"
    path.write_text(json.dumps({"kind": "List", "items": [node("n1", cpu="1"), broken]}))
    end = a_pass(MemoryStore(), "--dump", str(path), "--log-format", log_format)
    assert end.code == 3, end
    assert_harmless(end)
    assert [line.partition(":")[0] for line in end.said.splitlines()] == ["Error", "Hint"]
    assert len(end.said) < 5_000 if len(name) < 1_000 else len(end.said) < 30_000


METRICS_LINE = re.compile(r'(# (TYPE|HELP|EOF).*|nodetally_\w+\{cluster="c"(,kind="\w+")?\} [0-9.e+]+)?')


def test_the_metrics_file_holds_none_of_them(tmp_path: Path) -> None:
    """OpenMetrics text, line by line, of the cluster's name and numbers only; when the pass failed, too."""
    metrics = tmp_path / "nodetally.prom"
    dump = write_dump(tmp_path / "dump.json")
    broken = tmp_path / "broken.json"
    broken.write_text(json.dumps({"kind": "List", "items": [node("n1", cpu="1"), pod(NAMES[1], "n1", cpu=NAMES[1])]}))
    for path in (dump, broken):
        a_pass(MemoryStore(), "--dump", str(path), "--metrics-file", str(metrics))
        for line in metrics.read_text().split("\n"):
            assert METRICS_LINE.fullmatch(line), line


READERS = {
    "show": ["show", "--cluster", C],
    "show, wide": ["show", "--cluster", C, "--wide"],
    "show, by zone": ["show", "--cluster", C, "--group-by", "zone"],
    "show, as it was": ["show", "--cluster", C, "--at", AT],
    "diff": ["diff", "--cluster", C, AT, LATER, "--all"],
    "status": ["status", "--max-age", "1h"],
    "store ls": ["store", "ls"],
    "store ls of a day": ["store", "ls", "--cluster", C, "--day", AT[:10]],
    "store verify": ["store", "verify", "--patience", "0s"],
}


@pytest.mark.parametrize("name", READERS)
def test_a_table_keeps_them_in_their_cell(name: str, stored: MemoryStore) -> None:
    """No control character, no turned writing, no line that is not ours."""
    end = nodetally(stored, *READERS[name], "--store", URL)
    assert end.code == (7 if name == "status" else 0), end
    assert_harmless(end)


def test_an_unknown_file_of_such_a_name_is_told_in_its_cell(stored: MemoryStore) -> None:
    """Whoever may write to the bucket chooses keys, too."""
    strays = {f"{folder}{name}": b"" for folder in ("", f"clusters/{C}/", "snapshots/") for name in HOSTILE[1:6]}
    store = MemoryStore({**stored.objects, **strays})
    for format_ in ("table", "json"):
        end = nodetally(store, "store", "verify", "--patience", "0s", "--format", format_, "--store", URL)
        assert end.code == 6, end
        assert_harmless(end, is_json=format_ == "json")
    assert len(json.loads(end.out)["breaches"]) == len(strays)


@pytest.mark.parametrize("name", NAMES)
def test_an_explanation_keeps_them_in_their_place(name: str, tmp_path: Path) -> None:
    """Of a node and of a pod."""
    dump = write_dump(tmp_path / "dump.json")
    for what in (f"node/{name}", f"pod/{name}/pod {name}"):
        end = nodetally(MemoryStore(), "explain", what, "--dump", str(dump))
        assert end.code in ((0, 2) if "/" in name else (0,)), end  # a slash ends a part of what explain is asked
        assert_harmless(end)


@pytest.mark.parametrize("command", [["show", "--cluster", C], ["store", "ls", "--cluster", C, "--day", AT[:10]]])
def test_csv_has_a_row_a_thing_and_no_formula(command: list[str], stored: MemoryStore) -> None:
    """Every row has as many cells as the header, and no cell is one that a spreadsheet would run (OWASP)."""
    end = nodetally(stored, *command, "--format", "csv", "--store", URL)
    assert end.code == 0, end
    rows = list(csv.reader(io.StringIO(end.out)))
    assert len(rows) == 1 + (len(NAMES) if command[0] == "show" else 2)
    assert {len(row) for row in rows} == {len(rows[0])}
    for cell in {cell for row in rows for cell in row}:
        assert not cell.startswith(FORMULA) or re.fullmatch(r"-?\d+", cell), cell
    assert_harmless(end)


def test_json_is_one_document_and_gives_them_back(stored: MemoryStore) -> None:
    """Data for programs: as it is stored."""
    end = nodetally(stored, "show", "--cluster", C, "--format", "json", "--store", URL)
    assert {row["name"] for row in json.loads(end.out)["nodes"]} == set(NAMES)
    assert end.out.count("\n") == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_is_asked_for_stays_in_its_request(name: str, server: Simulator, tmp_path: Path) -> None:
    """--node becomes part of a URL: no header, no other parameter and no other request comes of it."""
    server.write_kubeconfig(tmp_path / "kubeconfig")
    server.forget_requests()
    live = ["--kubeconfig", str(tmp_path / "kubeconfig"), "--no-usage", "--dry-run", "--format", "json"]
    end = nodetally(MemoryStore(), "run", "--cluster", C, *live, f"--node={name}")
    assert end.code in (0, 2, 3), end
    assert_harmless(end, is_json=True)
    for method, target in server.requests:
        assert method == "GET"
        assert re.fullmatch(r"/(api/v1/(pods|nodes)|version)(\?[\w%.=&+-]*)?", target) or name in target, target
        assert target.isprintable()
    if end.code == 0:
        assert [row["name"] for row in json.loads(end.out)["nodes"]] == [name]
