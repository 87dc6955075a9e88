"""`--store` in, a Store out. Loads the S3 client only for s3:// and never touches the store itself."""

import re

from nodetally.errors import WrongUse
from nodetally.store.base import Store

FORMS = "a store is s3://bucket/prefix, file:///absolute/directory, or a directory"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]", re.ASCII)  # 255: buckets made before 2018


def open_store(url: str) -> Store:
    """The store that `url` names; WrongUse when it names none.

    For s3:// this imports and makes the client, which is slow (0.2 s of CPU and more): call it in a thread
    while the cluster is read.
    """
    scheme = _SCHEME.match(url)
    if not scheme:
        return _directory(url, url)
    if scheme[1].lower() == "s3":
        return _s3(url)
    if scheme[1].lower() == "file":
        return _file(url)
    raise WrongUse(f"not a store: {url!r}: unknown scheme {scheme[1]!r}", hint=FORMS)


def bucket_and_prefix(url: str) -> tuple[str, str]:
    """The two parts of s3://bucket/prefix. Raises WrongUse."""
    if not url.lower().startswith("s3://"):
        raise WrongUse(f"not in S3: {url!r}", hint="write s3://bucket/prefix")
    bucket, _, prefix = url[len("s3://") :].partition("/")
    prefix = prefix.strip("/")
    if not _BUCKET.fullmatch(bucket):
        raise WrongUse(f"not a bucket name: {bucket!r} in {url!r}", hint=FORMS)
    if any(part in ("", ".", "..") for part in prefix.split("/") if prefix) or re.search(r"[\x00-\x1f\\?#]", prefix):
        raise WrongUse(f"not a prefix: {prefix!r} in {url!r}", hint=FORMS)
    return bucket, prefix


def _s3(url: str) -> Store:
    bucket, prefix = bucket_and_prefix(url)
    from nodetally.store.s3 import S3Store

    return S3Store(bucket, prefix)


def _file(url: str) -> Store:
    rest = url[len("file://") :]
    host, slash, path = rest.partition("/")
    if not slash or host not in ("", "localhost"):
        raise WrongUse(f"not a directory of this machine: {url!r}", hint=FORMS)
    from urllib.parse import unquote

    return _directory(unquote(slash + path), url)


def _directory(path: str, url: str) -> Store:
    if not path.strip() or "\x00" in path:
        raise WrongUse(f"not a store: {url!r}", hint=FORMS)
    from pathlib import Path

    from nodetally.store.directory import DirectoryStore

    return DirectoryStore(Path(path).expanduser(), url=url)
