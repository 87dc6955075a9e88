"""What the budgets are measured on: one simulated cluster for each module, and a real S3 server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import servers
from budget_passes import Ground, ground
from nodetally.store.s3 import S3Store

BUCKET = "budgets"


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A cluster of 2,000 pods on 30 nodes, with the metrics of its nodes."""
    with ground(tmp_path_factory.mktemp("ground")) as made:
        yield made


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A cluster of 50 pods on 5 nodes, for what does not depend on its size."""
    with ground(tmp_path_factory.mktemp("small"), 50, 5) as made:
        yield made


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.S3Server]:
    """A real S3 server with a bucket."""
    folder: Path = tmp_path_factory.mktemp("s3")
    with servers.s3_server(folder) as server:
        S3Store(BUCKET, environment=server.environment).client.create_bucket(Bucket=BUCKET)
        yield server
