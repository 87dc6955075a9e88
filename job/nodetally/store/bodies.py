"""A stored body in, the snapshot that it holds out, held against its key. Writes nothing and knows no index."""

import re
import zlib
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from typing import Any, NamedTuple

import orjson

from nodetally import snapshot
from nodetally.errors import StoreError
from nodetally.store.base import Store
from nodetally.store.indexes import Document, Summary, summarise
from nodetally.store.layout import parse_snapshot_key

HEAD_BYTES = 4096  # schema, cluster, taken_at and slot stand before anything long
# The slot among the first plain values, before any object or list: the nodes need not be unpacked to see it.
_HEAD_SLOT = re.compile(rb'\{(?:"\w+":(?:"[^"\\]*"|-?\d+|null|true|false),)*?"slot":"([^"\\]*)"')


def read_snapshot(store: Store, key: str) -> tuple[Document, bytes] | None:
    """A stored snapshot and its body; None when there is none. StoreError when it is not what its key says."""
    stored = store.get(key)
    return (open_snapshot(store.url, key, stored.body), stored.body) if stored else None


def open_snapshot(url: str, key: str, body: bytes) -> Document:
    """The document that a stored body holds. StoreError when it is damaged or not what its key says."""
    damage = f"damaged: {key} in {url}"
    hint = "other snapshots are not affected; bring this one back from a copy, or read another time"
    try:
        document = snapshot.decode(body)
    except StoreError as error:
        raise StoreError(f"{damage}: {error}", hint=error.hint or hint) from error
    if (document.get("cluster"), document.get("slot")) != parse_snapshot_key(key):
        said = f"{document.get('cluster')!r}, {document.get('slot')!r}"
        raise StoreError(f"{damage}: it says that it is of cluster and slot {said}", hint=hint)
    return document


def slot_in(body: bytes) -> str | None:
    """The slot of an encoded snapshot, read from its first bytes where that is enough; None when it has none."""
    try:
        head = zlib.decompressobj(wbits=31).decompress(body, HEAD_BYTES)
        found = _HEAD_SLOT.match(head)
        if found:
            return found[1].decode()
        document = orjson.loads(snapshot.unpack(body))
    except (zlib.error, ValueError, StoreError):
        return None
    slot = document.get("slot") if isinstance(document, dict) else None
    return slot if isinstance(slot, str) else None


class Body(NamedTuple):
    """What came of reading one snapshot: its summary, or why it cannot be read; two None when it is not there."""

    summary: Summary | None
    damage: str | None


Check = Callable[[Mapping[str, Any]], str | None]


class Bodies:
    """Reads many snapshots at once in the threads of `readers`; only as many bodies as threads are held at a time.

    `check` says what is wrong with a document that could be unpacked. Threads may share it.
    """

    def __init__(self, store: Store, readers: Executor | None = None, check: Check = lambda _: None) -> None:
        self._store = store
        self._map: Callable[..., Iterable[Body]] = readers.map if readers else map
        self._check = check

    def read(self, keys: Iterable[str]) -> dict[str, Body]:
        """Each key's body. StoreError when the store cannot be read; a damaged snapshot is no error here."""
        keys = list(keys)
        return dict(zip(keys, self._map(self._one, keys), strict=True))

    def judge(self, key: str, body: bytes) -> Body:
        """What a body that is at hand comes to."""
        try:
            document = open_snapshot(self._store.url, key, body)
            wrong = self._check(document)
            return Body(None, f"not as the schema says: {wrong}") if wrong else Body(summarise(document), None)
        except StoreError as error:
            return Body(None, str(error).removeprefix(f"damaged: {key} in {self._store.url}: "))

    def _one(self, key: str) -> Body:
        stored = self._store.get(key)
        return self.judge(key, stored.body) if stored else Body(None, None)
