"""Cache on: nodes and pods by list and watch, each held as of one version, and brought to a quorum's for a pass.

The index is right for a version when every event up to it was applied: events come in the order of their versions, so
an event or bookmark at or past a version proves it. A pass asks what the version is now (a quorum read of one item),
reads events up to exactly there, and compares the count. What does not fit is an error here, a cold list to the caller.
"""

import http
import math
import time
from collections.abc import Callable, Generator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import closing
from datetime import datetime
from typing import Any, Generic, TypeVar

from nodetally.accounting.facts import NodeFacts
from nodetally.accounting.index import PodIndex
from nodetally.cluster.connection import Connection
from nodetally.cluster.frames import Event, number_of, read_events, version_of
from nodetally.cluster.listing import NODE, NODES, POD, PODS, First, Kind, Lister, Query, slim
from nodetally.cluster.refusals import AnswerError, RefusedError
from nodetally.cluster.wire import JSON, PROTOBUF
from nodetally.errors import ClusterError, ObjectUnreadable

# timeoutSeconds of the watches that catch up, one after the other until the version is proven. The server sends a
# bookmark 2 s before the end, if the watch is longer than that (apiserver v0.37 storage/cacher/cache_watcher.go:233).
# Before 1.31 its bookmarks may stay behind what a quorum says for minutes: then the lists are read after all.
CATCH_UP_SECONDS = (3, 5)
FOLLOW_SECONDS = 45  # below transport.STALL_SECONDS: an idle watch is ended by the server, not given up by us
NOT_OFFERED = frozenset({http.HTTPStatus.BAD_REQUEST, http.HTTPStatus.UNPROCESSABLE_ENTITY})  # for sendInitialEvents
SHORT_WATCH_SECONDS = 1.0  # an empty watch that ends sooner is a failure to back off from (client-go reflector.go:1089)

Clock = Callable[[], datetime]


class PastGoneError(ClusterError):
    """410: the server no longer has the events since our version."""


class NotOfferedError(ClusterError):
    """The server knows no WatchList: list, then watch."""


class UnprovenError(ClusterError):
    """What is held cannot be shown to be what the cluster has now."""


class NodeIndex:
    """Nodes by name, with the labels that are wanted."""

    def __init__(self, wants: Callable[[str], bool]) -> None:
        self.nodes: dict[str, NodeFacts] = {}
        self._wants = wants

    def __len__(self) -> int:
        return len(self.nodes)

    def put(self, node: NodeFacts) -> None:
        self.nodes[node.name] = slim(node, self._wants)

    def drop(self, node: NodeFacts) -> None:
        if self.holds(node):
            del self.nodes[node.name]

    def holds(self, node: NodeFacts) -> bool:
        held = self.nodes.get(node.name)
        return held is not None and held.uid == node.uid


T = TypeVar("T")
I = TypeVar("I", PodIndex, NodeIndex)  # noqa: E741 -- the index of a resource


