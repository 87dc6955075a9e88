"""`make bench-cluster`: what a pass costs a real API server, in CPU time of its process, beside what others read.

List, resume and watch, node by node, and a watch that is only held; interleaved, medians, less what the server uses
while nobody asks. Two sizes of cluster give the slope; 150,000 pods are on that line, and that is said. Prints the
tables, writes cluster.json and cluster.md.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests" / "support"))

from clusters import NOWHERE  # noqa: E402 -- the tests' helpers are found only now
from control_plane import ADMIN_TOKEN, ControlPlane, control_plane  # noqa: E402
from crossover import cpu_seconds, fill, idle_share  # noqa: E402
from nodetally.collect import run_pass, warm_cache  # noqa: E402
from nodetally.settings import CACHE_IN_MEMORY, Settings  # noqa: E402

Json = dict[str, Any]
LARGE = 150_000  # pods: the most that Kubernetes supports
SCHEDULES = (1, 5, 15)  # minutes between two passes
HELD_SECONDS = 40.0  # watches that are held: bookmarks come once a minute, so most of one
PAGE = 500  # what kubectl asks for at a time


class Run(NamedTuple):
    """What one way of reading cost once."""

    server_cpu_seconds: float
    wall_seconds: float
    bytes: int
    requests: int


class Way(NamedTuple):
    """A way to read the cluster: `prepare` is not measured, `read` is."""

    prepare: Callable[[], None]
    read: Callable[[], tuple[int, int]]  # bytes, requests


class Bench:
    """A filled cluster, and passes over it."""

    def __init__(self, plane: ControlPlane, folder: Path, names: Sequence[str], changed: int) -> None:
        self.plane = plane
        self.names = names
        self.changed = changed
        self.settings = replace(plane.settings(ADMIN_TOKEN), usage=False, timeout_seconds=300)
        self.cached = replace(self.settings, cache=str(folder / "cache"))
        self._warm = warm_cache(replace(self.settings, cache=CACHE_IN_MEMORY))
        self._stamp = 0

    def ways(self) -> dict[str, Way]:
        nothing, share = (lambda: None), max(1, len(self.names) // 10)
        return {
            "one list (--cache off)": Way(nothing, self.passes(self.settings)),
            "pages of 500 (--page-size)": Way(nothing, self.passes(replace(self.settings, page_size=PAGE))),
            "one list, gzip (--gzip)": Way(nothing, self.passes(replace(self.settings, gzip=True))),
            "resumed, nothing changed": Way(self.keep, self.passes(self.cached)),
            "resumed, 1 % changed": Way(self.keep_and_change, self.passes(self.cached)),
            "warm, nothing changed": Way(self.warm_up, self.warm_pass),
            "warm, 1 % changed": Way(self.change, self.warm_pass),
            "the watch list that warms up": Way(self.cool, self.warm_pass),
            "10 % of the nodes, by queries": Way(
                nothing, self.passes(replace(self.settings, nodes=tuple(self.names[:share])))
            ),
        }

    def passes(self, settings: Settings) -> Callable[[], tuple[int, int]]:
        def read() -> tuple[int, int]:
            return _cost(run_pass(settings, NOWHERE, store=False).outline)

        return read

    def warm_pass(self) -> tuple[int, int]:
        settings = replace(self.settings, cache=CACHE_IN_MEMORY)
        outline = run_pass(settings, NOWHERE, store=False, warm=self._warm).outline
        if outline["source"]["reason"]:
            raise SystemExit(f"not warm: {outline['source']}")
        return _cost(outline)

    def warm_up(self) -> None:
        self.warm_pass()

    def cool(self) -> None:
        self._warm = warm_cache(replace(self.settings, cache=CACHE_IN_MEMORY))

    def keep(self) -> None:
        run_pass(self.cached, NOWHERE, store=False)

    def keep_and_change(self) -> None:
        self.keep()
        self.change()

    def change(self) -> None:
        """Patch so many pods, and let the server's own work for that end."""
        self._stamp += 1
        for number in range(self.changed):
            pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"pod-{number:06d}", "namespace": "default"}}
            self.plane.admin.patch(pod, {"metadata": {"annotations": {"example.com/stamp": str(self._stamp)}}})
        time.sleep(2)

    def held(self) -> float:
        """Processor seconds of the server for a minute of watches that are only held."""
        self.warm_pass()
        assert self._warm is not None
        settings = replace(self.settings, cache=CACHE_IN_MEMORY)
        before, started = cpu_seconds(self.plane.api_server.pid), time.perf_counter()
        self._warm.follow(settings, NOWHERE, HELD_SECONDS)
        return (cpu_seconds(self.plane.api_server.pid) - before) / (time.perf_counter() - started) * 60


def _cost(outline: Mapping[str, Any]) -> tuple[int, int]:
    return int(outline["cost"]["bytes_read"]), int(outline["cost"]["api_requests"])


def measure(pid: int, way: Way, idle: float) -> Run:
    way.prepare()
    before, started = cpu_seconds(pid), time.perf_counter()
    received, requests = way.read()
    wall = time.perf_counter() - started
    return Run(max(0.0, cpu_seconds(pid) - before - idle * wall), wall, received, requests)


