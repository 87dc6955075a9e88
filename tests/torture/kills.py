"""Passes killed at random moments and at every step; then the next pass, and the store verifies."""

import random
import re
import statistics
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from nodetally.store.layout import slot_of
from nodetally.store.verify import verify
from torture.children import KILLED, Ended, Job, dies_at, forked, started
from torture.places import Place

STEPS = 5  # snapshot, day index, cluster index, latest, list of clusters
ROUNDS_IN_A_CLUSTER = 25  # then a new one: verify reads a whole cluster after every round
STARTED_EVERY = 8  # rounds; a whole program's start takes ten times as long as a forked pass
_STORED_AS = re.compile(r"; stored as \S+?/(snapshots/\S+)")
Way = Callable[..., Ended]
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


class Killer:
    """Rounds in one store, each of some kills and then a pass that is let through."""

    def __init__(self, place: Place, dump: Path, folder: Path, chance: random.Random) -> None:
        self.place, self.dump, self.folder, self.chance = place, dump, folder, chance
        self.store = place.open()
        self.figures: Counter[str] = Counter()
        self._cluster = 0
        self._new_cluster()
        self._typical = {way.__name__: self._seconds(way) for way in (forked, started)}

    def round(self, number: int) -> None:
        """Kill one to three passes, let one through, and hold the store against what was acknowledged."""
        if number and number % ROUNDS_IN_A_CLUSTER == 0:
            self._new_cluster()
        way: Way = started if number % STARTED_EVERY == 0 else forked
        if self._passes >= 2 and self.chance.random() < 0.15:
            self._backfill()
        else:
            for _ in range(self.chance.choice((1, 1, 1, 2, 3))):
                self._tick()
                self._kill(way, slot_of(self.now))
            if self.chance.random() < 0.5:
                self._tick()
            self._let_through(slot_of(self.now))
        self._check()
        self.figures["rounds"] += 1

    def steps(self) -> None:
        """Killed before and just after each of the writes, for a cluster's first pass and for a later one."""
        for when in ("before", "after"):
            for first in (True, False):
                for write in range(STEPS if first else STEPS - 1):  # the list of clusters is written once
                    if first:
                        self._new_cluster()
                    self._tick()
                    end = forked(self._job, slot_of(self.now), **{when: dies_at(write)})  # type: ignore[arg-type]
                    assert end.code == KILLED, end
                    self._count(end)
                    if self.chance.random() < 0.5:
                        self._tick()
                    self._let_through(slot_of(self.now))
                    self._check()

    def finish(self) -> None:
        """The whole store: every cluster, and every snapshot that was ever acknowledged."""
        wrong = list(verify(self.store, patience_seconds=0))
        assert not wrong, wrong
        self._check_acknowledged(self._job.acknowledged())

    def _kill(self, way: Way, slot: str) -> None:
        """Kill a pass, most likely while it publishes; one that had said that it was done has done it."""
        typical = self._typical[way.__name__]
        end = way(self._job, slot, kill_after=self.chance.triangular(0, typical, 0.8 * typical))
        self._count(end)
        said = _STORED_AS.search(end.said)
        if way is started and said:
            stored = self.store.get(said[1])
            assert stored, f"told as stored and missing: {said[1]}"
            self._job.note(said[1], stored.body)

    def _backfill(self) -> None:
        """An old slot, killed; nobody heals that but whoever does it again."""
        slot = slot_of(self.now - self.chance.randrange(1, 2000) * MINUTE - timedelta(seconds=30))
        self._kill(forked, slot)
        self._let_through(slot)

    def _count(self, end: Ended) -> None:
        assert end.code in (0, KILLED), end
        self.figures["kills" if end.code == KILLED else "ended before the kill"] += 1

    def _let_through(self, slot: str) -> None:
        end = forked(self._job, slot)
        assert end.code == 0, end
        assert "stored" in end.said
        self._passes += 1

    def _check(self) -> None:
        wrong = list(verify(self.store, cluster=self._job.cluster, patience_seconds=0))
        assert not wrong, (self.figures, wrong)
        place = f"/cluster={self._job.cluster}/"
        self._check_acknowledged({key: hashes for key, hashes in self._job.acknowledged().items() if place in key})

    def _check_acknowledged(self, acknowledged: dict[str, set[str]]) -> None:
        for key, hashes in acknowledged.items():
            stored = self.store.get(key)
            assert stored is not None, f"acknowledged and missing: {key}"
            assert {sha256(stored.body).hexdigest()} == hashes, f"acknowledged and changed: {key}"
        self.figures["acknowledged"] = len(self._job.acknowledged())

    def _tick(self) -> None:
        """The next slot: a minute on, now and then on another day once the cluster has an index."""
        jump = self._passes >= 2 and self.chance.random() < 0.05
        self.now += DAY if jump else MINUTE

    def _new_cluster(self) -> None:
        self._cluster += 1
        self._passes = 0
        self.now = datetime(2026, 11, 23, 12, tzinfo=UTC)
        self._job = Job(self.place.url, self.dump, f"c{self._cluster}", self.folder)

    def _seconds(self, way: Way) -> float:
        """How long a pass takes that nobody kills."""
        taken = []
        for _ in range(3):
            self._tick()
            start = time.monotonic()
            end = way(self._job, slot_of(self.now))
            taken.append(time.monotonic() - start)
            assert end.code == 0, end
        return statistics.median(taken)
