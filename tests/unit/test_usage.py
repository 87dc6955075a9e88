"""Usage: measured, or unknown with a reason; never 0 for want of an answer."""

from datetime import UTC, datetime, timedelta

import pytest

from nodetally.accounting.facts import Usage
from nodetally.accounting.quantity import QuantityError
from nodetally.cluster import k8s_pb2
from nodetally.cluster.answer import Answer
from nodetally.cluster.usage import MAX_AGE, Sample, judge, read_answer
from nodetally.errors import ClusterError
from wires import chunked, envelope, field

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def sample(node: str, age: timedelta = timedelta(seconds=20)) -> Sample:
    return Sample(node, NOW - age, Usage(1, 2))


@pytest.mark.parametrize(
    ("samples", "status", "missing"),
    [
        ([sample("a"), sample("b")], "ok", ()),
        ([sample("a"), sample("b"), sample("gone")], "ok", ()),
        ([sample("a")], "partial", ("b",)),
        ([sample("a"), sample("b", MAX_AGE + timedelta(seconds=1))], "partial", ("b",)),
        ([sample("a", timedelta(hours=1)), sample("b", timedelta(hours=2))], "stale", ("a", "b")),
        ([], "absent", ("a", "b")),
    ],
)
def test_usage_says_for_which_nodes_it_is_known(samples: list[Sample], status: str, missing: tuple[str, ...]) -> None:
    """Missing and stale nodes are named; a reason comes with every status but ok."""
    reading = judge({each.node: each for each in samples}, ["a", "b"], NOW)
    assert (reading.status, reading.missing_nodes) == (status, missing)
    assert (reading.reason is None) == (status == "ok")
    assert set(reading.nodes) == {"a", "b"} - set(missing)


def test_the_oldest_measurement_is_told() -> None:
    """A reader can see how fresh the whole is."""
    reading = judge({"a": sample("a"), "b": sample("b", timedelta(seconds=50))}, ["a", "b"], NOW)
    assert reading.oldest == NOW - timedelta(seconds=50)


def test_no_nodes_need_no_usage() -> None:
    """An empty cluster is known completely."""
    assert judge({}, [], NOW).status == "ok"


JSON_BODY = (
    b'{"kind":"NodeMetricsList","apiVersion":"metrics.k8s.io/v1beta1","metadata":{},"items":[{"metadata":{"name":"a"},'
    b'"timestamp":"2026-11-23T11:59:41Z","window":"15.037s","usage":{"cpu":"1200345678n","memory":"2097152Ki"}}]}'
)


def protobuf_body() -> bytes:
    metrics = k8s_pb2.NodeMetrics(metadata={"name": "a"}, window={"nanoseconds": 15_037_000_000})
    metrics.timestamp.seconds = int(datetime(2026, 11, 23, 11, 59, 41, tzinfo=UTC).timestamp())
    metrics.usage.add(name="cpu", quantity={"text": "1200345678n"})
    metrics.usage.add(name="memory", quantity={"text": "2097152Ki"})
    return envelope(field(1, b"") + field(2, metrics.SerializeToString()), "NodeMetricsList")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [("application/json", JSON_BODY), ("application/vnd.kubernetes.protobuf", protobuf_body())],
    ids=["json", "protobuf"],
)
def test_both_encodings_give_the_same_measurement(content_type: str, body: bytes) -> None:
    """cpu to the nano-core, memory to the byte."""
    samples = read_answer(Answer(content_type, chunked(body, [11])))
    measured = Usage(1_200_345_678, 2097152 * 1024 * 10**9)
    assert samples == [Sample("a", datetime(2026, 11, 23, 11, 59, 41, tzinfo=UTC), measured)]


def test_something_else_is_not_a_measurement() -> None:
    """A list of pods, or a node without cpu."""
    with pytest.raises(ClusterError, match="PodList"):
        read_answer(Answer("application/json", chunked(b'{"kind":"PodList","items":[]}', [99])))
    bad = JSON_BODY.replace(b'"cpu"', b'"gpu"')
    with pytest.raises(QuantityError, match="64 bits"):
        read_answer(Answer("application/json", chunked(JSON_BODY.replace(b"1200345678n", b"9e30"), [99])))
    with pytest.raises(ClusterError, match="without cpu"):
        read_answer(Answer("application/json", chunked(bad, [99])))
