"""Pods folded into their nodes: tallies, totals, namespaces. Pure; amounts stay exact until the last step."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from nodetally.accounting.facts import NodeFacts, PodFacts
from nodetally.accounting.quantity import QuantityError, amount

POD_SLOTS = "pods"  # status.allocatable.pods: a pod takes one slot without requesting it
COUNTS = ("counted", "pending", "terminating", "terminal")
FIGURES = ("capacity", "allocatable", "requests", "limits", "scheduled", "containers", "usage")


class Tally:
    """What the pods of one place (a node, a namespace, nowhere) come to. Order of pods never matters."""

    __slots__ = ("containers", "counts", "kite_cpu", "kite_memory", "kite_pods", "limits", "requests", "scheduled")

    def __init__(self) -> None:
        self.counts = dict.fromkeys(COUNTS, 0)
        self.requests: dict[str, int] = {}
        self.limits: dict[str, int] = {}
        self.containers: dict[str, int] = {}
        self.scheduled: dict[str, int] = {}
        self.kite_pods = self.kite_cpu = self.kite_memory = 0

    def add(self, pod: PodFacts) -> None:
        """Count one pod; a terminal one is only counted as such (and by kite, which counts any phase)."""
        amounts = pod.amounts
        self.kite_pods += 1
        self.kite_cpu += amounts.kite_cpu_millicores
        self.kite_memory += amounts.kite_memory_bytes
        counts = self.counts
        if pod.terminal:
            counts["terminal"] += 1
            return
        counts["counted"] += 1
        if pod.phase == "Pending":
            counts["pending"] += 1
        if pod.terminating:
            counts["terminating"] += 1
        for total, parts in (
            (self.requests, amounts.requests),
            (self.limits, amounts.limits),
            (self.containers, amounts.containers),
            (self.scheduled, amounts.scheduled),
        ):
            for name, value in parts:
                total[name] = total.get(name, 0) + value

    def names(self) -> set[str]:
        """Every resource that a counted pod asks for."""
        return {*self.requests, *self.limits, *self.scheduled, *self.containers}

    def resource(self, name: str, figures: Iterable[str]) -> dict[str, int]:
        """The published integers of one resource; QuantityError beyond int64."""
        sums = {"requests": self.requests, "limits": self.limits, "containers": self.containers}
        return {
            figure: self.scheduled.get(name, 0) if figure == "scheduled" else amount(name, sums[figure].get(name, 0))
            for figure in figures
        }


class ClusterTally:
    """All pods of a pass, by node and by namespace; filled one pod at a time, so memory does not grow with pods.

    Namespaces hold the pods that are bound to a node, so that namespaces and nodes come to the same sums.
    """

    def __init__(self) -> None:
        self.nodes: dict[str, Tally] = {}
        self.namespaces: dict[str, Tally] = {}
        self.unscheduled = Tally()
        self.pods = 0

    def add(self, pod: PodFacts) -> None:
        self.pods += 1
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


class Usage(NamedTuple):
    """What metrics.k8s.io measured on one node."""

    cpu: int  # nano-units
    memory: int  # nano-units


def node_resources(node: NodeFacts, tally: Tally, usage: Usage | None) -> dict[str, dict[str, int | None]]:
    """One entry per name in allocatable ∪ capacity ∪ what the pods ask for; see FIGURES.

    A name that a node's own list does not hold counts as 0, as the scheduler has it (framework/types.go:510-513); a
    node that lists nothing at all (its kubelet has not reported yet) is unknown: None. An empty allocatable means
    capacity, as the API server defaults it and `kubectl describe node` reads it (describe.go:4061-4064).
    """
    capacity, allocatable = dict(node.capacity), dict(node.allocatable or node.capacity)
    measured = {} if usage is None else usage._asdict()
    resources: dict[str, dict[str, int | None]] = {}
    for name in sorted({*capacity, *allocatable, *tally.names()}):
        try:
            resources[name] = {
                "capacity": amount(name, capacity.get(name, 0)) if capacity else None,
                "allocatable": amount(name, allocatable.get(name, 0)) if allocatable else None,
                **tally.resource(name, FIGURES[2:6]),
                "usage": amount(name, measured[name]) if name in measured else None,
            }
        except QuantityError as error:
            raise QuantityError(f"node {node.name}: {error}") from error
    return resources


def sum_resources(rows: Iterable[Mapping[str, Mapping[str, int | None]]]) -> dict[str, dict[str, int | None]]:
    """Figures added over nodes; unknown (None) in one row makes the sum unknown.

    A resource that a row does not have adds 0, but for usage, which nobody measured there.
    """
    rows = list(rows)
    totals: dict[str, dict[str, int | None]] = {}
    for name in sorted({name for row in rows for name in row}):
        totals[name] = {figure: _sum_figure(rows, name, figure) for figure in FIGURES}
    return totals


def _sum_figure(rows: list[Mapping[str, Mapping[str, int | None]]], name: str, figure: str) -> int | None:
    total = 0
    for row in rows:
        if name not in row:
            continue
        value = row[name][figure]
        if value is None:
            return None
        total += value
    return total


def place_resources(tally: Tally, figures: Iterable[str]) -> dict[str, dict[str, int]]:
    """Resources of a place without capacity of its own: a namespace, the unscheduled, an unknown node."""
    return {name: tally.resource(name, figures) for name in sorted(tally.names())}
