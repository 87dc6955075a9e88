"""Observation in, encoded snapshot out: every field of the document is put in its place here.

Nodes are turned into JSON one by one, into the compressor, and forgotten: at no time are there 5,000 of them as objects
of Python, which would be most of a pass's memory. The compressor works beside, where there is a second processor.
"""

import resource
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, Self

import orjson

from nodetally import snapshot
from nodetally.accounting import labels
from nodetally.accounting.facts import NodeFacts, Usage
from nodetally.accounting.nodes import POD_SLOTS, ResourceSums, Tally, node_resources, place_resources
from nodetally.accounting.quantity import QuantityError
from nodetally.cluster.observation import Observation, UsageReading
from nodetally.errors import ObjectUnreadable
from nodetally.settings import Settings
from nodetally.times import cut_down, format_time

EMPTY = Tally()
PACK_BYTES = 256 * 1024  # 2 ms to pack
# For threads to take turns: with the usual 5 ms packing falls behind, and a warm pass takes a sixth longer.
SWITCH_SECONDS = 0.002


class Assembled(NamedTuple):
    """A finished snapshot."""

    outline: dict[str, Any]  # the document without its nodes and namespaces: what the store's indexes need
    body: bytes  # the document as it is stored


def assemble(observation: Observation, settings: Settings, start: datetime, seconds: Callable[[], float]) -> Assembled:
    """The snapshot of an observation, which is used up by it: its nodes and tallies are dropped on the way.

    Raises ObjectUnreadable when a sum leaves the 64 bits that Kubernetes counts in.
    """
    outline: dict[str, Any] = {
        "schema": snapshot.SCHEMA,
        "cluster": settings.cluster,
        "taken_at": format_time(observation.taken_at),
        "slot": format_time(cut_down(settings.at or start, settings.slot_every_seconds)),
        "trigger": settings.trigger,
        "source": _source(observation),
        "usage": _usage(observation.usage),
    }
    with Packer() as packer:
        packer.add(orjson.dumps(outline)[:-1] + b',"nodes":[')
        rest = _pack_rest(observation, settings, packer, seconds)
        return Assembled({**outline, **rest}, packer.finish())


def _pack_rest(
    observation: Observation, settings: Settings, packer: "Packer", seconds: Callable[[], float]
) -> dict[str, Any]:
    """Everything behind the outline; returns what is neither node nor namespace."""
    schedulable, others = Totals(), Totals()
    try:
        for at, node in enumerate(_used_up(observation, settings)):
            (schedulable if node["schedulable"] else others).add(node)
            packer.add((b"," if at else b"") + orjson.dumps(node))
        namespaces = [_namespace(*each) for each in sorted(observation.tally.namespaces.items())]
        rest: dict[str, Any] = {
            "totals": schedulable.plus(others).result(),
            "schedulable_totals": schedulable.result(),
            "unscheduled": _unscheduled(observation.tally.unscheduled),
            "unknown_nodes": [_unknown_node(*each) for each in sorted(observation.tally.nodes.items())],
            "cost": _cost(observation, seconds()),
        }
    except QuantityError as error:
        hint = "nothing was published; look for a pod with an absurd request"
        raise ObjectUnreadable(str(error), hint=hint) from error
    end = orjson.dumps({"namespaces": namespaces, **rest}, option=orjson.OPT_APPEND_NEWLINE)
    packer.add(b"]," + end[1:])
    return rest


class Packer:
    """gzip in a thread: zlib lets the interpreter go on meanwhile."""

    def __init__(self) -> None:
        self._zlib = zlib.compressobj(snapshot.GZIP_LEVEL, zlib.DEFLATED, 31)
        self._waiting = bytearray()
        self._packed: list[Future[bytes]] = []
        self._thread = ThreadPoolExecutor(1, "gzip")

    def __enter__(self) -> Self:
        self._before = sys.getswitchinterval()
        sys.setswitchinterval(min(self._before, SWITCH_SECONDS))
        return self

    def __exit__(self, *_: object) -> None:
        sys.setswitchinterval(self._before)
        self._thread.shutdown(cancel_futures=True)

    def add(self, part: bytes) -> None:
        self._waiting += part
        if len(self._waiting) >= PACK_BYTES:
            self._pack()

    def finish(self) -> bytes:
        self._pack()
        self._packed.append(self._thread.submit(self._zlib.flush))
        return b"".join(each.result() for each in self._packed)

    def _pack(self) -> None:
        self._packed.append(self._thread.submit(self._zlib.compress, bytes(self._waiting)))
        self._waiting.clear()


class Totals:
    """Sums over nodes' own rows, so that anyone can check them."""

    def __init__(self) -> None:
        self.nodes = {"count": 0, "ready": 0, "schedulable": 0}
        self.pods: dict[str, int | None] = dict.fromkeys(snapshot.NodePods.__annotations__, 0)
        self.resources = ResourceSums()

    def add(self, node: snapshot.Node) -> None:
        self.nodes["count"] += 1
        self.nodes["ready"] += node["ready"]
        self.nodes["schedulable"] += node["schedulable"]
        self._add_pods(node["pods"])  # type: ignore[arg-type]  # its values are counts and null
        self.resources.add(node["resources"])  # type: ignore[arg-type]  # Resource's keys are FIGURES

    def plus(self, other: "Totals") -> "Totals":
        """The sums over both's nodes, so that a node that counts in two totals is added up once."""
        both = Totals()
        for each in (self, other):
            for name, count in each.nodes.items():
                both.nodes[name] += count
            both._add_pods(each.pods)
            both.resources.add(each.resources.sums())
        return both

    def result(self) -> snapshot.Totals:
        return {"nodes": self.nodes, "pods": self.pods, "resources": self.resources.result()}  # type: ignore[typeddict-item]  # keys from the types

    def _add_pods(self, counts: Mapping[str, int | None]) -> None:
        for name, count in counts.items():
            total = self.pods[name]
            self.pods[name] = None if total is None or count is None else total + count


