"""What each command imports: exactly these packages, as an import is most of the time of a small pass."""

import importlib.util
from pathlib import Path

import pytest

from budget_passes import Ground
from counted import Counts, counted
from paths import VECTORS
from servers import S3Server

BASE = {"click", "nodetally"}
STORED = BASE | {"orjson"}
PASS = STORED | {"google"}  # protobuf
S3 = {"botocore", "jmespath", "urllib3", "dateutil", "six", "certifi"}
SLOW = {"asyncio", "multiprocessing", "unittest", "sqlite3", "ctypes", "doctest", "pydoc"}  # of the library


@pytest.fixture(scope="module")
def stored(small: Ground) -> Ground:
    """A store with a pass in it."""
    small.run(what="modules")
    return small


def loaded(arguments: list[str], folder: Path) -> set[str]:
    """The packages that a command imports; and nothing slow of Python's own library."""
    counts: Counts = counted("modules", arguments, folder)
    slow = SLOW & counts.modules
    assert not slow
    return set(counts.packages) | {"nodetally"}


@pytest.mark.parametrize("more", [[], ["--format", "table"], ["--cache", "CACHE"]])
def test_a_pass_into_a_directory_imports_three_packages(stored: Ground, more: list[str]) -> None:
    """Never kubernetes or an S3 client, which would double its time and memory; nor rich into a pipe."""
    where = ["--kubeconfig", stored.kubeconfig, "--cluster", "c", "--store", str(stored.folder / "store")]
    more = [str(stored.folder / "cache") if each == "CACHE" else each for each in more]
    assert loaded(["run", *where, *more], stored.folder) == PASS


def test_a_pass_into_a_bucket_imports_botocore_and_not_boto3(
    stored: Ground, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what botocore needs."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    where = ["--kubeconfig", stored.kubeconfig, "--cluster", "c", "--store", "s3://budgets/imports"]
    assert loaded(["run", *where], stored.folder) == PASS | S3


def test_a_dump_is_read_without_protobuf_or_a_connection(tmp_path: Path) -> None:
    """Files need no client at all."""
    dump = ["--dump", str(VECTORS / "cluster.json.gz"), "--cluster", "c", "--store", str(tmp_path / "store")]
    assert loaded(["run", *dump], tmp_path) <= PASS


@pytest.mark.parametrize(
    "command",
    [
        ["show", "--cluster", "c"],
        ["history", "--cluster", "c"],
        ["status"],
        ["store", "verify"],
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_readers_of_a_directory_import_no_client(stored: Ground, command: list[str]) -> None:
    """Nor rich into a pipe, nor pyarrow where no rollup is read."""
    assert loaded([*command, "--store", str(stored.folder / "store")], stored.folder) == STORED


def test_help_imports_click_alone(tmp_path: Path) -> None:
    """It must answer at once."""
    assert loaded(["--help"], tmp_path) == BASE


@pytest.mark.parametrize("command", ["run", "store", "backfill"])
def test_help_of_a_command_imports_no_client(command: str, tmp_path: Path) -> None:
    """What a pass itself imports is the most that it may."""
    assert loaded([command, "--help"], tmp_path) <= PASS


@pytest.mark.parametrize("name", ["kubernetes", "boto3", "rich", "pyarrow", "yaml", "requests"])
def test_what_must_not_be_imported_is_installed(name: str) -> None:
    """Else none of this would say anything."""
    assert importlib.util.find_spec(name)
