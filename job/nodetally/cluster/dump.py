"""Files made by `kubectl get nodes,pods -A -o json`, read as they stream, gzip, zstd or plain, into a list's facts."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from nodetally.accounting.facts import NodeFacts, PodFacts
from nodetally.accounting.kite import KiteTally
from nodetally.accounting.nodes import ClusterTally
from nodetally.cluster.decode import node_from_json, pod_from_json
from nodetally.cluster.observation import Cost, Observation, UsageReading
from nodetally.cluster.wire import Buffer, Gunzip, JsonList, ReadInto
from nodetally.errors import ClusterError, WrongUse
from nodetally.snapshot import GZIP_MAGIC

ZSTD_CHUNK_BYTES = 4096  # what it unpacks to is held at once: at most 8 MB of JSON that says the same over and over
MADE_WITH = "make one with: kubectl get nodes,pods -A -o json > dump.json"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"  # RFC 8878, 3.1.1
NO_USAGE = UsageReading("absent", "a dump holds no measurements")

Json = Mapping[str, Any]
AddPod = Callable[[PodFacts, Json], None]
AddNode = Callable[[NodeFacts, Json], None]
Read = Callable[[AddPod, AddNode, Cost], set[str]]
"""Hands every node and pod on; returns the kinds that there are, or would be."""


def observe_dumps(paths: Sequence[str], taken_at: datetime | None, *, keep_nodes: bool = False) -> Observation:
    """Everything in the files together, as one cluster. Raises ClusterError on anything broken, missing or twice."""
    reads = [partial(read_dump, path) for path in paths]
    try:
        written_at = taken_at or _written_at(paths)
    except OSError as error:
        raise _unreadable(error.filename, error) from error
    return observe_reads("dump", reads, ", ".join(paths), written_at, keep_nodes=keep_nodes)


def observe_reads(
    kind: str, reads: Iterable[Read], what: str, taken_at: datetime, *, keep_nodes: bool = False, hint: str = MADE_WITH
) -> Observation:
    """All that these hand on, as one cluster. Raises ClusterError on anything broken, missing or twice."""
    tally = ClusterTally(KiteTally() if keep_nodes else None)
    nodes: list[tuple[NodeFacts, Json]] = []
    seen: set[tuple[str, ...]] = set()
    cost = Cost()

    def add_pod(pod: PodFacts, item: Json) -> None:
        del item
        _once(seen, ("pod", pod.namespace, pod.name))
        tally.add(pod)

    def add_node(node: NodeFacts, item: Json) -> None:
        _once(seen, ("node", node.name))
        nodes.append((node, item if keep_nodes else {}))

    kinds = {found for read in reads for found in read(add_pod, add_node, cost)}
    for wanted, plural in (("Node", "nodes"), ("Pod", "pods")):
        if wanted not in kinds:
            raise ClusterError(f"no {plural} in {what}: half a cluster is not counted", hint=hint)
    return Observation(
        kind=kind,
        taken_at=taken_at,
        nodes=sorted((node for node, _ in nodes), key=lambda node: node.name.encode()),
        tally=tally,
        usage=NO_USAGE,
        cost=cost,
        pods_read=tally.pods,
        consistent=False,
        raw_nodes=nodes if keep_nodes else None,
    )


def read_dump(path: str, add_pod: AddPod, add_node: AddNode, cost: Cost) -> set[str]:
    """Hand every node and pod of one file on; see read_list."""
    with _opened(path) as read_into:
        return read_list(read_into, path, add_pod, add_node, cost)


def read_list(read_into: ReadInto, path: str, add_pod: AddPod, add_node: AddNode, cost: Cost) -> set[str]:
    """Hand every node and pod of one file on; returns the kinds that it holds, or says it lists (an empty PodList).

    A mixed List without pods says nothing of pods: kubectl writes just that when it may not list them.
    """
    kinds = set()
    buffer = Buffer(read_into)
    listed = JsonList(buffer, path)
    for item in listed.items():
        kind = item.get("kind") or listed.head.kind.removesuffix("List")
        if kind in ("Pod", "Node"):  # the names of other kinds may be as many as there are items
            kinds.add(kind)
        if kind == "Pod":
            add_pod(pod_from_json(item), item)
        elif kind == "Node":
            add_node(node_from_json(item), item)
        elif not kind or not isinstance(kind, str):
            raise ClusterError(f"{path}: an item that does not say what kind it is", hint=MADE_WITH)
    cost.bytes_read += buffer.taken
    head = listed.head
    if head.continue_token:
        raise ClusterError(f"{path}: only the first part of a list (it has a continue token)", hint=MADE_WITH)
    if head.kind not in ("List", "PodList", "NodeList", "Pod", "Node"):
        raise ClusterError(
            f"{path}: a {head.kind or 'document without kind'}, not a list of nodes or pods", hint=MADE_WITH
        )
    return kinds | {head.kind.removesuffix("List")}


@contextmanager
def _opened(path: str) -> Iterator[ReadInto]:
    """The file's plain bytes; gzip is known by its first bytes, not by its name; "-" is standard input."""
    try:
        with sys.stdin.buffer if path == "-" else Path(path).open("rb") as file:
            yield plain(file, path)
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: str, error: OSError) -> WrongUse:
    return WrongUse(f"{path} cannot be read: {error.strerror or error}", hint=MADE_WITH)


