"""Snapshots in, day index and cluster index out. Pure: merging is the same in any order, and never reads a store."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, NamedTuple, TypeVar

from nodetally.errors import StoreError
from nodetally.store.layout import date_of, moment_of, slot_of, snapshot_key

SCHEMA = 1
SMALL_FIGURES = ("allocatable", "requests", "limits", "usage")  # what charts and the fleet page draw
RECENT_SPAN = timedelta(hours=24)
RECENT_STEP_SECONDS = 900  # 97 points at most: a sparkline is some 100 pixels wide

Document = dict[str, Any]
Value = TypeVar("Value")


class Summary(NamedTuple):
    """What the derived documents need of one snapshot."""

    cluster: str
    slot: str
    key: str
    entry: Document  # its line of the day index
    schedulable_totals: Document | None  # None: the snapshot cannot be read any more

    @property
    def date(self) -> str:
        """The day whose index lists it."""
        return date_of(self.slot)

    @property
    def end(self) -> Document:
        """How the cluster index names its first and last snapshot."""
        return {"slot": self.slot, "key": self.key, "taken_at": self.entry["taken_at"]}

    @property
    def point(self) -> Document:
        """Its point among the last 24 hours."""
        return {"slot": self.slot, "totals": self.entry["totals"]}


def summarise(document: Mapping[str, Any]) -> Summary:
    """The little that indexes hold of a snapshot. StoreError when the document lacks it."""
    try:
        cluster, slot = document["cluster"], document["slot"]
        key = snapshot_key(cluster, slot)
        entry = {
            "key": key,
            "slot": slot,
            "taken_at": document["taken_at"],
            "trigger": document["trigger"],
            "source": document["source"]["kind"],
            "usage": document["usage"]["status"],
            "totals": small_totals(document["totals"]),
        }
        return Summary(cluster, slot, key, entry, small_totals(document["schedulable_totals"]))
    except (KeyError, TypeError, AttributeError) as error:
        raise StoreError(f"not a whole snapshot: {type(error).__name__}: {error}") from error


def small_totals(totals: Mapping[str, Any]) -> Document:
    """Totals cut down to what charts need; a figure that is unknown stays null."""
    nodes, resources = totals["nodes"], totals["resources"]
    return {
        "nodes": {"count": nodes["count"], "ready": nodes["ready"], "schedulable": nodes["schedulable"]},
        "pods": {"counted": totals["pods"]["counted"]},
        "resources": {
            name: {figure: resources[name].get(figure) for figure in SMALL_FIGURES} for name in sorted(resources)
        },
    }


def merge_day(index: Mapping[str, Any] | None, cluster: str, date: str, summaries: Iterable[Summary]) -> Document:
    """The day index with these snapshots in it: sorted by slot, each slot once."""
    entries = {entry["slot"]: entry for entry in index["snapshots"]} if index else {}
    entries |= {summary.slot: summary.entry for summary in summaries if summary.date == date}
    return day_of(index, cluster, date, entries)


def merge_cluster(index: Mapping[str, Any] | None, cluster: str, summaries: Iterable[Summary]) -> Document:
    """The cluster index with these snapshots in it (at least one of either)."""
    merged: Document = {**(index or {}), "schema": SCHEMA, "cluster": cluster}
    new = sorted(summaries, key=lambda summary: summary.slot)
    merged["days"] = sorted({*merged.get("days", ()), *(summary.date for summary in new)})
    for summary in new:
        merged["first"] = min(merged.get("first") or summary.end, summary.end, key=_slot)
        if not merged.get("last") or merged["last"]["slot"] <= summary.slot:
            merged["last"] = summary.end
            merged["totals"] = summary.entry["totals"]
            merged["schedulable_totals"] = summary.schedulable_totals
    merged["recent"] = thin([*merged.get("recent", ()), *(summary.point for summary in new)])
    return merged


def merge_clusters(index: Mapping[str, Any] | None, names: Iterable[str]) -> Document:
    """The list of clusters with these in it."""
    known = index["clusters"] if index else ()
    return {**(index or {}), "schema": SCHEMA, "clusters": sorted({*known, *names})}


def entries_of(index: Mapping[str, Any] | None) -> dict[str, Document]:
    """The lines of a day index by slot; those that are no lines are left out."""
    lines = (index or {}).get("snapshots")
    if not isinstance(lines, list):
        return {}
    return {line["slot"]: line for line in lines if isinstance(line, dict) and isinstance(line.get("slot"), str)}


def inside(holder: Any, kind: type[Value], *names: str) -> Value | None:
    """What a derived document says under these names; None where it says nothing. TypeError when that is no `kind`.

    >>> inside({"totals": {"nodes": {"count": 3}}}, int, "totals", "nodes", "count")
    3
    """
    for at, name in enumerate(names):
        if holder is None:
            return None
        if not isinstance(holder, dict):
            raise TypeError(f"{'.'.join(names[:at])} is no object")
        holder = holder.get(name)
    if holder is None or type(holder) is kind:  # not isinstance: to that, true is an int
        return holder
    raise TypeError(f"{'.'.join(names)} is no {kind.__name__}")


def day_of(index: Mapping[str, Any] | None, cluster: str, date: str, entries: Mapping[str, Document]) -> Document:
    """The day index with exactly these entries."""
    lines = [entries[slot] for slot in sorted(entries)]
    return {**(index or {}), "schema": SCHEMA, "cluster": cluster, "date": date, "snapshots": lines}


def agrees(wanted: Any, found: Any) -> bool:
    """Whether `found` says all that `wanted` says; a newer program may have added fields to it."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(
            name in found and agrees(value, found[name]) for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        return isinstance(found, list) and len(wanted) == len(found) and all(map(agrees, wanted, found))
    return type(wanted) is type(found) and bool(wanted == found)


def thin(points: Iterable[Mapping[str, Any]]) -> list[Document]:
    """The last 24 hours before the newest point, the newest point of each quarter of an hour.

    Whatever the order in which publishers merge theirs, the same points remain.
    """
    newest: dict[int, Document] = {}
    for point in sorted(points, key=_slot):
        newest[int(moment_of(point["slot"]).timestamp()) // RECENT_STEP_SECONDS] = dict(point)
    kept = list(newest.values())
    if not kept:
        return []
    oldest = slot_of(moment_of(kept[-1]["slot"]) - RECENT_SPAN)
    return [point for point in kept if point["slot"] > oldest]


def _slot(holder: Mapping[str, Any]) -> str:
    return str(holder["slot"])
