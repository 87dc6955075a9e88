"""Messages and JSON objects → facts. The only place that knows where a field stands; counts nothing itself.

Pods of one template carry the same resources, byte for byte. So a pod is stripped of its names and of all that does not
decide its amounts; what is left, as bytes, is decoded, aggregated and rounded once per distinct one.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NoReturn

from google.protobuf.message import DecodeError

from nodetally.accounting.facts import (
    Amounts,
    Container,
    ContainerStatus,
    NodeFacts,
    PodAmounts,
    PodFacts,
    PodShape,
    Taint,
)
from nodetally.accounting.pods import pod_amounts
from nodetally.accounting.quantity import QuantityError, amount, is_big_decimal, parse, parse_json
from nodetally.cluster import k8s_pb2
from nodetally.errors import ClusterError, ObjectUnreadable

SHAPES = 4096  # distinct combinations kept: about 6 MB at worst; a cluster of 150,000 pods has some hundreds

Json = Mapping[str, Any]


class FieldError(ValueError):
    """A field of an object that cannot be read: its path, then what is wrong."""


def pod_from_protobuf(body: bytes) -> PodFacts:
    """One pod of a list or event. Raises ObjectUnreadable with the pod's name, the field and its text."""
    pod = _message(k8s_pb2.Pod, body)
    metadata, spec, status = pod.metadata, pod.spec, pod.status
    name, namespace = metadata.name, metadata.namespace
    if not name or not namespace:
        raise ClusterError(f"a pod without name or namespace ({len(body)} bytes): not a list of pods, or damaged")
    uid, terminating = metadata.uid, metadata.HasField("deletion_timestamp")
    node, phase = spec.node_name, status.phase
    pod.ClearField("metadata")
    spec.ClearField("node_name")
    status.ClearField("phase")
    pod.DiscardUnknownFields()
    try:
        shape, amounts = _shape_of(pod.SerializeToString())
    except (FieldError, QuantityError, DecodeError, UnicodeDecodeError) as error:
        _unreadable(f"pod {namespace}/{name}", error)
    return PodFacts(namespace, name, uid, node, phase, terminating, shape, amounts)


def pod_from_json(pod: Json) -> PodFacts:
    """One pod of a JSON list, event or dump. Raises ObjectUnreadable as pod_from_protobuf does."""
    metadata, spec, status = _map(pod, "metadata"), _map(pod, "spec"), _map(pod, "status")
    namespace, name = _text(metadata, "namespace"), _text(metadata, "name")
    if not name or not namespace:
        raise ClusterError(f"a pod without name or namespace: {str(pod)[:80]}")
    try:
        shape = _shape_from_json(spec, status)
        amounts = pod_amounts(shape)
    except (FieldError, QuantityError) as error:
        _unreadable(f"pod {namespace}/{name}", error)
    return PodFacts(
        namespace,
        name,
        _text(metadata, "uid"),
        _text(spec, "nodeName"),
        _text(status, "phase"),
        metadata.get("deletionTimestamp") is not None,
        shape,
        amounts,
    )


def node_from_protobuf(body: bytes) -> NodeFacts:
    """One node of a list or event. Raises ObjectUnreadable with the node's name, the field and its text."""
    node = _message(k8s_pb2.Node, body)
    metadata, spec, status = node.metadata, node.spec, node.status
    if not metadata.name:
        raise ClusterError(f"a node without a name ({len(body)} bytes): not a list of nodes, or damaged")
    created = metadata.creation_timestamp.seconds if metadata.HasField("creation_timestamp") else 0
    ready, abnormal = judge_conditions((each.type, each.status) for each in status.conditions)
    try:
        return NodeFacts(
            name=metadata.name,
            uid=metadata.uid,
            created_at=_utc(created) if created else None,
            ready=ready,
            cordoned=spec.unschedulable,
            conditions=abnormal,
            taints=tuple(Taint(each.key, each.value, each.effect) for each in spec.taints),
            labels={each.key: each.value for each in metadata.labels},
            capacity=_amounts(status.capacity, "status.capacity"),
            allocatable=_amounts(status.allocatable, "status.allocatable"),
            architecture=status.node_info.architecture or None,
            os_image=status.node_info.os_image or None,
            kubelet_version=status.node_info.kubelet_version or None,
        )
    except (FieldError, QuantityError) as error:
        _unreadable(f"node {metadata.name}", error)


