"""Passes whose cost is counted: a simulated cluster, what was asked of it, and what a pass over it came to."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from caches import QUICK, asked
from clusters import NOWHERE, served
from counted import Calls, Counts, counted
from nodetally.cache import Warm
from nodetally.collect import run_pass
from nodetally.settings import Settings
from nodetally.simulate.cluster import SimulatedCluster
from nodetally.simulate.server import Simulator
from simulate_client import PROTOBUF, get

PODS, NODES, CHANGED = 2000, 30, 20
LISTS = ("/version", "/api/v1/pods", "/api/v1/nodes", "/apis/metrics.k8s.io/v1beta1/nodes")


class Cost(NamedTuple):
    """What one pass came to."""

    counts: Counts
    snapshot: Mapping[str, Any]
    asked: list[str]  # of the API server, in short and sorted

    def calls(self, name: str) -> int:
        """How often a function was called: "cluster/decode.py:pod_from_protobuf"."""
        return self.counts.calls[name]

    @property
    def own_calls(self) -> int:
        return own(self.counts.calls)


def own(calls: Counter[str]) -> int:
    """Calls of our functions, but for those that the network's chunks and the simulator's threads decide."""
    by_chance = ("simulate/", "cluster/connection.py", "cluster/wire.py:Buffer.fill", "cluster/wire.py:Buffer.need")
    return sum(times for name, times in calls.items() if not name.startswith(by_chance))


class Ground(NamedTuple):
    """A served cluster, and a folder for what passes make."""

    server: Simulator
    kubeconfig: str
    folder: Path
    served_bytes: int  # the bodies of the answers that a cold pass reads, before anything changes

    def run(self, *arguments: str, what: str = "calls") -> Cost:
        """`nodetally run` in a process of its own, into a store of this folder."""
        self.server.forget_requests()
        where = ["--kubeconfig", self.kubeconfig, "--cluster", "c", "--store", str(self.folder / "store")]
        counts = counted(what, ["run", *where, "--format", "json", *arguments], self.folder)
        return Cost(counts, json.loads(counts.output), asked(self.server))

    def warm(self, changed: int = 0) -> Cost:
        """A pass over an index that the pass before has filled, in this process, after so many pods changed."""
        settings = Settings(cluster="c", kubeconfig=self.kubeconfig, cache="memory", usage=False)
        warm = Warm(settings)
        run_pass(settings, NOWHERE, store=False, warm=warm)
        self.server.cluster.change_pods(changed)
        self.server.forget_requests()
        calls = Calls()
        calls.start()
        done = run_pass(settings, NOWHERE, store=False, warm=warm)
        found = calls.stop()
        return Cost(Counts(frozenset(), frozenset(), found, 0, b""), done.outline, asked(self.server))

    def nodes(self, count: int) -> list[str]:
        """The names of so many nodes."""
        return sorted(item.name for item in self.server.cluster.view("nodes")[1].after())[:count]


@contextmanager
def ground(folder: Path, pods: int = PODS, nodes: int = NODES) -> Iterator[Ground]:
    """The same cluster on every machine."""
    folder.mkdir(exist_ok=True)
    with served(SimulatedCluster(nodes=nodes, pods=pods, seed=1), folder, QUICK) as (server, settings):
        sizes = [len(get(server, path, f"{PROTOBUF}, application/json").body) for path in LISTS]
        yield Ground(server, str(settings.kubeconfig), folder, sum(sizes))
