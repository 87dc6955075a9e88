"""The rollups' columns: names, types, what they say, and where in a snapshot each stands. Pure; knows no Parquet.

Units are in the names. Unknown is null, never 0. `cluster` and `date` are in the key, so they are in no file.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, Literal, NamedTuple

from nodetally.errors import StoreError
from nodetally.store.layout import moment_of

Document = Mapping[str, Any]
Kind = Literal["timestamp", "string", "boolean", "bigint", "strings", "labels", "taints", "resources", "asked"]
FIGURES = ("capacity", "allocatable", "requests", "limits", "scheduled", "containers", "usage")
ASKED = ("requests", "limits")
UNITS = {"cpu": "millicores", "memory": "bytes", "ephemeral-storage": "bytes"}
APART = (*UNITS, "pods")  # resources with columns of their own; all others are in a map
NOTHING: Document = {}


class Column(NamedTuple):
    """A column: its name, its type, what it says, and how it is read from a row's part of the document."""

    name: str
    kind: Kind
    says: str
    read: Callable[[Any], Any]


class Table(NamedTuple):
    """One kind of rollup. `shared` columns are read from the whole document, the others from each of its rows."""

    kind: str
    says: str
    rows: Callable[[Document], Sequence[Any]]
    shared: tuple[Column, ...]
    own: tuple[Column, ...]
    sorted_by: tuple[str, ...]  # within a row group; row groups follow each other by slot

    @property
    def columns(self) -> tuple[Column, ...]:
        """All of them, in the order of the file."""
        return (*self.shared, *self.own)


@lru_cache(maxsize=1 << 16)  # every node's created_at comes again at every slot
def _milliseconds(text: str | None) -> int | None:
    """A time of a document since 1970; None for what is none, as it is for unknown."""
    try:
        return None if text is None else int(moment_of(text).timestamp()) * 1000
    except StoreError:
        return None


def _field(*path: str) -> Callable[[Any], Any]:
    if len(path) == 1:
        return itemgetter(*path)  # twice as fast, and most columns are read by it

    def read(holder: Any) -> Any:
        for name in path:
            holder = holder[name]
        return holder

    return read


def _figure(*path: str) -> Callable[[Any], Any]:
    """A figure of a resource; null also where the row has no such resource."""
    *where, resource, figure = path
    inside = _field(*where)
    return lambda holder: inside(holder).get(resource, NOTHING).get(figure)


def _told(place: Document, document: Document) -> Document:
    """A place without capacity, with the resources that it does not list: those that none of its pods asks for.

    A Prometheus that had no series of limits lists none, either, so there limits stay unknown.
    """
    none = {"requests": 0, "limits": None if document["source"]["kind"] == "prometheus" else 0}
    return {**place, "resources": dict.fromkeys(UNITS, none) | place["resources"]}


def _others(*path: str) -> Callable[[Any], Any]:
    """All resources without columns of their own, sorted by name."""
    inside = _field(*path)
    return lambda holder: [(name, value) for name, value in sorted(inside(holder).items()) if name not in APART]


def name_of(resource: str, figure: str) -> str:
    """The column of a resource that has columns of its own (UNITS).

    >>> name_of("ephemeral-storage", "requests")
    'ephemeral_storage_requests_bytes'
    """
    return f"{resource.replace('-', '_')}_{figure}_{UNITS[resource]}"


def _figure_columns(figures: Sequence[str], prefix: str, of: str, *path: str) -> tuple[Column, ...]:
    return tuple(
        Column(f"{prefix}{name_of(name, figure)}", "bigint", f"{of}{name} {figure}", _figure(*path, name, figure))
        for name in UNITS
        for figure in figures
    )


_PODS = {
    "counted": "pods that count; pending and terminating ones are among them",
    "pending": "of those, pending",
    "terminating": "of those, terminating",
    "terminal": "pods that succeeded or failed; they do not count",
    "allocatable": "how many pods the kubelets take",
}


def _pod_columns(prefix: str, of: str, *path: str) -> tuple[Column, ...]:
    return tuple(
        Column(f"{prefix}pods_{name}", "bigint", of + says, _field(*path, "pods", name)) for name, says in _PODS.items()
    )


