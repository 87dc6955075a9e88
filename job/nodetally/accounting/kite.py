"""The pass as kite's node list shows it (GET /api/v1/nodes): its own counting, its own shape. Pure.

kite counts every pod bound to the node, whatever its phase, and sums only spec.containers, each quantity rounded up
before it is added; its limits are the node's allocatable. A 0 is a missing key (omitempty).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from nodetally.accounting.facts import NodeFacts
from nodetally.accounting.nodes import Tally, Usage
from nodetally.accounting.quantity import amount


def node_metrics(node: NodeFacts, tally: Tally, usage: Usage | None) -> dict[str, int]:
    """kite's `metrics` object, in kite's key order; millicores, bytes, counts."""
    allocatable = dict(node.allocatable)
    figures = {
        "cpuUsage": amount("cpu", usage.cpu) if usage else 0,
        "cpuLimit": amount("cpu", allocatable.get("cpu", 0)),
        "cpuRequest": tally.kite_cpu,
        "memoryUsage": amount("memory", usage.memory) if usage else 0,
        "memoryLimit": amount("memory", allocatable.get("memory", 0)),
        "memoryRequest": tally.kite_memory,
        "pods": tally.kite_pods,
        "podsLimit": amount("pods", allocatable.get("pods", 0)),
    }
    return {key: value for key, value in figures.items() if value}


def node_list(
    nodes: Iterable[tuple[NodeFacts, Mapping[str, Any]]],
    tallies: Mapping[str, Tally],
    usage: Mapping[str, Usage],
    resource_version: str,
) -> dict[str, Any]:
    """The whole answer: each node as the API server has it, without kind and apiVersion, and its metrics; by name."""
    items = [
        {
            **{key: value[key] for key in ("metadata", "spec", "status") if key in value},
            "metrics": node_metrics(node, tallies.get(node.name) or Tally(), usage.get(node.name)),
        }
        for node, value in sorted(nodes, key=lambda pair: pair[0].name.encode())
    ]
    metadata = {"resourceVersion": resource_version} if resource_version else {}
    return {"metadata": metadata, "items": items}
