"""Any JSON of any shape where a store's documents should be: an error that says so, or a right answer."""

import gzip
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import documents
from fuzz.commands import URL, MemoryStore, assert_harmless, nodetally
from fuzz.shapes import bodies
from nodetally import snapshot
from nodetally.store.layout import cluster_index_key, clusters_key, day_index_key, latest_key, slot_of, snapshot_key
from nodetally.store.publish import publish
from paths import VECTORS

C = "c"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SLOTS = [slot_of(NOON + timedelta(minutes=5 * at)) for at in range(3)]
DERIVED = [day_index_key(C, SLOTS[0][:10]), cluster_index_key(C), latest_key(C), clusters_key()]
DAYS = ["--since", SLOTS[0][:10], "--to", SLOTS[0][:10]]
READ = {
    "show": ["show", "--format", "json"],
    "show, as a table": ["show", "--cluster", C],
    "show, as csv": ["show", "--cluster", C, "--format", "csv"],
    "show, as it was": ["show", "--cluster", C, "--at", SLOTS[1]],
    "diff": ["diff", SLOTS[0], "latest"],
    "status": ["status", "--max-age", "15m"],
    "status, as json": ["status", "--format", "json"],
    "store verify": ["store", "verify", "--patience", "0s"],
    "store verify, quick": ["store", "verify", "--quick", "--patience", "0s", "--format", "json"],
    "store repair, dry": ["store", "repair", "--dry-run"],
    "store prune, dry": ["store", "prune", "--keep", "all:1h", "--now", "2026-11-24T12:00:00Z"],
    "store ls": ["store", "ls"],
    "store ls of a cluster": ["store", "ls", "--cluster", C],
    "store ls of a day": ["store", "ls", "--cluster", C, "--day", SLOTS[0][:10]],
    "store ls of a day, as json": ["store", "ls", "--cluster", C, "--day", SLOTS[0][:10], "--format", "json"],
    "history": ["history", *DAYS],
    "history, as json": ["history", *DAYS, "--format", "json"],
    "history, as csv": ["history", *DAYS, "--format", "csv"],
}
MAY_BE_WRONG_USE = {(clusters_key(), name) for name in READ}  # no such cluster, or which one?
MAY_BE_WRONG_USE |= {(DERIVED[0], name) for name in READ if name.startswith("history")}  # no snapshot, or no cpu
RIGHT = {0, 5, 6, 7}  # done; StoreError; damage found; status found something


DUMP = VECTORS / "cluster.json.gz"
WRITE = {
    "run": ["run", "--cluster", C, "--dump", str(DUMP), "--at", "2026-11-23T13:00:00Z"],
    "backfill": ["backfill", "dumps", "FOLDER", "--cluster", C, "--every", "5m"],
    "store prune": ["store", "prune", "--keep", "all:3650d", "--yes"],
    "store rollup": ["store", "rollup"],
}
writers = st.sampled_from(sorted(WRITE))


