"""One GET in, its answer out: which path means what. Never touches a socket."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from nodetally.simulate.api import discovery
from nodetally.simulate.api.answers import CONTENT_TYPES, Answer, Wanted, json_answer, list_answer, object_answer, text
from nodetally.simulate.api.lists import TOO_LARGE_WAIT_SECONDS, Query, read_page, select
from nodetally.simulate.api.metrics import Meter, MetricsSettings
from nodetally.simulate.api.negotiation import Headers, negotiate
from nodetally.simulate.api.selection import Selection
from nodetally.simulate.api.tables import table_answer
from nodetally.simulate.api.watches import WatchSettings, open_watch
from nodetally.simulate.cluster import RESOURCES, SimulatedCluster
from nodetally.simulate.errors import ApiError, not_found
from nodetally.simulate.objects.item import Item

PUBLIC_PATHS = ("/version", "/healthz", "/readyz", "/livez")  # anonymous by default (system:public-info-viewer)


@dataclass(frozen=True)
class Settings:
    """How this server differs from others."""

    protobuf: bool = True  # False: a server or proxy that only speaks JSON
    gzip: bool = True
    watch: WatchSettings = field(default_factory=WatchSettings)
    metrics: MetricsSettings = field(default_factory=MetricsSettings)
    too_large_wait_seconds: float = TOO_LARGE_WAIT_SECONDS
    pace_bytes_per_second: float | None = None  # None: as fast as it goes


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
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        return cls(unquote(parts.path), query, headers, address, gone)

    @property
    def is_watch(self) -> bool:
        return self.query.get("watch", "").lower() in ("1", "t", "true")


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
    """The API of one cluster."""

    def __init__(self, cluster: SimulatedCluster, settings: Settings) -> None:
        self.cluster = cluster
        self.settings = settings

    def answer(self, request: Request) -> Answer:
        """ApiError where the answer is a Status."""
        if request.path in ("/healthz", "/readyz", "/livez"):
            return text(200, "ok")
        document = self._document(request)
        if document is not None:
            return json_answer(document, negotiate(request.headers, protobuf=False))
        match request.path.strip("/").split("/"):
            case ["api", "v1", *rest] if found := target_of(rest):
                return self._core(request, *found)
            case ["apis", discovery.METRICS_GROUP, version, *rest] if found := target_of(rest):
                return self._metrics(request, version, *found)
        return self._unknown()

    def _unknown(self) -> Answer:
        return text(404, "404 page not found\n")

    def _document(self, request: Request) -> Mapping[str, object] | None:
        """What is served of every server: its version and what it has."""
        versions = self.settings.metrics.versions
        match request.path.strip("/").split("/"):
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
            case ["apis", discovery.METRICS_GROUP, version] if version in versions and self._metrics_answer():
                return discovery.metrics_resources(version)
        return None

    def _core(self, request: Request, resource: str, namespace: str, name: str) -> Answer:
        wanted = self._wanted(request, tables=not request.is_watch)
        if name:
            return self._one(resource, namespace, name, wanted)
        query = request.query
        fields, labels = query.get("fieldSelector", ""), query.get("labelSelector", "")
        selection = Selection.parse(resource, namespace, fields, labels)
        if request.is_watch:
            return self._watch(selection, query, wanted, request.gone)
        return self._list(selection, query, wanted)

    def _wanted(self, request: Request, *, tables: bool) -> Wanted:
        return negotiate(request.headers, protobuf=self.settings.protobuf, tables=tables)

    def _one(self, resource: str, namespace: str, name: str, wanted: Wanted) -> Answer:
        item = self.cluster.get(resource, f"{namespace}/{name}" if namespace else name)
        if item is None:
            raise not_found(resource, name)
        if wanted.table:
            return table_answer(resource, {"resourceVersion": str(item.version)}, [item], wanted)
        return object_answer(item, "v1", wanted)

    def _list(self, selection: Selection, query: Query, wanted: Wanted) -> Answer:
        page = read_page(self.cluster, selection, query, self.settings.too_large_wait_seconds)
        metadata: dict[str, object] = {"resourceVersion": str(page.version)}
        if page.continue_token:
            metadata["continue"] = page.continue_token
            metadata |= {} if page.remaining is None else {"remainingItemCount": page.remaining}
        if wanted.table:
            return table_answer(selection.resource, metadata, page.items, wanted)
        return list_answer(f"{RESOURCES[selection.resource]}List", "v1", metadata, page.items, wanted)

    def _watch(self, selection: Selection, query: Query, wanted: Wanted, gone: Callable[[], bool]) -> Answer:
        watch = open_watch(self.cluster, selection, query, wanted.encoding, self.settings.watch)
        content_type = CONTENT_TYPES[wanted.encoding] + (";stream=watch" if wanted.encoding == "protobuf" else "")
        return Answer(200, content_type, watch.events(gone), gzip_members=watch.initial)

    def _metrics_answer(self) -> bool:
        return self.settings.metrics.status == 200

    def _metrics(self, request: Request, version: str, resource: str, namespace: str, name: str) -> Answer:
        settings = self.settings.metrics
        if version not in settings.versions:
            return self._unknown()
        if settings.status == 503:
            return text(503, "service unavailable\n")
        if not self._metrics_answer():
            raise _refused(settings.status, resource)
        wanted, measured = self._wanted(request, tables=False), self._measure(resource, namespace, name, request.query)
        kind, api_version = f"{RESOURCES[resource]}Metrics", f"{discovery.METRICS_GROUP}/{version}"
        if not name:
            return list_answer(f"{kind}List", api_version, {}, measured, wanted)
        if not measured:
            raise not_found(resource, name, discovery.METRICS_GROUP)
        return object_answer(measured[0], api_version, wanted)

    def _measure(self, resource: str, namespace: str, name: str, query: Query) -> Sequence[Item]:
        _, view = self.cluster.view(resource)
        meter = Meter(self.cluster.seed, self.settings.metrics, int(time.time()))
        measure: Callable[[Iterable[Item]], Iterable[Item]] = meter.nodes if resource == "nodes" else meter.pods
        selection = Selection.parse(resource, namespace, "", query.get("labelSelector", ""))
        return [item for item in measure(select(view, selection)) if name in ("", item.name)]


def _refused(status: int, resource: str) -> ApiError:
    """The Status of an authorizer that says no."""
    message = f'{resource}.{discovery.METRICS_GROUP} is forbidden: User "simulated" cannot list resource "{resource}"'
    return ApiError(status, message, details={"group": discovery.METRICS_GROUP, "kind": resource})
