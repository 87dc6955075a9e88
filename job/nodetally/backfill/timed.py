"""Records of one moment each (dumps, backups), found by the slot that they answer for. Knows no format."""

from abc import ABC, abstractmethod
from bisect import insort
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from nodetally.backfill.files import Files
from nodetally.backfill.source import Impossible, SourceUnreachable
from nodetally.cluster.observation import Observation
from nodetally.errors import ClusterError
from nodetally.times import cut_down

ATTEMPTS = 3  # a body of some 100 MB breaks off now and then; the S3 client's own attempts do not cover that


class Record(NamedTuple):
    """The files that together are the cluster at one moment; `refused`: why they cannot be used."""

    taken_at: datetime
    names: tuple[str, ...]
    refused: str = ""


class TimedSource(ABC):
    """Which records there are is known from a listing; they are read one by one, when their slot is to be filled.

    As with live passes, the first record of a slot answers for it; one that is broken leaves it to the next.
    """

    def __init__(self, files: Files, every_seconds: int, records: Iterable[Record]) -> None:
        self.files = files
        self.name = files.url
        self._every = every_seconds
        self._slots: dict[datetime, list[Record]] = {}
        for record in records:
            insort(self._slots.setdefault(cut_down(record.taken_at, every_seconds), []), record)

    @abstractmethod
    def read(self, record: Record) -> Observation:
        """The cluster that a record holds. Raises ClusterError when it is broken, or half of one."""

    def span(self) -> tuple[datetime, datetime] | None:
        """From the first record's slot to the last's."""
        if not self._slots:
            return None
        return min(self._slots), max(self._slots) + timedelta(seconds=self._every)

    def foresee(self, slot: datetime) -> Impossible | None:
        """Most slots have no record."""
        records = self._slots.get(slot)
        if not records:
            return Impossible(f"{self.name} has nothing of that time")
        refused = [each.refused for each in records]
        return Impossible(refused[0], broken=True) if all(refused) else None

    def observe(self, slots: Sequence[datetime]) -> Iterator[tuple[datetime, Observation | Impossible]]:
        """One after the other."""
        for slot in slots:
            yield slot, self.foresee(slot) or self._first_whole(self._slots[slot])

    def _first_whole(self, records: list[Record]) -> Observation | Impossible:
        why: Impossible | None = None
        for record in records:
            try:
                if not record.refused:
                    return self._read(record)
            except SourceUnreachable:
                raise
            except ClusterError as error:
                why = why or Impossible(str(error), broken=True)
        return why or Impossible(records[0].refused, broken=True)

    def _read(self, record: Record) -> Observation:
        for _ in range(ATTEMPTS - 1):
            try:
                return self.read(record)
            except SourceUnreachable:
                continue
        return self.read(record)
