"""Numbers of nodes and pods in, what runs on them out: workloads, their pods' states, what each pod requests."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import NamedTuple

from nodetally.accounting.quantity import parse
from nodetally.simulate.fleet.identity import template_hash
from nodetally.simulate.fleet.machines import SPECIAL_SHARE, UNITS, most_special
from nodetally.simulate.fleet.shapes import DAEMONS, GPU, HUGE, SHAPES, Shape, State, amounts, team

DAEMON_SHARE = 0.3  # of all pods; a cluster with few pods a node has fewer daemon sets
PODS_PER_NAMESPACE = 150


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


def _demand(shape: Shape) -> Demand:
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


DEMANDS = [_demand(shape) for shape in SHAPES]


def make_workloads(nodes: int, pods: int, random: Random) -> list[Workload]:
    """So many pods on so many nodes, in key order: daemon sets, then what teams run."""
    found = [*_daemons(nodes, pods, random)]
    left = pods - sum(workload.count for workload in found)
    found += _team_workloads(nodes, pods, left, random)
    return sorted(found, key=lambda workload: f"{workload.namespace}/{workload.prefix}")


def _daemons(nodes: int, pods: int, random: Random) -> Iterator[Workload]:
    number = min(len(DAEMONS), int(pods * DAEMON_SHARE) // nodes) if nodes else 0
    for index, shape in enumerate(DAEMONS[:number]):
        yield Workload(index, shape.namespace, f"{shape.stem}-", template_hash(random), nodes)


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
        unique = template_hash(random)
        prefix = f"{shape.stem}-" if shape.owner == "StatefulSet" else f"{shape.stem}-{unique}-"
        need = count * (DEMANDS[index].units or 1)
        if need > room[shape.node_class] or f"{namespace}/{prefix}" in taken:
            continue
        room[shape.node_class] -= need
        taken.add(f"{namespace}/{prefix}")
        left -= count
        yield Workload(index, namespace, prefix, unique, count)


def make_states(workload: Workload, random: Random) -> list[State]:
    """What each of its pods is doing."""
    chances = SHAPES[workload.shape].states
    states, bounds = list(chances), list(accumulate(chances.values()))
    return [states[bisect_right(bounds, random.random() * bounds[-1])] for _ in range(workload.count)]
