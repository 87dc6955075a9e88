"""One pass, from the cluster to the stored snapshot: the only place that knows the whole line."""

import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypedDict

from nodetally import snapshot
from nodetally.accounting import kite, labels
from nodetally.accounting.facts import NodeFacts
from nodetally.accounting.nodes import POD_SLOTS, Tally, Usage, node_resources, place_resources, sum_resources
from nodetally.accounting.quantity import QuantityError
from nodetally.cluster.observation import Observation, UsageReading
from nodetally.errors import ObjectUnreadable, WrongUse
from nodetally.settings import Settings, Surroundings
from nodetally.store.base import Store
from nodetally.store.layout import validate_cluster_name
from nodetally.store.open import open_store
from nodetally.store.publish import Published, publish

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Pass:
    """What one pass made: the document, its line of JSON, and where it is stored (None: it was not to be)."""

    document: snapshot.Snapshot
    line: bytes
    published: Published | None
    kite: dict[str, Any] | None


def utc_now() -> datetime:
    return datetime.now(UTC)


def run_pass(
    settings: Settings, around: Surroundings, *, clock: Clock = utc_now, store: bool = True, with_kite: bool = False
) -> Pass:
    """Read the cluster, tally it, publish the snapshot. Raises NodetallyError; then nothing was published.

    The store is opened while the cluster is read: loading an S3 client takes longer than a small cluster's list.
    """
    validate_cluster_name(settings.cluster)
    if store and (settings.nodes or settings.selector):
        raise WrongUse(
            "a snapshot is about the whole cluster: --node and --selector are for looking, not for storing",
            hint="add --dry-run, or use: nodetally show --live",
        )
    started, start = time.monotonic(), clock()
    with _opening(settings.store if store else None) as opened:
        observation = observe(settings, around, clock, keep_nodes=with_kite)
        document = build(observation, settings, start, lambda: time.monotonic() - started)
        line = snapshot.encode_line(document)
        published = None
        if opened is not None:
            published = publish(opened.result(), document, snapshot.compress(line))
    return Pass(document, line, published, kite_view(observation) if with_kite else None)


def observe(
    settings: Settings, around: Surroundings, clock: Clock = utc_now, *, keep_nodes: bool = False
) -> Observation:
    """Read the cluster, or the dumps that stand for it."""
    if settings.dumps:
        if settings.nodes or settings.selector:
            raise WrongUse("--node and --selector ask an API server; a dump is read whole")
        from nodetally.cluster.dump import observe_dumps

        return observe_dumps(settings.dumps, settings.at, keep_nodes=keep_nodes)
    with connected(settings, around) as connection:
        from nodetally.cluster.listing import observe as observe_list

        return observe_list(connection, settings, clock, keep_nodes=keep_nodes)


@contextmanager
def connected(settings: Settings, around: Surroundings) -> Iterator[Any]:
    """A connection to the cluster of the settings, closed at the end; everything on it ends at one deadline."""
    from nodetally.cluster.access import find_access
    from nodetally.cluster.connection import Connection, Deadline

    deadline = Deadline(settings.timeout_seconds)
    try:
        with Connection(find_access(settings, around), deadline, gzip=settings.gzip) as connection:
            yield connection
    finally:
        deadline.cancel()


def kite_view(observation: Observation) -> dict[str, Any]:
    """The observation as kite's node list shows it; it must have been made with keep_nodes."""
    return kite.node_list(
        observation.raw_nodes or [],
        observation.tally.nodes,
        observation.usage.nodes,
        observation.nodes_resource_version or "",
    )


def slot_of(settings: Settings, start: datetime) -> datetime:
    """The slot a pass answers for: --at, else its start, cut down to --slot-every."""
    moment = settings.at or start
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    seconds = int((moment - midnight).total_seconds())
    return midnight + timedelta(seconds=seconds - seconds % settings.slot_every_seconds)


def build(
    observation: Observation, settings: Settings, start: datetime, seconds: Callable[[], float]
) -> snapshot.Snapshot:
    """The document. Raises ObjectUnreadable when a sum leaves the 64 bits that Kubernetes counts in."""
    try:
        tallied = _tallied(observation, settings)
    except QuantityError as error:
        hint = "nothing was published; look for a pod with an absurd request"
        raise ObjectUnreadable(str(error), hint=hint) from error
    return {
        "schema": 1,
        "cluster": settings.cluster,
        "taken_at": _utc(observation.taken_at),
        "slot": _utc(slot_of(settings, start)),
        "trigger": settings.trigger,  # type: ignore[typeddict-item]  # checked by the option's choices
        "source": _source(observation),
        "cost": {
            "api_requests": observation.cost.api_requests,
            "bytes_read": observation.cost.bytes_read,
            "pods_read": observation.tally.pods,
            "seconds": round(seconds(), 3),
            "max_rss_bytes": _max_rss_bytes(),
        },
        "usage": _usage(observation.usage),
        **tallied,
    }


