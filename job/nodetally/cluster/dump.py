"""Files made by `kubectl get nodes,pods -A -o json`, read as they stream, gzip or not, into the facts of a list."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from nodetally.accounting.facts import NodeFacts, PodFacts
from nodetally.accounting.kite import KiteTally
from nodetally.accounting.nodes import ClusterTally
from nodetally.cluster.connection import Cost
from nodetally.cluster.decode import node_from_json, pod_from_json
from nodetally.cluster.observation import Observation, UsageReading
from nodetally.cluster.wire import Buffer, Gunzip, JsonList, ReadInto
from nodetally.errors import ClusterError, WrongUse

MADE_WITH = "make one with: kubectl get nodes,pods -A -o json > dump.json"
GZIP_MAGIC = b"\x1f\x8b"
NO_USAGE = UsageReading("absent", "a dump holds no measurements")

Json = Mapping[str, Any]


def observe_dumps(paths: Sequence[str], taken_at: datetime | None, *, keep_nodes: bool = False) -> Observation:
    """Everything in the files together, as one cluster. Raises ClusterError on anything broken, missing or twice."""
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

    kinds = {kind for path in paths for kind in read_dump(path, add_pod, add_node, cost)}
    for kind, plural in (("Node", "nodes"), ("Pod", "pods")):
        if kind not in kinds:
            raise ClusterError(f"no {plural} in {', '.join(paths)}: half a cluster is not counted", hint=MADE_WITH)
    return Observation(
        kind="dump",
        taken_at=taken_at or _written_at(paths),
        nodes=sorted((node for node, _ in nodes), key=lambda node: node.name.encode()),
        tally=tally,
        usage=NO_USAGE,
        cost=cost,
        pods_read=tally.pods,
        consistent=False,
        raw_nodes=nodes if keep_nodes else None,
    )


def read_dump(
    path: str, add_pod: Callable[[PodFacts, Json], None], add_node: Callable[[NodeFacts, Json], None], cost: Cost
) -> set[str]:
    """Hand every node and pod of one file on; returns the kinds that it holds, or says it lists (an empty PodList).

    A mixed List without pods says nothing of pods: kubectl writes just that when it may not list them.
    """
    kinds = set()
    with _opened(path) as read_into:
        buffer = Buffer(read_into)
        listed = JsonList(buffer, path)
        for item in listed.items():
            kind = str(item.get("kind") or listed.head.kind.removesuffix("List"))
            kinds.add(kind)
            if kind == "Pod":
                add_pod(pod_from_json(item), item)
            elif kind == "Node":
                add_node(node_from_json(item), item)
            elif not kind:
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
            yield _plain(file, path)
    except OSError as error:
        raise WrongUse(f"{path} cannot be read: {error.strerror or error}", hint=MADE_WITH) from error


def _plain(file: BinaryIO, path: str) -> ReadInto:
    start = file.read(len(GZIP_MAGIC))

    def read_into(view: memoryview) -> int:
        nonlocal start
        if start:
            count, start, rest = len(start[: len(view)]), start[len(view) :], start
            view[:count] = rest[:count]
            return count
        return file.readinto(view)  # type: ignore[attr-defined, no-any-return]

    return Gunzip(read_into, path).read_into if start == GZIP_MAGIC else read_into


def _once(seen: set[tuple[str, ...]], key: tuple[str, ...]) -> None:
    if key in seen:
        raise ClusterError(f"{key[0]} {'/'.join(key[1:])} is in the dump twice", hint="give files of one cluster, once")
    seen.add(key)


def _written_at(paths: Sequence[str]) -> datetime:
    """When the newest file was written: the best that is known of when its pods were listed."""
    times = [Path(path).stat().st_mtime for path in paths if path != "-"]
    return datetime.fromtimestamp(max(times), UTC) if times else datetime.now(UTC)
