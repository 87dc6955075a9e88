"""The reader suite on the simulator, and what only a simulator can do: fail on order."""

import base64
import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clusters import METRICS, NOWHERE, measured, node, read, served
from nodetally.collect import observe
from nodetally.errors import ClusterError, ClusterRefused
from nodetally.settings import Settings
from nodetally.simulate.behaviour import Behaviour
from nodetally.simulate.cluster import SimulatedCluster
from nodetally.simulate.faults import Fault
from nodetally.simulate.tls import make_certificates
from paths import VECTORS
from reader_suite import ReaderSuite, Source, tallied, with_other

JSON_ONLY = Behaviour(protobuf=False)
NEWER_METRICS = Behaviour(metrics_versions=("v1",))


def canonical(item: dict[str, Any]) -> dict[str, Any]:
    """As an API server would hold it: with a uid, and no empty maps, which protobuf cannot tell from absent ones."""
    item["metadata"].setdefault("uid", item["metadata"]["name"])
    for status in item.get("status", {}).get("containerStatuses", []):
        for key in [key for key, value in status.items() if value == {}]:
            del status[key]
        for key in [key for key, value in status.get("resources", {}).items() if value == {}]:
            del status["resources"][key]
    return item


@pytest.fixture(scope="module")
def hard() -> list[dict[str, Any]]:
    """The 40 nodes and 1,500 pods that are hard on every rule; two of the nodes have a label."""
    items = json.loads(gzip.decompress((VECTORS / "cluster.json.gz").read_bytes()))["items"]
    for item in [each for each in items if each["kind"] == "Node"][:2]:
        item["metadata"]["labels"]["pool"] = "gpu"
    return [canonical(item) for item in items]


@pytest.fixture(scope="module")
def source(hard: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    """The simulator, in three moods."""
    cluster = SimulatedCluster.of(hard)
    with (
        served(cluster, tmp_path_factory.mktemp("plain")) as (server, settings),
        served(cluster, tmp_path_factory.mktemp("json"), JSON_ONLY) as (_, json_only),
        served(cluster, tmp_path_factory.mktemp("tls"), tls=True, token="s3cret") as (_, direct),
    ):
        yield Source(server, settings, json_only, direct, hard, "pool=gpu", small_page=97)


class TestSimulator(ReaderSuite):
    """Passes what the real API server passes in tests/cluster."""


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


def test_nothing_is_asked_of_a_server_that_we_do_not_trust(tmp_path: Path) -> None:
    """The certificate is checked before the token leaves us."""
    with served(SimulatedCluster(nodes=2, pods=8, seed=2), tmp_path, tls=True) as (server, settings):
        with pytest.raises(ClusterError, match="not to be trusted"):
            read(with_other(settings, tmp_path, authority=make_certificates().authority))
        assert list(server.requests) == []
