"""Every way in which a store can be wrong, made by hand on every kind of store: found, repaired, clean again."""

import gzip
from collections.abc import Callable
from datetime import timedelta

import orjson
import pytest

import rollups
from nodetally import snapshot
from nodetally.errors import StoreError
from nodetally.store import read, walk
from nodetally.store.base import Store
from nodetally.store.breaches import KINDS
from nodetally.store.layout import (
    INDEX_HEADERS,
    SNAPSHOT_HEADERS,
    clusters_key,
    day_index_key,
    latest_key,
    rollup_key,
    state_key,
)
from nodetally.store.rollups import made_from
from nodetally.store.seen import Seen
from nodetally.store.verify import verify
from recording import RecordingStore
from small_store import (
    DAY,
    DAY_BEFORE,
    INDEX,
    LATEST,
    NOON,
    OTHER,
    TODAY,
    YESTERDAY,
    C,
    breaches,
    change,
    copy,
    delete,
    document_at,
    everything,
    filled,
    found,
    key_at,
    loaded,
    publishing,
    repaired,
    slot_at,
    snapshots_of,
    write,
)

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


def test_the_derived_documents_come_back_byte_for_byte(store: Store) -> None:
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
            change(YESTERDAY, lambda index: index["snapshots"].pop(0))(shared_store)
            repaired(shared_store)
    assert breaches(shared_store) == []
    listed = read.slots(shared_store, C, DAY)
    assert {slot_at(second / 3600) for second in done} <= set(listed)


def test_every_kind_of_breach_is_made_above() -> None:
    """No kind is without a test."""
    made = {kind for _, expected in REPAIRABLE.values() for kind, _ in expected}
    assert made | {"unreadable-snapshot", "unknown-file"} == set(KINDS)
