"""Bodies as a reader receives them: captured bytes, cut into chunks of any size."""

import itertools
from collections.abc import Callable, Iterable

from nodetally.cluster.wire import Buffer


def chunked(body: bytes, sizes: Iterable[int]) -> Callable[[memoryview], int]:
    """A `ReadInto` that gives the body in chunks of these sizes, over and over; 0 at its end."""
    size, at = itertools.cycle(sizes), 0

    def read_into(view: memoryview) -> int:
        nonlocal at
        chunk = body[at : at + min(next(size), len(view))]
        view[: len(chunk)] = chunk
        at += len(chunk)
        return len(chunk)

    return read_into


def buffer_of(body: bytes, sizes: Iterable[int] = (1 << 30,)) -> Buffer:
    return Buffer(chunked(body, sizes))


def varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])


def field(number: int, body: bytes) -> bytes:
    """One length-delimited protobuf field."""
    return varint(number << 3 | 2) + varint(len(body)) + body


def envelope(raw: bytes, kind: str = "PodList") -> bytes:
    head = field(1, field(1, b"v1") + field(2, kind.encode()))
    return b"k8s\0" + head + field(2, raw) + field(3, b"") + field(4, b"")
