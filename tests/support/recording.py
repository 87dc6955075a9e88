"""A store for tests that writes down what is asked of another one, and can stop as a killed process would."""

from collections.abc import Callable, Iterator
from typing import Any

from nodetally.store.base import Entry, Headers, Store, Stored


class Killed(Exception):
    """Stands for kill -9: no code of the package may catch it."""


class RecordingStore:
    """Passes everything on to `inner`; `asked` holds (operation, key). Dies before the write number `dies_before`.

    `meanwhile` is called once before the first write to the key it is for: what another publisher does in between.
    """

    def __init__(self, inner: Store, *, dies_before: int | None = None) -> None:
        self.inner = inner
        self.asked: list[tuple[str, str]] = []
        self.meanwhile: dict[str, Callable[[], Any]] = {}
        self._writes_left = dies_before

    @property
    def url(self) -> str:
        return self.inner.url

    @property
    def written(self) -> list[str]:
        """The keys of all writes, in order."""
        return [key for operation, key in self.asked if operation.startswith("put")]

    def get(self, key: str) -> Stored | None:
        self.asked.append(("get", key))
        return self.inner.get(key)

    def tail(self, key: str, size: int) -> bytes | None:
        self.asked.append(("tail", key))
        return self.inner.tail(key, size)

    def put_new(self, key: str, body: bytes, headers: Headers) -> bool:
        self._before_write("put_new", key)
        return self.inner.put_new(key, body, headers)

    def put_if_match(self, key: str, body: bytes, etag: str | None, headers: Headers) -> bool:
        self._before_write("put_if_match", key)
        return self.inner.put_if_match(key, body, etag, headers)

    def put(self, key: str, body: bytes, headers: Headers) -> None:
        self._before_write("put", key)
        self.inner.put(key, body, headers)

    def list(self, prefix: str, start_after: str = "") -> Iterator[Entry]:
        self.asked.append(("list", prefix))
        yield from self.inner.list(prefix, start_after)

    def delete(self, key: str) -> None:
        self.asked.append(("delete", key))
        self.inner.delete(key)

    def _before_write(self, operation: str, key: str) -> None:
        if self._writes_left == 0:
            raise Killed
        if self._writes_left is not None:
            self._writes_left -= 1
        self.meanwhile.pop(key, lambda: None)()
        self.asked.append((operation, key))
