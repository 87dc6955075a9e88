"""Bytes → items: cuts a list into its items while it arrives, whatever the size of the chunks. Knows no meaning.

A list in Kubernetes' protobuf is the magic k8s\\0 and an envelope Unknown{1 typeMeta, 2 raw, 3, 4}; inside raw, field 1
is ListMeta and each field 2 an item (apimachinery v0.37 pkg/runtime/serializer/protobuf/protobuf.go:34-44 and
collections.go:137-155). The length of raw is declared up front: a body that stops early never passes for a whole one.
JSON lists are read item by item as well, so that memory stays flat there too.
"""

import codecs
import json
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import DecodeError

from nodetally.cluster import k8s_pb2
from nodetally.errors import ClusterError

MAGIC = b"k8s\0"
BUFFER_BYTES = 128 * 1024  # some 10 pods; larger buffers read no faster here and cost memory
# etcd refuses objects above 1.5 MiB, and nobody raises that above 10: more is garbage that would eat the memory, as
# what is decoded takes up to 25 times as much of it.
MAX_ITEM_BYTES = 16 * 1024 * 1024
MAX_DIGITS = 4300  # of a number; Python's own limit for integers (sys.int_info)
PROTOBUF = "application/vnd.kubernetes.protobuf"
JSON = "application/json"

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"[-+.eE0-9]*")  # all that a number may go on with

ReadInto = Callable[[memoryview], int]
"""Fills the view with what there is, waits for at least a byte, returns how many; 0 is the verified end of the body."""


@dataclass
class ListHead:
    """What a list says of itself. `continue_token` and `resource_version` of JSON may come after the items."""

    kind: str = ""
    resource_version: str = ""
    continue_token: str = ""
    remaining: int | None = None


