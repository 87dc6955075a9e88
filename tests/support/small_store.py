"""A small store as publishers wrote it, what may be done to it by hand, and what is asked about it afterwards."""

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

import documents
from nodetally import snapshot
from nodetally.store.base import Store
from nodetally.store.breaches import Breach
from nodetally.store.directory import DirectoryStore
from nodetally.store.layout import (
    INDEX_HEADERS,
    SNAPSHOT_HEADERS,
    cluster_index_key,
    day_index_key,
    latest_key,
    slot_of,
    snapshot_key,
)
from nodetally.store.publish import publish
from nodetally.store.repair import repair
from nodetally.store.update import Pauses
from nodetally.store.verify import verify

C, OTHER = "prod-eu-1", "b"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY, DAY_BEFORE = "2026-11-23", "2026-11-22"
HOURS = (-30, -20, -13, -1, 0)  # the first three on the day before the others
INDEX, LATEST = cluster_index_key(C), latest_key(C)
TODAY, YESTERDAY = day_index_key(C, DAY), day_index_key(C, DAY_BEFORE)


def slot_at(hours: float) -> str:
    return slot_of(NOON + timedelta(hours=hours))


def key_at(hours: float, cluster: str = C) -> str:
    return snapshot_key(cluster, slot_at(hours))


def document_at(hours: float, cluster: str = C, **changes: Any) -> dict[str, Any]:
    slot = slot_at(hours)
    return documents.snapshot([documents.node("n1")], slot=slot, taken_at=slot, cluster=cluster, **changes)


def put(store: Store, hours: float, cluster: str = C) -> bool:
    document = document_at(hours, cluster)
    return publish(store, document, snapshot.encode(document), pauses=Pauses(lambda _: None)).created


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
