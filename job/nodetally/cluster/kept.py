"""A warm cache as bytes, to be kept between runs, and back. Never a wrong one: every byte is under a checksum.

    nodetally cache 1\n | SHA-256 of the rest | zlib of:
    u32 length of head, of pods, of keys | head: JSON | keys by lines | marks, 8 bytes each | nodes, u32 | shares, u32

It holds names of pods, so it is private, and numbers of this version's accounting, so no other version reads it.
"""

import hashlib
import json
import sys
import zlib
from array import array
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from nodetally import __version__
from nodetally.accounting.facts import Amounts, NodeFacts, Taint
from nodetally.accounting.index import PodIndex, Share
from nodetally.accounting.pods import amounts_of
from nodetally.cluster.access import Access
from nodetally.cluster.decode import shared_amounts
from nodetally.cluster.watching import NodeIndex, WatchCache
from nodetally.cluster.wire import refuse_half_characters
from nodetally.errors import ClusterError
from nodetally.settings import Settings

MAGIC = b"nodetally cache 1\n"
MARK_BYTES = 8
LEVEL = 1  # 150,000 pods: 4 MB in 0.1 s; level 6 takes four times that for 10 % less
MAX_BYTES = 256 * 1024 * 1024  # unpacked: some 3 million pods
CLOCK_SKEW = timedelta(minutes=1)  # between the machines of two runs

Shape = Any  # a type; [each]; {key: value, all of them}; (one, or another, ...); or a question to the value


def _count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _version(value: Any) -> bool:
    return type(value) is int and 0 < value < 1 << 64


def _labels(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(each, str) for each in value.values())


HEAD: Shape = {
    "owner": dict.fromkeys(("program", "cluster", "server", "labels"), str),
    "written_at": int,
    "pods_version": _version,
    "nodes_version": _version,
    "names": [str],
    "shares": [list],
    "nodes": [list],
    "amounts": [[list]],
}
OPTIONAL_TEXT: Shape = (str, type(None))
SHARE: Sequence[Shape] = (str, str, bool, _count, _count, _count, _count, int, int)  # as _share_to_json writes it
NODE: Sequence[Shape] = (
    *(str, str, OPTIONAL_TEXT, (bool, type(None)), bool, [str], [list], _labels, _count, _count),
    *(OPTIONAL_TEXT, OPTIONAL_TEXT, OPTIONAL_TEXT),
)
TAINT: Sequence[Shape] = (str, str, str)
AMOUNT: Sequence[Shape] = (str, int)


class UnusableError(ClusterError):
    """What was kept cannot be gone on from; the message says why."""


class Owner(NamedTuple):
    """Whose cache it is and what shaped it; it is used only where all of this is the same."""

    program: str
    cluster: str
    server: str  # digest of the API server's address and authority
    labels: str  # digest of which node labels are kept


class Columns(NamedTuple):
    """The pods, column by column."""

    keys: list[bytes]
    marks: bytes
    nodes: "array[int]"  # which of the names, u32
    shares: "array[int]"  # u32


def owner_of(settings: Settings, access: Access) -> Owner:
    """Tells clusters apart as far as can be told without another request or right."""
    labels = [sorted(settings.labels), repr(settings.label_rules)]
    return Owner(__version__, settings.cluster, _digest([access.server, access.ca]), _digest(labels))


def encode(cache: WatchCache, owner: Owner, now: datetime) -> bytes:
    """All that is held, at the versions at which it is right."""
    amounts: dict[Amounts, int] = {}
    pods = cache.pods.index.pods
    names: dict[str, int] = {}
    shares: dict[Share, int] = {}
    nodes = array("I", (names.setdefault(held.place.name, len(names)) for held in pods.values()))
    used = array("I", (shares.setdefault(held.share, len(shares)) for held in pods.values()))
    head = {
        "owner": owner._asdict(),
        "written_at": int(now.timestamp()),
        "pods_version": cache.pods.version,
        "nodes_version": cache.nodes.version,
        "names": list(names),
        "shares": [_share_to_json(each, amounts) for each in shares],
        "nodes": [_node_to_json(each, amounts) for each in cache.nodes.index.nodes.values()],
        "amounts": list(amounts),  # last: the lines before have filled it
    }
    columns = Columns(list(pods), b"".join(held.mark for held in pods.values()), nodes, used)
    payload = zlib.compress(_join(json.dumps(head, separators=(",", ":")).encode(), columns), LEVEL)
    return MAGIC + hashlib.sha256(payload).digest() + payload


def decode(body: bytes, owner: Owner, now: datetime, ttl: timedelta, cache: WatchCache) -> None:
    """Fill an empty cache with what `encode` wrote. Raises UnusableError; then the cache is empty still."""
    at = len(MAGIC) + hashlib.sha256().digest_size
    payload = body[at:]
    if not body.startswith(MAGIC) or hashlib.sha256(payload).digest() != body[len(MAGIC) : at]:
        raise UnusableError("the kept cache is damaged, or of another format")
    try:
        head, columns = _split(_unpack(payload))
        _check(head, owner, now, ttl)
        amounts = [shared_amounts(tuple((*_row(each, AMOUNT),) for each in rows)) for rows in head["amounts"]]
        nodes, pods = NodeIndex(cache.wants), PodIndex()
        for each in head["nodes"]:
            nodes.put(_node_from_json(each, amounts))
        _fill(pods, head, columns, amounts)
    except (ValueError, IndexError, RecursionError, zlib.error) as error:
        raise UnusableError(f"the kept cache cannot be read: {error}") from error
    cache.pods.index, cache.pods.version = pods, head["pods_version"]
    cache.nodes.index, cache.nodes.version = nodes, head["nodes_version"]