class _Tallied(TypedDict):
    """The part of a snapshot that is made of sums."""

    totals: snapshot.Totals
    schedulable_totals: snapshot.Totals
    nodes: list[snapshot.Node]
    namespaces: list[snapshot.Namespace]
    unscheduled: snapshot.Unscheduled
    unknown_nodes: list[snapshot.UnknownNode]


def _tallied(observation: Observation, settings: Settings) -> _Tallied:
    tally, usage = observation.tally, observation.usage
    nodes = [
        _node(node, tally.nodes.get(node.name) or Tally(), usage.nodes.get(node.name), settings)
        for node in observation.nodes
    ]
    listed = {node.name for node in observation.nodes}
    unknown = sorted(name for name in tally.nodes if name not in listed)
    return {
        "totals": _totals(nodes),
        "schedulable_totals": _totals([node for node in nodes if node["schedulable"]]),
        "nodes": nodes,
        "namespaces": [_namespace(name, tally.namespaces[name]) for name in sorted(tally.namespaces)],
        "unscheduled": {
            "pods": {"counted": tally.unscheduled.counts["counted"]},
            "resources": _asked(tally.unscheduled),
        },
        "unknown_nodes": [_unknown_node(name, tally.nodes[name]) for name in unknown],
    }


def _usage(usage: UsageReading) -> snapshot.UsageDocument:
    return {
        "status": usage.status,  # type: ignore[typeddict-item]
        "reason": usage.reason,
        "oldest": None if usage.oldest is None else _utc(usage.oldest),
        "missing_nodes": list(usage.missing_nodes) if usage.nodes else [],
    }


@contextmanager
def _opening(url: str | None) -> Iterator[Future[Store] | None]:
    """The store, being opened in a thread of its own; a directory opens at once."""
    if url is None:
        yield None
        return
    with ThreadPoolExecutor(1, "store") as pool:
        yield pool.submit(open_store, url)


def _source(observation: Observation) -> snapshot.Source:
    return {
        "kind": observation.kind,  # type: ignore[typeddict-item]
        "server_version": observation.server_version,
        "pods_resource_version": observation.pods_resource_version,
        "nodes_resource_version": observation.nodes_resource_version,
        "consistent": observation.consistent,
    }


def _node(node: NodeFacts, tally: Tally, usage: Usage | None, settings: Settings) -> snapshot.Node:
    rules, resources = settings.label_rules, node_resources(node, tally, usage)
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
        "roles": labels.roles(node.labels),
        "pool": labels.first(node.labels, rules.pool),
        "capacity_type": labels.capacity_type(node.labels, rules.capacity_type),
        "instance_type": labels.first(node.labels, rules.instance_type),
        "region": labels.first(node.labels, rules.region),
        "zone": labels.first(node.labels, rules.zone),
        "architecture": node.architecture,
        "os_image": node.os_image,
        "kubelet_version": node.kubelet_version,
        "labels": {name: node.labels[name] for name in settings.labels if name in node.labels},
        "pods": {**_counts(tally), "allocatable": slots["allocatable"] if slots else None},
        "resources": resources,  # type: ignore[typeddict-item]  # FIGURES are Resource's keys
    }


def _totals(nodes: list[snapshot.Node]) -> snapshot.Totals:
    def sum_pods(name: Literal["counted", "pending", "terminating", "terminal"]) -> int:
        return sum(node["pods"][name] for node in nodes)

    slots = [node["pods"]["allocatable"] for node in nodes]
    return {
        "nodes": {
            "count": len(nodes),
            "ready": sum(node["ready"] for node in nodes),
            "schedulable": sum(node["schedulable"] for node in nodes),
        },
        "pods": {
            "counted": sum_pods("counted"),
            "pending": sum_pods("pending"),
            "terminating": sum_pods("terminating"),
            "terminal": sum_pods("terminal"),
            "allocatable": None if None in slots else sum(each or 0 for each in slots),
        },
        "resources": sum_resources([node["resources"] for node in nodes]),  # type: ignore[misc, typeddict-item]
    }


def _counts(tally: Tally) -> snapshot.PodCounts:
    counts = tally.counts
    return {
        "counted": counts["counted"],
        "pending": counts["pending"],
        "terminating": counts["terminating"],
        "terminal": counts["terminal"],
    }


def _asked(tally: Tally) -> dict[str, snapshot.Asked]:
    return place_resources(tally, ("requests", "limits"))  # type: ignore[return-value]


def _namespace(name: str, tally: Tally) -> snapshot.Namespace:
    return {"name": name, "pods": {"counted": tally.counts["counted"]}, "resources": _asked(tally)}


def _unknown_node(name: str, tally: Tally) -> snapshot.UnknownNode:
    resources: Mapping[str, Any] = place_resources(tally, ("requests", "limits", "scheduled", "containers"))
    return {"name": name, "pods": _counts(tally), "resources": dict(resources)}


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _max_rss_bytes() -> int:
    """Our own peak; getrusage's also holds the parent's size from before exec, so it is only the fallback."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024  # Linux counts KiB
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024
