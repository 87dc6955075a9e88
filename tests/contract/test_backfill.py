"""The frame of backfills over each kind of store: what is filled, what is left alone, and what interruptions leave."""

from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pytest

import documents
import histories
from nodetally import snapshot
from nodetally.backfill.fill import fill
from nodetally.backfill.filling import Filling
from nodetally.backfill.plan import Plan, Shard
from nodetally.errors import ClusterError
from nodetally.settings import Settings
from nodetally.store import read
from nodetally.store.base import Store
from nodetally.store.directory import DirectoryStore
from nodetally.store.layout import SNAPSHOT_HEADERS, day_index_key, slot_of, snapshot_key
from nodetally.store.parallel import READERS
from nodetally.store.publish import publish
from nodetally.store.schema import snapshot_check
from nodetally.store.verify import verify

SETTINGS = Settings(cluster="c")
HOUR = timedelta(hours=1)
DAYS = 2
PLAN = Plan(histories.DAY, histories.DAY + timedelta(days=DAYS), 3_600)


def live(store: Store, slot: datetime) -> None:
    """What the running job stores."""
    document = documents.snapshot([documents.node("live")], slot=slot_of(slot), taken_at=slot_of(slot), cluster="c")
    publish(store, document, snapshot.encode(document))


def run(store: Store, source: histories.Remembered, plan: Plan = PLAN, *, dry_run: bool = False) -> Filling:
    filling = Filling()
    fill(store, SETTINGS, source, plan, filling, dry_run=dry_run)
    return filling


def damage(store: Store) -> list[object]:
    return [*verify(store, patience_seconds=0)]


def content(store: Store) -> dict[str, object]:
    """All that is stored, without what differs from run to run: what a snapshot cost."""
    found: dict[str, object] = {}
    for entry in store.list(""):
        stored = store.get(entry.key)
        assert stored
        if entry.key.endswith(".gz"):
            found[entry.key] = snapshot.decode(stored.body) | {"cost": None}
        else:
            found[entry.key] = stored.body
    return found


def test_missing_slots_are_filled_and_stored_ones_left(store: Store, tmp_path: Path) -> None:
    """What a live pass stored stays byte for byte; latest stays the newest; the whole store is in order."""
    live(store, histories.DAY + 3 * HOUR)
    live(store, histories.DAY + 100 * HOUR)
    before = store.get(snapshot_key("c", slot_of(histories.DAY + 3 * HOUR)))
    gap = histories.DAY + 5 * HOUR
    filling = run(store, histories.Remembered(tmp_path, gaps=[gap]))
    assert (filling.slots, filling.filled, filling.there) == (48, 46, 1)
    assert {reason: each.slots for reason, each in filling.impossible.items()} == {"a gap": 1}
    assert store.get(snapshot_key("c", slot_of(histories.DAY + 3 * HOUR))) == before
    assert read.latest(store, "c")["slot"] == slot_of(histories.DAY + 100 * HOUR)
    assert damage(store) == []
    one = read.at(store, "c", histories.DAY + 7 * HOUR)
    assert (one["slot"], one["trigger"], one["source"]["consistent"]) == ("2026-11-20T07:00:00Z", "backfill", False)
    assert one["totals"]["resources"]["cpu"]["requests"] == 8 * 100
    assert snapshot_check()(one) is None


def test_a_second_run_has_nothing_to_do(directory_store: DirectoryStore, tmp_path: Path) -> None:
    """It asks the source for the gap alone, and writes nothing."""
    gap = histories.DAY + 5 * HOUR
    run(directory_store, histories.Remembered(tmp_path, gaps=[gap]))
    source, watched = histories.Remembered(tmp_path, gaps=[gap]), histories.Watched(directory_store)
    filling = run(watched, source)
    assert (filling.filled, filling.there, source.asked) == (0, 47, [gap])
    assert {what for what, _ in watched.calls} == {"get", "list"}


def test_one_that_has_no_time_left_is_whole_and_the_next_goes_on(
    directory_store: DirectoryStore, tmp_path: Path
) -> None:
    """Some slots at a time, across days: each time the store is in order, and no slot is asked for twice."""
    asked: list[datetime] = []
    for filled in (0, 10, 20, 30, 40, 48):
        source, filling = histories.Remembered(tmp_path), Filling()
        more = iter([True] * (11 if filled else 0))  # once before each day, once after each slot
        fill(directory_store, SETTINGS, source, PLAN, filling, go_on=lambda: next(more, False))  # noqa: B023
        asked += source.asked
        assert len([*directory_store.list("snapshots/")]) >= filled - 1
        assert (filling.done < filling.slots) is (len(asked) < 48)
        assert damage(directory_store) == []
    assert len(asked) == len(set(asked)) == 48


def test_a_day_index_is_changed_once_a_day(directory_store: DirectoryStore, tmp_path: Path) -> None:
    """Not once a slot; and a day is looked at with one listing, and one more once it is filled."""
    watched = histories.Watched(directory_store)
    run(watched, histories.Remembered(tmp_path))
    day = day_index_key("c", "2026-11-20")
    calls = Counter(watched.calls)
    assert calls["put_if_match", day] == 1
    assert calls["list", "snapshots/cluster=c/date=2026-11-20/"] == 2
    assert sum(what == "put_new" for what, _ in watched.calls) == 48


