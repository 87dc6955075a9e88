"""Stores that count what is asked of them, by the kinds that S3 charges for: requests, and bytes each way."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from nodetally.store.base import Entry, Headers, Store, Stored
from nodetally.store.s3 import S3Store

LIST_PAGE = 1000  # entries in an answer of ListObjectsV2
KINDS = {
    "GetObject": "GET",
    "PutObject": "PUT",
    "ListObjectsV2": "LIST",
    "HeadObject": "HEAD",
    "DeleteObject": "DELETE",
}


class Meter:
    """What was asked so far."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        self.received: Counter[str] = Counter()

    def add(self, kind: str, *, sent: int = 0, received: int = 0) -> None:
        self.requests[kind] += 1
        self.sent[kind] += sent
        self.received[kind] += received

    def take(self) -> "Meter":
        """What was asked since the last time."""
        taken = Meter()
        for mine, theirs in zip(vars(self).values(), vars(taken).values(), strict=True):
            theirs.update(mine)
            mine.clear()
        return taken


class MeteredStore:
    """Passes everything on to `inner`; a call of its protocol is a request, a listing one for each page."""

    def __init__(self, inner: Store, meter: Meter) -> None:
        self.inner = inner
        self.meter = meter

    @property
    def url(self) -> str:
        return self.inner.url

    def get(self, key: str) -> Stored | None:
        found = self.inner.get(key)
        self.meter.add("GET", received=len(found.body) if found else 0)
        return found

    def tail(self, key: str, size: int) -> bytes | None:
        found = self.inner.tail(key, size)
        self.meter.add("GET", received=len(found or b""))
        return found

    def put_new(self, key: str, body: bytes, headers: Headers) -> bool:
        self.meter.add("PUT", sent=len(body))
        return self.inner.put_new(key, body, headers)

    def put_if_match(self, key: str, body: bytes, etag: str | None, headers: Headers) -> bool:
        self.meter.add("PUT", sent=len(body))
        return self.inner.put_if_match(key, body, etag, headers)

    def put(self, key: str, body: bytes, headers: Headers) -> None:
        self.meter.add("PUT", sent=len(body))
        self.inner.put(key, body, headers)

    def list(self, prefix: str, start_after: str = "") -> Iterator[Entry]:
        self.meter.add("LIST")
        for number, entry in enumerate(self.inner.list(prefix, start_after)):
            if number and number % LIST_PAGE == 0:
                self.meter.add("LIST")
            yield entry

    def delete(self, key: str) -> None:
        self.meter.add("DELETE")
        self.inner.delete(key)


def meter_s3(store: S3Store) -> Meter:
    """Counts each request that leaves the client, those that it sends again by itself too."""
    meter = Meter()

    def sending(request: Any, event_name: str, **_: Any) -> None:
        body = request.body or b""
        size = len(body) if isinstance(body, bytes | bytearray) else int(request.headers.get("Content-Length", 0))
        meter.add(KINDS[event_name.rpartition(".")[2]], sent=size)

    def answered(http_response: Any, event_name: str, **_: Any) -> None:
        meter.received[KINDS[event_name.rpartition(".")[2]]] += int(http_response.headers.get("content-length", 0))

    store.client.meta.events.register_first("before-send.s3", sending)
    store.client.meta.events.register("after-call.s3", answered)
    return meter
