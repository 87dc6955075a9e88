"""`nodetally show`: from a store, a dump or the options to stdout."""

import csv
import gzip
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from documents import GIB, HOSTILE, SLOT, figures, mixed, node, snapshot
from nodetally.cli.rendering import fields
from nodetally.cli.rendering.fields import sort_nodes
from nodetally.cli.rendering.sheet import write_csv
from nodetally.cli.rendering.table import View, arranged
from nodetally.cli.show import as_json, show
from nodetally.cli.stored import only_cluster
from nodetally.errors import WrongUse
from nodetally.selectors import parse_selector
from nodetally.snapshot import encode
from nodetally.store.open import open_store
from nodetally.store.publish import publish


def run(*arguments: str) -> str:
    """What the command prints; an error of ours is raised as it is."""
    result = CliRunner().invoke(show, arguments, catch_exceptions=False, standalone_mode=False)
    if result.exception:
        raise result.exception
    return result.output


def store(document: dict[str, Any], folder: Path) -> bytes:
    """Publish a document; its bytes before gzip."""
    body = encode(document)
    publish(open_store(str(folder)), document, body)
    return gzip.decompress(body)


def names(document: dict[str, Any], **view: Any) -> list[str]:
    return [row["name"].partition(".")[0] for row in arranged(document, View(**view))]


@pytest.fixture
def two_slots(tmp_path: Path) -> Path:
    """A store with one cluster and two snapshots, of noon and of one o'clock."""
    store(snapshot([node("old")]), tmp_path)
    times = {"slot": "2026-11-23T13:00:00Z", "taken_at": "2026-11-23T13:00:01Z"}
    store(snapshot([node("new")], **times), tmp_path)
    return tmp_path


def test_the_latest_snapshot_of_the_only_cluster_is_shown(two_slots: Path) -> None:
    """Neither time nor cluster need be named."""
    output = run("--store", str(two_slots))
    assert "slot 2026-11-23T13:00:00Z" in output
    assert "\nnew " in output


@pytest.mark.parametrize(
    ("at", "name"), [("2026-11-23 12:00", "old"), ("2026-11-23T13:59:59+01:00", "old"), ("2026-11-23T13:00:00Z", "new")]
)
def test_at_shows_the_newest_snapshot_up_to_then(two_slots: Path, at: str, name: str) -> None:
    """A slot answers until the next one."""
    assert f"\n{name} " in run("--store", str(two_slots), "--at", at)


def test_json_is_byte_for_byte_what_is_stored(tmp_path: Path) -> None:
    """Order of keys, hostile names, floats: nothing is written anew."""
    line = store(mixed(), tmp_path)
    assert CliRunner().invoke(show, ["--store", str(tmp_path), "--format", "json"]).stdout_bytes == line


def test_a_store_of_several_clusters_asks_which_one(tmp_path: Path) -> None:
    """And names them; with a name it answers."""
    store(snapshot([node("a")]), tmp_path)
    store(snapshot([node("b")], cluster="prod-eu-2"), tmp_path)
    with pytest.raises(WrongUse, match="2 clusters") as caught:
        run("--store", str(tmp_path))
    assert caught.value.hint == "add --cluster with one of: prod-eu-1, prod-eu-2"
    assert "\nb " in run("--store", str(tmp_path), "--cluster", "prod-eu-2")


def test_an_empty_store_says_how_to_make_a_snapshot() -> None:
    """The error names the next command."""
    with pytest.raises(WrongUse, match=r"no snapshot in \./here yet") as caught:
        only_cluster([], "./here")
    assert "nodetally run --cluster NAME --store ./here" in caught.value.hint


def listed(name: str, labels: dict[str, str]) -> dict[str, Any]:
    """A node as kubectl dumps it."""
    quantities = {"cpu": "4", "memory": "8Gi", "pods": "110"}
    status = {"allocatable": quantities, "conditions": [{"type": "Ready", "status": "True"}]}
    metadata = {"name": name, "uid": name, "labels": labels, "creationTimestamp": "2026-11-01T00:00:00Z"}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {}, "status": status}


