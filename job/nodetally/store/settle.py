"""Snapshots in, derived documents brought to what they say: added, corrected, removed. Never touches a snapshot.

Safe beside publishers, prunes and others of its kind: a document is read first and the snapshots after it, written by
compare-and-swap, and looked at again after every write. Whoever writes a document or deletes a snapshot last also
looks last, so what one of them leaves out of date another sees.
"""

from collections import Counter
from collections.abc import Callable, Container, Mapping, Set
from typing import NamedTuple

import orjson

from nodetally.store import walk
from nodetally.store.base import Store
from nodetally.store.indexes import SCHEMA, Document, Summary, agrees, day_of, entries_of
from nodetally.store.layout import (
    INDEX_HEADERS,
    LATEST_HEADERS,
    cluster_index_key,
    clusters_key,
    day_index_key,
    latest_key,
    parse_snapshot_key,
    snapshot_key,
)
from nodetally.store.update import Loaded, Pauses, look, lost_every_race
from nodetally.store.wanted import last_slot, wanted_cluster, wrong_with_latest
from nodetally.store.whole import Bodies

# A look takes longer than a publisher's read and merge, so it loses more races: up to 26 in a row beside six passes
# without a pause (make torture).
SETTLE_ATTEMPTS = 100
PAUSES_GROW_UNTIL = 2  # as after a publisher's third lost race, 0.2 s at most: waiting longer would not make it win

Wanted = Callable[[Document | None], Document | None]


class Change(NamedTuple):
    """A derived document that was changed, or would be."""

    key: str
    what: str


class SettledDay(NamedTuple):
    """What came of a day: the change to its index, and the snapshots that cannot be read, each with why."""

    change: Change | None
    unreadable: Mapping[str, str]


def settle(store: Store, key: str, wanted: Wanted, *, pauses: Pauses, dry_run: bool = False) -> bool:
    """Bring a derived document to what `wanted` makes of it (None: there should be none), until a look finds it so.

    `wanted` is given the document (None when there is none, or a damaged one) and reads the snapshots after it.
    Returns whether anything was, or with `dry_run` would be, changed.
    """
    changed = False
    for attempt in range(SETTLE_ATTEMPTS):
        loaded = look(store, key)
        document = wanted(loaded.document)
        if agrees(document, loaded.document) and not loaded.damage:
            return changed
        if dry_run:
            return True
        if document is None:
            store.delete(key)
            changed = True
        elif store.put_if_match(key, orjson.dumps(document), loaded.etag, INDEX_HEADERS):
            changed = True
        else:
            pauses.after(min(attempt, PAUSES_GROW_UNTIL))
    raise lost_every_race(store, key, SETTLE_ATTEMPTS)


def settle_day(
    store: Store,
    cluster: str,
    date: str,
    *,
    pauses: Pauses,
    slots: Set[str] | None = None,
    bodies: Bodies | None = None,
    dry_run: bool = False,
) -> SettledDay:
    """Bring a day index to the day's snapshots, or only its lines of these `slots`; unreadable ones are left out."""
    judge = _DayJudge(store, cluster, date, slots, bodies or Bodies(store))
    key = day_index_key(cluster, date)
    changed = False
    for _ in range(SETTLE_ATTEMPTS):
        wrong = judge.wrong(look(store, key))
        if wrong is None:
            return SettledDay(Change(key, judge.said()) if changed else None, judge.unreadable)
        changed = True
        if dry_run:
            return SettledDay(Change(key, judge.said()), judge.unreadable)
        change_day(store, cluster, date, wrong, pauses=pauses)
    raise lost_every_race(store, key, SETTLE_ATTEMPTS)


def change_day(store: Store, cluster: str, date: str, lines: Mapping[str, Document | None], *, pauses: Pauses) -> None:
    """Put these lines into a day index, or take them out of it (None); an index of nothing is deleted.

    Quick, as a publisher is, so it wins races; what the lines were judged by may be out of date, so look again after.
    """
    key = day_index_key(cluster, date)
    for attempt in range(SETTLE_ATTEMPTS):
        loaded = look(store, key)
        merged = {**entries_of(loaded.document), **lines}
        left = {slot: line for slot, line in merged.items() if line is not None}
        document = day_of(loaded.document, cluster, date, left)
        if not left:
            return store.delete(key) if loaded.etag else None
        if document == loaded.document or store.put_if_match(key, orjson.dumps(document), loaded.etag, INDEX_HEADERS):
            return None
        pauses.after(min(attempt, PAUSES_GROW_UNTIL))
    raise lost_every_race(store, key, SETTLE_ATTEMPTS)


