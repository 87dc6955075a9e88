"""`make bench-crossover`: one streaming list of all pods against queries by node, on a real API server.

Measures what k of N nodes' pods cost the server in CPU time, and everybody in bytes and wall time, read as
`--node` and `--selector` read them: limit=500, two at a time. Rounds are interleaved; figures are medians.
Prints a table, states the share of nodes at which both ways cost the server the same, writes crossover.json.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests" / "support"))

from clusters import NOWHERE  # noqa: E402 -- the tests' helpers are found only now
from control_plane import ADMIN_TOKEN, ControlPlane, control_plane  # noqa: E402
from nodetally.accounting.nodes import ClusterTally  # noqa: E402
from nodetally.cluster.connection import Connection, connected  # noqa: E402
from nodetally.cluster.listing import NODE_QUERIES_AT_ONCE, POD, PODS, Lister, pods_of_node  # noqa: E402
from nodetally.collect import utc_now  # noqa: E402
from nodetally.simulate.cluster import SimulatedCluster  # noqa: E402
from nodetally.simulate.objects.item import document  # noqa: E402

Json = dict[str, Any]
SHARES = (1, 2, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)  # percent of the nodes
IDLE_SECONDS = 5.0
SETTLE_SECONDS = 10.0  # after the writes: caches filled, garbage collected


class Run(NamedTuple):
    """What one way of reading cost once."""

    server_cpu_seconds: float
    wall_seconds: float
    bytes: int
    pods: int


class Row(NamedTuple):
    """Medians of one way's runs."""

    what: str
    nodes: int
    server_cpu_ms: float
    cpu_low_ms: float
    cpu_high_ms: float
    wall_ms: float
    bytes: int
    pods: int


def cpu_seconds(pid: int) -> float:
    """CPU time of another process, all its threads, in nanoseconds where /proc/PID/stat counts hundredths.

    The clock of a process is named by its id: see clock_getcpuclockid(3) and the kernel's posix-timers.h.
    """
    return time.clock_gettime((~pid << 3) | 2)


def fill(plane: ControlPlane, nodes: int, pods: int) -> list[str]:
    """The simulator's fleet, created in a real server, which adds its own managedFields; gives the nodes' names."""
    cluster = SimulatedCluster(nodes=nodes, pods=nodes, seed=7)
    _, node_view = cluster.view("nodes")
    _, pod_view = cluster.view("pods")
    names = [item.name for item in node_view.after()]
    for name in names:
        plane.admin.create(
            {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}}}
        )
    patterns = [document(item) for item in pod_view.after() if item.phase == "Running"]
    wanted = [_pod(patterns[at % len(patterns)], at, names[at % nodes]) for at in range(nodes * pods)]
    plane.admin.put_all(wanted)
    return names


