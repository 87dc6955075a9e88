"""Publishing: the order of writes, crashes between them and who heals them, races, and reading it all back."""

import copy
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import documents
from nodetally import snapshot
from nodetally.errors import StoreError, WrongUse
from nodetally.store import read
from nodetally.store.base import Store
from nodetally.store.bodies import slot_in
from nodetally.store.directory import DirectoryStore
from nodetally.store.indexes import RECENT_STEP_SECONDS, Summary, merge_cluster, merge_day, summarise, thin
from nodetally.store.layout import (
    INDEX_HEADERS,
    SNAPSHOT_HEADERS,
    cluster_index_key,
    clusters_key,
    day_index_key,
    latest_key,
    slot_of,
    snapshot_key,
)
from nodetally.store.publish import HEAL_LIMIT, Published, publish
from nodetally.store.update import Pauses
from recording import Killed, RecordingStore

C = "prod-eu-1"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = "2026-11-23"
STEPS = 5


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    """An empty store."""
    return DirectoryStore(tmp_path / "store")


def at_minute(minute: int, **changes: Any) -> dict[str, Any]:
    """A snapshot this many minutes after noon; `counted` pods tell it from others."""
    slot = slot_of(NOON + timedelta(minutes=minute))
    node = documents.node("n1", counted=changes.pop("counted", 58))
    return documents.snapshot([node], slot=slot, taken_at=slot, **changes)


def put(store: Store, document: dict[str, Any]) -> Published:
    return publish(store, document, snapshot.encode(document), pauses=Pauses(lambda _: None))


def put_minutes(store: Store, minutes: Sequence[int]) -> None:
    for minute in minutes:
        put(store, at_minute(minute))


def crash(store: Store, document: dict[str, Any], after_writes: int) -> None:
    """A publisher that is killed after this many writes."""
    with pytest.raises(Killed):
        put(RecordingStore(store, dies_before=after_writes), document)


def loaded(store: Store, key: str) -> dict[str, Any]:
    stored = store.get(key)
    assert stored is not None, key
    document = orjson.loads(stored.body)
    assert isinstance(document, dict)
    return document


def everything(store: Store) -> dict[str, bytes]:
    return {entry.key: store.get(entry.key).body for entry in store.list("")}  # type: ignore[union-attr]


def indexed(store: Store, date: str = DAY) -> list[str]:
    return [entry["slot"] for entry in loaded(store, day_index_key(C, date))["snapshots"]]


def latest_slot(store: Store) -> str:
    return str(read.latest(store, C)["slot"])


def minutes(*offsets: int) -> list[str]:
    return [slot_of(NOON + timedelta(minutes=offset)) for offset in offsets]


def test_the_order_is_snapshot_day_cluster_latest_list(store: DirectoryStore) -> None:
    """Readers that follow an index always find what it names."""
    recording = RecordingStore(store)
    published = put(recording, at_minute(0))
    key = snapshot_key(C, minutes(0)[0])
    assert published == Published(key, minutes(0)[0], created=True, healed=(), unhealed=())
    assert recording.written == [key, day_index_key(C, DAY), cluster_index_key(C), latest_key(C), clusters_key()]
    assert len(recording.written) == STEPS


def test_the_derived_documents_are_these(store: DirectoryStore) -> None:
    """Whole documents: the page and other readers rest on every field."""
    document = at_minute(0)
    put(store, document)
    slot, key = minutes(0)[0], snapshot_key(C, minutes(0)[0])
    figures = ("allocatable", "requests", "limits", "usage")
    small = {
        "nodes": {"count": 1, "ready": 1, "schedulable": 1},
        "pods": {"counted": 58},
        "resources": {
            name: {figure: resource[figure] for figure in figures}
            for name, resource in document["totals"]["resources"].items()
        },
    }
    end = {"slot": slot, "key": key, "taken_at": slot}
    entry = {
        "key": key,
        "slot": slot,
        "taken_at": slot,
        "trigger": "schedule",
        "source": "list",
        "usage": document["usage"]["status"],
        "totals": small,
    }
    assert loaded(store, day_index_key(C, DAY)) == {"schema": 1, "cluster": C, "date": DAY, "snapshots": [entry]}
    assert loaded(store, cluster_index_key(C)) == {
        "schema": 1,
        "cluster": C,
        "days": [DAY],
        "first": end,
        "last": end,
        "totals": small,
        "schedulable_totals": small,
        "recent": [{"slot": slot, "totals": small}],
    }
    assert loaded(store, clusters_key()) == {"schema": 1, "clusters": [C]}
    assert store.get(latest_key(C)) == store.get(key)