@contextmanager
def dumps() -> Iterator[str]:
    """A folder with one dump, of a slot that the store does not have."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "dump-20261123T130000Z.json.gz").symlink_to(DUMP)
        yield folder


def _good() -> dict[str, bytes]:
    store = MemoryStore()
    for slot in SLOTS:
        made = documents.mixed() | {"cluster": C, "slot": slot, "taken_at": slot}
        made["nodes"] = made["nodes"][-3:]
        publish(store, made, snapshot.encode(made))
    return store.objects


GOOD = _good()
KEYS = [*DERIVED, snapshot_key(C, SLOTS[1]), snapshot_key(C, SLOTS[2])]


def plain(key: str) -> Any:
    body = GOOD[key]
    return json.loads(gzip.decompress(body) if key.endswith(".gz") else body)


PLAIN = {key: plain(key) for key in KEYS}
instead = st.sampled_from(KEYS).flatmap(lambda key: st.tuples(st.just(key), bodies(PLAIN[key])))


def packed(key: str, body: bytes) -> bytes:
    return gzip.compress(body, 1, mtime=0) if key.endswith(".gz") else body


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(instead, st.sampled_from(sorted(READ)))
def test_whatever_a_document_is_a_reader_says_so_or_is_right(what: tuple[str, bytes], name: str) -> None:
    """No traceback, no other exit code than those that are told; an error has its hint and names where."""
    key, body = what
    store = MemoryStore({**GOOD, key: packed(key, body)})
    before = dict(store.objects)
    end = nodetally(store, *READ[name], "--store", URL)
    assert end.code in (RIGHT | {2} if (key, name) in MAY_BE_WRONG_USE else RIGHT), end
    assert store.objects == before
    if end.code == 5:
        assert "Error: " in end.said
        assert "Hint: " in end.said, end.said
    if end.code == 0 and name == "show":
        assert json.loads(end.out)["schema"] == 1
    assert_harmless(end, is_json="json" in READ[name])


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(DERIVED).flatmap(lambda key: st.tuples(st.just(key), bodies(PLAIN[key]))), writers)
def test_whatever_a_derived_document_is_a_writer_and_a_repair_cope(what: tuple[str, bytes], name: str) -> None:
    """A writer ends as it should, never changes a snapshot, and loses none; a repair makes the store whole."""
    key, body = what
    store = MemoryStore({**GOOD, key: packed(key, body)})
    with dumps() as folder:
        end = nodetally(store, *(folder if each == "FOLDER" else each for each in WRITE[name]), "--store", URL)
    allowed = (RIGHT - {7}) | {2} if name == "store rollup" and key == clusters_key() else RIGHT - {7}
    assert end.code in (allowed - {6} if name in ("run", "backfill") else allowed), end
    repaired = nodetally(store, "store", "repair", "--store", URL)
    if "install a newer nodetally" in repaired.said:  # what a newer one wrote is left alone
        return
    assert repaired.code == 0, repaired
    verified = nodetally(store, "store", "verify", "--patience", "0s", "--store", URL)
    assert verified.code == 0, verified
    for slot in SLOTS:
        assert store.objects[snapshot_key(C, slot)] == GOOD[snapshot_key(C, slot)]


@pytest.mark.parametrize("name", WRITE)
def test_writers_have_something_to_do(name: str) -> None:
    """What the property lets them meet is met: the good store is changed by each, but by a prune that keeps all."""
    store = MemoryStore(GOOD)
    with dumps() as folder:
        end = nodetally(store, *(folder if each == "FOLDER" else each for each in WRITE[name]), "--store", URL)
    assert end.code == 0, end
    assert (store.objects == GOOD) == (name == "store prune")


def test_a_point_whose_slot_is_no_text_is_told_by_verify() -> None:
    """Where a time should be is an object: a breach like any other."""
    index = plain(cluster_index_key(C))
    index["recent"][0]["slot"] = {"a": []}
    store = MemoryStore({**GOOD, cluster_index_key(C): json.dumps(index).encode()})
    end = nodetally(store, "store", "verify", "--patience", "0s", "--store", URL)
    assert (end.code, "other points: " in end.out) == (6, True), end


@pytest.mark.parametrize(
    "wrong", [7, None, "../../etc/passwd", snapshot_key("other", SLOTS[1]), snapshot_key(C, SLOTS[0])]
)
def test_a_line_with_another_key_is_damage(wrong: Any) -> None:
    """Nothing else is read, or counted, in the place of the snapshot that a line is of."""
    index = plain(DERIVED[0])
    index["snapshots"][1]["key"] = wrong
    store = MemoryStore({**GOOD, DERIVED[0]: json.dumps(index).encode()})
    end = nodetally(store, "history", *DAYS, "--store", URL)
    assert (end.code, "damaged" in end.said, "store repair" in end.said) == (5, True, True), end
    assert nodetally(store, "store", "repair", "--dry-run", "--store", URL).code == 0
    assert nodetally(store, "store", "verify", "--patience", "0s", "--store", URL).code == 6


@pytest.mark.parametrize("wrong", [{"a": 1}, [], "7", True, 1.5])
@pytest.mark.parametrize("name", [name for name in READ if name.startswith(("history", "store ls"))])
def test_a_figure_that_is_no_integer_is_damage(name: str, wrong: Any) -> None:
    """Neither a traceback nor a wrong number: the index is named, and how to make it again."""
    objects = dict(GOOD)
    for key in DERIVED[:2]:
        index = plain(key)
        for of in index.get("snapshots", [index]):
            of["totals"]["pods"]["counted"] = of["totals"]["resources"]["cpu"]["requests"] = wrong
        objects[key] = json.dumps(index).encode()
    end = nodetally(MemoryStore(objects), *READ[name], "--store", URL)
    if name == "store ls of a cluster":  # days are counted by their keys
        assert end.code == 0, end
    else:
        assert (end.code, "no int" in end.said, "store repair" in end.said) == (5, True, True), end


@pytest.mark.parametrize("name", READ)
def test_the_good_store_is_read(name: str) -> None:
    """What the properties change is right to begin with."""
    end = nodetally(MemoryStore(GOOD), *READ[name], "--store", URL)
    assert end.code == (7 if name.startswith("status") else 0), end
    assert_harmless(end, is_json="json" in READ[name])
