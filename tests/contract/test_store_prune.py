"""A store thinned by age: what goes, in which order, and beside whom, on every kind of store."""

from datetime import timedelta
from typing import Any

import pytest

from nodetally import snapshot
from nodetally.errors import StoreError
from nodetally.store import batch, read
from nodetally.store.base import Store
from nodetally.store.breaches import KINDS
from nodetally.store.prune import DAYS_IN_ONE_GO, prune
from nodetally.store.retention import parse_policy
from nodetally.store.update import Pauses
from recording import Killed, RecordingStore
from small_store import (
    DAY,
    DAY_BEFORE,
    INDEX,
    NOON,
    OTHER,
    YESTERDAY,
    C,
    breaches,
    document_at,
    everything,
    filled,
    found,
    key_at,
    loaded,
    publishing,
    put,
    repaired,
    slot_at,
    snapshots_of,
    write,
)

POLICY = parse_policy("all:2h,daily:2d")
NOW_AFTER = NOON + timedelta(minutes=1)


def thin(store: Store, hours: float = 0, *, delete: bool = True) -> list[tuple[str, int, int]]:
    now = NOW_AFTER + timedelta(hours=hours)
    thinned = prune(store, C, POLICY, now, delete=delete, pauses=Pauses(lambda _: None))
    return [(row.tier, row.kept, row.gone) for row in thinned.rows(POLICY)]


def test_pruning_forgets_first_deletes_then_and_verifies(store: Store) -> None:
    """A dry run counts and writes nothing; what goes is what it said; a second run finds nothing more."""
    before = everything(filled(store))
    counts = [("all:2h", 2, 0), ("daily:2d", 1, 2), ("older", 0, 0)]
    assert thin(store, delete=False) == counts
    assert everything(store) == before
    assert thin(RecordingStore(store)) == counts
    assert breaches(store) == []
    gone = {key_at(-20), key_at(-13)}
    assert snapshots_of(store) == {key: body for key, body in snapshots_of_all(before).items() if key not in gone}
    assert thin(store) == [("all:2h", 2, 0), ("daily:2d", 1, 0), ("older", 0, 0)]


def snapshots_of_all(bodies: dict[str, bytes]) -> dict[str, bytes]:
    return {key: body for key, body in bodies.items() if key.startswith("snapshots/")}


def test_pruning_never_takes_the_newest(store: Store) -> None:
    """However old it is; whole days go with their indexes, and first and recent follow."""
    filled(store)
    assert thin(store, hours=24 * 365) == [("all:2h", 0, 0), ("daily:2d", 0, 0), ("older", 1, 4)]
    assert breaches(store) == []
    assert list(snapshots_of(store)) == [key_at(0, OTHER), key_at(0)]
    assert store.get(YESTERDAY) is None
    index = loaded(store, INDEX)
    assert (index["days"], index["first"], index["last"]["slot"]) == ([DAY], index["last"], slot_at(0))
    assert [point["slot"] for point in index["recent"]] == [slot_at(0)]
    assert read.latest(store, C)["slot"] == slot_at(0)


def test_pruning_goes_through_more_days_than_it_holds(directory_store: Store) -> None:
    """Oldest first, some at a time, each of them whole: what is left is right, and nothing that should go stays."""
    days = 2 * DAYS_IN_ONE_GO + 1
    written = [document_at(-24 * day - hour) for day in range(days) for hour in (0, 1)]
    summaries = [batch.put(directory_store, each, snapshot.encode(each))[0] for each in written]
    batch.index(directory_store, C, summaries, Pauses())
    assert thin(directory_store) == [("all:2h", 2, 0), ("daily:2d", 1, 1), ("older", 0, 2 * days - 4)]
    assert breaches(directory_store) == []
    assert len(snapshots_of(directory_store)) == 3


