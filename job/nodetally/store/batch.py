"""Snapshots of past slots in, one change of the indexes for many of them; what a crash left out is found and put in.

`publish` changes the day index with every snapshot: 288 compare-and-swaps a day of five minutes. Here snapshots are put
one by one, and the indexes are brought up to them together, by the same merges: beside a running job, latest never goes
back and nothing of its is lost. A crash between the two leaves snapshots that no index names; `look_at` names them and
`mend` puts them in, so the next backfill over the same days completes the store, as `store repair` would.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from nodetally.store import walk
from nodetally.store.base import Store
from nodetally.store.indexes import Summary, entries_of, merge_clusters, summarise
from nodetally.store.layout import INDEX_HEADERS, clusters_key, day_index_key
from nodetally.store.publish import derive, put_snapshot
from nodetally.store.settle import settle_cluster, settle_day, settle_latest
from nodetally.store.update import Pauses, load, update


class PastDay(NamedTuple):
    """Which slots of a day are stored, and which of them its index does not name (or names, though they are gone)."""

    slots: frozenset[str]
    astray: frozenset[str]


def look_at(store: Store, cluster: str, date: str) -> PastDay:
    """One read of the day index and one listing of the day, however many slots it has."""
    indexed = entries_of(load(store, day_index_key(cluster, date)).document).keys()
    stored = _slots(store, cluster, date)
    return PastDay(stored, stored ^ indexed)


def put(store: Store, document: Mapping[str, Any], body: bytes) -> tuple[Summary, bool]:
    """Store a snapshot and leave the indexes; what is there at its slot now, and whether we put it there."""
    stored, _, created = put_snapshot(store, document, body)
    return summarise(stored), created


def index(store: Store, cluster: str, summaries: Iterable[Summary], pauses: Pauses) -> None:
    """Bring all derived documents up to these snapshots; what a prune deleted meanwhile is not left in them.

    A prune looks into the indexes and deletes, we write and look for the snapshots after that: one of us sees it.
    """
    known = list(summaries)
    if not known:
        return
    derive(store, cluster, known, pauses=pauses, bodies={})
    for date in sorted({each.date for each in known}):
        gone = {each.slot for each in known if each.date == date} - _slots(store, cluster, date)
        if gone:
            settle_day(store, cluster, date, slots=gone, pauses=pauses)
            settle_cluster(store, cluster, pauses=pauses)


def mend(store: Store, cluster: str, date: str, slots: frozenset[str], pauses: Pauses) -> None:
    """Bring these lines of a day index to what is stored."""
    settle_day(store, cluster, date, slots=slots, pauses=pauses)


def complete(store: Store, cluster: str, pauses: Pauses) -> None:
    """The last step: cluster index, latest and list of clusters as the day indexes have it, whoever crashed before."""
    if walk.has_snapshots(store, cluster):
        settle_cluster(store, cluster, pauses=pauses)
        settle_latest(store, cluster, pauses=pauses)
        update(store, clusters_key(), lambda names: merge_clusters(names, [cluster]), INDEX_HEADERS, pauses=pauses)


def _slots(store: Store, cluster: str, date: str) -> frozenset[str]:
    return frozenset(walk.day(store, cluster, date).snapshots)
