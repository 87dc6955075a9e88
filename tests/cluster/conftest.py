"""One real control plane for all tests here, with one content; every read is by the ServiceAccount that is installed.

It is installed by kustomize's overlay with a kept cache: cronjob.yaml and the right to watch (test_manifests holds both
to what they say).
"""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import control_plane as real
from admin import Admin
from cluster_content import Refusals, fill, hard_objects, namespace, nodes
from control_plane import ACCOUNT, ControlPlane
from manifests import KEPT_CACHE
from metrics_service import MetricsService
from nodetally.settings import Settings
from nodetally.simulate.cluster import SimulatedCluster
from nodetally.simulate.server import Simulator, serving

_namespaces = count(1)


@pytest.fixture(scope="session")
def metrics_backend() -> Iterator[Simulator]:
    """Measures the content's nodes; made before the control plane, which keeps connections to it, and ended after."""
    measured = [*nodes(), *(each for each in hard_objects() if each["kind"] == "Node")]
    with serving(SimulatedCluster.of(measured), tls=True) as backend:
        yield backend


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory, metrics_backend: Simulator) -> Iterator[ControlPlane]:
    """The shared one: do not restart or compact it, and leave no pods behind (see new_namespace)."""
    del metrics_backend
    with real.control_plane(tmp_path_factory.mktemp("control-plane")) as plane:
        yield plane


@pytest.fixture
def own_control_plane(tmp_path: Path) -> Iterator[ControlPlane]:
    """An empty one for a test that restarts it, compacts it, or breaks it; three seconds."""
    with real.control_plane(tmp_path / "control-plane") as plane:
        plane.apply(KEPT_CACHE)
        yield plane


@pytest.fixture(scope="session")
def admin(control_plane: ControlPlane) -> Admin:
    """May do everything; for what a test puts there, never for what it reads with."""
    return control_plane.admin


@pytest.fixture(scope="session")
def refusals(admin: Admin) -> Refusals:
    """The content is there, but for these."""
    return fill(admin)


@pytest.fixture(scope="session")
def metrics(admin: Admin, metrics_backend: Simulator) -> MetricsService:
    """metrics.k8s.io through the aggregator, measuring every node of the content."""
    service = MetricsService(admin, metrics_backend)
    service.register()
    return service


@pytest.fixture(scope="session")
def token(control_plane: ControlPlane) -> str:
    """What the job is with a kept cache is applied; a token of its ServiceAccount, as the kubelet would mount it."""
    control_plane.apply(KEPT_CACHE)
    return control_plane.admin.token_of(ACCOUNT)


@pytest.fixture(scope="session")
def cluster_settings(control_plane: ControlPlane, refusals: Refusals, token: str) -> Settings:
    """Settings that lead to the content through TLS, with the job's own rights and nothing stronger."""
    del refusals
    return control_plane.settings(token)


@pytest.fixture
def new_namespace(admin: Admin) -> Iterator[str]:
    """A namespace of the shared cluster that is empty, and empty again afterwards."""
    name = f"test-{next(_namespaces)}"
    admin.apply(namespace(name))
    yield name
    admin.delete_pods(name)


@pytest.fixture
def restricted(new_namespace: str, admin: Admin) -> str:
    """A namespace that refuses every pod that is not restricted."""
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    admin.patch(namespace(new_namespace), {"metadata": {"labels": labels}})
    return new_namespace


@pytest.fixture(scope="session")
def objects(admin: Admin, refusals: Refusals) -> list[dict[str, Any]]:
    """The content's nodes and pods as the server holds them, in JSON."""
    del refusals
    return [*admin.items("/api/v1/nodes"), *admin.items("/api/v1/pods")]