def test_no_reader_meets_a_snapshot_that_is_gone(directory_store: Store) -> None:
    """At every delete no index names the key any more."""
    filled(directory_store)

    class Watching(RecordingStore):
        def delete(self, key: str) -> None:
            indexes = [
                body for at, body in everything(self.inner).items() if at.startswith("clusters/") and "gz" not in at
            ]
            assert not [body for body in indexes if key.encode() in body]
            super().delete(key)

    watching = Watching(directory_store)
    thin(watching)
    assert sorted(key for operation, key in watching.asked if operation == "delete") == [key_at(-20), key_at(-13)]


class DiesDeleting(RecordingStore):
    """Is killed before its n-th delete of a snapshot."""

    left = 1

    def delete(self, key: str) -> None:
        if key.startswith("snapshots/"):
            if not self.left:
                raise Killed
            self.left -= 1
        super().delete(key)


@pytest.mark.parametrize("left", [0, 1])
def test_a_prune_that_was_killed_is_finished_by_the_next_one(store: Store, left: int) -> None:
    """What it left is named, and goes; or repair takes it back. Either way the store verifies."""
    dying = DiesDeleting(filled(store))
    dying.left = left
    with pytest.raises(Killed):
        thin(dying)
    wrong = found(store)
    assert {kind for kind, _ in wrong} == {"unindexed-snapshot"}
    assert "run that prune again" in KINDS["unindexed-snapshot"]
    repaired(store)
    assert breaches(store) == []
    assert thin(store)[1] == ("daily:2d", 1, len(wrong))
    assert breaches(store) == []


@pytest.mark.parametrize("key", [YESTERDAY, INDEX])
def test_a_damaged_index_stops_a_prune(store: Store, key: str) -> None:
    """It would look like one of nothing; nothing is deleted, and the hint names the repair."""
    write(key, b'{"schema":1,')(filled(store))
    before = everything(store)
    with pytest.raises(StoreError, match="damaged") as caught:
        thin(store)
    assert "nodetally store repair" in caught.value.hint
    assert everything(store) == before


def test_a_prune_beside_publishers_and_repairs_leaves_a_store_that_verifies(shared_store: Store) -> None:
    """Slots that are backfilled, thinned, and backfilled again; every one of today is there in the end."""
    filled(shared_store)
    with publishing(shared_store) as done:
        for _ in range(4):
            thin(shared_store)
            put(shared_store, -20)
            repaired(shared_store)
    assert breaches(shared_store) == []
    assert {slot_at(second / 3600) for second in done} <= set(read.slots(shared_store, C, DAY))


def test_a_slot_that_is_pruned_while_it_is_published_again_stays_out_of_the_indexes(directory_store: Store) -> None:
    """The publisher found it there, the prune deletes it, the publisher writes the indexes: it looks again."""
    store = RecordingStore(filled(directory_store))

    class Overtaken(RecordingStore):
        def get(self, key: str) -> Any:
            stored = super().get(key)
            if key == key_at(-20):
                thin(directory_store)
            return stored

    put(Overtaken(store), -20)
    assert breaches(directory_store) == []
    assert slot_at(-20) not in read.slots(directory_store, C, DAY_BEFORE)


def test_a_slot_that_is_backfilled_while_it_is_pruned_is_in_the_store_and_the_indexes(directory_store: Store) -> None:
    """The prune deleted it, a publisher stores it anew before the prune looks again."""

    class Overtaken(RecordingStore):
        def delete(self, key: str) -> None:
            super().delete(key)
            if key == key_at(-20):
                put(directory_store, -20)

    thin(Overtaken(filled(directory_store)))
    assert breaches(directory_store) == []
    assert slot_at(-20) in read.slots(directory_store, C, DAY_BEFORE)


def test_a_slot_that_is_published_again_between_the_indexes_and_the_delete_leaves_the_indexes(
    directory_store: Store,
) -> None:
    """The publisher found it there and was done before the prune deleted it: the prune looks again."""

    class Overtaken(RecordingStore):
        def delete(self, key: str) -> None:
            if key == key_at(-20):
                put(directory_store, -20)
            super().delete(key)

    thin(Overtaken(filled(directory_store)))
    assert breaches(directory_store) == []
    assert slot_at(-20) not in read.slots(directory_store, C, DAY_BEFORE)
