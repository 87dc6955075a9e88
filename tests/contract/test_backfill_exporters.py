"""Backfill from a real Prometheus, of exporters as people run them: old, in shards, of two clusters, half of them down.

Each way has a day of its own in one server; where sums would be wrong, the slot is refused, or the figure unknown.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import clusters
import exporter
import prometheus_server
from nodetally.cli.main import main
from nodetally.store import read
from nodetally.store.directory import DirectoryStore
from nodetally.store.layout import slot_of

Json = dict[str, Any]
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
MADE = 1_700_000_000.0  # when a cluster was, and its kube-system
ALWAYS = {"restartPolicy": "Always"}
FPGA = (("example.com/fpga", "2"), ("attachable-volumes-aws-ebs", "25"))


def objects(
    *names: str, kubelet: str = "v1.34.2", inits: Sequence[Json] = (), more: Sequence[tuple[str, str]] = ()
) -> list[Json]:
    """A node with a pod of 300m for each name; the last has these init containers, which have all started."""
    node = clusters.node("n1", cpu="8", memory="16Gi", pods="110")
    node["status"]["capacity"].update(more)
    node["status"]["nodeInfo"] = {"kubeletVersion": kubelet, "osImage": "Linux"}
    pods = [clusters.pod(name, "n1", cpu="300m") for name in names]
    pods[-1]["spec"]["initContainers"] = [*inits]
    pods[-1]["status"]["initContainerStatuses"] = [{"name": each["name"]} for each in inits]
    for each in pods:
        each["metadata"]["uid"] = f"uid-of-{each['metadata']['name']}"
    return [node, *pods]


def init(name: str, cpu: str, **more: str) -> Json:
    return {"name": name, "resources": {"requests": {"cpu": cpu}}, **more}


def exports(items: Iterable[Json], made: float = MADE, **more: str) -> Iterator[exporter.Sample]:
    """As the exporter of today tells them, with what the server adds."""
    samples = [*exporter.exports(items), ("kube_namespace_created", {"namespace": "kube-system"}, made)]
    return ((name, {**labels, **more}, value) for name, labels, value in samples)


def before_2_11(samples: Iterable[exporter.Sample]) -> Iterator[exporter.Sample]:
    """Without what that release brought: whether an init container is a sidecar, and addresses of nodes."""
    for name, labels, value in samples:
        if name != "kube_node_status_addresses":
            yield name, {key: text for key, text in labels.items() if key != "restart_policy"}, value


def before_2_3(samples: Iterable[exporter.Sample]) -> Iterator[exporter.Sample]:
    """Requests of init containers by names of their own, without the node."""
    for name, labels, value in before_2_11(samples):
        if name == "kube_pod_init_container_resource_requests":
            yield f"{name}_cpu_cores", {key: labels[key] for key in ("namespace", "pod", "uid", "container")}, value
        else:
            yield name, labels, value


def a_moment_apart() -> Iterator[exporter.Sample]:
    """Two exporters, one scraped before a pod was bound and another ended."""
    before, after = objects("web", "job"), objects("web", "job")
    del before[1]["spec"]["nodeName"]
    before[1]["status"]["phase"] = "Pending"
    after[2]["status"]["phase"] = "Succeeded"
    yield from exports(before, instance="a")
    yield from exports(after, instance="b")


def shard_of_two(number: int) -> list[exporter.Sample]:
    """What a shard tells of itself."""
    own = {"shard_ordinal": str(number)}
    return [("kube_state_metrics_total_shards", {}, 2.0), ("kube_state_metrics_shard_ordinal", own, float(number))]


SIDECAR = objects("web", inits=[init("mesh", "100m", **ALWAYS)])
ORDINARY = objects("web", inits=[init("setup", "500m")])
WAYS: Mapping[str, Mapping[timedelta, Iterable[exporter.Sample]]] = {
    "today": {HOUR * 0: exports(SIDECAR), HOUR: exports(ORDINARY), HOUR * 2: exports(objects("web"))},
    "before 2.11": {HOUR * 0: before_2_11(exports(SIDECAR)), HOUR: before_2_11(exports(objects("web")))},
    "before 2.11 and sidecars": {
        HOUR * 0: before_2_11(exports(objects("web", kubelet="v1.27.9", inits=[init("s", "500m")])))
    },
    "before 2.3": {HOUR * 0: before_2_3(exports(ORDINARY))},
    "two clusters": {HOUR * 0: [*exports(objects("web"), cluster="a"), *exports(objects("web"), cluster="b")]},
    "two without a label": {
        HOUR * 0: [
            *exports(objects("web"), instance="a"),
            *exports(objects("api"), MADE + 60, instance="b"),
        ]
    },
    "two exporters": {HOUR * 0: [*exports(objects("web"), instance="a"), *exports(objects("web"), instance="b")]},
    "a moment apart": {HOUR * 0: a_moment_apart()},
    "a shard without the other": {HOUR * 0: [*exports(objects("web")), *shard_of_two(0)]},
    "both shards": {HOUR * 0: [*exports(objects("web")), *shard_of_two(0), *shard_of_two(1)]},
    "some namespaces": {HOUR * 0: [*exports(objects("web")), ("kubelet_running_pods", {"node": "n1"}, 4.0)]},
    "all namespaces": {HOUR * 0: [*exports(objects("web")), ("kubelet_running_pods", {"node": "n1"}, 3.0)]},
    "fpga": {HOUR * 0: exports(objects("web", more=FPGA))},
    "half for an hour": {HOUR * at: exports(objects("web", *(["api"] if at != 1 else []))) for at in range(3)},
    "half for hours": {HOUR * at: exports(objects("web", *(["api"] if at in (0, 48) else []))) for at in (0, 24, 48)},
}
DAYS = {way: FIRST + timedelta(days=4 * at) for at, way in enumerate(WAYS)}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    prometheus_server.need_prometheus()
    history = [(DAYS[way] + later, samples) for way, told in WAYS.items() for later, samples in told.items()]
    text = exporter.open_metrics(history, {})
    with prometheus_server.serving(tmp_path_factory.mktemp("prometheus"), text) as url:
        yield url


class Filled:
    """What a backfill made of one slot."""

    def __init__(self, said: Json, made: Json | None) -> None:
        self.reason = "; ".join(each["reason"] for each in said["impossible"])
        self.made = made

    @property
    def cpu(self) -> int | None:
        """Millicores that the node's pods ask for."""
        assert self.made, self.reason
        [node] = self.made["nodes"]
        requests: int | None = node["resources"]["cpu"]["requests"]
        return requests


