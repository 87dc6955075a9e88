"""What the simulator writes as protobuf, read by the protobuf library: a second reader of its table, for tests."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message

from nodetally.simulate.objects.encoding import MAGIC, Field, fields
from nodetally.simulate.objects.schema import MESSAGES
from nodetally.times import format_time

Json = dict[str, Any]
Described = descriptor_pb2.FieldDescriptorProto
SCALARS = {"string": Described.TYPE_STRING, "int": Described.TYPE_INT64, "bool": Described.TYPE_BOOL}
SCALARS |= {"bytes": Described.TYPE_BYTES}
# Kinds that JSON has as a text, a number or a tree, and what stands around objects: number, name, kind of each field
AROUND = {
    "Time": ((1, "seconds", "int"), (2, "nanos", "int")),
    "Quantity": ((1, "string", "string"),),
    "IntOrString": ((1, "type", "int"), (2, "intVal", "int"), (3, "strVal", "string")),
    "FieldsV1": ((1, "Raw", "bytes"),),
    "Duration": ((1, "duration", "int"),),
    "TypeMeta": ((1, "apiVersion", "string"), (2, "kind", "string")),
    "Unknown": ((1, "typeMeta", "TypeMeta"), (2, "raw", "bytes"), (3, "encoding", "string"), (4, "type", "string")),
    "RawExtension": ((1, "raw", "bytes"),),
    "WatchEvent": ((1, "type", "string"), (2, "object", "RawExtension")),
}
PLAIN: Mapping[str, Callable[[Any], Any]] = {
    "Time": lambda time: format_time(datetime.fromtimestamp(time.seconds, UTC)) if time.HasField("seconds") else None,
    "Quantity": lambda quantity: quantity.string,
    "IntOrString": lambda either: either.strVal if either.type else either.intVal,
    "FieldsV1": lambda tree: json.loads(tree.Raw),
    "Duration": lambda duration: f"{duration.duration / 10**9:.9g}s",
}


class Opened(NamedTuple):
    """What an envelope holds."""

    api_version: str
    kind: str
    content: Json


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    """Every message of the simulator's table and those around them, as upstream's proto2."""
    file = descriptor_pb2.FileDescriptorProto(name="simulated.proto", syntax="proto2")
    for kind, around in AROUND.items():
        message = file.message_type.add(name=kind)
        for number, name, of in around:
            _describe(message, number, name, of, Described.LABEL_OPTIONAL)
    for kind in MESSAGES:
        message = file.message_type.add(name=kind)
        for field in fields(kind):
            name = "inlined" if field.name == "*" else field.name
            if field.shape == "{}":
                _describe(message, field.number, name, f"{kind}.Entry{field.number}", Described.LABEL_REPEATED)
                entry = message.nested_type.add(name=f"Entry{field.number}")
                _describe(entry, 1, "key", "string", Described.LABEL_OPTIONAL)
                _describe(entry, 2, "value", field.kind, Described.LABEL_OPTIONAL)
            else:
                label = Described.LABEL_REPEATED if field.shape == "[]" else Described.LABEL_OPTIONAL
                _describe(message, field.number, name, field.kind, label)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


def _describe(message: descriptor_pb2.DescriptorProto, number: int, name: str, kind: str, label: Any) -> None:
    described = message.field.add(name=name, number=number, label=label)
    if kind in SCALARS:
        described.type = SCALARS[kind]
    else:
        described.type, described.type_name = Described.TYPE_MESSAGE, f".{kind}"


def message(kind: str, raw: bytes) -> Any:
    """The library's message; its DecodeError where the bytes are none."""
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(kind)).FromString(raw)


def decode(kind: str, raw: bytes) -> Json:
    """A message as the JSON object that it came from; what is empty and no pointer is left out, as omitempty does."""
    return _object(kind, message(kind, raw))


def _object(kind: str, found: Message) -> Json:
    content: Json = {}
    for field in fields(kind):
        if field.name == "*":
            content |= _object(field.kind, getattr(found, "inlined"))  # noqa: B009 -- no attribute that mypy knows
        else:
            value = _value(field, found)
            if value not in ("", 0, False, None, {}, []) or (field.shape == "?" and found.HasField(field.name)):
                content[field.name] = value
    return content


def _value(field: Field, found: Message) -> Any:
    value = getattr(found, field.name)
    if field.shape == "[]":
        return [_plain(field.kind, each) for each in value]
    if field.shape == "{}":
        return {each.key: _plain(field.kind, each.value) for each in value}
    return _plain(field.kind, value)


def _plain(kind: str, value: Any) -> Any:
    if kind in SCALARS:
        return value
    return PLAIN[kind](value) if kind in PLAIN else _object(kind, value)


def open_envelope(data: bytes) -> Opened:
    """The object that the server sent outside lists."""
    assert data.startswith(MAGIC), data[:20]
    unknown = message("Unknown", data.removeprefix(MAGIC))
    types = unknown.typeMeta
    return Opened(types.apiVersion, types.kind, decode(types.kind, unknown.raw))