def test_a_slot_that_is_there_is_no_error_and_writes_nothing(store: DirectoryStore) -> None:
    """A retried Job: success, not created, not a byte changed, and what is stored wins over what is brought."""
    put(store, at_minute(0, counted=1))
    before = everything(store)
    recording = RecordingStore(store)
    published = put(recording, at_minute(0, counted=2))
    assert (published.created, everything(store)) == (False, before)
    assert recording.written == [published.key]


def test_indexes_of_a_slot_that_is_there_are_made_from_what_is_stored(store: DirectoryStore) -> None:
    """The stored body is the truth, even when the retry read other numbers."""
    crash(store, at_minute(0, counted=1), after_writes=1)
    put(store, at_minute(0, counted=2))
    assert loaded(store, cluster_index_key(C))["totals"]["pods"] == {"counted": 1}
    assert read.latest(store, C)["totals"]["pods"]["counted"] == 1


@pytest.mark.parametrize("after_writes", range(1, STEPS - 1))  # the list of clusters is not written again
def test_a_crash_leaves_a_usable_store_that_the_same_slot_completes(tmp_path: Path, after_writes: int) -> None:
    """Killed after any step, readers see no error; published again, the store is as if nothing had happened."""
    crashed, whole = DirectoryStore(tmp_path / "crashed"), DirectoryStore(tmp_path / "whole")
    for store in (crashed, whole):
        put_minutes(store, [0, 1])
    crash(crashed, at_minute(2), after_writes)
    assert latest_slot(crashed) in minutes(1, 2)
    assert read.at(crashed, C, NOON + timedelta(hours=1))["slot"] in minutes(1, 2)
    for store in (crashed, whole):
        put(store, at_minute(2))
    assert everything(crashed) == everything(whole)


@pytest.mark.parametrize(
    ("before", "after_writes", "gap_minutes"),
    [
        *(([0], after_writes, gap) for after_writes in range(1, STEPS - 1) for gap in (1, 1440)),
        *(([], after_writes, 1) for after_writes in range(1, STEPS)),  # the first snapshot ever
        *(([], after_writes, 1440) for after_writes in range(3, STEPS)),  # 1, 2: another day's stays out
    ],
)
def test_the_next_slot_completes_what_a_crash_left_out(
    tmp_path: Path, before: list[int], after_writes: int, gap_minutes: int
) -> None:
    """On the same day and on the next: the store is as if nothing had happened."""
    crashed, whole = DirectoryStore(tmp_path / "crashed"), DirectoryStore(tmp_path / "whole")
    for store in (crashed, whole):
        put_minutes(store, before)
    crash(crashed, at_minute(5), after_writes)
    put(whole, at_minute(5))
    published = put(crashed, at_minute(5 + gap_minutes))
    put(whole, at_minute(5 + gap_minutes))
    assert everything(crashed) == everything(whole)
    assert published.healed == (tuple(snapshot_key(C, slot) for slot in minutes(5)) if after_writes <= 2 else ())


def test_many_crashed_passes_are_healed_up_to_a_limit(store: DirectoryStore) -> None:
    """Bounded work: the first that was not reached is named, the new snapshot is published all the same."""
    put(store, at_minute(0))
    for minute in range(1, HEAL_LIMIT + 3):
        crash(store, at_minute(minute), after_writes=1)
    published = put(store, at_minute(100))
    assert len(published.healed) == HEAL_LIMIT
    assert published.unhealed == (snapshot_key(C, minutes(HEAL_LIMIT + 1)[0]),)
    assert indexed(store) == minutes(*range(HEAL_LIMIT + 1), 100)


def test_a_damaged_predecessor_does_not_stop_the_next_pass(store: DirectoryStore) -> None:
    """It is named in the result and stays out of the indexes; the pass itself is complete."""
    put(store, at_minute(0))
    bad = snapshot_key(C, minutes(1)[0])
    other = snapshot_key(C, minutes(2)[0])
    store.put(bad, b"not gzip", SNAPSHOT_HEADERS)
    store.put(other, snapshot.encode(at_minute(9)), SNAPSHOT_HEADERS)  # says another slot than its key
    published = put(store, at_minute(3))
    assert (published.healed, published.unhealed) == ((), (bad, other))
    assert (indexed(store), latest_slot(store)) == (minutes(0, 3), minutes(3)[0])


