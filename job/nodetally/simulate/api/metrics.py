"""Nodes and pods in, what metrics-server would have measured of them out: from the seed, so the same each time.

Only the times are the clock's: `now` is an argument. Nothing here is a model of load; the numbers are plausible.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from typing import Any

from nodetally.accounting.quantity import parse
from nodetally.simulate.objects.encoding import time_text
from nodetally.simulate.objects.item import Item, StoredObject, document

AGE_SECONDS = 9  # of a measurement: something between none and the window
WINDOW = "15.037s"  # metrics-server's resolution is 15 s (manifests/base/deployment.yaml)


@dataclass(frozen=True)
class Meter:
    """Measures; `now` is in seconds since 1970."""

    seed: int
    missing: int  # so many nodes, the first by name, have no measurement
    now: int

    def nodes(self, nodes: Iterable[Item]) -> Iterator[StoredObject]:
        """A NodeMetrics for each node that has a measurement."""
        return (self._node(node) for node in islice(nodes, self.missing, None))

    def pods(self, pods: Iterable[Item]) -> Iterator[StoredObject]:
        """A PodMetrics for each running pod."""
        return (self._pod(pod) for pod in pods if pod.phase == "Running" and pod.node_name)

    def _node(self, node: Item) -> StoredObject:
        status = document(node).get("status") or {}
        allocatable = status.get("allocatable") or status.get("capacity") or {}
        usage = self._share(f"node/{node.name}", *_amounts(allocatable, "2", "8Gi"))
        return self._measured("NodeMetrics", node, {"usage": usage})

    def _pod(self, pod: Item) -> StoredObject:
        containers = (document(pod).get("spec") or {}).get("containers") or ()
        measured = [self._container(pod, container) for container in containers]
        return self._measured("PodMetrics", pod, {"containers": measured})

    def _container(self, pod: Item, container: dict[str, Any]) -> dict[str, Any]:
        requests = (container.get("resources") or {}).get("requests") or {}
        name = f"pod/{pod.namespace}/{pod.name}/{container['name']}"
        usage = self._share(name, *_amounts(requests, "20m", "64Mi"))
        return {"name": container["name"], "usage": usage}

    def _measured(self, kind: str, item: Item, more: dict[str, Any]) -> StoredObject:
        metadata: dict[str, Any] = {"name": item.name, "creationTimestamp": time_text(self.now)}
        if item.namespace:
            metadata["namespace"] = item.namespace
        if item.labels:
            metadata["labels"] = dict(item.labels)
        times = {"timestamp": time_text(self.now - AGE_SECONDS), "window": WINDOW}
        return StoredObject(kind, {"metadata": metadata, **times, **more})

    def _share(self, name: str, cpu_nanocores: int, memory_bytes: int) -> dict[str, str]:
        """What something uses of what it has: 5 to 75 % of the cpu, 25 to 85 % of the memory."""
        digest = blake2b(f"{self.seed}/{name}".encode(), digest_size=8).digest()
        cpu, memory = int.from_bytes(digest[:4], "big") / 2**32, int.from_bytes(digest[4:], "big") / 2**32
        return _usage((0.05 + 0.70 * cpu) * cpu_nanocores, (0.25 + 0.60 * memory) * memory_bytes)


def _usage(cpu_nanocores: float, memory_bytes: float) -> dict[str, str]:
    """As metrics-server writes it: cpu in nanocores, memory in whole Ki."""
    return {"cpu": f"{int(cpu_nanocores)}n", "memory": f"{int(memory_bytes) >> 10}Ki"}


def _amounts(resources: Mapping[str, str], cpu: str, memory: str) -> tuple[int, int]:
    """Nanocores and bytes of a resource list; `cpu` and `memory` stand in for what it does not name."""
    return parse(resources.get("cpu", cpu)), parse(resources.get("memory", memory)) // 10**9