def test_a_dump_is_shown_without_a_store(tmp_path: Path) -> None:
    """kubectl's own dump, read live; a label that is selected on is kept for it."""
    nodes = [listed("a", {"team": "x", "topology.kubernetes.io/zone": "z-1"}), listed("b", {"team": "y"})]
    pod = {"kind": "Pod", "metadata": {"namespace": "d", "name": "p"}, "spec": {"nodeName": "a"}}
    path = tmp_path / "dump.json"
    path.write_bytes(orjson.dumps({"apiVersion": "v1", "kind": "List", "items": [*nodes, pod]}))
    assert "all 2 nodes" in run("--dump", str(path))
    for selector in ("team=x", "zone=z-1", "topology.kubernetes.io/zone"):
        picked = orjson.loads(run("--dump", str(path), "--format", "json", "-l", selector))["nodes"]
        assert [row["name"] for row in picked] == ["a"]


@pytest.mark.parametrize("table_only", [["--wide"], ["--columns", "name"], ["--group-by", "pool"]])
def test_options_of_the_table_do_not_go_with_csv(table_only: list[str]) -> None:
    """An option that would do nothing is wrong use."""
    with pytest.raises(WrongUse, match="shape the table, not csv"):
        run("--format", "csv", *table_only)


def test_a_dump_has_no_other_time() -> None:
    """--at would be ignored, so it is refused."""
    with pytest.raises(WrongUse, match="one moment"):
        run("--dump", "x.json", "--at", "24h")


def test_nodes_sort_by_numbers_from_the_fullest_and_unknown_ones_last() -> None:
    """Both ways: what is not known is neither the largest nor the smallest."""
    falling, rising = names(mixed(), sort="cpu"), names(mixed(), sort="cpu:asc")
    assert falling[:2] == ["ip-10-0-2-4", "ip-10-0-1-18"]
    assert rising[0] == "ip-10-0-2-5"
    assert falling[-1] == rising[-1] == "ip-10-0-9-3"


@pytest.mark.parametrize(
    ("sort", "first"),
    [
        ("pods", "ip-10-0-3-9"),
        ("memory", "ip-10-0-3-9"),
        ("cpu-limits", "ip-10-0-1-18"),
        ("cpu-headroom:asc", "ip-10-0-2-4"),
        ("memory-usage", "ip-10-0-1-18"),
        ("gpu", "ip-10-0-9-2"),
        ("nvidia.com/gpu-allocatable", "ip-10-0-9-1"),
        ("name:desc", "ip-10-0-9-3"),
        ("zone:asc", "ip-10-0-1-17"),
        ("pool:asc", "evil\x1b[31m[red]bold[/red]\r\n\u202egnp"),
    ],
)
def test_every_column_sorts(sort: str, first: str) -> None:
    """Texts as texts, numbers as numbers, ratios as ratios."""
    assert names(mixed(), sort=sort)[0] == first


def test_sorting_by_age_starts_with_the_oldest() -> None:
    """Numbers fall unless told otherwise; an unknown age comes last."""
    born = {"a": "2026-01-01T00:00:00Z", "b": None, "c": "2025-01-01T00:00:00Z"}
    document = snapshot([node(name, created_at=moment) for name, moment in born.items()])
    assert names(document, sort="age") == ["c", "a", "b"]
    assert names(document, sort="age:asc") == ["a", "c", "b"]


@pytest.mark.parametrize(("sort", "said"), [("size", "cannot sort by 'size'"), ("cpu:down", "cannot sort 'down'")])
def test_a_wrong_sort_key_lists_the_right_ones(sort: str, said: str) -> None:
    """The error names the fix."""
    with pytest.raises(WrongUse, match=said) as caught:
        names(mixed(), sort=sort)
    assert "cpu" in caught.value.hint


@given(st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 3)), max_size=12), st.sampled_from(["asc", "desc"]))
def test_sorting_only_changes_the_order(rows: list[tuple[int, int]], direction: str) -> None:
    """The same nodes, ordered by the exact ratio, equal ones as they came."""
    nodes = [
        node(f"n{index}", resources={"cpu": figures(1, capacity or None, requests, 0, None)})
        for index, (requests, capacity) in enumerate(rows)
    ]
    ordered = sort_nodes(nodes, f"cpu:{direction}")
    assert sorted(row["name"] for row in ordered) == sorted(row["name"] for row in nodes)
    ratios = [fields.ratio(row, "cpu") for row in ordered]
    known = [ratio for ratio in ratios if ratio is not None]
    assert ratios[: len(known)] == sorted(known, reverse=direction == "desc")


