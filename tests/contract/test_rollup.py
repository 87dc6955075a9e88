"""Rollups against the snapshots that they are made of, on both kinds of store: the rows, and when they are made."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow.parquet as pq
import pytest

import documents
import rollups
from nodetally import snapshot
from nodetally.rollup import write
from nodetally.rollup.columns import FIGURES, TABLES
from nodetally.store.base import Store
from nodetally.store.directory import DirectoryStore
from nodetally.store.layout import ROLLUP_KINDS, SNAPSHOT_HEADERS, rollup_key, slot_of, snapshot_key
from nodetally.store.prune import prune
from nodetally.store.publish import publish
from nodetally.store.repair import repair
from nodetally.store.retention import parse_policy
from nodetally.store.update import Pauses
from nodetally.store.verify import verify
from recording import Killed, RecordingStore

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY, NEXT = "2026-11-23", "2026-11-24"
UNITS = {
    "cpu": ("cpu", "millicores"),
    "memory": ("memory", "bytes"),
    "ephemeral-storage": ("ephemeral_storage", "bytes"),
}
Json = dict[str, Any]


def at(hours: float) -> str:
    return slot_of(NOON + timedelta(hours=hours))


def put(store: Store, hours: float, **changes: Any) -> Json:
    document = documents.later(documents.mixed(), slot=at(hours), taken_at=at(hours), cluster="c", **changes)
    publish(store, document, snapshot.encode(document), pauses=Pauses(lambda _: None))
    return document


def breaches(store: Store) -> list[tuple[str, str]]:
    return sorted((each.kind, each.key) for each in verify(store, patience_seconds=0))


def naive(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=None)


def figures_of(resources: Json, names: tuple[str, ...] = FIGURES, absent: int | None = None) -> Json:
    """The columns of a place's resources, written down once more."""
    told = {
        f"{column}_{figure}_{unit}": resources[name].get(figure) if name in resources else absent
        for name, (column, unit) in UNITS.items()
        for figure in names
    }
    others = {name: value for name, value in resources.items() if name not in (*UNITS, "pods")}
    return {**told, "resources": others}


def shared_of(document: Json) -> Json:
    moment = datetime.fromisoformat(document["slot"])
    return {
        "slot": naive(document["slot"]),
        "slot_unix_seconds": int(moment.timestamp()),
        "taken_at": naive(document["taken_at"]),
        "trigger": document["trigger"],
        "source": document["source"]["kind"],
        "consistent": document["source"]["consistent"],
    }


PLAIN = ("uid", "ready", "schedulable", "cordoned", "conditions", "taints", "roles", "pool", "capacity_type", "zone")
MORE = ("instance_type", "region", "architecture", "os_image", "kubelet_version", "labels")


def node_row(document: Json, node: Json) -> Json:
    return {
        **shared_of(document),
        "usage_status": document["usage"]["status"],
        "node": node["name"],
        **{name: node[name] for name in (*PLAIN, *MORE)},
        "created_at": naive(node["created_at"]),
        **{f"pods_{name}": value for name, value in node["pods"].items()},
        "pods_capacity": node["resources"].get("pods", {}).get("capacity"),
        **figures_of(node["resources"]),
    }


def totals_row(prefix: str, totals: Json) -> Json:
    figures = figures_of(totals["resources"])
    counts = {f"{place}_{name}": value for place in ("nodes", "pods") for name, value in totals[place].items()}
    return {f"{prefix}{name}": value for name, value in {**counts, **figures}.items()}


def cluster_row(document: Json) -> Json:
    asked = figures_of(document["unscheduled"]["resources"], ("requests", "limits"), 0)
    return {
        **shared_of(document),
        "usage_status": document["usage"]["status"],
        "usage_missing_nodes": len(document["usage"]["missing_nodes"]),
        **totals_row("", document["totals"]),
        **totals_row("schedulable_", document["schedulable_totals"]),
        "unscheduled_pods": document["unscheduled"]["pods"]["counted"],
        **{f"unscheduled_{name}": value for name, value in asked.items()},
        "unknown_nodes": len(document["unknown_nodes"]),
        "unknown_nodes_pods": sum(each["pods"]["counted"] for each in document["unknown_nodes"]),
    }


