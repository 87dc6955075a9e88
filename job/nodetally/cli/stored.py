"""What people type for a stored snapshot in, the document out. Shared by show and diff; writes nothing."""

from datetime import datetime
from pathlib import Path
from typing import Any

from nodetally.errors import StoreError, WrongUse
from nodetally.snapshot import GZIP_MAGIC, decode, parse
from nodetally.times import parse_time

SUFFIXES = (".json", ".json.gz")
GET_ONE = "get one with: nodetally show --format json > snapshot.json"


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
    from nodetally.store.schema import wrong_with_snapshot

    try:
        body = path.read_bytes()
    except OSError as error:
        raise WrongUse(f"cannot read {path}: {error.strerror}", hint="name a .json or .json.gz file") from error
    try:
        document = decode(body) if body.startswith(GZIP_MAGIC) else parse(body)
    except StoreError as error:
        raise WrongUse(f"{path}: {error}", hint=error.hint or GET_ONE) from error
    wrong = wrong_with_snapshot(document)
    if wrong:
        raise WrongUse(f"{path}: not a whole snapshot: {wrong}", hint=GET_ONE)
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
