"""Backfill from a real Prometheus with hours of a simulated cluster in it, held against the snapshots of that time."""

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import exporter
import histories
import prometheus_server
from backfilled import compare
from nodetally import snapshot
from nodetally.assemble import assemble
from nodetally.cli.main import main
from nodetally.cluster.dump import observe_dumps
from nodetally.settings import Settings
from nodetally.simulate.cluster import SimulatedCluster
from nodetally.simulate.objects.item import document
from nodetally.store import read
from nodetally.store.directory import DirectoryStore
from nodetally.store.layout import slot_of
from nodetally.store.verify import verify

Json = dict[str, Any]
DAY = datetime(2026, 3, 10, tzinfo=UTC)
FIVE = timedelta(minutes=5)
COUNT = 96  # eight hours; 288, a whole day, takes three times as long
SLOTS = [DAY + FIVE * at for at in range(COUNT)]
DOWN = range(66, 72)  # the exporter is not there
CORES = {"slow": 0.25, "fast": 1.5}


@cache
def base() -> tuple[list[Json], list[Json]]:
    """Nodes and pods of the simulator; those with pod-level resources apart: the exporter tells nothing of them."""
    cluster = SimulatedCluster(nodes=6, pods=55, seed=5)
    nodes, pods = ([document(item) for item in cluster.items(resource)] for resource in ("nodes", "pods"))
    places = [node["metadata"]["name"] for node in nodes]
    return nodes, [*(each for each in pods if not each["spec"].get("resources")), *special(places)]


def special(places: Sequence[str]) -> Iterator[Json]:
    """What the exporter tells half of, or the simulator does not make; by what matters about each."""

    def box(name: str, cpu: str, limit: str = "", **more: str) -> Json:
        limits = {"limits": {"cpu": limit, "memory": "64Mi"}} if limit else {}
        return {"name": name, "resources": {"requests": {"cpu": cpu, "memory": "32Mi"}, **limits}, **more}

    first, second, sidecar = box("first", "900m", "1"), box("second", "1", "2"), {"restartPolicy": "Always"}
    shapes: Mapping[str, Json] = {
        "init-is-higher": {"initContainers": [first, second]},
        "sidecar-before-init": {"initContainers": [box("side", "50m", "100m", **sidecar), first, second]},
        "sidecar-behind-init": {"initContainers": [first, box("side", "50m", "100m", **sidecar)]},
        "order-does-not-matter": {"initContainers": [box("side", "50m", **sidecar), box("little", "10m", "10m")]},
        "overhead": {"overhead": {"cpu": "250m", "memory": "160Mi"}},
        "overhead-without-limits": {"containers": [box("app", "1")], "overhead": {"cpu": "250m", "memory": "1Mi"}},
        "overhead-on-a-limit-of-0": {"containers": [box("app", "0", "0")], "overhead": {"cpu": "250m"}},
        "asks-for-nothing": {"containers": [{"name": "app", "resources": {}}]},
        "sidecar-has-no-status": {"initContainers": [box("side", "50m", "100m", **sidecar)]},
        "asks-as-a-whole": {"containers": [{"name": "app", "resources": {}}], "resources": {"requests": {"cpu": "1"}}},
        "init-has-no-status": {"initContainers": [first]},
    }
    for place, (name, spec) in enumerate(shapes.items()):
        where = {} if name == "overhead-without-limits" else {"nodeName": places[place % 3]}
        yield {
            "kind": "Pod",
            "metadata": {"name": name, "namespace": f"team-{place % 2}", "uid": f"uid-of-{name}"},
            "spec": {"containers": [box("app", "300m", "2")], **where, **spec},
            "status": {
                "phase": "Running" if where else "Pending",
                "qosClass": "BestEffort" if name == "asks-for-nothing" else "Burstable",
                "initContainerStatuses": [
                    {"name": each["name"]} for each in spec.get("initContainers", ()) if "no-status" not in name
                ],
            },
        }


