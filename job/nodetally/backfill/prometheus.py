"""A Prometheus with kube-state-metrics in, observations out: its sums by node, put in their places.

Slots are asked for in windows: as many as give an answer of a size that is quickly read, fewer where the server refuses
so many. What a series that is not there could mean besides zero is unknown, or makes the slot impossible.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from nodetally.accounting.facts import NodeFacts, Taint, Usage
from nodetally.accounting.nodes import ClusterTally, Tally, ToldTally
from nodetally.accounting.quantity import MILLICORE, NANO, QuantityError, fitting
from nodetally.backfill.metrics_api import MetricsApi, Series, TooMuch
from nodetally.backfill.plan import DAY_SECONDS
from nodetally.backfill.promql import Questions
from nodetally.backfill.source import Impossible
from nodetally.cluster.decode import judge_conditions
from nodetally.cluster.observation import Cost, Observation, UsageReading
from nodetally.times import format_time

FIRST_WINDOW = 3  # slots; 5,000 nodes have some 200,000 values in each
WANTED_VALUES = 400_000  # in all answers of a window: about 13 MB of JSON, 100 MB once read
LONGEST_WINDOW = 10_000  # Prometheus gives at most 11,000 points a series (web/api/v1/api.go)
TERMINATING_STEP_SECONDS = 300
REASON = (
    "sums of kube-state-metrics' series, made by the server: requests and limits by the rules of kubectl describe "
    "node, each container rounded up to millicores, without pod-level resources; scheduled is not known"
)
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
ARCHITECTURE = "kubernetes.io/arch"
# The exporter writes resources as labels may be written; what they were before cannot be told in general.
RESOURCES = {
    "ephemeral_storage": "ephemeral-storage",
    "nvidia_com_gpu": "nvidia.com/gpu",
    "nvidia_com_gpu_shared": "nvidia.com/gpu.shared",
    "amd_com_gpu": "amd.com/gpu",
    "gpu_intel_com_i915": "gpu.intel.com/i915",
    "gpu_intel_com_xe": "gpu.intel.com/xe",
    "aws_amazon_com_neuron": "aws.amazon.com/neuron",
    "aws_amazon_com_neuroncore": "aws.amazon.com/neuroncore",
    "google_com_tpu": "google.com/tpu",
    "habana_ai_gaudi": "habana.ai/gaudi",
    "vpc_amazonaws_com_pod_eni": "vpc.amazonaws.com/pod-eni",
    "smarter_devices_fuse": "smarter-devices/fuse",
}

Rows = list[tuple[Mapping[str, str], float]]


@dataclass(frozen=True)
class Names:
    """What the exporter's labels were: node labels that are wanted, resources beyond the usual ones."""

    labels: tuple[str, ...] = ()
    resources: Mapping[str, str] | None = None

    def resource(self, name: str) -> str:
        """The resource that a label's value stands for.

        >>> Names().resource("nvidia_com_gpu"), Names().resource("hugepages_2Mi"), Names().resource("cpu")
        ('nvidia.com/gpu', 'hugepages-2Mi', 'cpu')
        """
        known = {**RESOURCES, **(self.resources or {})}
        return known.get(name) or name.replace("hugepages_", "hugepages-", 1)

    def of_node(self, labels: Mapping[str, str]) -> dict[str, str]:
        """The wanted labels of a node that kube_node_labels tells."""
        told = {name: labels.get(label_name(name)) for name in (*self.labels, ARCHITECTURE)}
        return {name: value for name, value in told.items() if value}


def label_name(name: str) -> str:
    """A Kubernetes label as kube-state-metrics writes it (internal/store/utils.go, kubeMapToPrometheusLabels).

    >>> label_name("eks.amazonaws.com/capacityType")
    'label_eks_amazonaws_com_capacity_type'
    """
    sanitized = re.sub(r"[^a-zA-Z0-9_]", "_", name)
    return "label_" + re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", sanitized).lower()


