"""A source, a plan and a store in, the missing slots filled, and a count of what became of each.

A day at a time: its index and one listing say what is missing; the source is asked for that and nothing else. Snapshots
are put as they are made, the indexes follow in batches. It can be stopped anywhere and started again.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING

from nodetally.accounting.quantity import QuantityError
from nodetally.assemble import Assembled, assemble
from nodetally.backfill.filling import Filling
from nodetally.backfill.plan import Plan
from nodetally.backfill.source import Impossible, Source
from nodetally.cluster.observation import Observation
from nodetally.errors import ObjectUnreadable
from nodetally.settings import Settings
from nodetally.store import batch
from nodetally.store.base import Store
from nodetally.store.layout import slot_of
from nodetally.store.parallel import READERS, in_order
from nodetally.store.update import Pauses

if TYPE_CHECKING:
    from nodetally.store.indexes import Summary

FLUSH_SECONDS = 30.0  # for so long at most are stored snapshots in no index: as long as readers keep one (layout)


def fill(
    store: Store,
    settings: Settings,
    source: Source,
    plan: Plan,
    filling: Filling,
    *,
    dry_run: bool = False,
    go_on: Callable[[], bool] = lambda: True,
) -> None:
    """Fill what is missing. `filling` is kept up to date, so that it is right whenever this is interrupted.

    `go_on` is asked before each slot; where it says no, what was filled is indexed and the rest is left.
    Raises NodetallyError where the source or the store cannot be used any more; what was filled until then is stored,
    and in the indexes.
    """
    filling.slots = plan.total()
    filler = _Filler(store, settings, source, filling, go_on)
    for day in plan.days():
        if not go_on():
            break
        past, slots = batch.look_at(store, settings.cluster, day.isoformat()), plan.slots(day)
        missing = [slot for slot in slots if slot_of(slot) not in past.slots]
        filling.there += len(slots) - len(missing)
        if dry_run:
            _foresee(source, missing, filling)
        else:
            filler.mend(day, past.astray)
            filler.fill(missing)
    if not dry_run:
        batch.complete(store, settings.cluster, filler.pauses)


def _foresee(source: Source, slots: list[datetime], filling: Filling) -> None:
    for slot in slots:
        why = source.foresee(slot)
        if why is None:
            filling.filled += 1
        else:
            filling.refuse(slot, why)


class _Filler:
    """Puts the snapshots of one day after the other."""

    def __init__(
        self, store: Store, settings: Settings, source: Source, filling: Filling, go_on: Callable[[], bool]
    ) -> None:
        self._store, self._settings, self._source = store, settings, source
        self._filling, self._go_on = filling, go_on
        self._waiting: deque[Summary] = deque()  # put, and in no index yet; the putting threads add to it
        self._created: deque[bool] = deque()  # of what was put, and is not counted yet
        self._flushed = time.monotonic()
        self.pauses = Pauses()

    def mend(self, day: date, astray: frozenset[str]) -> None:
        """Index what an earlier run put and could not index, whether the plan names its slot or not."""
        if astray:
            batch.mend(self._store, self._settings.cluster, day.isoformat(), astray, self.pauses)
            self._filling.indexed += len(astray)

    def fill(self, slots: list[datetime]) -> None:
        """Whatever interrupts this, what was put is indexed before it goes on its way."""
        try:
            with ThreadPoolExecutor(READERS, "put") as pool:
                for _ in in_order(pool, self._put, self._make(slots), READERS):
                    self._count()
                    if time.monotonic() - self._flushed >= FLUSH_SECONDS:
                        self._flush()
        finally:
            self._count()
            self._flush()

    def _put(self, made: Assembled) -> None:
        summary, created = batch.put(self._store, made.outline, made.body)
        self._waiting.append(summary)
        self._created.append(created)

    def _count(self) -> None:
        """What was put until now, also what the threads put after an interruption."""
        while self._created:
            created = self._created.popleft()
            self._filling.filled += created
            self._filling.there += not created

    def _make(self, slots: list[datetime]) -> Iterator[Assembled]:
        begun = time.monotonic()
        for slot, found in self._observed(slots):
            if isinstance(found, Impossible):
                self._filling.refuse(slot, found)
                continue
            try:
                yield self._assemble(slot, found, begun)
            except (ObjectUnreadable, QuantityError) as error:
                self._filling.refuse(slot, Impossible(str(error), broken=True))
            begun = time.monotonic()

    def _observed(self, slots: list[datetime]) -> Iterator[tuple[datetime, Observation | Impossible]]:
        for each in self._source.observe(slots):
            yield each
            if not self._go_on():
                return

    def _assemble(self, slot: datetime, found: Observation, begun: float) -> Assembled:
        settings = replace(self._settings, at=slot, trigger="backfill")
        return assemble(found, settings, slot, lambda: time.monotonic() - begun)

    def _flush(self) -> None:
        waiting = [self._waiting.popleft() for _ in range(len(self._waiting))]
        batch.index(self._store, self._settings.cluster, waiting, self.pauses)
        self._flushed = time.monotonic()