def test_a_backfilled_slot_never_moves_latest_back(store: DirectoryStore) -> None:
    """An old slot goes into its day and the days, and may be the first; last, latest and totals stay."""
    put_minutes(store, [0])
    before = everything(store)[latest_key(C)]
    put(store, at_minute(-1500, counted=1, trigger="backfill"))
    index = loaded(store, cluster_index_key(C))
    assert everything(store)[latest_key(C)] == before
    assert (index["days"], index["first"]["slot"], index["last"]["slot"]) == (
        ["2026-11-22", DAY],
        minutes(-1500)[0],
        minutes(0)[0],
    )
    assert index["totals"]["pods"] == {"counted": 58}
    assert [point["slot"] for point in index["recent"]] == minutes(0)
    assert indexed(store, "2026-11-22") == minutes(-1500)


def test_a_backfill_brings_latest_forward_when_its_publisher_crashed(store: DirectoryStore) -> None:
    """latest follows the cluster index's last slot, whoever comes next."""
    put(store, at_minute(0))
    crash(store, at_minute(5), after_writes=3)
    assert latest_slot(store) == minutes(0)[0]
    put(store, at_minute(-10))
    assert latest_slot(store) == minutes(5)[0]


def test_a_faster_publisher_of_a_later_slot_keeps_latest(store: DirectoryStore) -> None:
    """Overtaken between its cluster index and latest: the slower one does not put its own back."""
    slow = RecordingStore(store)
    slow.meanwhile[latest_key(C)] = lambda: put(store, at_minute(1))
    put(slow, at_minute(0))
    assert (latest_slot(store), indexed(store)) == (minutes(1)[0], minutes(0, 1))
    assert loaded(store, cluster_index_key(C))["last"]["slot"] == minutes(1)[0]


@pytest.mark.parametrize("key", [day_index_key(C, DAY), cluster_index_key(C), latest_key(C), clusters_key()])
def test_a_lost_race_is_read_again_and_merged(store: DirectoryStore, key: str) -> None:
    """Another publisher writes between our read and our write, at any of the documents: both are in the end."""
    put(store, at_minute(0, cluster="first"))
    ours = RecordingStore(store)
    ours.meanwhile[key] = lambda: (put(store, at_minute(3)), put(store, at_minute(4, cluster="another")))
    put(ours, at_minute(5))
    assert (indexed(store), latest_slot(store)) == (minutes(3, 5), minutes(5)[0])
    assert [point["slot"] for point in loaded(store, cluster_index_key(C))["recent"]] == minutes(5)
    assert read.clusters(store) == ["another", "first", C]


def test_losing_every_race_is_an_error(store: DirectoryStore) -> None:
    """Bounded attempts with growing, jittered pauses; then an error, and the snapshot itself is stored."""

    class AlwaysLate(RecordingStore):
        def put_if_match(self, *arguments: Any) -> bool:
            del arguments
            return False

    pauses: list[float] = []
    document = at_minute(0)
    with pytest.raises(StoreError, match="other writers were faster") as caught:
        publish(AlwaysLate(store), document, snapshot.encode(document), pauses=Pauses(pauses.append, lambda: 1.0))
    assert "same slot can be run again" in caught.value.hint
    assert pauses[:3] == [0.05, 0.1, 0.2]
    assert max(pauses) == 2.0
    assert store.get(snapshot_key(C, minutes(0)[0])) is not None


def test_requests_do_not_grow_with_history(store: DirectoryStore) -> None:
    """One snapshot or a day of 1,440 and a thousand days before it: ten requests at most."""
    put(store, at_minute(-1))
    summaries = [summarise(at_minute(minute)) for minute in range(-720, 720)]
    asked_first = requests_of(store, at_minute(0))
    write_history(store, summaries)
    assert requests_of(store, at_minute(719, counted=3)) <= asked_first <= 10
    new = RecordingStore(store)
    put(new, at_minute(720))
    assert len(new.asked) <= 10
    assert len(indexed(store)) == 1440


def requests_of(store: Store, document: dict[str, Any]) -> int:
    recording = RecordingStore(store)
    put(recording, document)
    return len(recording.asked)


def write_history(store: Store, summaries: list[Summary]) -> None:
    """The indexes of a full day but for its last minute, after a thousand days."""
    day = merge_day(None, C, DAY, summaries[:-1])
    index = merge_cluster(None, C, summaries[:-1])
    first = datetime(2024, 1, 1, tzinfo=UTC)
    index["days"] = sorted({*index["days"], *(slot_of(first + timedelta(days=n))[:10] for n in range(1000))})
    store.put(day_index_key(C, DAY), orjson.dumps(day), INDEX_HEADERS)
    store.put(cluster_index_key(C), orjson.dumps(index), INDEX_HEADERS)


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(6)), st.lists(st.integers(0, 5), max_size=3))
def test_any_order_of_publishing_gives_the_same_store(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], again: list[int]
) -> None:
    """Slots in any order, some twice, over two days: every slot indexed once, the same bytes in the end."""
    offsets = [-800, -3, 0, 7, 20, 1300]
    mixed, sorted_ = (DirectoryStore(tmp_path_factory.mktemp("any")) for _ in range(2))
    put_minutes(mixed, [offsets[number] for number in (*order, *again)])
    put_minutes(sorted_, offsets)
    assert everything(mixed) == everything(sorted_)


