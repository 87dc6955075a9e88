"""The demo: real passes over simulated clusters, and the page; as a user starts it."""

import io
import json
import signal
import socket
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import pytest

from nodetally.cli.demo import counted
from nodetally.demo import CLUSTERS, slots
from nodetally.store import read
from nodetally.store.directory import DirectoryStore
from nodetally.store.verify import verify
from paths import NODETALLY


def begun(store: Path, *options: str) -> subprocess.Popen[str]:
    command = [NODETALLY, "demo", "--store", str(store), *options]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def address(said: IO[str]) -> str:
    """Where the page is, once it says so."""
    return next(line for line in said if " is at http" in line).split(" is at ")[1].partition(";")[0]


def test_a_past_is_made_and_is_in_order(tmp_path: Path) -> None:
    """An hour of both clusters: a snapshot each ten minutes, pods that come and go, and nothing wrong."""
    demo = begun(tmp_path, "--no-serve", "--hours", "1")
    said = demo.communicate()[1]
    assert (demo.returncode, "dashboard serve --store" in said) == (0, True), said
    store = DirectoryStore(tmp_path)
    assert read.clusters(store) == sorted(CLUSTERS)
    for cluster, (nodes, _) in CLUSTERS.items():
        [*days] = (json.loads(path.read_text()) for path in sorted(tmp_path.glob(f"clusters/{cluster}/days/*.json")))
        entries = [entry for day in days for entry in day["snapshots"]]
        assert [entry["totals"]["nodes"]["count"] for entry in entries] == [nodes] * 7
        assert len({entry["totals"]["resources"]["cpu"]["requests"] for entry in entries}) > 1
        assert {entry["trigger"] for entry in entries} == {"schedule"}
    assert [*verify(store, patience_seconds=0)] == []


def test_it_serves_the_page_until_it_is_told_to_end(tmp_path: Path) -> None:
    """Page and documents on loopback; a signal ends it with 0."""
    with begun(tmp_path, "--hours", "0", "--port", "0") as demo:
        assert demo.stderr is not None
        url = address(demo.stderr)
        with urllib.request.urlopen(f"{url}clusters.json") as answer:
            assert json.load(answer)["clusters"] == sorted(CLUSTERS)
        with urllib.request.urlopen(url) as answer:
            assert b"<title>nodetally" in answer.read()
        demo.send_signal(signal.SIGTERM)
    assert demo.returncode == 0


def test_a_port_that_is_taken_ends_it(tmp_path: Path) -> None:
    """With the way out and exit code 2; it goes on making passes for nobody otherwise."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        demo = begun(tmp_path, "--hours", "0", "--port", str(taken.getsockname()[1]))
        said = demo.communicate(timeout=60)[1]
    assert (demo.returncode, "choose another with --port" in said) == (2, True), said


def test_ctrl_c_while_it_makes_the_past_ends_it(tmp_path: Path) -> None:
    """What is stored by then is whole."""
    demo = begun(tmp_path, "--hours", "200")
    while not [*tmp_path.glob("clusters/demo-us/latest.json.gz")]:
        assert demo.poll() is None
    demo.send_signal(signal.SIGINT)
    assert demo.communicate()[1].splitlines()[-1] == "Interrupted."
    assert demo.returncode == 130
    assert [*verify(DirectoryStore(tmp_path), patience_seconds=0)] == []


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_needs_a_library_and_the_demo_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """The image leaves it out, and has a terminal with `docker run -it`."""
    monkeypatch.setitem(sys.modules, "rich", None)
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with counted(2) as done:
        done()
    assert terminal.getvalue() == "2 passes…\n"


def test_slots_are_those_of_a_schedule() -> None:
    """Every ten minutes on the clock, the last one not after now."""
    found = slots(datetime(2026, 11, 23, 12, 3, tzinfo=UTC), 1)
    assert (found[0].isoformat()[11:16], found[-1].isoformat()[11:16], len(found)) == ("11:00", "12:00", 7)