@pytest.mark.parametrize("newest", [True, False])
def test_slots_come_in_the_order_that_is_asked_for(
    directory_store: DirectoryStore, tmp_path: Path, *, newest: bool
) -> None:
    """Newest first is what readers of the page wait for."""
    source = histories.Remembered(tmp_path)
    run(directory_store, source, Plan(PLAN.start, PLAN.end, 3_600, newest))
    assert source.asked == sorted(source.asked, reverse=newest)


def test_a_dry_run_writes_nothing(directory_store: DirectoryStore, tmp_path: Path) -> None:
    """And says what would be filled, and what could not be."""
    live(directory_store, histories.DAY)
    before = content(directory_store)
    source = histories.Remembered(tmp_path, gaps=[histories.DAY + HOUR])
    filling = run(directory_store, source, dry_run=True)
    assert (filling.filled, filling.there, filling.done, source.asked) == (46, 1, 48, [])
    assert content(directory_store) == before


def test_a_job_that_runs_meanwhile_is_not_disturbed(shared_store: Store, tmp_path: Path) -> None:
    """Its passes go on, into the same days, too; nothing of either is lost, and latest never goes back."""
    now = histories.DAY + 50 * HOUR
    seen: list[str] = []

    def passing(slot: datetime) -> None:
        live(shared_store, now + (slot - histories.DAY) / 60 if slot.hour % 2 else slot + timedelta(minutes=30))
        seen.append(read.latest(shared_store, "c")["slot"])

    run(shared_store, histories.Remembered(tmp_path, before=passing), Plan(PLAN.start, PLAN.end, 3_600, False))  # noqa: FBT003
    assert damage(shared_store) == []
    assert seen == sorted(seen)
    assert len(read.slots(shared_store, "c", "2026-11-20")) == 24 + 12


def test_a_source_that_fails_leaves_what_was_filled(directory_store: DirectoryStore, tmp_path: Path) -> None:
    """All that was stored until then is in the indexes; the next run goes on from there."""

    def failing(slot: datetime) -> None:
        if slot == histories.DAY + 30 * HOUR:
            raise ClusterError("the source is gone")

    plan = Plan(PLAN.start, PLAN.end, 3_600, newest_first=False)
    with pytest.raises(ClusterError, match="gone"):
        run(directory_store, histories.Remembered(tmp_path, before=failing), plan)
    assert damage(directory_store) == []
    source = histories.Remembered(tmp_path)
    filling = run(directory_store, source, plan)
    assert filling.filled + filling.there == 48
    assert filling.there >= 30 - READERS  # as many were on their way
    assert len(source.asked) == filling.filled


def test_wherever_it_is_killed_the_next_run_ends_in_the_same_store(tmp_path: Path) -> None:
    """Killed before each write in turn; nothing can be done after it, as with kill -9."""
    plan = Plan(histories.DAY + 20 * HOUR, histories.DAY + 28 * HOUR, 3_600)

    def begun(name: str) -> DirectoryStore:
        store = DirectoryStore(tmp_path / name)
        live(store, histories.DAY + 25 * HOUR)
        return store

    whole = begun("whole")
    run(whole, histories.Remembered(tmp_path), plan)
    writes = sum(what.startswith("put") for what, _ in _calls(begun("counted"), tmp_path, plan))
    assert writes >= 7 + 2
    for left in range(writes):
        store = begun(f"killed-{left}")
        with pytest.raises(histories.Killed):
            run(histories.Watched(store, left), histories.Remembered(tmp_path), plan)
        run(store, histories.Remembered(tmp_path), plan)
        assert content(store) == content(whole), left
        assert damage(store) == []


def _calls(store: Store, folder: Path, plan: Plan) -> list[tuple[str, str]]:
    watched = histories.Watched(store)
    run(watched, histories.Remembered(folder), plan)
    return watched.calls


def test_what_a_killed_run_left_is_indexed_by_the_next(directory_store: DirectoryStore, tmp_path: Path) -> None:
    """Also of slots that the next run's period does not have."""
    document = documents.snapshot([documents.node("n")], slot="2026-11-20T00:07:00Z", cluster="c")
    directory_store.put_new(snapshot_key("c", document["slot"]), snapshot.encode(document), SNAPSHOT_HEADERS)
    assert run(directory_store, histories.Remembered(tmp_path)).indexed == 1
    assert damage(directory_store) == []


def test_shards_make_the_store_that_one_process_makes(server_store: Store, tmp_path: Path) -> None:
    """Three at a time, in one bucket of a real S3 server."""
    from concurrent.futures import ThreadPoolExecutor

    plan = Plan(histories.DAY, histories.DAY + timedelta(days=5), 4 * 3_600)
    folders = [tmp_path / str(number) for number in range(3)]
    for folder in folders:
        folder.mkdir()
    one = DirectoryStore(tmp_path / "one")
    run(one, histories.Remembered(tmp_path), plan)

    def work(number: int) -> Filling:
        return run(
            server_store,
            histories.Remembered(folders[number]),
            Plan(plan.start, plan.end, plan.every_seconds, True, Shard(number, 3)),  # noqa: FBT003
        )

    with ThreadPoolExecutor(3) as pool:
        filled = [each.filled for each in pool.map(work, range(3))]
    assert sum(filled) == 30
    assert min(filled) > 0
    assert content(server_store) == content(one)
    assert damage(server_store) == []
