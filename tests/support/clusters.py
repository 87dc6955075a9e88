"""Small clusters for tests: objects as an API server holds them, served by the simulator, and read as a pass reads."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nodetally.cluster.observation import Observation
from nodetally.collect import observe
from nodetally.settings import Settings, Surroundings
from nodetally.simulate.behaviour import Behaviour
from nodetally.simulate.cluster import SimulatedCluster
from nodetally.simulate.faults import Fault
from nodetally.simulate.server import Simulator, serving

Json = dict[str, Any]
METRICS = "/apis/metrics.k8s.io/v1beta1/nodes"
NOWHERE = Surroundings(None, Path("/nonexistent"), None, "443", Path("/nonexistent"), None, "")


def node(name: str, labels: Mapping[str, str] | None = None, *, ready: bool = True, **allocatable: str) -> Json:
    """A node; allocatable is its capacity, too."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": dict(labels or {})},
        "spec": {},
        "status": {
            "capacity": allocatable,
            "allocatable": allocatable,
            "conditions": [{"type": "Ready", "status": str(ready)}],
        },
    }


def pod(
    name: str,
    node_name: str | None = None,
    namespace: str = "default",
    *,
    labels: Mapping[str, str] | None = None,
    phase: str = "Running",
    containers: Sequence[tuple[str, str, str]] = (),
    **requests: str,
) -> Json:
    """A pod of one container with these requests, or of several given as (name, cpu, memory)."""
    asked = [(each, {"cpu": cpu, "memory": memory}) for each, cpu, memory in containers] or [("app", requests)]
    spec: Json = {"containers": [{"name": each, "image": "x", "resources": {"requests": what}} for each, what in asked]}
    if node_name:
        spec["nodeName"] = node_name
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace} | ({"labels": dict(labels)} if labels else {}),
        "spec": spec,
        "status": {"phase": phase},
    }


@contextmanager
def served(
    cluster: SimulatedCluster, folder: Path, behaviour: Behaviour | None = None, **options: Any
) -> Iterator[tuple[Simulator, Settings]]:
    """The cluster behind its API, and settings that lead to it."""
    with serving(cluster, behaviour, **options) as server:
        kubeconfig = folder / "kubeconfig"
        server.write_kubeconfig(kubeconfig)
        yield server, Settings(cluster="c", kubeconfig=str(kubeconfig), timeout_seconds=60)


def read(settings: Settings, *, keep_nodes: bool = False) -> Observation:
    return observe(settings, NOWHERE, keep_nodes=keep_nodes)


def measured(usage: Mapping[str, tuple[str, str]]) -> Fault:
    """The metrics API answering with exactly this cpu and memory of each node."""
    from datetime import UTC, datetime

    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    items = [
        {"metadata": {"name": name}, "timestamp": now, "window": "15s", "usage": {"cpu": cpu, "memory": memory}}
        for name, (cpu, memory) in usage.items()
    ]
    body = json.dumps({"kind": "NodeMetricsList", "apiVersion": "metrics.k8s.io/v1beta1", "items": items})
    return Fault(METRICS, status=200, body=body, content_type="application/json", times=None)
