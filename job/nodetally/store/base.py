"""What a store is: bytes under keys, with ETags; both stores keep to it. Knows no document and makes no key."""

import re
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from nodetally.errors import StoreError

KEY_LIMIT_BYTES = 1024 - 256  # S3 allows 1,024 for prefix and key together
PART_LIMIT_BYTES = 255  # NAME_MAX of every file system a directory store may lie on
_UNFIT = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff]")


class Headers(NamedTuple):
    """What a browser or an engine is told about an object; a directory has no place for it."""

    content_type: str
    cache_control: str
    content_encoding: str | None


class Stored(NamedTuple):
    """An object as it was read; the ETag is opaque and only good for put_if_match."""

    body: bytes
    etag: str


class Entry(NamedTuple):
    """An object as a listing names it; no ETag where only reading the body would tell it (a directory)."""

    key: str
    size: int
    etag: str | None
    modified: float  # seconds since 1970, by the store's own clock


class Store(Protocol):
    """Keys are relative to the store's prefix; every write is there as a whole or not at all.

    All raise StoreError when the store cannot be reached, refuses, or a key is unfit.
    """

    @property
    def url(self) -> str:
        """As `--store` takes it."""
        ...

    def get(self, key: str) -> Stored | None:
        """The object, or None when there is none."""
        ...

    def tail(self, key: str, size: int) -> bytes | None:
        """The last bytes of the object, `size` at most, without reading the rest; None when there is no object."""
        ...

    def put_new(self, key: str, body: bytes, headers: Headers) -> bool:
        """Write unless an object is there already (then False, and it is left as it is)."""
        ...

    def put_if_match(self, key: str, body: bytes, etag: str | None, headers: Headers) -> bool:
        """Replace the object that has this ETag (None: there must be none); False when the race is lost."""
        ...

    def put(self, key: str, body: bytes, headers: Headers) -> None:
        """Write, whatever is there."""
        ...

    def list(self, prefix: str, start_after: str = "") -> Iterator[Entry]:
        """Every object whose key starts with `prefix` and sorts behind `start_after`, sorted by key, page by page."""
        ...

    def delete(self, key: str) -> None:
        """Remove the object; one that is not there is no error."""
        ...


def exists(store: Store, key: str) -> bool:
    """Whether there is an object, without reading it: one listing."""
    return any(entry.key == key for entry in store.list(key))


def fits_in_key(part: str) -> bool:
    """Whether both stores can hold this between two slashes."""
    if not part or part.startswith(".") or _UNFIT.search(part):
        return False
    return len(part.encode()) <= PART_LIMIT_BYTES


def check_key(key: str) -> str:
    """The key itself when both stores can hold it: no empty or hidden part, no '..', no control character.

    >>> check_key("clusters/prod/index.json")
    'clusters/prod/index.json'
    """
    if not all(fits_in_key(part) for part in key.split("/")) or len(key.encode()) > KEY_LIMIT_BYTES:
        raise StoreError(
            f"unfit as a key: {key!r}",
            hint="keys are made by nodetally.store.layout; no part may be empty, hidden ('.…') or too long",
        )
    return key