def node_from_json(node: Json) -> NodeFacts:
    """One node of a JSON list, event or dump. Raises ObjectUnreadable as node_from_protobuf does."""
    metadata, spec, status = _map(node, "metadata"), _map(node, "spec"), _map(node, "status")
    name = _text(metadata, "name")
    if not name:
        raise ClusterError(f"a node without a name: {str(node)[:80]}")
    ready, abnormal = judge_conditions(
        (_text(each, "type"), _text(each, "status")) for each in _list(status, "conditions")
    )
    info = _map(status, "nodeInfo")
    taints = (Taint(_text(each, "key"), _text(each, "value"), _text(each, "effect")) for each in _list(spec, "taints"))
    try:
        return NodeFacts(
            name=name,
            uid=_text(metadata, "uid"),
            created_at=_text(metadata, "creationTimestamp") or None,
            ready=ready,
            cordoned=bool(spec.get("unschedulable")),
            conditions=abnormal,
            taints=tuple(taints),
            labels={key: str(value) for key, value in _map(metadata, "labels").items()},
            capacity=_json_amounts(status, "capacity", "status"),
            allocatable=_json_amounts(status, "allocatable", "status"),
            architecture=_text(info, "architecture") or None,
            os_image=_text(info, "osImage") or None,
            kubelet_version=_text(info, "kubeletVersion") or None,
        )
    except (FieldError, QuantityError) as error:
        _unreadable(f"node {name}", error)


def judge_conditions(conditions: Iterable[tuple[str, str]]) -> tuple[bool | None, tuple[str, ...]]:
    """Ready (None when its status is Unknown or it is missing) and the types of the other abnormal conditions.

    A condition is normal when False, except those named …Ready (KernelReady, NetworkingReady, …), which are normal when
    True; Unknown is never normal.
    """
    ready: bool | None = None
    abnormal = []
    for kind, status in conditions:
        if kind == "Ready":
            ready = {"True": True, "False": False}.get(status)
        elif status != ("True" if kind.endswith("Ready") else "False"):
            abnormal.append(kind)
    return ready, tuple(sorted(abnormal))


def _infeasible(conditions: Iterable[tuple[str, str]]) -> bool:
    """The first PodResizePending condition decides (component-helpers resource/helpers.go:335-342)."""
    for kind, reason in conditions:
        if kind == "PodResizePending":
            return reason == "Infeasible"
    return False


@lru_cache(maxsize=SHAPES)
def _shape_of(body: bytes) -> tuple[PodShape, PodAmounts]:
    """A pod of which pod_from_protobuf left what decides its amounts."""
    pod = k8s_pb2.Pod.FromString(body)
    spec, status = pod.spec, pod.status
    pod_requests, pod_limits = _requirements(spec.resources, "spec.resources")
    status_requests, _ = _requirements(status.resources, "status.resources")
    shape = PodShape(
        containers=tuple(
            Container(each.name, *_requirements(each.resources, f"spec.containers[{at}].resources"))
            for at, each in enumerate(spec.containers)
        ),
        init_containers=tuple(
            Container(
                each.name,
                *_requirements(each.resources, f"spec.initContainers[{at}].resources"),
                each.restart_policy == "Always",
            )
            for at, each in enumerate(spec.init_containers)
        ),
        overhead=_entries(spec.overhead, "spec.overhead"),
        requests=pod_requests,
        big_decimals=_big_decimals(spec.resources),
        limits=pod_limits,
        statuses=(
            *_statuses(status.container_statuses, "status.containerStatuses"),
            *_statuses(status.init_container_statuses, "status.initContainerStatuses"),
        ),
        status_allocated=_entries(status.allocated_resources, "status.allocatedResources") or None,
        status_resources=status.HasField("resources"),
        status_requests=status_requests or None,
        infeasible=_infeasible(
            (str(each.type, "utf-8", "replace"), str(each.reason, "utf-8", "replace")) for each in status.conditions
        ),
    )
    return shape, pod_amounts(shape)


def _statuses(statuses: Iterable[k8s_pb2.ContainerStatus], path: str) -> Iterable[ContainerStatus]:
    for at, each in enumerate(statuses):
        requests, limits = _requirements(each.resources, f"{path}[{at}].resources")
        reported = _entries(each.allocated_resources, f"{path}[{at}].allocatedResources")
        yield ContainerStatus(each.name, reported or None, requests or None, limits or None)


def _requirements(body: bytes, path: str) -> tuple[Amounts, Amounts]:
    """(requests, limits) of an encoded ResourceRequirements."""
    message = k8s_pb2.ResourceRequirements.FromString(body)
    return _amounts(message.requests, f"{path}.requests"), _amounts(message.limits, f"{path}.limits")