class Prometheus:
    """The source."""

    def __init__(self, api: MetricsApi, questions: Questions, every_seconds: int, names: Names) -> None:
        self.name = api.url
        self._api, self._questions, self._every, self._names = api, questions, every_seconds, names
        self._width, self._most = FIRST_WINDOW, LONGEST_WINDOW

    def span(self, every_seconds: int) -> None:
        """A Prometheus does not say from when on it has a cluster's series."""
        del every_seconds

    def foresee(self, slot: datetime) -> Impossible | None:
        """Only asking tells."""
        del slot
        return None

    def observe(self, slots: Sequence[datetime]) -> Iterator[tuple[datetime, Observation | Impossible]]:
        """Window by window."""
        if not slots:
            return
        terminating = self._tells_terminating(slots[0])
        left = list(slots)
        while left:
            window = self._window(left)
            before = Cost(self._api.cost.api_requests, self._api.cost.bytes_read)
            try:
                answers = self._ask(window)
            except TooMuch as error:
                if len(window) > 1:
                    self._width = self._most = len(window) // 2
                    continue
                del left[0]
                yield window[0], Impossible(str(error), broken=True)
                continue
            del left[: len(window)]
            cost = _since(before, self._api.cost)
            for at, slot in enumerate(window):
                yield slot, self._at(slot, answers, Cost() if at else cost, terminating=terminating)

    def _window(self, left: Sequence[datetime]) -> list[datetime]:
        """The next slots, as far as they are neighbours: what lies between them is asked for, too."""
        limit = timedelta(seconds=self._every * self._width)
        return [slot for slot in left[: self._width] if abs(slot - left[0]) < limit]

    def _ask(self, window: Sequence[datetime]) -> dict[str, list[Series]]:
        start, end = int(min(window).timestamp()), int(max(window).timestamp())
        answers = {}
        values = 1
        for name, query in self._questions.all().items():
            answers[name] = self._api.query_range(query, start, end, self._every)
            values += sum(len(each.values) for each in answers[name])
        self._width = max(1, min(self._most, 4 * self._width, len(window) * WANTED_VALUES // values))
        return answers

    def _tells_terminating(self, slot: datetime) -> bool:
        """Whether there was a terminating pod on that day: then the exporter tells of them. Shards agree on it."""
        start = int(slot.replace(hour=0, minute=0, second=0, microsecond=0).timestamp())
        end = start + DAY_SECONDS - TERMINATING_STEP_SECONDS
        return bool(self._api.query_range(self._questions.tells_terminating(), start, end, TERMINATING_STEP_SECONDS))

    def _at(
        self, slot: datetime, answers: Mapping[str, list[Series]], cost: Cost, *, terminating: bool
    ) -> Observation | Impossible:
        moment = Moment(slot, answers, self._names, terminating=terminating)
        for name, metric in REQUIRED.items():
            if not moment.rows(name):
                return Impossible(f"{self.name} has no {metric} of that time")
        try:
            return moment.observation(cost)
        except (QuantityError, ValueError, OverflowError) as error:
            return Impossible(f"{self.name} has a value that cannot be read: {error}", broken=True)


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
        found = ((each.labels, each.values.get(self._at)) for each in self._answers[name])
        return [(labels, float(text)) for labels, text in found if text is not None and not math.isnan(float(text))]

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
            reason=REASON,
        )

    def _nodes(self) -> list[NodeFacts]:
        info = {labels["node"]: labels for labels, _ in self.rows("info")}
        created = {labels["node"]: value for labels, value in self.rows("created")}
        cordoned = {labels["node"] for labels, value in self.rows("cordoned") if value}
        capacity, allocatable = self._by_place("capacity", "node"), self._by_place("allocatable", "node")
        conditions: dict[str, list[tuple[str, str]]] = {}
        for labels, _ in self.rows("conditions"):
            conditions.setdefault(labels["node"], []).append((labels["condition"], labels["status"].capitalize()))
        taints: dict[str, list[Taint]] = {}
        for labels, _ in self.rows("taints"):
            taint = Taint(labels["key"], labels.get("value", ""), labels["effect"])
            taints.setdefault(labels["node"], []).append(taint)
        told = self._labels()
        found = []
        for name in sorted(info, key=str.encode):
            ready, abnormal = judge_conditions(conditions.get(name, ()))
            found.append(
                NodeFacts(
                    name=name,
                    uid=None,
                    created_at=_time(created.get(name)),
                    ready=ready,
                    cordoned=name in cordoned,
                    conditions=abnormal,
                    taints=tuple(sorted(taints.get(name, ()))),
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
        requests = self._with_doubt(f"{prefix}requests", place)
        return _Asked(requests, self._with_doubt(f"{prefix}limits", place) if self.rows("limits") else None)

    def _with_doubt(self, name: str, place: str) -> dict[str, dict[str, int | None]]:
        """By place and resource; None where the order of init containers, which nobody told, would matter."""
        found: dict[str, dict[str, int | None]] = {
            each: dict(values) for each, values in self._by_place(name, place).items()
        }
        for labels, _ in self.rows(f"{name}_spread"):
            found[labels.get(place, "")][self._names.resource(labels["resource"])] = None
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


def _since(before: Cost, now: Cost) -> Cost:
    return Cost(now.api_requests - before.api_requests, now.bytes_read - before.bytes_read)


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
