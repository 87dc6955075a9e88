"""What is stored, as rows for people: clusters, a cluster's days, a day's snapshots. Writes nothing, judges nothing."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from nodetally.store import read, rollups, walk
from nodetally.store.base import Store
from nodetally.store.indexes import Document, entries_of
from nodetally.store.layout import cluster_index_key, day_index_key
from nodetally.store.parallel import READERS, in_order
from nodetally.store.update import load


class ClusterRow(NamedTuple):
    """A cluster, as its index tells of it; None where that says nothing."""

    cluster: str
    days: int | None
    first: str | None
    last: str | None
    nodes: int | None
    pods: int | None


class DayRow(NamedTuple):
    """A day of a cluster, by the keys of its snapshots."""

    day: str
    snapshots: int
    first: str
    last: str
    stored_bytes: int
    rollup: str | None  # fresh | behind | stale | damaged; None: not all kinds are there


class SnapshotRow(NamedTuple):
    """A snapshot: its key and size, and what the day index says of it; None where that does not name it."""

    slot: str
    taken_at: str | None
    trigger: str | None
    nodes: int | None
    pods: int | None
    stored_bytes: int
    key: str


def clusters(store: Store) -> Iterator[ClusterRow]:
    """Every cluster, sorted; one request each. StoreError when an index is damaged."""

    def row(name: str) -> ClusterRow:
        index = load(store, cluster_index_key(name)).document or {}
        days = index.get("days")
        count = len(days) if isinstance(days, list) else None
        first, last = _inside(index, "first", "slot"), _inside(index, "last", "slot")
        return ClusterRow(name, count, first, last, *_counts(index))

    with ThreadPoolExecutor(READERS) as pool:
        yield from (made for _, made in in_order(pool, row, read.clusters(store), READERS))


def days(store: Store, cluster: str) -> Iterator[DayRow]:
    """Every day of a cluster that has snapshots, sorted; one request for a thousand of them, one a rollup."""
    keys = rollups.days(store, cluster)

    def row(day: walk.Day) -> DayRow:
        size = sum(entry.size for entry in day.snapshots.values())
        state = rollups.state_of_day(store, day, keys.get(day.date, ()))
        return DayRow(day.date, len(day.snapshots), min(day.snapshots), max(day.snapshots), size, state)

    listed = (day for day in walk.days(store, cluster) if isinstance(day, walk.Day) and day.snapshots)
    with ThreadPoolExecutor(READERS) as pool:
        yield from (made for _, made in in_order(pool, row, listed, READERS))


def snapshots(store: Store, cluster: str, date: str) -> Iterator[SnapshotRow]:
    """Every snapshot of a day, sorted."""
    lines = entries_of(load(store, day_index_key(cluster, date)).document)
    for slot, entry in walk.day(store, cluster, date).snapshots.items():
        line = lines.get(slot, {})
        yield SnapshotRow(slot, line.get("taken_at"), line.get("trigger"), *_counts(line), entry.size, entry.key)


def _counts(holder: Document) -> tuple[int | None, int | None]:
    """Nodes and counted pods of what has `totals`."""
    return _inside(holder, "totals", "nodes", "count"), _inside(holder, "totals", "pods", "counted")


def _inside(holder: Any, *names: str) -> Any:
    for name in names:
        holder = holder.get(name) if isinstance(holder, dict) else None
    return holder
