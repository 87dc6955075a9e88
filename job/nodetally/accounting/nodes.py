"""Pods folded into their nodes: tallies, totals, namespaces. Pure; amounts stay exact until the last step."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from types import MappingProxyType
from typing import Protocol

from nodetally.accounting.facts import TERMINAL_PHASES, Amounts, NodeFacts, PodAmounts, PodFacts, Usage
from nodetally.accounting.kite import KiteTally
from nodetally.accounting.quantity import QuantityError, amount, fitting

POD_SLOTS = "pods"  # status.allocatable.pods: a pod takes one slot without requesting it
COUNTS = ("counted", "pending", "terminating", "terminal")
FIGURES = ("capacity", "allocatable", "requests", "limits", "scheduled", "containers", "usage")
ROWS_AT_ONCE = 256  # to add up by columns: a third less time than row by row, and little memory

_figures_of = itemgetter(*FIGURES)


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

    def figures(self, name: str) -> Sequence[int | None]:
        """requests, limits, scheduled, containers of one resource as published integers; QuantityError beyond int64.

        None is unknown: never here, where pods were counted; in a tally that a history told.
        """
        held = self.sums.get(name)
        if held is None:
            return 0, 0, 0, 0
        requests, limits, containers, scheduled = held
        return amount(name, requests), amount(name, limits), fitting(name, scheduled), amount(name, containers)

    def resource(self, name: str) -> dict[str, int | None]:
        """The same by their names."""
        return dict(zip(("requests", "limits", "scheduled", "containers"), self.figures(name), strict=True))


class ToldTally(Tally):
    """What someone else counted: published figures by resource (requests, limits, scheduled, containers).

    None is unknown, of `terminating`, too; `others`: the figures of a resource that is not told. Nothing can be added.
    """

    __slots__ = ("others", "told")

    def __init__(
        self,
        counts: Mapping[str, int | None],
        told: Mapping[str, Sequence[int | None]],
        others: Sequence[int | None] = (0, 0, 0, 0),
    ) -> None:
        super().__init__()
        for name, count in counts.items():
            setattr(self, name, count)
        self.told, self.others = told, others
        self.sums = dict.fromkeys(told, (0, 0, 0, 0))  # its names are what is read of it

    def figures(self, name: str) -> Sequence[int | None]:
        """As told."""
        return self.told.get(name, self.others)


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
            requests, limits, scheduled, containers = tally.figures(name)
            resources[name] = {
                "capacity": capacity.get(name, 0) if capacity else None,
                "allocatable": allocatable.get(name, 0) if allocatable else None,
                "requests": requests,
                "limits": limits,
                "scheduled": scheduled,
                "containers": containers,
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
        self._columns: dict[str, list[tuple[int | None, ...]]] = {}  # by resource: sums so far, then rows to add
        self._rows = 0

    def add(self, row: Mapping[str, Mapping[str, int | None]]) -> None:
        for name, values in row.items():
            rows = self._columns.get(name)
            if rows is None:
                self._columns[name] = [_figures_of(values)]
            else:
                rows.append(_figures_of(values))
        self._rows += 1
        if self._rows % ROWS_AT_ONCE == 0:
            self._add_up()

    def _add_up(self) -> None:
        for rows in self._columns.values():
            rows[:] = [tuple(None if None in column else sum(column) for column in zip(*rows, strict=True))]

    def sums(self) -> dict[str, dict[str, int | None]]:
        """By name, whatever their size."""
        self._add_up()
        return {name: dict(zip(FIGURES, row, strict=True)) for name, (row,) in self._columns.items()}

    def result(self) -> dict[str, dict[str, int | None]]:
        """By name, sorted. Raises QuantityError when a sum leaves 64 bits."""
        sums = self.sums()
        for name, values in sums.items():
            for figure, total in values.items():
                if total is not None:
                    fitting(f"{figure} of {name} over all nodes", total)
        return dict(sorted(sums.items()))


def sum_resources(rows: Iterable[Mapping[str, Mapping[str, int | None]]]) -> dict[str, dict[str, int | None]]:
    """The sums of these rows; see ResourceSums."""
    sums = ResourceSums()
    for row in rows:
        sums.add(row)
    return sums.result()


def place_resources(tally: Tally, figures: Iterable[str]) -> dict[str, dict[str, int | None]]:
    """Resources of a place without capacity of its own: a namespace, the unscheduled, an unknown node."""
    wanted = tuple(figures)
    return {
        name: {figure: values[figure] for figure in wanted}
        for name, values in ((name, tally.resource(name)) for name in sorted(tally.sums))
    }
