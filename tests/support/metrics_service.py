"""metrics.k8s.io of a real API server: an APIService in front of the simulator's metrics, through the aggregator."""

import time
from dataclasses import dataclass
from typing import Any

from admin import Admin
from clusters import METRICS
from nodetally.simulate.server import Simulator

READY_SECONDS = 60  # the aggregator asks a new backend at once, and then every 30 s
NAMESPACE = "kube-system"


@dataclass(frozen=True)
class MetricsService:
    """The backend and its registration."""

    admin: Admin
    backend: Simulator

    def register(self) -> None:
        """Tell the API server of it; done when a list through the server answers."""
        self.admin.apply(_service())
        self.admin.apply(_api_service(self.backend.server_address[1]))
        self._wait_for(200)

    def unregister(self) -> None:
        """Let the API group vanish."""
        self.admin.delete(_api_service(1))
        self._wait_for(404)

    def _wait_for(self, status: int) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while (found := self.admin.ask("GET", METRICS)).status != status:
            if time.monotonic() > deadline:
                raise AssertionError(f"metrics.k8s.io: {found.status} {found.body!r}, not {status}")
            time.sleep(0.05)


def _service() -> dict[str, Any]:
    """Nobody routes to a Service's endpoints here: an external name is dialled as it is."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "metrics-server", "namespace": NAMESPACE},
        "spec": {"type": "ExternalName", "externalName": "localhost"},
    }


def _api_service(port: int) -> dict[str, Any]:
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": "v1beta1.metrics.k8s.io"},
        "spec": {
            "group": "metrics.k8s.io",
            "version": "v1beta1",
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "insecureSkipTLSVerify": True,
            "service": {"name": "metrics-server", "namespace": NAMESPACE, "port": port},
        },
    }
