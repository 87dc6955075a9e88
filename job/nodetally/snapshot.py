"""The snapshot: one document about all nodes at one time, its JSON Schema, and its bytes. Schema 1.

The TypedDicts below are the format: the published schema is generated from them (`python -m nodetally.snapshot`).
A field may be added within a schema number, as `NotRequired[…]`: what is stored already lacks it, and is whole.
Nothing is renamed or removed. Numbers are integers: cpu in millicores, memory, ephemeral-storage and hugepages-* in
bytes, every other resource a count. Unknown is null, never 0.
"""

import gzip
import json
import sys
import types
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired, TypedDict, Union, get_args, get_origin, get_type_hints

import orjson

from nodetally.errors import StoreError

SCHEMA = 1
SCHEMA_FILE = Path(__file__).with_name("snapshot.schema.json")
LIMIT_BYTES = 256 << 20  # 5,000 nodes, as many as Kubernetes promises to hold, are 3.3 MB: more is a gzip bomb
GZIP_MAGIC = b"\x1f\x8b"  # RFC 1952, 2.3.1
GZIP_LEVEL = 6  # 5,000 nodes: 3.3 MB → 0.2 MB in 60 ms; level 9 takes twice that for 2 % less

Time = Annotated[str, "pattern:^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"]
Count = Annotated[int, "minimum:0"]


class Source(TypedDict):
    """Where the numbers come from; `consistent` is false where the source could not promise one point in time.

    `reason`: why the warm cache that was asked for could not be used, and the lists were read instead; of a backfill,
    what its numbers mean where they mean something else, and where they come from.
    """

    kind: Literal["list", "watch", "resume", "dump", "prometheus", "velero"]
    server_version: str | None
    pods_resource_version: str | None
    nodes_resource_version: str | None
    consistent: bool
    reason: str | None


class CostDocument(TypedDict):
    """What the pass asked of the cluster and of its machine."""

    api_requests: Count
    bytes_read: Count
    pods_read: Count
    seconds: float
    max_rss_bytes: Count


class UsageDocument(TypedDict):
    """Whether usage is known, and why not. `missing_nodes` is empty when no node has usage for one common reason."""

    status: Literal["ok", "partial", "absent", "forbidden", "stale", "off"]
    reason: str | None
    oldest: Time | None
    missing_nodes: list[str]


class Taint(TypedDict):
    """A node's taint."""

    key: str
    value: str
    effect: str


class PodCounts(TypedDict):
    """Pods by what they count as: `counted` holds requests, pending and terminating are part of it, terminal is not.

    Null, in here and below: a history that a backfill read does not tell it.
    """

    counted: Count
    pending: Count
    terminating: Count | None
    terminal: Count


class NodePods(PodCounts):
    """A node's pods, and how many the kubelet takes (null: unknown)."""

    allocatable: int | None


class Resource(TypedDict):
    """One resource of a node or of a sum of nodes.

    requests and limits as `kubectl describe node` totals them, scheduled as the scheduler counts requests, containers
    the plain sum over app containers, usage as metrics.k8s.io measured it.
    """

    capacity: int | None
    allocatable: int | None
    requests: int | None
    limits: int | None
    scheduled: int | None
    containers: int | None
    usage: int | None


class Asked(TypedDict):
    """What pods ask for where there is no capacity to hold it against."""

    requests: int | None
    limits: int | None


class AskedOfNode(Asked):
    """What pods ask of a node that is not listed."""

    scheduled: int | None
    containers: int | None


class Node(TypedDict):
    """One node. `schedulable` is ready and not cordoned; `conditions` are the abnormal ones besides Ready."""

    name: str
    uid: str | None
    created_at: str | None
    ready: bool
    schedulable: bool
    cordoned: bool
    conditions: list[str]
    taints: list[Taint]
    roles: list[str]
    pool: str | None
    capacity_type: str | None
    instance_type: str | None
    region: str | None
    zone: str | None
    architecture: str | None
    os_image: str | None
    kubelet_version: str | None
    labels: dict[str, str]
    pods: NodePods
    resources: dict[str, Resource]


class NodeCounts(TypedDict):
    """Nodes by state."""

    count: Count
    ready: Count
    schedulable: Count


class Totals(TypedDict):
    """Sums over the nodes' own rows, so that anyone can check them; a figure unknown for one node is null."""

    nodes: NodeCounts
    pods: NodePods
    resources: dict[str, Resource]


class CountedPods(TypedDict):
    """How many pods count."""

    counted: Count


class Namespace(TypedDict):
    """A namespace's pods that are bound to a node and count."""

    name: str
    pods: CountedPods
    resources: dict[str, Asked]


class Unscheduled(TypedDict):
    """Pods without a node that have not ended."""

    pods: CountedPods
    resources: dict[str, Asked]


