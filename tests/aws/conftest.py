"""What runs on AWS, as far as it runs without AWS: a real S3 server for the function, CloudFormation in process."""

from collections.abc import Iterator

import pytest

import servers
from nodetally.store.s3 import S3Store


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.S3Server]:
    """With one bucket."""
    with servers.s3_server(tmp_path_factory.mktemp("s3")) as server:
        S3Store("nodetally-tests", environment=server.environment).client.create_bucket(Bucket="nodetally-tests")
        yield server
