"""The stores that the contract suites run over: a directory, S3 in process (one thread), a real S3 server."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
import servers
from moto import mock_aws

from nodetally.store.base import Store
from nodetally.store.directory import DirectoryStore
from nodetally.store.s3 import S3Store

BUCKET = "nodetally-tests"
_prefixes = count()


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.S3Server]:
    """One real S3 server for all tests, with one bucket; each test has a prefix of its own in it."""
    with servers.s3_server(tmp_path_factory.mktemp("s3")) as server:
        S3Store(BUCKET, environment=server.environment).client.create_bucket(Bucket=BUCKET)
        yield server


@pytest.fixture
def directory_store(tmp_path: Path) -> DirectoryStore:
    """An empty store in a directory that is not there yet."""
    return DirectoryStore(tmp_path / "store")


@pytest.fixture(scope="session")
def moto_stores() -> Iterator[Callable[[], S3Store]]:
    """Makes empty stores over S3 in process; their client is made once."""
    with mock_aws():
        store = S3Store(BUCKET, environment={"AWS_REGION": "us-east-1"})
        store.client.create_bucket(Bucket=BUCKET)
        yield lambda: S3Store(BUCKET, f"moto/{next(_prefixes)}", client=store.client)


@pytest.fixture(params=["directory", "moto", "server"])
def store(request: pytest.FixtureRequest) -> Store:
    """Each kind of store in turn, empty."""
    made: Store = request.getfixturevalue({"directory": "directory_store", "moto": "moto_store"}.get(request.param, "server_store"))
    return made
