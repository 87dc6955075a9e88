"""A snapshot in, the store complete: snapshot, day index, cluster index, latest, clusters, in this order.

Every step can be repeated and is safe against others that publish at the same time; readers can use the store
after each. What a crash between two steps leaves out, and who completes it:

- the same slot published again completes everything of its own, from the snapshot that is stored;
- the next slot of the cluster also completes its predecessors' day indexes and cluster index: one listing behind
  the cluster index's last slot shows their snapshots (up to HEAL_LIMIT of them), on whatever day they are;
- `latest` is brought to the cluster index's last slot by the next publish of any slot, the clusters' list, too.

Completed by `store.repair` only: a first snapshot ever whose publisher crashed before the cluster index, when the
next one is of another day; a snapshot whose publisher crashed when a later slot was in the cluster index already (a
backfill, or an overtaken pass), more than HEAL_LIMIT at once, and anything deleted or damaged afterwards.
"""

from collections.abc import Mapping
from itertools import groupby
from typing import Any, NamedTuple

from nodetally.errors import StoreError
from nodetally.store.base import Store, exists
from nodetally.store.bodies import open_snapshot, read_snapshot, slot_in
from nodetally.store.indexes import Document, Summary, merge_cluster, merge_clusters, merge_day, summarise
from nodetally.store.layout import (
    INDEX_HEADERS,
    LATEST_HEADERS,
    SNAPSHOT_HEADERS,
    cluster_index_key,
    clusters_key,
    day_index_key,
    latest_key,
    parse_snapshot_key,
    snapshot_day_prefix,
    snapshot_key,
    snapshots_prefix,
)
from nodetally.store.update import ATTEMPTS, Loaded, Pauses, damaged, load, lost_every_race, update

HEAL_LIMIT = 32  # half a minute of reading at the worst; a CronJob that failed for longer has been noticed


class Published(NamedTuple):
    """What a publish came to."""

    key: str
    slot: str
    created: bool  # False: the slot was there already, and what is stored was not changed
    healed: tuple[str, ...]  # snapshots of crashed predecessors that are in the indexes now
    unhealed: tuple[str, ...]  # snapshots that are not: damaged, or the first beyond HEAL_LIMIT


class _Found(NamedTuple):
    """Snapshots that no index may know yet."""

    summaries: list[Summary]
    unhealed: tuple[str, ...]


def publish(store: Store, document: Mapping[str, Any], body: bytes, *, pauses: Pauses | None = None) -> Published:
    """Store a snapshot (`body` is its encoding) and bring all derived documents up to it.

    At most 10 requests to the store, however long its history is, plus those of lost races and healing.
    """
    pauses = pauses or Pauses()
    document, body, created = put_snapshot(store, document, body)
    own = summarise(document)
    index = load(store, cluster_index_key(own.cluster))
    found = _left_out(store, own, index)
    indexed = [*found.summaries, own]
    last = derive(store, own.cluster, indexed, pauses=pauses, known=index, bodies={own.key: body})
    if last != own.slot or not created or found.summaries:
        _forget_pruned(store, own.cluster, indexed, pauses)
    healed = tuple(summary.key for summary in found.summaries)
    return Published(own.key, own.slot, created, healed, found.unhealed)


def put_snapshot(store: Store, document: Mapping[str, Any], body: bytes) -> tuple[Mapping[str, Any], bytes, bool]:
    """Store a snapshot and no index, or take the one that is there: what is stored now, and whether we stored it."""
    key = snapshot_key(document["cluster"], document["slot"])
    for _ in range(ATTEMPTS):
        if store.put_new(key, body, SNAPSHOT_HEADERS):
            return document, body, True
        found = read_snapshot(store, key)
        if found:
            return *found, False
    raise StoreError(
        f"{key} in {store.url} was there and is gone, {ATTEMPTS} times",
        hint="something deletes snapshots meanwhile: stop it, and run this again",
    )


