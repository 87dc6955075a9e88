"""Objects in, the bytes of an answer's body out, one piece per object as the real server writes them. Sends nothing."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson

from nodetally.simulate.errors import ApiError
from nodetally.simulate.objects.encoding import ENVELOPE_END, encode, envelope, envelope_head, varint, watch_frame
from nodetally.simulate.objects.item import Encoding, Item

CONTENT_TYPES: Mapping[Encoding, str] = {"protobuf": "application/vnd.kubernetes.protobuf", "json": "application/json"}
FLUSH = b""  # a piece that says: send what you have; it has no bytes of its own


@dataclass
class Answer:
    """What goes back for one request. `length` is the body's size where it is known before the body is made."""

    status: int
    content_type: str
    body: Iterable[bytes]
    length: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    gzip_members: bool = False  # each FLUSH ends a member, as watches with initial events do


@dataclass(frozen=True)
class Wanted:
    """How the client wants to be answered."""

    encoding: Encoding = "json"
    pretty: bool = False
    table: bool = False


def whole(status: int, content_type: str, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, content_type, (body,), len(body), dict(headers or {}))


def text(status: int, body: str) -> Answer:
    return whole(status, "text/plain; charset=utf-8", body.encode())


def json_answer(content: Mapping[str, Any], wanted: Wanted) -> Answer:
    """A document that is only ever JSON: versions, discovery."""
    return whole(200, CONTENT_TYPES["json"], json_bytes(content, wanted))


def json_bytes(content: Any, wanted: Wanted) -> bytes:
    return orjson.dumps(content, option=orjson.OPT_INDENT_2 if wanted.pretty else None)


def error_answer(error: ApiError, wanted: Wanted) -> Answer:
    """A Status, in the encoding that was accepted."""
    return whole(error.code, CONTENT_TYPES[wanted.encoding], _status(error, wanted), error.headers)


def object_answer(item: Item, api_version: str, wanted: Wanted) -> Answer:
    """One object by itself."""
    body = _typed(item, api_version, wanted.encoding)
    if wanted.pretty and wanted.encoding == "json":
        body = json_bytes(orjson.loads(body), wanted)
    return whole(200, CONTENT_TYPES[wanted.encoding], body)


def _status(error: ApiError, wanted: Wanted) -> bytes:
    if wanted.encoding == "protobuf":
        return envelope("v1", "Status", encode("Status", error.status()))
    return json_bytes({"kind": "Status", "apiVersion": "v1"} | error.status(), wanted)


def _typed(item: Item, api_version: str, encoding: Encoding) -> bytes:
    """An object with kind and apiVersion, which objects in lists do not have."""
    if encoding == "protobuf":
        return envelope(api_version, item.kind, item.body("protobuf"))
    return b'{"kind":"%b","apiVersion":"%b",' % (item.kind.encode(), api_version.encode()) + item.body("json")[1:]


def list_answer(
    kind: str, api_version: str, metadata: Mapping[str, Any], items: Sequence[Item], wanted: Wanted
) -> Answer:
    """A list, never held as a whole: its length is computed from the sizes of its objects."""
    if wanted.encoding == "protobuf":
        return _protobuf_list(kind, api_version, metadata, items)
    if wanted.pretty:
        return _pretty_list(kind, api_version, metadata, items)
    return _json_list(kind, api_version, metadata, items)


@lru_cache(maxsize=4096)
def _item_head(size: int) -> bytes:
    """Tag 2 and the length: what stands before an object in a list."""
    return b"\x12" + varint(size)


def _protobuf_list(kind: str, api_version: str, metadata: Mapping[str, Any], items: Sequence[Item]) -> Answer:
    meta = encode("ListMeta", metadata)
    meta = b"\x0a" + varint(len(meta)) + meta
    sizes = [item.size("protobuf") for item in items]
    raw_length = len(meta) + sum(sizes) + sum(len(_item_head(size)) for size in sizes)
    head = envelope_head(api_version, kind, raw_length) + meta
    length = len(head) - len(meta) + raw_length + len(ENVELOPE_END)

    def body() -> Iterator[bytes]:
        yield head
        for item in items:
            encoded = item.body("protobuf")
            yield _item_head(len(encoded)) + encoded
        yield ENVELOPE_END

    return Answer(200, CONTENT_TYPES["protobuf"], body(), length)


def _json_list(kind: str, api_version: str, metadata: Mapping[str, Any], items: Sequence[Item]) -> Answer:
    head = orjson.dumps({"kind": kind, "apiVersion": api_version, "metadata": metadata})[:-1] + b',"items":['
    length = len(head) + sum(item.size("json") for item in items) + max(len(items) - 1, 0) + 3

    def body() -> Iterator[bytes]:
        yield head
        for index, item in enumerate(items):
            yield b"," + item.body("json") if index else item.body("json")
        yield b"]}\n"

    return Answer(200, CONTENT_TYPES["json"], body(), length)


def _pretty_list(kind: str, api_version: str, metadata: Mapping[str, Any], items: Sequence[Item]) -> Answer:
    """The same for people with curl: indented, an object at a time."""
    head = orjson.dumps({"kind": kind, "apiVersion": api_version, "metadata": metadata}, option=orjson.OPT_INDENT_2)

    def body() -> Iterator[bytes]:
        yield head[:-2] + b',\n  "items": ['
        for index, item in enumerate(items):
            indented = orjson.dumps(orjson.loads(item.body("json")), option=orjson.OPT_INDENT_2)
            yield (b",\n    " if index else b"\n    ") + indented.replace(b"\n", b"\n    ")
        yield b"\n  ]\n}\n" if items else b"]\n}\n"

    return Answer(200, CONTENT_TYPES["json"], body())


def watch_event(event: str, item: Item, encoding: Encoding) -> bytes:
    """One event as a watch sends it."""
    return _framed(event, _typed(item, "v1", encoding), encoding)


def watch_error(error: ApiError, encoding: Encoding) -> bytes:
    """An ERROR event: it carries a Status, under HTTP 200."""
    return _framed("ERROR", _status(error, Wanted(encoding)), encoding)


def _framed(event: str, body: bytes, encoding: Encoding) -> bytes:
    """A frame, or a line of JSON."""
    if encoding == "protobuf":
        return watch_frame(event, body)
    return b'{"type":"%b","object":%b}\n' % (event.encode(), body)
