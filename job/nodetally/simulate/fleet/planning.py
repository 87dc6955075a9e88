"""Numbers of nodes and pods in, what runs where out: workloads, machines, and a node for every pod. From the seed.

Machines are chosen to fit what is to run on them, so that a node's requests are 50 to 90 % of what it can allocate.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import ceil
from random import Random
from typing import NamedTuple

from nodetally.accounting.quantity import parse
from nodetally.simulate.fleet.machines import FAMILIES, SIZES, Machine, max_pods
from nodetally.simulate.fleet.shapes import DAEMONS, GPU, HUGE, SHAPES, NodeClass, Shape, State, amounts, team

FILL = 0.72  # how full nodes are on average; each has its own share in FILL_RANGE
FILL_RANGE = (0.55, 0.90)
LARGEST_SHARE = 0.6  # of a node that one pod takes at most
USUAL_SHARE = 0.75  # of the nodes have the family that fits best, the others more memory
DAEMON_SHARE = 0.3  # of all pods; a cluster with few pods a node has fewer daemon sets
PODS_PER_NAMESPACE = 150
NODES_PER_GPU_NODE, NODES_PER_HUGE_NODE = 25, 40
UNITS: Mapping[NodeClass, int] = {"general": 0, "gpu": 4, "hugepages": 4}  # GPUs or GiB of huge pages on one node
SPECIAL_SHARE = 0.8  # of those are taken
UNPLACED = -1
_TRIES = 24  # nodes looked at before the next best is good enough


@dataclass
class Workload:
    """Pods of one shape with one owner; their names begin with `prefix`, and `first` is the index of the first."""

    shape: int
    namespace: str
    prefix: str
    hash: str
    count: int
    first: int = 0


class Demand(NamedTuple):
    """What one pod requests; `units` are GPUs or GiB of huge pages."""

    millicores: int
    memory_bytes: int
    units: int


@dataclass
class Plan:
    """All that is decided; pods in key order. `node_of` has UNPLACED for pods without a node."""

    workloads: list[Workload]
    workload_of: "array[int]"
    kind_of: "array[int]"  # shape × len(State) + state
    node_of: "array[int]"
    machines: list[Machine]  # one per node


def kind_number(shape: int, state: int) -> int:
    return shape * len(State) + state


def demand_of(shape: Shape) -> Demand:
    """A pod's requests, near enough to place it: containers and sidecars, or the largest init step; overhead."""
    boxes = [amounts(box.requests) or amounts(box.limits) for box in (*shape.boxes, *shape.sidecars)]
    steps = [amounts(box.requests) for box in shape.init]
    pod, overhead = amounts(shape.pod_requests), amounts(shape.overhead)

    def total(name: str) -> int:
        ordinary = max([sum(_nanos(box, name) for box in boxes), *(_nanos(step, name) for step in steps)])
        return (_nanos(pod, name) or ordinary) + _nanos(overhead, name)

    units = total(GPU) // 10**9 if shape.node_class == "gpu" else total(HUGE) // 10**9 >> 30
    return Demand(total("cpu") // 10**6, total("memory") // 10**9, units)


def _nanos(resources: dict[str, str], name: str) -> int:
    return parse(resources.get(name, "0"))


def make_plan(nodes: int, pods: int, random: Random) -> Plan:
    """The same plan for the same numbers and the same state of `random`."""
    workloads = _workloads(nodes, pods, random)
    states = [_states(workload, random) for workload in workloads]
    machines = _machines(workloads, states, nodes, pods, random)
    node_of, placed_states = _Placement(machines, random).place(workloads, states)
    workload_of, kind_of = array("I"), array("H")
    for index, (workload, found) in enumerate(zip(workloads, placed_states, strict=True)):
        workload.first = len(workload_of)
        workload_of.extend([index] * workload.count)
        kind_of.extend([kind_number(workload.shape, state) for state in found])
    return Plan(workloads, workload_of, kind_of, node_of, machines)


def most_special(nodes: int) -> dict[NodeClass, int]:
    """How many nodes may have GPUs or huge pages."""
    return {"gpu": nodes // NODES_PER_GPU_NODE, "hugepages": nodes // NODES_PER_HUGE_NODE}


def _workloads(nodes: int, pods: int, random: Random) -> list[Workload]:
    found = [*_daemons(nodes, pods, random)]
    left = pods - sum(workload.count for workload in found)
    found += _team_workloads(nodes, pods, left, random)
    return sorted(found, key=lambda workload: f"{workload.namespace}/{workload.prefix}")


def _daemons(nodes: int, pods: int, random: Random) -> Iterator[Workload]:
    number = min(len(DAEMONS), int(pods * DAEMON_SHARE) // nodes) if nodes else 0
    for index, shape in enumerate(DAEMONS[:number]):
        yield Workload(index, shape.namespace, f"{shape.stem}-", _hash(random), nodes)


def _team_workloads(nodes: int, pods: int, left: int, random: Random) -> Iterator[Workload]:
    taken = set[str]()
    room = {name: int(count * UNITS[name] * SPECIAL_SHARE) for name, count in most_special(nodes).items()}
    room["general"] = pods
    namespaces = max(3, min(pods // PODS_PER_NAMESPACE, 400))
    indices = range(len(DAEMONS), len(SHAPES))
    weights = list(accumulate(SHAPES[index].weight for index in indices))
    while left:
        index = random.choices(indices, cum_weights=weights)[0]
        shape, namespace = SHAPES[index], team(random.randrange(namespaces))
        count = min(random.randint(*shape.replicas), left)
        unique = _hash(random)
        prefix = f"{shape.stem}-" if shape.owner == "StatefulSet" else f"{shape.stem}-{unique}-"
        need = count * (demand_of_shape(index).units or 1)
        if need > room[shape.node_class] or f"{namespace}/{prefix}" in taken:
            continue
        room[shape.node_class] -= need
        taken.add(f"{namespace}/{prefix}")
        left -= count
        yield Workload(index, namespace, prefix, unique, count)


_DEMANDS = [demand_of(shape) for shape in SHAPES]
_LETTERS = "2456789bcdfghjklmnpqrstvwxz"  # those of Kubernetes' own random names: no vowels, nothing that looks alike


def demand_of_shape(index: int) -> Demand:
    return _DEMANDS[index]


def _hash(random: Random) -> str:
    return "".join(random.choices(_LETTERS, k=10))


def _states(workload: Workload, random: Random) -> list[State]:
    chances = SHAPES[workload.shape].states
    states, bounds = list(chances), list(accumulate(chances.values()))
    return [states[bisect_right(bounds, random.random() * bounds[-1])] for _ in range(workload.count)]


class Total(NamedTuple):
    """What all pods of a node class request, and the most that one of them does."""

    sum: Demand
    largest: Demand


def _totals(workloads: Sequence[Workload], states: Sequence[Sequence[State]]) -> dict[NodeClass, Total]:
    needs: dict[NodeClass, list[tuple[int, Demand]]] = {name: [] for name in UNITS}
    for workload, found in zip(workloads, states, strict=True):
        need = _DEMANDS[workload.shape]
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


class _Placement:
    """Puts pods on nodes, each node up to a share of its own; what fits nowhere stays without a node."""

    def __init__(self, machines: Sequence[Machine], random: Random) -> None:
        self._random = random
        self._cpu = [machine.allocatable_millicores for machine in machines]
        self._memory = [machine.allocatable_memory_ki << 10 for machine in machines]
        self._pods = [machine.max_pods for machine in machines]
        self._units = [UNITS[machine.node_class] for machine in machines]
        self._slack = [1 - random.uniform(*FILL_RANGE) for _ in machines]
        self._reserve = [
            (int(cpu * slack), int(memory * slack))
            for cpu, memory, slack in zip(self._cpu, self._memory, self._slack, strict=True)
        ]
        self._of_class: dict[str, list[int]] = {"general": [], "gpu": [], "hugepages": []}
        for index, machine in enumerate(machines):
            self._of_class[machine.node_class].append(index)

    def place(
        self, workloads: Sequence[Workload], states: Sequence[list[State]]
    ) -> tuple["array[int]", Sequence[list[State]]]:
        """A node for each pod in the workloads' order, and the states, changed for pods that found no node."""
        nodes = [array("i", [UNPLACED]) * workload.count for workload in workloads]
        order = list(range(len(workloads)))
        self._random.shuffle(order)
        order.sort(key=lambda index: SHAPES[workloads[index].shape].owner != "DaemonSet")  # they come first
        for index in order:
            self._place_workload(workloads[index], states[index], nodes[index])
        found = array("i")
        for each in nodes:
            found.extend(each)
        return found, states

    def _place_workload(self, workload: Workload, states: list[State], nodes: "array[int]") -> None:
        shape, need = SHAPES[workload.shape], _DEMANDS[workload.shape]
        candidates = self._of_class[shape.node_class]
        start = self._random.randrange(len(candidates)) if candidates else 0
        for ordinal, state in enumerate(states):
            if state == State.UNSCHEDULED:
                continue
            if shape.owner == "DaemonSet":
                node = ordinal
                self._take(node, need)
            else:
                node, start = self._find(candidates, start, need if state.takes_room else Demand(0, 0, 0))
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