class Filler:
    """Backfills single slots of a way."""

    def __init__(self, url: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._url, self._folder, self._capsys = url, folder, capsys

    def __call__(self, way: str, *options: str, hour: int = 0) -> Filled:
        slot = DAYS[way] + HOUR * hour
        store = self._folder / f"{way}-{hour}-{len(options)}"
        span = ["--from", slot_of(slot), "--to", slot_of(slot + HOUR), "--every", "1h", "--store", str(store)]
        with pytest.raises(SystemExit) as ended:
            main(["backfill", "prometheus", self._url, *span, *options, "--cluster", "c", "--format", "json"])
        said = json.loads(self._capsys.readouterr().out)
        assert ended.value.code == (0 if said["filled"] else 3)
        return Filled(said, read.at(DirectoryStore(store), "c", slot) if said["filled"] else None)


@pytest.fixture
def fill(server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Filler:
    return Filler(server, tmp_path, capsys)


def test_sidecars_and_init_containers_are_told_apart(fill: Filler) -> None:
    """300m and a sidecar of 100m; 300m and 500m before it."""
    assert (fill("today").cpu, fill("today", hour=1).cpu) == (400, 500)


def test_a_snapshot_says_that_no_init_container_was_seen(fill: Filler) -> None:
    """An exporter may be told to leave them out."""
    told, none = fill("today").made, fill("today", hour=2).made
    assert told
    assert none
    assert "none were counted" not in told["source"]["reason"]
    assert "none were counted" in none["source"]["reason"]


def test_a_snapshot_says_which_resources_have_lost_their_names(fill: Filler) -> None:
    """Under such a name it would look like another resource than the live one."""
    changed, known = fill("fpga").made, fill("fpga", "--resource-name", "example_com_fpga=example.com/fpga").made
    assert changed
    assert known
    assert changed["source"]["reason"].endswith("for want of a --resource-name: example_com_fpga")
    assert "--resource-name" not in known["source"]["reason"]
    assert changed["totals"]["resources"]["example_com_fpga"] == known["totals"]["resources"]["example.com/fpga"]
    assert "attachable-volumes-aws-ebs" in known["totals"]["resources"]


def test_an_exporter_that_knows_no_sidecars_leaves_pods_with_init_containers_unknown(fill: Filler) -> None:
    """Its init containers may be sidecars; on nodes of before Kubernetes 1.28 there were none."""
    assert (fill("before 2.11").cpu, fill("before 2.11", hour=1).cpu) == (None, 300)
    assert fill("before 2.11 and sidecars").cpu == 500


def test_an_exporter_that_says_not_where_init_containers_are_is_refused(fill: Filler) -> None:
    """Their requests would be missing from the sums."""
    assert "before 2.3" in fill("before 2.3").reason


def test_two_clusters_in_one_server_are_not_added_up(fill: Filler) -> None:
    """By a label of theirs, or by two times at which a kube-system was made."""
    for way in ("two clusters", "two without a label"):
        assert "more than one cluster: choose with --match" in fill(way).reason
    assert fill("two clusters", "--match", 'cluster="a"').cpu == 300
    assert fill("two without a label", "--match", 'instance="a"').cpu == 300


def test_two_exporters_of_one_cluster_count_once(fill: Filler) -> None:
    """Both see the same pods."""
    assert fill("two exporters").cpu == 300


def test_a_pod_that_two_exporters_saw_before_and_after_a_change_counts_once(fill: Filler) -> None:
    """What is bound stays bound, and what has ended stays so."""
    filled = fill("a moment apart")
    assert filled.cpu == 300
    assert filled.made
    assert filled.made["nodes"][0]["pods"].items() >= {"counted": 1, "pending": 0, "terminal": 1}.items()
    assert filled.made["unscheduled"] == {"pods": {"counted": 0}, "resources": {}}


def test_a_shard_of_the_exporter_that_is_missing_is_noticed(fill: Filler) -> None:
    """Where the exporter's own metrics are scraped, too."""
    assert "fewer shards" in fill("a shard without the other").reason
    assert fill("both shards").cpu == 300


def test_an_exporter_of_some_namespaces_is_noticed(fill: Filler) -> None:
    """Where kubelets are scraped, too: they run more pods than it tells; two may have ended just now."""
    assert "fewer pods than the kubelets run" in fill("some namespaces").reason
    assert fill("all namespaces").cpu == 300


@pytest.mark.parametrize(("way", "hours"), [("half for an hour", (0, 1, 2)), ("half for hours", (0, 24, 48))])
def test_pods_that_are_missing_for_a_while_are_noticed(fill: Filler, way: str, hours: tuple[int, int, int]) -> None:
    """A pod does not come again: who tells of it before and after was not there between."""
    before, between, after = (fill(way, hour=hour) for hour in hours)
    assert "gaps in a part of the pods" in between.reason
    assert (before.cpu, after.cpu) == (600, 600)
