"""Every way in which a store can be wrong, made by hand on every kind of store: found, repaired, clean again."""

import gzip
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import pytest

import documents
import rollups
from nodetally import snapshot
from nodetally.errors import StoreError
from nodetally.store import batch, read, walk
from nodetally.store.base import Store
from nodetally.store.breaches import KINDS, Breach
from nodetally.store.directory import DirectoryStore
from nodetally.store.layout import (
    INDEX_HEADERS,
    SNAPSHOT_HEADERS,
    cluster_index_key,
    clusters_key,
    day_index_key,
    latest_key,
    rollup_key,
    slot_of,
    snapshot_key,
    state_key,
)
from nodetally.store.prune import DAYS_IN_ONE_GO, prune
from nodetally.store.publish import publish
from nodetally.store.repair import repair
from nodetally.store.retention import parse_policy
from nodetally.store.rollups import made_from
from nodetally.store.seen import Seen
from nodetally.store.settle import Change
from nodetally.store.update import Pauses
from nodetally.store.verify import verify
from recording import Killed, RecordingStore

C, OTHER = "prod-eu-1", "b"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY, DAY_BEFORE = "2026-11-23", "2026-11-22"
HOURS = (-30, -20, -13, -1, 0)  # the first three on the day before the others


def slot_at(hours: float) -> str:
    return slot_of(NOON + timedelta(hours=hours))


def key_at(hours: float, cluster: str = C) -> str:
    return snapshot_key(cluster, slot_at(hours))


def document_at(hours: float, cluster: str = C, **changes: Any) -> dict[str, Any]:
    slot = slot_at(hours)
    return documents.snapshot([documents.node("n1")], slot=slot, taken_at=slot, cluster=cluster, **changes)


def put(store: Store, hours: float, cluster: str = C) -> bool:
    document = document_at(hours, cluster)
    return publish(store, document, snapshot.encode(document), sleep=lambda _: None).created


@cache
def published() -> dict[str, bytes]:
    """A store of six snapshots, as publishers wrote it."""
    with TemporaryDirectory() as folder:
        store = DirectoryStore(Path(folder))
        for hours in HOURS:
            put(store, hours)
        put(store, 0, OTHER)
        return everything(store)


def filled(store: Store) -> Store:
    for key, body in published().items():
        store.put(key, body, SNAPSHOT_HEADERS)
    return store


def found(store: Store, **options: Any) -> list[tuple[str, str]]:
    """Kind and key of each breach, sorted."""
    return sorted((each.kind, each.key) for each in breaches(store, **options))


def breaches(store: Store, **options: Any) -> list[Breach]:
    return list(verify(store, patience_seconds=0, **options))


def repaired(store: Store, **options: Any) -> list[str]:
    """The keys of all changes, and of snapshots that were left."""
    return sorted(each.key for each in repair(store, pauses=Pauses(lambda _: None), **options))


def everything(store: Store) -> dict[str, bytes]:
    return {entry.key: stored.body for entry in store.list("") if (stored := store.get(entry.key))}


def snapshots_of(store: Store) -> dict[str, bytes]:
    return {key: body for key, body in everything(store).items() if key.startswith("snapshots/")}


def loaded(store: Store, key: str) -> dict[str, Any]:
    stored = store.get(key)
    assert stored is not None, key
    document = orjson.loads(stored.body)
    assert isinstance(document, dict)
    return document


def change(key: str, alter: Callable[[dict[str, Any]], Any]) -> Callable[[Store], None]:
    """A derived document edited by hand."""

    def act(store: Store) -> None:
        document = loaded(store, key)
        alter(document)
        store.put(key, orjson.dumps(document), INDEX_HEADERS)

    return act


def write(key: str, body: bytes) -> Callable[[Store], None]:
    return lambda store: store.put(key, body, SNAPSHOT_HEADERS)


def delete(*keys: str) -> Callable[[Store], None]:
    def act(store: Store) -> None:
        for key in keys:
            store.delete(key)

    return act


def copy(source: str, target: str) -> Callable[[Store], None]:
    def act(store: Store) -> None:
        stored = store.get(source)
        assert stored is not None
        store.put(target, stored.body, SNAPSHOT_HEADERS)

    return act


INDEX, LATEST = cluster_index_key(C), latest_key(C)
TODAY, YESTERDAY = day_index_key(C, DAY), day_index_key(C, DAY_BEFORE)
NEW = document_at(-2)

