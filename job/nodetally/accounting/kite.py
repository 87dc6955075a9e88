"""The pass as kite's node list shows it (GET /api/v1/nodes): its own counting, its own shape. Pure.

kite counts every pod bound to the node, whatever its phase, and sums only spec.containers, each quantity rounded up
before it is added; its limits are the node's allocatable. A 0 is a missing key (omitempty).
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from nodetally.accounting.facts import NodeFacts, PodFacts, Usage
from nodetally.accounting.quantity import amount, fitting


class KiteNode(NamedTuple):
    """What kite counts on one node."""

    pods: int = 0
    cpu_millicores: int = 0
    memory_bytes: int = 0


class KiteTally:
    """kite's counting, node by node."""

    def __init__(self) -> None:
        self.nodes: dict[str, KiteNode] = {}

    def add(self, pod: PodFacts) -> None:
        if pod.node:
            pods, cpu, memory = self.nodes.get(pod.node, KiteNode())
            amounts = pod.amounts
            self.nodes[pod.node] = KiteNode(
                pods + 1, cpu + amounts.kite_cpu_millicores, memory + amounts.kite_memory_bytes
            )


def node_metrics(node: NodeFacts, counted: KiteNode, usage: Usage | None) -> dict[str, int]:
    """kite's `metrics` object, in kite's key order; millicores, bytes, counts."""
    allocatable = dict(node.allocatable)
    figures = {
        "cpuUsage": amount("cpu", usage.cpu) if usage else 0,
        "cpuLimit": amount("cpu", allocatable.get("cpu", 0)),
        "cpuRequest": fitting(f"cpu on node {node.name}", counted.cpu_millicores),
        "memoryUsage": amount("memory", usage.memory) if usage else 0,
        "memoryLimit": amount("memory", allocatable.get("memory", 0)),
        "memoryRequest": fitting(f"memory on node {node.name}", counted.memory_bytes),
        "pods": counted.pods,
        "podsLimit": amount("pods", allocatable.get("pods", 0)),
    }
    return {key: value for key, value in figures.items() if value}


def node_list(
    nodes: Iterable[tuple[NodeFacts, Mapping[str, Any]]],
    tally: KiteTally,
    usage: Mapping[str, Usage],
    resource_version: str,
) -> dict[str, Any]:
    """The whole answer: each node as the API server has it, without kind and apiVersion, and its metrics; by name."""
    items = [
        {
            **{key: value[key] for key in ("metadata", "spec", "status") if key in value},
            "metrics": node_metrics(node, tally.nodes.get(node.name, KiteNode()), usage.get(node.name)),
        }
        for node, value in sorted(nodes, key=lambda pair: pair[0].name.encode())
    ]
    metadata = {"resourceVersion": resource_version} if resource_version else {}
    return {"items": items, "metadata": metadata}
