"""`make bench-parts`: what each part of a pass costs by itself, in this process: CPU time, the fastest of some runs.

For choosing between two ways of doing one thing; benchmarks/tried.md says what was chosen by it. Prints a table.
"""

import argparse
import gzip
import http.client
import tempfile
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from nodetally.accounting.nodes import ClusterTally
from nodetally.assemble import assemble
from nodetally.cluster import k8s_pb2
from nodetally.cluster.connection import connected
from nodetally.cluster.decode import pod_from_protobuf
from nodetally.cluster.listing import observe
from nodetally.cluster.wire import Buffer, ProtobufList
from nodetally.settings import Settings, Surroundings
from nodetally.simulate.cluster import SimulatedCluster
from nodetally.simulate.server import serving

RUNS = 7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pods", type=int, default=10_000)
    parser.add_argument("--nodes", type=int, default=5_000)
    chosen = parser.parse_args()
    print(f"| part | us a pod, {chosen.pods:,} pods |\n|---|---|")
    for what, act in of_a_pod(chosen.pods):
        print(f"| {what} | {1e6 * fastest(act) / chosen.pods:.1f} |")
    print(f"\n| part | ms, {chosen.nodes:,} nodes |\n|---|---|")
    for what, seconds in of_a_document(chosen.nodes):
        print(f"| {what} | {1e3 * seconds:.0f} |")


def fastest(act: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    def once() -> float:
        before = clock()
        act()
        return clock() - before

    return min(once() for _ in range(RUNS))


def drop(each: Iterable[object]) -> None:
    """Ask for each and hold none, as a pass does."""
    deque(each, 0)


def of_a_pod(pods: int) -> Iterator[tuple[str, Callable[[], object]]]:
    """From the list's bytes to tallies, step by step; then all of it."""
    body = listed(pods)
    bodies = list(items(body))
    facts = [pod_from_protobuf(each) for each in bodies]

    def tally() -> None:
        found = ClusterTally()
        for each in facts:
            found.add(each)

    def whole() -> None:
        found = ClusterTally()
        for each in items(body):
            found.add(pod_from_protobuf(each))

    yield "cut the list into items", lambda: drop(items(body))
    yield "protobuf's own decoding", lambda: drop(map(k8s_pb2.Pod.FromString, bodies))
    yield "that, and to facts", lambda: drop(map(pod_from_protobuf, bodies))
    yield "add to tallies", tally
    yield "all of it", whole


def of_a_document(nodes: int) -> Iterator[tuple[str, float]]:
    """From an observation to the encoded snapshot, by the clock on the wall, for packing has a thread of its own."""
    walls, body = [], b""
    for _ in range(RUNS):
        with (
            serving(SimulatedCluster(nodes=nodes, pods=nodes, seed=1)) as server,
            tempfile.TemporaryDirectory() as name,
        ):
            settings = Settings(cluster="c", kubeconfig=str(server.write_kubeconfig(Path(name, "kubeconfig"))))
            with connected(settings, Surroundings.read({})) as connection:
                seen = observe(connection, settings, lambda: datetime.now(UTC))
        before = time.perf_counter()
        body = assemble(seen, settings, datetime.now(UTC), lambda: 0.0).body
        walls.append(time.perf_counter() - before)
    yield "observation to snapshot", min(walls)
    plain = gzip.decompress(body)
    for level in (3, 6, 9):
        packed = zlib.compress(plain, level)
        yield f"gzip level {level}: {len(packed) // 1024} KB", fastest(lambda level=level: zlib.compress(plain, level))  # type: ignore[misc]


def listed(pods: int) -> bytes:
    """A list of pods in protobuf, as the API server sends it."""
    with serving(SimulatedCluster(nodes=max(1, pods // 30), pods=pods, seed=1)) as server:
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc)
        connection.request("GET", "/api/v1/pods", headers={"Accept": "application/vnd.kubernetes.protobuf"})
        body = connection.getresponse().read()
        connection.close()
        return body


def items(body: bytes) -> Iterator[bytes]:
    view, at = memoryview(body), 0

    def read_into(into: memoryview) -> int:
        nonlocal at
        count = min(len(into), len(view) - at)
        into[:count] = view[at : at + count]
        at += count
        return count

    return ProtobufList(Buffer(read_into), "list of pods").items()


if __name__ == "__main__":
    main()