# What is done by hand → what is found, by kind and key. All of these `repair` makes good.
REPAIRABLE: dict[str, tuple[Callable[[Store], None], list[tuple[str, str]]]] = {
    "a day index entry is removed": (
        change(YESTERDAY, lambda index: index["snapshots"].pop()),
        [("unindexed-snapshot", key_at(-13))],
    ),
    "a snapshot is put beside the indexes": (
        write(key_at(-2), snapshot.encode(NEW)),
        [("unindexed-snapshot", key_at(-2))],
    ),
    "a snapshot is deleted": (delete(key_at(-20)), [("missing-snapshot", YESTERDAY)]),
    "the newest snapshot is deleted": (
        delete(key_at(0)),
        [("missing-snapshot", TODAY), ("wrong-latest", LATEST)],
    ),
    "a day's snapshots are all deleted": (
        delete(key_at(-1), key_at(0)),
        [("missing-snapshot", TODAY), ("missing-snapshot", TODAY), ("wrong-latest", LATEST)],
    ),
    "an entry's totals are changed": (
        change(TODAY, lambda index: index["snapshots"][0]["totals"]["pods"].update(counted=1)),
        [("wrong-entry", TODAY)],
    ),
    "an entry's taken_at is changed": (
        change(YESTERDAY, lambda index: index["snapshots"][1].update(taken_at="2026-11-22T00:00:00Z")),
        [("wrong-entry", YESTERDAY)],
    ),
    "an entry's trigger is changed": (
        change(YESTERDAY, lambda index: index["snapshots"][0].update(trigger="manual")),
        [("wrong-entry", YESTERDAY)],
    ),
    "an entry is there twice": (
        change(YESTERDAY, lambda index: index["snapshots"].append(index["snapshots"][0])),
        [("damaged-index", YESTERDAY)],
    ),
    "a day index lists nothing": (
        change(YESTERDAY, lambda index: index["snapshots"].clear()),
        [("damaged-index", YESTERDAY)],
    ),
    "a day index is another day's": (copy(TODAY, YESTERDAY), [("damaged-index", YESTERDAY)]),
    "a day index is not JSON": (write(YESTERDAY, b'{"schema":1,'), [("damaged-index", YESTERDAY)]),
    "a day index is a list": (write(YESTERDAY, b"[]"), [("damaged-index", YESTERDAY)]),
    "a day index has lines that are none": (
        write(YESTERDAY, orjson.dumps({"schema": 1, "cluster": C, "date": DAY_BEFORE, "snapshots": [1, {"slot": 2}]})),
        [("damaged-index", YESTERDAY)],
    ),
    "a day index is deleted": (delete(YESTERDAY), [("missing-index", YESTERDAY)]),
    "a cluster index misses a day": (
        change(INDEX, lambda index: index["days"].remove(DAY_BEFORE)),
        [("wrong-index", INDEX)],
    ),
    "a cluster index names a day that is not there": (
        change(INDEX, lambda index: index["days"].append("2027-01-01")),
        [("wrong-index", INDEX)],
    ),
    "a cluster index has another first": (
        change(INDEX, lambda index: index["first"].update(slot=slot_at(-20))),
        [("wrong-index", INDEX)],
    ),
    "a cluster index has an older last": (
        change(INDEX, lambda index: index["last"].update(slot=slot_at(-1), key=key_at(-1))),
        [("wrong-index", INDEX)],
    ),
    "a cluster index has other totals": (
        change(INDEX, lambda index: index["schedulable_totals"]["nodes"].update(ready=9)),
        [("wrong-index", INDEX)],
    ),
    "a cluster index lacks a point": (change(INDEX, lambda index: index["recent"].pop(0)), [("wrong-index", INDEX)]),
    "a cluster index is not JSON": (write(INDEX, b"\xff"), [("damaged-index", INDEX)]),
    "a cluster index is deleted": (delete(INDEX), [("missing-index", INDEX)]),
    "latest is missing": (delete(LATEST), [("wrong-latest", LATEST)]),
    "latest is older": (copy(key_at(-1), LATEST), [("wrong-latest", LATEST)]),
    "latest is damaged": (write(LATEST, b"\x1f\x8b garbage"), [("wrong-latest", LATEST)]),
    "latest is no copy": (
        write(LATEST, snapshot.encode(document_at(0, trigger="manual"))),
        [("wrong-latest", LATEST)],
    ),
    "latest is of a snapshot that is not there": (
        write(LATEST, snapshot.encode(document_at(5))),
        [("wrong-latest", LATEST)],
    ),
    "a cluster is missing from the list": (
        change(clusters_key(), lambda index: index["clusters"].remove(C)),
        [("wrong-list", clusters_key())],
    ),
    "a cluster without data is in the list": (
        change(clusters_key(), lambda index: index["clusters"].extend(["zzz", "../.."])),
        [("wrong-list", clusters_key()), ("wrong-list", clusters_key())],
    ),
    "the list is not JSON": (write(clusters_key(), b"<html>"), [("damaged-index", clusters_key())]),
    "the list is deleted": (delete(clusters_key()), [("missing-index", clusters_key())]),
    "a cluster's snapshots are all deleted": (
        delete(key_at(0, OTHER)),
        [
            ("missing-snapshot", day_index_key(OTHER, DAY)),
            ("wrong-latest", latest_key(OTHER)),
            ("wrong-list", clusters_key()),
        ],
    ),
    "a rollup is of other snapshots": (
        write(rollup_key("nodes", C, DAY), rollups.end(f"1 2 {slot_at(0)} {'0' * 64}")),
        [("stale-rollup", rollup_key("nodes", C, DAY))],
    ),
    "a rollup is of a day without snapshots": (
        write(rollup_key("clusters", C, "2026-01-01"), rollups.end(f"1 2 2026-01-01T00:00:00Z {'0' * 64}")),
        [("stale-rollup", rollup_key("clusters", C, "2026-01-01"))],
    ),
    "a rollup is all that is there of a cluster": (
        write(rollup_key("clusters", "gone", DAY), rollups.end(f"1 2 {slot_at(0)} {'0' * 64}")),
        [("stale-rollup", rollup_key("clusters", "gone", DAY))],
    ),
    "a rollup is cut off": (
        write(rollup_key("namespaces", C, DAY), rollups.end(f"1 2 {slot_at(0)} {'0' * 64}")[:-1]),
        [("damaged-rollup", rollup_key("namespaces", C, DAY))],
    ),
    "a rollup is empty": (
        write(rollup_key("namespaces", C, DAY), b""),
        [("damaged-rollup", rollup_key("namespaces", C, DAY))],
    ),
    "everything but the snapshots is deleted": (
        delete(clusters_key(), *(f"clusters/{C}/{name}" for name in ("index.json", "latest.json.gz"))),
        [("missing-index", INDEX), ("missing-index", clusters_key())],
    ),
}

