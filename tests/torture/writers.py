"""Nine at one cluster and day: live passes, late ones and their retries, a backfill, a repair, a prune; a reader."""

import os
import random
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path

import pytest

from nodetally.cli.main import main
from nodetally.store import open as opening
from nodetally.store import read, walk
from nodetally.store.base import Store
from nodetally.store.breaches import Breach
from nodetally.store.layout import latest_key, parse_snapshot_key, slot_of, snapshots_prefix
from nodetally.store.open import open_store
from nodetally.store.prune import prune
from nodetally.store.repair import repair
from nodetally.store.retention import Thinning, parse_policy
from nodetally.store.verify import verify
from torture.children import Job, LedgerStore, pass_into, run_and_leave, write_to
from torture.places import Place

LIVE, LATE = 3, 2  # with one that backfills, one that repairs and one that prunes: eight
ROUNDS = {"directory": 200, "weed mini": 120}  # of each pass; SeaweedFS lets contended puts wait for seconds
FIRST_LIVE = datetime(2026, 11, 23, 20, tzinfo=UTC)
FIRST_OLD = datetime(2026, 11, 23, 1, tzinfo=UTC)
FIRST_FILLED = datetime(2026, 11, 23, 0, 10, tzinfo=UTC)
FILLED_AT_ONCE = 20  # slots of one backfill; they get into the indexes together
POLICY = parse_policy("all:1h,15m:2d")
NOW = FIRST_LIVE + timedelta(minutes=30)  # live passes are younger than an hour: every one of them stays
STRIDE_SECONDS, OLD_SECONDS = 97, 60_000  # all over the day, none twice: they have no common divisor
RETRIES = 0.3  # of the late passes: a slot that was there before, and may have been pruned since


def race(place: Place, dump: Path, folder: Path, seed: str, rounds: int) -> dict[str, int]:
    """Run the writers; then every live slot is there, each is indexed once, and the store verifies."""
    job = Job(place.url, dump, "race", folder)
    count = ROUNDS[place.kind] * rounds
    acts = [partial(_live, job, number, count) for number in range(LIVE)]
    acts += [partial(_late, job, number, count, random.Random(f"{seed}/{number}")) for number in range(LATE)]
    acts += [partial(_fill, job, count)]
    passes = [Writer(job, f"pass {number}", act) for number, act in enumerate(acts)]
    others = [
        Writer(job, "repairs", partial(_until_told, place, _repair)),
        Writer(job, "prunes", partial(_until_told, place, _prune)),
        Writer(job, "reads of latest", partial(_read, place, job.cluster)),
    ]
    try:
        for each in passes:
            each.end()
        for each in others:
            os.kill(each.pid, signal.SIGTERM)
        done = {each.name: int(each.end()) for each in others}
    finally:
        for each in (*passes, *others):
            each.stop()
    return {"passes": count * (LIVE + LATE), "slots of backfills": count, **done, **_hold(place.open(), job, count)}


class Writer:
    """A forked process with one connection to the store, and the file of what it says."""

    def __init__(self, job: Job, name: str, act: Callable[[], object]) -> None:
        self.name, self._said, self._ended = name, job.folder / name, False
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid:
            return
        write_to(self._said)
        store = LedgerStore(open_store(job.url), job)
        pass_into(lambda _: store)
        pytest.MonkeyPatch().setattr(opening, "open_store", lambda _: store)  # what a backfill opens
        run_and_leave(act)

    def end(self) -> str:
        """Wait for it; its last line."""
        _, status = os.waitpid(self.pid, 0)
        self._ended = True
        said = self._said.read_text(errors="replace")
        assert not status, f"{self.name}: {os.waitstatus_to_exitcode(status)}: {said[-3000:]}"
        return said.splitlines()[-1]

    def stop(self) -> None:
        """End it, whatever it does: another one failed."""
        if not self._ended:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


