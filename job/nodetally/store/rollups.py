"""Rollups beside the snapshots that they were made from: which there are, and whether they still say the same.

A rollup says at its end what it was made from, so that a few kilobytes tell whether it is right; nothing here reads or
makes Parquet. Writes nothing, but deletes what contradicts the snapshots: a rollup that is missing can be made again.
"""

import hashlib
import re
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

from nodetally.store import walk
from nodetally.store.base import Entry, Store
from nodetally.store.layout import ROLLUP_KINDS, parse_rollup_key, rollup_key, rollups_prefix

FORMAT = 1  # of the columns: another number makes every rollup stale, so that all are made again
MADE_FROM = "nodetally.made_from"
# What a Parquet file says of itself stands at its very end (its FileMetaData: key_value_metadata is field 5 of 9);
# behind it are the writer's name, 5 bytes a column and the length: 0.6 kB of the widest kind.
TAIL_BYTES = 4096
MAGIC = b"PAR1"
_SAID = re.compile(
    re.escape(MADE_FROM).encode() + rb"\x18.(\d+) (\d+) (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ) ([0-9a-f]{64})"
)

State = Literal["fresh", "behind", "stale", "damaged"]


class MadeFrom(NamedTuple):
    """Which snapshots a rollup holds; immutable as they are, slots and sizes name them."""

    snapshots: int
    last: str
    digest: str

    def __str__(self) -> str:
        """As the Parquet file has it."""
        return f"{FORMAT} {self.snapshots} {self.last} {self.digest}"


def made_from(snapshots: Mapping[str, Entry]) -> MadeFrom:
    """What a rollup of exactly these snapshots, by slot, says that it was made from; there must be one."""
    lines = [f"{slot} {snapshots[slot].size}\n" for slot in sorted(snapshots)]
    return MadeFrom(len(lines), max(snapshots), hashlib.sha256("".join(lines).encode()).hexdigest())


def state(store: Store, key: str, cluster: str, date: str) -> State:
    """What a rollup is to the day's snapshots as they are now. The rollup is read first, then they are listed."""
    end = store.tail(key, TAIL_BYTES)
    return judged(end or b"", walk.day(store, cluster, date).snapshots)


def judged(end: bytes, snapshots: Mapping[str, Entry]) -> State:
    """What the end of a rollup says, held against the day's snapshots.

    fresh: made from just these; behind: from all up to a slot, later ones came since; stale: from others.
    """
    said = _SAID.search(end)
    if not said or not end.endswith(MAGIC):
        return "damaged"
    number, count, last = int(said[1]), int(said[2]), said[3].decode()
    until = {slot: entry for slot, entry in snapshots.items() if slot <= last}
    made = MadeFrom(count, last, said[4].decode())
    if number != FORMAT or not until or made_from(until) != made:
        return "stale"
    return "fresh" if len(until) == len(snapshots) else "behind"


def days(store: Store, cluster: str) -> dict[str, list[str]]:
    """The keys of a cluster's rollups, by day."""
    found: dict[str, list[str]] = {}
    for kind in ROLLUP_KINDS:
        for entry in store.list(rollups_prefix(kind, cluster)):
            name = parse_rollup_key(entry.key)
            if name:
                found.setdefault(name.date, []).append(entry.key)
    return dict(sorted(found.items()))


def drop(store: Store, cluster: str, dates: Container[str]) -> list[str]:
    """Delete the rollups of these days; their keys."""
    dropped = [key for date, keys in days(store, cluster).items() if date in dates for key in keys]
    for key in dropped:
        store.delete(key)
    return dropped


def wrong(store: Store, cluster: str) -> Iterator[tuple[str, State]]:
    """The rollups of a cluster that contradict its snapshots, or say nothing of what they are made from."""
    for date, keys in days(store, cluster).items():
        for key in keys:
            found = state(store, key, cluster, date)
            if found in ("stale", "damaged"):
                yield key, found


def state_of_day(store: Store, day: walk.Day, keys: Iterable[str]) -> str | None:
    """One word for all kinds of a day: the worst; None where one is missing."""
    there = set(keys)
    if not {rollup_key(kind, day.cluster, day.date) for kind in ROLLUP_KINDS} <= there:
        return None
    found = {judged(store.tail(key, TAIL_BYTES) or b"", day.snapshots) for key in there}
    return next(each for each in ("damaged", "stale", "behind", "fresh") if each in found)
