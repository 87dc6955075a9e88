"""What kube-state-metrics and the kubelet export of nodes and pods, as OpenMetrics text over time. No package code.

After kube-state-metrics v2: docs/metrics/workload/pod-metrics.md, docs/metrics/cluster/node-metrics.md, and
internal/store/pod.go and utils.go for names and values. Quantities are given as the simulator writes them.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any

Json = Mapping[str, Any]
Sample = tuple[str, dict[str, str], float]
PHASES = ("Pending", "Succeeded", "Failed", "Unknown", "Running")
QUALITIES = ("BestEffort", "Burstable", "Guaranteed")
_SCALES: dict[str, int | Fraction] = {"": 1, "m": Fraction(1, 1000), "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_SCALES |= {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "u": Fraction(1, 10**6), "n": Fraction(1, 10**9)}


def quantity(text: object) -> Fraction:
    found = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", str(text))
    assert found, text
    return Fraction(found[1]) * _SCALES[found[2]]


def exported(resource: str, text: object) -> float:
    """cpu in cores by its millicores rounded up, the rest in whole units."""
    value = quantity(text)
    return math.ceil(value * 1000) / 1000 if resource == "cpu" else float(math.ceil(value))


def sanitized(name: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_]", "_", name)


def label(name: str) -> str:
    return "label_" + re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", sanitized(name)).lower()


def amounts(name: str, labels: dict[str, str], resources: Json) -> Iterator[Sample]:
    for resource, text in resources.items():
        yield name, {**labels, "resource": sanitized(resource)}, exported(resource, text)


def one_of(name: str, own: dict[str, str], label: str, values: Iterable[str], value: str | None) -> Iterator[Sample]:
    for each in values if value else ():
        yield name, {**own, label: each}, float(each == value)


def of_pod(pod: Json) -> Iterator[Sample]:
    metadata, spec, status = pod["metadata"], pod["spec"], pod["status"]
    own = {"namespace": metadata["namespace"], "pod": metadata["name"], "uid": metadata.get("uid", metadata["name"])}
    placed = {**own, "node": spec.get("nodeName", "")}
    statuses = {each["name"] for each in status.get("initContainerStatuses") or ()}
    yield "kube_pod_info", placed, 1
    yield from one_of("kube_pod_status_phase", own, "phase", PHASES, status.get("phase"))
    yield from one_of("kube_pod_status_qos_class", own, "qos_class", QUALITIES, status.get("qosClass"))
    if metadata.get("deletionTimestamp"):
        yield "kube_pod_deletion_timestamp", own, 1.0
    for kind, prefix in (("containers", "kube_pod_container"), ("initContainers", "kube_pod_init_container")):
        for each in spec.get(kind) or ():
            named = {**placed, "container": each["name"]}
            for figure in ("requests", "limits"):
                of = (each.get("resources") or {}).get(figure) or {}
                yield from amounts(f"{prefix}_resource_{figure}", named, of)
            if kind == "initContainers" and each["name"] in statuses:  # its info is made of its status
                policy = each.get("restartPolicy", "")
                yield "kube_pod_init_container_info", {**own, "container": each["name"], "restart_policy": policy}, 1
    overhead = spec.get("overhead") or {}
    for resource, name in (("cpu", "kube_pod_overhead_cpu_cores"), ("memory", "kube_pod_overhead_memory_bytes")):
        if resource in overhead:
            yield name, own, exported(resource, overhead[resource])


def of_node(node: Json) -> Iterator[Sample]:
    metadata, spec, status = node["metadata"], node.get("spec") or {}, node["status"]
    name = {"node": metadata["name"]}
    info = status.get("nodeInfo") or {}
    told = {"kubelet_version": info.get("kubeletVersion", ""), "os_image": info.get("osImage", "")}
    yield "kube_node_info", {**name, **told}, 1
    if metadata.get("creationTimestamp"):
        yield "kube_node_created", name, datetime.fromisoformat(metadata["creationTimestamp"]).timestamp()
    yield "kube_node_labels", {**name, **{label(key): value for key, value in metadata.get("labels", {}).items()}}, 1
    for key in metadata.get("labels", {}):
        if key.startswith("node-role.kubernetes.io/"):
            yield "kube_node_role", {**name, "role": key.partition("/")[2]}, 1
    yield "kube_node_spec_unschedulable", name, float(bool(spec.get("unschedulable")))
    for taint in spec.get("taints") or ():
        yield "kube_node_spec_taint", {**name, **{key: taint.get(key, "") for key in ("key", "value", "effect")}}, 1
    yield "kube_node_status_addresses", {**name, "type": "Hostname", "address": metadata["name"]}, 1
    for each in status.get("conditions") or ():
        for value in ("true", "false", "unknown"):
            labels = {**name, "condition": each["type"], "status": value}
            yield "kube_node_status_condition", labels, float(each["status"].lower() == value)
    for figure in ("capacity", "allocatable"):
        yield from amounts(f"kube_node_status_{figure}", name, status.get(figure) or {})


def exports(items: Iterable[Json]) -> Iterator[Sample]:
    for item in items:
        yield from of_pod(item) if item["kind"] == "Pod" else of_node(item)


def open_metrics(history: Iterable[tuple[datetime, Iterable[Sample]]], common: Mapping[str, str]) -> str:
    """The samples of all moments as promtool reads them: the series of a family together, each in the order of time."""
    families: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for moment, samples in history:
        for name, labels, value in samples:
            said = ",".join(f'{key}="{escaped(text)}"' for key, text in {**common, **labels}.items() if text)
            families[name][said].append(f"{value!r} {int(moment.timestamp())}")
    return "\n".join([*_lines(families), "# EOF\n"])


def _lines(families: Mapping[str, Mapping[str, Sequence[str]]]) -> Iterator[str]:
    for name, series in families.items():
        yield f"# TYPE {name} unknown"
        for labels, values in series.items():
            yield from (f"{name}{{{labels}}} {value}" for value in values)


def escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
