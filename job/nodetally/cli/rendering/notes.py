"""A snapshot in, the lines above and below its table out: whose it is, how old, and all that the rows cannot say."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from nodetally.cli.rendering.bars import Segments
from nodetally.cli.rendering.fields import POD_SLOTS
from nodetally.cli.rendering.paint import Paint
from nodetally.cli.rendering.text import amount_with_unit, count, harmless, width_of
from nodetally.times import format_ago

LISTED = 5  # names said in a note before "and N more": a note is read, a list is looked up
TRIGGERS = {"schedule": "scheduled", "manual": "by hand", "backfill": "filled in from history"}
CLEAR = frozenset({"ok", "off"})  # usage states that need no warning


def heading(document: dict[str, Any], now: datetime, paint: Paint) -> list[Segments]:
    """Two lines: cluster, time and source; then nodes and pods."""
    source = document["source"]
    times = [f"slot {document['slot']}"]
    if document["taken_at"] and document["taken_at"] != document["slot"]:
        times.append(f"taken at {document['taken_at']}")
    moment = datetime.fromisoformat(document["taken_at"] or document["slot"])
    origin = " ".join(filter(None, [source["kind"], source.get("server_version")]))
    first = [
        document["cluster"],
        times[0],
        format_ago(now - moment),
        origin,
        *times[1:],
        TRIGGERS.get(document["trigger"], ""),
    ]
    return [_parts(first, paint, "title"), _parts(_numbers(document), paint, "")]


def _numbers(document: dict[str, Any]) -> list[str]:
    nodes, pods = document["totals"]["nodes"], document["totals"]["pods"]
    said = [
        f"{nodes['ready']:,} of {count(nodes['count'], 'node')} ready",
        f"{nodes['schedulable']:,} schedulable",
        f"{count(pods['counted'], 'pod')} counted",
    ]
    return said + [f"{pods[part]:,} {part}" for part in ("pending", "terminating", "terminal") if pods.get(part)]


def _parts(parts: Iterable[str], paint: Paint, first_style: str) -> Segments:
    """As many parts as fit on one line; the first in a style of its own."""
    line: list[tuple[str, str]] = []
    used = 0
    for part in filter(None, parts):
        text = harmless(part, ascii_only=paint.ascii_only)
        separator = " · " if line else ""
        used += width_of(separator + text)
        if line and used > paint.width:
            break
        line += [(separator, "dim"), (text, "" if line else first_style)]
    return tuple(line)


def notes(document: dict[str, Any], paint: Paint) -> list[Segments]:
    """What must not be hidden: pods nowhere, pods on unknown nodes, usage that is not whole, a torn point in time."""
    said = [
        *_unscheduled(document),
        *_unknown_nodes(document),
        *_usage(document),
        *_consistency(document),
    ]
    return [line for text in said for line in wrapped(text, paint)]


def wrapped(text: str, paint: Paint, mark: str = "! ") -> list[Segments]:
    """A note in lines that fit, its mark before the first."""
    text = harmless(text, ascii_only=paint.ascii_only)
    lines = textwrap.wrap(text, max(paint.width - len(mark), 20), break_on_hyphens=False)
    marks = [mark, *([" " * len(mark)] * len(lines))]
    return [((sign, "warn"), (line, "")) for sign, line in zip(marks, lines, strict=False)]


def no_room(titles: Sequence[str], paint: Paint) -> list[Segments]:
    """Which columns were dropped for want of width; nothing if none was."""
    said = f"no room for: {', '.join(titles)}; --format json has them"
    return wrapped(said, paint, mark="  ") if titles else []


def place(row: Mapping[str, Any]) -> str:
    """What the pods of a place ask for: '3 pods, requests cpu 1.5 cores, memory 4.0 GiB'."""
    asked = [
        f"{name} {amount_with_unit(name, figures.get('requests'))}"
        for name, figures in row["resources"].items()
        if name != POD_SLOTS and figures.get("requests") != 0
    ]
    return count(row["pods"]["counted"], "pod") + (f", requests {', '.join(asked)}" if asked else "")


def _unscheduled(document: dict[str, Any]) -> list[str]:
    row = document["unscheduled"]
    return [f"unscheduled: {place(row)}"] if row and row["pods"]["counted"] else []


def _unknown_nodes(document: dict[str, Any]) -> list[str]:
    rows = [row for row in document["unknown_nodes"] or () if row["pods"]["counted"]]  # ended pods say nothing
    said = [f"on {row['name']}, a node that is not listed: {place(row)}" for row in rows[:LISTED]]
    more = rows[LISTED:]
    if more:
        pods = sum(row["pods"]["counted"] for row in more)
        said.append(f"on {count(len(more), 'more node')} that are not listed: {count(pods, 'pod')}")
    return said


def _usage(document: dict[str, Any]) -> list[str]:
    usage = document["usage"]
    if usage["status"] in CLEAR:
        return []
    missing = usage.get("missing_nodes") or []
    what = f"usage {usage['status']}"
    if missing:
        what += f": unknown for {count(len(missing), 'node')} ({listed(missing)})"
    return [f"{what}: {usage['reason']}" if usage.get("reason") else what]


def _consistency(document: dict[str, Any]) -> list[str]:
    if document["source"].get("consistent") is not False:
        return []
    return [
        f"the {document['source']['kind']} could not promise one point in time: pods may be missing or counted twice"
    ]


def listed(names: list[str]) -> str:
    """The first few of many.

    >>> listed(["a", "b"]), listed(list("abcdefg"))
    ('a, b', 'a, b, c, d, e and 2 more')
    """
    shown = ", ".join(names[:LISTED])
    return f"{shown} and {len(names) - LISTED:,} more" if len(names) > LISTED else shown
