"""Pods folded into their nodes: tallies, totals, namespaces. Pure; amounts stay exact until the last step."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Protocol

from nodetally.accounting.facts import TERMINAL_PHASES, Amounts, NodeFacts, PodAmounts, PodFacts, Usage
from nodetally.accounting.kite import KiteTally
from nodetally.accounting.quantity import QuantityError, amount, fitting

POD_SLOTS = "pods"  # status.allocatable.pods: a pod takes one slot without requesting it
COUNTS = ("counted", "pending", "terminating", "terminal")
FIGURES = ("capacity", "allocatable", "requests", "limits", "scheduled", "containers", "usage")


class Counted(Protocol):
    """All of a pod that a tally looks at."""

    @property
    def phase(self) -> str: ...
    @property
    def terminating(self) -> bool: ...
    @property
    def amounts(self) -> PodAmounts: ...


class Tally:
    """What the pods of one place (a node, a namespace, nowhere) come to. Order of pods never matters.

    One small tuple a resource, because a cluster has thousands of these: requests, limits and containers in nano-units,
    scheduled in published units.
    """

    __slots__ = ("counted", "pending", "sums", "terminal", "terminating")

    def __init__(self) -> None:
        self.counted = self.pending = self.terminating = self.terminal = 0
        self.sums: dict[str, tuple[int, int, int, int]] = {}

    def add(self, pod: Counted, times: int = 1) -> None:
        """Count a pod, or so many alike; a terminal one is only counted as such."""
        if pod.phase in TERMINAL_PHASES:
            self.terminal += times
            return
        self.counted += times
        if pod.phase == "Pending":
            self.pending += times
        if pod.terminating:
            self.terminating += times
        sums = self.sums
        for name, requests, limits, containers, scheduled in pod.amounts.rows:
            if times != 1:
                requests, limits, containers, scheduled = (
                    requests * times,
                    limits * times,
                    containers * times,
                    scheduled * times,
                )
            held = sums.get(name)
            if held is not None:
                sums[name] = (held[0] + requests, held[1] + limits, held[2] + containers, held[3] + scheduled)
            else:
                sums[name] = (requests, limits, containers, scheduled)

    @property
    def counts(self) -> dict[str, int]:
        """Pods by what they count as; see COUNTS."""
        return {name: getattr(self, name) for name in COUNTS}

    def resource(self, name: str) -> dict[str, int]:
        """The published integers of one resource; QuantityError beyond int64."""
        requests, limits, containers, scheduled = self.sums.get(name, (0, 0, 0, 0))
        return {
            "requests": amount(name, requests) if requests else 0,
            "limits": amount(name, limits) if limits else 0,
            "scheduled": fitting(name, scheduled),
            "containers": amount(name, containers) if containers else 0,
        }


class ClusterTally:
    """All pods of a pass, by node and by namespace; filled one pod at a time, so memory does not grow with pods.

    Namespaces hold the pods that are bound to a node, so that namespaces and nodes come to the same sums. `kite` counts
    beside, for kite's view alone.
    """

    def __init__(self, kite: KiteTally | None = None) -> None:
        self.kite = kite
        self.nodes: dict[str, Tally] = {}
        self.namespaces: dict[str, Tally] = {}
        self.unscheduled = Tally()
        self.pods = 0

    def add(self, pod: PodFacts) -> None:
        self.pods += 1
        if self.kite is not None:
            self.kite.add(pod)
        if pod.node:
            tally = self.nodes.get(pod.node)
            if tally is None:
                tally = self.nodes[pod.node] = Tally()
            tally.add(pod)
            if not pod.terminal:
                namespace = self.namespaces.get(pod.namespace)
                if namespace is None:
                    namespace = self.namespaces[pod.namespace] = Tally()
                namespace.add(pod)
        else:
            self.unscheduled.add(pod)


def node_resources(node: NodeFacts, tally: Tally, usage: Usage | None) -> dict[str, dict[str, int | None]]:
    """One entry per name in allocatable ∪ capacity ∪ what the pods ask for; see FIGURES.

    A name that a node's own list does not hold counts as 0, as the scheduler has it (framework/types.go:510-513); a
    node that lists nothing at all (its kubelet has not reported yet) is unknown: None. An empty allocatable means
    capacity, as the API server defaults it and `kubectl describe node` reads it (describe.go:4061-4064).
    """
    capacity, allocatable = _published(node.capacity), _published(node.allocatable or node.capacity)
    measured = {} if usage is None else usage._asdict()
    resources: dict[str, dict[str, int | None]] = {}
    for name in sorted({*capacity, *allocatable, *tally.sums}):
        try:
            resources[name] = {
                "capacity": capacity.get(name, 0) if capacity else None,
                "allocatable": allocatable.get(name, 0) if allocatable else None,
                **tally.resource(name),
                "usage": amount(name, measured[name]) if name in measured else None,
            }
        except QuantityError as error:
            raise QuantityError(f"node {node.name}: {error}") from error
    return resources


@lru_cache(maxsize=1024)  # nodes of one machine type list the same
def _published(amounts: Amounts) -> Mapping[str, int]:
    """What a node lists, as published integers; reading the node has shown that they fit."""
    return MappingProxyType({name: amount(name, nanos) for name, nanos in amounts})


class ResourceSums:
    """Figures added over nodes, row by row; unknown (None) in one row makes the sum unknown.

    A resource that a row does not have adds 0.
    """

    def __init__(self) -> None:
        self.sums: dict[str, dict[str, int | None]] = {}

    def add(self, row: Mapping[str, Mapping[str, int | None]]) -> None:
        for name, values in row.items():
            sums = self.sums.get(name)
            if sums is None:
                self.sums[name] = {figure: values[figure] for figure in FIGURES}
                continue
            for figure in FIGURES:
                total, value = sums[figure], values[figure]
                sums[figure] = None if total is None or value is None else total + value

    def result(self) -> dict[str, dict[str, int | None]]:
        """By name. Raises QuantityError when a sum leaves 64 bits."""
        for name, sums in self.sums.items():
            for figure, total in sums.items():
                if total is not None:
                    fitting(f"{figure} of {name} over all nodes", total)
        return dict(sorted(self.sums.items()))


def sum_resources(rows: Iterable[Mapping[str, Mapping[str, int | None]]]) -> dict[str, dict[str, int | None]]:
    """The sums of these rows; see ResourceSums."""
    sums = ResourceSums()
    for row in rows:
        sums.add(row)
    return sums.result()


def place_resources(tally: Tally, figures: Iterable[str]) -> dict[str, dict[str, int]]:
    """Resources of a place without capacity of its own: a namespace, the unscheduled, an unknown node."""
    wanted = tuple(figures)
    return {
        name: {figure: values[figure] for figure in wanted}
        for name, values in ((name, tally.resource(name)) for name in sorted(tally.sums))
    }
