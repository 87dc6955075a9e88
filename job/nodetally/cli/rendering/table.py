"""One snapshot in, its node table on a stream out. Reads nothing but the document that it is given."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TextIO

from nodetally.accounting.nodes import COUNTS, sum_resources
from nodetally.cli.rendering import fields, grid
from nodetally.cli.rendering.bars import Segments, legend
from nodetally.cli.rendering.columns import Row, Scene, make_columns
from nodetally.cli.rendering.fields import Node
from nodetally.cli.rendering.notes import heading, notes
from nodetally.cli.rendering.paint import Paint, paint_for
from nodetally.cli.rendering.text import count, harmless
from nodetally.selectors import Selector


@dataclass(frozen=True)
class View:
    """Which nodes are shown, in which order and groups, with which columns."""

    selector: Selector | None = None
    sort: str | None = None
    group_by: str | None = None
    columns: tuple[str, ...] = ()
    wide: bool = False
    part: bool = False  # the document is of some nodes only, as a dry run is asked for


EVERYTHING = View()


def print_table(
    document: dict[str, Any],
    view: View = EVERYTHING,
    *,
    file: TextIO | None = None,
    width: int | None = None,
    colour: bool | None = None,
    now: datetime | None = None,
) -> None:
    """Write a snapshot as people read it: headline, totals, one line a node, then what the lines cannot say.

    `width` in columns and `colour` are found out from the stream when None. WrongUse for a view that cannot be had.
    """
    paint = paint_for(file or sys.stdout, width=width, colour=colour)
    now = now or datetime.now(UTC)
    body = _body(document, view, paint, now)  # first: wrong use must not leave half a table behind
    paint.write([*heading(document, now, paint), (), *body, *notes(document, paint)])


def arranged(document: dict[str, Any], view: View) -> list[Node]:
    """The nodes that a view shows, in its order; groups are made later."""
    selected = fields.select_nodes(document["nodes"], view.selector)
    return fields.sort_nodes(selected, view.sort, known=document["nodes"])


def _body(document: dict[str, Any], view: View, paint: Paint, now: datetime) -> list[Segments]:
    shown = arranged(document, view)
    if not document["nodes"]:
        return [(("No node matches." if view.part else "The cluster has no nodes.", ""),), ()]
    if not shown:
        return [((f"No node of {len(document['nodes']):,} matches {view.selector}.", ""),), ()]
    rows = [_totals(document, shown, view), *_rows(shown, view, paint)]
    scene = Scene(rows, now, paint.glyphs, paint.ascii_only, grouped=bool(view.group_by))
    columns = make_columns(scene, list(view.columns), wide=view.wide, hidden=_hidden(document, view))
    placed = grid.layout(columns, None if view.wide or view.columns else paint.width)
    return [grid.header(placed), *grid.lines(placed, len(rows)), (), _legend(paint)]


def _legend(paint: Paint) -> Segments:
    """The legend's pairs of sign and word, as far as they fit."""
    pieces = list(legend(paint.glyphs))
    while pieces and sum(len(text) for text, _ in pieces) > paint.width:
        pieces = pieces[:-2]
    return tuple(pieces)


def _hidden(document: dict[str, Any], view: View) -> frozenset[str]:
    """Columns that would say nothing: the one grouped by, and usage where nobody asked for it."""
    usage = {"cpu-usage", "memory-usage"} if document["usage"]["status"] == "off" else set()
    return frozenset(usage | ({view.group_by} if view.group_by else set()))


def _rows(shown: list[Node], view: View, paint: Paint) -> list[Row]:
    """A line a node; grouped, each group's sum above its nodes."""
    if not view.group_by:
        return [Row(node) for node in shown]
    groups: dict[str | None, list[Node]] = {}
    for node in shown:
        groups.setdefault(fields.text_of(node, view.group_by), []).append(node)
    names = sorted(groups, key=lambda name: (name is None, name))  # nodes without a group come last
    sums = [_group(f"no {view.group_by}" if name is None else name, groups[name], paint) for name in names]
    if view.sort and view.sort.partition(":")[0] not in fields.NODE_ONLY:
        sums = fields.sort_nodes(sums, view.sort, known=shown)
    return [row for total in sums for row in (Row(total, sum=True), *map(Row, total["members"]))]


def _group(name: str, members: list[Node], paint: Paint) -> Node:
    label = f"{harmless(name, ascii_only=paint.ascii_only)} · {count(len(members), 'node')}"
    return _sum(label, members, sum_resources(node["resources"] for node in members)) | {"members": members}


def _totals(document: dict[str, Any], shown: list[Node], view: View) -> Row:
    """The sum over the shown nodes: the snapshot's own totals where that is all of them."""
    everything = len(shown) == len(document["nodes"])
    label = f"{'all ' * (everything and not view.part)}{count(len(shown), 'node')}"
    if not everything:
        label += f" of {len(document['nodes']):,}"
        return Row(_sum(label, shown, sum_resources(node["resources"] for node in shown)), sum=True)
    return Row(_sum(label, shown, document["totals"]["resources"]), sum=True)


def _sum(label: str, nodes: list[Node], resources: dict[str, Any]) -> Node:
    """A sum of nodes in the shape of a node, as far as columns ask."""
    ready = sum(node["ready"] is True for node in nodes)
    return {
        "name": label,
        "state": f"{ready:,}/{len(nodes):,} ready",
        "troubled": any(map(fields.in_trouble, nodes)),
        "pods": {name: _sum_pods(nodes, name) for name in (*COUNTS, "allocatable")},
        "resources": resources,
    }


def _sum_pods(nodes: Iterable[Node], name: str) -> int | None:
    values = [node["pods"].get(name) for node in nodes]
    return None if None in values else sum(values)
