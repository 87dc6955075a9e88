"""From, to and a period in, the slots to fill out, day by day, in order, one shard of them. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from nodetally.errors import WrongUse
from nodetally.times import format_time

DAY_SECONDS = 86_400
SETTLED_SECONDS = 300  # a pass has five minutes (settings.TIMEOUT_SECONDS), so then a slot that is over has its answer
MOST_SHARDS = 10_000


class Shard(NamedTuple):
    """One of several processes that share a backfill: every `of`-th day is its, so no two change one day index."""

    number: int = 0
    of: int = 1

    def has(self, day: date) -> bool:
        """Whether a day is this shard's."""
        return day.toordinal() % self.of == self.number


WHOLE = Shard()


def parse_shard(text: str) -> Shard:
    """Read i/n, counted from 0 as an Indexed Job counts. Raises WrongUse.

    >>> parse_shard("2/8")
    Shard(number=2, of=8)
    """
    number, slash, of = text.partition("/")
    if slash and number.isdecimal() and of.isdecimal() and len(text) < 12 and int(number) < int(of) <= MOST_SHARDS:
        return Shard(int(number), int(of))
    raise WrongUse(
        f"not a shard: {text!r}", hint="write i/n with i from 0 to n-1, such as $(JOB_COMPLETION_INDEX)/8 in a Job"
    )


@dataclass(frozen=True)
class Plan:
    """The slots from `start` (inclusive) to `end` (exclusive), multiples of the period from midnight UTC."""

    start: datetime
    end: datetime
    every_seconds: int
    newest_first: bool = True
    shard: Shard = WHOLE

    def days(self) -> Iterator[date]:
        """The shard's days that have slots, in order."""
        first, last = self.start.toordinal(), (self.end - timedelta(microseconds=1)).toordinal()
        ordinals = range(first, last + 1)
        for ordinal in reversed(ordinals) if self.newest_first else ordinals:
            day = date.fromordinal(ordinal)
            if self.shard.has(day) and self.count(day):
                yield day

    def slots(self, day: date) -> list[datetime]:
        """The slots of a day, in order."""
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        found = [midnight + timedelta(seconds=self.every_seconds * each) for each in self._numbers(day)]
        return found[::-1] if self.newest_first else found

    def count(self, day: date) -> int:
        """How many slots a day has."""
        return len(self._numbers(day))

    def total(self) -> int:
        """How many slots there are in all."""
        return sum(self.count(day) for day in self.days())

    def _numbers(self, day: date) -> range:
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        first = max(0, -(-_seconds(self.start - midnight) // self.every_seconds))
        behind = min(DAY_SECONDS // self.every_seconds, -(-_seconds(self.end - midnight) // self.every_seconds))
        return range(first, max(first, behind))


def make_plan(
    start: datetime, end: datetime, now: datetime, every_seconds: int, *, newest_first: bool, shard: Shard
) -> Plan:
    """The plan, without the slots that a live pass may still answer for. Raises WrongUse where nothing is left."""
    if start >= end:
        raise WrongUse(f"--from {format_time(start)} is not before --to {format_time(end)}")
    settled = now - timedelta(seconds=every_seconds + SETTLED_SECONDS)
    if start >= settled:
        raise WrongUse(
            f"--from {format_time(start)} is not past: until {every_seconds + SETTLED_SECONDS} s after its start "
            "a slot is the running job's",
            hint="choose an earlier time",
        )
    return Plan(start, min(end, settled), every_seconds, newest_first, shard)


def _seconds(span: timedelta) -> int:
    """Whole seconds, rounded up: a slot is at or behind a start, and before an end."""
    return -(-span // timedelta(seconds=1)) if span.microseconds else int(span.total_seconds())
