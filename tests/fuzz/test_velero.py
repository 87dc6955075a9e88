"""Tarballs that claim to be a Velero backup: objects and metadata of any shape, tar and gzip with bytes changed."""

import gzip
import io
import json
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clusters import node, pod
from fuzz.commands import URL, Ended, MemoryStore, assert_harmless, nodetally
from fuzz.shapes import bodies, dumped
from nodetally import snapshot
from nodetally.store.layout import snapshot_key
from nodetally.store.schema import wrong_with_snapshot

SLOT = "2026-03-10T12:00:00Z"
METADATA: Mapping[str, Any] = {
    "kind": "Backup",
    "spec": {
        "includedNamespaces": ["*"],
        "excludedResources": ["secrets"],
        "includeClusterResources": True,
        "labelSelector": None,
    },
    "status": {"phase": "Completed", "startTimestamp": "2026-03-10T12:01:00Z"},
}
OBJECTS: Mapping[str, Any] = {
    "resources/nodes/cluster/n1.json": node("n1", {"topology.kubernetes.io/zone": "z"}, cpu="4", memory="8Gi"),
    "resources/pods/namespaces/team/a.json": pod("a", "n1", "team", cpu="100m", memory="1Gi"),
    "resources/pods/namespaces/team/b.json": pod("b", None, "team", cpu="1"),
}
whats = st.sampled_from(sorted(OBJECTS))
changes = st.lists(st.tuples(st.integers(0, 20 * 512), st.integers(0, 255)), min_size=1, max_size=6)


def tarball(other: Mapping[str, bytes]) -> bytes:
    """The objects as a tar, each as given or as it is."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, document in OBJECTS.items():
            body = other.get(name) or dumped(document)
            about = tarfile.TarInfo(name)
            about.size = len(body)
            tar.addfile(about, io.BytesIO(body))
    return made.getvalue()


def backfilled(store: MemoryStore, zipped: bytes, metadata: bytes) -> Ended:
    """One slot from a folder with one backup in it."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "backup.tar.gz").write_bytes(zipped)
        (Path(name) / "velero-backup.json").write_bytes(metadata)
        said = ["--cluster", "c", "--format", "json", "--store", URL]
        return nodetally(store, "backfill", "velero", name, *said)


def held(zipped: bytes, metadata: bytes) -> None:
    """No traceback; what is stored is as the schema says, and has all nodes and pods."""
    store = MemoryStore()
    end = backfilled(store, zipped, metadata)
    assert end.code in (0, 2, 3), end
    assert_harmless(end, is_json=True)
    for key in (each for each in store.objects if each.startswith("snapshots/")):
        made = snapshot.decode(store.objects[key])
        assert wrong_with_snapshot(made) is None
        assert made["totals"]["nodes"]["count"] == 1
        assert made["source"]["kind"] == "velero"


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(whats.flatmap(lambda what: st.tuples(st.just(what), bodies(OBJECTS[what]))))
def test_an_object_of_any_shape_is_refused_or_counted(what: tuple[str, bytes]) -> None:
    """One object of the backup is another."""
    held(gzip.compress(tarball(dict([what])), 1), dumped(METADATA))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(bodies(METADATA))
def test_metadata_of_any_shape_is_refused_or_believed(metadata: bytes) -> None:
    """What a backup says of itself is no traceback, whatever it is."""
    held(gzip.compress(tarball({}), 1), metadata)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(changes, st.booleans())
def test_bytes_that_are_changed_are_refused_or_harmless(places: list[tuple[int, int]], inside: bool) -> None:
    """In the tar, whose headers have a sum of their own, or in what gzip made of it."""
    body = bytearray(tarball({}) if inside else gzip.compress(tarball({}), 1))
    for at, value in places:
        body[at % len(body)] = value
    held(gzip.compress(body, 1) if inside else bytes(body), dumped(METADATA))


def test_the_good_backup_is_a_snapshot() -> None:
    """What the properties change is right to begin with."""
    store = MemoryStore()
    end = backfilled(store, gzip.compress(tarball({})), dumped(METADATA))
    assert (end.code, json.loads(end.out)["filled"]) == (0, 1), end
    made = snapshot.decode(store.objects[snapshot_key("c", SLOT)])
    assert (made["totals"]["pods"]["counted"], made["unscheduled"]["pods"]["counted"]) == (1, 1)