def _used_up(observation: Observation, settings: Settings) -> Iterator[snapshot.Node]:
    """The nodes' rows in order; each node and its tally is let go as its row is made."""
    told: dict[int, Told] = {}  # by the identity of labels, which Told holds: nodes of one pool and zone share them
    observation.nodes.reverse()
    while observation.nodes:
        node = observation.nodes.pop()
        tally = observation.tally.nodes.pop(node.name, EMPTY)
        by_labels = told.get(id(node.labels))
        if by_labels is None:
            by_labels = told[id(node.labels)] = _told(node.labels, settings)
        yield _node(node, tally, observation.usage.nodes.get(node.name), by_labels)


def _cost(observation: Observation, seconds: float) -> snapshot.CostDocument:
    return {
        "api_requests": observation.cost.api_requests,
        "bytes_read": observation.cost.bytes_read,
        "pods_read": observation.pods_read,
        "seconds": round(seconds, 3),
        "max_rss_bytes": _max_rss_bytes(),
    }


def _usage(usage: UsageReading) -> snapshot.UsageDocument:
    return {
        "status": usage.status,  # type: ignore[typeddict-item]  # the schema's enum is held by tests
        "reason": usage.reason,
        "oldest": None if usage.oldest is None else format_time(usage.oldest),
        "missing_nodes": list(usage.missing_nodes) if usage.nodes else [],
    }


def _source(observation: Observation) -> snapshot.Source:
    return {
        "kind": observation.kind,  # type: ignore[typeddict-item]  # the schema's enum is held by tests
        "server_version": observation.server_version,
        "pods_resource_version": observation.pods_resource_version,
        "nodes_resource_version": observation.nodes_resource_version,
        "consistent": observation.consistent,
        "reason": observation.reason,
    }


class Told(NamedTuple):
    """What a node's labels tell of it."""

    labels: Mapping[str, str]
    roles: list[str]
    pool: str | None
    capacity_type: str | None
    instance_type: str | None
    region: str | None
    zone: str | None
    wanted: dict[str, str]


def _told(of: Mapping[str, str], settings: Settings) -> Told:
    rules = settings.label_rules
    return Told(
        labels=of,
        roles=labels.roles(of),
        pool=labels.first(of, rules.pool),
        capacity_type=labels.capacity_type(of, rules.capacity_type),
        instance_type=labels.first(of, rules.instance_type),
        region=labels.first(of, rules.region),
        zone=labels.first(of, rules.zone),
        wanted={name: of[name] for name in settings.labels if name in of},
    )


def _node(node: NodeFacts, tally: Tally, usage: Usage | None, told: Told) -> snapshot.Node:
    resources = node_resources(node, tally, usage)
    slots = resources.get(POD_SLOTS)
    return {
        "name": node.name,
        "uid": node.uid,
        "created_at": node.created_at,
        "ready": node.ready is True,
        "schedulable": node.ready is True and not node.cordoned,
        "cordoned": node.cordoned,
        "conditions": list(node.conditions),
        "taints": [{"key": each.key, "value": each.value, "effect": each.effect} for each in node.taints],
        "roles": told.roles,
        "pool": told.pool,
        "capacity_type": told.capacity_type,
        "instance_type": told.instance_type,
        "region": told.region,
        "zone": told.zone,
        "architecture": node.architecture,
        "os_image": node.os_image,
        "kubelet_version": node.kubelet_version,
        "labels": told.wanted,
        "pods": {**_counts(tally), "allocatable": slots["allocatable"] if slots else None},
        "resources": resources,  # type: ignore[typeddict-item]  # FIGURES are Resource's keys
    }


def _counts(tally: Tally) -> snapshot.PodCounts:
    return {
        "counted": tally.counted,
        "pending": tally.pending,
        "terminating": tally.terminating,
        "terminal": tally.terminal,
    }


def _asked(tally: Tally) -> dict[str, snapshot.Asked]:
    return place_resources(tally, ("requests", "limits"))  # type: ignore[return-value]  # Asked's keys


def _namespace(name: str, tally: Tally) -> snapshot.Namespace:
    return {"name": name, "pods": {"counted": tally.counted}, "resources": _asked(tally)}


def _unscheduled(tally: Tally) -> snapshot.Unscheduled:
    return {"pods": {"counted": tally.counted}, "resources": _asked(tally)}


def _unknown_node(name: str, tally: Tally) -> snapshot.UnknownNode:
    resources: Mapping[str, Any] = place_resources(tally, ("requests", "limits", "scheduled", "containers"))
    return {"name": name, "pods": _counts(tally), "resources": dict(resources)}


def _max_rss_bytes() -> int:
    """Our own peak; getrusage's also holds the parent's size from before exec, so it is only the fallback."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024  # Linux counts KiB
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024
