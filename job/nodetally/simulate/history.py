"""Changes in, what a watch may still read out: the events of one resource, oldest first, up to a window's length."""

from bisect import bisect_right
from typing import Literal, NamedTuple

from nodetally.simulate.errors import too_old
from nodetally.simulate.objects.item import Item

EventType = Literal["ADDED", "MODIFIED", "DELETED"]


class Change(NamedTuple):
    """One event; `item` is the state that it leads to (of a deletion: the last state, at the deletion's version)."""

    version: int
    type: EventType
    item: Item
    previous: Item | None


class History:
    """The last `window` events or more.

    A watch can start from `floor` on; one that runs can go on as long as it has read the last event `dropped`.
    """

    def __init__(self, floor: int, window: int) -> None:
        self.floor = self.dropped = floor
        self._window = window
        self._changes: list[Change] = []

    def append(self, change: Change) -> None:
        self._changes.append(change)
        if len(self._changes) > 2 * self._window:  # halved at times, so that an append costs nothing on average
            self._forget(len(self._changes) - self._window)

    def forget_all(self, floor: int) -> None:
        """Keep nothing, and let watches start from `floor` on only."""
        self._forget(len(self._changes))
        self.floor = floor

    def _forget(self, count: int) -> None:
        if count:
            self.floor = self.dropped = self._changes[count - 1].version
        del self._changes[:count]

    def check_start(self, version: int) -> None:
        """ApiError 410 for a watch that would have to start before the window."""
        if version < self.floor:
            raise too_old(version, self.floor)

    def after(self, version: int) -> list[Change]:
        """The events after a version; ApiError 410 if some of them are gone."""
        if version < self.dropped:
            raise too_old(version, self.floor)
        return self._changes[bisect_right(self._changes, version, key=lambda change: change.version) :]
