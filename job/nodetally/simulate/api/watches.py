"""A request for a watch in, its events out, until its deadline, an error, or the client is gone."""

import random
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass

from nodetally.simulate.api.answers import FLUSH, watch_error, watch_event
from nodetally.simulate.api.lists import select
from nodetally.simulate.api.query import Query, check_watch
from nodetally.simulate.api.selection import Selection
from nodetally.simulate.behaviour import Behaviour
from nodetally.simulate.cluster import RESOURCES, SimulatedCluster
from nodetally.simulate.errors import ApiError
from nodetally.simulate.history import Change
from nodetally.simulate.objects.item import Encoding, Item, StoredObject

INITIAL_EVENTS_END = "k8s.io/initial-events-end"  # meta/v1/types.go:508
LOOK_SECONDS = 0.5  # how often an idle watch looks whether its client is still there
DEFAULT_TIMEOUT_SECONDS = (1800, 3600)  # upstream draws one from these (endpoints/handlers/get.go:272)


@dataclass(frozen=True)
class Watch:
    """One watch, checked; `initial`: it begins with what is there, as ADDED events."""

    cluster: SimulatedCluster
    selection: Selection
    encoding: Encoding
    version: int
    initial: bool
    bookmarks: bool
    timeout_seconds: float
    behaviour: Behaviour

    def events(self, gone: Callable[[], bool]) -> Iterator[bytes]:
        """The body, piece by piece; `gone` says whether to give up."""
        deadline = time.monotonic() + self.timeout_seconds
        try:
            version = self._start()
            if self.initial:
                version = yield from self._initial_events()
            yield FLUSH
            yield from self._live_events(version, deadline, gone)
        except ApiError as error:
            yield watch_error(error, self.encoding)

    def _start(self) -> int:
        """The version to go on from; ApiError 410 if it is gone, 504 if initial events at it do not come in time."""
        if not self.initial:
            self.cluster.check_watch(self.selection.resource, self.version)
        else:
            self.cluster.reach(self.version, self.behaviour.too_large_wait_seconds)
        return self.version

    def _initial_events(self) -> Generator[bytes, None, int]:
        version, view = self.cluster.view(self.selection.resource)
        for item in select(view, self.selection):
            yield self._event("ADDED", item)
        if self.bookmarks and self.behaviour.watch_list:  # older servers send no end mark
            yield self._bookmark(version, {INITIAL_EVENTS_END: "true"})
        return version

    def _live_events(self, version: int, deadline: float, gone: Callable[[], bool]) -> Iterator[bytes]:
        bookmark_at, matches = self._next_bookmark(deadline), self.selection.test()
        while (now := time.monotonic()) < deadline and not gone():
            current, changes = self.cluster.changes_after(self.selection.resource, version)
            pieces = [piece for change in changes for piece in self._seen(change, matches)]
            version = max(version, current)
            if self.bookmarks and now >= bookmark_at:
                pieces.append(self._bookmark(version, {}))
                bookmark_at = self._next_bookmark(deadline)
            if pieces:
                yield from (*pieces, FLUSH)
            self.cluster.wait_for(version + 1, min(LOOK_SECONDS, max(0.0, min(deadline, bookmark_at) - now)), gone)

    def _next_bookmark(self, deadline: float) -> float:
        """About every minute, and once shortly before the deadline."""
        now = time.monotonic()
        regular, last = now + self.behaviour.bookmark_seconds, deadline - self.behaviour.margin_seconds
        if last > now:
            return min(regular, last)
        return regular if regular < deadline else deadline + 1

    def _seen(self, change: Change, matches: Callable[[Item], bool]) -> Iterator[bytes]:
        """The event as this watch sees it: what leaves the selection is DELETED, with its last body that matched."""
        before = change.previous is not None and matches(change.previous)
        after = change.type != "DELETED" and matches(change.item)
        if after:
            yield self._event("MODIFIED" if before else "ADDED", change.item)
        elif before and change.previous is not None:
            yield self._event("DELETED", change.previous.at_version(change.version))

    def _event(self, event: str, item: Item) -> bytes:
        return watch_event(event, item, self.encoding)

    def _bookmark(self, version: int, annotations: dict[str, str]) -> bytes:
        metadata: dict[str, object] = {"resourceVersion": str(version), "creationTimestamp": None}
        if annotations:
            metadata["annotations"] = annotations
        return self._event("BOOKMARK", _empty(RESOURCES[self.selection.resource], metadata))


def _empty(kind: str, metadata: dict[str, object]) -> StoredObject:
    """The object of a bookmark: metadata, and what is written of an empty spec and status."""
    spec: dict[str, object] = {"containers": None} if kind == "Pod" else {}
    return StoredObject(kind, {"metadata": metadata, "spec": spec, "status": {}})


def open_watch(
    cluster: SimulatedCluster, selection: Selection, query: Query, encoding: Encoding, behaviour: Behaviour
) -> Watch:
    """Check a watch's parameters; ApiError 400 or 422 where upstream gives them."""
    check_watch(query, watch_list=behaviour.watch_list)
    version = query.number("resourceVersion")
    timeout = query.number("timeoutSeconds") or random.uniform(*DEFAULT_TIMEOUT_SECONDS)  # noqa: S311
    bookmarks = query.flag("allowWatchBookmarks")
    # an unset version asks for initial events, too (internalversion/defaults.go:25)
    initial = query.flag("sendInitialEvents") or version == 0
    return Watch(cluster, selection, encoding, version, initial, bookmarks, timeout, behaviour)