def _big_decimals(resources: bytes) -> tuple[str, ...]:
    requests = k8s_pb2.ResourceRequirements.FromString(resources).requests
    return tuple(each.name for each in requests if is_big_decimal(each.quantity.text))


def _entries(bodies: Iterable[bytes], path: str) -> Amounts:
    return _amounts([k8s_pb2.Resource.FromString(body) for body in bodies], path)


def _amounts(resources: Iterable[k8s_pb2.Resource], path: str) -> Amounts:
    return _checked(((each.name, each.quantity.text) for each in resources), parse, path)


def _shape_from_json(spec: Json, status: Json) -> PodShape:
    containers, inits = _list(spec, "containers"), _list(spec, "initContainers")
    resources, status_resources = _map(spec, "resources"), _map(status, "resources")
    return PodShape(
        containers=tuple(_container_from_json(each, f"spec.containers[{at}]") for at, each in enumerate(containers)),
        init_containers=tuple(
            _container_from_json(each, f"spec.initContainers[{at}]")._replace(
                sidecar=_text(each, "restartPolicy") == "Always"
            )
            for at, each in enumerate(inits)
        ),
        overhead=_json_amounts(spec, "overhead", "spec"),
        requests=_json_amounts(resources, "requests", "spec.resources"),
        big_decimals=tuple(
            name for name, text in _map(resources, "requests").items() if is_big_decimal(str(text).strip())
        ),
        limits=_json_amounts(resources, "limits", "spec.resources"),
        statuses=tuple(
            _status_from_json(each, f"status.{key}[{at}]")
            for key in ("containerStatuses", "initContainerStatuses")
            for at, each in enumerate(_list(status, key))
        ),
        status_allocated=_json_reported(status, "allocatedResources", "status"),
        status_resources=status.get("resources") is not None,
        status_requests=_json_reported(status_resources, "requests", "status.resources"),
        infeasible=_infeasible((_text(each, "type"), _text(each, "reason")) for each in _list(status, "conditions")),
    )


def _container_from_json(container: Json, path: str) -> Container:
    resources = _map(container, "resources")
    return Container(
        _text(container, "name"),
        _json_amounts(resources, "requests", f"{path}.resources"),
        _json_amounts(resources, "limits", f"{path}.resources"),
    )


def _status_from_json(status: Json, path: str) -> ContainerStatus:
    resources = _map(status, "resources")
    return ContainerStatus(
        _text(status, "name"),
        _json_reported(status, "allocatedResources", path),
        _json_reported(resources, "requests", f"{path}.resources"),
        _json_reported(resources, "limits", f"{path}.resources"),
    )


def _json_amounts(owner: Json, key: str, path: str) -> Amounts:
    return _checked(_map(owner, key).items(), parse_json, f"{path}.{key}")


def _json_reported(owner: Json, key: str, path: str) -> Amounts | None:
    return None if owner.get(key) is None else _json_amounts(owner, key, path)


def _checked(pairs: Iterable[tuple[str, Any]], read: Callable[[Any], int], path: str) -> Amounts:
    """Read each quantity and see that its published integer fits; a fault is told with path and text."""
    found = {}
    for name, text in pairs:
        try:
            found[name] = read(text)
            amount(name, found[name])
        except QuantityError as error:
            raise FieldError(f"{path}[{name}]: {error}, text {text!r}") from error
    return shared_amounts(tuple(sorted(found.items())))


@lru_cache(maxsize=SHAPES)
def shared_amounts(amounts: Amounts) -> Amounts:
    """One object for equal amounts: thousands of nodes of one type have the same capacity."""
    return amounts


def _message(message: type[Any], body: bytes) -> Any:
    try:
        return message.FromString(body)
    except DecodeError as error:
        raise ClusterError(f"an item of {len(body)} bytes is not a {message.__name__}: {error}") from error


def _unreadable(what: str, error: Exception) -> NoReturn:
    raise ObjectUnreadable(
        f"{what}: {error}", hint="nothing was published; mend or delete that object, or report the quantity to us"
    ) from error


def _map(owner: Json, key: str) -> Json:
    value = owner.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ClusterError(f"{key}: {str(value)[:80]!r} where an object belongs")
    return value


def _list(owner: Json, key: str) -> list[Json]:
    value = owner.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise ClusterError(f"{key}: {str(value)[:80]!r} where a list of objects belongs")
    return value


def _text(owner: Json, key: str) -> str:
    value = owner.get(key)
    return "" if value is None else str(value)


def _utc(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
