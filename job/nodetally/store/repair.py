"""A store's derived documents made from its snapshots again. Never touches a snapshot; safe beside a running job.

A document that is right already is not written, so repairing twice changes nothing the second time.
"""

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor

from nodetally.store import rollups, walk
from nodetally.store.base import Store
from nodetally.store.breaches import Breach
from nodetally.store.layout import cluster_index_key
from nodetally.store.parallel import DAYS_AT_ONCE, READERS, in_order
from nodetally.store.seen import Seen
from nodetally.store.settle import (
    Change,
    SettledDay,
    settle_cluster,
    settle_day,
    settle_latest,
    settle_list,
)
from nodetally.store.update import DamagedDocument, Pauses
from nodetally.store.whole import Bodies


def repair(
    store: Store,
    *,
    cluster: str | None = None,
    dry_run: bool = False,
    pauses: Pauses | None = None,
    seen: Seen | None = None,
) -> Iterator[Change | Breach]:
    """Bring every derived document to what the snapshots say; `dry_run`: only tell what would be changed,
    by what there is now: a cluster index by day indexes that may be wrong themselves.

    Yields each change, and each snapshot that cannot be read: those are left, and stay out of the indexes.
    """
    seen, pauses = seen or Seen(), pauses or Pauses()
    found = {each for each in walk.clusters(store) if isinstance(each, str)} if cluster is None else {cluster}
    seen.clusters_found = len(found)
    with ThreadPoolExecutor(READERS) as readers, ThreadPoolExecutor(DAYS_AT_ONCE) as pool:
        bodies = Bodies(store, readers)
        for name in sorted(found):
            yield from _cluster(store, name, bodies, pool, pauses, seen, dry_run=dry_run)
    with_snapshots = {name for name in found if walk.has_snapshots(store, name)}
    changed = settle_list(store, with_snapshots, pauses=pauses, only=cluster, dry_run=dry_run)
    if changed:
        yield changed


def _cluster(
    store: Store, cluster: str, bodies: Bodies, pool: Executor, pauses: Pauses, seen: Seen, *, dry_run: bool
) -> Iterator[Change | Breach]:
    """Days first, then the index that is made from them, then `latest`, which follows it: as a publisher writes."""
    yield from _days(store, cluster, bodies, pool, pauses, seen, dry_run=dry_run)
    for step in (settle_cluster, settle_latest):
        try:
            changed = step(store, cluster, pauses=pauses, dry_run=dry_run)
        except DamagedDocument as error:
            if not dry_run:
                raise
            changed = Change(cluster_index_key(cluster), f"made anew: {error}")
        if changed:
            yield changed
    yield from _rollups(store, cluster, dry_run=dry_run)
    seen.clusters += 1


def _days(
    store: Store, cluster: str, bodies: Bodies, pool: Executor, pauses: Pauses, seen: Seen, *, dry_run: bool
) -> Iterator[Change | Breach]:
    def settled(day: walk.Day) -> SettledDay:
        return settle_day(store, cluster, day.date, pauses=pauses, bodies=bodies, dry_run=dry_run)

    listed = (each for each in walk.days(store, cluster) if isinstance(each, walk.Day))
    for day, done in in_order(pool, settled, listed, 2 * DAYS_AT_ONCE):
        seen.days += 1
        seen.snapshots += len(day.snapshots)
        if done.change:
            yield done.change
        for key, why in sorted(done.unreadable.items()):
            yield Breach("unreadable-snapshot", cluster, key, why)


def _rollups(store: Store, cluster: str, *, dry_run: bool) -> Iterator[Change]:
    """Those that contradict the snapshots are deleted: to make them takes what the job need not have."""
    for key, state in rollups.wrong(store, cluster):
        if not dry_run:
            store.delete(key)
        yield Change(key, f"deleted, {state}: nodetally store rollup makes it again")