class UnknownNode(TypedDict):
    """Pods bound to a node that is not listed: never dropped."""

    name: str
    pods: PodCounts
    resources: dict[str, AskedOfNode]


class Snapshot(TypedDict):
    """The whole document."""

    schema: Literal[1]
    cluster: str
    taken_at: Time
    slot: Time
    trigger: Literal["schedule", "manual", "backfill"]
    source: Source
    cost: CostDocument
    usage: UsageDocument
    totals: Totals
    schedulable_totals: Totals
    nodes: list[Node]
    namespaces: list[Namespace]
    unscheduled: Unscheduled
    unknown_nodes: list[UnknownNode]


def encode_line(document: Mapping[str, Any]) -> bytes:
    """The document as one line of UTF-8 JSON."""
    return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)


def compress(line: bytes) -> bytes:
    """The line as the store keeps it; the same line gives the same bytes."""
    return gzip.compress(line, GZIP_LEVEL, mtime=0)


def encode(document: Mapping[str, Any]) -> bytes:
    """The document as the store keeps it."""
    return compress(encode_line(document))


def unpack(body: bytes) -> bytes:
    """What a gzip body of any number of members holds. StoreError if it is cut off or a bomb, zlib.error for noise."""
    parts: list[bytes] = []
    left = LIMIT_BYTES
    while body or not parts:
        member = zlib.decompressobj(wbits=31)
        parts.append(member.decompress(body, left + 1))
        left -= len(parts[-1])
        if left < 0:
            raise StoreError(f"not a snapshot: it unpacks to more than {LIMIT_BYTES >> 20} MiB")
        if not member.eof:
            raise StoreError("not a snapshot: the gzip body is cut off")
        body = member.unused_data
    return b"".join(parts)


def decode(body: bytes) -> dict[str, Any]:
    """Read a stored snapshot. Raises StoreError when it is not one, or of a newer schema than this program knows."""
    try:
        line = unpack(body)
    except zlib.error as error:
        raise StoreError(f"not a snapshot: {error}") from error
    return parse(line)


def parse(line: bytes) -> dict[str, Any]:
    """Read a snapshot's JSON, as decode does."""
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise StoreError(f"not a snapshot: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("schema"), int):
        raise StoreError("not a snapshot: no schema number")
    if document["schema"] > SCHEMA:
        raise StoreError(
            f"the snapshot has schema {document['schema']}, this nodetally reads up to {SCHEMA}",
            hint="install a newer nodetally",
        )
    return document


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a snapshot, from the types above. Fields may be added, so others are allowed."""
    definitions: dict[str, Any] = {}
    root = _schema_of(Snapshot, definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://nodetally.dev/snapshot-1.schema.json",
        "title": "nodetally snapshot, schema 1",
        "$ref": root["$ref"],
        "$defs": dict(sorted(definitions.items())),
    }


_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}


def _schema_of(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    origin, arguments = get_origin(kind), get_args(kind)
    if kind in _PLAIN:
        return {"type": _PLAIN[kind]}
    if origin is NotRequired:
        return _schema_of(arguments[0], definitions)
    if origin is Annotated:
        name, _, value = arguments[1].partition(":")
        return {**_schema_of(arguments[0], definitions), name: int(value) if value.isdecimal() else value}
    if origin is Literal:
        return {"enum": list(arguments)} if len(arguments) > 1 else {"const": arguments[0]}
    if origin in (Union, types.UnionType):
        return _nullable([_schema_of(each, definitions) for each in arguments])
    if origin is list:
        return {"type": "array", "items": _schema_of(arguments[0], definitions)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema_of(arguments[1], definitions)}
    if kind.__name__ not in definitions:
        definitions[kind.__name__] = {}
        definitions[kind.__name__] = _object_schema(kind, definitions)
    return {"$ref": f"#/$defs/{kind.__name__}"}


def _nullable(options: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """`X | None`: every union of the format is one."""
    plain, null = options
    if null != {"type": "null"} or "type" not in plain:
        raise TypeError("the format has only nullable plain types")
    return {**plain, "type": [plain["type"], "null"]}


def _object_schema(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    hints = get_type_hints(kind, include_extras=True)
    return {
        "type": "object",
        "description": " ".join((kind.__doc__ or "").split()),
        "properties": {name: _schema_of(hint, definitions) for name, hint in hints.items()},
        "required": [name for name in hints if name in kind.__required_keys__],
    }


def main() -> None:
    """Write the schema file that the package ships."""
    SCHEMA_FILE.write_text(json.dumps(json_schema(), indent=2) + "\n")
    sys.stdout.write(f"{SCHEMA_FILE}\n")


if __name__ == "__main__":
    main()
