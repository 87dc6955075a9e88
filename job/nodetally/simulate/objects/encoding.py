"""JSON objects in, upstream's protobuf out, driven by the table in schema.py. Knows no server and no cluster.

The bytes are those of kube-apiserver's own encoder: fields in the order of their numbers, scalars and messages that
are no pointers written even when empty, maps in the order of their keys, times without fractions.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Any, NamedTuple

from nodetally.simulate.objects.schema import MESSAGES
from nodetally.times import format_time, parse_duration

MAGIC = b"k8s\x00"  # apimachinery/pkg/runtime/serializer/protobuf/protobuf.go:34
ENVELOPE_END = b"\x1a\x00\x22\x00"  # contentEncoding and contentType, both empty
VARINT, LENGTH = 0, 2  # the only wire types in these messages

Writer = Callable[[Any], bytes]


class Field(NamedTuple):
    """One entry of the table: `shape` is "" (one), "?" (pointer), "[]" or "{}"; `name` may be "*" (inlined)."""

    number: int
    name: str
    kind: str
    shape: str

    @property
    def tag(self) -> bytes:
        scalar = self.shape in ("", "?") and self.kind in ("int", "bool")
        return tag(self.number, VARINT if scalar or self._is_list_of_numbers else LENGTH)

    @property
    def _is_list_of_numbers(self) -> bool:
        return self.shape == "[]" and self.kind == "int"


def varint(number: int) -> bytes:
    """Base-128 with the low group first; a negative number as its 64-bit two's complement.

    >>> varint(300).hex(), len(varint(-1))
    ('ac02', 10)
    """
    number &= (1 << 64) - 1
    groups = bytearray()
    while number > 127:
        groups.append(number & 127 | 128)
        number >>= 7
    groups.append(number)
    return bytes(groups)


def tag(number: int, wire_type: int) -> bytes:
    return varint(number << 3 | wire_type)


def delimited(number: int, body: bytes) -> bytes:
    """Tag, length and body of a field that has a length."""
    return tag(number, LENGTH) + varint(len(body)) + body


@cache
def fields(kind: str) -> tuple[Field, ...]:
    """The table's line of one message."""
    return tuple(_field(*entry.split()) for entry in MESSAGES[kind].split(", "))


def _field(number: str, name: str, kind: str) -> Field:
    shape = kind[:2] if kind[:2] in ("[]", "{}") else "?" if kind.endswith("?") else ""
    return Field(int(number), name, kind.removeprefix(shape).removesuffix("?"), shape)


def encode(kind: str, obj: Mapping[str, Any]) -> bytes:
    """The bare protobuf message of a JSON object; fields that the table does not know are left out.

    >>> encode("Taint", {"key": "gpu", "effect": "NoSchedule"}).hex(" ", 1)
    '0a 03 67 70 75 12 00 1a 0a 4e 6f 53 63 68 65 64 75 6c 65'
    """
    return b"".join(write(obj) for write in _writers(kind))


@cache
def _writers(kind: str) -> tuple[Writer, ...]:
    return tuple(_field_writer(field) for field in fields(kind))


def _field_writer(field: Field) -> Writer:
    """How one field is read out of the JSON object of its message and written."""
    start, name, number = field.tag, field.name, field.number
    value = _value_writer(field.kind)
    if name == "*":
        return lambda obj: start + value(obj)
    if field.shape == "[]":
        return lambda obj: b"".join(start + value(each) for each in obj.get(name) or ())
    if field.shape == "{}":
        return lambda obj: _write_map(number, obj.get(name) or {}, value)
    if field.shape == "?":
        return lambda obj: b"" if obj.get(name) is None else start + value(obj[name])
    return lambda obj: start + value(obj.get(name))


def _write_map(number: int, entries: Mapping[str, Any], value: Writer) -> bytes:
    key = _value_writer("string")
    return b"".join(delimited(number, b"\x0a" + key(k) + b"\x12" + value(v)) for k, v in sorted(entries.items()))


@cache
def _value_writer(kind: str) -> Writer:
    """How a value is written after its tag: a number as it is, everything else with its length before it."""
    if kind in ("int", "bool"):
        return lambda value: varint(int(value or 0))
    body = _BODIES.get(kind) or (lambda value: encode(kind, value or {}))

    def write(value: Any) -> bytes:
        written = body(value)
        return varint(len(written)) + written

    return write


def _write_int_or_string(value: int | str | None) -> bytes:
    if isinstance(value, str):
        return b"\x08\x01\x10\x00\x1a" + varint(len(value.encode())) + value.encode()
    return b"\x08\x00\x10" + varint(value or 0) + b"\x1a\x00"


def _write_tree(value: Any) -> bytes:
    return delimited(1, json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode())


@lru_cache(maxsize=4096)
def _write_time(text: str | None) -> bytes:
    return b"" if not text else b"\x08" + varint(epoch_seconds(text)) + b"\x10\x00"


def epoch_seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


@lru_cache(maxsize=4096)
def time_text(seconds: int) -> str:
    """RFC 3339, UTC, as metav1.Time writes it."""
    return format_time(datetime.fromtimestamp(seconds, UTC))


def _write_duration(text: str | None) -> bytes:
    return b"\x08" + varint(parse_duration(text or "0s") // timedelta(microseconds=1) * 1000)


_BODIES: dict[str, Writer] = {
    "string": lambda value: (value or "").encode(),
    "Quantity": lambda value: delimited(1, str(value or "0").encode()),
    "Time": _write_time,
    "Duration": _write_duration,
    "IntOrString": _write_int_or_string,
    "FieldsV1": _write_tree,
}


def envelope(api_version: str, kind: str, raw: bytes) -> bytes:
    """An object as the server sends it outside lists: magic, then runtime.Unknown around the message."""
    return envelope_head(api_version, kind, len(raw)) + raw + ENVELOPE_END


def envelope_head(api_version: str, kind: str, raw_length: int) -> bytes:
    """What stands before `raw_length` bytes of message; ENVELOPE_END stands after them."""
    types = delimited(1, api_version.encode()) + delimited(2, kind.encode())
    return MAGIC + delimited(1, types) + tag(2, LENGTH) + varint(raw_length)


def watch_frame(event: str, enveloped: bytes) -> bytes:
    """One event of a watch: its length in 32 bits, big-endian, then WatchEvent{type, RawExtension{raw}}, no magic."""
    payload = delimited(1, event.encode()) + delimited(2, delimited(1, enveloped))
    return len(payload).to_bytes(4, "big") + payload
