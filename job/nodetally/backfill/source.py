"""What every source of a backfill offers: an observation for a slot, or why there is none. Types only."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from nodetally.cluster.observation import Observation
from nodetally.errors import ClusterError


class Impossible(NamedTuple):
    """Why a slot cannot be filled; `broken`: there is something for it, but it cannot be read."""

    reason: str
    broken: bool = False


class Source(Protocol):
    """Something that knows a cluster's past. Raises NodetallyError where no slot can be filled any more."""

    @property
    def name(self) -> str:
        """As people call it: its address or place, without secrets."""
        ...

    def span(self) -> tuple[datetime, datetime] | None:
        """From when to when there may be something (the end is exclusive); None when only the user can say."""
        ...

    def foresee(self, slot: datetime) -> Impossible | None:
        """Why a slot cannot be filled, as far as that is known without reading."""
        ...

    def observe(self, slots: Sequence[datetime]) -> Iterator[tuple[datetime, Observation | Impossible]]:
        """Each of the slots (of one day) once, in their order; as few as possible are held at a time."""
        ...


class SourceUnreachable(ClusterError):
    """The source cannot be asked any more: nothing to do with one slot; the same command goes on later."""
