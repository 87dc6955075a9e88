"""Faults on order: which request goes wrong, how, and how often. Changes what is sent, never the cluster."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from threading import Lock
from typing import Any

from nodetally.errors import WrongUse
from nodetally.simulate.api.answers import Answer, whole
from nodetally.simulate.errors import ApiError

GARBAGE = b"\xff" * 16  # no start of a protobuf field, and not UTF-8


class Cut(Exception):
    """The connection is to be closed here, without the end of the body."""


class Stall(Exception):
    """Nothing more is to be sent here, but the connection stays open."""


@dataclass
class Fault:
    """What goes wrong with requests whose path (with its query) begins with `path_prefix`.

    `status`, `headers`, `content_type` and `body` replace the answer; the others damage its body, whose bytes are
    counted without the chunks' framing: `cut_after_bytes` closes the connection, `stall_after_bytes` sends nothing
    more and keeps it open, `truncate_after_items` ends the body properly but too early, `garbage_at` overwrites
    16 bytes from there on, `drop` closes the connection without an answer, `delay_seconds` comes before all of them.
    The first `skip` matching requests are let through; then it strikes one in `every`, `times` times (None: always).
    """

    path_prefix: str = "/"
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    content_type: str | None = None
    times: int | None = 1
    skip: int = 0
    every: int = 1
    cut_after_bytes: int | None = None
    truncate_after_items: int | None = None
    stall_after_bytes: int | None = None
    garbage_at: int | None = None
    drop: bool = False
    delay_seconds: float = 0.0

    @classmethod
    def parse(cls, content: Mapping[str, Any]) -> "Fault":
        """A fault from JSON; WrongUse if a field is not one of its own."""
        known = {each.name for each in fields(cls)}
        if unknown := sorted(set(content) - known):
            raise WrongUse(f"a fault has no {', '.join(unknown)}", hint=f"it has {', '.join(sorted(known))}")
        return cls(**content)

    @property
    def damages_body(self) -> bool:
        places = (self.cut_after_bytes, self.truncate_after_items, self.stall_after_bytes, self.garbage_at)
        return any(place is not None for place in places)

    def strikes(self) -> bool:
        """Whether a matching request is hit; counts it."""
        if self.skip:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        self.skip = self.every - 1
        return self.times is None or self.times >= 0

    def replace(self, answer: Callable[[], Answer], refuse: Callable[[ApiError], Answer]) -> Answer:
        """The answer, or what is sent in its place: a body as it is, or the Status of an error."""
        if self.body is not None:
            return whole(self.status or 200, self.content_type or "text/plain", self.body.encode(), self.headers)
        found = refuse(ApiError(self.status, f"simulated fault: {self.status}")) if self.status else answer()
        found.headers |= self.headers
        found.content_type = self.content_type or found.content_type
        return found

    def damage(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """The body's pieces with the damage done; Cut or Stall where that is the damage."""
        sent = 0
        ends = [place for place in (self.cut_after_bytes, self.stall_after_bytes) if place is not None]
        for index, piece in enumerate(pieces):
            if self.truncate_after_items is not None and index > self.truncate_after_items:
                return  # the first piece is the list's head
            room = min(ends) - sent if ends else len(piece)
            yield self._garbled(piece[:room], sent)
            if ends and len(piece) >= room:
                raise Cut if min(ends) == self.cut_after_bytes else Stall
            sent += len(piece)

    def _garbled(self, piece: bytes, offset: int) -> bytes:
        if self.garbage_at is None:
            return piece
        start, end = self.garbage_at - offset, self.garbage_at - offset + len(GARBAGE)
        if end <= 0 or start >= len(piece):
            return piece
        first, last = max(start, 0), min(end, len(piece))
        return piece[:first] + GARBAGE[: last - first] + piece[last:]


class Faults:
    """The faults on order; thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def strike(self, path: str) -> Fault | None:
        """The fault that this request gets, if any; counts it as done."""
        with self._lock:
            for fault in self._faults:
                if path.startswith(fault.path_prefix) and fault.strikes():
                    return fault
        return None
