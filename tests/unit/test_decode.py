"""Objects into facts: what is kept, what is refused, and how a refusal names the object, the field and the text."""

import re
from typing import Any

import pytest

from nodetally.cluster import k8s_pb2
from nodetally.cluster.decode import node_from_json, node_from_protobuf, pod_from_json, pod_from_protobuf
from nodetally.errors import ClusterError, ObjectUnreadable


def pod(spec: dict[str, Any] | None = None, status: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"metadata": {"namespace": "shop", "name": "cart"}, "spec": spec or {}, "status": status or {}}


def node(status: dict[str, Any] | None = None, spec: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"metadata": {"name": "n1"}, "spec": spec or {}, "status": status or {}}


BAD = {"cpu": "1 core"}


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        (pod({"containers": [{}, {"resources": {"requests": BAD}}]}), "spec.containers[1].resources.requests[cpu]"),
        (pod({"containers": [{"resources": {"limits": BAD}}]}), "spec.containers[0].resources.limits[cpu]"),
        (pod({"initContainers": [{"resources": {"limits": BAD}}]}), "spec.initContainers[0].resources.limits[cpu]"),
        (pod({"overhead": BAD}), "spec.overhead[cpu]"),
        (pod({"resources": {"requests": BAD}}), "spec.resources.requests[cpu]"),
        (pod({}, {"allocatedResources": BAD}), "status.allocatedResources[cpu]"),
        (
            pod({}, {"containerStatuses": [{"allocatedResources": BAD}]}),
            "status.containerStatuses[0].allocatedResources",
        ),
        (
            pod({}, {"initContainerStatuses": [{"resources": {"requests": BAD}}]}),
            "status.initContainerStatuses[0].resources.requests[cpu]",
        ),
    ],
)
def test_a_quantity_that_cannot_be_read_names_pod_field_and_text(bad: dict[str, Any], field: str) -> None:
    """So that somebody can find and mend it."""
    with pytest.raises(ObjectUnreadable, match=re.escape(f"pod shop/cart: {field}")) as caught:
        pod_from_json(bad)
    assert "'1 core'" in str(caught.value)


def test_protobuf_names_the_same_field() -> None:
    """The two ways of reading complain alike."""
    message = k8s_pb2.Pod(metadata={"name": "cart", "namespace": "shop"})
    bad = k8s_pb2.ResourceRequirements(requests=[{"name": "cpu", "quantity": {"text": "1 core"}}])
    message.spec.containers.add(name="a", resources=bad.SerializeToString())
    with pytest.raises(ObjectUnreadable) as in_protobuf:
        pod_from_protobuf(message.SerializeToString())
    with pytest.raises(ObjectUnreadable) as in_json:
        pod_from_json(pod({"containers": [{"name": "a", "resources": {"requests": BAD}}]}))
    assert str(in_protobuf.value) == str(in_json.value)


@pytest.mark.parametrize("text", ["12E", "9223372036854775808", "1e30", "1e390", "9" * 390])
def test_an_amount_beyond_64_bits_is_refused_by_name(text: str) -> None:
    """Upstream would wrap or show 0; we say which object asks for that much."""
    with pytest.raises(ObjectUnreadable, match=r"pod shop/cart: spec\.overhead\[memory\].*64 bits"):
        pod_from_json(pod({"overhead": {"memory": text}}))


@pytest.mark.parametrize("figure", ["capacity", "allocatable"])
def test_a_nodes_quantity_names_the_node(figure: str) -> None:
    """Node, field and text."""
    with pytest.raises(ObjectUnreadable, match=re.escape(f"node n1: status.{figure}[memory]")):
        node_from_json(node({figure: {"memory": "16GB"}}))


@pytest.mark.parametrize(
    "broken",
    [{}, {"metadata": {"name": "a"}}, {"metadata": {"namespace": "a"}}, {"metadata": []}, pod() | {"spec": "x"},
     pod({"containers": {}}), pod({"containers": [1]}), pod({"overhead": ["cpu"]})],
)  # fmt: skip
def test_what_is_not_a_pod_is_refused(broken: dict[str, Any]) -> None:
    """No name, or something else where an object belongs."""
    with pytest.raises(ClusterError):
        pod_from_json(broken)


