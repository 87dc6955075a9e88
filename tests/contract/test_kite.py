"""kite's own ten scenarios (its node_handler_test.go), read from one list and node by node, and a few more."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clusters import measured, node, pod, read, served
from nodetally.collect import kite_view
from nodetally.simulate.cluster import SimulatedCluster

MI, GI = 1 << 20, 1 << 30
NODE_A = node("node-a", cpu="4000m", memory="8Gi", pods="110")
ASSIGNED = [
    NODE_A,
    node("node-b", cpu="8000m", memory="16Gi", pods="110"),
    pod("p1", "node-a", cpu="500m", memory="128Mi"),
    pod("p2", "node-a", "kube-system", cpu="200m", memory="256Mi"),
    pod("p3", "node-b", cpu="1000m", memory="512Mi"),
    pod("p4", None, cpu="100m", memory="64Mi"),
]
MEASURED = {"node-a": ("1200m", "2Gi"), "node-b": ("3500m", "6Gi")}
LONELY = [node("lonely-node", cpu="4000m", memory="8Gi", pods="110")]
TWO_CONTAINERS = [
    NODE_A,
    pod("p", "node-a", containers=[("sidecar", "200m", "128Mi"), ("app", "300m", "256Mi")]),
]
SHARED = [
    NODE_A,
    pod("p", "node-a", "one", cpu="100m", memory="64Mi"),
    pod("p", "node-a", "two", cpu="200m", memory="128Mi"),
    pod("p", "node-a", "three", cpu="300m", memory="256Mi"),
]


@pytest.fixture(name="kite", params=["one list", "node by node"])
def _kite(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """A function: objects → kite's items, read the one way or the other."""

    def read_items(objects: list[dict[str, Any]], usage: dict[str, tuple[str, str]] | None = None) -> Any:
        with served(SimulatedCluster.of(objects), tmp_path) as (server, settings):
            server.add_fault(measured(usage or {}))
            if request.param == "node by node":
                names = tuple(each["metadata"]["name"] for each in objects if each["kind"] == "Node")
                settings = replace(settings, nodes=names)
            items = kite_view(read(settings, keep_nodes=True))["items"]
            by_node = [path for _, path in server.requests if "spec.nodeName" in path]
            one_list = any(path == "/api/v1/pods" for _, path in server.requests)
            assert one_list or len(by_node) == len(items)
            return items

    return read_items


def metrics(items: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    return {item["metadata"]["name"]: item["metrics"] for item in items}


def test_pods_are_assigned_by_node_name(kite: Any) -> None:
    """PodAssignmentByFieldIndex and Uncached_PodAssignment: every figure of both nodes, the unscheduled pod nowhere."""
    items = kite(ASSIGNED, MEASURED)
    assert [item["metadata"]["name"] for item in items] == ["node-a", "node-b"]
    assert metrics(items) == {
        "node-a": {
            "cpuUsage": 1200,
            "cpuLimit": 4000,
            "cpuRequest": 700,
            "memoryUsage": 2 * GI,
            "memoryLimit": 8 * GI,
            "memoryRequest": 384 * MI,
            "pods": 2,
            "podsLimit": 110,
        },
        "node-b": {
            "cpuUsage": 3500,
            "cpuLimit": 8000,
            "cpuRequest": 1000,
            "memoryUsage": 6 * GI,
            "memoryLimit": 16 * GI,
            "memoryRequest": 512 * MI,
            "pods": 1,
            "podsLimit": 110,
        },
    }


def test_an_empty_cluster_has_no_items(kite: Any) -> None:
    """EmptyCluster and Uncached_EmptyCluster."""
    assert kite([]) == []


def test_a_node_without_pods_has_its_limits(kite: Any) -> None:
    """NodesWithoutPods and Uncached_NodesWithoutPods: zeros are missing keys, the limits are there."""
    assert metrics(kite(LONELY)) == {"lonely-node": {"cpuLimit": 4000, "memoryLimit": 8 * GI, "podsLimit": 110}}


def test_containers_of_a_pod_are_added(kite: Any) -> None:
    """MultipleContainersPerPod and Uncached_MultipleContainersPerPod."""
    found = metrics(kite(TWO_CONTAINERS))["node-a"]
    assert (found["pods"], found["cpuRequest"], found["memoryRequest"]) == (1, 500, 384 * MI)


def test_nodes_are_sorted_by_name(kite: Any) -> None:
    """SortOrder."""
    items = kite([node(name, cpu="1") for name in ("z-node", "a-node", "m-node")])
    assert [item["metadata"]["name"] for item in items] == ["a-node", "m-node", "z-node"]


def test_pods_of_all_namespaces_count(kite: Any) -> None:
    """CrossNamespacePods."""
    found = metrics(kite(SHARED))["node-a"]
    assert (found["pods"], found["cpuRequest"], found["memoryRequest"]) == (3, 600, 448 * MI)


def test_kite_counts_ended_pods_too(kite: Any) -> None:
    """Its own way of counting, which our requests do not share."""
    found = metrics(kite([NODE_A, pod("done", "node-a", phase="Succeeded", cpu="1", memory="1Gi")]))["node-a"]
    assert (found["pods"], found["cpuRequest"]) == (1, 1000)


def test_items_are_the_whole_nodes_without_kind(kite: Any) -> None:
    """As kite inlines a corev1.Node read from a list: metadata, spec, status, then metrics."""
    (item,) = kite(LONELY)
    assert list(item) == ["metadata", "spec", "status", "metrics"]
    assert item["status"]["allocatable"] == {"cpu": "4000m", "memory": "8Gi", "pods": "110"}
