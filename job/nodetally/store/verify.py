"""A store in, everything that is wrong with it out: read in parallel, day by day, in bounded memory. Writes nothing.

A pass that publishes meanwhile is no breach: what it leaves behind for a moment is looked at again, and only what is
found both times is told.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from functools import cache, partial
from typing import NamedTuple

from nodetally.store import breaches, rollups, walk
from nodetally.store.base import Store
from nodetally.store.breaches import PASSING, Breach
from nodetally.store.layout import cluster_index_key, clusters_key, day_index_key, latest_key
from nodetally.store.parallel import DAYS_AT_ONCE, READERS, in_order
from nodetally.store.seen import Seen
from nodetally.store.update import DamagedDocument, look
from nodetally.store.wanted import wanted_cluster, wrong_with_latest
from nodetally.store.whole import Bodies

PATIENCE_SECONDS = 10.0  # a publish takes under a second; one that loses races or meets a slow server, some seconds
LOOKS = 3  # at what may be passing; more than two only where a busy store looks different each time
SUSPECTS_AT_ONCE = 256  # so that a store without indexes is neither held in memory nor waited for at every day

Look = Callable[[], Iterable[Breach]]


class _Place(NamedTuple):
    """What is looked at as a whole: a cluster's day or one's rollup, a cluster, or the list of clusters."""

    look: Look
    again: Look  # once more, at what is there then


class _Suspect(NamedTuple):
    """A place, and what was wrong there that may have been passing."""

    look: Look
    told: list[Breach]


def verify(
    store: Store,
    *,
    cluster: str | None = None,
    deep: bool = True,
    patience_seconds: float = PATIENCE_SECONDS,
    seen: Seen | None = None,
) -> Iterator[Breach]:
    """Everything that is wrong with a store, or with one cluster of it. Not `deep`: no snapshot is read.

    StoreError when the store cannot be read, or an index was written by a newer nodetally.
    """
    seen = seen or Seen()
    names: set[str] = set()
    for each in walk.clusters(store) if cluster is None else [cluster]:
        if isinstance(each, walk.Stray):
            yield from _unknown(each, None)
        else:
            names.add(each)
    seen.clusters_found = len(names)
    with ThreadPoolExecutor(READERS) as readers, ThreadPoolExecutor(DAYS_AT_ONCE) as pool:
        view = _View(store, Bodies(store, readers), cluster, deep=deep)
        found = _found(pool, _places(store, view, sorted(names), seen), lambda: time.sleep(patience_seconds))
        yield from breaches.without_echoes(found)


def _places(store: Store, view: "_View", names: list[str], seen: Seen) -> Iterator[_Place]:
    """Day by day, then the rollups, then the cluster itself; the list of clusters at the end."""
    for name in names:
        for each in walk.days(store, name):
            if isinstance(each, walk.Stray):
                yield _always(partial(_unknown, each, name))
                continue
            yield _Place(partial(view.day, each), partial(view.day_again, name, each.date))
            seen.days += 1
            seen.snapshots += len(each.snapshots)
            seen.snapshot_bytes += sum(entry.size for entry in each.snapshots.values())
        for date, keys in rollups.days(store, name).items():
            yield from (_always(partial(view.rollup, name, date, key)) for key in keys)
        yield _always(partial(view.cluster, name))
        seen.clusters += 1
    yield _always(view.list)


def _always(look: Look) -> _Place:
    return _Place(look, look)


def _unknown(stray: walk.Stray, cluster: str | None) -> list[Breach]:
    return [Breach("unknown-file", cluster, stray.key, "nothing that a store holds")]


def _found(pool: Executor, places: Iterator[_Place], wait: Callable[[], None]) -> Iterator[Breach]:
    """What is wrong at each place; what may be passing is told after another look, in the same order."""
    suspects: list[_Suspect] = []
    for place, wrong in in_order(pool, lambda place: list(place.look()), places, 2 * DAYS_AT_ONCE):
        yield from (each for each in wrong if each.kind not in PASSING)
        passing = [each for each in wrong if each.kind in PASSING]
        if passing:
            suspects.append(_Suspect(place.again, passing))
        if len(suspects) == SUSPECTS_AT_ONCE:
            yield from _still_found(pool, suspects, wait)
            suspects = []
    yield from _still_found(pool, suspects, wait)


def _still_found(pool: Executor, suspects: list[_Suspect], wait: Callable[[], None]) -> Iterator[Breach]:
    """What is there at two looks one after the other; what is new at the second is looked at once more."""
    for _ in range(LOOKS - 1):
        if not suspects:
            return
        wait()
        before, suspects = suspects, []
        for suspect, wrong in in_order(pool, lambda suspect: list(suspect.look()), before, 2 * DAYS_AT_ONCE):
            yield from (each for each in wrong if each in suspect.told)
            fresh = [each for each in wrong if each.kind in PASSING and each not in suspect.told]
            if fresh:
                suspects.append(suspect._replace(told=fresh))


class _View:
    """What is wrong at one place, as it is now; threads share it."""

    def __init__(self, store: Store, bodies: Bodies, only: str | None, *, deep: bool) -> None:
        self._store, self._bodies, self._only, self._deep = store, bodies, only, deep

    def day(self, day: walk.Day) -> Iterator[Breach]:
        """A day as it was listed a moment ago."""
        cluster, date = day.cluster, day.date
        loaded = look(self._store, day_index_key(cluster, date))
        wanted = {slot: {"slot": slot, "key": entry.key} for slot, entry in day.snapshots.items()}
        if self._deep:
            bodies = self._bodies.read(entry.key for entry in day.snapshots.values())
            for key, body in bodies.items():
                if body.damage:
                    yield Breach("unreadable-snapshot", cluster, key, body.damage)
            wanted = {each.summary.slot: each.summary.entry for each in bodies.values() if each.summary}
        if loaded.damage:
            yield Breach("damaged-index", cluster, day_index_key(cluster, date), loaded.damage)
            return
        wrong = list(breaches.of_day_index(loaded.document, cluster, date)) if loaded.document else []
        relisted = cache(lambda: walk.day(self._store, cluster, date).snapshots)  # younger than the index
        yield from wrong or breaches.of_entries(loaded.document, cluster, date, wanted, lambda slot: slot in relisted())

    def day_again(self, cluster: str, date: str) -> Iterator[Breach]:
        """A day, listed now."""
        return self.day(walk.day(self._store, cluster, date))

    def rollup(self, cluster: str, date: str, key: str) -> Iterator[Breach]:
        """One of a day's rollups, against the day's snapshots."""
        return breaches.of_rollup(rollups.state(self._store, key, cluster, date), cluster, key)

    def cluster(self, cluster: str) -> Iterator[Breach]:
        """A cluster's index and `latest`, against its day indexes."""
        loaded = look(self._store, cluster_index_key(cluster))
        if loaded.damage:
            yield Breach("damaged-index", cluster, cluster_index_key(cluster), loaded.damage)
            return
        with suppress(DamagedDocument):  # a day index, and told of there
            wanted = wanted_cluster(self._store, cluster, loaded.document, deep=self._deep)
            yield from breaches.of_cluster_index(loaded.document, wanted, cluster)
        with suppress(DamagedDocument):  # the cluster index's last slot, and told of just now
            latest = self._store.get(latest_key(cluster))
            wrong = wrong_with_latest(self._store, cluster, latest.body if latest else None, deep=self._deep)
            yield from breaches.of_latest(wrong, cluster)

    def list(self) -> Iterator[Breach]:
        """The list of clusters, against the clusters that have snapshots."""
        loaded = look(self._store, clusters_key())
        if loaded.damage:
            yield Breach("damaged-index", None, clusters_key(), loaded.damage)
            return
        if self._only is None:
            found = set(walk.with_snapshots(self._store))
        else:
            found = {self._only} if walk.has_snapshots(self._store, self._only) else set()
        yield from breaches.of_list(loaded.document, found, self._only)
