"""Rollups for tests: made, read back as plain rows, or only their end, as a file says what it was made from."""

import io
from typing import Any

import pyarrow.parquet as pq

from nodetally.rollup.make import Done, Progress, roll_up
from nodetally.store.base import Store
from nodetally.store.layout import rollup_key


def make(store: Store, cluster: str, **options: Any) -> list[Done]:
    return list(roll_up(store, cluster, progress=Progress(), **options))


def what(done: list[Done]) -> list[tuple[str, str]]:
    return [(each.day, each.what) for each in done]


def rows(store: Store, kind: str, cluster: str, date: str) -> list[dict[str, Any]]:
    """The rows of one file, maps as dicts."""
    stored = store.get(rollup_key(kind, cluster, date))
    assert stored is not None
    table = pq.read_table(io.BytesIO(stored.body))
    found: list[dict[str, Any]] = table.to_pylist(maps_as_pydicts="strict")
    return found


def end(made_from: str) -> bytes:
    """How a file ends that says so."""
    return b"\x18\x13nodetally.made_from\x18Y" + made_from.encode() + b"\x00\x18\x06writer\x00PAR1"