@given(st.lists(st.integers(0, 4000), min_size=1, max_size=300), st.data())
@settings(max_examples=30, deadline=None)
def test_thinning_is_the_same_however_it_is_split(offsets: list[int], data: st.DataObject) -> None:
    """Thinning in two goes, in any split, keeps what one go keeps: at most 97 points of the last 24 hours."""
    points = [{"slot": slot, "totals": {}} for slot in minutes(*offsets)]
    cut = data.draw(st.integers(0, len(points)))
    once = thin(points)
    assert once == thin([*thin(points[:cut]), *thin(points[cut:])]) == thin([*thin(points), *points])
    assert len(once) <= 24 * 3600 / RECENT_STEP_SECONDS + 1
    assert once[-1]["slot"] == max(minutes(*offsets))


def test_unknown_fields_of_an_index_are_kept(store: DirectoryStore) -> None:
    """A newer program of the same schema may have added some: an older one does not remove them."""
    put(store, at_minute(0))
    key = cluster_index_key(C)
    store.put(key, orjson.dumps({**loaded(store, key), "added": 1}), INDEX_HEADERS)
    put(store, at_minute(1))
    assert loaded(store, key)["added"] == 1


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"{}", b'{"schema": "1"}', b'{"schema": 1}', b'{"schema": 1, "last": 3}']
)
@pytest.mark.parametrize("key", [day_index_key(C, DAY), cluster_index_key(C), clusters_key()])
def test_a_damaged_index_is_named_with_its_repair(store: DirectoryStore, key: str, body: bytes) -> None:
    """No guess and no overwriting: the snapshot is stored, the error says which document and how to make it again."""
    store.put(key, body, INDEX_HEADERS)
    with pytest.raises(StoreError, match="damaged") as caught:
        put(store, at_minute(0))
    assert key in str(caught.value)
    assert "snapshots are not affected" in caught.value.hint
    assert store.get(snapshot_key(C, minutes(0)[0])) is not None
    assert store.get(key).body == body  # type: ignore[union-attr]


def test_an_index_of_a_newer_schema_is_left_alone(store: DirectoryStore) -> None:
    """Only a newer nodetally knows what it means."""
    store.put(cluster_index_key(C), b'{"schema": 2}', INDEX_HEADERS)
    with pytest.raises(StoreError, match="schema 2"):
        put(store, at_minute(0))


def test_a_damaged_latest_is_replaced(store: DirectoryStore) -> None:
    """It is only a copy; the next slot writes a whole one."""
    put(store, at_minute(0))
    store.put(latest_key(C), b"damaged", INDEX_HEADERS)
    put(store, at_minute(1))
    assert latest_slot(store) == minutes(1)[0]


def test_a_document_that_is_no_snapshot_is_refused(store: DirectoryStore) -> None:
    """What is stored for a slot is not a snapshot: damage, named, not published over."""
    store.put(snapshot_key(C, minutes(0)[0]), b"no", SNAPSHOT_HEADERS)
    with pytest.raises(StoreError, match="damaged: snapshots/") as caught:
        put(store, at_minute(0))
    assert "other snapshots are not affected" in caught.value.hint
    with pytest.raises(StoreError, match="not a whole snapshot"):
        summarise({"cluster": C, "slot": minutes(0)[0]})


