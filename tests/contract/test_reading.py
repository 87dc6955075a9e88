"""However a cluster is read, the snapshot is the same; and what each way asks of the server."""

import base64
import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clusters import METRICS, NOWHERE, measured, node, pod, read, served
from nodetally import snapshot
from nodetally.assemble import assemble
from nodetally.cluster.dump import observe_dumps
from nodetally.collect import observe, utc_now
from nodetally.errors import ClusterError, ClusterRefused, WrongUse
from nodetally.settings import Settings
from nodetally.simulate import routes
from nodetally.simulate.cluster import SimulatedCluster
from nodetally.simulate.faults import Fault
from nodetally.simulate.metrics import MetricsSettings
from paths import VECTORS

JSON_ONLY = routes.Settings(protobuf=False)
NEWER_METRICS = routes.Settings(metrics=MetricsSettings(versions=("v1",)))
PARTS = ("totals", "schedulable_totals", "nodes", "namespaces", "unscheduled", "unknown_nodes")


def tallied(observation: Any) -> dict[str, Any]:
    document = snapshot.decode(assemble(observation, Settings(cluster="c"), utc_now(), lambda: 0.0).body)
    return {part: document[part] for part in PARTS}


def without_usage(found: dict[str, Any]) -> dict[str, Any]:
    for row in (found["totals"], found["schedulable_totals"], *found["nodes"]):
        for values in row["resources"].values():
            values["usage"] = None
    return found


def canonical(item: dict[str, Any]) -> dict[str, Any]:
    """As an API server would hold it: with a uid, and no empty maps, which protobuf cannot tell from absent ones."""
    item["metadata"].setdefault("uid", item["metadata"]["name"])
    for status in item.get("status", {}).get("containerStatuses", []):
        for key in [key for key, value in status.items() if value == {}]:
            del status[key]
        for key in [key for key, value in status.get("resources", {}).items() if value == {}]:
            del status["resources"][key]
    return item


@pytest.fixture(scope="module", name="hard")
def _hard() -> list[dict[str, Any]]:
    """The 40 nodes and 1,500 pods that are hard on every rule."""
    items = json.loads(gzip.decompress((VECTORS / "cluster.json.gz").read_bytes()))["items"]
    return [canonical(item) for item in items]


