"""What metrics.k8s.io measured on each node. It may be partial or missing, and never fails a pass."""

import http
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError

from nodetally.accounting.facts import Usage
from nodetally.accounting.quantity import QuantityError, amount, parse, parse_json
from nodetally.cluster import k8s_pb2
from nodetally.cluster.answer import Answer
from nodetally.cluster.connection import Connection
from nodetally.cluster.deadline import Deadline
from nodetally.cluster.observation import UsageReading
from nodetally.cluster.refusals import AnswerError, RefusedError
from nodetally.cluster.wire import JSON, PROTOBUF, Buffer, JsonList, ProtobufList
from nodetally.errors import ClusterError

VERSIONS = ("v1beta1", "v1")  # metrics-server up to 0.9 serves only v1beta1; both have one shape
MAX_AGE = timedelta(minutes=5)  # metrics-server scrapes every 15 to 60 s: older means that nobody scrapes any more
PATIENCE_SECONDS = 30.0  # 5,000 nodes are 4 MB; the aggregator gives its backend 60 s, no pass waits that long
USAGE_OFF = UsageReading("off", "switched off with --no-usage")


class Sample(NamedTuple):
    """One node's measurement."""

    node: str
    timestamp: datetime
    usage: Usage


def read_usage(connection: Connection, nodes: Sequence[str], now: datetime) -> UsageReading:
    """Ask for all nodes at once. Whatever goes wrong becomes a status and a reason; it leaves the pass time to end."""
    deadline = Deadline(min(PATIENCE_SECONDS, connection.deadline.left() / 2), "metrics.k8s.io")
    try:
        with closing(connection.another(deadline)) as own:
            return judge({each.node: each for each in _samples(own)}, nodes, now)
    except RefusedError as error:
        return UsageReading("forbidden", str(error))
    except (ClusterError, QuantityError, DecodeError, ValueError, OverflowError) as error:
        return UsageReading("absent", str(error))
    finally:
        deadline.cancel()


def judge(samples: Mapping[str, Sample], nodes: Sequence[str], now: datetime) -> UsageReading:
    """Which of the listed nodes have a fresh measurement; the others are unknown, never 0."""
    usage: dict[str, Usage] = {}
    oldest: datetime | None = None
    for name in nodes:
        sample = samples.get(name)
        if sample is not None and now - sample.timestamp <= MAX_AGE:
            usage[name] = sample.usage
            oldest = min(oldest or sample.timestamp, sample.timestamp)
    if len(usage) == len(nodes):
        return UsageReading("ok", None, oldest, usage)
    missing = tuple(name for name in nodes if name not in usage)
    aged = [samples[name].timestamp for name in missing if name in samples]
    if usage:
        reason = f"no measurement of {len(missing)} of {len(nodes)} nodes"
        reason += f", {len(aged)} of them stale" if aged else ""
        return UsageReading("partial", reason, oldest, usage, missing)
    if aged:
        reason = f"the newest measurement is of {max(aged):%Y-%m-%dT%H:%M:%SZ}"
        return UsageReading("stale", reason, None, {}, missing)
    return UsageReading("absent", "metrics.k8s.io has no measurement of any node", None, {}, missing)


def _samples(connection: Connection) -> list[Sample]:
    for version in VERSIONS:
        try:
            path = f"/apis/metrics.k8s.io/{version}/nodes"
            with connection.get(path, accept=f"{PROTOBUF}, {JSON}", attempts=1) as answer:
                return read_answer(answer)
        except AnswerError as error:
            if error.status == http.HTTPStatus.NOT_ACCEPTABLE:
                with connection.get(path, accept=JSON, attempts=1) as answer:
                    return read_answer(answer)
            if error.status != http.HTTPStatus.NOT_FOUND:
                raise
    raise ClusterError("the cluster has no metrics API (metrics.k8s.io)")


def read_answer(answer: Answer) -> list[Sample]:
    """Every measurement of a NodeMetricsList. Raises ClusterError, QuantityError, DecodeError or ValueError."""
    buffer = Buffer(answer.read_into)
    if answer.content_type.startswith(PROTOBUF):
        listed = ProtobufList(buffer, "node metrics")
        samples = [_from_protobuf(item) for item in listed.items()]
        kind = listed.head.kind
    else:
        in_json = JsonList(buffer, "node metrics")
        samples = [_from_json(item) for item in in_json.items()]
        kind = in_json.head.kind
    if kind != "NodeMetricsList":
        raise ClusterError(f"metrics.k8s.io answered with a {kind or 'nameless thing'}, not a NodeMetricsList")
    return samples


def _from_protobuf(body: bytes) -> Sample:
    metrics = k8s_pb2.NodeMetrics.FromString(body)
    usage = {each.name: parse(each.quantity.text) for each in metrics.usage}
    return Sample(metrics.metadata.name, _moment(metrics.timestamp.seconds), _usage(usage))


@lru_cache(maxsize=512)  # nodes are scraped together: thousands share some seconds
def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _from_json(metrics: Mapping[str, Any]) -> Sample:
    usage = {name: parse_json(text) for name, text in (metrics.get("usage") or {}).items()}
    timestamp = datetime.fromisoformat(str(metrics.get("timestamp")))
    return Sample(str((metrics.get("metadata") or {}).get("name")), timestamp.astimezone(UTC), _usage(usage))


def _usage(usage: Mapping[str, int]) -> Usage:
    if "cpu" not in usage or "memory" not in usage:
        raise ClusterError("a measurement without cpu or memory")
    amount("cpu", usage["cpu"])  # beyond 64 bits it is no measurement: told here, where it costs only usage
    amount("memory", usage["memory"])
    return Usage(usage["cpu"], usage["memory"])