def test_the_slot_is_read_from_the_first_bytes(store: DirectoryStore) -> None:
    """Of the head alone where it comes first, of the whole where it does not; damage has none."""
    del store
    document = documents.snapshot([documents.node(f"n{number}") for number in range(50)])
    body = snapshot.encode(document)
    moved = {"nodes": [{"slot": "wrong"}], **{k: v for k, v in document.items() if k != "slot"}, "slot": "right"}
    assert slot_in(body) == document["slot"]
    assert slot_in(body[: len(body) // 2]) == document["slot"]
    assert slot_in(snapshot.encode(moved)) == "right"
    assert [slot_in(bad) for bad in (b"", b"no", snapshot.encode({"slot": 3}), snapshot.compress(b"[1]"))] == [None] * 4


def test_unknown_figures_stay_unknown(store: DirectoryStore) -> None:
    """Usage that is null in the snapshot is null in the indexes, never 0."""
    document = at_minute(0)
    for resource in document["totals"]["resources"].values():
        resource["usage"] = None
    put(store, document)
    totals = loaded(store, cluster_index_key(C))["totals"]["resources"]
    assert {resource["usage"] for resource in totals.values()} == {None}


def test_at_gives_the_newest_slot_at_or_before_a_moment(store: DirectoryStore) -> None:
    """On the slot, between two, in the gap of days, behind the last."""
    put_minutes(store, [-3000, -5, 0, 5])
    asked = {0: 0, 4: 0, 5: 5, 9999: 5, -1: -5, -6: -3000, -3000: -3000}
    found = {ask: read.at(store, C, NOON + timedelta(minutes=ask))["slot"] for ask in asked}
    assert found == {ask: minutes(minute)[0] for ask, minute in asked.items()}


def test_reading_does_not_list_the_bucket(store: DirectoryStore) -> None:
    """Through the indexes: two documents and the snapshot, whatever the history."""
    put_minutes(store, [-3000, -1500, 0])
    recording = RecordingStore(store)
    read.at(recording, C, NOON + timedelta(minutes=1))
    assert [operation for operation, _ in recording.asked] == ["get"] * 3


def test_without_indexes_the_keys_are_read(store: DirectoryStore) -> None:
    """Every derived document gone: clusters, latest and any moment are still found."""
    put_minutes(store, [-3000, -5, 0])
    for cluster in ("prod", "prod-2", "prod.3"):
        put(store, at_minute(0, cluster=cluster))
    for entry in list(store.list("clusters")):
        store.delete(entry.key)
    assert read.clusters(store) == ["prod", "prod-2", C, "prod.3"]
    assert latest_slot(store) == minutes(0)[0]
    assert read.at(store, C, NOON - timedelta(minutes=7))["slot"] == minutes(-3000)[0]
    assert read.at(store, C, NOON)["slot"] == minutes(0)[0]


def test_an_empty_store_says_how_to_fill_it(store: DirectoryStore) -> None:
    """The command, with this cluster and this store."""
    assert read.clusters(store) == []
    asks: tuple[Callable[[], object], ...] = (lambda: read.latest(store, C), lambda: read.at(store, C, NOON))
    for ask in asks:
        with pytest.raises(StoreError, match=f"no snapshot of {C} in .* yet") as caught:
            ask()
        assert caught.value.hint == f"nodetally run --cluster {C} --store {store.url}"


def test_an_unknown_cluster_is_answered_with_those_there_are(store: DirectoryStore) -> None:
    """A typing mistake is wrong use; names that are no names are refused first."""
    put(store, at_minute(0))
    asks: tuple[Callable[[], object], ...] = (lambda: read.latest(store, "prod"), lambda: read.at(store, "prod", NOON))
    for ask in asks:
        with pytest.raises(WrongUse, match="no cluster prod in") as caught:
            ask()
        assert caught.value.hint == f"there are: {C}"
    with pytest.raises(WrongUse, match="not a cluster name"):
        read.latest(store, "../x")


def test_a_moment_before_the_first_slot_names_the_first(store: DirectoryStore) -> None:
    """Nothing was recorded then; a moment needs its zone."""
    put_minutes(store, [0, 5])
    with pytest.raises(StoreError, match="at or before 2026-11-23T11:59:59Z") as caught:
        read.at(store, C, NOON - timedelta(seconds=1))
    assert caught.value.hint == f"the first is of {minutes(0)[0]}"
    with pytest.raises(WrongUse, match="without a zone"):
        read.at(store, C, NOON.replace(tzinfo=None))


def test_a_snapshot_that_an_index_names_in_vain_is_damage(store: DirectoryStore) -> None:
    """Somebody deleted it: said so, rather than answered with another moment's numbers."""
    put_minutes(store, [0, 5])
    store.delete(snapshot_key(C, minutes(5)[0]))
    with pytest.raises(StoreError, match="not there") as caught:
        read.at(store, C, NOON + timedelta(minutes=9))
    assert "something deleted it" in caught.value.hint


def test_a_damaged_latest_is_named_by_readers(store: DirectoryStore) -> None:
    """Never half a document."""
    put(store, at_minute(0))
    whole = everything(store)[latest_key(C)]
    for body in (b"no", whole[: len(whole) // 2], snapshot.encode(copy.deepcopy(at_minute(0)) | {"cluster": "other"})):
        store.put(latest_key(C), body, INDEX_HEADERS)
        with pytest.raises(StoreError, match="damaged"):
            read.latest(store, C)
