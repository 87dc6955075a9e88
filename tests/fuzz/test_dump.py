"""Files that claim to be dumps: JSON of any shape, bombs, depth. An error by name, or every node and pod counted."""

import gzip
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clusters import node, pod
from fuzz.commands import MemoryStore, assert_harmless, nodetally
from fuzz.shapes import bodies
from nodetally.store.schema import wrong_with_snapshot

DUMP = {
    "apiVersion": "v1",
    "kind": "List",
    "metadata": {"resourceVersion": ""},
    "items": [
        node("n1", {"topology.kubernetes.io/zone": "z", "team": "a"}, cpu="4", memory="8Gi", pods="110"),
        pod("a", "n1", cpu="100m", memory="1.5Gi"),
        pod("b", None, "other", cpu="1e3"),
    ],
}
AT = "2026-11-23T12:00:00Z"
MIB = 1 << 20


def run(path: Path) -> Any:
    return nodetally(
        MemoryStore(), "run", "--cluster", "c", "--dump", str(path), "--at", AT, "--format", "json", "--dry-run"
    )


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(bodies(DUMP), st.booleans())
def test_a_dump_of_any_shape_is_refused_or_counted(body: bytes, zipped: bool) -> None:
    """Exit 2, 3 with a message; or 0, and the snapshot is as the schema says and has every node and pod of the file."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(gzip.compress(body, 1) if zipped else body)
        file.flush()
        end = run(Path(file.name))
    assert end.code in (0, 3), end
    assert_harmless(end, is_json=True)
    if end.code:
        assert "Error: " in end.said
        return
    made, given_ = json.loads(end.out), json.loads(body)
    assert wrong_with_snapshot(made) is None
    kinds = [item["kind"] for item in given_["items"]]
    assert made["totals"]["nodes"]["count"] == kinds.count("Node")
    seen = [made["totals"], made["unscheduled"], *made["unknown_nodes"]]
    counted = sum(each["pods"].get("counted", 0) + (each["pods"].get("terminal") or 0) for each in seen)
    pods = [item for item in given_["items"] if item["kind"] == "Pod"]
    ended = sum((item.get("status") or {}).get("phase") in ("Succeeded", "Failed") for item in pods)
    assert len(pods) - ended <= counted <= len(pods)


def zipped(*parts: tuple[bytes, int]) -> Iterator[bytes]:
    """Members of gzip, each of a part said over and over, up to so many MiB."""
    for part, size in parts:
        if size:
            member = gzip.compress(part * (MIB // len(part)), 9)
            yield from [member] * size
        else:
            yield gzip.compress(part)


OPENED = b'{"kind":"List","items":['
BOMBS = {
    "spaces": [(OPENED, 0), (b" ", 100)],
    "a number": [(OPENED + b'{"kind":', 0), (b"7", 40)],
    "a fraction": [(OPENED + b'{"kind":0.', 0), (b"7", 40)],
    "a text": [(OPENED + b'{"kind":"', 0), (b"x", 40)],
    "depth": [(OPENED, 0), (b"[", 40)],
    "depth of objects": [(OPENED, 0), (b'{"a":', 40)],
    "an item of many lists": [(OPENED + b'{"kind":"Pod","spec":[', 0), (b"[],", 40)],
    "an item of many objects": [(OPENED + b'{"kind":"Pod","spec":[', 0), (b'{"a":{}},', 40)],
    "objects beside the items": [(b"{", 0), (b'"x":{"a":"' + b"y" * 1000 + b'"},', 40)],
    "one pod over and over": [(OPENED + b'{"kind":"ConfigMap"}', 0), (b',{"kind":"Secret"}', 6)],
}
CHILD = """
import resource, sys
from nodetally.cli.main import main
import nodetally.cli.run, nodetally.cluster.dump
from nodetally.cluster import wire
wire.MAX_ITEM_BYTES = 1 << 20  # a sixteenth of it, in a sixteenth of the time
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (int(sys.argv[1]) << 20),) * 2)
for path in sys.argv[2:]:
    try:
        main(["run", "--cluster", "c", "--dump", path, "--dry-run", "--format", "none"])
    except SystemExit as end:
        print(end.code, flush=True)
"""
MEMORY_MIB = 60  # some 25 times the largest item, for what it is decoded into, twice its text, and the program's own


def test_a_bomb_does_not_take_the_memory(tmp_path: Path) -> None:
    """Files of kilobytes that unpack to hundreds of MB: refused, in a process that may have no more than it says."""
    paths = []
    for name, parts in BOMBS.items():
        paths.append(tmp_path / name)
        with paths[-1].open("wb") as file:
            file.writelines(zipped(*parts))
    command = [sys.executable, "-c", CHILD, str(MEMORY_MIB), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["3"] * len(BOMBS), done
    assert done.stderr.count("Error: ") == len(BOMBS), done.stderr


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"kind":"List","items":[],"items":[]}', "two lists"),
        ('{"kind":"PodList","items":{"a":{}}}', "no list"),
        ('{"kind":"PodList","items":0}', "no list"),
        ('{"kind":"List","items":[{"kind":["Pod"]}]}', "what kind"),
        ('{"kind":"List","x":NaN,"items":[]}', "NaN is not JSON"),
        ('{"kind":"List","x":' + "1" * 5000 + "}", "broken JSON"),
        ('{"kind":"List","x":' + "[" * 5000 + "}", "broken JSON"),
    ],
)
def test_what_only_looks_like_a_list_is_refused(tmp_path: Path, text: str, why: str) -> None:
    """Each by what is wrong; none is half a cluster that passes for a whole one."""
    path = tmp_path / "dump.json"
    path.write_text(text)
    end = run(path)
    assert (end.code, why in end.said) == (3, True), end