class Buffer:
    """A window on the body that keeps what is not consumed yet and grows only for an item larger than itself."""

    __slots__ = ("_memory", "_read_into", "at", "end", "taken", "view")

    def __init__(self, read_into: ReadInto, size: int = BUFFER_BYTES) -> None:
        self._read_into = read_into
        self._memory = bytearray(size)
        self.view = memoryview(self._memory)
        self.at = self.end = 0
        self.taken = 0  # bytes received from the body

    def position(self) -> int:
        """How many bytes of the body are consumed."""
        return self.taken - self.end + self.at

    def fill(self) -> bool:
        """Receive more; False at the verified end of the body."""
        if self.at:
            self.view[: self.end - self.at] = self.view[self.at : self.end]
            self.end -= self.at
            self.at = 0
        received = self._read_into(self.view[self.end :])
        self.end += received
        self.taken += received
        return received > 0

    def need(self, count: int, what: str) -> None:
        """Have at least `count` unread bytes in the window, or raise ClusterError."""
        if count > len(self._memory):
            self._grow(count, what)
        while self.end - self.at < count:
            if not self.fill():
                raise ClusterError(f"{what}: the body ends in the middle of an item, after {self.taken} bytes")

    def take(self, count: int, what: str) -> bytes:
        if self.end - self.at < count:
            self.need(count, what)
        self.at += count
        return bytes(self.view[self.at - count : self.at])

    def varint(self, what: str) -> int:
        value = shift = 0
        while True:
            if self.at == self.end:
                self.need(1, what)
            byte = self.view[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
            if shift == 70:  # ten bytes: the most that 64 bits take
                raise ClusterError(f"{what}: not protobuf (a length of more than 64 bits)")

    def _grow(self, count: int, what: str) -> None:
        if count > MAX_ITEM_BYTES:
            raise ClusterError(f"{what}: an item of {count} bytes; no object of Kubernetes is that large")
        memory = bytearray(count)
        memory[: self.end - self.at] = self.view[self.at : self.end]
        self.end -= self.at
        self.at = 0
        self._memory, self.view = memory, memoryview(memory)


@dataclass
class ProtobufList:
    """A list in protobuf: `items()` yields each item's bytes; `head` is complete before the first item."""

    buffer: Buffer
    what: str
    head: ListHead = field(default_factory=ListHead)

    def items(self) -> Iterator[bytes]:
        """Each item as it arrives. Raises ClusterError unless the list ends exactly where it said it would."""
        stop = self._open()
        buffer = self.buffer
        while (at := buffer.position()) < stop:
            tag = buffer.varint(self.what)
            if tag & 7 != 2:
                raise ClusterError(f"{self.what}: not a list of Kubernetes (field {tag >> 3} of wire type {tag & 7})")
            length = buffer.varint(self.what)
            if buffer.position() + length > stop:
                raise ClusterError(f"{self.what}: an item is longer than the list that holds it, at byte {at}")
            body = buffer.take(length, self.what)
            if tag == 0x12:
                yield body
            elif tag == 0x0A:
                self._read_head(body)
        self._close()

    def _open(self) -> int:
        """Read up to the list itself; returns the position where it must end."""
        if self.buffer.take(4, self.what) != MAGIC:
            raise ClusterError(f"{self.what}: not Kubernetes protobuf (no k8s magic)")
        while True:
            tag, length = self.buffer.varint(self.what), self.buffer.varint(self.what)
            if tag == 0x12:
                return self.buffer.position() + length
            if tag != 0x0A:
                raise ClusterError(f"{self.what}: not Kubernetes protobuf (envelope field {tag >> 3})")
            self.head.kind = decode_message(k8s_pb2.TypeMeta, self.buffer.take(length, self.what), self.what).kind

    def _read_head(self, body: bytes) -> None:
        meta = decode_message(k8s_pb2.ListMeta, body, self.what)
        self.head.resource_version = meta.resource_version
        self.head.continue_token = meta.continue_token
        self.head.remaining = meta.remaining_item_count if meta.HasField("remaining_item_count") else None

    def _close(self) -> None:
        """The envelope's last fields, then the verified end of the body."""
        while self.buffer.end > self.buffer.at or self.buffer.fill():
            tag, length = self.buffer.varint(self.what), self.buffer.varint(self.what)
            if tag not in (0x1A, 0x22):
                raise ClusterError(f"{self.what}: bytes after the end of the list")
            self.buffer.take(length, self.what)


@dataclass
class JsonList:
    """A list in JSON: `items()` yields each item as a dict; `head` is complete after the last.

    Numbers that are not integers stay text, so that a quantity written as a bare number loses nothing.
    """

    buffer: Buffer
    what: str
    head: ListHead = field(default_factory=ListHead)

    def __post_init__(self) -> None:
        self._text = ""
        self._at = 0
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._decoder = json.JSONDecoder(parse_float=str, parse_constant=_refuse_constant)
        self._top: dict[str, Any] = {}
        self._top_size = self._size = 0  # characters held; characters consumed and dropped

    def items(self) -> Iterator[dict[str, Any]]:
        """Each item as it arrives; a lone object counts as a list of one. Raises ClusterError on anything broken."""
        self._expect("{")
        listed = False
        while self._peek() != "}":
            if self._peek() == ",":
                self._at += 1
            key = self._value()
            self._expect(":")
            if key == "items" and self._peek() == "[":
                if listed:
                    raise ClusterError(f"{self.what}: two lists of items in one")
                listed = True
                yield from self._array()
            else:
                self._top[str(key)] = self._of_top(str(key))
                if key == "items" and self._top["items"] is not None:  # null is Go's empty list
                    raise ClusterError(f"{self.what}: items that are no list")
            self._read_head()
        self._at += 1
        if self._peek():
            raise ClusterError(f"{self.what}: text after the end of the list")
        if not listed and self.head.kind and not self.head.kind.endswith("List") and self.head.kind != "Status":
            yield self._top

    def _array(self) -> Iterator[dict[str, Any]]:
        self._at += 1
        while self._peek() != "]":
            if self._peek() == ",":
                self._at += 1
            item = self._value()
            if not isinstance(item, dict):
                raise ClusterError(f"{self.what}: an item that is not an object")
            yield item
        self._at += 1

    def _read_head(self) -> None:
        metadata = self._top.get("metadata")
        if not isinstance(metadata, dict):
            metadata = {}
        self.head.kind = str(self._top.get("kind", ""))
        self.head.resource_version = str(metadata.get("resourceVersion", ""))
        self.head.continue_token = str(metadata.get("continue") or "")
        self.head.remaining = metadata.get("remainingItemCount")

    def _of_top(self, key: str) -> Any:
        """A value beside the items; all of them together are held, so they may be no larger than one item."""
        self._peek()
        before = self._size + self._at
        value = self._value()
        self._top_size += self._size + self._at - before + len(key)
        if self._top_size > MAX_ITEM_BYTES:
            raise ClusterError(f"{self.what}: more than {MAX_ITEM_BYTES} bytes beside the items of the list")
        return value

    def _peek(self) -> str:
        """The next character that is not white space; "" at the end."""
        while True:
            found = _SPACE.match(self._text, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def _expect(self, character: str) -> None:
        found = self._peek()
        if found != character:
            seen = repr(found) if found else "the end of the body"
            raise ClusterError(f"{self.what}: not a JSON list: {seen} where {character!r} belongs")
        self._at += 1

    def _value(self) -> Any:
        """Decode one value; what is cut off is tried again only once there is twice as much of it."""
        self._peek()
        while True:
            pending = len(self._text) - self._at
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if pending >= MAX_ITEM_BYTES:
                    raise ClusterError(
                        f"{self.what}: an item of more than {pending} bytes; no object of Kubernetes is that large"
                    ) from error
                if not self._more(min(pending, MAX_ITEM_BYTES - pending)):
                    raise ClusterError(f"{self.what}: broken or cut off JSON: {error}") from error
                continue
            except (ValueError, RecursionError) as error:  # a number or a depth that no more text makes right
                raise ClusterError(f"{self.what}: broken JSON: {error}") from error
            number = _NUMBER.match(self._text, self._at)
            unfinished = number is not None and number.end() == len(self._text)
            if unfinished and pending > MAX_DIGITS:
                raise ClusterError(f"{self.what}: a number of more than {MAX_DIGITS} digits")
            if not unfinished or not self._more():
                if self._text.find("\\u", self._at, end) >= 0:
                    refuse_half_characters(value, self.what)
                self._at = end
                return value

    def _more(self, count: int = 1) -> bool:
        """Append at least `count` characters if the body has them; False when it has none at all."""
        parts = [self._text[self._at :]]
        self._size += self._at
        self._at = 0
        received = 0
        while received < count and self.buffer.fill():
            parts.append(self._decode_text())
            received += len(parts[-1])
        self._text = "".join(parts)
        return received > 0

    def _decode_text(self) -> str:
        buffer = self.buffer
        chunk = buffer.view[buffer.at : buffer.end]
        buffer.at = buffer.end
        try:
            return self._utf8.decode(bytes(chunk))
        except UnicodeDecodeError as error:
            raise ClusterError(f"{self.what}: not UTF-8: {error}") from error


class Gunzip:
    """A `ReadInto` over a gzip body of any number of members; a body cut inside a member is an error.

    The API server ends a member at every flush of a watch, so a decoder that stops at the first loses the rest
    (apiserver v0.37 pkg/endpoints/handlers/watch.go:280-312).
    """

    def __init__(self, read_into: ReadInto, what: str) -> None:
        self._read_into = read_into
        self._what = what
        self._chunk = memoryview(bytearray(64 * 1024))
        self._member = zlib.decompressobj(31)
        self._input: bytes = b""
        self._inside = False

    def read_into(self, view: memoryview) -> int:
        while True:
            if not self._input:
                self._input = bytes(self._chunk[: self._read_into(self._chunk)])
                if not self._input:
                    if self._inside:
                        raise ClusterError(f"{self._what}: the gzip body is cut off")
                    return 0
            plain = self._decompress(len(view))
            if plain:
                view[: len(plain)] = plain
                return len(plain)

    def _decompress(self, size: int) -> bytes:
        try:
            plain = self._member.decompress(self._input, size)
        except zlib.error as error:
            raise ClusterError(f"{self._what}: broken gzip: {error}") from error
        self._inside = not self._member.eof
        if self._member.eof:
            self._input = self._member.unused_data
            self._member = zlib.decompressobj(31)
        else:
            self._input = self._member.unconsumed_tail
        return plain


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def refuse_half_characters(value: Any, what: str) -> None:
    """JSON can spell half of a surrogate pair, which is no text in any encoding."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ClusterError(f"{what}: not text: {error.reason}") from error
    except RecursionError as error:  # it was read with a little less of the stack than it takes to write
        raise ClusterError(f"{what}: broken JSON: {error}") from error


def decode_message(message: type[Any], body: bytes, what: str) -> Any:
    """A message of Kubernetes' own, or ClusterError."""
    try:
        return message.FromString(body)
    except DecodeError as error:
        raise ClusterError(f"{what}: not Kubernetes protobuf: {error}") from error