class Watched(Generic[I]):
    """One resource of the cluster, in `index` as of `version`. Used by one thread at a time."""

    def __init__(self, kind: Kind[Any], path: str, new_index: Callable[[], I]) -> None:
        self.index: I = new_index()
        self.version = 0  # 0: there is nothing to go on from
        self.objects_read = 0
        self._listed_as = ""
        self._kind = kind
        self._path = path
        self._new_index: Callable[[], I] = new_index
        self._what = f"watch of {kind.name.lower()}s"

    @property
    def resource_version(self) -> str:
        """As the server spells it; it may be one that cannot be compared, and so not be gone on from."""
        return str(self.version) if self.version else self._listed_as

    def fill_by_watch(self, connection: Connection, clock: Clock) -> datetime:
        """Take in everything by a WatchList: initial events up to a bookmark. Returns when it was answered.

        Nothing is touched before the bookmark. Raises NotOfferedError where the server has no WatchList.
        """
        seconds = math.ceil(connection.deadline.left())
        query = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
        fresh = self._new_index()
        answered_at: datetime | None = None
        try:
            with closing(self._events(connection, query, seconds)) as events:
                for event in events:
                    answered_at = answered_at or clock()
                    if event.type == "BOOKMARK":
                        if event.ends_initial:
                            self.index, self.version = fresh, event.version
                            return answered_at
                        continue
                    self._change(fresh, event)
        except AnswerError as error:
            if error.status in NOT_OFFERED:
                raise NotOfferedError(str(error)) from error
            raise
        raise ClusterError(f"{self._what}: it ended before the initial events did")

    def fill_by_list(self, lister: Lister) -> datetime:
        """Take in everything by the one streaming list. Returns when it was answered."""

        def read() -> datetime:
            fresh = self._new_index()

            def add(item: Any) -> None:
                self.objects_read += 1
                fresh.put(item)

            listed = lister.read(self._kind, self._path, {}, add)
            self.index, self.version = fresh, number_of(listed.resource_version) or 0
            self._listed_as = listed.resource_version
            return listed.answered_at

        return lister.read_again_once(read)

    def catch_up(self, connection: Connection, clock: Clock) -> datetime:
        """Bring the index to the version that a quorum has now. Returns when that was answered.

        Raises PastGoneError, UnprovenError, or another ClusterError; then the index is as of `version` still.
        """
        now: First[Any] = Lister(connection, clock, None).first(self._kind, self._path)
        target = version_of(now.resource_version, self._what)
        if target < self.version:
            raise UnprovenError(
                f"{self._what}: the cluster is at version {target}, before {self.version} that was kept: it was "
                "restored, or is another one"
            )
        for attempt, seconds in enumerate(CATCH_UP_SECONDS, 1):
            if self.version >= target:
                break
            try:
                self._read_up_to(target, connection, seconds)
            except (PastGoneError, RefusedError, ObjectUnreadable):
                raise
            except ClusterError as error:
                if connection.deadline.passed or attempt == len(CATCH_UP_SECONDS):
                    raise
                connection.pause(attempt, error)
        self._prove(target, now)
        return now.answered_at

    def follow(self, connection: Connection, until: float) -> None:
        """Apply events as they come until a time of time.monotonic(); what goes wrong shows at the next catch_up."""
        attempt = 0
        while (left := until - time.monotonic()) >= 1:
            started, before = time.monotonic(), self.version
            try:
                with closing(self._events(connection, self._since(), int(min(FOLLOW_SECONDS, left)))) as events:
                    for event in events:
                        self._apply(event)
                failure: ClusterError = ClusterError(f"{self._what}: it ended at once")
                if self.version > before or time.monotonic() - started >= SHORT_WATCH_SECONDS:
                    attempt = 0
                    continue
            except (PastGoneError, RefusedError, ObjectUnreadable):
                return
            except ClusterError as error:
                failure = error
            attempt += 1
            try:
                connection.pause(attempt, failure)
            except ClusterError:
                return

    def _read_up_to(self, target: int, connection: Connection, seconds: int) -> None:
        """One watch, read until `target` is reached or the server ends it. Nothing after `target` is applied."""
        with closing(self._events(connection, self._since(), seconds)) as events:
            for event in events:
                if event.version > target and event.type != "BOOKMARK":
                    self.version = target  # nothing happened between the last event and target
                    return
                self._apply(event)
                if self.version >= target:
                    return

    def _prove(self, target: int, now: First[Any]) -> None:
        if self.version < target:
            raise UnprovenError(f"{self._what}: no event or bookmark came to show that version {target} was reached")
        if now.length != len(self.index):
            there = "does not say how many there are" if now.length is None else f"has {now.length}"
            raise UnprovenError(f"{self._what}: {len(self.index)} are held, the cluster {there}")
        if now.item is not None and not self.index.holds(now.item):
            raise UnprovenError(f"{self._what}: the first of the list is not held: this is another cluster's past")

    def _since(self) -> Query:
        return {"resourceVersion": self.version}

    def _events(self, connection: Connection, query: Query, seconds: int) -> Generator[Event, None, None]:
        asked = {"watch": "true", **query, "allowWatchBookmarks": "true", "timeoutSeconds": max(1, seconds)}
        try:
            with connection.get(self._path, asked, accept=f"{PROTOBUF}, {JSON}", live=True) as answer:
                yield from read_events(answer, self._kind.name, self._what)
        except AnswerError as error:
            if error.status == http.HTTPStatus.GONE:
                gone = f"the server no longer has what changed since version {self.version}"
                raise PastGoneError(f"{self._what}: {gone}") from error
            raise

    def _apply(self, event: Event) -> None:
        if event.type == "BOOKMARK":
            self.version = max(self.version, event.version)
            return
        if event.version <= self.version:
            raise ClusterError(f"{self._what}: an event of version {event.version} after {self.version}")
        self._change(self.index, event)
        self.version = event.version

    def _change(self, index: I, event: Event) -> None:
        body, kind = event.object, self._kind
        if not isinstance(body, bytes):
            item = kind.from_json(body)
        elif kind.from_protobuf is not None:
            item = kind.from_protobuf(body)
        else:
            raise ClusterError(f"{self._what}: protobuf where JSON was asked for")
        self.objects_read += 1
        if event.type == "DELETED":
            index.drop(item)
        else:
            index.put(item)


