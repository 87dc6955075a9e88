"""Numbers of nodes and pods in, what runs where out: workloads, machines, and a node for every pod. From the seed.

Machines are chosen to fit what is to run on them, so that a node's requests are 50 to 90 % of what it can allocate.
"""

from array import array
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from random import Random
from typing import NamedTuple

from nodetally.simulate.fleet.machines import FAMILIES, SIZES, SPECIAL_SHARE, UNITS, Machine, max_pods, most_special
from nodetally.simulate.fleet.placement import Placement
from nodetally.simulate.fleet.shapes import SHAPES, NodeClass, State
from nodetally.simulate.fleet.workloads import DEMANDS, Demand, Workload, make_states, make_workloads

FILL = 0.72  # how full nodes are on average
LARGEST_SHARE = 0.6  # of a node that one pod takes at most
USUAL_SHARE = 0.75  # of the nodes have the family that fits best, the others more memory


@dataclass
class Plan:
    """All that is decided; pods in key order. `node_of` has UNPLACED for pods without a node."""

    workloads: list[Workload]
    workload_of: "array[int]"
    kind_of: "array[int]"  # shape and state in one number: pods of one kind have one template
    node_of: "array[int]"
    machines: list[Machine]  # one per node

    def workload(self, pod: int) -> Workload:
        return self.workloads[self.workload_of[pod]]

    def state(self, pod: int) -> State:
        return State(self.kind_of[pod] % len(State))


def make_plan(nodes: int, pods: int, random: Random) -> Plan:
    """The same plan for the same numbers and the same state of `random`."""
    workloads = make_workloads(nodes, pods, random)
    states = [make_states(workload, random) for workload in workloads]
    machines = _machines(workloads, states, nodes, pods, random)
    node_of = Placement(machines, random).place(workloads, states)
    workload_of, kind_of = array("I"), array("H")
    for index, (workload, found) in enumerate(zip(workloads, states, strict=True)):
        workload.first = len(workload_of)
        workload_of.extend([index] * workload.count)
        kind_of.extend([workload.shape * len(State) + state for state in found])
    return Plan(workloads, workload_of, kind_of, node_of, machines)


class Total(NamedTuple):
    """What all pods of a node class request, and the most that one of them does."""

    sum: Demand
    largest: Demand


def _totals(workloads: Sequence[Workload], states: Sequence[Sequence[State]]) -> dict[NodeClass, Total]:
    needs: dict[NodeClass, list[tuple[int, Demand]]] = {name: [] for name in UNITS}
    for workload, found in zip(workloads, states, strict=True):
        need = DEMANDS[workload.shape]
        needs[SHAPES[workload.shape].node_class].append((sum(state.takes_room for state in found), need))
    return {name: _total(each) for name, each in needs.items()}


def _total(needs: Sequence[tuple[int, Demand]]) -> Total:
    columns = range(len(Demand._fields))
    summed = (sum(count * need[column] for count, need in needs) for column in columns)
    largest = (max((need[column] for _, need in needs), default=0) for column in columns)
    return Total(Demand(*summed), Demand(*largest))


def _class_counts(nodes: int, totals: Mapping[NodeClass, Total]) -> dict[NodeClass, int]:
    """How many nodes of each class there are: as many special ones as are needed, the rest general."""
    counts: dict[NodeClass, int] = {
        name: min(most, ceil(totals[name].sum.units / UNITS[name] / SPECIAL_SHARE))
        for name, most in most_special(nodes).items()
    }
    counts["general"] = nodes - sum(counts.values())
    return counts


def _machines(
    workloads: Sequence[Workload], states: Sequence[Sequence[State]], nodes: int, pods: int, random: Random
) -> list[Machine]:
    """A machine per node, of a size that fits what is to run on its class."""
    totals = _totals(workloads, states)
    machines: list[Machine] = []
    for name, count in _class_counts(nodes, totals).items():
        if count:
            machines += _class_machines(name, count, totals[name], pods / nodes, random)
    random.shuffle(machines)
    return machines


def _class_machines(name: NodeClass, count: int, total: Total, density: float, random: Random) -> list[Machine]:
    """Machines of two sizes that have together what is wanted; some have more memory than they need."""
    cpus = max(total.sum.millicores / count / FILL, total.largest.millicores / LARGEST_SHARE) / 1000
    gib = max(total.sum.memory_bytes / count / FILL, total.largest.memory_bytes / LARGEST_SHARE) / 2**30
    ratio = next((each for each in FAMILIES if gib <= cpus * each), max(FAMILIES))
    wanted = min(max(cpus, gib / ratio, SIZES[0]), SIZES[-1])
    at = bisect_right(SIZES, wanted)
    low, high = SIZES[at - 1], SIZES[min(at, len(SIZES) - 1)]
    large = ceil(count * (wanted - low) / (high - low)) if high > low else 0
    sizes = [high] * large + [low] * (count - large)
    gpus = UNITS["gpu"] if name == "gpu" else 0
    ratios = (ratio if random.random() < USUAL_SHARE else min(2 * ratio, max(FAMILIES)) for _ in sizes)
    return [Machine(size, each, name, max_pods(size, density), gpus) for size, each in zip(sizes, ratios, strict=True)]
