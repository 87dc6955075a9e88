"""A store's keys, in order: which clusters there are, what lies in each, day by day, and what nobody knows. Pages only.

Holds the names of the clusters and of one cluster's days, and the keys of one day at a time.
"""

from collections.abc import Iterator
from datetime import date as calendar_date
from datetime import timedelta
from itertools import groupby
from typing import NamedTuple

from nodetally.errors import WrongUse
from nodetally.store.base import Entry, Store
from nodetally.store.layout import (
    CLUSTERS_PREFIX,
    ROLLUP_KINDS,
    SNAPSHOTS_PREFIX,
    cluster_index_key,
    cluster_prefix,
    clusters_key,
    is_of_another_part,
    latest_key,
    parse_cluster_folder,
    parse_day_index_key,
    parse_rollup_key,
    parse_snapshot_key,
    past_folder,
    snapshot_day_prefix,
    snapshots_prefix,
)

EVER = ("0001-01-02", "9999-12-31")  # the first and last date that days_between can be asked for


class Day(NamedTuple):
    """A day of a cluster: its snapshots by slot, as the listing has them; none where there is but an index."""

    cluster: str
    date: str
    snapshots: dict[str, Entry]


class Stray(NamedTuple):
    """A key that the layout does not know."""

    key: str


def clusters(store: Store) -> Iterator[str | Stray]:
    """Every cluster that has a snapshot or something derived, and every key outside of the clusters' folders.

    One listing for each cluster and folder; a cluster is named again for each of its folders and rollups.
    """
    for prefix in (CLUSTERS_PREFIX, SNAPSHOTS_PREFIX):
        yield from _folders(store, prefix)
    yield from _outside(store)


def with_snapshots(store: Store) -> Iterator[str]:
    """Every cluster that has a key among the snapshots."""
    return (name for name in _folders(store, SNAPSHOTS_PREFIX) if isinstance(name, str))


def holds_any(store: Store, prefix: str = "") -> bool:
    """Whether there is any key under a prefix."""
    return next(iter(store.list(prefix)), None) is not None


def has_snapshots(store: Store, cluster: str) -> bool:
    """Whether anything lies among a cluster's snapshots."""
    try:
        prefix = snapshots_prefix(cluster)
    except WrongUse:
        return False
    return holds_any(store, prefix)


def is_there(store: Store, cluster: str) -> bool:
    """Whether a cluster has a snapshot or a derived document. WrongUse when it is no name of one."""
    return holds_any(store, snapshots_prefix(cluster)) or holds_any(store, cluster_prefix(cluster))


def days(store: Store, cluster: str) -> Iterator[Day | Stray]:
    """Every day of a cluster that has snapshots or an index, and every key in its folders that should not be there."""
    indexed: set[str] = set()
    for entry in store.list(cluster_prefix(cluster)):
        name = parse_day_index_key(entry.key)
        if name:
            indexed.add(name.date)
        elif entry.key not in (cluster_index_key(cluster), latest_key(cluster)):
            yield Stray(entry.key)
    strays: list[Stray] = []
    for day in _days_with_snapshots(store, cluster, strays):
        indexed.discard(day.date)
        yield day
    yield from (Day(cluster, date, {}) for date in sorted(indexed))
    yield from strays


def day(store: Store, cluster: str, date: str) -> Day:
    """One day of a cluster, listed now."""
    found = {
        name.slot: entry
        for entry in store.list(snapshot_day_prefix(cluster, date))
        if (name := parse_snapshot_key(entry.key))
    }
    return Day(cluster, date, found)


def days_between(store: Store, cluster: str, first: str, last: str) -> Iterator[Day]:
    """The days of a cluster that have snapshots, from one date to another, both included; lists no others."""
    before = calendar_date.fromisoformat(first) - timedelta(days=1)
    start_after = past_folder(snapshot_day_prefix(cluster, str(before)))
    for found in _days_with_snapshots(store, cluster, [], start_after):
        if found.date > last:
            return
        yield found


def _days_with_snapshots(store: Store, cluster: str, strays: list[Stray], start_after: str = "") -> Iterator[Day]:
    def named() -> Iterator[tuple[str, Entry]]:
        for entry in store.list(snapshots_prefix(cluster), start_after):
            name = parse_snapshot_key(entry.key)
            if name:
                yield name.slot, entry
            else:
                strays.append(Stray(entry.key))

    for date, of_day in groupby(named(), key=lambda each: each[0][:10]):
        yield Day(cluster, date, dict(of_day))


def _folders(store: Store, prefix: str) -> Iterator[str | Stray]:
    """The clusters with a folder under a prefix; the next listing starts behind the last one's folder."""
    start_after = ""
    while True:
        for entry in store.list(prefix, start_after):
            name = parse_cluster_folder(entry.key)
            if name:
                yield name
                start_after = past_folder(entry.key[: entry.key.index(f"{name}/", len(prefix)) + len(name) + 1])
                break
            yield Stray(entry.key)
        else:
            return


def _outside(store: Store) -> Iterator[str | Stray]:
    start_after = ""
    while True:
        for entry in store.list("", start_after):
            folder = next((each for each in (CLUSTERS_PREFIX, SNAPSHOTS_PREFIX) if entry.key.startswith(each)), None)
            if folder:
                start_after = past_folder(folder)
                break
            rollup = parse_rollup_key(entry.key)
            if rollup and rollup.kind in ROLLUP_KINDS:
                yield rollup.cluster
            elif entry.key != clusters_key() and not is_of_another_part(entry.key):
                yield Stray(entry.key)
        else:
            return
