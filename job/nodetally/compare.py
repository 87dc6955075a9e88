"""Two snapshots in, what changed between them out. Pure: no clock, no store; unknown never becomes a number."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

Document = Mapping[str, Any]
NODE_FIGURES = ("allocatable", "requests", "limits", "usage")
PLACE_FIGURES = ("requests", "limits")  # places without capacity of their own: namespaces, unscheduled
POD_COUNTS = ("counted", "pending", "terminating", "terminal", "allocatable")
STATES = (
    "ready",
    "cordoned",
    "schedulable",  # ready and not cordoned
    "conditions",
    "taints",
    "pool",
    "roles",
    "capacity_type",
    "instance_type",
    "region",
    "zone",
    "architecture",
    "os_image",
    "kubelet_version",
    "labels",
)


class Delta(NamedTuple):
    """One integer that is not the same on both sides; None is unknown. `resource` is "pods" for counts of pods."""

    resource: str
    figure: str
    before: int | None
    after: int | None

    @property
    def value(self) -> int | None:
        """after − before; None where a side is unknown."""
        return None if self.before is None or self.after is None else self.after - self.before


class StateChange(NamedTuple):
    """One field of a node, as the snapshot has it, that is not the same on both sides."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True)
class NodeChange:
    """A node that is on both sides; recreated if the name came back with another uid."""

    before: Document
    after: Document
    deltas: tuple[Delta, ...]
    states: tuple[StateChange, ...]
    recreated: bool = False

    @property
    def name(self) -> str:
        return str(self.after["name"])

    @property
    def weight(self) -> tuple[bool, Fraction]:
        """What sorts first: a change of ready or cordoned, then the largest share of allocatable that moved."""
        urgent = any(state.field in ("ready", "cordoned") for state in self.states)
        return urgent, max((_share(delta, self.after, self.before) for delta in self.deltas), default=Fraction(0))

    def usage_share(self) -> Fraction:
        """The largest share of allocatable by which a measured usage moved."""
        moved = [_share(delta, self.after, self.before) for delta in self.deltas if delta.figure == "usage"]
        return max(moved, default=Fraction(0))


class PlaceChange(NamedTuple):
    """A namespace, an unknown node, or the unscheduled: pods and amounts that moved."""

    name: str
    deltas: tuple[Delta, ...]


@dataclass(frozen=True)
class Comparison:
    """All that is not the same between two snapshots. Nodes and namespaces: the largest change first."""

    before: Document
    after: Document
    nodes: tuple[Delta, ...]  # count, ready, schedulable
    totals: tuple[Delta, ...]
    came: tuple[Document, ...]
    went: tuple[Document, ...]
    recreated: tuple[NodeChange, ...]
    changed: tuple[NodeChange, ...]
    unchanged: int
    namespaces: tuple[PlaceChange, ...] | None  # None: a side does not know its namespaces
    unscheduled: tuple[Delta, ...]
    unknown_nodes: tuple[PlaceChange, ...]

    def __bool__(self) -> bool:
        """Whether anything changed at all."""
        sides = (self.nodes, self.totals, self.came, self.went, self.recreated, self.changed)
        return any((*sides, self.namespaces, self.unscheduled, self.unknown_nodes))


def compare(before: Document, after: Document) -> Comparison:
    """What changed from one snapshot to another. A node is the same if name and uid are; an unknown uid is no other."""
    olds, news = _by_name(before["nodes"]), _by_name(after["nodes"])
    pairs = [_node_change(olds[name], news[name]) for name in news if name in olds]
    changes = sorted((pair for pair in pairs if pair), key=lambda change: change.weight, reverse=True)
    return Comparison(
        before=before,
        after=after,
        nodes=tuple(_counts(before["totals"]["nodes"], after["totals"]["nodes"], "nodes")),
        totals=tuple(_deltas(before["totals"], after["totals"], NODE_FIGURES)),
        came=tuple(node for name, node in news.items() if name not in olds),
        went=tuple(node for name, node in olds.items() if name not in news),
        recreated=tuple(change for change in changes if change.recreated),
        changed=tuple(change for change in changes if not change.recreated),
        unchanged=pairs.count(None),
        namespaces=_namespaces(before, after),
        unscheduled=tuple(_deltas(before["unscheduled"] or {}, after["unscheduled"] or {}, PLACE_FIGURES)),
        unknown_nodes=_places(before["unknown_nodes"] or (), after["unknown_nodes"] or (), after),
    )


def _by_name(rows: Iterable[Document]) -> dict[str, Document]:
    return {row["name"]: row for row in rows}


def _node_change(before: Document, after: Document) -> NodeChange | None:
    deltas = tuple(_deltas(before, after, NODE_FIGURES))
    states = tuple(_states(before, after))
    recreated = before.get("uid") != after.get("uid") and bool(before.get("uid") and after.get("uid"))
    return NodeChange(before, after, deltas, states, recreated) if deltas or states or recreated else None


