"""Stored bodies in, what is whole of them out: held against the schema, too, as every reader of snapshots needs it.

A publisher asks less (`bodies`): it was the one that wrote them. Writes nothing.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from typing import NamedTuple

from nodetally.store.base import Store
from nodetally.store.bodies import DamagedSnapshot, open_snapshot
from nodetally.store.indexes import Document, Summary, summarise
from nodetally.store.schema import wrong_with_snapshot


def whole_snapshot(url: str, key: str, body: bytes) -> Document:
    """The document that a stored body holds, with all that its readers go by. DamagedSnapshot when it lacks any."""
    return check_whole(url, key, open_snapshot(url, key, body))


def check_whole(url: str, key: str, document: Document) -> Document:
    """The document itself; each reader would stumble over another thing that is missing. DamagedSnapshot."""
    wrong = wrong_with_snapshot(document)
    if wrong:
        raise DamagedSnapshot(url, key, f"not as the schema says: {wrong}")
    return document


class Body(NamedTuple):
    """What came of reading one snapshot: its summary, or why it cannot be read; two None when it is not there."""

    summary: Summary | None
    damage: str | None


class Bodies:
    """Reads many snapshots at once in the threads of `readers`; only as many bodies as threads are held at a time.

    Threads may share it.
    """

    def __init__(self, store: Store, readers: Executor | None = None) -> None:
        self._store = store
        self._map: Callable[..., Iterable[Body]] = readers.map if readers else map

    def read(self, keys: Iterable[str]) -> dict[str, Body]:
        """Each key's body. StoreError when the store cannot be read; a damaged snapshot is no error here."""
        keys = list(keys)
        return dict(zip(keys, self._map(self._one, keys), strict=True))

    def judge(self, key: str, body: bytes) -> Body:
        """What a body that is at hand comes to."""
        try:
            return Body(summarise(whole_snapshot(self._store.url, key, body)), None)
        except DamagedSnapshot as error:
            return Body(None, error.what)

    def _one(self, key: str) -> Body:
        stored = self._store.get(key)
        return self.judge(key, stored.body) if stored else Body(None, None)
