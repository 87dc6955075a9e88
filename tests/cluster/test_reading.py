"""The reader suite on a real API server."""

from collections.abc import Iterator
from typing import Any

import pytest

from control_plane import ControlPlane
from metrics_service import MetricsService
from nodetally.settings import Settings
from reader_suite import ReaderSuite, Source
from relay import relaying


@pytest.fixture(scope="module")
def source(
    control_plane: ControlPlane,
    cluster_settings: Settings,
    metrics: MetricsService,
    objects: list[dict[str, Any]],
    token: str,
) -> Iterator[Source]:
    """The API server behind relays: one to see what it is asked, one that hides its protobuf."""
    del metrics  # a pass asks for them
    address = (control_plane.url, control_plane.certificates.authority)
    with relaying(*address) as relay, relaying(*address, json_only=True) as json_only:
        relayed, in_json = (
            Settings(
                cluster="c",
                kubeconfig=str(each.write_kubeconfig(control_plane.folder / f"kubeconfig-{name}", token)),
                timeout_seconds=60,
            )
            for each, name in ((relay, "relay"), (json_only, "json"))
        )
        yield Source(relay, relayed, in_json, cluster_settings, objects, "pool=gpu", small_page=3)


class TestApiServer(ReaderSuite):
    """Passes what the simulator passes in tests/contract."""
