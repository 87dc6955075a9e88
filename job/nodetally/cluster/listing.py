"""Cache off: one streaming list of pods and one of nodes; or only some nodes, each by an indexed query.

Asks for protobuf, takes JSON. Every pod is tallied as it arrives and dropped, so memory does not grow with pods.
"""

import http
import json
import sys
from collections.abc import Callable, Container, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from functools import cache, lru_cache
from itertools import repeat
from typing import Any, Generic, NamedTuple, TypeVar

from nodetally.accounting.facts import NodeFacts, PodFacts
from nodetally.accounting.kite import KiteTally
from nodetally.accounting.labels import is_wanted
from nodetally.accounting.nodes import ClusterTally
from nodetally.cluster.answer import Answer
from nodetally.cluster.connection import Connection
from nodetally.cluster.decode import node_from_json, node_from_protobuf, pod_from_json, pod_from_protobuf
from nodetally.cluster.observation import Observation
from nodetally.cluster.refusals import AnswerError
from nodetally.cluster.usage import USAGE_OFF, read_usage
from nodetally.cluster.wire import JSON, PROTOBUF, Buffer, JsonList, ListHead, ProtobufList
from nodetally.errors import ClusterError, WrongUse
from nodetally.settings import PAGE_SIZE, Settings

PODS = "/api/v1/pods"
NODES = "/api/v1/nodes"
NODE_QUERIES_AT_ONCE = 2  # a list is priced at up to 10 seats of flow control, and some identities have 49 in all
PODS_PER_NODE = 500  # above any kubelet's maxPods in use: a page that is not the first does not use the server's index
QUERY_PODS = 15  # a query by node costs the server what 13 to 15 pods of the one list do: benchmarks/crossover.json

NOTHING: Mapping[str, Any] = {}

T = TypeVar("T")
Clock = Callable[[], datetime]
Query = Mapping[str, str | int]


class PagesExpiredError(ClusterError):
    """The continue token is too old: what was read must be thrown away, never joined with what comes now."""


class Kind(NamedTuple, Generic[T]):
    """How to read the items of one kind of list."""

    name: str
    from_protobuf: Callable[[bytes], T] | None  # None: the whole object is wanted, so JSON is asked for
    from_json: Callable[[Mapping[str, Any]], T]


POD: Kind[PodFacts] = Kind("Pod", pod_from_protobuf, pod_from_json)
NODE: Kind[NodeFacts] = Kind("Node", node_from_protobuf, node_from_json)
WHOLE_NODE: Kind[tuple[NodeFacts, Mapping[str, Any]]] = Kind("Node", None, lambda each: (node_from_json(each), each))


class Listed(NamedTuple):
    """What a finished list says of itself."""

    resource_version: str
    answered_at: datetime
    remaining: int | None  # items that were not asked for (a limit without following the pages)


class First(NamedTuple, Generic[T]):
    """The beginning of a list, by a quorum read."""

    item: T | None
    length: int | None  # of the whole list; None where the server does not say
    resource_version: str
    answered_at: datetime


class Lister:
    """Reads lists on one connection; remembers when the server speaks only JSON."""

    def __init__(
        self, connection: Connection, clock: Clock, page_size: int | None, wants: Callable[[str], bool] = bool
    ) -> None:
        self.connection = connection
        self.clock = clock
        self.page_size = page_size
        self.wants = wants  # which node labels to remember; values repeat, so they are kept once
        self._json_only = False

    def read(self, kind: Kind[T], path: str, query: Query, add: Callable[[T], object]) -> Listed:
        """Hand every item of the list to `add` as it arrives.

        Raises ClusterError when the list did not end as it should, PagesExpiredError when its pages came too late;
        then what was handed out is not the list, and must be dropped.
        """
        answered_at: datetime | None = None
        version = token = ""
        while True:
            with self._page(kind, path, query, token) as answer:
                answered_at = answered_at or self.clock()
                if answer.content_type.startswith(JSON) and not self._paged(kind, query):
                    self._json_only = True  # memory stays bounded page by page: ask again, for pages
                    continue
                head = _read_items(kind, answer, f"list of {kind.name.lower()}s", add)
            if version and head.resource_version != version:
                raise PagesExpiredError(f"{path}: pages of different versions, {version} and {head.resource_version}")
            version, token = head.resource_version, head.continue_token
            if not token:
                return Listed(version, answered_at, head.remaining)

    def first(self, kind: Kind[T], path: str) -> "First[T]":
        """The list's first item, its version and its length, for the price of one item."""
        found: list[T] = []
        with self._page(kind, path, {"limit": 1}, "") as answer:
            answered_at = self.clock()
            head = _read_items(kind, answer, f"list of {kind.name.lower()}s", found.append)
        remaining = head.remaining if head.continue_token else 0
        length = None if remaining is None else len(found) + remaining
        return First(found[0] if found else None, length, head.resource_version, answered_at)

    def _paged(self, kind: Kind[T], query: Query) -> bool:
        return bool(self.page_size or self._json_only or kind.from_protobuf is None or "limit" in query)

    def _page(self, kind: Kind[T], path: str, query: Query, token: str) -> Any:
        asked = dict(query)
        if self._paged(kind, query):
            asked.setdefault("limit", self.page_size or PAGE_SIZE)
        if token:
            asked["continue"] = token
        json_only = self._json_only or kind.from_protobuf is None
        return self.connection.get(path, asked, accept=JSON if json_only else f"{PROTOBUF}, {JSON}")

    def read_again_once(self, read: Callable[[], T]) -> T:
        """Start a list over, once, when its pages expired: a token lives 5 to 10 minutes."""
        try:
            return read()
        except PagesExpiredError:
            return read()
        except AnswerError as error:
            if error.status != http.HTTPStatus.GONE:
                raise
            return read()


