"""Kinds of machine and what a kubelet makes of them: capacity, allocatable. Data and arithmetic; no randomness."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from nodetally.simulate.fleet.shapes import GPU, HUGE, NodeClass

SIZES = (2, 4, 8, 16, 32, 48, 64, 96, 128, 192)  # cpus; what the clouds sell
FAMILIES = {2: "compute", 4: "general", 8: "memory"}  # GiB per cpu
SMALL_NODE_CPUS = 30  # below, EKS allows 110 pods a node, else 250 (its max-pods calculator, prefix delegation)
NODES_PER_GPU_NODE, NODES_PER_HUGE_NODE = 25, 40
UNITS: Mapping[NodeClass, int] = {"general": 0, "gpu": 4, "hugepages": 4}  # GPUs or GiB of huge pages on one node
SPECIAL_SHARE = 0.8  # of those are taken
HUGE_BYTES = 4 << 30  # set aside as 2 MiB pages on nodes of that class
_SEEN_OF_MEMORY = 0.965  # of the memory that is sold, the kernel shows about so much
_GIB_IN_KI = 1 << 20


@dataclass(frozen=True)
class Machine:
    """A kind of node."""

    cpus: int
    gib_per_cpu: int
    node_class: NodeClass
    max_pods: int
    gpus: int

    @property
    def memory_ki(self) -> int:
        return int(self.cpus * self.gib_per_cpu * _GIB_IN_KI * _SEEN_OF_MEMORY)

    @property
    def allocatable_millicores(self) -> int:
        """6 % of the first cpu are reserved, 1 % of the second, 0.5 % of two more, 0.25 % of the rest."""
        reserved = 60 + 10 + 5 * min(self.cpus - 2, 2) + 2.5 * max(self.cpus - 4, 0)
        return int(1000 * self.cpus - reserved)

    @property
    def allocatable_memory_ki(self) -> int:
        """255 MiB and 11 MiB for each possible pod are reserved, and 100 MiB below which the kubelet evicts."""
        huge = HUGE_BYTES >> 10 if self.node_class == "hugepages" else 0
        return self.memory_ki - (255 + 11 * self.max_pods + 100) * 1024 - huge

    def capacity(self) -> Mapping[str, str]:
        return self._resources(str(self.cpus), self.memory_ki, "104779756Ki")

    def allocatable(self) -> Mapping[str, str]:
        return self._resources(f"{self.allocatable_millicores}m", self.allocatable_memory_ki, "95491281146")

    def _resources(self, cpu: str, memory_ki: int, storage: str) -> Mapping[str, str]:
        huge = "4Gi" if self.node_class == "hugepages" else "0"
        found = {"cpu": cpu, "ephemeral-storage": storage, "hugepages-1Gi": "0", HUGE: huge, "memory": f"{memory_ki}Ki"}
        return found | ({GPU: str(self.gpus)} if self.gpus else {}) | {"pods": str(self.max_pods)}


class Pool(NamedTuple):
    """Nodes that were ordered together."""

    name: str  # of six characters, since it is part of node names on some clouds
    machine: Machine
    spot: bool
    karpenter: bool  # made by Karpenter, not by a node group; EKS only


def most_special(nodes: int) -> dict[NodeClass, int]:
    """How many nodes may have GPUs or huge pages."""
    return {"gpu": nodes // NODES_PER_GPU_NODE, "hugepages": nodes // NODES_PER_HUGE_NODE}


def max_pods(cpus: int, pods_per_node: float) -> int:
    """How many pods a node of that size may run; more where a simulation packs more on every node."""
    usual = 58 if cpus <= SIZES[1] else 110 if cpus < SMALL_NODE_CPUS else 250
    return max(usual, int(pods_per_node * 1.3 / 10 + 1) * 10) if pods_per_node * 1.2 > usual else usual
