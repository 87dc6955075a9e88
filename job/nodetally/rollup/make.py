"""A cluster's days in, their rollups made, made again or removed. Reads what changed; never writes a snapshot.

Safe beside a running job, a prune, and another of its kind: a rollup says what it was made from.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from nodetally.errors import StoreError
from nodetally.rollup.columns import TABLES
from nodetally.rollup.write import DayFile
from nodetally.store import rollups, walk
from nodetally.store.base import Entry, Store
from nodetally.store.bodies import DamagedSnapshot
from nodetally.store.layout import ROLLUP_HEADERS, rollup_key
from nodetally.store.parallel import READERS, in_order
from nodetally.store.seen import Seen
from nodetally.store.whole import whole_snapshot

LOOKS = 3  # at a day whose snapshots a prune or a backfill changes while it is read; the next run sees it otherwise


@dataclass
class Progress(Seen):
    """How far it is: days that were looked at, snapshots that were read, and days whose rollups were made."""

    made: int = 0


What = Literal["made", "made again", "removed", "unchanged"]


class Done(NamedTuple):
    """What became of a day's rollups; `damaged`: its snapshots that cannot be read, each with why."""

    cluster: str
    day: str
    what: What
    snapshots: int
    rows: int | None
    stored_bytes: int | None
    damaged: Mapping[str, str]


def roll_up(
    store: Store, cluster: str, *, between: tuple[str, str] = walk.EVER, dry_run: bool = False, progress: Progress
) -> Iterator[Done]:
    """Bring a cluster's rollups of these days to what its snapshots say. StoreError when the store fails."""
    known = rollups.days(store, cluster)
    with ThreadPoolExecutor(READERS) as pool:
        found = _judged(store, pool, walk.days_between(store, cluster, *between), known)
        for day, state in found:
            known.pop(day.date, None)
            progress.days += 1
            yield _day(store, pool, day, state, progress, dry_run=dry_run)
    for date, keys in known.items():
        if between[0] <= date <= between[1] and not walk.day(store, cluster, date).snapshots:
            for key in keys if not dry_run else ():
                store.delete(key)
            yield Done(cluster, date, "removed", 0, None, None, {})


def _judged(
    store: Store, pool: Executor, days: Iterable[walk.Day], known: Mapping[str, list[str]]
) -> Iterator[tuple[walk.Day, str | None]]:
    """Each day with what its rollups are to it; ends of files are read while others are made."""

    def judge(day: walk.Day) -> str | None:
        return rollups.state_of_day(store, day, known.get(day.date, ()))

    return in_order(pool, judge, days, READERS)


def _day(store: Store, pool: Executor, day: walk.Day, state: str | None, progress: Progress, *, dry_run: bool) -> Done:
    if state == "fresh":
        return Done(day.cluster, day.date, "unchanged", len(day.snapshots), None, None, {})
    what: What = "made" if state is None else "made again"
    progress.made += 1
    if dry_run:
        return Done(day.cluster, day.date, what, len(day.snapshots), None, None, {})
    for _ in range(LOOKS):
        done = _make(store, pool, day, what, progress)
        now = walk.day(store, day.cluster, day.date)
        if day.snapshots.keys() <= now.snapshots.keys():
            break  # later ones may have come: the next run adds them
        day = now
    return done


def _make(store: Store, pool: Executor, day: walk.Day, what: What, progress: Progress) -> Done:
    """Read the day's snapshots once, in order, and put a file of each kind."""
    damaged: dict[str, str] = {}
    with ExitStack() as stack:
        files = [stack.enter_context(closing(DayFile(table))) for table in TABLES]
        held = _fill(files, _documents(store, pool, day, damaged), damaged, progress)
        if not held:
            gone = [] if damaged else rollups.drop(store, day.cluster, {day.date})  # a prune took them all
            return Done(day.cluster, day.date, "removed" if gone else "unchanged", 0, None, None, damaged)
        said = str(rollups.made_from(held))
        size = 0
        for table, file in zip(TABLES, files, strict=True):
            body = file.finish(said).read()
            store.put(rollup_key(table.kind, day.cluster, day.date), body, ROLLUP_HEADERS)
            size += len(body)
        return Done(day.cluster, day.date, what, len(held), sum(file.rows for file in files), size, damaged)


def _fill(
    files: Sequence[DayFile],
    documents: Iterable[tuple[Entry, dict[str, Any]]],
    damaged: dict[str, str],
    progress: Progress,
) -> dict[str, Entry]:
    """Add each snapshot's rows to all of the files, or to none; those that were added, by slot."""
    held: dict[str, Entry] = {}
    for entry, document in documents:
        progress.snapshots += 1
        try:
            batches = [file.batch(document) for file in files]
        except StoreError as error:
            damaged[entry.key] = str(error)
            continue
        for file, batch in zip(files, batches, strict=True):
            file.add(batch)
        held[document["slot"]] = entry
    return held


def _documents(
    store: Store, pool: Executor, day: walk.Day, damaged: dict[str, str]
) -> Iterator[tuple[Entry, dict[str, Any]]]:
    """Each snapshot that can be read; bodies are fetched ahead, one is unpacked at a time."""
    entries = [day.snapshots[slot] for slot in sorted(day.snapshots)]
    for entry, stored in in_order(pool, lambda each: store.get(each.key), entries, READERS):
        if stored is None:
            continue  # a prune took it
        try:
            document = whole_snapshot(store.url, entry.key, stored.body)
        except DamagedSnapshot as error:
            damaged[entry.key] = error.what
        else:
            yield entry, document
