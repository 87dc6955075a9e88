"""All that a Prometheus answered, at one slot, in; the observation of it out. Pure.

What a series that is not there could mean besides zero is unknown (None), or makes the slot impossible.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, TypeVar

from nodetally.accounting.facts import NodeFacts, Taint, Usage
from nodetally.accounting.nodes import ClusterTally, Tally, ToldTally
from nodetally.accounting.quantity import MILLICORE, NANO, QuantityError, fitting
from nodetally.backfill.metrics_api import Series
from nodetally.backfill.names import ARCHITECTURE, Names
from nodetally.cluster.decode import judge_conditions
from nodetally.cluster.observation import Cost, Observation, UsageReading
from nodetally.times import format_time

REASON = (
    "sums of kube-state-metrics' series, made by the server: requests and limits by the rules of kubectl describe "
    "node, each container rounded up to millicores, without pod-level resources; scheduled is not known"
)
NO_INITS = "; there were no requests of init containers, or the exporter does not tell them: none were counted"
RENAMED = "; resources called as the exporter calls them, for want of a --resource-name: "
# Without these nothing can be said of a slot: the exporter was down, or does not tell.
REQUIRED = {
    "info": "kube_node_info",
    "capacity": "kube_node_status_capacity",
    "allocatable": "kube_node_status_allocatable",
    "conditions": "kube_node_status_condition",
    "cordoned": "kube_node_spec_unschedulable",
    "counted": "kube_pod_info and kube_pod_status_phase",
    "requests": "kube_pod_container_resource_requests",
}
NO_USAGE = 'neither node_cpu_usage_seconds_total nor container_cpu_usage_seconds_total{id="/"} by node'

Rows = list[tuple[Mapping[str, str], float]]
Value = TypeVar("Value")


class _Asked(NamedTuple):
    """What pods ask for, by place (a node or a namespace) and resource; None is unknown."""

    requests: dict[str, dict[str, int | None]]
    limits: dict[str, dict[str, int | None]] | None  # None: nothing is known of any


class Moment:
    """All answers at one slot."""

    def __init__(self, slot: datetime, answers: Mapping[str, list[Series]], names: Names, *, terminating: bool) -> None:
        self._slot, self._at, self._answers, self._names = slot, int(slot.timestamp()), answers, names
        self._terminating = terminating

    def rows(self, name: str) -> Rows:
        """The labels and values of an answer; a series that has no number here is not there."""
        found = ((each.labels, float(each.values.get(self._at, "NaN"))) for each in self._answers[name])
        return [(labels, value) for labels, value in found if not math.isnan(value)]

    def missing(self) -> str | None:
        """The metric that is not there, and without which nothing can be said."""
        return next((metric for name, metric in REQUIRED.items() if not self.rows(name)), None)

    def observation(self, cost: Cost) -> Observation:
        """The cluster at the slot. Raises QuantityError for numbers that Kubernetes does not have."""
        nodes = self._nodes()
        return Observation(
            kind="prometheus",
            taken_at=self._slot,
            nodes=nodes,
            tally=self._tally([node.name for node in nodes]),
            usage=self._usage([node.name for node in nodes]),
            cost=cost,
            pods_read=0,
            consistent=False,
            reason=self._reason(),
        )

    def _reason(self) -> str:
        """What the numbers mean, and what may be wrong with them."""
        asked = (labels["resource"] for name in ("capacity", "requests") for labels, _ in self.rows(name))
        unknown = self._names.unknown(asked)
        renamed = f"{RENAMED}{', '.join(unknown)}" if unknown else ""
        return f"{REASON}{'' if self.rows('inits') else NO_INITS}{renamed}"

    def _nodes(self) -> list[NodeFacts]:
        info = {labels["node"]: labels for labels, _ in self.rows("info")}
        created = {labels["node"]: value for labels, value in self.rows("created")}
        cordoned = {labels["node"] for labels, value in self.rows("cordoned") if value}
        capacity, allocatable = self._by_place("capacity", "node"), self._by_place("allocatable", "node")
        conditions = _together(
            (labels["node"], (labels["condition"], labels["status"].capitalize()))
            for labels, _ in self.rows("conditions")
        )
        taints = _together(
            (labels["node"], Taint(labels["key"], labels.get("value", ""), labels["effect"]))
            for labels, _ in self.rows("taints")
        )
        told = self._labels()
        found = []
        for name in sorted(info, key=str.encode):
            ready, abnormal = judge_conditions(conditions[name])
            found.append(
                NodeFacts(
                    name=name,
                    uid=None,
                    created_at=_time(created.get(name)),
                    ready=ready,
                    cordoned=name in cordoned,
                    conditions=abnormal,
                    taints=tuple(sorted(taints[name])),
                    labels=told.get(name, {}),
                    capacity=_exact(capacity.get(name, {})),
                    allocatable=_exact(allocatable.get(name, {})),
                    architecture=told.get(name, {}).get(ARCHITECTURE),
                    os_image=info[name].get("os_image") or None,
                    kubelet_version=info[name].get("kubelet_version") or None,
                )
            )
        return found

    def _labels(self) -> dict[str, dict[str, str]]:
        found = {labels["node"]: self._names.of_node(labels) for labels, _ in self.rows("labels") if "node" in labels}
        for labels, _ in self.rows("roles"):
            found.setdefault(labels["node"], {})[f"node-role.kubernetes.io/{labels['role']}"] = ""
        return found

    def _tally(self, nodes: Sequence[str]) -> ClusterTally:
        by_node = self._asked("", "node")
        containers = self._by_place("containers", "node")
        counts = {name: self._counts(name) for name in ("counted", "pending", "terminal", "terminating")}
        places = {
            *nodes,
            *by_node.requests,
            *(by_node.limits or {}),
            *(place for of in counts.values() for place in of),
        }
        result = ClusterTally()
        for place in places:
            told: dict[str, int | None] = {name: counts[name].get(place, 0) for name in counts}
            if not self._terminating:
                told["terminating"] = None
            plain: Mapping[str, int | None] = containers.get(place, {})
            result.nodes[place] = _told(told, by_node, place, plain, 0)
        result.unscheduled = result.nodes.pop("", Tally())
        by_namespace = self._asked("namespace_", "namespace")
        for place, counted in self._counts("namespace_counted", "namespace").items():
            result.namespaces[place] = _told({"counted": counted}, by_namespace, place, {}, None)
        return result

    def _asked(self, prefix: str, place: str) -> _Asked:
        silent = [labels.get(place, "") for labels, _ in self.rows(f"{prefix}silent")]
        requests = self._with_doubt(f"{prefix}requests", place, silent)
        return _Asked(requests, self._with_doubt(f"{prefix}limits", place, silent) if self.rows("limits") else None)

    def _with_doubt(self, name: str, place: str, silent: Iterable[str]) -> dict[str, dict[str, int | None]]:
        """By place and resource; None where the order of init containers, which nobody told, would matter.

        And where there are silent pods, which ask for cpu or memory that nobody told.
        """
        found: dict[str, dict[str, int | None]] = {
            each: dict(values) for each, values in self._by_place(name, place).items()
        }
        for labels, _ in self.rows(f"{name}_spread"):
            found[labels.get(place, "")][self._names.resource(labels["resource"])] = None
        for each in silent:
            found.setdefault(each, {}).update(cpu=None, memory=None)
        return found

    def _by_place(self, name: str, place: str) -> dict[str, dict[str, int]]:
        """Published integers by place and resource; a place without a name is where pods without a node are."""
        found: dict[str, dict[str, int]] = {}
        for labels, value in self.rows(name):
            resource = self._names.resource(labels["resource"])
            found.setdefault(labels.get(place, ""), {})[resource] = published(resource, value)
        return found

    def _counts(self, name: str, place: str = "node") -> dict[str, int]:
        return {labels.get(place, ""): round(value) for labels, value in self.rows(name)}

    def _usage(self, nodes: Sequence[str]) -> UsageReading:
        cpu = {labels["node"]: value for labels, value in self.rows("usage_cpu")}
        memory = {labels["node"]: value for labels, value in self.rows("usage_memory")}
        found = {
            name: Usage(round(cpu[name] * NANO), round(memory[name]) * NANO)
            for name in nodes
            if name in cpu and name in memory
        }
        missing = tuple(name for name in nodes if name not in found)
        if not found:
            return UsageReading("absent", NO_USAGE)
        if missing:
            return UsageReading("partial", f"{len(missing)} nodes without series", self._slot, found, missing)
        return UsageReading("ok", None, self._slot, found)


def _together(pairs: Iterable[tuple[str, Value]]) -> defaultdict[str, list[Value]]:
    found: defaultdict[str, list[Value]] = defaultdict(list)
    for name, value in pairs:
        found[name].append(value)
    return found


def _told(
    counts: Mapping[str, int | None], asked: _Asked, place: str, plain: Mapping[str, int | None], no_plain: int | None
) -> ToldTally:
    requests = asked.requests.get(place, {})
    limits = None if asked.limits is None else asked.limits.get(place, {})
    names = {*requests, *(limits or {}), *plain}
    figures = {
        name: (requests.get(name, 0), None if limits is None else limits.get(name, 0), None, plain.get(name, no_plain))
        for name in names
    }
    return ToldTally(counts, figures, (0, None if limits is None else 0, None, no_plain))


def published(resource: str, value: float) -> int:
    """A sum of the exporter's floats as the integer that is published.

    cpu comes in cores, each container's rounded up to millicores, so the sum is a whole number of those but for what
    floats lose: far less than the thousandth of one that is allowed here.

    >>> published("cpu", 0.1 + 0.2), published("cpu", 0.0011), published("memory", 3.0)
    (300, 2, 3)
    """
    if not math.isfinite(value):
        raise QuantityError(f"{resource}: {value}")
    number = value * 1000 if resource == "cpu" else value
    nearest = round(number)
    return fitting(resource, nearest if abs(number - nearest) < 0.001 else math.ceil(number))


def _exact(figures: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple((name, value * (MILLICORE if name == "cpu" else NANO)) for name, value in sorted(figures.items()))


def _time(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return format_time(datetime.fromtimestamp(seconds, UTC))