@pytest.mark.parametrize(
    ("conditions", "ready", "abnormal"),
    [
        ([("Ready", "True")], True, ()),
        ([("Ready", "False"), ("DiskPressure", "True"), ("PIDPressure", "False")], False, ("DiskPressure",)),
        ([("Ready", "Unknown"), ("MemoryPressure", "Unknown")], None, ("MemoryPressure",)),
        ([], None, ()),
        ([("Ready", "True"), ("KernelReady", "True"), ("StorageReady", "False")], True, ("StorageReady",)),
    ],
)
def test_conditions_tell_ready_and_what_is_abnormal(
    conditions: list[tuple[str, str]], ready: bool | None, abnormal: tuple[str, ...]
) -> None:
    """Pressure is abnormal when True, …Ready when not True, Unknown always; in both encodings."""
    facts = node_from_json(node({"conditions": [{"type": kind, "status": status} for kind, status in conditions]}))
    message = k8s_pb2.Node(metadata={"name": "n1"})
    for kind, status in conditions:
        message.status.conditions.add(type=kind, status=status)
    assert (facts.ready, facts.conditions) == (ready, abnormal)
    assert node_from_protobuf(message.SerializeToString()) == facts


def test_an_empty_status_map_is_told_from_an_absent_one_in_json() -> None:
    """Upstream counts nothing for allocatedResources {}, and the spec where it is absent."""
    requests = {"containers": [{"name": "a", "resources": {"requests": {"memory": "1Gi"}}}]}
    status = {"name": "a", "resources": {"requests": {"memory": "2Gi"}}}
    infeasible = {"conditions": [{"type": "PodResizePending", "reason": "Infeasible"}]}
    reported = pod(requests, {"containerStatuses": [status], **infeasible})
    silent = pod(requests, {"containerStatuses": [{"name": "a", "allocatedResources": {}}]})
    assert dict(pod_from_json(reported).amounts.scheduled) == {"memory": 2 << 30}
    assert dict(pod_from_json(silent).amounts.scheduled) == {"memory": 1 << 30}
    assert pod_from_json(silent).shape.statuses[0].allocated == ()


def test_a_condition_that_is_no_text_keeps_nothing_from_being_counted() -> None:
    """Whoever may write a pod's status may write any bytes there; only one condition's reason is looked at."""
    message = k8s_pb2.Pod()
    message.metadata.name, message.metadata.namespace = "cart", "shop"
    message.status.conditions.add(type=b"\xff", reason=b"\xfe\x00")
    message.status.conditions.add(type=b"PodResizePending", reason=b"Infeasible")
    assert pod_from_protobuf(message.SerializeToString()).shape.infeasible is True


def test_pods_of_one_template_share_their_amounts_whatever_else_they_say() -> None:
    """Names, node, phase and fields that are not read make no difference: amounts are worked out once."""
    first, second = k8s_pb2.Pod(), k8s_pb2.Pod()
    for at, message in enumerate((first, second)):
        message.metadata.name, message.metadata.namespace, message.metadata.uid = f"cart-{at}", "shop", f"u{at}"
        message.spec.node_name, message.status.phase = f"node-{at}", ("Running", "Pending")[at]
        cpu = k8s_pb2.Resource(name="cpu", quantity=k8s_pb2.Quantity(text="123m"))
        message.spec.containers.add(
            name="app", resources=k8s_pb2.ResourceRequirements(requests=[cpu]).SerializeToString()
        )
    unread = b"\xfa\x07\x03abc"  # field 127
    facts = pod_from_protobuf(first.SerializeToString()), pod_from_protobuf(second.SerializeToString() + unread)
    assert facts[0].amounts is facts[1].amounts
    assert [(each.name, each.node, each.phase) for each in facts] == [
        ("cart-0", "node-0", "Running"),
        ("cart-1", "node-1", "Pending"),
    ]