def derive(
    store: Store,
    cluster: str,
    summaries: list[Summary],
    *,
    pauses: Pauses,
    known: Loaded | None = None,
    bodies: Mapping[str, bytes],
) -> str:
    """Bring all derived documents up to these snapshots of one cluster; `bodies` are those already at hand.

    Returns the cluster's last slot, as its index has it now.
    """
    for date, of_day in groupby(sorted(summaries, key=lambda each: each.slot), key=lambda each: each.date):
        _update_day(store, cluster, date, list(of_day), pauses)

    def merged(index: Document | None) -> Document:
        return merge_cluster(index, cluster, summaries)

    index = update(store, cluster_index_key(cluster), merged, INDEX_HEADERS, pauses=pauses, known=known)
    _move_latest(store, cluster, index["last"], bodies, pauses)
    update(store, clusters_key(), lambda clusters: merge_clusters(clusters, [cluster]), INDEX_HEADERS, pauses=pauses)
    return str(index["last"]["slot"])


def _forget_pruned(store: Store, cluster: str, summaries: list[Summary], pauses: Pauses) -> None:
    """Take out of the indexes what a prune deleted while we put it in.

    A prune deletes first and looks into the indexes after that, we write first and look for the snapshot after that:
    so one of us sees it. It never deletes the newest, so an ordinary pass need not ask.
    """
    if all(exists(store, summary.key) for summary in summaries):
        return
    from nodetally.store.settle import settle_cluster, settle_day  # seldom needed

    for date in {summary.date for summary in summaries}:
        settle_day(store, cluster, date, slots={summary.slot for summary in summaries}, pauses=pauses)
    settle_cluster(store, cluster, pauses=pauses)


def _left_out(store: Store, own: Summary, index: Loaded) -> _Found:
    """Snapshots before this one that the cluster index does not reach: their publishers crashed, or are still at it."""
    if index.document is None:
        prefix, start_after = snapshot_day_prefix(own.cluster, own.date), ""
    else:
        prefix, start_after = snapshots_prefix(own.cluster), _last_key(store, own.cluster, index.document)
        if start_after >= own.key:
            return _Found([], ())
    summaries: list[Summary] = []
    unhealed: list[str] = []
    for entry in store.list(prefix, start_after):
        if entry.key >= own.key:
            break
        if len(summaries) + len(unhealed) == HEAL_LIMIT:
            unhealed.append(entry.key)
            break
        if parse_snapshot_key(entry.key):
            _add_summary(store, entry.key, summaries, unhealed)
    return _Found(summaries, tuple(unhealed))


def _add_summary(store: Store, key: str, summaries: list[Summary], unhealed: list[str]) -> None:
    """A damaged snapshot is named in the result: it must not keep later ones from being published."""
    stored = store.get(key)
    if stored is None:
        return
    try:
        summaries.append(summarise(open_snapshot(store.url, key, stored.body)))
    except StoreError:
        unhealed.append(key)


def _last_key(store: Store, cluster: str, index: Document) -> str:
    try:
        return snapshot_key(cluster, index["last"]["slot"])
    except (KeyError, TypeError) as error:
        raise damaged(store, cluster_index_key(cluster), "it names no last slot") from error


def _update_day(store: Store, cluster: str, date: str, summaries: list[Summary], pauses: Pauses) -> None:
    def merged(index: Document | None) -> Document:
        return merge_day(index, cluster, date, summaries)

    update(store, day_index_key(cluster, date), merged, INDEX_HEADERS, pauses=pauses)


def _move_latest(
    store: Store, cluster: str, last: Mapping[str, str], bodies: Mapping[str, bytes], pauses: Pauses
) -> None:
    """Bring `latest` forward to the cluster index's last snapshot; never back."""
    key = latest_key(cluster)
    for attempt in range(ATTEMPTS):
        current = store.get(key)
        if current and (slot_in(current.body) or "") >= last["slot"]:
            return
        body = bodies.get(last["key"]) or _body(store, last["key"])
        if body is None:  # someone deleted it: the next pass brings a newer one
            return
        if store.put_if_match(key, body, current.etag if current else None, LATEST_HEADERS):
            return
        pauses.after(attempt)
    raise lost_every_race(store, key)


def _body(store: Store, key: str) -> bytes | None:
    stored = store.get(key)
    return stored.body if stored else None