SHARED = (
    Column("slot", "timestamp", "the time that the snapshot answers for, UTC", lambda of: _milliseconds(of["slot"])),
    Column(
        "slot_unix_seconds",
        "bigint",
        "the same in seconds since 1970: to count with, which each engine writes differently for times",
        lambda of: int(moment_of(of["slot"]).timestamp()),
    ),
    Column("taken_at", "timestamp", "when the pods were listed, UTC", lambda of: _milliseconds(of["taken_at"])),
    Column("trigger", "string", "schedule, manual or backfill", _field("trigger")),
    Column(
        "source",
        "string",
        "list, watch, resume, dump, prometheus or velero: where it was read",
        _field("source", "kind"),
    ),
    Column("consistent", "boolean", "whether the source promised one point in time", _field("source", "consistent")),
)
_USAGE = Column(
    "usage_status",
    "string",
    "ok, partial, absent, forbidden, stale or off: why usage is null",
    _field("usage", "status"),
)
_TEXTS = {
    "pool": "node pool, group or provisioner, by label",
    "capacity_type": "on-demand, spot or such, by label",
    "instance_type": "by label",
    "region": "by label",
    "zone": "by label",
    "architecture": "amd64, arm64, …",
    "os_image": "as the node says",
    "kubelet_version": "as the node says",
}
NODES = Table(
    "nodes",
    "one row a node and slot",
    _field("nodes"),
    (*SHARED, _USAGE),
    (
        Column("node", "string", "the node's name", _field("name")),
        Column("uid", "string", "tells nodes of one name apart", _field("uid")),
        Column("created_at", "timestamp", "when the node came, UTC", lambda node: _milliseconds(node["created_at"])),
        Column("ready", "boolean", "condition Ready is True", _field("ready")),
        Column("schedulable", "boolean", "ready and not cordoned", _field("schedulable")),
        Column("cordoned", "boolean", "spec.unschedulable", _field("cordoned")),
        Column("conditions", "strings", "the abnormal ones besides Ready", _field("conditions")),
        Column("taints", "taints", "key, value and effect of each", _field("taints")),
        Column("roles", "strings", "by label", _field("roles")),
        *(Column(name, "string", says, _field(name)) for name, says in _TEXTS.items()),
        Column("labels", "labels", "those that the job was asked for", lambda node: sorted(node["labels"].items())),
        *_pod_columns("", ""),
        Column("pods_capacity", "bigint", "status.capacity of pods", _figure("resources", "pods", "capacity")),
        *_figure_columns(FIGURES, "", "", "resources"),
        Column(
            "resources", "resources", "all other resources by name, each with the seven figures", _others("resources")
        ),
    ),
    ("node", "slot"),
)
_NODE_COUNTS = {"count": "nodes", "ready": "nodes that are ready", "schedulable": "nodes ready and not cordoned"}


def _totals_columns(prefix: str, of: str, place: str) -> tuple[Column, ...]:
    return (
        *(
            Column(f"{prefix}nodes_{name}", "bigint", of + says, _field(place, "nodes", name))
            for name, says in _NODE_COUNTS.items()
        ),
        *_pod_columns(prefix, of, place),
        *_figure_columns(FIGURES, prefix, of, place, "resources"),
        Column(f"{prefix}resources", "resources", f"{of}all other resources by name", _others(place, "resources")),
    )


CLUSTERS = Table(
    "clusters",
    "one row a slot: the sums over all nodes, and over those that are ready and not cordoned",
    lambda document: [{**document, "unscheduled": _told(document["unscheduled"], document)}],
    (*SHARED, _USAGE),
    (
        Column(
            "usage_missing_nodes",
            "bigint",
            "how many nodes have no usage while others have",
            lambda of: len(of["usage"]["missing_nodes"]),
        ),
        *_totals_columns("", "", "totals"),
        *_totals_columns("schedulable_", "of nodes ready and not cordoned: ", "schedulable_totals"),
        Column("unscheduled_pods", "bigint", "pods without a node", _field("unscheduled", "pods", "counted")),
        *_figure_columns(ASKED, "unscheduled_", "of pods without a node: ", "unscheduled", "resources"),
        Column(
            "unscheduled_resources",
            "asked",
            "of pods without a node: all other resources by name",
            _others("unscheduled", "resources"),
        ),
        Column(
            "unknown_nodes",
            "bigint",
            "names that pods are bound to, but no node has",
            lambda of: len(of["unknown_nodes"]),
        ),
        Column(
            "unknown_nodes_pods",
            "bigint",
            "pods bound to those",
            lambda of: sum(each["pods"]["counted"] for each in of["unknown_nodes"]),
        ),
    ),
    ("slot",),
)
NAMESPACES = Table(
    "namespaces",
    "one row a namespace and slot, over its pods that are bound to a node; usage by namespace is not known",
    lambda document: [_told(each, document) for each in document["namespaces"]],
    SHARED,
    (
        Column("namespace", "string", "its name", _field("name")),
        Column("pods_counted", "bigint", "pods that count", _field("pods", "counted")),
        *_figure_columns(ASKED, "", "", "resources"),
        Column("resources", "asked", "all other resources by name, with requests and limits", _others("resources")),
    ),
    ("namespace", "slot"),
)
TABLES = (NODES, CLUSTERS, NAMESPACES)
