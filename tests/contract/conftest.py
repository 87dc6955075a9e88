"""The stores that the contract suites run over: a directory, S3 in process (one thread only), a real S3 server."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from moto import mock_aws

import servers
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


@pytest.fixture
def moto_store() -> Iterator[S3Store]:
    """An empty store over S3 in process: no server, no lock between precondition and write."""
    with mock_aws():
        store = S3Store(BUCKET, "some/prefix", sleep=lambda _: None)
        store.client.create_bucket(Bucket=BUCKET)
        yield store


@pytest.fixture
def server_store(s3_server: servers.S3Server) -> S3Store:
    """An empty store on the real server."""
    return S3Store(BUCKET, f"test-{next(_prefixes)}", environment=s3_server.environment, sleep=lambda _: None)


@pytest.fixture(params=["directory", "moto", "server"])
def store(request: pytest.FixtureRequest) -> Store:
    """Each kind of store in turn, empty."""
    made: Store = request.getfixturevalue(f"{request.param}_store")
    return made


@pytest.fixture(params=["directory", "server"])
def shared_store(request: pytest.FixtureRequest) -> Store:
    """The stores that many writers may use at once."""
    made: Store = request.getfixturevalue(f"{request.param}_store")
    return made
