"""A comparison in, its lines out: totals, nodes that came and went, what changed in the others, namespaces."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any, NamedTuple

from nodetally.cli.rendering import grid
from nodetally.cli.rendering.bars import Segments
from nodetally.cli.rendering.notes import no_room, wrapped
from nodetally.cli.rendering.paint import Paint
from nodetally.cli.rendering.text import (
    ABSENT,
    UNKNOWN,
    amount,
    amount_with_unit,
    count,
    harmless,
    signed,
)
from nodetally.compare import Comparison, Delta, Document, NodeChange, PlaceChange, StateChange
from nodetally.times import format_age

LISTED = 40  # rows of a section without --all: what fits on a screen, and the largest come first
NOTABLE_USAGE = Fraction(1, 10)  # of allocatable; usage moves a little on every node all the time

# Columns of the changed nodes in their order, with what is dropped first where width runs out.
_FIGURES = {
    ("pods", "counted"): 1,
    ("cpu", "requests"): 2,
    ("cpu", "limits"): 5,
    ("cpu", "allocatable"): 6,
    ("cpu", "usage"): 4,
    ("memory", "requests"): 3,
    ("memory", "limits"): 5,
    ("memory", "allocatable"): 6,
    ("memory", "usage"): 4,
}
_CORDON_WORDS = {True: "+SchedulingDisabled", False: "−SchedulingDisabled", None: "unknown whether cordoned"}
_STATE_WORDS = {True: "Ready", False: "NotReady", None: "Unknown"}


class Cut(NamedTuple):
    """How much is shown, on what."""

    paint: Paint
    everything: bool = False

    def rows(self, rows: Sequence[Any]) -> Sequence[Any]:
        return rows if self.everything else rows[:LISTED]

    def text(self, text: str) -> str:
        return harmless(text, ascii_only=self.paint.ascii_only)

    def more(self, hidden: int, noun: str, why: str = "") -> list[Segments]:
        """What is not shown, and how to see it."""
        return (
            [((f"  and {hidden:,} more {noun}{'' if hidden == 1 else 's'}{why}: --all", "dim"),)] if hidden > 0 else []
        )


def change_lines(comparison: Comparison, paint: Paint, *, everything: bool = False) -> list[Segments]:
    """All lines of a comparison; the cut is said where there is one."""
    cut = Cut(paint, everything)
    lines = [_heading(comparison, cut), *_usage_notes(comparison, cut), ()]
    if not comparison:
        return [*lines, (("no change", ""),)]
    sections = [
        _totals(comparison, cut),
        _nodes(comparison.came, "+", "came", cut),
        _nodes(comparison.went, "−", "went", cut),
        _changed(comparison, cut),
        _places("Namespaces", comparison.namespaces or (), "namespace", cut),
        _places("Nodes that are not listed", comparison.unknown_nodes, "node", cut),
        _places("Pods on no node", [PlaceChange("unscheduled", comparison.unscheduled)], "place", cut),
    ]
    for section in filter(None, sections):
        lines += [*section, ()]
    return lines[:-1]


def _heading(comparison: Comparison, cut: Cut) -> Segments:
    """Whose, from when to when."""
    before, after = comparison.before, comparison.after
    names = dict.fromkeys([before["cluster"], after["cluster"]])
    apart = datetime.fromisoformat(after["slot"]) - datetime.fromisoformat(before["slot"])
    word = "later" if apart.total_seconds() >= 0 else "earlier"
    times = f"{before['slot']} → {after['slot']}"
    return (
        (" → ".join(map(cut.text, names)), "title"),
        (" · ", "dim"),
        (cut.text(times), ""),
        (" · ", "dim"),
        (f"{format_age(abs(apart))} {word}", ""),
    )


def _usage_notes(comparison: Comparison, cut: Cut) -> list[Segments]:
    """Why usage may be unknown, for the sides where it is not whole."""
    said = []
    for document in (comparison.before, comparison.after):
        usage = document["usage"]
        if usage["status"] not in ("ok", "off"):
            reason = f": {usage['reason']}" if usage.get("reason") else ""
            said.append(f"usage {usage['status']} at {document['slot']}{reason}")
    return [line for text in said for line in wrapped(text, cut.paint)]


def _totals(comparison: Comparison, cut: Cut) -> list[Segments]:
    """Before, after and change of each total that is not the same."""
    deltas = [*comparison.nodes, *comparison.totals]
    if not deltas:
        return []
    columns = [
        grid.text_column("what", "TOTALS", [cut.text(_what(delta)) for delta in deltas], 0, floor=20),
        grid.text_column("before", "before", [_amount(delta, delta.before) for delta in deltas], 2, right=True),
        grid.text_column("after", "after", [_amount(delta, delta.after) for delta in deltas], 2, right=True),
        _delta_column("change", "change", deltas, 1),
    ]
    return _grid(columns, len(deltas), cut)[0]


def _what(delta: Delta) -> str:
    if (delta.resource, delta.figure) in (("nodes", "count"), ("pods", "counted")):
        return delta.resource
    return f"{delta.resource} {delta.figure}"


def _amount(delta: Delta, value: int | None) -> str:
    return "unknown" if value is None else amount(delta.resource, value)


def _delta_column(key: str, title: str, deltas: Sequence[Delta | None], rank: int) -> grid.Column:
    texts = ["" if delta is None else signed(delta.resource, delta.value) for delta in deltas]
    return grid.text_column(key, title, texts, rank, styles=[_direction(delta) for delta in deltas], right=True)


def _direction(delta: Delta | None) -> str:
    if delta is None or delta.value is None:
        return "unknown"
    return "more" if delta.value > 0 else "fewer"


def _grid(columns: list[grid.Column], rows: int, cut: Cut) -> tuple[list[Segments], list[str]]:
    """Header and rows, and the titles of the columns that had no room."""
    placed = grid.layout(columns, cut.paint.width)
    kept = {column.key for column, _ in placed}
    dropped = [column.title for column in columns if column.key not in kept]
    return [grid.header(placed, "title"), *grid.lines(placed, rows)], dropped


def _nodes(nodes: Sequence[Document], sign: str, verb: str, cut: Cut) -> list[Segments]:
    """Nodes that are on one side only, with what was on them."""
    if not nodes:
        return []
    shown = cut.rows(nodes)
    style = "more" if sign == "+" else "fewer"
    names = [f"{sign} {cut.text(node['name'])}" for node in shown]
    columns = [grid.text_column("name", f"{count(len(nodes), 'node')} {verb}", names, 0, styles=style, floor=24)]
    for key, rank in (("pool", 4), ("zone", 5), ("instance_type", 6)):
        texts = [cut.text(node.get(key) or ABSENT) for node in shown]
        title = key.partition("_")[2] or key
        columns.append(grid.text_column(key, title, texts, rank, styles="dim", floor=14))
    pods = [_known(node["pods"].get("counted")) for node in shown]
    columns.append(grid.text_column("pods", "pods", pods, 1, right=True))
    for rank, name in ((2, "cpu"), (3, "memory")):
        texts = [amount_with_unit(name, node["resources"].get(name, {}).get("requests")) for node in shown]
        columns.append(grid.text_column(name, f"{name} requests", texts, rank, right=True))
    return [*_grid(columns, len(shown), cut)[0], *cut.more(len(nodes) - len(shown), "node")]


def _known(value: int | None) -> str:
    return UNKNOWN if value is None else f"{value:,}"


def _changed(comparison: Comparison, cut: Cut) -> list[Segments]:
    """Nodes that are on both sides: a row of differences, and below it what is not a number."""
    changes = [*comparison.recreated, *comparison.changed]
    notable = [change for change in changes if cut.everything or _notable(change)]
    shown = cut.rows(notable)
    small = cut.more(len(changes) - len(notable), "node", " whose usage or ended pods alone moved a little")
    if not shown:
        return small
    title = f"{count(len(changes), 'node')} changed"
    if comparison.recreated:
        title += f", {len(comparison.recreated):,} recreated"
    names = [cut.text(change.name) for change in shown]
    deltas = [change.deltas for change in shown]
    lines, dropped = _grid(_delta_columns(title, names, deltas), len(shown), cut)
    rows = [lines[0]]
    for line, change in zip(lines[1:], shown, strict=True):
        rows += [line, *_said(change, cut)]
    return [*rows, *cut.more(len(notable) - len(shown), "node"), *small, *no_room(dropped, cut.paint)]


def _notable(change: NodeChange) -> bool:
    if change.states or change.recreated or change.usage_share() >= NOTABLE_USAGE:
        return True
    return any(delta.figure in ("counted", "requests", "limits", "allocatable") for delta in change.deltas)


def _delta_columns(title: str, names: Sequence[str], deltas: Sequence[Iterable[Delta]]) -> list[grid.Column]:
    """The name, and a column for each figure that moved in any row by a known amount."""
    by_figure = [{(delta.resource, delta.figure): delta for delta in row} for row in deltas]
    columns = [grid.text_column("name", title, names, 0, floor=max(24, len(title)))]
    for (resource, figure), rank in _FIGURES.items():
        cells = [row.get((resource, figure)) for row in by_figure]
        if any(delta is not None for delta in cells):
            said = "pods" if resource == "pods" else f"{resource} {figure}"
            columns.append(_delta_column(said, said, cells, rank))
    return columns


def _said(change: NodeChange, cut: Cut) -> list[Segments]:
    """States, and the resources that have no column, in words below a row."""
    words = ["recreated: another node of the same name"] if change.recreated else []
    words += [word for state in change.states for word in state_words(state)]
    words += _other_words(change.deltas)
    return wrapped("; ".join(words), cut.paint, mark="    ") if words else []


def _other_words(deltas: Iterable[Delta]) -> list[str]:
    return [
        f"{delta.resource} {delta.figure} {signed(delta.resource, delta.value)}"
        for delta in deltas
        if (delta.resource, delta.figure) not in _FIGURES and delta.resource != "pods"
    ]


def state_words(state: StateChange) -> list[str]:
    """A state's change in kubectl's words."""
    special: dict[str, Callable[[Any, Any], list[str]]] = {
        "ready": lambda old, new: [f"{_STATE_WORDS[old]} → {_STATE_WORDS[new]}"],
        "cordoned": lambda _, new: [_CORDON_WORDS[new]],
        "schedulable": lambda *_: [],  # ready and cordoned have said it
        "conditions": lambda old, new: _set_words("", old, new),
        "roles": lambda old, new: _set_words("role ", old, new),
        "taints": lambda old, new: _set_words("taint ", _taints(old), _taints(new)),
        "labels": lambda old, new: _set_words("label ", _labels(old), _labels(new)),
    }
    if state.field in special:
        return special[state.field](state.before, state.after)
    field = {"kubelet_version": "kubelet", "os_image": "OS"}.get(state.field, state.field.replace("_", "-"))
    return [f"{field} {state.before or UNKNOWN} → {state.after or UNKNOWN}"]


def _set_words(noun: str, old: Iterable[str] | None, new: Iterable[str] | None) -> list[str]:
    """+A, −B; an unknown side says so."""
    if old is None or new is None:
        return [f"{noun or 'conditions '}unknown on one side"]
    olds, news = list(old), list(new)
    added, removed = [item for item in news if item not in olds], [item for item in olds if item not in news]
    return [f"+{noun}{item}" for item in added] + [f"−{noun}{item}" for item in removed]


def _taints(taints: Iterable[Document] | None) -> list[str] | None:
    if taints is None:
        return None
    return [
        f"{taint['key']}{'=' * bool(taint.get('value'))}{taint.get('value') or ''}:{taint['effect']}"
        for taint in taints
    ]


def _labels(labels: Document | None) -> list[str] | None:
    return None if labels is None else [f"{key}={value}" for key, value in labels.items()]


def _places(title: str, places: Sequence[PlaceChange], noun: str, cut: Cut) -> list[Segments]:
    """Namespaces and the like: the largest change first."""
    changed = [place for place in places if place.deltas]
    shown = cut.rows(changed)
    if not shown:
        return []
    names = [cut.text(place.name) for place in shown]
    lines, dropped = _grid(_delta_columns(title, names, [place.deltas for place in shown]), len(shown), cut)
    rows = [lines[0]]
    for line, place in zip(lines[1:], shown, strict=True):
        words = _other_words(place.deltas)
        rows += [line, *(wrapped("; ".join(words), cut.paint, mark="    ") if words else [])]
    return [*rows, *cut.more(len(changed) - len(shown), noun), *no_room(dropped, cut.paint)]
