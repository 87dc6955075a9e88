"""One GET in, its answer out: which path means what, and who may ask. Never touches a socket."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from nodetally.simulate.api import discovery
from nodetally.simulate.api.answers import (
    CONTENT_TYPES,
    Answer,
    Wanted,
    error_answer,
    json_answer,
    list_answer,
    object_answer,
    text,
)
from nodetally.simulate.api.lists import read_page, select
from nodetally.simulate.api.metrics import Meter
from nodetally.simulate.api.negotiation import Headers, negotiate, negotiate_error
from nodetally.simulate.api.query import Query
from nodetally.simulate.api.selection import Selection
from nodetally.simulate.api.tables import table_answer
from nodetally.simulate.api.watches import open_watch
from nodetally.simulate.behaviour import Behaviour
from nodetally.simulate.cluster import RESOURCES, SimulatedCluster
from nodetally.simulate.errors import ApiError, not_found
from nodetally.simulate.objects.item import Item

HEALTH_PATHS = ("/healthz", "/readyz", "/livez")
PUBLIC_PATHS = ("/version", *HEALTH_PATHS)  # anonymous by default (system:public-info-viewer)


@dataclass(frozen=True)
class Request:
    """A GET, taken apart."""

    path: str
    query: Query
    headers: Headers
    address: str
    gone: Callable[[], bool]  # whether the client has left

    @classmethod
    def parse(cls, target: str, headers: Headers, address: str, gone: Callable[[], bool]) -> "Request":
        parts = urlsplit(target)
        return cls(unquote(parts.path), Query.parse(parts.query), headers, address, gone)

    @property
    def segments(self) -> list[str]:
        return self.path.strip("/").split("/")


def target_of(segments: Sequence[str]) -> tuple[str, str, str] | None:
    """Resource, namespace and name of what stands behind a group's version; None if it is no resource.

    >>> target_of(["namespaces", "team-a", "pods"])
    ('pods', 'team-a', '')
    """
    match segments:
        case ["nodes" | "pods" as resource]:
            return resource, "", ""
        case ["nodes", name]:
            return "nodes", "", name
        case ["namespaces", namespace, "pods"]:
            return "pods", namespace, ""
        case ["namespaces", namespace, "pods", name]:
            return "pods", namespace, name
    return None


class Routes:
    """The API of one cluster; with a token, for those only who bear it."""

    def __init__(self, cluster: SimulatedCluster, behaviour: Behaviour, token: str | None = None) -> None:
        self._cluster = cluster
        self._behaviour = behaviour
        self._token = token

    def answer(self, request: Request) -> Answer:
        """What the API says, errors included."""
        try:
            self._authenticate(request)
            return self._found(request)
        except ApiError as error:
            return self.refusal(request, error)

    def refusal(self, request: Request, error: ApiError) -> Answer:
        """An error as this client is told of it."""
        return error_answer(error, negotiate_error(request.headers, protobuf=self._behaviour.protobuf))

    def _authenticate(self, request: Request) -> None:
        is_public = self._token is None or request.path in PUBLIC_PATHS
        if not is_public and request.headers.get("Authorization") != f"Bearer {self._token}":
            raise ApiError(401, "Unauthorized")

    def _found(self, request: Request) -> Answer:
        if request.path in HEALTH_PATHS:
            return text(200, "ok")
        document = self._document(request)
        if document is not None:
            return json_answer(document, negotiate(request.headers, protobuf=False))
        match request.segments:
            case ["api", "v1", *rest] if found := target_of(rest):
                return self._core(request, *found)
            case ["apis", discovery.METRICS_GROUP, version, *rest] if found := target_of(rest):
                if version in self._behaviour.metrics_versions:
                    return self._metrics(request, version, *found)
        return text(404, "404 page not found\n")

    def _document(self, request: Request) -> Mapping[str, object] | None:
        """What is served of every server: its version and what it has."""
        versions = self._behaviour.metrics_versions
        match request.segments:
            case ["version"]:
                return discovery.VERSION
            case ["api"]:
                return discovery.core_versions(request.address)
            case ["api", "v1"]:
                return discovery.core_resources()
            case ["apis"]:
                return discovery.groups(versions)
            case ["apis", discovery.METRICS_GROUP] if versions:
                return discovery.metrics_group(versions)
            case ["apis", discovery.METRICS_GROUP, version] if version in versions:
                return discovery.metrics_resources(version) if self._behaviour.metrics_status == 200 else None
        return None

    def _wanted(self, request: Request, *, tables: bool) -> Wanted:
        return negotiate(request.headers, protobuf=self._behaviour.protobuf, tables=tables)

    def _core(self, request: Request, resource: str, namespace: str, name: str) -> Answer:
        query, is_watch = request.query, request.query.flag("watch")
        wanted = self._wanted(request, tables=not is_watch)
        if name:
            return self._one(resource, namespace, name, wanted)
        selection = Selection.parse(resource, namespace, query.text("fieldSelector"), query.text("labelSelector"))
        if is_watch:
            return self._watch(selection, query, wanted, request.gone)
        return self._list(selection, query, wanted)

    def _one(self, resource: str, namespace: str, name: str, wanted: Wanted) -> Answer:
        item = self._cluster.get(resource, f"{namespace}/{name}" if namespace else name)
        if item is None:
            raise not_found(resource, name)
        if wanted.table:
            return table_answer(resource, {"resourceVersion": str(item.version)}, [item], wanted)
        return object_answer(item, "v1", wanted)

    def _list(self, selection: Selection, query: Query, wanted: Wanted) -> Answer:
        page = read_page(self._cluster, selection, query, self._behaviour.too_large_wait_seconds)
        if wanted.table:
            return table_answer(selection.resource, page.metadata(), page.items, wanted)
        return list_answer(f"{RESOURCES[selection.resource]}List", "v1", page.metadata(), page.items, wanted)

    def _watch(self, selection: Selection, query: Query, wanted: Wanted, gone: Callable[[], bool]) -> Answer:
        watch = open_watch(self._cluster, selection, query, wanted.encoding, self._behaviour)
        content_type = CONTENT_TYPES[wanted.encoding] + (";stream=watch" if wanted.encoding == "protobuf" else "")
        return Answer(200, content_type, watch.events(gone), gzip_members=watch.initial)

    def _metrics(self, request: Request, version: str, resource: str, namespace: str, name: str) -> Answer:
        status = self._behaviour.metrics_status
        if status == 503:
            return text(503, "service unavailable\n")
        if status != 200:
            raise _forbidden(status, resource)
        wanted, measured = self._wanted(request, tables=False), self._measure(resource, namespace, name, request.query)
        kind, api_version = f"{RESOURCES[resource]}Metrics", f"{discovery.METRICS_GROUP}/{version}"
        if not name:
            return list_answer(f"{kind}List", api_version, {}, measured, wanted)
        if not measured:
            raise not_found(resource, name, discovery.METRICS_GROUP)
        return object_answer(measured[0], api_version, wanted)

    def _measure(self, resource: str, namespace: str, name: str, query: Query) -> Sequence[Item]:
        _, view = self._cluster.view(resource)
        meter = Meter(self._cluster.seed, self._behaviour.metrics_missing, int(time.time()))
        measure: Callable[[Iterable[Item]], Iterable[Item]] = meter.nodes if resource == "nodes" else meter.pods
        selection = Selection.parse(resource, namespace, "", query.text("labelSelector"))
        return [item for item in measure(select(view, selection)) if name in ("", item.name)]


def _forbidden(status: int, resource: str) -> ApiError:
    """The Status of an authorizer that says no."""
    message = f'{resource}.{discovery.METRICS_GROUP} is forbidden: User "simulated" cannot list resource "{resource}"'
    return ApiError(status, message, details={"group": discovery.METRICS_GROUP, "kind": resource})