# What nobody can make good but whoever has a copy: found, and left as it is.
UNREADABLE: dict[str, bytes] = {
    "not gzip": b"not gzip",
    "cut off": snapshot.encode(NEW)[:-20],
    "not JSON": gzip.compress(b"{"),
    "of another slot": snapshot.encode(document_at(-3)),
    "of another cluster": snapshot.encode(document_at(-2, "c")),
    "not as the schema says": snapshot.encode(NEW | {"trigger": "cron"}),
    "of a time in no calendar": snapshot.encode(NEW | {"taken_at": "2026-02-30T12:00:00Z"}),
    "without totals": snapshot.encode({name: value for name, value in NEW.items() if name != "totals"}),
    "of a newer schema": snapshot.encode(NEW | {"schema": 2}),
    "empty": b"",
}


def test_a_clean_store_verifies_and_repair_changes_no_byte(store: Store) -> None:
    """Also with all that other parts of the program keep in it; everything is counted."""
    filled(store)
    for key in ("index.html", "assets/page.js", state_key(C, "watch")):
        store.put(key, b"x", INDEX_HEADERS)
    right = made_from(walk.day(store, C, DAY).snapshots)
    store.put(rollup_key("nodes", C, DAY), rollups.end(str(right)), INDEX_HEADERS)
    before, seen = everything(store), Seen()
    assert breaches(store, seen=seen) == breaches(store, deep=False) == breaches(store, cluster=C) == []
    size = sum(map(len, snapshots_of(store).values()))
    assert seen == Seen(clusters=2, clusters_found=2, days=3, snapshots=6, snapshot_bytes=size)
    recording = RecordingStore(store)
    assert repaired(recording) == []
    assert recording.written == []
    assert everything(store) == before


