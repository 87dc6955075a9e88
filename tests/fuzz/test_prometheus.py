"""Answers that no Prometheus should give: any JSON, series without their labels, numbers of any size."""

import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from unittest import mock
from urllib.parse import parse_qs
from urllib.request import OpenerDirector, Request

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzz.commands import URL, Ended, MemoryStore, assert_harmless, nodetally
from fuzz.shapes import bodies, dumped
from nodetally import snapshot
from nodetally.backfill.promql import Questions
from nodetally.store.layout import snapshot_key
from nodetally.store.schema import wrong_with_snapshot

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
SLOT = "2026-03-10T12:00:00Z"
NODE = {"node": "n1"}
CPU, MEMORY = {"resource": "cpu"}, {"resource": "memory"}
BOTH = [({**NODE, **CPU}, "2"), ({**NODE, **MEMORY}, "1024"), (CPU, "1"), (MEMORY, "64")]
SPACES = [({"namespace": "a", **CPU}, "2"), ({"namespace": "b", **MEMORY}, "1024")]
SERIES: dict[str, list[tuple[dict[str, str], str]]] = {
    "info": [({**NODE, "kubelet_version": "v1.36.0", "os_image": "Linux"}, "1")],
    "created": [(NODE, "1773000000")],
    "capacity": BOTH[:2],
    "allocatable": BOTH[:2],
    "conditions": [({**NODE, "condition": "Ready", "status": "true"}, "1")],
    "cordoned": [(NODE, "0")],
    "taints": [({**NODE, "key": "dedicated", "value": "x", "effect": "NoSchedule"}, "1")],
    "labels": [({**NODE, "label_topology_kubernetes_io_zone": "z"}, "1")],
    "roles": [({**NODE, "role": "worker"}, "1")],
    **{name: [(NODE, "3"), ({}, "1")] for name in ("counted", "pending", "terminal", "terminating")},
    "namespace_counted": [({"namespace": "a"}, "3")],
    "containers": BOTH[:2],
    **dict.fromkeys(("requests", "limits", "requests_spread", "limits_spread"), BOTH),
    **{f"namespace_{name}": SPACES for name in ("requests", "limits", "requests_spread", "limits_spread")},
    "usage_cpu": [(NODE, "0.25")],
    "usage_memory": [(NODE, "512")],
}
NAMES = {query: name for name, query in Questions().all().items()}
GOOD = {
    name: {
        "status": "success",
        "data": {
            "resultType": "matrix",
            "result": [
                {"metric": labels, "values": [[NOON.timestamp(), value]]} for labels, value in SERIES.get(name, ())
            ],
        },
    }
    for name in NAMES.values()
}
instead = st.sampled_from(sorted(SERIES)).flatmap(lambda name: st.tuples(st.just(name), bodies(GOOD[name])))


def backfilled(store: MemoryStore, other: Mapping[str, bytes]) -> Ended:
    """One slot from a server that answers as a good one does, but for what is given."""

    def answer(_: OpenerDirector, request: Request, **__: Any) -> io.BytesIO:
        assert isinstance(request.data, bytes)
        name = NAMES.get(parse_qs(request.data.decode())["query"][0], "terminating")
        return io.BytesIO(other.get(name) or dumped(GOOD[name]))

    span = ["--from", SLOT, "--to", "2026-03-10T12:05:00Z", "--format", "json"]
    with mock.patch.object(OpenerDirector, "open", answer):
        return nodetally(store, "backfill", "prometheus", "http://127.0.0.1:1", "--cluster", "c", *span, "--store", URL)


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(instead)
def test_whatever_a_prometheus_answers_is_refused_or_a_snapshot(what: tuple[str, bytes]) -> None:
    """No traceback; what is stored is as the schema says, and the store is whole."""
    name, body = what
    store = MemoryStore()
    end = backfilled(store, {name: body})
    assert end.code in (0, 3), end
    assert_harmless(end, is_json=True)
    stored = store.get(snapshot_key("c", SLOT))
    if stored is None:
        assert end.code == 3 or json.loads(end.out)["impossible"], end
        return
    assert wrong_with_snapshot(snapshot.decode(stored.body)) is None
    verified = nodetally(store, "store", "verify", "--patience", "0s", "--store", URL)
    assert verified.code == 0, verified


def test_the_good_answers_are_a_snapshot() -> None:
    """What the property changes is right to begin with."""
    store = MemoryStore()
    end = backfilled(store, {})
    assert (end.code, json.loads(end.out)["filled"]) == (0, 1), end
    [made] = snapshot.decode(store.objects[snapshot_key("c", SLOT)])["nodes"]
    assert (made["name"], made["zone"], made["pods"]["counted"]) == ("n1", "z", 3)
    assert made["resources"]["cpu"]["usage"] == 250


@pytest.mark.parametrize("name", sorted(set(SERIES) - {"labels"}))
def test_series_without_their_labels_are_no_traceback(name: str) -> None:
    """A server that relabels drops what it wants."""
    series = [{"metric": {}, "values": [[NOON.timestamp(), "1"]]}]
    bare = {"status": "success", "data": {"resultType": "matrix", "result": series}}
    end = backfilled(MemoryStore(), {name: dumped(bare)})
    told = json.loads(end.out)
    if name.endswith("counted") or name in ("pending", "terminal", "terminating"):  # of pods without a node
        assert end.code == 0, end
    else:
        assert (end.code, "without the label" in told["impossible"][0]["reason"]) == (3, True), end
