"""A stored body in, the snapshot that it holds out, held against its key. Writes nothing and knows no index."""

import re
import zlib

import orjson

from nodetally import snapshot
from nodetally.errors import StoreError
from nodetally.store.base import Store
from nodetally.store.indexes import Document
from nodetally.store.layout import parse_snapshot_key

HEAD_BYTES = 4096  # schema, cluster, taken_at and slot stand before anything long
# The slot among the first plain values, before any object or list: the nodes need not be unpacked to see it.
_HEAD_SLOT = re.compile(rb'\{(?:"\w+":(?:"[^"\\]*"|-?\d+|null|true|false),)*?"slot":"([^"\\]*)"')


class DamagedSnapshot(StoreError):
    """A snapshot that cannot be used. It is the record, so it cannot be made again; no other one is affected."""

    def __init__(self, url: str, key: str, what: str, *, hint: str = "") -> None:
        hint = hint or (
            "other snapshots are not affected: read another time (--at), or bring this one back from a copy; "
            f"all that is damaged tells: nodetally store verify --store {url}"
        )
        super().__init__(f"damaged: {key} in {url}: {what}", hint=hint)
        self.what = what


def read_snapshot(store: Store, key: str) -> tuple[Document, bytes] | None:
    """A stored snapshot and its body; None when there is none. DamagedSnapshot when it is not what its key says."""
    stored = store.get(key)
    return (open_snapshot(store.url, key, stored.body), stored.body) if stored else None


def open_snapshot(url: str, key: str, body: bytes) -> Document:
    """The document that a stored body holds. DamagedSnapshot when it holds none, or one of another key."""
    try:
        document = snapshot.decode(body)
    except StoreError as error:
        raise DamagedSnapshot(url, key, str(error), hint=error.hint) from error
    if (document.get("cluster"), document.get("slot")) != parse_snapshot_key(key):
        said = f"{document.get('cluster')!r}, {document.get('slot')!r}"
        raise DamagedSnapshot(url, key, f"it says that it is of cluster and slot {said}")
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
