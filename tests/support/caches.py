"""Passes through a warm cache for tests: beside each, the streaming list of the same cluster that it must equal."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from clusters import NOWHERE, Json, node, pod, served
from nodetally import snapshot
from nodetally.cache import Warm
from nodetally.collect import run_pass, utc_now
from nodetally.settings import Settings
from nodetally.simulate.behaviour import Behaviour
from nodetally.simulate.cluster import SimulatedCluster
from nodetally.simulate.server import Simulator

QUICK = Behaviour(bookmark_seconds=0.01)  # an idle watch proves its version at once, where a real one takes 1 s
WATCH_LIST = "watch=true&sendInitialEvents=true"
RESUME = "watch=true&resourceVersion="


def a_cluster() -> list[Json]:
    """Three nodes, seven pods: running, waiting, ended, on a node that is not there."""
    return [
        node("a", {"pool": "web"}, cpu="4", memory="8Gi", pods="110"),
        node("b", {"pool": "web"}, cpu="4", memory="8Gi", pods="110"),
        node("c", {"pool": "gpu"}, ready=False, cpu="8", memory="16Gi", pods="110"),
        pod("p1", "a", cpu="100m", memory="1Gi"),
        pod("p2", "a", cpu="100m", memory="1Gi"),
        pod("p3", "b", "team", cpu="1500u"),
        pod("p4", "c", "team", memory="1500M"),
        pod("waiting", None, phase="Pending", cpu="2"),
        pod("ended", "a", phase="Succeeded", cpu="1"),
        pod("lost", "gone", cpu="1"),
    ]


@contextmanager
def cached(
    folder: Path,
    objects: list[Json] | None = None,
    behaviour: Behaviour = QUICK,
    *,
    cluster: SimulatedCluster | None = None,
    cache: str = "memory",
    **options: Any,
) -> Iterator[tuple[Simulator, Settings]]:
    """A served cluster, and settings that read it through a cache, without usage."""
    made = cluster or SimulatedCluster.of(a_cluster() if objects is None else objects)
    with served(made, folder, behaviour, **options) as (server, settings):
        yield server, replace(settings, cache=cache, usage=False, store=str(folder / "store"))


def document(settings: Settings, warm: Warm | None = None, clock: Callable[[], Any] = utc_now) -> dict[str, Any]:
    """One pass's snapshot, not stored."""
    return snapshot.decode(run_pass(settings, NOWHERE, clock=clock, store=False, warm=warm).body)


def same(found: dict[str, Any]) -> dict[str, Any]:
    """All of a snapshot that every way of reading must agree on."""
    return {name: each for name, each in found.items() if name not in ("source", "cost", "taken_at", "slot")}


def checked(settings: Settings, warm: Warm | None = None) -> dict[str, Any]:
    """One pass through the cache, compared with the streaming list at the same version; returns its source."""
    found = document(settings, warm)
    listed = document(replace(settings, cache="off"))
    assert same(found) == same(listed)
    for version in ("pods_resource_version", "nodes_resource_version", "server_version"):
        assert found["source"][version] == listed["source"][version]
    assert found["source"]["consistent"] is True
    source: dict[str, Any] = found["source"]
    return source


def told(source: dict[str, Any]) -> tuple[str, str | None]:
    """Where a pass read from, and why not from the cache."""
    return source["kind"], source["reason"]


def asked(server: Simulator) -> list[str]:
    """What was asked for since the requests were last forgotten, in short and sorted."""
    short = []
    for _, target in server.requests:
        path, _, query = target.partition("?")
        kind = "initial events" if WATCH_LIST in target else "watch" if "watch=true" in target else query
        short.append(f"{path.rpartition('/')[2]} {kind}".strip())
    return sorted(short)


def state_file(folder: Path, cluster: str = "c") -> Path:
    return folder / "state" / cluster / "watch-cache"


def pod_list(count: int, version: str, first: Json) -> str:
    """The beginning of a list of so many pods, as `limit=1` gets it."""
    metadata = {"resourceVersion": version, "continue": "x", "remainingItemCount": count - 1}
    return json.dumps({"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": [first]})
