"""A folder or a bucket's prefix in, its files out: their names, times, and bytes as they come. Writes nothing."""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, Protocol

from nodetally.backfill.source import SourceUnreachable
from nodetally.cluster.dump import Bytes
from nodetally.errors import ClusterError, StoreError, WrongUse
from nodetally.store.open import bucket_and_prefix

# A date and at least hours and minutes: 20261123T120000Z, 2026-11-23_12-00, 2026-11-23/12:00:00+01:00; UTC if not said.
# Decimals of a second are left out; a zone is +01:00, or +0100 as `date +%z` writes it.
_MOMENT = re.compile(
    r"(?<!\d)(20\d\d)-?(\d\d)-?(\d\d)[T_ /.-]?(\d\d)[:_.-]?(\d\d)"
    r"(?:[:_.-]?(\d\d)(?!:?\d)(?:[.,]\d{1,9}(?=[+Z-]))?)?(?!\d)([+-](?:0\d|1[0-4]):?(?:00|15|30|45)(?!\d))?",
    re.ASCII,
)
_EPOCH = re.compile(r"(?<!\d)(1[4-9]\d{8})(?!\d)", re.ASCII)  # seconds since 1970, from 2014 to 2033


class File(NamedTuple):
    """A file by its name below the folder or prefix."""

    name: str
    modified: datetime


class Files(Protocol):
    """Where files are."""

    @property
    def url(self) -> str:
        """As it was given."""
        ...

    def list(self) -> Iterator[File]:
        """Every file; hidden ones are not among them."""
        ...

    def open(self, name: str) -> AbstractContextManager[Bytes]:
        """Its bytes. ClusterError when this one cannot be read, SourceUnreachable when none can."""
        ...


def open_files(location: str) -> Files:
    """The files of a folder, or of s3://bucket/prefix. Raises WrongUse where there is no such folder."""
    if location.lower().startswith("s3://"):
        return BucketFiles(location)
    root = Path(location.removeprefix("file://")).expanduser()
    if not root.exists():
        raise WrongUse(f"no folder {location}", hint="name a folder or s3://bucket/prefix")
    return FolderFiles(root, location)


class FolderFiles:
    """A folder and what is below it; or one file."""

    def __init__(self, root: Path, url: str) -> None:
        self.url = url
        self._root = root if root.is_dir() else root.parent
        self._only = None if root.is_dir() else root.name

    def list(self) -> Iterator[File]:
        """Sorted, so that two runs see the same."""
        for path in sorted(self._root.rglob("*") if self._only is None else [self._root / self._only]):
            name = path.relative_to(self._root).as_posix()
            if path.is_file() and not any(part.startswith(".") for part in name.split("/")):
                yield File(name, datetime.fromtimestamp(path.stat().st_mtime, UTC))

    @contextmanager
    def open(self, name: str) -> Iterator[Bytes]:
        """The file itself."""
        try:
            with (self._root / name).open("rb") as file:
                yield file
        except OSError as error:
            raise ClusterError(f"{name} in {self.url} cannot be read: {error.strerror or error}") from error


class BucketFiles:
    """Objects below a prefix, read as they stream: they are never held as a whole."""

    def __init__(self, url: str) -> None:
        from nodetally.store.s3 import S3Store  # half a second to load

        self.url = url
        self._store = S3Store(*bucket_and_prefix(url))

    def list(self) -> Iterator[File]:
        """In the order of their keys."""
        with _unreachable():
            for entry in self._store.list(""):
                if not entry.key.endswith("/"):
                    yield File(entry.key, datetime.fromtimestamp(entry.modified, UTC))

    @contextmanager
    def open(self, name: str) -> Iterator[Bytes]:
        """The object's body."""
        with _unreachable(), self._store.stream(name) as body:
            yield body


@contextmanager
def _unreachable() -> Iterator[None]:
    """The bucket that is read is no store of snapshots: its errors are the source's."""
    try:
        yield
    except StoreError as error:
        raise SourceUnreachable(str(error), hint=error.hint) from error


def time_in(name: str) -> datetime | None:
    """The last moment that a name tells, in UTC; None where it tells none, or only a date.

    >>> time_in("prod/dump-20261123T120003Z.json.gz").isoformat(), time_in("2026-11-23.json")
    ('2026-11-23T12:00:03+00:00', None)
    """
    for found in reversed([*_MOMENT.finditer(name)]):
        year, month, day, hour, minute, second, zone = found.groups()
        try:
            text = f"{year}-{month}-{day}T{hour}:{minute}:{second or '00'}{zone or '+00:00'}"
            return datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    epoch = _EPOCH.findall(name)
    return datetime.fromtimestamp(int(epoch[-1]), UTC) if epoch else None
