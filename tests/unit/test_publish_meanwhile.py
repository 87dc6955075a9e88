"""Publishing while others delete, crash or are ahead: what is healed, what is passed over, what is given up."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

import documents
from nodetally import snapshot
from nodetally.errors import StoreError
from nodetally.store.base import Headers, Store, Stored
from nodetally.store.directory import DirectoryStore
from nodetally.store.layout import (
    LATEST_HEADERS,
    SNAPSHOT_HEADERS,
    cluster_index_key,
    clusters_key,
    day_index_key,
    latest_key,
    slot_of,
    snapshot_key,
)
from nodetally.store.publish import HEAL_LIMIT, Published, publish
from nodetally.store.update import ATTEMPTS, Pauses
from recording import Killed, RecordingStore

C = "prod-eu-1"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class MeddledStore(RecordingStore):
    """`before` is called with each operation and key first; what it answers, unless None, is the answer."""

    def __init__(self, inner: Store, before: Callable[[str, str], Any]) -> None:
        super().__init__(inner)
        self.before = before

    def get(self, key: str) -> Stored | None:
        self.before("get", key)
        return super().get(key)

    def put_new(self, key: str, body: bytes, headers: Headers) -> bool:
        answer = self.before("put_new", key)
        self.asked.append(("put_new", key))
        return self.inner.put_new(key, body, headers) if answer is None else bool(answer)


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    """An empty store."""
    return DirectoryStore(tmp_path / "store")


def slot(minute: int) -> str:
    return slot_of(NOON + timedelta(minutes=minute))


def key_of(minute: int) -> str:
    return snapshot_key(C, slot(minute))


def at_minute(minute: int) -> dict[str, Any]:
    return documents.snapshot([documents.node("n1", counted=minute)], slot=slot(minute), taken_at=slot(minute))


def put(store: Store, minute: int, pauses: list[float] | None = None) -> Published:
    document = at_minute(minute)
    sleep = (lambda _: None) if pauses is None else pauses.append
    return publish(store, document, snapshot.encode(document), pauses=Pauses(sleep, lambda: 1.0))


def crash(store: Store, minute: int) -> None:
    """A publisher that is killed when its snapshot is stored."""
    with pytest.raises(Killed):
        put(RecordingStore(store, dies_before=1), minute)


def loaded(store: Store, key: str) -> Any:
    stored = store.get(key)
    return stored and orjson.loads(stored.body)


def indexed(store: Store, minute: int = 0) -> list[str]:
    return [entry["slot"] for entry in loaded(store, day_index_key(C, slot(minute)[:10]))["snapshots"]]


def test_a_snapshot_that_vanishes_between_two_looks_is_stored_again(store: DirectoryStore) -> None:
    """There when we wrote, gone when we read: a prune or a hand took it, and ours takes its place."""
    refusals = [False]
    meddled = MeddledStore(store, lambda operation, _: refusals.pop() if operation == "put_new" and refusals else None)
    published = put(meddled, 0)
    assert (published.created, published.key) == (True, key_of(0))
    assert indexed(store) == [slot(0)]


def test_a_snapshot_that_always_vanishes_is_given_up(store: DirectoryStore) -> None:
    """After as many attempts as any race has: the error says what goes on, and nothing is in the indexes."""
    meddled = MeddledStore(store, lambda operation, _: False if operation == "put_new" else None)
    with pytest.raises(StoreError, match=f"{key_of(0)} in .* was there and is gone, {ATTEMPTS} times") as caught:
        put(meddled, 0)
    assert "something deletes snapshots meanwhile" in caught.value.hint
    assert len(meddled.written) == ATTEMPTS
    assert list(store.list("clusters")) == []


def test_a_strange_file_beside_the_snapshots_is_passed_over(store: DirectoryStore) -> None:
    """It is no crashed predecessor, neither healed nor told as damage, and hides none."""
    put(store, 0)
    crash(store, 1)
    store.put(f"{key_of(1)}.bak", b"x", SNAPSHOT_HEADERS)
    published = put(store, 2)
    assert (published.healed, published.unhealed) == ((key_of(1),), ())
    assert indexed(store) == [slot(0), slot(1), slot(2)]


def test_strange_files_are_not_counted_against_the_limit(store: DirectoryStore) -> None:
    """A whole limit of them, and the one crashed predecessor behind them is healed all the same."""
    put(store, 0)
    for number in range(HEAL_LIMIT + 1):
        store.put(f"{key_of(0)}.{number}", b"x", SNAPSHOT_HEADERS)
    crash(store, 1)
    assert put(store, 2).healed == (key_of(1),)


@pytest.mark.parametrize("damaged", [0, 1, HEAL_LIMIT])
def test_as_many_as_the_limit_are_healed_or_named_and_no_first_is_left(store: DirectoryStore, damaged: int) -> None:
    """Exactly the limit, damaged ones counted with the others: each is dealt with, none is named as not reached."""
    put(store, 0)
    for minute in range(1, HEAL_LIMIT + 1):
        if minute <= damaged:
            store.put(key_of(minute), b"no", SNAPSHOT_HEADERS)
        else:
            crash(store, minute)
    published = put(store, 50)
    assert published.unhealed == tuple(key_of(minute) for minute in range(1, damaged + 1))
    assert published.healed == tuple(key_of(minute) for minute in range(damaged + 1, HEAL_LIMIT + 1))


def test_a_predecessor_that_is_deleted_while_we_look_is_left_out(store: DirectoryStore) -> None:
    """Listed, and gone before it was read: neither healed nor damage."""
    put(store, 0)
    crash(store, 1)
    meddled = MeddledStore(store, lambda _, key: store.delete(key) if key == key_of(1) else None)
    published = put(meddled, 2)
    assert (published.healed, published.unhealed) == ((), ())
    assert indexed(store) == [slot(0), slot(2)]


def test_a_later_crashed_slot_is_left_for_a_later_pass(store: DirectoryStore) -> None:
    """A pass heals what is before it; the next pass heals what is before that."""
    put(store, 0)
    crash(store, 10)
    assert put(store, 5).healed == ()
    assert indexed(store) == [slot(0), slot(5)]
    assert put(store, 11).healed == (key_of(10),)
    assert indexed(store) == [slot(0), slot(5), slot(10), slot(11)]


def test_the_very_first_pass_heals_its_own_day_alone(store: DirectoryStore) -> None:
    """Without a cluster index no slot is the last one known: the day before is for a repair."""
    crash(store, -1440)
    crash(store, -1)
    assert put(store, 0).healed == (key_of(-1),)
    assert loaded(store, cluster_index_key(C))["days"] == [slot(0)[:10]]


def test_the_requests_of_an_ordinary_pass_are_these(store: DirectoryStore) -> None:
    """Each document read once and written once, the snapshot never read back; the cluster index is read first."""
    put(store, 0)
    recording = RecordingStore(store)
    put(recording, 1)
    day, index, latest = day_index_key(C, slot(1)[:10]), cluster_index_key(C), latest_key(C)
    assert recording.asked == [
        ("put_new", key_of(1)),
        ("get", index),
        ("list", key_of(0).split("date=")[0]),
        ("get", day),
        ("put_if_match", day),
        ("put_if_match", index),
        ("get", latest),
        ("put_if_match", latest),
        ("get", clusters_key()),
    ]


def listings(store: Store, minute: int) -> list[str]:
    """The prefixes that a pass asks for."""
    recording = RecordingStore(store)
    put(recording, minute)
    return [key for operation, key in recording.asked if operation == "list"]


def test_an_ordinary_pass_lists_its_predecessors_and_nothing_else(store: DirectoryStore) -> None:
    """The newest snapshot is never pruned, so nobody asks whether it is still there."""
    folder = key_of(0).split("date=")[0]
    assert listings(store, 0) == [key_of(0).rpartition("/")[0] + "/"]
    assert listings(store, 1) == [folder]
    crash(store, 2)
    assert listings(store, 3) == [folder, key_of(2), key_of(3)]  # one that heals looks again


def test_a_late_slot_and_one_that_is_there_look_for_themselves_alone(store: DirectoryStore) -> None:
    """Behind the last slot of the cluster index there is nobody to heal; a prune may have taken them."""
    put(store, 0)
    assert listings(store, -5) == [key_of(-5)]
    assert listings(store, 0) == [key_of(0)]


def prune(store: Store, minute: int) -> None:
    """What a prune does first: it deletes."""
    store.delete(key_of(minute))


@pytest.mark.parametrize("created", [True, False])
def test_a_late_snapshot_that_a_prune_takes_meanwhile_is_in_no_index(store: DirectoryStore, created: bool) -> None:
    """Deleted after we put it in, before we looked again: taken out of day and cluster index, new or stored before."""
    put(store, 0)
    if not created:
        crash(store, -1441)
    meddled = RecordingStore(store)
    meddled.meanwhile[cluster_index_key(C)] = lambda: prune(store, -1441)
    published = put(meddled, -1441)
    assert published.created is created
    assert loaded(store, day_index_key(C, slot(-1441)[:10])) is None
    index = loaded(store, cluster_index_key(C))
    assert (index["days"], index["first"]["slot"], index["last"]["slot"]) == ([slot(0)[:10]], slot(0), slot(0))


def test_a_healed_snapshot_that_a_prune_takes_meanwhile_is_in_no_index(store: DirectoryStore) -> None:
    """A pass that heals looks again at all it put in, though its own is the newest."""
    put(store, 0)
    crash(store, 1)
    crash(store, 2)
    meddled = RecordingStore(store)
    meddled.meanwhile[latest_key(C)] = lambda: prune(store, 1)
    assert put(meddled, 3).healed == (key_of(1), key_of(2))
    assert indexed(store) == [slot(0), slot(2), slot(3)]


def test_latest_stays_when_the_snapshot_it_should_show_is_gone(store: DirectoryStore) -> None:
    """A late slot may bring latest forward to the last one; where that was deleted there is nothing to bring."""
    put(store, 0)
    with pytest.raises(Killed):
        put(RecordingStore(store, dies_before=3), 5)
    store.delete(key_of(5))
    put(store, -5)
    stored = store.get(latest_key(C))
    assert stored is not None
    assert snapshot.decode(stored.body)["slot"] == slot(0)


def test_latest_is_raced_for_with_growing_pauses(store: DirectoryStore) -> None:
    """Another publisher each time: read again after each, and given up with an error that names it."""
    put(store, 0)

    class Late(RecordingStore):
        def put_if_match(self, key: str, body: bytes, etag: str | None, headers: Headers) -> bool:
            if key == latest_key(C):
                self.asked.append(("put_if_match", key))
                return False
            return super().put_if_match(key, body, etag, headers)

    late, pauses = Late(store), list[float]()
    with pytest.raises(StoreError, match=f"cannot write {latest_key(C)} in .*{ATTEMPTS} times"):
        put(late, 1, pauses)
    assert (pauses[:3], len(pauses)) == ([0.05, 0.1, 0.2], ATTEMPTS)
    assert late.asked.count(("get", latest_key(C))) == ATTEMPTS
    assert loaded(store, clusters_key())["clusters"] == [C]


def test_latest_of_the_same_slot_is_not_written_again(store: DirectoryStore) -> None:
    """What is there is as good; a damaged one is replaced by the same slot, too."""
    put(store, 0)
    recording = RecordingStore(store)
    put(recording, 0)
    assert latest_key(C) not in recording.written
    store.put(latest_key(C), b"damaged", LATEST_HEADERS)
    put(store, 0)
    assert store.get(latest_key(C)) == store.get(key_of(0))


def test_damaged_snapshots_count_against_the_limit_with_the_others(store: DirectoryStore) -> None:
    """One damaged, the limit less one healed, and the next is named as the first that was not reached."""
    put(store, 0)
    store.put(key_of(1), b"no", SNAPSHOT_HEADERS)
    for minute in range(2, HEAL_LIMIT + 3):
        crash(store, minute)
    published = put(store, 50)
    assert published.unhealed == (key_of(1), key_of(HEAL_LIMIT + 1))
    assert len(published.healed) == HEAL_LIMIT - 1


def test_a_cluster_index_without_a_last_slot_is_damage_by_that_name(store: DirectoryStore) -> None:
    """Said with the document."""
    put(store, 0)
    index = loaded(store, cluster_index_key(C))
    store.put(cluster_index_key(C), orjson.dumps({**index, "last": {}}), LATEST_HEADERS)
    with pytest.raises(StoreError, match=f"damaged: {cluster_index_key(C)} in .*: it names no last slot"):
        put(store, 1)