def at(number: int) -> list[Json]:
    """The cluster at a slot of the day: pods come, go, end and terminate, a node comes late, another is cordoned."""
    nodes, pods = base()
    found = [copy.deepcopy(node) for place, node in enumerate(nodes) if place != 5 or number >= 20]
    if 33 <= number < 50:
        found[0]["spec"] |= {"unschedulable": True, "taints": [{"key": "drain", "effect": "NoSchedule"}]}
    if 40 <= number < 44:
        found[1]["status"]["conditions"] = [
            {**each, "status": "Unknown" if each["type"] == "Ready" else each["status"]}
            for each in found[1]["status"]["conditions"]
        ]
    for place, pod in enumerate(pods):
        if (place * 13 + number) % COUNT < 14:
            continue
        uid = f"{pod['metadata']['uid']}-{(place * 13 + number) // COUNT}"  # one that comes again is another
        changed = {**pod, "metadata": {**pod["metadata"], "uid": uid}}
        if (place * 7 + number) % COUNT < 10:
            changed["status"] = {**pod["status"], "phase": "Succeeded"}
        if (place * 11 + number) % COUNT < 3:
            changed["metadata"] = {**changed["metadata"], "deletionTimestamp": "2026-03-10T00:00:00Z"}
        found.append(changed)
    return found


def history() -> Iterator[tuple[datetime, list[exporter.Sample]]]:
    for number, moment in enumerate(SLOTS):
        if number not in DOWN:
            yield moment, [*exporter.exports(at(number)), *measured(number)]


def measured(number: int) -> Iterator[exporter.Sample]:
    """What the kubelets measure: every second node one core and a half, the others a quarter."""
    for place, node in enumerate(base()[0]):
        name = {"node": node["metadata"]["name"]}
        cores = CORES["fast" if place % 2 else "slow"]
        yield "node_cpu_usage_seconds_total", name, cores * 300 * (number + 1)
        yield "node_memory_working_set_bytes", name, float((place + 1) << 30)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The cluster, for some slots told by a second exporter, too, as when one is replaced; and another cluster."""
    prometheus_server.need_prometheus()
    one = exporter.open_metrics(history(), {"cluster": "prod", "instance": "a"}).splitlines()
    both = (each for each in history() if 10 <= SLOTS.index(each[0]) < 22)
    again = exporter.open_metrics(both, {"cluster": "prod", "instance": "b"}).splitlines()
    other = exporter.open_metrics(
        ((moment, exporter.exports(histories.objects(moment))) for moment in SLOTS[:3]), {"cluster": "other"}
    ).splitlines()
    with prometheus_server.serving(tmp_path_factory.mktemp("prometheus"), "\n".join(merged(one, again, other))) as url:
        yield url


def merged(*texts: list[str]) -> Iterator[str]:
    """Texts of several exporters as one: a family is there once, its series together."""
    families: dict[str, list[str]] = {}
    for line in (line for text in texts for line in text if line and line != "# EOF"):
        if line.startswith("# TYPE"):
            family = families.setdefault(line, [])
        else:
            family.append(line)
    for head, lines in families.items():
        yield head
        yield from lines
    yield "# EOF\n"


def command(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> Json:
    with pytest.raises(SystemExit) as ended:
        main(["backfill", "prometheus", *map(str, arguments), "--cluster", "c", "--format", "json"])
    said = capsys.readouterr()
    assert ended.value.code == code, said.err
    return dict(json.loads(said.out)) if said.out else {"error": said.err}


def truth(folder: Path, number: int) -> Json:
    """What a live pass would have stored."""
    path = folder / "truth.json"
    path.write_bytes(histories.listed(at(number)))
    settings = Settings(cluster="c", at=SLOTS[number], trigger="backfill", labels=("kubernetes.io/hostname",))
    return snapshot.decode(
        assemble(observe_dumps([str(path)], SLOTS[number]), settings, SLOTS[number], lambda: 0.0).body
    )


def test_a_day_from_prometheus_is_the_day_that_was(
    server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every slot at five minutes: zero difference, but for what docs/backfill.md explains."""
    store = tmp_path / "store"
    options = [
        "--store",
        store,
        "--from",
        "2026-03-10",
        "--to",
        slot_of(DAY + COUNT * FIVE),
        "--match",
        'cluster="prod"',
    ]
    said = command(capsys, server, *options, "--label", "kubernetes.io/hostname")
    assert (said["slots"], said["filled"]) == (COUNT, COUNT - len(DOWN))
    [gap] = said["impossible"]
    assert (gap["slots"], gap["first"], gap["broken"]) == (len(DOWN), slot_of(SLOTS[DOWN[0]]), False)
    assert "no kube_node_info" in gap["reason"]
    stored = DirectoryStore(store)
    doubted = 0
    for number in sorted({*range(0, COUNT, 5), 19, 20, 33, 42, 49, 50, COUNT - 1} - {*DOWN}):
        made = read.at(stored, "c", SLOTS[number])
        assert made["source"]["kind"] == "prometheus"
        assert made["source"]["consistent"] is False
        check_usage(made, number)
        doubted += compare(made, truth(tmp_path, number), at(number))
    assert doubted > 0, "the simulated cluster has pods whose init containers' order matters"
    assert [*verify(stored, patience_seconds=0)] == []
    assert command(capsys, server, *options)["already_there"] == COUNT - len(DOWN)