def settle_cluster(store: Store, cluster: str, *, pauses: Pauses, dry_run: bool = False) -> Change | None:
    """Bring a cluster index to its day indexes. StoreError when one of those that it needs is damaged."""
    key = cluster_index_key(cluster)
    if not settle(store, key, lambda index: wanted_cluster(store, cluster, index), pauses=pauses, dry_run=dry_run):
        return None
    return Change(key, "made from the day indexes")


def settle_latest(store: Store, cluster: str, *, pauses: Pauses, dry_run: bool = False) -> Change | None:
    """Bring `latest` to the cluster index's last snapshot, unless it is a true copy of a newer one."""
    key = latest_key(cluster)
    changed = None
    for attempt in range(SETTLE_ATTEMPTS):
        current = store.get(key)
        wrong = wrong_with_latest(store, cluster, current.body if current else None)
        if wrong is None:
            return changed
        changed = Change(key, wrong)
        if dry_run:
            return changed
        last = last_slot(store, cluster)
        if last is None:
            store.delete(key)
            continue
        newest = store.get(snapshot_key(cluster, last))
        if not newest or not store.put_if_match(key, newest.body, current.etag if current else None, LATEST_HEADERS):
            pauses.after(min(attempt, PAUSES_GROW_UNTIL))
    raise lost_every_race(store, key, SETTLE_ATTEMPTS)


def settle_list(
    store: Store, found: Set[str], *, pauses: Pauses, only: str | None = None, dry_run: bool = False
) -> Change | None:
    """Bring the list of clusters to those with snapshots: `found` are known to have some. `only`: judge but this."""

    def wanted(index: Document | None) -> Document | None:
        known = (index or {}).get("clusters")
        names = {name for name in known if isinstance(name, str)} if isinstance(known, list) else set()
        gone = {name for name in names - found if only in (None, name) and not walk.has_snapshots(store, name)}
        left = sorted((names | found) - gone)
        return {**(index or {}), "schema": SCHEMA, "clusters": left} if index or left else None

    changed = settle(store, clusters_key(), wanted, pauses=pauses, dry_run=dry_run)
    return Change(clusters_key(), "made from the snapshots' keys") if changed else None


class _DayJudge:
    """What a day index should say, told again at every look; bodies are read again only where it says otherwise."""

    def __init__(self, store: Store, cluster: str, date: str, slots: Set[str] | None, bodies: Bodies) -> None:
        self._store, self._cluster, self._date, self._slots, self._bodies = store, cluster, date, slots, bodies
        self._known: dict[str, Summary] = {}
        self._changes: dict[str, str] = {}
        self.unreadable: dict[str, str] = {}

    def wrong(self, loaded: Loaded) -> dict[str, Document | None] | None:
        """The lines to put in, and (None) to take out; None when the index is right."""
        found = entries_of(loaded.document)
        there = walk.day(self._store, self._cluster, self._date).snapshots
        judged = {slot for slot in (*found, *there) if self._slots is None or slot in self._slots}
        doubtful = {slot for slot in judged if not self._is_known(slot, found.get(slot), there)}
        self._read([there[slot].key for slot in sorted(doubtful) if slot in there])
        lines: dict[str, Document | None] = {}
        for slot in doubtful:
            summary = self._known.get(slot) if slot in there else None
            wanted = summary.entry if summary else None
            if not agrees(wanted, found.get(slot)):
                lines[slot] = wanted
        self._note(found, lines)
        for slot in lines:
            self._known.pop(slot, None)  # read again at the next look: it may have been stored anew
        return lines if lines or self._is_misshapen(loaded, found) else None

    def _is_misshapen(self, loaded: Loaded, found: Mapping[str, Document]) -> bool:
        """Whether the index cannot stay as it is, although none of its lines is wrong."""
        if loaded.document is None:
            return bool(loaded.damage)
        whole = day_of(loaded.document, self._cluster, self._date, found) if found else None
        return whole != loaded.document

    def said(self) -> str:
        """What was changed, in words."""
        counts = Counter(self._changes.values())
        return ", ".join(f"{count:,} {how}" for how, count in sorted(counts.items())) or "made anew"

    def _is_known(self, slot: str, line: Document | None, there: Container[str]) -> bool:
        return slot in there and slot in self._known and agrees(self._known[slot].entry, line)

    def _read(self, keys: list[str]) -> None:
        for key, body in self._bodies.read(keys).items():
            name = parse_snapshot_key(key)
            if name and body.summary:
                self._known[name.slot] = body.summary
            elif name:
                self._known.pop(name.slot, None)
                self.unreadable |= {key: body.damage} if body.damage else {}

    def _note(self, found: Container[str], lines: Mapping[str, Document | None]) -> None:
        for slot, line in lines.items():
            how = "removed" if line is None else "corrected" if slot in found else "added"
            self._changes.setdefault(slot, how)