class WatchCache:
    """Nodes and pods of one cluster, kept warm; each resource has a version of its own."""

    def __init__(self, wants: Callable[[str], bool]) -> None:
        self.wants = wants
        self.pods: Watched[PodIndex] = Watched(POD, PODS, PodIndex)
        self.nodes: Watched[NodeIndex] = Watched(NODE, NODES, lambda: NodeIndex(wants))

    @property
    def filled(self) -> bool:
        """Whether there is a version to go on from."""
        return bool(self.pods.version and self.nodes.version)

    def fill_by_watch(self, connection: Connection, clock: Clock) -> datetime:
        """Both resources by WatchList; see Watched.fill_by_watch."""
        return self._side_by_side(connection, clock, lambda each, on: each.fill_by_watch(on, clock))

    def fill_by_list(self, lister: Lister) -> datetime:
        """Pods, then nodes, so that no pod is on a node that was created in between."""
        answered_at = self.pods.fill_by_list(lister)
        self.nodes.fill_by_list(lister)
        return answered_at

    def catch_up(self, connection: Connection, clock: Clock) -> datetime:
        """Both resources to what a quorum has now; see Watched.catch_up."""
        return self._side_by_side(connection, clock, lambda each, on: each.catch_up(on, clock))

    def follow(self, connection: Connection, seconds: float) -> None:
        """Apply what happens for so long, so that the next pass finds little to read up."""
        until = time.monotonic() + seconds
        self._both(connection, lambda each, on: each.follow(on, until))
        self.pods.index.tally()  # sums up what has changed while nobody waits for it

    def take_pods_read(self) -> int:
        """How many pods were read since this was last asked."""
        count, self.pods.objects_read = self.pods.objects_read, 0
        return count

    def _side_by_side(
        self, connection: Connection, clock: Clock, work: Callable[[Watched[Any], Connection], datetime]
    ) -> datetime:
        """A pod may have come on a node that was created just after the nodes were read: they are read up once more."""
        unlisted = self._unlisted()
        answered_at = self._both(connection, work)
        if self._unlisted() - unlisted:
            self.nodes.catch_up(connection, clock)
        return answered_at

    def _unlisted(self) -> set[str]:
        """Nodes that pods are bound to, and that are not there."""
        return self.pods.index.nodes_named() - self.nodes.index.nodes.keys()

    def _both(self, connection: Connection, work: Callable[[Watched[Any], Connection], T]) -> T:
        """Both resources at once, each on a connection of its own; returns what came of the pods."""
        second = connection.another()
        with closing(second), ThreadPoolExecutor(2, "watch") as pool:  # closed when no thread is at it any more
            try:
                pods, nodes = pool.submit(work, self.pods, connection), pool.submit(work, self.nodes, second)
                done, _ = wait((pods, nodes), return_when=FIRST_EXCEPTION)
                for each in done:
                    each.result()
            except BaseException:
                connection.deadline.end_now()  # the other one must not be waited for
                raise
            return pods.result()