def observe(connection: Connection, settings: Settings, clock: Clock, *, keep_nodes: bool = False) -> Observation:
    """Read the cluster, whole or the part that the settings name. Raises ClusterError; never returns half a cluster."""
    lister = Lister(connection, clock, settings.page_size, wanted_labels(settings))
    version = server_version(connection)
    subset = bool(settings.nodes or settings.selector)
    if subset:
        raw, nodes_listed = selected_nodes(lister, settings, keep=keep_nodes)
        tally, pods_listed = _tally_selected(lister, [node.name for node, _ in raw], keep_nodes)
    else:
        tally, pods_listed = _tally_list(lister, keep_nodes)
        raw, nodes_listed = list_nodes(lister, {}, keep=keep_nodes)
    nodes = sorted((node for node, _ in raw), key=lambda node: node.name.encode())
    raw_nodes = raw if keep_nodes else None
    del raw  # 5,000 pairs that nobody needs any more
    usage = read_usage(connection, [node.name for node in nodes], clock()) if settings.usage else USAGE_OFF
    return Observation(
        kind="list",
        taken_at=pods_listed.answered_at,
        nodes=nodes,
        tally=tally,
        usage=usage,
        cost=connection.cost,
        pods_read=tally.pods,
        consistent=not subset,
        whole=not subset,
        server_version=version,
        pods_resource_version=pods_listed.resource_version or None,
        nodes_resource_version=nodes_listed.resource_version or None,
        raw_nodes=raw_nodes,
    )


def wanted_labels(settings: Settings) -> Callable[[str], bool]:
    """Which node labels the settings need."""
    return cache(lambda name: is_wanted(name, settings.label_rules, settings.labels))


def server_version(connection: Connection) -> str | None:
    """The API server's gitVersion, or None where it may not be asked: it decides no number."""
    try:
        with connection.get("/version", accept=JSON) as answer:
            version = json.loads(answer.read_all())
    except (AnswerError, ValueError):
        return None
    return str(version.get("gitVersion") or "") or None if isinstance(version, dict) else None


def list_nodes(
    lister: Lister, query: Query, *, keep: bool = False
) -> tuple[list[tuple[NodeFacts, Mapping[str, Any]]], Listed]:
    """Every node that matches; with `keep`, each with its whole object."""

    def read() -> tuple[list[tuple[NodeFacts, Mapping[str, Any]]], Listed]:
        found: list[tuple[NodeFacts, Mapping[str, Any]]] = []
        if keep:
            return found, lister.read(WHOLE_NODE, NODES, query, found.append)
        return found, lister.read(NODE, NODES, query, lambda node: found.append((slim(node, lister.wants), NOTHING)))

    return lister.read_again_once(read)


