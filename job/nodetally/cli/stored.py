"""What people type for a stored snapshot in, the document out. Shared by show and diff; writes nothing."""

import zlib
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from nodetally.errors import StoreError, WrongUse
from nodetally.snapshot import SCHEMA, unpack
from nodetally.times import parse_time

GZIP_MAGIC = b"\x1f\x8b"  # RFC 1952, 2.3.1
SUFFIXES = (".json", ".json.gz")


def stored_document(url: str, cluster: str | None, moment: datetime | None) -> dict[str, Any]:
    """The newest snapshot of a cluster, or the newest one at or before a moment.

    `cluster` None stands for the only one in the store. WrongUse where that does not say which; StoreError where the
    store cannot be read or has no such snapshot.
    """
    from nodetally.store import read
    from nodetally.store.open import open_store

    store = open_store(url)
    name = only_cluster(read.clusters(store), url) if cluster is None else cluster
    document: dict[str, Any] = read.latest(store, name) if moment is None else read.at(store, name, moment)
    return document


def only_cluster(names: list[str], url: str) -> str:
    """The one cluster of a store, so that nobody has to name it."""
    if not names:
        raise WrongUse(
            f"no snapshot in {url} yet",
            hint="make one with: nodetally run --cluster NAME --store " + url + ", or name another store with --store",
        )
    if len(names) > 1:
        raise WrongUse(
            f"{url} holds {len(names)} clusters: which one?",
            hint=f"add --cluster with one of: {', '.join(sorted(names))}",
        )
    return names[0]


def file_document(path: Path) -> dict[str, Any]:
    """A snapshot from a file, as `show --format json` prints it or a store keeps it; WrongUse if it is none."""
    try:
        body = path.read_bytes()
    except OSError as error:
        raise WrongUse(f"cannot read {path}: {error.strerror}", hint="name a .json or .json.gz file") from error
    try:
        document = orjson.loads(unpack(body) if body.startswith(GZIP_MAGIC) else body)
    except (ValueError, zlib.error, StoreError) as error:
        raise WrongUse(
            f"{path} is not a snapshot: {error}",
            hint="get one with: nodetally show --format json > snapshot.json",
        ) from error
    return readable(document, str(path))


def readable(document: Any, where: str) -> dict[str, Any]:
    """The document, if it is a snapshot of a schema that we can read."""
    if not isinstance(document, dict) or not isinstance(document.get("schema"), int) or "nodes" not in document:
        raise WrongUse(f"{where} is not a snapshot", hint="get one with: nodetally show --format json > snapshot.json")
    if document["schema"] > SCHEMA:
        raise WrongUse(
            f"{where} has schema {document['schema']}, newer than this nodetally reads ({SCHEMA})",
            hint="update nodetally",
        )
    from nodetally.store.schema import wrong_with_snapshot

    wrong = wrong_with_snapshot(document)
    if wrong:
        raise WrongUse(
            f"{where} is not a whole snapshot: {wrong}",
            hint="get one with: nodetally show --format json > snapshot.json",
        )
    return document


def named_document(name: str, url: str, cluster: str | None, now: datetime) -> dict[str, Any]:
    """A snapshot by `latest`, a TIME, or the path of a file."""
    path = Path(name)
    if name.endswith(SUFFIXES) or path.is_file():
        return file_document(path)
    if name == "latest":
        return stored_document(url, cluster, None)
    try:
        moment = parse_time(name, now)
    except WrongUse as error:
        raise WrongUse(str(error), hint=f"{error.hint}, `latest`, or the path of a snapshot's file") from error
    return stored_document(url, cluster, moment)
