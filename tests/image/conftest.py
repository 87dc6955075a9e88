"""The image, built once by infra/Dockerfile's own lines, and an S3 server for its passes."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import servers
from dockerfile import (
    DOCKERFILE,
    CannotBuild,
    Stage,
    build,
    check_it_can_be_built,
    default_of,
    parse,
)
from images import BUCKET, MADE, Image
from nodetally.store.s3 import S3Store


def python_like(base: str) -> Path:
    """The folder of an installed Python of the version that the base image has, else of the one that runs this."""
    ours = Path(sys.base_prefix)
    version = base.removeprefix("python:").partition("-")[0]
    beside = sorted(each.parent.parent for each in ours.parent.glob(f"{version}*/bin/python3"))
    return beside[-1] if beside else ours


@pytest.fixture(scope="session")
def stages() -> list[Stage]:
    return parse(DOCKERFILE.read_text())


@pytest.fixture(scope="session")
def image(stages: list[Stage], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """Skips where nobody may make a root; with CI=true that is an error."""
    python = python_like(default_of("PYTHON"))
    try:
        check_it_can_be_built(python)
    except CannotBuild as reason:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"the image cannot be built here: {reason}")
    tree = tmp_path_factory.mktemp("image") / "nodetally"
    build(stages[0], python, MADE, tree)
    yield Image(tree, python, stages[-1])
    shutil.rmtree(tree)


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.S3Server]:
    with servers.s3_server(tmp_path_factory.mktemp("s3")) as server:
        S3Store(BUCKET, environment=server.environment).client.create_bucket(Bucket=BUCKET)
        yield server