def _states(before: Document, after: Document) -> Iterator[StateChange]:
    for field in STATES:
        old, new = before.get(field), after.get(field)
        if old != new:
            yield StateChange(field, old, new)


def _deltas(before: Document, after: Document, figures: Iterable[str]) -> Iterator[Delta]:
    """Pods first, then resource by resource; cpu and memory before the others."""
    yield from _counts(before.get("pods", {}), after.get("pods", {}), "pods")
    olds, news = before.get("resources", {}), after.get("resources", {})
    for name in sorted({*olds, *news} - {"pods"}, key=lambda name: (name != "cpu", name != "memory", name)):
        for figure in figures:
            old, new = _figure(olds, name, figure), _figure(news, name, figure)
            if old != new:
                yield Delta(name, figure, old, new)


def _counts(before: Document, after: Document, what: str) -> Iterator[Delta]:
    names = POD_COUNTS if what == "pods" else ("count", "ready", "schedulable")
    for name in names:
        old, new = before.get(name, 0), after.get(name, 0)
        if old != new:
            yield Delta(what, name, old, new)


def _figure(resources: Document, name: str, figure: str) -> int | None:
    """A figure; of a resource that is not there: 0, but unknown for usage and where a node has reported nothing."""
    if name in resources:
        value: int | None = resources[name].get(figure)
        return value
    if figure == "usage":
        return None
    silent = figure == "allocatable" and all(row.get(figure) is None for row in resources.values())
    return None if silent and resources else 0


def _share(delta: Delta, *sides: Document) -> Fraction:
    """How much of the allocatable (the first side that has any) moved: nothing if unknown, all if nobody has any."""
    if delta.value is None:
        return Fraction(0)
    for side in sides:
        of = _whole(delta, side)
        if of:
            return Fraction(abs(delta.value), of)
    return Fraction(1)


def _whole(delta: Delta, side: Document) -> int | None:
    if delta.resource == "pods":
        whole: int | None = side["pods"].get("allocatable") or side["pods"].get("counted")
        return whole
    return _figure(side["resources"], delta.resource, "allocatable")


def _namespaces(before: Document, after: Document) -> tuple[PlaceChange, ...] | None:
    if before["namespaces"] is None or after["namespaces"] is None:
        return None
    return _places(before["namespaces"], after["namespaces"], after)


def _places(before: Iterable[Document], after: Iterable[Document], whole: Document) -> tuple[PlaceChange, ...]:
    olds, news = _by_name(before), _by_name(after)
    changes = [
        PlaceChange(name, tuple(_deltas(olds.get(name, {}), news.get(name, {}), PLACE_FIGURES)))
        for name in sorted({*olds, *news})
    ]
    totals = whole["totals"]
    kept = [change for change in changes if change.deltas]
    kept.sort(key=lambda change: max(_share(delta, totals) for delta in change.deltas), reverse=True)
    return tuple(kept)


def as_document(comparison: Comparison) -> dict[str, Any]:
    """The comparison as JSON: integers in the snapshot's units, null for unknown."""
    return {
        "from": _side(comparison.before),
        "to": _side(comparison.after),
        "totals": {"nodes": _amounts(comparison.nodes).get("nodes", {}), **_split(comparison.totals)},
        "nodes": {
            "came": list(comparison.came),
            "went": list(comparison.went),
            "recreated": [_node_document(change) for change in comparison.recreated],
            "changed": [_node_document(change) for change in comparison.changed],
            "unchanged": comparison.unchanged,
        },
        "namespaces": None if comparison.namespaces is None else [_place(change) for change in comparison.namespaces],
        "unscheduled": _split(comparison.unscheduled),
        "unknown_nodes": [_place(change) for change in comparison.unknown_nodes],
    }


def _side(document: Document) -> dict[str, Any]:
    return {name: document[name] for name in ("cluster", "slot", "taken_at", "trigger")} | {
        "source": document["source"]["kind"],
        "usage": document["usage"]["status"],
    }


def _node_document(change: NodeChange) -> dict[str, Any]:
    states = {state.field: {"from": state.before, "to": state.after} for state in change.states}
    uids = {"uid": {"from": change.before.get("uid"), "to": change.after.get("uid")}} if change.recreated else {}
    return {"name": change.name, **_split(change.deltas), "state": uids | states}


def _place(change: PlaceChange) -> dict[str, Any]:
    return {"name": change.name, **_split(change.deltas)}


def _split(deltas: Iterable[Delta]) -> dict[str, Any]:
    amounts = _amounts(deltas)
    return {"pods": amounts.pop("pods", {}), "resources": amounts}


def _amounts(deltas: Iterable[Delta]) -> dict[str, dict[str, dict[str, int | None]]]:
    amounts: dict[str, dict[str, dict[str, int | None]]] = {}
    for delta in deltas:
        figures = amounts.setdefault(delta.resource, {})
        figures[delta.figure] = {"from": delta.before, "to": delta.after, "delta": delta.value}
    return amounts
