"""`--store` in, the right store out, without loading what is not needed."""

import subprocess
import sys
from pathlib import Path

import pytest

from nodetally.errors import WrongUse
from nodetally.store.directory import DirectoryStore
from nodetally.store.open import open_store
from nodetally.store.s3 import S3Store


@pytest.mark.parametrize(
    ("url", "root"),
    [
        ("/data/store", "/data/store"),
        ("file:///data/a%20b", "/data/a b"),
        ("file://localhost/data", "/data"),
        ("./s3:/odd", "s3:/odd"),
        ("~/data", str(Path("~/data").expanduser())),
    ],
)
def test_directories(url: str, root: str) -> None:
    """Plain paths and file URLs; the store keeps the URL as it was given, for messages."""
    store = open_store(url)
    assert isinstance(store, DirectoryStore)
    assert (store.root, store.url) == (Path(root).absolute(), url)


@pytest.mark.parametrize(
    ("url", "bucket", "prefix", "shown"),
    [
        ("s3://bucket", "bucket", "", "s3://bucket"),
        ("s3://bucket/", "bucket", "", "s3://bucket"),
        ("S3://my.bucket-1/a/b=c/", "my.bucket-1", "a/b=c/", "s3://my.bucket-1/a/b=c"),
    ],
)
def test_buckets(monkeypatch: pytest.MonkeyPatch, url: str, bucket: str, prefix: str, shown: str) -> None:
    """Bucket and prefix; nothing is asked of S3 yet."""
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    store = open_store(url)
    assert isinstance(store, S3Store)
    assert (store.bucket, store.prefix, store.url) == (bucket, prefix, shown)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "  ",
        "gs://bucket",
        "https://host/x",
        "s3://",
        "s3://b",
        "s3://UPPER_/x",
        "s3://bucket/a/../b",
        "s3://bucket/a//b",
        "s3://bucket/a?b",
        "file://host/x",
        "file://",
        "a\0b",
    ],
)
def test_what_is_no_store_is_wrong_use(url: str) -> None:
    """The message repeats what was given, the hint says the forms there are."""
    with pytest.raises(WrongUse) as caught:
        open_store(url)
    assert caught.value.exit_code == 2
    assert "s3://bucket/prefix" in caught.value.hint


def test_a_directory_loads_no_s3_client(tmp_path: Path) -> None:
    """boto3 and botocore are loaded for s3:// only: they cost more than a small pass."""
    script = "import sys; from nodetally.store.open import open_store; open_store(sys.argv[1]); print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, capture_output=True, text=True)
    assert not {"boto3", "botocore", "urllib3", "kubernetes", "rich"} & set(said.stdout.split())
