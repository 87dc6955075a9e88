"""Workloads and machines in, a node for every pod out; what fits nowhere stays without one."""

from array import array
from collections.abc import Sequence
from itertools import chain
from random import Random

from nodetally.simulate.fleet.machines import UNITS, Machine
from nodetally.simulate.fleet.shapes import SHAPES, NodeClass, State
from nodetally.simulate.fleet.workloads import DEMANDS, Demand, Workload

FILL_RANGE = (0.55, 0.90)  # how full nodes are, each to a share of its own; more only where pods find no other room
UNPLACED = -1
_TRIES = 24  # nodes looked at before the next best is good enough
_NOTHING = Demand(0, 0, 0)


class Placement:
    """Puts pods on nodes, each node up to a share of its own; what fits nowhere stays without a node."""

    def __init__(self, machines: Sequence[Machine], random: Random) -> None:
        self._random = random
        self._cpu = [machine.allocatable_millicores for machine in machines]
        self._memory = [machine.allocatable_memory_ki << 10 for machine in machines]
        self._pods = [machine.max_pods for machine in machines]
        self._units = [UNITS[machine.node_class] for machine in machines]
        slack = [1 - random.uniform(*FILL_RANGE) for _ in machines]
        self._reserve = [
            (int(cpu * share), int(memory * share))
            for cpu, memory, share in zip(self._cpu, self._memory, slack, strict=True)
        ]
        self._of_class: dict[NodeClass, list[int]] = {name: [] for name in UNITS}
        for index, machine in enumerate(machines):
            self._of_class[machine.node_class].append(index)

    def place(self, workloads: Sequence[Workload], states: Sequence[list[State]]) -> "array[int]":
        """A node for each pod in the workloads' order; UNPLACED where there is none, and then so is its state."""
        nodes = [array("i", [UNPLACED]) * workload.count for workload in workloads]
        order = list(range(len(workloads)))
        self._random.shuffle(order)
        order.sort(key=lambda index: SHAPES[workloads[index].shape].owner != "DaemonSet")  # they come first
        for index in order:
            self._place_workload(workloads[index], states[index], nodes[index])
        return array("i", chain.from_iterable(nodes))

    def _place_workload(self, workload: Workload, states: list[State], nodes: "array[int]") -> None:
        shape, need = SHAPES[workload.shape], DEMANDS[workload.shape]
        candidates = self._of_class[shape.node_class]
        start = self._random.randrange(len(candidates)) if candidates else 0
        for ordinal, state in enumerate(states):
            if state == State.UNSCHEDULED:
                continue
            if shape.owner == "DaemonSet":
                node = ordinal
                self._take(node, need)
            else:
                node, start = self._find(candidates, start, need if state.takes_room else _NOTHING)
            nodes[ordinal] = node
            if node == UNPLACED:
                states[ordinal] = State.UNSCHEDULED

    def _find(self, candidates: Sequence[int], start: int, need: Demand) -> tuple[int, int]:
        """A node that has room, from a position on, and the position after it; first with the reserve kept."""
        size = len(candidates)
        for keep_reserve in (True, False):
            for step in range(min(size, _TRIES if keep_reserve else 8 * _TRIES)):
                node = candidates[(start + step) % size]
                if self._fits(node, need, keep_reserve=keep_reserve):
                    self._take(node, need)
                    return node, start + step + 1
        return UNPLACED, start

    def _fits(self, node: int, need: Demand, *, keep_reserve: bool) -> bool:
        cpu, memory = self._reserve[node] if keep_reserve else (0, 0)
        return (
            self._cpu[node] - need.millicores >= cpu
            and self._memory[node] - need.memory_bytes >= memory
            and self._pods[node] > 0
            and self._units[node] >= need.units
        )

    def _take(self, node: int, need: Demand) -> None:
        self._cpu[node] -= need.millicores
        self._memory[node] -= need.memory_bytes
        self._pods[node] -= 1
        self._units[node] -= need.units