@pytest.mark.parametrize("name", REPAIRABLE)
def test_each_breach_is_found_repaired_and_gone(shared_store: Store, name: str) -> None:
    """Found as what it is; a dry run tells and writes nothing; snapshots are not touched; once is enough."""
    store = shared_store
    damage, expected = REPAIRABLE[name]
    damage(filled(store))
    kept, damaged = snapshots_of(store), everything(store)
    assert found(store) == sorted(expected)
    told = repaired(store, dry_run=True)
    assert everything(store) == damaged
    changed = repaired(store)
    assert set(told) & set(changed)
    assert breaches(store) == breaches(store, deep=False) == []
    assert snapshots_of(store) == kept
    assert repaired(store) == []


@pytest.mark.parametrize("name", [name for name in REPAIRABLE if "totals" not in name and "other" not in name])
def test_quick_finds_what_keys_and_indexes_tell(directory_store: Store, name: str) -> None:
    """Without reading a snapshot."""
    REPAIRABLE[name][0](filled(directory_store))
    recording = RecordingStore(directory_store)
    seen = found(recording, deep=False)
    assert not [key for operation, key in recording.asked if operation == "get" and key.startswith("snapshots/")]
    told_by_bodies = {"an entry's taken_at is changed", "an entry's trigger is changed", "latest is no copy"}
    assert bool(seen) is (name not in told_by_bodies)


@pytest.mark.parametrize("name", UNREADABLE)
def test_an_unreadable_snapshot_is_found_left_and_out_of_the_indexes(store: Store, name: str) -> None:
    """Repair tells of it and touches neither it nor what is right; nothing else is wrong because of it."""
    filled(store).put(key_at(-2), UNREADABLE[name], SNAPSHOT_HEADERS)
    before = everything(store)
    expected = [("unreadable-snapshot", key_at(-2))]
    assert found(store) == expected
    assert repaired(store) == [key_at(-2)]
    assert everything(store) == before
    assert found(store) == expected


def test_a_snapshot_that_was_indexed_and_went_bad_leaves_the_index(store: Store) -> None:
    """So that no reader runs into it; when it comes back from a copy, repair adds it again: byte for byte as before."""
    whole = everything(filled(store))
    store.put(key_at(-20), b"bit rot", SNAPSHOT_HEADERS)
    assert found(store) == [("unreadable-snapshot", key_at(-20))]
    assert repaired(store) == [YESTERDAY, INDEX, key_at(-20)]
    assert read.at(store, C, NOON - timedelta(hours=19))["slot"] == slot_at(-30)
    store.put(key_at(-20), whole[key_at(-20)], SNAPSHOT_HEADERS)
    repaired(store)
    assert everything(store) == whole


def test_when_the_newest_snapshot_went_bad_latest_still_is_a_good_copy(store: Store) -> None:
    """It is the only one there is: repair leaves it."""
    whole = everything(filled(store))
    store.put(key_at(0), b"bit rot", SNAPSHOT_HEADERS)
    repaired(store)
    assert found(store) == [("unreadable-snapshot", key_at(0))]
    assert everything(store)[LATEST] == whole[LATEST]


def test_the_derived_writtencome_back_byte_for_byte(store: Store) -> None:
    """All of them deleted: made from the snapshots again, they are what the publishers wrote."""
    whole = everything(filled(store))
    delete(*(key for key in whole if not key.startswith("snapshots/")))(store)
    assert repaired(store) == sorted(key for key in whole if not key.startswith("snapshots/"))
    assert everything(store) == whole


def test_files_that_nobody_knows_are_named(store: Store) -> None:
    """Wherever they lie; repair leaves them."""
    strays = [
        "notes.txt",
        "clusters/readme",
        f"clusters/{C}/index.json.bak",
        f"clusters/{C}/days/today.json",
        "snapshots/x",
        f"snapshots/cluster={C}/date=2026-11-23/20261122T120000Z.json.gz",
        f"snapshots/cluster={C}/notes",
        "snapshots/cluster=-bad-/date=2026-11-23/20261123T120000Z.json.gz",
        "zzz/file",
    ]
    filled(store)
    for key in strays:
        store.put(key, b"x", INDEX_HEADERS)
    assert found(store) == [("unknown-file", key) for key in sorted(strays)]
    assert repaired(store) == []
    assert found(store, cluster=C) == [("unknown-file", key) for key in sorted(strays) if f"{C}/" in key]


