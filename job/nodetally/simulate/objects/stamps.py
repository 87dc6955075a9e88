"""One document with placeholders in, any number of objects of the same shape out, at the speed of joining bytes.

A document is encoded once and cut at its placeholders; an object is then the constant parts with its own values between
them. Every value has its placeholder's length, so every object of a template has the same size, and the lengths that
protobuf writes before messages stay right. Times are five bytes in protobuf (seconds since 1970, from 1978 to 3058).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from operator import itemgetter
from typing import Any

import orjson

from nodetally.simulate.objects.encoding import encode, time_text, varint
from nodetally.simulate.objects.item import Encoding

TIME_PLACEHOLDER_SECONDS = 4_260_211_200  # 2105: no document has a time near it, and it has five bytes as 2026 has
Values = Sequence[bytes]


def placeholder(slot: str, length: int) -> str:
    """A text of a length that stands for a slot and occurs nowhere else.

    >>> placeholder("uid", 8)
    '{uid}~~~'
    """
    text = f"{{{slot}}}".ljust(length, "~")
    if len(text) != length:
        raise ValueError(f"{length} characters are too few for a placeholder of {slot!r}")
    return text


def time_placeholder(number: int) -> str:
    """The text of a time that stands for the time slot of that number."""
    return time_text(TIME_PLACEHOLDER_SECONDS + number)


def time_bytes(seconds: int, encoding: Encoding) -> bytes:
    """A time as it stands in a template's place: RFC 3339, or a varint of five bytes (written out, for speed)."""
    if encoding == "json":
        return time_text(seconds).encode()
    low = (seconds & 127 | 128, seconds >> 7 & 127 | 128, seconds >> 14 & 127 | 128, seconds >> 21 & 127 | 128)
    return bytes((*low, seconds >> 28))


class Slots:
    """The places that differ between objects: texts of a fixed length, then times."""

    def __init__(self, lengths: Mapping[str, int], times: int) -> None:
        self.names = [*lengths, *(f"t{number}" for number in range(times))]
        self.texts = {name: placeholder(name, length) for name, length in lengths.items()}
        self.texts |= {f"t{number}": time_placeholder(number) for number in range(times)}
        self._times = times

    def __getitem__(self, name: str) -> str:
        """The placeholder to write into a document."""
        return self.texts[name]

    def marks(self, encoding: Encoding) -> dict[bytes, int]:
        """What each slot looks like in an encoded document."""
        found = {self.texts[name].encode(): index for index, name in enumerate(self.names)}
        if encoding == "protobuf":
            for number in range(self._times):
                index = found.pop(time_placeholder(number).encode())
                found[varint(TIME_PLACEHOLDER_SECONDS + number)] = index
        return found


class Stamp:
    """One encoded text, cut at its placeholders."""

    def __init__(self, encoded: bytes, marks: Mapping[bytes, int]) -> None:
        pattern = re.compile(b"(" + b"|".join(map(re.escape, marks)) + b")")
        self.size = len(encoded)
        self._parts = pattern.split(encoded)
        self._pick = _picker([marks[mark] for mark in self._parts[1::2]])

    def stamp(self, values: Values) -> bytes:
        """The text with these values, one per slot, in its places."""
        parts = self._parts[:]
        parts[1::2] = self._pick(values)
        return b"".join(parts)


def _picker(indices: list[int]) -> Callable[[Values], Sequence[bytes]]:
    """A function that picks values by index, as a sequence whatever their number."""
    if len(indices) > 1:
        return itemgetter(*indices)
    return lambda values: [values[index] for index in indices]


class Template:
    """A document with placeholders, encoded when it is first asked for."""

    def __init__(self, kind: str, content: Mapping[str, Any], slots: Slots) -> None:
        self.kind = kind
        self._content = content
        self._slots = slots

    @cached_property
    def protobuf(self) -> Stamp:
        return Stamp(encode(self.kind, self._content), self._slots.marks("protobuf"))

    @cached_property
    def json(self) -> Stamp:
        return Stamp(orjson.dumps(self._content), self._slots.marks("json"))

    @cached_property
    def labels(self) -> Stamp:
        """The labels alone, as JSON."""
        return Stamp(orjson.dumps(self._content["metadata"].get("labels") or {}), self._slots.marks("json"))
