"""A snapshot in, the store complete: snapshot, day index, cluster index, latest, clusters, in this order.

Every step can be repeated and is safe against others that publish at the same time; readers can use the store
after each. What a crash between two steps leaves out, and who completes it:

- the same slot published again completes everything of its own, from the snapshot that is stored;
- the next slot of the cluster also completes its predecessors' day indexes and cluster index: one listing behind
  the cluster index's last slot shows their snapshots (up to HEAL_LIMIT of them), on whatever day they are;
- `latest` is brought to the cluster index's last slot by the next publish of any slot, the clusters' list, too.

Not completed by later passes: a first snapshot ever whose publisher crashed before the cluster index, when the next one
is of another day; a snapshot whose publisher crashed when a later slot was in the cluster index already (a
backfill, or an overtaken pass), more than HEAL_LIMIT at once, and anything deleted or damaged afterwards.
"""

import re
import time
import zlib
from collections.abc import Callable, Mapping
from itertools import groupby
from random import random as any_fraction
from typing import Any, NamedTuple

import orjson

from nodetally import snapshot
from nodetally.errors import StoreError
from nodetally.store.base import Store
from nodetally.store.indexes import Document, Summary, merge_cluster, merge_clusters, merge_day, summarise
from nodetally.store.layout import (
    DERIVED_DAMAGE_HINT,
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
from nodetally.store.update import ATTEMPTS, Loaded, Pauses, load, lost_every_race, update

HEAL_LIMIT = 32  # half a minute of reading at the worst; a CronJob that failed for longer has been noticed
HEAD_BYTES = 4096  # schema, cluster, taken_at and slot stand before anything long
# The slot among the first plain values, before any object or list: the nodes need not be unpacked to see it.
_HEAD_SLOT = re.compile(rb'\{(?:"\w+":(?:"[^"\\]*"|-?\d+|null|true|false),)*?"slot":"([^"\\]*)"')


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


def publish(
    store: Store,
    document: Mapping[str, Any],
    body: bytes,
    *,
    sleep: Callable[[float], None] = time.sleep,
    random: Callable[[], float] = any_fraction,
) -> Published:
    """Store a snapshot (`body` is its encoding) and bring all derived documents up to it.

    At most 10 requests to the store, however long its history is, plus those of lost races and healing.
    """
    pauses = Pauses(sleep, random)
    key = snapshot_key(document["cluster"], document["slot"])
    created = store.put_new(key, body, SNAPSHOT_HEADERS)
    if not created:
        document, body = _stored(store, key)
    own = summarise(document)
    index = load(store, cluster_index_key(own.cluster))
    found = _left_out(store, own, index)
    derive(store, own.cluster, [*found.summaries, own], pauses=pauses, known=index, bodies={own.key: body})
    healed = tuple(summary.key for summary in found.summaries)
    return Published(key, own.slot, created, healed, found.unhealed)


def derive(
    store: Store,
    cluster: str,
    summaries: list[Summary],
    *,
    pauses: Pauses,
    known: Loaded | None = None,
    bodies: Mapping[str, bytes] | None = None,
) -> None:
    """Bring all derived documents up to these snapshots of one cluster; `bodies` are those already at hand."""
    for date, of_day in groupby(sorted(summaries, key=lambda each: each.slot), key=lambda each: each.date):
        _update_day(store, cluster, date, list(of_day), pauses)

    def merged(index: Document | None) -> Document:
        return merge_cluster(index, cluster, summaries)

    index = update(store, cluster_index_key(cluster), merged, INDEX_HEADERS, pauses=pauses, known=known)
    _move_latest(store, cluster, index["last"], bodies or {}, pauses)
    update(store, clusters_key(), lambda clusters: merge_clusters(clusters, [cluster]), INDEX_HEADERS, pauses=pauses)


def read_snapshot(store: Store, key: str) -> tuple[Document, bytes] | None:
    """A stored snapshot and its body; None when there is none. StoreError when it is not what its key says."""
    stored = store.get(key)
    return (open_snapshot(store.url, key, stored.body), stored.body) if stored else None


def open_snapshot(url: str, key: str, body: bytes) -> Document:
    """The document that a stored body holds. StoreError when it is damaged or not what its key says."""
    damage = f"damaged: {key} in {url}"
    hint = "other snapshots are not affected; bring this one back from a copy, or read another time"
    try:
        document = snapshot.decode(body)
    except StoreError as error:
        raise StoreError(f"{damage}: {error}", hint=error.hint or hint) from error
    if (document.get("cluster"), document.get("slot")) != parse_snapshot_key(key):
        said = f"{document.get('cluster')!r}, {document.get('slot')!r}"
        raise StoreError(f"{damage}: it says that it is of cluster and slot {said}", hint=hint)
    return document


def slot_in(body: bytes) -> str | None:
    """The slot of an encoded snapshot, read from its first bytes where that is enough; None when it has none."""
    try:
        head = zlib.decompressobj(wbits=31).decompress(body, HEAD_BYTES)
        found = _HEAD_SLOT.match(head)
        if found:
            return found[1].decode()
        document = orjson.loads(zlib.decompress(body, wbits=31))
    except (zlib.error, ValueError):
        return None
    slot = document.get("slot") if isinstance(document, dict) else None
    return slot if isinstance(slot, str) else None


def _stored(store: Store, key: str) -> tuple[Document, bytes]:
    found = read_snapshot(store, key)
    if found is None:
        raise StoreError(
            f"{key} in {store.url} was there and is gone", hint="something deletes snapshots meanwhile: run it again"
        )
    return found


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
        raise StoreError(
            f"damaged: {cluster_index_key(cluster)} in {store.url}: it names no last slot",
            hint=DERIVED_DAMAGE_HINT,
        ) from error


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