def _hold(store: Store, job: Job, count: int) -> dict[str, int]:
    """What is stored in the end against what was acknowledged and what the policy keeps."""
    wrong = list(verify(store, patience_seconds=0))
    assert not wrong, wrong
    there = {
        name.slot: entry.key
        for entry in store.list(snapshots_prefix(job.cluster))
        if (name := parse_snapshot_key(entry.key))
    }
    put = job.acknowledged()
    slots = sorted(name.slot for key in put if (name := parse_snapshot_key(key)))
    thinning = Thinning(POLICY, NOW)
    kept = {slot for slot in slots if thinning.decide(slot).kept}
    assert kept <= there.keys(), f"lost: {sorted(kept - there.keys())}"
    assert len([slot for slot in there if slot >= slot_of(FIRST_LIVE)]) == count * LIVE
    for key in there.values():
        stored = store.get(key)
        assert stored, key
        assert sha256(stored.body).hexdigest() in put[key], f"changed: {key}"
    assert read.latest(store, job.cluster)["slot"] == max(there)
    return {"acknowledged": sum(map(len, put.values())), "left": len(there)}


def _live(job: Job, number: int, count: int) -> None:
    """The passes of one live writer: later and later slots."""
    for at in range(count):
        _pass(job, FIRST_LIVE + timedelta(seconds=at * LIVE + number), "schedule")


def _late(job: Job, number: int, count: int, chance: random.Random) -> None:
    """Passes for old slots, some of them once more."""
    for at in range(count):
        again = chance.random() < RETRIES
        which = chance.randrange(count * LATE) if again else at * LATE + number
        _pass(job, FIRST_OLD + timedelta(seconds=which * STRIDE_SECONDS % OLD_SECONDS), "backfill")


def _fill(job: Job, count: int) -> None:
    """Backfills of some slots each, from the newest back; every one begins with slots of the one before."""
    folder = job.folder / "dumps"
    folder.mkdir()
    for at in range(0, count, FILLED_AT_ONCE):
        for slot in (FIRST_FILLED + timedelta(seconds=at + each) for each in range(FILLED_AT_ONCE)):
            (folder / f"{slot:%Y%m%dT%H%M%SZ}.json").symlink_to(job.dump)
        begin, end = at - FILLED_AT_ONCE // 2, at + FILLED_AT_ONCE
        span = [
            slot_of(FIRST_FILLED + timedelta(seconds=max(begin, 0))),
            slot_of(FIRST_FILLED + timedelta(seconds=end)),
        ]
        place = ["--cluster", job.cluster, "--store", job.url, "--every", "1s", "--from", span[0], "--to", span[1]]
        _command(["backfill", "dumps", str(folder), *place, "--format", "json"])


def _pass(job: Job, slot: datetime, trigger: str) -> None:
    _command(job.arguments(slot_of(slot), "--trigger", trigger))


def _command(arguments: list[str]) -> None:
    """The command line, with one connection for all that a process does."""
    try:
        main(arguments)
    except SystemExit as end:
        if end.code:
            raise


def _until_told(place: Place, act: Callable[[Store], object]) -> None:
    """Again and again until the end of the passes, and then to the end of what is under way; says how often."""
    store, told, times = place.open(), _told(), 0
    while not told:
        act(store)
        times += 1
    _say(times)


def _repair(store: Store) -> None:
    left = [each for each in repair(store) if isinstance(each, Breach)]
    assert not left, left


def _prune(store: Store) -> None:
    for cluster in walk.with_snapshots(store):
        prune(store, cluster, POLICY, NOW, delete=True)


def _read(place: Place, cluster: str) -> None:
    """`latest` is a whole snapshot at every moment and never goes back, and a reader by time meets no error."""
    store, told, times, newest = place.open(), _told(), 0, ""
    while not told:
        if not newest and store.get(latest_key(cluster)) is None:
            continue
        slot = read.latest(store, cluster)["slot"]
        assert slot >= newest, f"latest went back from {newest} to {slot}"
        newest = slot
        times += 1
    _say(times)


def _told() -> list[bool]:
    """Not empty any more once this process is told to end."""
    told: list[bool] = []
    signal.signal(signal.SIGTERM, lambda *_: told.append(True))
    return told


def _say(times: int) -> None:
    sys.stdout.write(f"{times}\n")
    sys.stdout.flush()