def namespace_row(document: Json, namespace: Json) -> Json:
    return {
        **shared_of(document),
        "namespace": namespace["name"],
        "pods_counted": namespace["pods"]["counted"],
        **figures_of(namespace["resources"], ("requests", "limits"), 0),
    }


def test_rows_say_what_the_snapshots_say(shared_store: Store) -> None:
    """Every field of every row of every kind, hostile names and nulls too, sorted; and nothing else."""
    made = [put(shared_store, hours) for hours in (0, 1)]
    done = rollups.make(shared_store, "c")
    assert rollups.what(done) == [(DAY, "made")]
    assert done[0].rows == 2 * (9 + 1 + 3)
    nodes = [node_row(document, node) for document in made for node in document["nodes"]]
    nodes.sort(key=lambda row: (row["node"].encode(), row["slot"]))
    assert rollups.rows(shared_store, "nodes", "c", DAY) == nodes
    assert rollups.rows(shared_store, "clusters", "c", DAY) == [cluster_row(each) for each in made]
    namespaces = [namespace_row(document, each) for document in made for each in document["namespaces"]]
    namespaces.sort(key=lambda row: (row["namespace"].encode(), row["slot"]))
    assert rollups.rows(shared_store, "namespaces", "c", DAY) == namespaces


def test_unknown_stays_null(directory_store: DirectoryStore) -> None:
    """A Prometheus without series of limits: limits of a resource that a namespace does not name are unknown, not 0."""
    source = {**documents.mixed()["source"], "kind": "prometheus"}
    told = {"name": "team", "pods": {"counted": 1}, "resources": {"memory": {"requests": 5, "limits": None}}}
    put(directory_store, 0, source=source, namespaces=[told])
    rollups.make(directory_store, "c")
    (row,) = rollups.rows(directory_store, "namespaces", "c", DAY)
    assert (row["memory_requests_bytes"], row["memory_limits_bytes"]) == (5, None)
    assert (row["cpu_requests_millicores"], row["cpu_limits_millicores"]) == (0, None)
    unreported = [row for row in rollups.rows(directory_store, "nodes", "c", DAY) if row["pods_allocatable"] is None]
    assert [row["cpu_allocatable_millicores"] for row in unreported] == [None]


def test_only_days_that_changed_are_made(shared_store: Store) -> None:
    """A second run writes nothing and reads no snapshot; a new snapshot, or one that was backfilled, makes its day."""
    for hours in (0, 2, 24):
        put(shared_store, hours)
    assert rollups.what(rollups.make(shared_store, "c")) == [(DAY, "made"), (NEXT, "made")]
    recording = RecordingStore(shared_store)
    assert rollups.what(rollups.make(recording, "c")) == [(DAY, "unchanged"), (NEXT, "unchanged")]
    assert {operation for operation, _ in recording.asked} == {"list", "tail"}
    put(shared_store, 25)
    assert breaches(shared_store) == [], "that the day goes on is nothing wrong"
    assert rollups.what(rollups.make(shared_store, "c")) == [(DAY, "unchanged"), (NEXT, "made again")]
    put(shared_store, 1)
    assert breaches(shared_store) == [("stale-rollup", rollup_key(kind, "c", DAY)) for kind in sorted(ROLLUP_KINDS)]
    assert rollups.what(rollups.make(shared_store, "c")) == [(DAY, "made again"), (NEXT, "unchanged")]
    assert breaches(shared_store) == []


def test_days_are_chosen_and_a_dry_run_writes_nothing(shared_store: Store) -> None:
    """`between` holds for what is made and for what is removed."""
    for hours in (0, 24, 48):
        put(shared_store, hours)
    recording = RecordingStore(shared_store)
    assert rollups.what(rollups.make(recording, "c", dry_run=True, between=(NEXT, NEXT))) == [(NEXT, "made")]
    assert recording.written == []
    assert rollups.what(rollups.make(shared_store, "c", between=(NEXT, "2026-12-01"))) == [
        (NEXT, "made"),
        ("2026-11-25", "made"),
    ]