@pytest.fixture(scope="module", name="expected")
def _expected(hard: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("dump") / "dump.json"
    path.write_text(json.dumps({"kind": "List", "items": hard}))
    return tallied(observe_dumps([str(path)], None))


WAYS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "protobuf": ({}, {}),
    "protobuf, gzip": ({"gzip": True}, {}),
    "protobuf, pages": ({"page_size": 97}, {}),
    "json": ({}, {"behaviour": JSON_ONLY}),
    "json, pages of our size": ({"page_size": 200}, {"behaviour": JSON_ONLY}),
    "tls and a token": ({}, {"tls": True, "token": "s3cret"}),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_reading_gives_the_snapshot_of_the_dump(
    hard: list[dict[str, Any]], expected: dict[str, Any], tmp_path: Path, way: str
) -> None:
    """Protobuf or JSON, whole or in pages, compressed or not, through TLS."""
    changes, options = WAYS[way]
    with served(SimulatedCluster.of(hard), tmp_path, **options) as (_, settings):
        assert without_usage(tallied(read(replace(settings, **changes)))) == expected


@pytest.mark.parametrize(
    ("changes", "requests"),
    [
        ({}, ["/version", "/api/v1/pods", "/api/v1/nodes", METRICS]),
        ({"usage": False}, ["/version", "/api/v1/pods", "/api/v1/nodes"]),
    ],
)
def test_a_pass_makes_so_many_requests_and_no_more(
    tmp_path: Path, changes: dict[str, Any], requests: list[str]
) -> None:
    """A budget that does not grow with the cluster; the cost says the same."""
    with served(SimulatedCluster(nodes=4, pods=200, seed=3), tmp_path) as (server, settings):
        seen = read(replace(settings, **changes))
        assert [path for _, path in server.requests] == requests
    assert seen.cost.api_requests == len(requests)
    assert seen.tally.pods == 200
    assert (seen.kind, seen.consistent, seen.server_version is not None) == ("list", True, True)
    assert seen.pods_resource_version
    assert seen.nodes_resource_version


def test_some_nodes_are_read_by_indexed_queries(tmp_path: Path) -> None:
    """--node: one query a node, and the same figures as the whole list has for it."""
    cluster = SimulatedCluster(nodes=12, pods=300, seed=5)
    with served(cluster, tmp_path) as (server, settings):
        whole = {each["name"]: each for each in tallied(read(replace(settings, usage=False)))["nodes"]}
        names = sorted(whole)[:2]
        server.forget_requests()
        some = read(replace(settings, nodes=tuple(names), usage=False))
        asked = [path for _, path in server.requests if path.startswith("/api/v1/pods")]
    assert tallied(some)["nodes"] == [whole[name] for name in names]
    assert (some.whole, some.consistent) == (False, False)
    assert sorted(asked) == [f"/api/v1/pods?fieldSelector=spec.nodeName%3D{name}&limit=500" for name in names]


def test_a_selector_picks_nodes_on_the_server(tmp_path: Path) -> None:
    """--selector goes into the query; most of the nodes are cheaper from the one list."""
    objects = [node(f"n{at}", {"pool": "gpu" if at < 2 else "web"}, cpu="4") for at in range(10)]
    objects += [pod(f"p{at}", f"n{at % 10}", cpu="100m") for at in range(30)]
    with served(SimulatedCluster.of(objects), tmp_path) as (server, settings):
        gpu = read(replace(settings, selector="pool=gpu"))
        assert any("labelSelector=pool%3Dgpu" in path for _, path in server.requests)
        assert not any(path == "/api/v1/pods" for _, path in server.requests)
        server.forget_requests()
        web = read(replace(settings, selector="pool!=gpu"))
        assert any(path == "/api/v1/pods" for _, path in server.requests)
    assert [each.name for each in gpu.nodes] == ["n0", "n1"]
    assert {name: tally.counts["counted"] for name, tally in gpu.tally.nodes.items()} == {"n0": 3, "n1": 3}
    assert sorted(web.tally.nodes) == [f"n{at}" for at in range(2, 10)]


def test_a_node_that_is_not_there_is_wrong_use(tmp_path: Path) -> None:
    """A typo must not look like an empty node."""
    with served(SimulatedCluster(nodes=2, pods=2), tmp_path) as (_, settings):
        with pytest.raises(WrongUse, match="no node named 'typo'"):
            read(replace(settings, nodes=("typo",)))


def test_usage_comes_from_the_metrics_api(tmp_path: Path) -> None:
    """Millicores and bytes of each node, and their sum."""
    objects = [node("a", cpu="4", memory="8Gi"), node("b", cpu="4", memory="8Gi")]
    with served(SimulatedCluster.of(objects), tmp_path) as (server, settings):
        server.add_fault(measured({"a": ("1200m", "2Gi"), "b": ("1", "1Gi")}))
        found = tallied(read(settings))
    assert found["totals"]["resources"]["cpu"]["usage"] == 2200
    assert found["nodes"][0]["resources"]["memory"]["usage"] == 2 << 30


@pytest.mark.parametrize(
    ("fault", "status", "reason"),
    [
        (Fault(METRICS, status=403, times=None), "forbidden", "may not list nodes: 403"),
        (Fault(METRICS, status=503, times=None), "absent", "503"),
        (Fault(METRICS, status=500, times=None), "absent", "500"),
        (Fault("/apis/metrics.k8s.io/", status=404, times=None), "absent", "no metrics API"),
        (Fault(METRICS, cut_after_bytes=30, times=None), "absent", "cut off"),
        (Fault(METRICS, status=200, body="<html>", content_type="text/html", times=None), "absent", "JSON"),
    ],
    ids=lambda each: "" if isinstance(each, str) else each.path_prefix + str(each.status),
)
def test_without_metrics_usage_is_unknown_and_the_pass_succeeds(
    tmp_path: Path, fault: Fault, status: str, reason: str
) -> None:
    """Null with a reason; one request, no waiting for what is not there."""
    with served(SimulatedCluster(nodes=2, pods=8, seed=2), tmp_path) as (server, settings):
        server.add_fault(fault)
        seen = read(settings)
    assert seen.usage.status == status
    assert reason in str(seen.usage.reason)
    assert all(each["resources"]["cpu"]["usage"] is None for each in tallied(seen)["nodes"])


@pytest.mark.parametrize("path", ["/api/v1/pods", "/api/v1/nodes"])
@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"status": 403}, ClusterRefused),
        ({"status": 401}, ClusterRefused),
        ({"status": 400}, ClusterError),
        ({"cut_after_bytes": 20_000}, ClusterError),
        ({"garbage_at": 0}, ClusterError),
    ],
    ids=lambda each: str(each),
)
def test_a_list_that_fails_fails_the_pass(
    tmp_path: Path, path: str, options: dict[str, Any], error: type[Exception]
) -> None:
    """Pods or nodes, refused or broken on the way: never half a cluster."""
    with served(SimulatedCluster(nodes=8, pods=64, seed=2), tmp_path) as (server, settings):
        server.add_fault(Fault(path, times=None, **options))
        with pytest.raises(error):
            read(settings)


