"""The store read back: which clusters, the latest snapshot, the one of a moment. Writes nothing.

Goes through the indexes, so a read costs a few requests however long the history is; where an index is missing the
keys themselves are listed, and where it is damaged the error says so.
"""

from datetime import datetime
from typing import Any

from nodetally.errors import StoreError, WrongUse
from nodetally.store import walk
from nodetally.store.base import Store
from nodetally.store.bodies import open_snapshot, slot_in
from nodetally.store.indexes import Document
from nodetally.store.layout import (
    cluster_index_key,
    clusters_key,
    day_index_key,
    is_cluster_name,
    is_date,
    latest_key,
    moment_of,
    slot_of,
    snapshot_key,
    validate_cluster_name,
)
from nodetally.store.update import damaged, load
from nodetally.store.whole import check_whole, whole_snapshot

NAMED_CLUSTERS = 20  # as many as fit into a message


def clusters(store: Store) -> list[str]:
    """The names of all clusters in the store, sorted."""
    index = load(store, clusters_key()).document
    if index is None:
        return sorted(walk.with_snapshots(store))
    names = index.get("clusters")
    if not isinstance(names, list) or not all(isinstance(name, str) and is_cluster_name(name) for name in names):
        raise damaged(store, clusters_key(), "no list of clusters' names")
    return sorted(names)


def latest(store: Store, cluster: str) -> dict[str, Any]:
    """The newest snapshot of a cluster."""
    validate_cluster_name(cluster)
    stored = store.get(latest_key(cluster))
    if stored:
        return _opened_latest(store, cluster, stored.body)
    key = _newest_key(store, cluster, None)
    if key is None:
        raise _none_yet(store, cluster)
    return _read(store, key)


def at(store: Store, cluster: str, moment: datetime) -> dict[str, Any]:
    """The newest snapshot of a cluster whose slot is at or before `moment` (which has a zone)."""
    validate_cluster_name(cluster)
    slot = slot_of(moment)
    key = _newest_key(store, cluster, slot)
    if key is None:
        raise _none_before(store, cluster, slot)
    return _read(store, key)


def days(store: Store, cluster: str) -> list[str]:
    """The dates on which a cluster has snapshots, sorted."""
    key = cluster_index_key(cluster)
    index = load(store, key).document
    if index is None:
        return [day.date for day in walk.days_between(store, cluster, *walk.EVER)]
    dates = index.get("days")
    if not isinstance(dates, list) or not all(isinstance(date, str) and is_date(date) for date in dates):
        raise damaged(store, key, "no list of days")
    return sorted(dates)


def slots(store: Store, cluster: str, date: str) -> list[str]:
    """The slots of a day's snapshots, sorted."""
    key = day_index_key(cluster, date)
    index = load(store, key).document
    if index is None:
        return sorted(walk.day(store, cluster, date).snapshots)
    try:
        return sorted(slot_of(moment_of(entry["slot"])) for entry in index["snapshots"])
    except (KeyError, TypeError, StoreError) as error:
        raise damaged(store, key, "no list of snapshots") from error


def no_cluster(store: Store, cluster: str) -> WrongUse:
    """The error for a cluster that is not in the store; it names those that are."""
    others = clusters(store)
    named = ", ".join(others[:NAMED_CLUSTERS]) + (", …" if len(others) > NAMED_CLUSTERS else "")
    return WrongUse(f"no cluster {cluster} in {store.url}", hint=f"there are: {named or 'none'}")


def _newest_key(store: Store, cluster: str, slot: str | None) -> str | None:
    """The key of the newest snapshot at or before a slot (None: of all); None when there is none."""
    for date in reversed(days(store, cluster)):
        if slot is None or date <= slot[:10]:
            found = [each for each in slots(store, cluster, date) if slot is None or each <= slot]
            if found:
                return snapshot_key(cluster, found[-1])
    return None


def _read(store: Store, key: str) -> Document:
    stored = store.get(key)
    if stored is None:
        raise StoreError(
            f"{key} is in an index of {store.url}, but not there",
            hint="something deleted it: choose another time with --at",
        )
    return whole_snapshot(store.url, key, stored.body)


def _opened_latest(store: Store, cluster: str, body: bytes) -> Document:
    """The copy has no slot in its key, so what it says of itself names the key that it must fit."""
    slot = slot_in(body)
    if slot is None:
        raise damaged(store, latest_key(cluster), "not a snapshot")
    document = open_snapshot(store.url, _key_by_its_word(store, cluster, slot), body)
    return check_whole(store.url, latest_key(cluster), document)


def _key_by_its_word(store: Store, cluster: str, slot: str) -> str:
    try:
        return snapshot_key(cluster, slot)
    except StoreError as error:
        raise damaged(store, latest_key(cluster), str(error)) from error


def _none_yet(store: Store, cluster: str) -> StoreError | WrongUse:
    """Why there is no snapshot of a cluster: the store has others, or is empty."""
    if cluster not in (clusters(store) or [cluster]):
        return no_cluster(store, cluster)
    return StoreError(
        f"no snapshot of {cluster} in {store.url} yet",
        hint=f"nodetally run --cluster {cluster} --store {store.url}",
    )


def _none_before(store: Store, cluster: str, slot: str) -> StoreError | WrongUse:
    known = days(store, cluster)
    first = slots(store, cluster, known[0])[:1] if known else []
    if not first:
        return _none_yet(store, cluster)
    return StoreError(
        f"no snapshot of {cluster} at or before {slot} in {store.url}", hint=f"the first is of {first[0]}"
    )
