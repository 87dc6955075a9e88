"""The document against its own published schema, and its bytes there and back."""

import gzip
import json
import random
import zlib
from datetime import UTC, datetime
from typing import Any

import jsonschema
import orjson
import pytest

from facts import node_facts
from nodetally import snapshot
from nodetally.accounting.facts import NodeFacts, Usage
from nodetally.accounting.nodes import ClusterTally
from nodetally.assemble import assemble
from nodetally.cluster.decode import pod_from_json
from nodetally.cluster.dump import observe_dumps
from nodetally.cluster.observation import Cost, Observation, UsageReading
from nodetally.errors import ObjectUnreadable, StoreError
from nodetally.settings import Settings
from nodetally.times import cut_down
from paths import VECTORS

NOW = datetime(2026, 11, 23, 12, 34, 56, tzinfo=UTC)
GIB = 10**9 << 30


def node(name: str, *, ready: bool | None = True, cordoned: bool = False, **changed: Any) -> NodeFacts:
    allocatable = (("cpu", 4 * 10**9), ("memory", 8 * GIB), ("pods", 110 * 10**9))
    return node_facts(allocatable, allocatable, name)._replace(ready=ready, cordoned=cordoned, **changed)


def observed(nodes: list[NodeFacts], pods: tuple[dict[str, Any], ...] = (), **changed: Any) -> Observation:
    tally = ClusterTally()
    for pod in pods:
        tally.add(pod_from_json(pod))
    plain = {"kind": "list", "taken_at": NOW, "usage": UsageReading("off"), "cost": Cost(), "consistent": True}
    return Observation(nodes=nodes, tally=tally, pods_read=tally.pods, **{**plain, **changed})


def document(observation: Observation, **settings: Any) -> dict[str, Any]:
    made = assemble(observation, Settings(cluster="c", **settings), NOW, lambda: 0.5)
    found = snapshot.decode(made.body)
    assert {**made.outline, "nodes": found["nodes"], "namespaces": found["namespaces"]} == found
    return found


def pod(name: str, node_name: str | None = "a", **requests: str) -> dict[str, Any]:
    spec = {"nodeName": node_name, "containers": [{"name": "a", "resources": {"requests": requests}}]}
    return {"metadata": {"namespace": "d", "name": name}, "spec": spec, "status": {"phase": "Running"}}


