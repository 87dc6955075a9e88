"""What a cluster's index and `latest` should say, by what there is now. Reads only; see `settle` for what writes it."""

from datetime import date as calendar_date
from functools import cache, partial
from typing import Any

from nodetally.errors import StoreError
from nodetally.store.base import Store, exists
from nodetally.store.bodies import slot_in
from nodetally.store.indexes import RECENT_SPAN, Document, Summary, entries_of, merge_cluster
from nodetally.store.layout import cluster_index_key, cluster_prefix, day_index_key, parse_day_index_key, snapshot_key
from nodetally.store.update import damage_told, damaged, load
from nodetally.store.whole import Bodies


def wrong_with_latest(store: Store, cluster: str, body: bytes | None, *, deep: bool = True) -> str | None:
    """What is wrong with the body of a `latest` that was read just now; None when nothing is.

    Not `deep`: the snapshot that it is a copy of is not read, only looked for.
    """
    last = last_slot(store, cluster)
    if body is None:
        return f"missing; the newest snapshot is of {last}" if last else None
    slot = slot_in(body)
    key = _key_of(cluster, slot)
    if slot is None or key is None:
        return "damaged: it names no slot"
    if last and slot < last:
        return f"of {slot}, older than the newest snapshot, of {last}"
    if not deep:
        return None if exists(store, key) else f"of {slot}, a snapshot that is not there"
    copied = store.get(key)
    if copied is None:
        return f"of {slot}, a snapshot that is not there"
    damaged_itself = Bodies(store).judge(key, copied.body).damage  # then this may be the last good copy
    return None if copied.body == body or damaged_itself else f"not a copy of the snapshot of {slot}"


def wanted_cluster(store: Store, cluster: str, index: Document | None, *, deep: bool = True) -> Document | None:
    """The cluster index that its day indexes make; None when they list nothing.

    Not `deep`: without schedulable_totals, for which the last snapshot must be read. StoreError when one of the day
    indexes that it needs is damaged.
    """
    listed = store.list(f"{cluster_prefix(cluster)}days/")
    dates = [name.date for entry in listed if (name := parse_day_index_key(entry.key))]
    of_day = cache(partial(day_summaries, store, cluster))
    first = next((date for date in dates if of_day(date)), None)
    if first is None:
        return None
    last = next(date for date in reversed(dates) if of_day(date))
    day_before = str(calendar_date.fromisoformat(last) - RECENT_SPAN)
    needed = sorted({first, last, *({day_before} & set(dates))})
    summaries = [summary for date in needed for summary in of_day(date)]
    if deep:
        summaries[-1] = _read_again(store, summaries[-1], index)
    merged = merge_cluster(None, cluster, summaries) | {"days": [date for date in dates if first <= date <= last]}
    if not deep:
        del merged["schedulable_totals"]
    return {**(index or {}), **merged}


def day_summaries(store: Store, cluster: str, date: str) -> list[Summary]:
    """A day index's lines, sorted, without schedulable_totals. DamagedDocument when they cannot be read."""
    key = day_index_key(cluster, date)
    index = load(store, key).document
    listed = [] if index is None else index.get("snapshots")
    lines = entries_of(index)
    if not isinstance(listed, list) or len(listed) != len(lines):
        raise damaged(store, key, "no list of snapshots, each with a slot of its own")
    with damage_told(store, key):
        summaries = [Summary(cluster, slot, snapshot_key(cluster, slot), lines[slot], None) for slot in sorted(lines)]
        for each in summaries:
            if each.entry["key"] != each.key or each.date != date:
                raise StoreError(f"a line of {each.slot} with the key {each.entry['key']}")
        if summaries:
            merge_cluster(None, cluster, summaries)  # everything that is asked of a line
    return summaries


def _read_again(store: Store, summary: Summary, index: Document | None) -> Summary:
    """The last snapshot's summary with schedulable_totals; unreadable meanwhile: those that the index has for it."""
    body = Bodies(store).read([summary.key])[summary.key]
    if body.summary:
        return body.summary
    same = index is not None and index.get("last") == summary.end
    return summary._replace(schedulable_totals=index.get("schedulable_totals") if index and same else None)


def last_slot(store: Store, cluster: str) -> str | None:
    """The last slot by the cluster index; None when there is no index."""
    index = load(store, cluster_index_key(cluster)).document
    if index is None:
        return None
    last = index.get("last")
    if not isinstance(last, dict) or _key_of(cluster, last.get("slot")) is None:
        raise damaged(store, cluster_index_key(cluster), "it names no last slot")
    return str(last["slot"])


def _key_of(cluster: str, slot: Any) -> str | None:
    try:
        return snapshot_key(cluster, slot)
    except (StoreError, TypeError):
        return None