def _unpack(payload: bytes) -> bytes:
    unpacking = zlib.decompressobj()
    plain = unpacking.decompress(payload, MAX_BYTES)
    if not unpacking.eof:
        raise ValueError(f"it is cut off, or larger than {MAX_BYTES} bytes")
    return plain


def _fits(value: Any, shape: Shape) -> bool:
    if isinstance(shape, type):
        return type(value) is shape
    if isinstance(shape, list):
        return isinstance(value, list) and all(_fits(each, shape[0]) for each in value)
    if isinstance(shape, dict):
        return isinstance(value, dict) and all(_fits(value.get(name), each) for name, each in shape.items())
    if isinstance(shape, tuple):
        return any(_fits(value, each) for each in shape)
    return bool(shape(value))


def _row(values: list[Any], shapes: Sequence[Shape]) -> list[Any]:
    if not all(_fits(value, shape) for value, shape in zip(values, shapes, strict=True)):
        raise ValueError(f"a row of other things than expected: {values!r:.80}")
    return values


def _check(head: Mapping[str, Any], owner: Owner, now: datetime, ttl: timedelta) -> None:
    kept = Owner(**head["owner"])
    if kept.program != owner.program:
        raise UnusableError(f"the kept cache is of nodetally {kept.program}")
    if kept.cluster != owner.cluster or kept.server != owner.server:
        raise UnusableError(f"the kept cache is of another cluster ({kept.cluster!r}, or another address or authority)")
    if kept.labels != owner.labels:
        raise UnusableError("the kept cache was made for other node labels")
    age = now.timestamp() - head["written_at"]
    if age > ttl.total_seconds():
        raise UnusableError(f"the kept cache is {age:.0f} s old, more than {ttl.total_seconds():.0f} s")
    if age < -CLOCK_SKEW.total_seconds():
        raise UnusableError(f"the kept cache is {-age:.0f} s ahead of this clock")


def _fill(pods: PodIndex, head: Mapping[str, Any], columns: Columns, amounts: list[Amounts]) -> None:
    names = [sys.intern(name) for name in head["names"]]
    shares = [_share_from_json(pods, each, amounts) for each in head["shares"]]
    at = 0
    for key, node, share in zip(columns.keys, columns.nodes, columns.shares, strict=True):
        pods.hold(key, columns.marks[at : at + MARK_BYTES], names[node], shares[share])
        at += MARK_BYTES


def _join(head: bytes, columns: Columns) -> bytes:
    keys = b"\n".join(columns.keys)
    count = len(columns.keys)
    if keys.count(b"\n") != max(0, count - 1):
        raise UnusableError("a pod's name holds a line break")
    sizes = array("I", (len(head), count, len(keys)))
    first, nodes, shares = (_little(each).tobytes() for each in (sizes, columns.nodes, columns.shares))
    return b"".join((first, head, keys, columns.marks, nodes, shares))


def _split(plain: bytes) -> tuple[Mapping[str, Any], Columns]:
    sizes = _unsigned(plain[:12])
    ends = [12]
    for size in (sizes[0], sizes[2], sizes[1] * MARK_BYTES, sizes[1] * 4, sizes[1] * 4):
        ends.append(ends[-1] + size)
    if ends[-1] != len(plain):
        raise ValueError("its parts are not as long as they should be")
    head, keys, marks, nodes, shares = (plain[a:b] for a, b in pairwise(ends))
    return _read_head(head), Columns(keys.split(b"\n") if keys else [], marks, _unsigned(nodes), _unsigned(shares))


def _read_head(raw: bytes) -> Mapping[str, Any]:
    head = json.loads(raw.decode())
    if b"\\u" in raw:
        refuse_half_characters(head, "the kept cache")
    if not _fits(head, HEAD):
        raise ValueError("its head is not what it should be")
    return head  # type: ignore[no-any-return]  # HEAD says what it is


def _little(values: "array[int]") -> "array[int]":
    """Little-endian, whatever machine this is."""
    if sys.byteorder == "big":
        values = array("I", values)
        values.byteswap()
    return values


def _unsigned(raw: bytes) -> "array[int]":
    values = array("I")
    values.frombytes(raw)
    return _little(values)


def _share_to_json(share: Share, table: dict[Amounts, int]) -> list[Any]:
    amounts = share.amounts
    return [
        share.namespace,
        share.phase,
        share.terminating,
        *(
            table.setdefault(each, len(table))
            for each in (amounts.requests, amounts.limits, amounts.containers, amounts.scheduled)
        ),
        amounts.kite_cpu_millicores,
        amounts.kite_memory_bytes,
    ]


def _share_from_json(pods: PodIndex, values: list[Any], table: list[Amounts]) -> Share:
    namespace, phase, terminating, *numbers = _row(values, SHARE)
    requests, limits, containers, scheduled = (table[at] for at in numbers[:4])
    amounts = amounts_of(requests, limits, containers, scheduled, *numbers[4:])
    return pods.share(sys.intern(namespace), sys.intern(phase), terminating, amounts)


def _node_to_json(node: NodeFacts, table: dict[Amounts, int]) -> list[Any]:
    fields: dict[str, Any] = node._asdict()
    for each in ("capacity", "allocatable"):
        fields[each] = table.setdefault(fields[each], len(table))
    return list(fields.values())


def _node_from_json(values: list[Any], table: list[Amounts]) -> NodeFacts:
    fields: dict[str, Any] = NodeFacts(*_row(values, NODE))._asdict()
    fields["conditions"] = tuple(fields["conditions"])
    fields["taints"] = tuple(Taint(*_row(each, TAINT)) for each in fields["taints"])
    for each in ("capacity", "allocatable"):
        fields[each] = table[fields[each]]
    return NodeFacts(**fields)


def _digest(values: list[Any]) -> str:
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()
