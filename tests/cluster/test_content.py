"""What a real API server takes of the tests' content, and how it counts there."""

from collections.abc import Callable
from typing import Any

import pytest

from admin import Admin
from cluster_content import VECTORS_NAMESPACE, Refusals, hard_objects, vectors
from nodetally.accounting.pods import Mode, limits, requests
from nodetally.accounting.quantity import parse
from nodetally.cluster.decode import pod_from_json, pod_from_protobuf
from nodetally.cluster.wire import PROTOBUF, ProtobufList
from wires import buffer_of

REFUSED = {
    "08-overhead-zero-limit": 'requests: Invalid value: "100m": must be less than or equal to cpu limit of 0',
    "12-podlevel-with-overhead-and-init": "must be greater than or equal to aggregate container requests",
}
TOO_HARD = (
    "Limit must be set for non overcommitable resources",
    "must be less than or equal to",
    "must be greater than or equal to aggregate container requests",
    "must be equal to",
    "HugePages require cpu or memory",
)
CHANGED = {
    "31-limit-only": "missing requests are copied from limits (apis/core/v1/defaults.go:170)",
    "32-micro": "cpu is rounded up to millicores when a pod is created (apis/core/v1/defaults.go)",
}
FIGURES: dict[str, tuple[Callable[..., Any], Mode, str, str]] = {
    "totals' requests": (requests, Mode.TOTALS, "describe_totals", "requests"),
    "totals' limits": (limits, Mode.TOTALS, "describe_totals", "limits"),
    "row's requests": (requests, Mode.ROW, "describe_row", "requests"),
    "row's limits": (limits, Mode.ROW, "describe_row", "limits"),
    "scheduler's requests": (requests, Mode.SCHEDULER, "scheduler", "requests"),
}


def test_the_server_takes_all_vectors_but_two(refusals: Refusals) -> None:
    """Those two cannot be in a real cluster; unit tests hold them all the same."""
    assert set(refusals.vectors) == set(REFUSED)
    assert all(REFUSED[name] in reason for name, reason in refusals.vectors.items())


def test_of_the_hard_cluster_it_refuses_only_pods_that_break_its_rules(refusals: Refusals) -> None:
    """No pod is missing because a test wrote it wrongly, and enough are left."""
    kinds = {item["metadata"]["name"]: item["kind"] for item in hard_objects()}
    strange = {name: reason for name, reason in refusals.hard.items() if not any(each in reason for each in TOO_HARD)}
    assert strange == {}
    assert {kinds[name] for name in refusals.hard} == {"Pod"}
    assert len(kinds) - len(refusals.hard) >= 500


@pytest.mark.parametrize("form", ["json", "protobuf"])
@pytest.mark.parametrize("figure", FIGURES)
def test_vectors_count_as_upstreams_code_says(admin: Admin, refusals: Refusals, form: str, figure: str) -> None:
    """All that the server took, as it stores them; it changes two of them, and says so in its source."""
    read, mode, part, key = FIGURES[figure]
    path = f"/api/v1/namespaces/{VECTORS_NAMESPACE}/pods"
    items = admin.items(path)
    if form == "protobuf":
        body = admin.ask("GET", path, accept=PROTOBUF).body
        pods = [pod_from_protobuf(each) for each in ProtobufList(buffer_of(body), "pods").items()]
    else:
        pods = [pod_from_json(each) for each in items]
    found = {item["metadata"]["name"]: dict(read(pod.shape, mode)) for item, pod in zip(items, pods, strict=True)}
    expected = {
        each["name"]: {name: parse(text) for name, text in each[part][key].items()}
        for each in vectors()
        if each["name"] not in refusals.vectors
    }
    differing = {name for name in expected if found[name] != expected[name]}
    assert found.keys() == expected.keys()
    assert differing == (CHANGED.keys() if key == "requests" else set())
