"""Usage through a real API server's aggregator: there, not there, not allowed."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from admin import Admin
from cluster_content import binding, cluster_role, service_account
from clusters import METRICS, read
from control_plane import ControlPlane
from metrics_service import MetricsService
from nodetally.accounting.quantity import amount, parse
from nodetally.cluster.wire import PROTOBUF
from nodetally.settings import Settings
from nodetally.simulate.faults import Fault
from reader_suite import tallied


def usage_of(found: dict[str, Any]) -> dict[str, dict[str, int | None]]:
    return {
        each["name"]: {name: each["resources"][name]["usage"] for name in ("cpu", "memory")} for each in found["nodes"]
    }


def test_usage_is_what_the_metrics_api_measured(
    admin: Admin, cluster_settings: Settings, metrics: MetricsService
) -> None:
    """Every node's cpu and memory, in millicores and bytes."""
    del metrics
    measured = {
        item["metadata"]["name"]: {name: amount(name, parse(text)) for name, text in item["usage"].items()}
        for item in admin.get(METRICS)["items"]
    }
    seen = read(cluster_settings)
    assert seen.usage.status == "ok"
    assert usage_of(tallied(seen)) == measured


def test_the_aggregator_passes_protobuf_on(admin: Admin, metrics: MetricsService) -> None:
    """So the reader may ask for it first."""
    del metrics
    assert admin.ask("GET", METRICS, accept=PROTOBUF).headers["Content-Type"] == PROTOBUF


@pytest.fixture
def without_metrics(metrics: MetricsService) -> Iterator[None]:
    """A cluster where metrics-server was never installed."""
    metrics.unregister()
    yield
    metrics.register()


@pytest.mark.usefixtures("without_metrics")
def test_without_the_group_usage_is_unknown(cluster_settings: Settings) -> None:
    """404 for both of its versions: null, a reason, and the pass succeeds."""
    seen = read(cluster_settings)
    assert (seen.usage.status, seen.usage.reason) == ("absent", "the cluster has no metrics API (metrics.k8s.io)")
    assert all(values == {"cpu": None, "memory": None} for values in usage_of(tallied(seen)).values())


def test_a_backend_that_does_not_answer_makes_usage_unknown(
    cluster_settings: Settings, metrics: MetricsService
) -> None:
    """Installed but broken; one attempt, no waiting."""
    metrics.backend.add_fault(Fault(METRICS, status=503, times=1))
    seen = read(cluster_settings)
    assert (seen.usage.status, "503" in str(seen.usage.reason)) == ("absent", True)
    assert read(cluster_settings).usage.status == "ok"


def test_an_account_that_may_not_read_metrics_still_makes_a_pass(
    control_plane: ControlPlane, cluster_settings: Settings, metrics: MetricsService
) -> None:
    """Without the last rule of the ClusterRole: usage is forbidden, everything else is there."""
    del metrics
    admin = control_plane.admin
    for each in (service_account("no-metrics"), cluster_role("no-metrics", "nodes", "pods"), binding("no-metrics")):
        admin.apply(each)
    kubeconfig = str(control_plane.kubeconfig(admin.token_of("no-metrics"), "kubeconfig-no-metrics"))
    seen = read(replace(cluster_settings, kubeconfig=kubeconfig))
    assert seen.usage.status == "forbidden"
    assert "may not list nodes: 403" in str(seen.usage.reason)
    assert len(seen.nodes) == 54