def test_the_same_snapshots_give_the_same_bytes(server_store: Store, directory_store: DirectoryStore) -> None:
    """Wherever and however often they are made."""
    bodies = []
    for store in (server_store, directory_store, directory_store):
        for hours in (0, 1):
            put(store, hours)
        for entry in list(store.list("rollups/")):
            store.delete(entry.key)
        rollups.make(store, "c")
        bodies.append({entry.key: store.get(entry.key).body for entry in store.list("rollups/")})  # type: ignore[union-attr]
    assert len(bodies[0]) == 3
    assert bodies[0] == bodies[1] == bodies[2]


def test_row_groups_hold_few_rows_and_keep_their_order(
    directory_store: DirectoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the day, as many rows as one group has are in memory; a group says its slots and its order."""
    for hours in range(6):
        put(directory_store, hours)
    rollups.make(directory_store, "c")
    whole = rollups.rows(directory_store, "nodes", "c", DAY)
    directory_store.delete(rollup_key("nodes", "c", DAY))
    monkeypatch.setattr(write, "ROWS_IN_GROUP", 18)
    rollups.make(directory_store, "c")
    file = pq.ParquetFile(io.BytesIO(directory_store.get(rollup_key("nodes", "c", DAY)).body))  # type: ignore[union-attr]
    slots = []
    for group in range(file.num_row_groups):
        rows = file.read_row_group(group).to_pylist()
        assert len(rows) == 18
        assert rows == sorted(rows, key=lambda row: (row["node"].encode(), row["slot"]))
        meta = file.metadata.row_group(group)
        assert [column.column_index for column in meta.sorting_columns] == [
            file.schema_arrow.get_field_index(name) for name in ("node", "slot")
        ]
        column = meta.column(0)
        assert column.path_in_schema == "slot"
        assert column.has_offset_index
        slots += [column.statistics.min, column.statistics.max]
    assert len(slots) == 6
    assert slots == sorted(slots)
    again = rollups.rows(directory_store, "nodes", "c", DAY)
    assert sorted(again, key=lambda row: (row["node"], row["slot"])) == sorted(
        whole, key=lambda row: (row["node"], row["slot"])
    )


@pytest.mark.parametrize("body", [b"bit rot", None], ids=["damaged", "too large a number"])
def test_a_snapshot_that_cannot_be_read_is_left_out_and_told(shared_store: Store, body: bytes | None) -> None:
    """The others are there; once it is brought back, or deleted, the day is made again."""
    put(shared_store, 0)
    good = put(shared_store, 1)
    if body is None:
        large = documents.later(good)
        large |= {"slot": good["slot"], "taken_at": good["taken_at"]}
        large["nodes"][0]["resources"]["cpu"]["requests"] = 1 << 63
        body = snapshot.encode(large)
    shared_store.put(snapshot_key("c", at(1)), body, SNAPSHOT_HEADERS)
    (done,) = rollups.make(shared_store, "c")
    assert (done.what, done.snapshots, list(done.damaged)) == ("made", 1, [snapshot_key("c", at(1))])
    assert len(rollups.rows(shared_store, "clusters", "c", DAY)) == 1
    shared_store.put(snapshot_key("c", at(1)), snapshot.encode(good), SNAPSHOT_HEADERS)
    (done,) = rollups.make(shared_store, "c")
    assert (done.what, done.snapshots, done.damaged) == ("made again", 2, {})
    assert breaches(shared_store) == []


def test_a_prune_takes_the_rollups_of_the_days_that_it_thins(shared_store: Store) -> None:
    """They would hold what is no longer there; those of other days stay, and a rollup makes them from what is left."""
    for hours in (0, 1, 24, 48):
        put(shared_store, hours)
    rollups.make(shared_store, "c")
    policy = parse_policy("all:1d,daily:2d")
    prune(shared_store, "c", policy, NOON + timedelta(hours=48), delete=True, pauses=Pauses(lambda _: None))
    assert breaches(shared_store) == []
    assert rollups.what(rollups.make(shared_store, "c")) == [
        (DAY, "made"),
        (NEXT, "unchanged"),
        ("2026-11-25", "unchanged"),
    ]
    assert len(rollups.rows(shared_store, "clusters", "c", DAY)) == 1


def test_a_prune_beside_a_rollup_leaves_none_that_contradicts(directory_store: DirectoryStore) -> None:
    """What goes while a day is read: whoever is last looks last."""
    for hours in (0, 1, 2, 48):
        put(directory_store, hours)
    recording = RecordingStore(directory_store)
    recording.meanwhile[rollup_key("nodes", "c", DAY)] = lambda: prune(
        directory_store, "c", parse_policy("all:1h,daily:3d"), NOON + timedelta(hours=48), delete=True
    )
    rollups.make(recording, "c")
    assert breaches(directory_store) == []
    assert len(rollups.rows(directory_store, "clusters", "c", DAY)) == 1


def test_repair_deletes_a_rollup_that_contradicts(shared_store: Store) -> None:
    """And leaves those that are only behind; a day without snapshots keeps none, by repair or by the next rollup."""
    for hours in (0, 24, 48):
        put(shared_store, hours)
    rollups.make(shared_store, "c")
    put(shared_store, 49)
    put(shared_store, 0.5)
    put(shared_store, -1)
    shared_store.delete(snapshot_key("c", at(24)))
    changed = {each.key for each in repair(shared_store, pauses=Pauses(lambda _: None))}
    gone = {rollup_key(kind, "c", date) for kind in ROLLUP_KINDS for date in (DAY, NEXT)}
    assert gone <= changed
    left = {entry.key for entry in shared_store.list("rollups/")}
    assert left == {rollup_key(kind, "c", "2026-11-25") for kind in ROLLUP_KINDS}
    assert breaches(shared_store) == []


def test_a_rollup_of_a_day_without_snapshots_is_removed(shared_store: Store) -> None:
    """Whoever deleted the snapshots by hand."""
    for hours in (0, 24):
        put(shared_store, hours)
    rollups.make(shared_store, "c")
    shared_store.delete(snapshot_key("c", at(0)))
    assert rollups.what(rollups.make(shared_store, "c", dry_run=True)) == [(NEXT, "unchanged"), (DAY, "removed")]
    assert rollups.what(rollups.make(shared_store, "c")) == [(NEXT, "unchanged"), (DAY, "removed")]
    assert {entry.key for entry in shared_store.list("rollups/")} == {
        rollup_key(kind, "c", NEXT) for kind in ROLLUP_KINDS
    }


@pytest.mark.parametrize("writes", [0, 1, 2])
def test_a_rollup_that_was_killed_is_completed_by_the_next(directory_store: DirectoryStore, writes: int) -> None:
    """Each file is there as a whole or not at all; what is there is right."""
    put(directory_store, 0)
    with pytest.raises(Killed):
        rollups.make(RecordingStore(directory_store, dies_before=writes), "c")
    assert len(list(directory_store.list("rollups/"))) == writes
    assert breaches(directory_store) == []
    assert rollups.what(rollups.make(directory_store, "c")) == [(DAY, "made")]
    assert len(list(directory_store.list("rollups/"))) == 3


def test_a_foreign_file_among_the_rollups_is_told(directory_store: DirectoryStore) -> None:
    """An engine would read it, too."""
    put(directory_store, 0)
    key = f"rollups/kind=nodes/cluster=c/date={DAY}/part-1.parquet"
    directory_store.put(key, b"x", SNAPSHOT_HEADERS)
    assert breaches(directory_store) == [("unknown-file", key)]


def test_every_kind_has_its_place_in_the_layout() -> None:
    """verify, repair and prune look for just those."""
    assert tuple(table.kind for table in TABLES) == ROLLUP_KINDS
