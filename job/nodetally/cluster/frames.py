"""Bytes → watch events, one by one as they arrive. Knows what an event is about, not what its object means.

In protobuf every event is a frame: four bytes of length, big-endian, and a bare WatchEvent{1 type, 2 object} whose
object is the usual envelope (apimachinery v0.37 pkg/util/framer/framer.go:35, apiserver handlers/response.go:183).
In JSON every event is a line.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from nodetally.cluster import k8s_pb2
from nodetally.cluster.answer import Answer
from nodetally.cluster.refusals import AnswerError, parse_status
from nodetally.cluster.wire import JSON, MAGIC, MAX_ITEM_BYTES, PROTOBUF, Buffer, decode_message, refuse_half_characters
from nodetally.errors import ClusterError

INITIAL_EVENTS_END = "k8s.io/initial-events-end"  # apimachinery v0.37 pkg/apis/meta/v1/types.go:508
TYPES = frozenset({"ADDED", "MODIFIED", "DELETED", "BOOKMARK"})
VERSION_LIMIT = 20  # digits of 2^64: resourceVersions are compared as numbers (util/resourceversion.go:37-66)


class Event(NamedTuple):
    """One event; the object is still encoded: bytes of protobuf, or a JSON object."""

    type: str  # ADDED | MODIFIED | DELETED | BOOKMARK
    object: bytes | Mapping[str, Any]
    version: int  # of the event: a DELETED carries the body from before and the version of the deletion
    ends_initial: bool  # the bookmark that closes a WatchList's initial events


def read_events(answer: Answer, kind: str, what: str) -> Iterator[Event]:
    """Every event of a watch's body, to its verified end.

    Raises AnswerError for an ERROR event (its status is that of the event: 410 is what is gone), ClusterError when the
    body breaks or is no watch of this kind.
    """
    buffer = Buffer(answer.read_into)
    if answer.content_type.startswith(PROTOBUF):
        return _from_protobuf(buffer, kind, what)
    if answer.content_type.startswith(JSON):
        return _from_json(buffer, kind, what)
    raise ClusterError(
        f"{what}: the answer is {answer.content_type or 'of no stated type'}, not protobuf or JSON",
        hint="is this the address of an API server? a login page or a proxy may have answered",
    )


def version_of(text: str, what: str) -> int:
    """A resourceVersion as the number that it is.

    >>> version_of("4115", "watch of pods")
    4115
    """
    number = number_of(text)
    if number is None:
        raise ClusterError(f"{what}: resourceVersion {text[:40]!r} is not a number, and cannot be compared")
    return number


def number_of(text: str) -> int | None:
    """A resourceVersion as a number, or None where it is none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= VERSION_LIMIT else None


def _from_protobuf(buffer: Buffer, kind: str, what: str) -> Iterator[Event]:
    while buffer.end > buffer.at or buffer.fill():
        size = int.from_bytes(buffer.take(4, what), "big")
        frame = decode_message(k8s_pb2.WatchEvent, buffer.take(size, what), what)
        raw = frame.object.raw
        if not raw.startswith(MAGIC):
            raise ClusterError(f"{what}: an event whose object is not Kubernetes protobuf")
        envelope = decode_message(k8s_pb2.Unknown, raw[len(MAGIC) :], what)
        if frame.type == "ERROR":
            raise _error(what, PROTOBUF, raw)
        _check(frame.type, envelope.type_meta.kind, kind, what)
        metadata = decode_message(k8s_pb2.Versioned, envelope.raw, what).metadata
        yield Event(
            frame.type,
            envelope.raw,
            version_of(metadata.resource_version, what),
            any(each.key == INITIAL_EVENTS_END and each.value == "true" for each in metadata.annotations),
        )


def _from_json(buffer: Buffer, kind: str, what: str) -> Iterator[Event]:
    for line in _lines(buffer, what):
        try:
            event = json.loads(line.decode(), parse_float=str)  # bytes may hold surrogates, and pass
        except (ValueError, RecursionError) as error:
            raise ClusterError(f"{what}: broken JSON: {error}") from error
        if b"\\u" in line:
            refuse_half_characters(event, what)
        body = event.get("object") if isinstance(event, dict) else None
        if not isinstance(body, dict):
            raise ClusterError(f"{what}: an event without an object: {line[:80]!r}")
        if event.get("type") == "ERROR":
            raise _error(what, JSON, json.dumps(body).encode())
        _check(event.get("type"), body.get("kind"), kind, what)
        metadata = body.get("metadata")
        if not isinstance(metadata, dict):
            raise ClusterError(f"{what}: an object without metadata: {line[:80]!r}")
        annotations = metadata.get("annotations") or {}
        yield Event(
            event["type"],
            body,
            version_of(str(metadata.get("resourceVersion")), what),
            isinstance(annotations, dict) and annotations.get(INITIAL_EVENTS_END) == "true",
        )


def _lines(buffer: Buffer, what: str) -> Iterator[bytes]:
    pending: list[bytes] = []
    size = 0
    while buffer.end > buffer.at or buffer.fill():
        chunk = bytes(buffer.view[buffer.at : buffer.end])
        buffer.at = buffer.end
        *whole, rest = chunk.split(b"\n")
        for each in whole:
            line = b"".join([*pending, each])
            pending, size = [], 0
            if line.strip():
                yield line
        pending.append(rest)
        size += len(rest)
        if size > MAX_ITEM_BYTES:
            raise ClusterError(f"{what}: an event of more than {size} bytes; no object of Kubernetes is that large")
    if b"".join(pending).strip():
        raise ClusterError(f"{what}: the body ends in the middle of an event, after {buffer.taken} bytes")


def _check(event: object, found: object, kind: str, what: str) -> None:
    if not isinstance(event, str) or event not in TYPES:
        raise ClusterError(f"{what}: an event of type {str(event)[:40]!r}")
    if found != kind:
        raise ClusterError(f"{what}: an event about a {str(found or 'nameless thing')[:40]}, not a {kind}")


def _error(what: str, content_type: str, body: bytes) -> AnswerError:
    """The Status of an ERROR event."""
    status = parse_status(content_type, body)
    return AnswerError(
        f"{what}: {status.code} {status.message}".rstrip(),
        status=status.code,
        reason=status.reason,
        retry_after=status.retry_after,
    )
