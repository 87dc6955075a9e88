"""A retention policy and times in, which of them to keep out. Pure: no store, no clock.

A tier such as `hourly:30d` keeps the first snapshot of each hour (UTC) that is at most 30 days old; a snapshot is kept
when any tier keeps it. The first one stays the first however often a store is thinned, so thinning every day leaves
what thinning once would; where a span is less than one of its buckets longer than the finer one's (all:71h,daily:3d),
it may leave more for as long, never less.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from nodetally.errors import WrongUse
from nodetally.store.layout import moment_of

FORMS = (
    "write it as all:2d,hourly:30d,daily:2y: each tier is all, 5m (any minutes that divide an hour), hourly, daily, "
    "weekly or monthly; each span a number of h, d, w or y, or forever; finer tiers first, spans growing"
)
UNIT_DAYS: Mapping[str, float] = {"h": 1 / 24, "d": 1, "w": 7, "y": 365}
OLDER = "older"
_TIER = re.compile(r"([a-z]+|\d{1,2}m):(?:(\d{1,6})([hdwy])|forever)", re.ASCII)

Bucket = Callable[[datetime], object]
_BUCKETS: Mapping[str, tuple[float, Bucket]] = {  # with its length in minutes, to put tiers in order
    "all": (0, lambda moment: moment),
    "hourly": (60, lambda moment: (moment.date(), moment.hour)),
    "daily": (1_440, lambda moment: moment.date()),
    "weekly": (10_080, lambda moment: moment.isocalendar()[:2]),
    "monthly": (43_200, lambda moment: (moment.year, moment.month)),
}


class Tier(NamedTuple):
    """One part of a policy."""

    text: str
    minutes: float  # the length of a bucket; 0: each snapshot is its own
    bucket: Bucket
    span: timedelta | None  # None: for ever

    def reaches(self, age: timedelta) -> bool:
        """Whether something of this age is young enough."""
        return self.span is None or age <= self.span


class Decision(NamedTuple):
    """What becomes of one slot."""

    slot: str
    tier: str  # the finest whose span reaches its age; OLDER when none does
    kept: bool


def parse_policy(text: str) -> list[Tier]:
    """Read a policy. WrongUse with the forms when it is none, or when a tier could never keep anything.

    >>> [tier.text for tier in parse_policy("all:2d, hourly:30d,daily:forever")]
    ['all:2d', 'hourly:30d', 'daily:forever']
    """
    tiers = [_tier(part.strip()) for part in text.split(",")]
    for finer, coarser in pairwise(tiers):
        if coarser.minutes <= finer.minutes:
            raise WrongUse(f"{coarser.text} after {finer.text}: it is not coarser", hint=FORMS)
        if finer.span is None or (coarser.span is not None and coarser.span <= finer.span):
            raise WrongUse(f"{coarser.text} keeps nothing that {finer.text} does not keep already", hint=FORMS)
    return tiers


class Thinning:
    """One thinning: tells of each slot, in their order, what becomes of it; holds one bucket for each tier."""

    def __init__(self, policy: list[Tier], now: datetime) -> None:
        self._policy, self._now = policy, now
        self._last: list[object] = [None] * len(policy)

    def decide(self, slot: str) -> Decision:
        """What becomes of the next slot. One after `now` has no age yet, so the finest tier reaches it."""
        moment = moment_of(slot)
        age = self._now - moment
        kept = False
        for at, tier in enumerate(self._policy):
            bucket = tier.bucket(moment)
            if bucket != self._last[at]:
                self._last[at] = bucket
                kept = kept or tier.reaches(age)
        reached = next((tier.text for tier in self._policy if tier.reaches(age)), OLDER)
        return Decision(slot, reached, kept)


def _tier(text: str) -> Tier:
    found = _TIER.fullmatch(text)
    if not found:
        raise WrongUse(f"not a tier of a retention policy: {text!r}", hint=FORMS)
    name, count, unit = found.groups()
    minutes, bucket = _bucket(name, text)
    if count is None:
        return Tier(text, minutes, bucket, None)
    span = timedelta(days=int(count) * UNIT_DAYS[unit])
    if not span:
        raise WrongUse(f"{text} keeps nothing", hint=FORMS)
    return Tier(text, minutes, bucket, span)


def _bucket(name: str, text: str) -> tuple[float, Bucket]:
    if name in _BUCKETS:
        return _BUCKETS[name]
    every = int(name[:-1]) if name[:-1].isdecimal() else 0
    if not every or 60 % every or every == 60:
        raise WrongUse(f"not a tier of a retention policy: {text!r}", hint=FORMS)
    return every, lambda moment: (moment.date(), moment.hour, moment.minute // every)
