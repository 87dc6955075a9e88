"""Pasts for backfills: small clusters at many moments, as dumps, as Velero backups, and as a source of a test's own."""

import gzip
import io
import json
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import clusters
from nodetally.backfill.source import Impossible
from nodetally.cluster.dump import observe_dumps
from nodetally.cluster.observation import Observation
from nodetally.store.base import Entry, Headers, Store, Stored

Json = dict[str, Any]
DAY = datetime(2026, 11, 20, tzinfo=UTC)


def objects(moment: datetime) -> list[Json]:
    """A cluster that is another one every minute: two nodes, and as many pods as the hour has."""
    nodes = [clusters.node(name, cpu="8", memory="16Gi", pods="110") for name in ("n1", "n2")]
    pods = [
        clusters.pod(f"p{at}", "n1" if at % 2 else "n2", cpu=f"{100 + moment.minute}m", memory="64Mi")
        for at in range(moment.hour + 1)
    ]
    return [*nodes, *pods]


def listed(items: Sequence[Json]) -> bytes:
    return json.dumps({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": items}).encode()


def pack(body: bytes, suffix: str) -> bytes:
    import zstandard

    packers: Mapping[str, Callable[[bytes], bytes]] = {
        ".json": lambda plain: plain,
        ".json.gz": gzip.compress,
        ".json.zst": zstandard.compress,
    }
    return packers[suffix](body)


def moments(count: int, every: timedelta, start: datetime = DAY) -> list[datetime]:
    return [start + every * at for at in range(count)]


def write_dumps(folder: Path, at: Sequence[datetime], suffix: str = ".json", *, late: timedelta = timedelta()) -> Path:
    """A dump of each moment, named by it; `late`: taken so long after the slot."""
    folder.mkdir(exist_ok=True)
    for each in at:
        path = folder / f"dump-{each + late:%Y%m%dT%H%M%SZ}{suffix}"
        path.write_bytes(pack(listed(objects(each)), suffix))
    return folder


def tarball(items: Sequence[Json], *, versions: bool = False) -> bytes:
    """As Velero writes one; with `versions`, each object a second time below its version."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:

        def add(name: str, content: object) -> None:
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            member = tarfile.TarInfo(name)
            member.size = len(body)
            tar.addfile(member, io.BytesIO(body))

        add("metadata/version", b"1.1.0\n")
        for version in ("", "v1-preferredversion/") if versions else ("",):
            for item in items:
                name, namespace = item["metadata"]["name"], item["metadata"].get("namespace")
                whole = "namespaces" if item["kind"] == "Namespace" else "nodes"
                where = f"pods/{version}namespaces/{namespace}" if namespace else f"{whole}/{version}cluster"
                add(f"resources/{where}/{name}.json", item)
            add(f"resources/configmaps/{version}namespaces/default/settings.json", {"kind": "ConfigMap"})
    return stream.getvalue()


def write_backup(
    folder: Path,
    moment: datetime,
    *,
    items: Sequence[Json] | None = None,
    phase: str = "Completed",
    versions: bool = False,
    **spec: Any,
) -> Path:
    """A backup as it lies in its storage location, in a folder named by nothing that tells its time."""
    where = folder / f"backup-{len([*folder.iterdir()]) if folder.exists() else 0}"
    where.mkdir(parents=True)
    metadata = {"spec": spec, "status": {"phase": phase, "startTimestamp": f"{moment:%Y-%m-%dT%H:%M:%SZ}"}}
    (where / "velero-backup.json").write_text(json.dumps(metadata))
    (where / f"{where.name}.tar.gz").write_bytes(tarball(items or objects(moment), versions=versions))
    (where / f"{where.name}-logs.gz").write_bytes(gzip.compress(b"log"))
    return where


class Remembered:
    """A source that knows all slots but some; `before` is called before each is told."""

    name = "a test"

    def __init__(
        self, folder: Path, *, gaps: Sequence[datetime] = (), before: Callable[[datetime], None] = lambda _: None
    ) -> None:
        self._file = folder / "observed.json"
        self._gaps, self._before = frozenset(gaps), before
        self.asked: list[datetime] = []

    def span(self) -> None:
        """The test says from when to when."""

    def foresee(self, slot: datetime) -> Impossible | None:
        return Impossible("a gap") if slot in self._gaps else None

    def observe(self, slots: Sequence[datetime]) -> Iterator[tuple[datetime, Observation | Impossible]]:
        for slot in slots:
            self._before(slot)
            self.asked.append(slot)
            self._file.write_bytes(listed(objects(slot)))
            yield slot, self.foresee(slot) or observe_dumps([str(self._file)], slot)


class Killed(BaseException):
    """What a process does not survive."""


class Watched:
    """A store that counts what is asked of it, and that is gone after so many writes."""

    def __init__(self, store: Store, writes: int | None = None) -> None:
        self._store, self._left = store, writes
        self.url = store.url
        self.calls: list[tuple[str, str]] = []

    def _note(self, what: str, key: str, *, write: bool = False) -> None:
        if self._left is not None and (self._left <= 0 or write):
            self._left -= 1
            if self._left < 0:
                raise Killed
        self.calls.append((what, key))

    def get(self, key: str) -> Stored | None:
        self._note("get", key)
        return self._store.get(key)

    def tail(self, key: str, size: int) -> bytes | None:
        self._note("tail", key)
        return self._store.tail(key, size)

    def put_new(self, key: str, body: bytes, headers: Headers) -> bool:
        self._note("put_new", key, write=True)
        return self._store.put_new(key, body, headers)

    def put_if_match(self, key: str, body: bytes, etag: str | None, headers: Headers) -> bool:
        self._note("put_if_match", key, write=True)
        return self._store.put_if_match(key, body, etag, headers)

    def put(self, key: str, body: bytes, headers: Headers) -> None:
        self._note("put", key, write=True)
        self._store.put(key, body, headers)

    def list(self, prefix: str, start_after: str = "") -> Iterator[Entry]:
        self._note("list", prefix)
        return self._store.list(prefix, start_after)

    def delete(self, key: str) -> None:
        self._note("delete", key, write=True)
        self._store.delete(key)
