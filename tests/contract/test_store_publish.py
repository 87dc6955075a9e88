"""Publishing on every kind of store, and many publishers at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from botocore.exceptions import ConnectionClosedError

import documents
from nodetally import snapshot
from nodetally.errors import StoreError
from nodetally.store import read
from nodetally.store.base import Store
from nodetally.store.layout import day_index_key, slot_of
from nodetally.store.publish import publish
from nodetally.store.s3 import S3Store
from recording import RecordingStore
from s3_faults import Wire

C = "prod-eu-1"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def at_minute(minute: int, cluster: str = C) -> dict[str, Any]:
    slot = slot_of(NOON + timedelta(minutes=minute))
    return documents.snapshot([documents.node("n1")], slot=slot, taken_at=slot, cluster=cluster)


def put(store: Store, document: dict[str, Any]) -> bool:
    return publish(store, document, snapshot.encode(document)).created


def indexed(store: Store) -> list[str]:
    stored = store.get(day_index_key(C, "2026-11-23"))
    assert stored is not None
    return [entry["slot"] for entry in orjson.loads(stored.body)["snapshots"]]


def test_publish_and_read_back(store: Store) -> None:
    """Two clusters, three slots, one twice: each found, latest newest, ten requests at most."""
    for minute, cluster, created in ((0, C, True), (5, C, True), (0, C, False), (1, "other", True)):
        recording = RecordingStore(store)
        assert put(recording, at_minute(minute, cluster)) is created
        assert len(recording.asked) <= 10
    assert read.clusters(store) == ["other", C]
    assert read.latest(store, C) == at_minute(5)
    assert read.at(store, C, NOON + timedelta(minutes=4)) == at_minute(0)


def test_publishers_of_one_day_race(shared_store: Store) -> None:
    """Three at once, each with slots of its own: every slot is indexed once, latest is the newest."""

    def run(first: int) -> None:
        for minute in range(first, 12, 3):
            put(shared_store, at_minute(minute))

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(run, range(3)))
    assert indexed(shared_store) == [slot_of(NOON + timedelta(minutes=minute)) for minute in range(12)]
    assert read.latest(shared_store, C) == at_minute(11)


def test_publishers_of_one_slot_race(shared_store: Store) -> None:
    """Three retries of one pass at once: one creates it, all succeed, it is indexed once."""
    with ThreadPoolExecutor(3) as pool:
        created = list(pool.map(lambda _: put(shared_store, at_minute(0)), range(3)))
    assert sorted(created) == [False, False, True]
    assert indexed(shared_store) == [slot_of(NOON)]


@pytest.mark.parametrize("lost", range(5))
def test_any_lost_answer_of_a_write_is_survived(server_store: S3Store, lost: int) -> None:
    """The answer to the n-th write is lost after it was done: the pass ends well and the store is complete."""
    put(server_store, at_minute(0, "other"))
    writes = []

    def act_and_break(request: Any, **_: Any) -> None:
        writes.append(request.url)
        if len(writes) == lost + 1:
            server_store.client._endpoint.http_session.send(request)
            raise ConnectionClosedError(endpoint_url=request.url)

    server_store.client.meta.events.register_first("before-send.s3.PutObject", act_and_break)
    assert put(server_store, at_minute(5)) is True
    assert len(writes) == 6
    assert (indexed(server_store), read.latest(server_store, C)) == ([at_minute(5)["slot"]], at_minute(5))
    assert read.clusters(server_store) == ["other", C]


def test_a_store_that_refuses_half_way_is_completed_later(server_store: S3Store) -> None:
    """403 for everything under clusters/: an error that names the key; once allowed again, nothing is missing."""
    Wire(server_store).refuse("PutObject", 403, "AccessDenied", under="/clusters/")
    with pytest.raises(StoreError, match="cannot write clusters/prod-eu-1/days/") as caught:
        put(server_store, at_minute(0))
    assert "allow s3:PutObject" in caught.value.hint
    put(server_store, at_minute(1))
    assert indexed(server_store) == [at_minute(0)["slot"], at_minute(1)["slot"]]


@pytest.mark.parametrize(("status", "code"), [(409, "ConditionalRequestConflict"), (412, "PreconditionFailed")])
def test_injected_refusals_of_conditional_puts_are_raced_again(server_store: S3Store, status: int, code: str) -> None:
    """A conflict or a lost race at each derived document: read again, merged, written; nothing is missing."""
    put(server_store, at_minute(0))
    for under in ("/days/", "/index.json", "/latest.json.gz"):
        Wire(server_store).refuse("PutObject", status, code, under=under)
    assert put(server_store, at_minute(5)) is True
    assert (len(indexed(server_store)), read.latest(server_store, C)) == (2, at_minute(5))
