"""Answers in, HTTP/1.1 on a socket out: chunks, gzip, pace, and the damage that faults do. Decides nothing else."""

import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from nodetally.simulate.api.answers import FLUSH, Answer
from nodetally.simulate.faults import Fault

BUFFER_BYTES = 256 * 1024  # pieces are gathered up to this: one system call for many, and half a second of 4 Mbit/s
LENGTH_UP_TO_BYTES = 16 * 1024  # bodies below go with Content-Length, others in chunks
GZIP_FROM_BYTES = 128 * 1024  # lists above this are compressed (endpoints/handlers/responsewriters/writers.go:149)
GZIP_LEVEL = 1  # the same place
_GZIP_BITS = 31  # zlib's name for: gzip around the largest window
PACE_SECONDS = 0.05  # a paced body is sent in portions that take so long each

Send = Callable[[bytes], object]


@dataclass(frozen=True)
class Transfer:
    """How one answer's body goes out."""

    answer: Answer
    gzip: bool
    chunked: bool
    fault: Fault | None

    @classmethod
    def plan(cls, answer: Answer, fault: Fault | None, *, accepts_gzip: bool) -> "Transfer":
        """Large lists and watches with initial events are compressed for who can read it."""
        large = answer.status == 200 and (answer.length or 0) > GZIP_FROM_BYTES
        gzip = accepts_gzip and (answer.gzip_members or large)
        truncates = fault is not None and fault.truncate_after_items is not None
        small = answer.length is not None and answer.length <= LENGTH_UP_TO_BYTES
        return cls(answer, gzip, not small or truncates, fault if fault and fault.damages_body else None)

    def headers(self) -> Iterator[tuple[str, str]]:
        yield "Content-Type", self.answer.content_type
        if self.gzip:
            yield "Content-Encoding", "gzip"
            yield "Vary", "Accept-Encoding"
        if self.chunked:
            yield "Transfer-Encoding", "chunked"
        else:
            yield "Content-Length", str(self.answer.length)
        yield from self.answer.headers.items()

    def send_body(self, send: Send) -> None:
        """Send the body and its end; Cut or Stall, with all before it sent, where a fault says so."""
        pieces: Iterable[bytes] = self.answer.body
        if self.gzip:
            pieces = _compressed(pieces, members=self.answer.gzip_members)
        if self.fault:
            pieces = self.fault.damage(iter(pieces))
        _gather(pieces, send, chunked=self.chunked)


def _compressed(pieces: Iterable[bytes], *, members: bool) -> Iterator[bytes]:
    """gzip; with `members`, every FLUSH ends one member and the next piece begins another."""
    compressor = None
    for piece in pieces:
        if piece:
            compressor = compressor or zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, _GZIP_BITS)
            if packed := compressor.compress(piece):
                yield packed
        elif compressor and members:
            yield compressor.flush()
            yield FLUSH
            compressor = None
    if compressor:
        yield compressor.flush()


def _gather(pieces: Iterable[bytes], send: Send, *, chunked: bool) -> None:
    """Send pieces through a buffer, each a chunk of its own; an empty one empties the buffer."""
    buffer: list[bytes] = []
    size = 0
    try:
        for piece in pieces:
            if chunked and piece:
                buffer += (b"%x\r\n" % len(piece), piece, b"\r\n")
            else:
                buffer.append(piece)
            size += len(piece)
            if size >= BUFFER_BYTES or not piece:
                send(b"".join(buffer))
                buffer, size = [], 0
    except BaseException:
        send(b"".join(buffer))  # what came before a cut is sent
        raise
    send(b"".join(buffer) + (b"0\r\n\r\n" if chunked else b""))


def paced(send: Send, bytes_per_second: float) -> Send:
    """A slow link: the same bytes, in small portions, no faster than that."""
    portion = max(1, int(bytes_per_second * PACE_SECONDS))

    def slow(data: bytes) -> None:
        for start in range(0, len(data), portion):
            part = data[start : start + portion]
            send(part)
            time.sleep(len(part) / bytes_per_second)

    return slow