def validate(found: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(snapshot.json_schema()).validate(json.loads(orjson.dumps(found)))


def test_a_hard_cluster_fits_the_schema() -> None:
    """And the schema itself is one."""
    jsonschema.Draft202012Validator.check_schema(snapshot.json_schema())
    validate(document(observe_dumps([str(VECTORS / "cluster.json.gz")], NOW)))


def test_an_empty_cluster_fits_the_schema() -> None:
    """No nodes, no pods: zeros that are known, and nothing divided by them."""
    empty = document(observed([]))
    validate(empty)
    assert empty["totals"]["nodes"] == {"count": 0, "ready": 0, "schedulable": 0}
    assert empty["totals"]["resources"] == {}


@pytest.mark.parametrize("wrong", [{"requests": None, "usage": "1"}, {"capacity": 1.5}, {"limits": "0"}])
def test_the_schema_refuses_what_is_not_an_integer_or_null(wrong: dict[str, Any]) -> None:
    """So that a reader may rely on it."""
    found = document(observed([node("a")]))
    found["nodes"][0]["resources"]["cpu"].update(wrong)
    with pytest.raises(jsonschema.ValidationError):
        validate(found)


def test_a_node_that_reports_nothing_is_unknown_not_zero() -> None:
    """Its capacity is null, and so are the sums that it is part of; its pods count all the same."""
    silent = node("silent", capacity=(), allocatable=())
    found = document(observed([node("a"), silent], (pod("p", "silent", cpu="1"),)))
    cpu = found["nodes"][1]["resources"]["cpu"]
    assert (cpu["capacity"], cpu["allocatable"], cpu["requests"]) == (None, None, 1000)
    assert found["nodes"][1]["pods"]["allocatable"] is None
    assert found["totals"]["resources"]["cpu"]["allocatable"] is None
    assert found["totals"]["resources"]["cpu"]["requests"] == 1000
    assert found["totals"]["pods"]["allocatable"] is None
    validate(found)


def test_an_empty_allocatable_means_capacity() -> None:
    """As the API server defaults it and kubectl describe reads it."""
    found = document(observed([node("a", allocatable=())]))
    assert found["nodes"][0]["resources"]["cpu"]["allocatable"] == 4000


def test_a_resource_that_the_node_does_not_have_counts_as_none_of_it() -> None:
    """A pod that asks for a GPU on a node without one: 0 allocatable, which the scheduler reads there too."""
    found = document(observed([node("a")], (pod("p", **{"nvidia.com/gpu": "1"}),)))
    assert found["nodes"][0]["resources"]["nvidia.com/gpu"] == {
        "capacity": 0,
        "allocatable": 0,
        "requests": 1,
        "limits": 0,
        "scheduled": 1,
        "containers": 1,
        "usage": None,
    }


def test_usage_is_there_for_measured_nodes_only() -> None:
    """The other node is null and named, and so is the total: half a sum is a guess."""
    reading = UsageReading("partial", "why", NOW, {"a": Usage(10**9, GIB)}, ("b",))
    found = document(observed([node("a"), node("b")], usage=reading))
    usage = [each["resources"]["cpu"]["usage"] for each in found["nodes"]]
    assert usage == [1000, None]
    assert found["totals"]["resources"]["memory"]["usage"] is None
    assert found["usage"] == {
        "status": "partial",
        "reason": "why",
        "oldest": "2026-11-23T12:34:56Z",
        "missing_nodes": ["b"],
    }


def test_schedulable_is_ready_and_not_cordoned() -> None:
    """The totals beside the totals hold just those nodes."""
    nodes = [node("a"), node("b", cordoned=True), node("c", ready=False), node("d", ready=None)]
    found = document(observed(nodes))
    assert [each["schedulable"] for each in found["nodes"]] == [True, False, False, False]
    assert found["totals"]["nodes"] == {"count": 4, "ready": 2, "schedulable": 1}
    assert found["schedulable_totals"]["nodes"]["count"] == 1
    assert found["schedulable_totals"]["resources"]["cpu"]["allocatable"] == 4000


def test_pods_without_a_listed_node_are_kept_apart_and_never_dropped() -> None:
    """Unscheduled, on an unknown node, and the namespaces that hold bound pods."""
    pods = (pod("here", cpu="1"), pod("gone", "gone", cpu="2"), pod("waits", None, cpu="4"))
    found = document(observed([node("a")], pods))
    assert found["unscheduled"] == {"pods": {"counted": 1}, "resources": {"cpu": {"requests": 4000, "limits": 0}}}
    assert [(each["name"], each["resources"]["cpu"]["requests"]) for each in found["unknown_nodes"]] == [("gone", 2000)]
    assert found["namespaces"][0]["pods"] == {"counted": 2}
    assert found["namespaces"][0]["resources"]["cpu"]["requests"] == 3000
    validate(found)


def test_only_the_labels_that_were_asked_for_are_kept() -> None:
    """Labels can hold anything; a snapshot may be public."""
    labelled = node("a", labels={"team": "x", "secret": "y", "topology.kubernetes.io/zone": "z"})
    found = document(observed([labelled]), labels=("team", "absent"))["nodes"][0]
    assert (found["labels"], found["zone"]) == ({"team": "x"}, "z")


def test_a_sum_beyond_64_bits_is_refused_by_name() -> None:
    """Each pod fits, their sum does not: no number is better than a wrapped one."""
    pods = tuple(pod(f"p{at}", memory="7Ei") for at in range(2))
    with pytest.raises(ObjectUnreadable, match="node a: memory"):
        document(observed([node("a")], pods))


def test_scheduled_beyond_64_bits_is_refused_too() -> None:
    """What the kubelet reports can be more than the spec asks for, and is summed on its own."""
    status = {"containerStatuses": [{"name": "a", "allocatedResources": {"memory": "7Ei"}}]}
    pods = tuple(pod(f"p{at}", memory="1") | {"status": status} for at in range(2))
    with pytest.raises(ObjectUnreadable, match="node a: memory"):
        document(observed([node("a")], pods))


def test_a_total_beyond_64_bits_is_refused_by_name() -> None:
    """Each node fits, their sum does not."""
    huge = (("memory", 2**62 * 10**9),)
    with pytest.raises(ObjectUnreadable, match="capacity of memory over all nodes"):
        document(observed([node(name, capacity=huge, allocatable=huge) for name in "abc"]))


@pytest.mark.parametrize(
    ("every", "slot"), [(1, "12:34:56"), (60, "12:34:00"), (300, "12:30:00"), (3600, "12:00:00"), (86400, "00:00:00")]
)
def test_the_slot_is_the_start_cut_down_to_the_period(every: int, slot: str) -> None:
    """A retry within the period answers for the same slot."""
    assert cut_down(NOW, every) == datetime.fromisoformat(f"2026-11-23T{slot}+00:00")


def test_bytes_are_one_line_and_the_same_every_time() -> None:
    """One line of UTF-8 JSON, gzip without a time in it."""
    found = document(observed([node("Zürich")]))
    body = snapshot.encode(found)
    line = gzip.decompress(body)
    assert body == snapshot.encode(found)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert "Zürich".encode() in line
    assert body[4:8] == bytes(4)  # RFC 1952's MTIME
    assert snapshot.decode(body) == json.loads(line)


def test_a_body_may_refer_to_the_whole_window_before_it() -> None:
    """32 KiB, which gzip's head does not say."""
    noise = random.Random(1).randbytes(30_000)
    assert snapshot.unpack(packed(noise + noise)) == noise + noise


def packed(line: bytes) -> bytes:
    """The same bytes at any time: they name tests, which two processes must name alike."""
    return gzip.compress(line, mtime=0)


@pytest.mark.parametrize("body", [b"", b"{}", packed(b"{"), packed(b"[]"), packed(b"{}")[:-3]])
def test_what_is_not_a_snapshot_is_refused(body: bytes) -> None:
    """As a store with damage in it would hand out."""
    with pytest.raises(StoreError, match="not a snapshot"):
        snapshot.decode(body)


@pytest.mark.parametrize("text", [b'{"schema": "1"}', b'{"schema": null}', b'{"schema": 1.5}', b"1", b"null"])
def test_what_says_no_schema_is_no_snapshot(text: bytes) -> None:
    """Whatever else it is."""
    with pytest.raises(StoreError, match="not a snapshot: no schema number"):
        snapshot.decode(packed(text))


def test_a_body_may_unpack_to_the_limit_and_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    """All its members together; a member that is cut off is an error, and so is none at all."""
    assert snapshot.LIMIT_BYTES == 256 << 20
    monkeypatch.setattr(snapshot, "LIMIT_BYTES", 3 << 20)
    half = packed(bytes(3 << 19))
    assert len(snapshot.unpack(half + half)) == 3 << 20
    whole = packed(bytes(3 << 20))
    for body in (half + half + packed(b"x"), packed(b"x") + whole, packed(bytes((3 << 20) + 1))):
        with pytest.raises(StoreError, match="not a snapshot: it unpacks to more than 3 MiB"):
            snapshot.unpack(body)
    for cut in (b"", half[:-1], half + half[:-1]):
        with pytest.raises(StoreError, match="not a snapshot: the gzip body is cut off"):
            snapshot.unpack(cut)
    assert snapshot.unpack(packed(b"")) == b""
    with pytest.raises(zlib.error):
        snapshot.unpack(zlib.compress(b"{}"))


def test_a_newer_schema_asks_for_a_newer_program() -> None:
    """Better than misreading it."""
    with pytest.raises(StoreError, match="schema 2") as caught:
        snapshot.decode(gzip.compress(b'{"schema": 2}'))
    assert "newer" in caught.value.hint