def _pod(pattern: Json, number: int, node: str) -> Json:
    """A new pod like another one, without what only controllers and admission could have made."""
    metadata = {key: pattern["metadata"].get(key, {}) for key in ("labels", "annotations")}
    spec = {**pattern["spec"], "nodeName": node}
    for key in ("priority", "priorityClassName", "preemptionPolicy", "runtimeClassName", "overhead"):
        spec.pop(key, None)
    metadata |= {"name": f"pod-{number:06d}", "namespace": "default"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": pattern["status"]}


def one_list(connection: Connection) -> int:
    tally = ClusterTally()
    Lister(connection, utc_now, None).read(POD, PODS, {}, tally.add)
    return tally.pods


def by_node(connection: Connection, names: Sequence[str]) -> int:
    """As listing.py reads a selection: its connections, its limit."""
    with ExitStack() as stack:
        count = min(NODE_QUERIES_AT_ONCE, len(names))
        connections = [stack.enter_context(connection.another()) for _ in range(count)]

        def share(at: int) -> int:
            return sum(len(pods_of_node(connections[at], utc_now, name)[0]) for name in names[at::count])

        with ThreadPoolExecutor(count) as pool:
            return sum(pool.map(share, range(count)))


def measure(plane: ControlPlane, read: Callable[[Connection], int], repeats: int, idle: float) -> Run:
    """Means over some repeats in a row, so that a short read bears its share of the server's garbage collection."""
    pid, seen, received = plane.api_server.pid, 0, 0
    before, started = cpu_seconds(pid), time.perf_counter()
    for _ in range(repeats):
        with connected(plane.settings(ADMIN_TOKEN), NOWHERE) as connection:
            seen += read(connection)
            received += connection.cost.bytes_read
    wall = time.perf_counter() - started
    used = cpu_seconds(pid) - before - idle * wall
    return Run(used / repeats, wall / repeats, received // repeats, seen // repeats)


def idle_share(plane: ControlPlane) -> float:
    """What the server uses of a processor while nobody asks."""
    time.sleep(SETTLE_SECONDS)
    before = cpu_seconds(plane.api_server.pid)
    time.sleep(IDLE_SECONDS)
    return (cpu_seconds(plane.api_server.pid) - before) / IDLE_SECONDS


def compare(plane: ControlPlane, names: Sequence[str], rounds: int, idle: float) -> list[Row]:
    """Every way in turn, again and again; the first round only warms up."""
    runs: dict[int, list[Run]] = {share: [] for share in (0, *SHARES)}
    for round_ in range(rounds + 1):
        for share in runs:
            chosen = spread(names, count_of(share, names), round_)
            read = one_list if share == 0 else lambda connection, chosen=chosen: by_node(connection, chosen)
            run = measure(plane, read, 3 if share == 0 else max(1, min(10, 100 // share)), idle)
            if round_:
                runs[share].append(run)
    return [_row(share, count_of(share, names), found) for share, found in runs.items()]


def spread(names: Sequence[str], count: int, offset: int) -> list[str]:
    """So many names, evenly over all; others in every round."""
    return [names[(at * len(names) // count + offset) % len(names)] for at in range(count)]


def count_of(share: int, names: Sequence[str]) -> int:
    return max(1, len(names) * share // 100) if share else len(names)


def _row(share: int, nodes: int, runs: Sequence[Run]) -> Row:
    cpu = [each.server_cpu_seconds * 1000 for each in runs]
    return Row(
        f"{share} % by node" if share else "one list",
        nodes,
        round(statistics.median(cpu), 2),
        round(min(cpu), 2),
        round(max(cpu), 2),
        round(statistics.median(each.wall_seconds for each in runs) * 1000, 2),
        round(statistics.median(each.bytes for each in runs)),
        round(statistics.median(each.pods for each in runs)),
    )


def crossing(rows: Sequence[Row], figure: str) -> float | None:
    """The share of nodes, 0 to 1, at which queries by node cost what the list does; None: more than all nodes."""
    whole, *steps = rows
    limit: float = getattr(whole, figure)
    before = (0.0, 0.0)
    for row in steps:
        here: tuple[float, float] = (row.nodes / whole.nodes, getattr(row, figure))
        if here[1] >= limit:
            return round(before[0] + (here[0] - before[0]) * (limit - before[1]) / (here[1] - before[1]), 3)
        before = here
    return None


def query_pods(rows: Sequence[Row]) -> float:
    """What a query by node costs the server besides its pods, in pods of the one list: listing.QUERY_PODS."""
    whole, every = rows[0], rows[-1]
    a_pod = whole.server_cpu_ms / whole.pods
    return round((every.server_cpu_ms - whole.server_cpu_ms) / every.nodes / a_pod, 1)


def said(share: float | None) -> str:
    return "at no share: even all nodes cost less" if share is None else f"at {share:.0%} of the nodes"


def measured(nodes: int, pods_per_node: int, rounds: int) -> Json:
    """One cluster's table, in a control plane of its own."""
    with tempfile.TemporaryDirectory() as folder, control_plane(Path(folder)) as plane:
        names = fill(plane, nodes, pods_per_node)
        version = plane.admin.get("/version")["gitVersion"]
        idle = idle_share(plane)
        rows = compare(plane, names, rounds, idle)
    whole = rows[0]
    return {
        "nodes": nodes,
        "pods": whole.pods,
        "bytes_a_pod": whole.bytes // whole.pods,
        "server_version": version,
        "idle_cpu_share": round(idle, 4),
        "query_pods": query_pods(rows),
        "crossover_share": {"server_cpu": crossing(rows, "server_cpu_ms"), "wall": crossing(rows, "wall_ms")},
        "rows": [each._asdict() for each in rows],
    }


def show(found: Json) -> None:
    size, shares = f"{found['bytes_a_pod'] / 1000:.1f} KB", found["crossover_share"]
    print(f"{found['pods']} pods of {size} on {found['nodes']} nodes")
    print(f"{'':>14} {'nodes':>6} {'server CPU ms':>14} {'(low–high)':>16} {'wall ms':>9} {'MB':>7}")
    for row in (Row(**each) for each in found["rows"]):
        low_high = f"({row.cpu_low_ms:.1f}–{row.cpu_high_ms:.1f})"
        figures = f"{row.server_cpu_ms:>14.1f} {low_high:>16} {row.wall_ms:>9.1f} {row.bytes / 1e6:>7.2f}"
        print(f"{row.what:>14} {row.nodes:>6} {figures}")
    print(f"Queries by node cost the server as much CPU as the one list {said(shares['server_cpu'])};")
    print(
        f"and as much time {said(shares['wall'])}; a query costs as much as {found['query_pods']} pods.\n", flush=True
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=100)
    parser.add_argument("--pods-per-node", type=int, nargs="+", default=[10, 30, 100])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--output", type=Path, default=HERE / "crossover.json")
    given = parser.parse_args()
    clusters = []
    for pods_per_node in given.pods_per_node:
        clusters.append(measured(given.nodes, pods_per_node, given.rounds))
        show(clusters[-1])
    machine = {"system": f"{platform.system()} {platform.machine()}", "processors": os.cpu_count()}
    content = {"machine": machine, "rounds": given.rounds, "clusters": clusters}
    given.output.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