class Bytes(Protocol):
    """What is read of an open file, of a bucket's object, too."""

    def read(self, size: int, /) -> bytes: ...


def plain(file: Bytes, path: str) -> ReadInto:
    """The plain bytes of a file: gzip and zstd are known by their first bytes, not by a name."""
    start = file.read(len(ZSTD_MAGIC))

    def read_into(view: memoryview) -> int:
        nonlocal start
        chunk, start = start[: len(view)] or file.read(len(view)), start[len(view) :]
        view[: len(chunk)] = chunk
        return len(chunk)

    if start == ZSTD_MAGIC:
        return _unzstd(read_into, path)
    return Gunzip(read_into, path).read_into if start.startswith(GZIP_MAGIC) else read_into


def _unzstd(read_into: ReadInto, path: str) -> ReadInto:
    """Over zstd of any number of frames; a body that is cut inside one is an error."""
    try:
        import zstandard  # an extra: the job reads no file at all
    except ImportError as error:
        raise WrongUse(
            f"{path} is packed with zstd", hint="install it: pip install 'nodetally[zstd]', or unpack it: zstd -d"
        ) from error
    frame, chunk = zstandard.ZstdDecompressor().decompressobj(), memoryview(bytearray(ZSTD_CHUNK_BYTES))
    left, inside = b"", True

    def unpacked(view: memoryview) -> int:
        nonlocal frame, left, inside
        while not left:
            packed = bytes(chunk[: read_into(chunk)])
            if not packed and inside:
                raise ClusterError(f"{path}: the zstd body is cut off")
            if not packed:
                return 0
            parts = []
            while packed:
                try:
                    parts.append(frame.decompress(packed))
                except zstandard.ZstdError as error:
                    raise ClusterError(f"{path}: broken zstd: {error}") from error
                inside, packed = not frame.eof, frame.unused_data if frame.eof else b""
                if frame.eof:
                    frame = zstandard.ZstdDecompressor().decompressobj()
            left = b"".join(parts)
        count = min(len(view), len(left))
        view[:count], left = left[:count], left[count:]
        return count

    return unpacked


def _once(seen: set[tuple[str, ...]], key: tuple[str, ...]) -> None:
    if key in seen:
        raise ClusterError(f"{key[0]} {'/'.join(key[1:])} is in the dump twice", hint="give files of one cluster, once")
    seen.add(key)


def _written_at(paths: Sequence[str]) -> datetime:
    """When the newest file was written: the best that is known of when its pods were listed."""
    times = [Path(path).stat().st_mtime for path in paths if path != "-"]
    return datetime.fromtimestamp(max(times), UTC) if times else datetime.now(UTC)