def test_ranges_that_the_server_refuses_are_asked_for_in_parts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server that holds few samples at a time gives the same snapshots, a few slots at a time."""
    hours = [DAY + timedelta(hours=at) for at in range(24)]
    text = exporter.open_metrics(((each, exporter.exports(histories.objects(each))) for each in hours), {})
    options = ["--from", "2026-03-10", "--to", "2026-03-11", "--every", "1h", "--store"]
    made, requests = [], []
    for name, flags in (("whole", ()), ("parts", ("--query.max-samples=500",))):
        with prometheus_server.serving(tmp_path / name, text, *flags) as url:
            said = command(capsys, url, *options, tmp_path / f"store-{name}")
        assert (said["filled"], said["impossible"]) == (24, [])
        store = DirectoryStore(tmp_path / f"store-{name}")
        found = [read.at(store, "c", each) for each in hours]
        requests.append(sum(each["cost"]["api_requests"] for each in found))
        made.append([{**each, "cost": None} for each in found])
    assert made[0] == made[1]
    assert requests[1] > requests[0], "the server refused nothing"


def test_series_scraped_without_honor_labels_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The target's own labels win then, and all containers of a pod look like one: sums would be wrong."""
    own = {"namespace": "monitoring", "pod": "kube-state-metrics-0", "container": "kube-state-metrics"}

    def scraped(samples: list[exporter.Sample]) -> Iterator[exporter.Sample]:
        for name, labels, value in samples:
            told = {f"exported_{key}" if key in own else key: text for key, text in labels.items()}
            yield name, {**told, **own}, value

    text = exporter.open_metrics(
        [(DAY, scraped([*exporter.exports(at(0))])), (DAY + FIVE, exporter.exports(at(1)))], {}
    )
    options = ["--from", "2026-03-10", "--to", slot_of(DAY + 2 * FIVE), "--store", tmp_path / "store"]
    with prometheus_server.serving(tmp_path / "server", text) as url:
        said = command(capsys, url, *options, code=3)
    [refused] = said["impossible"]
    assert (said["filled"], refused["slots"], refused["first"], refused["broken"]) == (1, 1, slot_of(DAY), True)
    assert "honor_labels" in refused["reason"]


def check_usage(made: Json, number: int) -> None:
    if number == 0 or number - 1 in DOWN:  # a rate needs two scrapes
        assert made["usage"]["status"] == "absent"
        return
    assert made["usage"]["status"] == "ok"
    names = [node["metadata"]["name"] for node in base()[0]]
    for node in made["nodes"]:
        place = names.index(node["name"])
        cores = CORES["fast" if place % 2 else "slow"]
        assert abs(node["resources"]["cpu"]["usage"] - cores * 1000) <= 1
        assert node["resources"]["memory"]["usage"] == (place + 1) << 30
