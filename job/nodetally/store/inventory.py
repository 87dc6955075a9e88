"""What is stored, as rows for people: clusters, a cluster's days, a day's snapshots. Writes nothing, judges nothing."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from nodetally.store import read, rollups, walk
from nodetally.store.base import Store
from nodetally.store.indexes import Document, entries_of, inside
from nodetally.store.layout import cluster_index_key, day_index_key
from nodetally.store.parallel import READERS, in_order
from nodetally.store.update import damage_told, load


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
        key = cluster_index_key(name)
        index = load(store, key).document
        with damage_told(store, key):
            days = inside(index, list, "days")
            first, last = inside(index, str, "first", "slot"), inside(index, str, "last", "slot")
            return ClusterRow(name, None if days is None else len(days), first, last, *_counts(index))

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
    """Every snapshot of a day, sorted. StoreError when the day's index is damaged."""
    key = day_index_key(cluster, date)
    lines = entries_of(load(store, key).document)
    for slot, entry in walk.day(store, cluster, date).snapshots.items():
        line = lines.get(slot)
        with damage_told(store, key):
            said = inside(line, str, "taken_at"), inside(line, str, "trigger"), *_counts(line)
        yield SnapshotRow(slot, *said, entry.size, entry.key)


def _counts(holder: Document | None) -> tuple[int | None, int | None]:
    """Nodes and counted pods of what has `totals`."""
    return inside(holder, int, "totals", "nodes", "count"), inside(holder, int, "totals", "pods", "counted")