def measured(nodes: int, pods_per_node: int, rounds: int) -> Json:
    """One cluster's figures, in a control plane of its own."""
    with filled(nodes, pods_per_node) as (plane, bench):
        version, idle = plane.admin.get("/version")["gitVersion"], idle_share(plane)
        runs: dict[str, list[Run]] = {}
        for round_ in range(rounds + 1):  # the first only warms up
            for what, way in bench.ways().items():
                run = measure(plane.api_server.pid, way, idle)
                if round_:
                    runs.setdefault(what, []).append(run)
        held = bench.held()
    return {
        "nodes": nodes,
        "pods": nodes * pods_per_node,
        "server_version": version,
        "idle_cpu_seconds_a_minute": round(idle * 60, 3),
        "held_cpu_seconds_a_minute": round(held, 3),
        "ways": {what: _row(found) for what, found in runs.items()},
    }


@contextmanager
def filled(nodes: int, pods_per_node: int) -> Iterator[tuple[ControlPlane, Bench]]:
    with tempfile.TemporaryDirectory() as folder, control_plane(Path(folder)) as plane:
        names = fill(plane, nodes, pods_per_node)
        yield plane, Bench(plane, Path(folder), names, max(1, nodes * pods_per_node // 100))


def _row(runs: Sequence[Run]) -> Json:
    cpu = [each.server_cpu_seconds * 1000 for each in runs]
    return {
        "server_cpu_ms": round(statistics.median(cpu), 2),
        "cpu_low_ms": round(min(cpu), 2),
        "cpu_high_ms": round(max(cpu), 2),
        "wall_ms": round(statistics.median(each.wall_seconds for each in runs) * 1000, 1),
        "bytes": round(statistics.median(each.bytes for each in runs)),
        "requests": runs[-1].requests,
    }


def at_large(small: Json, large: Json, figure: str) -> dict[str, float]:
    """Every way's figure at 150,000 pods, on the line through both sizes; never below the larger one's."""
    found = {}
    for what, row in large["ways"].items():
        here, before = row[figure], small["ways"][what][figure]
        slope = max(0.0, here - before) / (large["pods"] - small["pods"])
        found[what] = here + slope * (LARGE - large["pods"])
    return found


def schedules(cpu_ms: Mapping[str, float], held: float) -> Json:
    """Processor seconds an hour, for a pass at each of the schedules; a warm index holds its watch between passes too."""
    hours: Json = {}
    for what, each in cpu_ms.items():
        beside = held * 60 if what.startswith("warm") else 0.0
        hours[what] = {str(minutes): round(60 / minutes * each / 1000 + beside, 1) for minutes in SCHEDULES}
    return hours


def report(found: Json) -> str:
    small, large = found["clusters"]
    lines = [
        "# What a pass costs the API server",
        "",
        f"Written by `make bench-cluster`. A real kube-apiserver {large['server_version']} and etcd on {found['machine']['processors']} processors,",
        "with pods like the simulator's; CPU time of the API server's process alone, less what it uses while nobody asks",
        f"({large['idle_cpu_seconds_a_minute']:.2f} s a minute, here without a kubelet or controller). Medians of {found['rounds']}, interleaved. Metrics are left out:",
        "metrics-server answers for those.",
        "",
        f"| a pass over | {small['pods']:,} pods: server CPU ms (lowest–highest) | {large['pods']:,} pods | MB read | requests | {LARGE:,} pods, on the line |",
        "|---|---|---|---|---|---|",
    ]
    for what, row in large["ways"].items():
        few = small["ways"][what]
        lines.append(
            f"| {what} | {_spread(few)} | {_spread(row)} | {row['bytes'] / 1e6:.2f} | {row['requests']} | {found['cpu_ms_at_150000'][what]:,.0f} |"
        )
    lines += [
        "",
        f"Watches that are only held, and nothing changes: {large['held_cpu_seconds_a_minute']:.3f} s a minute, the idle server's included.",
        "",
        f"## A schedule, at {LARGE:,} pods",
        "",
        "Seconds of server CPU an hour; in brackets the share of one processor. The 150,000 are extrapolated, not measured;",
        "1 % changed is 1,500 pods between two passes, whatever the schedule. A warm index also holds its watches between",
        "passes, which is counted; a held watch is sent each change at once, which is counted once, in the pass.",
        "",
        "| | " + " | ".join(f"every {minutes} min" for minutes in SCHEDULES) + " |",
        "|---|" + "---|" * len(SCHEDULES),
    ]
    for what, hours in found["cpu_seconds_an_hour_at_150000"].items():
        if "nodes" not in what and "warms up" not in what:
            cells = (f"{hours[str(minutes)]:,.1f} ({hours[str(minutes)] / 36:.2f} %)" for minutes in SCHEDULES)
            lines.append(f"| {what} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _spread(row: Json) -> str:
    return f"{row['server_cpu_ms']:,.1f} ({row['cpu_low_ms']:,.1f}–{row['cpu_high_ms']:,.1f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, nargs=2, default=[100, 400])
    parser.add_argument("--pods-per-node", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, default=HERE / "cluster.json")
    given = parser.parse_args()
    small, large = (measured(nodes, given.pods_per_node, given.rounds) for nodes in given.nodes)
    cpu = at_large(small, large, "server_cpu_ms")
    held = max(0.0, large["held_cpu_seconds_a_minute"] - large["idle_cpu_seconds_a_minute"])
    found = {
        "machine": {"system": f"{platform.system()} {platform.machine()}", "processors": os.cpu_count()},
        "rounds": given.rounds,
        "clusters": [small, large],
        "cpu_ms_at_150000": {what: round(each, 1) for what, each in cpu.items()},
        "bytes_at_150000": {what: round(each) for what, each in at_large(small, large, "bytes").items()},
        "cpu_seconds_an_hour_at_150000": schedules(cpu, held),
    }
    given.output.write_text(json.dumps(found, indent=2) + "\n")
    text = report(found)
    given.output.with_suffix(".md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