def test_the_metrics_api_of_version_1_is_read(tmp_path: Path) -> None:
    """Where a server has only the newer one."""
    with served(SimulatedCluster(nodes=2, pods=8, seed=2), tmp_path, NEWER_METRICS) as (_, settings):
        assert read(settings).usage.status == "ok"


def test_nodes_for_kite_are_asked_for_in_json_and_read_alike(hard: list[dict[str, Any]], tmp_path: Path) -> None:
    """keep_nodes changes how nodes travel, not what is tallied."""
    with served(SimulatedCluster.of(hard), tmp_path) as (_, settings):
        assert tallied(read(settings, keep_nodes=True)) == tallied(read(settings))


def test_inside_a_cluster_the_service_account_is_enough(tmp_path: Path) -> None:
    """Its token and authority from files, the address from the environment; a rotated token is picked up."""
    account = tmp_path / "account"
    account.mkdir()
    with served(SimulatedCluster(nodes=2, pods=8, seed=2), tmp_path, tls=True, token="s3cret") as (server, settings):
        config = json.loads(Path(str(settings.kubeconfig)).read_text())
        authority = config["clusters"][0]["cluster"]["certificate-authority-data"]
        (account / "ca.crt").write_bytes(base64.b64decode(authority))
        port = server.url.rpartition(":")[2]
        inside = replace(NOWHERE, service_host="127.0.0.1", service_port=port, service_account=account)
        (account / "token").write_text("expired")
        with pytest.raises(ClusterRefused, match="401"):
            observe(Settings(cluster="c"), inside)
        (account / "token").write_text("s3cret")
        assert observe(Settings(cluster="c"), inside).tally.pods == 8


def test_a_server_that_is_not_the_one_we_trust_is_refused(tmp_path: Path) -> None:
    """Another authority's certificate: no request is sent, and the error says where to look."""
    with served(SimulatedCluster(nodes=2, pods=8, seed=2), tmp_path, tls=True) as (server, settings):
        path = Path(str(settings.kubeconfig))
        config = json.loads(path.read_text())
        del config["clusters"][0]["cluster"]["certificate-authority-data"]
        path.write_text(json.dumps(config))
        with pytest.raises(ClusterError, match="not to be trusted"):
            read(settings)
        assert list(server.requests) == []