@lru_cache(maxsize=1024)
def _shared_labels(labels: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """One dict for equal labels: nodes of one pool and zone differ in none that we keep."""
    return dict(labels)


def slim(node: NodeFacts, wants: Callable[[str], bool]) -> NodeFacts:
    """The node with the labels that are wanted, and one object for what nodes have in common."""
    return node._replace(
        labels=_shared_labels(tuple((name, value) for name, value in node.labels.items() if wants(name))),
        architecture=node.architecture and sys.intern(node.architecture),
        os_image=node.os_image and sys.intern(node.os_image),
        kubelet_version=node.kubelet_version and sys.intern(node.kubelet_version),
    )


def selected_nodes(
    lister: Lister, settings: Settings, *, keep: bool = False
) -> tuple[list[tuple[NodeFacts, Mapping[str, Any]]], Listed]:
    """The nodes that --node and --selector name. Raises WrongUse for a name that is not there."""
    selector = {"labelSelector": settings.selector} if settings.selector else {}
    if not settings.nodes:
        try:
            return list_nodes(lister, selector, keep=keep)
        except AnswerError as error:
            if error.status != http.HTTPStatus.BAD_REQUEST:
                raise
            raise WrongUse(f"--selector {settings.selector!r}: {error}") from error
    found: list[tuple[NodeFacts, Mapping[str, Any]]] = []
    for name in dict.fromkeys(settings.nodes):
        some, listed = list_nodes(lister, {**selector, "fieldSelector": f"metadata.name={name}"}, keep=keep)
        if not some:
            also = f" that matches {settings.selector!r}" if settings.selector else ""
            raise WrongUse(f"no node named {name!r}{also}", hint="list them with: kubectl get nodes")
        found += some
    return found, listed


def pods_of_node(connection: Connection, clock: Clock, node: str) -> tuple[list[PodFacts], Listed]:
    """The pods bound to one node, by the server's index."""
    lister = Lister(connection, clock, None)

    def read() -> tuple[list[PodFacts], Listed]:
        pods: list[PodFacts] = []
        query: Query = {"fieldSelector": f"spec.nodeName={node}", "limit": PODS_PER_NODE}
        return pods, lister.read(POD, PODS, query, pods.append)

    return lister.read_again_once(read)


def _tally_list(lister: Lister, with_kite: bool, wanted: Container[str] | None = None) -> tuple[ClusterTally, Listed]:
    """The pods of the one list; with `wanted`, only those of these nodes."""

    def read() -> tuple[ClusterTally, Listed]:
        tally = ClusterTally(KiteTally() if with_kite else None)
        return tally, lister.read(POD, PODS, {}, tally.add if wanted is None else _of_nodes(wanted, tally.add))

    return lister.read_again_once(read)


def _of_nodes(wanted: Container[str], add: Callable[[PodFacts], None]) -> Callable[[PodFacts], None]:
    def add_wanted(pod: PodFacts) -> None:
        if pod.node in wanted:
            add(pod)

    return add_wanted


def _tally_selected(lister: Lister, names: Sequence[str], with_kite: bool) -> tuple[ClusterTally, Listed]:
    """Pods of these nodes only: node by node, or from the one list when that is cheaper for the server."""
    if len(names) > 1 and _one_list_is_cheaper(lister, len(names)):
        return _tally_list(lister, with_kite, frozenset(names))
    tally = ClusterTally(KiteTally() if with_kite else None)
    answered_at = lister.clock()
    with ExitStack() as stack, ThreadPoolExecutor(NODE_QUERIES_AT_ONCE) as pool:
        shares = [names[at::NODE_QUERIES_AT_ONCE] for at in range(min(NODE_QUERIES_AT_ONCE, len(names)))]
        connections = [stack.enter_context(lister.connection.another()) for _ in shares]
        for pods in pool.map(_pods_of_nodes, connections, shares, repeat(lister.clock)):
            for pod in pods:
                tally.add(pod)
    return tally, Listed("", answered_at, None)


def _one_list_is_cheaper(lister: Lister, chosen: int) -> bool:
    nodes, pods = lister.first(NODE, NODES).length, lister.first(POD, PODS).length
    if not nodes or pods is None:  # the server does not say
        return False
    return chosen * (QUERY_PODS + pods / nodes) > pods


def _pods_of_nodes(connection: Connection, names: Sequence[str], clock: Clock) -> list[PodFacts]:
    return [pod for name in names for pod in pods_of_node(connection, clock, name)[0]]


def _read_items(kind: Kind[T], answer: Answer, what: str, add: Callable[[T], object]) -> ListHead:
    """One body, to its verified end."""
    buffer = Buffer(answer.read_into)
    if answer.content_type.startswith(PROTOBUF) and kind.from_protobuf is not None:
        listed = ProtobufList(buffer, what)
        from_protobuf = kind.from_protobuf
        for item in listed.items():
            add(from_protobuf(item))
        return _checked_head(listed.head, kind, what)
    if answer.content_type.startswith(JSON):
        in_json = JsonList(buffer, what)
        for each in in_json.items():
            add(kind.from_json(each))
        return _checked_head(in_json.head, kind, what)
    raise ClusterError(
        f"{what}: the answer is {answer.content_type or 'of no stated type'}, not protobuf or JSON",
        hint="is this the address of an API server? a login page or a proxy may have answered",
    )


def _checked_head(head: ListHead, kind: Kind[T], what: str) -> ListHead:
    if head.kind != f"{kind.name}List":
        raise ClusterError(f"{what}: the answer is a {head.kind or 'nameless thing'}, not a {kind.name}List")
    return head