@pytest.mark.parametrize(
    ("selector", "picked"),
    [
        ("pool=gpu", {"ip-10-0-9-1", "ip-10-0-9-2"}),
        ("capacity-type=spot,role=gpu", {"ip-10-0-9-2"}),
        ("topology.kubernetes.io/zone in (eu-west-1b,eu-west-1c)", {"ip-10-0-2-4", "ip-10-0-2-5", "ip-10-0-3-9"}),
        ("team=storage", {"ip-10-0-3-9"}),
        ("!pool", {"ip-10-0-9-3"}),
        ("node-role.kubernetes.io/gpu", {"ip-10-0-9-2"}),
        ("node.kubernetes.io/instance-type!=m6i.4xlarge", {"ip-10-0-9-1", "ip-10-0-9-2", "ip-10-0-9-3"}),
        ("kubernetes.io/arch=arm64", set()),
    ],
)
def test_selectors_pick_by_stored_labels_and_derived_names(selector: str, picked: set[str]) -> None:
    """A snapshot keeps few labels; what it knows as a field can be selected on under Kubernetes' own key too."""
    assert set(names(mixed(), selector=parse_selector(selector))) == picked


def test_a_key_that_no_node_has_is_wrong_use_not_an_empty_list() -> None:
    """A typing error must not look like an answer."""
    with pytest.raises(WrongUse, match="cannot select on 'taem'") as caught:
        names(mixed(), selector=parse_selector("taem=storage"))
    assert "pool, zone, region" in caught.value.hint
    assert "team" in caught.value.hint


def test_json_of_a_selection_holds_these_nodes_in_this_order() -> None:
    """Everything else stays as stored."""
    view = View(selector=parse_selector("pool=ng-1"), sort="pods:asc")
    document = orjson.loads(as_json(mixed(), view))
    assert [row["pods"]["counted"] for row in document["nodes"]] == [0, 58, 98, 110, 112]
    assert document["totals"] == mixed()["totals"]


def sheet(document: dict[str, Any], picked: int | None = None) -> tuple[list[str], list[dict[str, str]]]:
    file = io.StringIO()
    write_csv(document, document["nodes"][:picked], file)
    reader = csv.DictReader(io.StringIO(file.getvalue()))
    rows = list(reader)
    return list(reader.fieldnames or ()), rows


def test_csv_has_a_column_with_its_unit_for_every_figure() -> None:
    """cpu in millicores, memory in bytes, a GPU as a count; integers as stored."""
    header, rows = sheet(mixed())
    assert header[:6] == ["cluster", "slot", "taken_at", "name", "uid", "created_at"]
    assert header.index("cpu_requests_millicores") < header.index("memory_requests_bytes")
    row = next(row for row in rows if row["name"].startswith("ip-10-0-9-2"))
    assert row["cpu_requests_millicores"] == "6100"
    assert row["memory_limits_bytes"] == str(40 * GIB)
    assert row["nvidia.com/gpu_headroom_count"] == "-2"
    assert row["roles"] == "gpu worker"
    assert row["ready"] == "true"
    assert len(rows) == 9


def test_csv_leaves_unknown_cells_empty() -> None:
    """Neither 0 nor a word: a spreadsheet's sum stays right."""
    row = next(row for row in sheet(mixed())[1] if row["name"].startswith("ip-10-0-9-3"))
    unknown = ("pool", "created_at", "cpu_allocatable_millicores", "cpu_headroom_millicores", "cpu_usage_millicores")
    assert {row[name] for name in unknown} == {""}
    assert row["nvidia.com/gpu_requests_count"] == ""
    assert row["cpu_requests_millicores"] == "100"


def test_csv_has_the_same_header_whatever_is_selected() -> None:
    """A selection without GPUs still has the GPU's columns."""
    assert sheet(mixed(), picked=1)[0] == sheet(mixed())[0]


def test_csv_of_hostile_names_runs_nothing() -> None:
    """No control character for a terminal, no formula for a spreadsheet."""
    document = snapshot([node(HOSTILE), node("=cmd|' /C calc'!A0")])
    file = io.StringIO()
    write_csv(document, document["nodes"], file)
    assert not set(file.getvalue()) & {"\x1b", "\r", "\x9b", "\u202e"}
    assert "'=cmd" in sheet(document)[1][0]["name"]
    assert datetime.fromisoformat(sheet(document)[1][0]["slot"]) == SLOT.astimezone(UTC)