def test_what_a_newer_program_added_is_kept_and_no_breach(store: Store) -> None:
    """New fields in every derived document: repair of something else leaves them."""
    filled(store)
    for key in (TODAY, INDEX, clusters_key()):
        change(key, lambda index: index.update(added=[1]))(store)
    change(TODAY, lambda index: index["snapshots"][0].update(added=2))(store)
    assert breaches(store) == []
    change(TODAY, lambda index: index["snapshots"].pop())(store)
    repaired(store)
    assert breaches(store) == []
    assert loaded(store, TODAY)["added"] == [1]
    assert [line.get("added") for line in loaded(store, TODAY)["snapshots"]] == [2, None]


@pytest.mark.parametrize("key", [TODAY, INDEX, clusters_key()])
def test_a_document_of_a_newer_schema_is_an_error_not_damage(store: Store, key: str) -> None:
    """Repair must not write an old form over a new one."""
    change(key, lambda index: index.update(schema=2))(filled(store))
    for act in (breaches, repaired):
        with pytest.raises(StoreError, match="schema 2") as caught:
            act(store)
        assert "newer nodetally" in caught.value.hint


def test_an_empty_store_is_clean(store: Store) -> None:
    """There is nothing to be wrong, and repair makes nothing."""
    assert breaches(store) == []
    assert repaired(store) == []
    assert everything(store) == {}


@contextmanager
def publishing(store: Store) -> Iterator[list[int]]:
    """Passes one after the other, and backfilled slots of the day before, until the block ends."""
    done: list[int] = []
    stop: list[bool] = []

    def run() -> None:
        for second in count(1):
            if stop:
                return
            put(store, second / 3600)
            put(store, -14 - second / 3600)
            done.append(second)

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(run)
        try:
            yield done
        finally:
            stop.append(True)
        future.result()


def test_verify_beside_a_publisher_reports_nothing(shared_store: Store) -> None:
    """However often: what a pass leaves for a moment is no damage."""
    filled(shared_store)
    with publishing(shared_store) as done:
        for _ in range(4):
            assert list(verify(shared_store, patience_seconds=0.7)) == []
    assert done
    assert breaches(shared_store) == []


def test_a_real_breach_is_found_beside_a_publisher(shared_store: Store) -> None:
    """Looking again does not hide it."""
    filled(shared_store)
    shared_store.delete(key_at(-30))
    with publishing(shared_store):
        wrong = list(verify(shared_store, patience_seconds=0.7))
    assert [(each.kind, each.key) for each in wrong] == [("missing-snapshot", day_index_key(C, "2026-11-22"))]


def test_repair_beside_a_publisher_loses_nothing(shared_store: Store) -> None:
    """Every slot that was published meanwhile is indexed, and the damage is gone."""
    filled(shared_store)
    with publishing(shared_store) as done:
        for _ in range(4):
            change(YESTERDAY, lambda index: index["snapshots"].pop(0))
            repaired(shared_store)
    assert breaches(shared_store) == []
    listed = read.slots(shared_store, C, DAY)
    assert {slot_at(second / 3600) for second in done} <= set(listed)


POLICY = parse_policy("all:2h,daily:2d")


def thin(store: Store, hours: float = 0, *, delete: bool = True) -> list[tuple[str, int, int]]:
    now = NOW_AFTER + timedelta(hours=hours)
    thinned = prune(store, C, POLICY, now, delete=delete, pauses=Pauses(lambda _: None))
    return [(row.tier, row.kept, row.gone) for row in thinned.rows(POLICY)]


NOW_AFTER = NOON + timedelta(minutes=1)


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


@pytest.mark.parametrize("damage", ["a day index is not JSON", "a cluster index is not JSON"])
def test_a_damaged_index_stops_a_prune(store: Store, damage: str) -> None:
    """It would look like one of nothing; nothing is deleted, and the hint names the repair."""
    REPAIRABLE[damage][0](filled(store))
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


def test_every_kind_of_breach_is_made_above() -> None:
    """No kind is without a test."""
    made = {kind for _, expected in REPAIRABLE.values() for kind, _ in expected}
    assert made | {"unreadable-snapshot", "unknown-file"} == set(KINDS)
    assert Change("k", "w") == ("k", "w")
