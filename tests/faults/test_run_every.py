"""Pass after pass over one warm cache: what is asked, what fails in between, and how it is ended."""

import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from caches import RESUME, asked, cached
from nodetally import snapshot
from nodetally.settings import Settings
from nodetally.simulate.faults import Fault
from paths import NODETALLY

PATIENCE = 30  # seconds for what takes a moment: only a hang takes so long


@contextmanager
def running(here: Settings, *more: str) -> Iterator["subprocess.Popen[str]"]:
    """The installed program over the cluster of these settings; killed at the end if it still runs."""
    command = [NODETALLY, "run", "--cluster", "c", "--store", here.store, "--no-usage", *more]
    if here.kubeconfig:
        command += ["--kubeconfig", here.kubeconfig]
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def lines_until(stream: IO[str] | None, wanted: str) -> str:
    assert stream is not None
    said = ""
    for line in stream:
        said += line
        if wanted in line:
            return said
    raise AssertionError(f"it never said {wanted!r}:\n{said}")


def stored(here: Settings) -> list[dict[str, object]]:
    """Every snapshot in the store, in the order of slots; each can be read."""
    return [dict(snapshot.decode(each.read_bytes())) for each in sorted(Path(here.store).glob("snapshots/*/*/*"))]


def test_passes_go_on_over_one_warm_cache(tmp_path: Path) -> None:
    """A slot each, the first by initial events, the others by the watch, each printed; --for ends it."""
    with cached(tmp_path) as (server, here):
        with running(here, "--every", "1s", "--for", "3s", "--format", "json") as process:
            out, said = process.communicate(timeout=PATIENCE)
        made = asked(server)
    assert process.returncode == 0, said
    found = stored(here)
    slots = [str(each["slot"]) for each in found]
    assert len(found) >= 2
    assert slots == sorted(set(slots))
    assert said.count("stored as") == len(found)
    assert [json.loads(line) for line in out.splitlines()] == found
    assert [(each["source"]["kind"], each["source"]["reason"]) for each in found] == [("watch", None)] * len(found)  # type: ignore[index]
    assert made.count("pods initial events") == 1
    assert made.count("pods limit=1") == len(found) - 1


def test_what_happens_between_passes_is_in_the_next(tmp_path: Path) -> None:
    """The cluster is followed while it waits: pods that came and changed are in the snapshot after."""
    with cached(tmp_path) as (server, here), running(here, "--every", "2s", "--for", "3s") as process:
        said = lines_until(process.stderr, "stored as")
        server.cluster.delete("pods", "default/p1")
        server.cluster.bind("default/waiting", "b")
        rest = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == 0, said + rest
    counted = [[node["pods"]["counted"] for node in each["nodes"]] for each in stored(here)]  # type: ignore[attr-defined]
    assert (counted[0], counted[-1]) == ([2, 1, 1], [1, 2, 1])


def test_a_pass_that_fails_is_told_and_the_next_goes_on(tmp_path: Path) -> None:
    """The cache and the list fail once: nothing of it is stored, the exit code at the end is that pass's."""
    with cached(tmp_path) as (server, here):
        server.add_fault(Fault("/api/v1/pods", status=403, skip=1, times=2))
        with running(here, "--every", "1s", "--for", "3s") as process:
            out, said = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (4, ""), said
    assert said.count("stored as") == len(stored(here)) >= 2
    assert len(re.findall(r"^Error: .*403", said, re.MULTILINE)) == 2  # when it failed, and at the end
    assert "1 pass failed; the first: " in said
    assert said.index("Error: ") < said.rindex("stored as"), "it went on"
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--for", "15m"], "add --every"),
        (["--every", "7s"], "do not fill a day"),
        (["--every", "0s"], "do not fill a day"),
        (["--every", "1.5s"], "do not fill a day"),
        (["--every", "2d"], "do not fill a day"),
        (["--every", "soon"], "soon"),
        (["--every", "60s", "--for", "0s"], "--for 0s"),
        (["--every", "60s", "--at", "2026-11-23T12:00:00Z"], "cannot go with --at or --dump"),
        (["--every", "60s", "--dump", "x.json"], "cannot go with --at or --dump"),
        (["--cache-ttl", "0s"], "--cache-ttl 0s"),
        (["--cache-timeout", "99d"], "--cache-timeout 99d"),
    ],
    ids=" ".join,
)
def test_wrong_use_is_told_before_anything_is_read(tmp_path: Path, arguments: list[str], why: str) -> None:
    """Exit 2, and what to write instead."""
    with running(Settings(store=str(tmp_path / "store")), *arguments) as process:
        out, said = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (2, ""), said
    assert why in said
    assert "Traceback" not in said
    assert not (tmp_path / "store").exists()


def no_fault() -> None:
    return None


INTERRUPTED: dict[str, Callable[[], Fault | None]] = {
    "idle": no_fault,
    "while the server asks to wait": lambda: Fault(
        f"/api/v1/pods?{RESUME}", status=429, headers={"Retry-After": "40"}, times=None
    ),
    "while a watch is silent": lambda: Fault(f"/api/v1/pods?{RESUME}", stall_after_bytes=0, times=None),
    "while nothing answers": lambda: Fault(f"/api/v1/pods?{RESUME}", drop=True, times=None),
}


@pytest.mark.parametrize("when", INTERRUPTED)
def test_an_interrupt_between_passes_ends_it_at_once(tmp_path: Path, when: str) -> None:
    """Exit 130, whatever is waited for; what was stored is whole, and the cache kept is usable."""
    with cached(tmp_path) as (server, here):
        if (fault := INTERRUPTED[when]()) is not None:
            server.add_fault(fault)
        with running(here, "--every", "1h", "--cache", str(tmp_path / "cache")) as process:
            said = lines_until(process.stderr, "stored as")
            waiting = threading.Event()
            while f"/api/v1/pods?{RESUME}" not in str(server.requests):
                waiting.wait(0.02)
            process.send_signal(signal.SIGINT)
            rest = process.communicate(timeout=10)[1]
    assert process.returncode == 130, said + rest
    assert "Interrupted." in rest
    assert "Traceback" not in rest
    assert len(stored(here)) == 1
    assert not list((tmp_path / "cache" / ".nodetally" / "tmp").iterdir())


@pytest.mark.parametrize(
    ("number", "code", "told"),
    [(signal.SIGINT, 130, "Interrupted."), (signal.SIGTERM, -signal.SIGTERM, "Ended by SIGTERM before it was done.")],
)
def test_a_signal_in_a_pass_ends_it_at_once_and_stores_nothing(
    tmp_path: Path, number: signal.Signals, code: int, told: str
) -> None:
    """While initial events, or the list, stand still; SIGTERM as the kubelet and systemd send it."""
    for cache in ("memory", "off"):
        with cached(tmp_path) as (server, here):
            server.add_fault(Fault("/api/v1/pods", stall_after_bytes=100, times=None))
            with running(here, "--cache", cache) as process:
                waiting = threading.Event()
                while "/api/v1/pods" not in str(server.requests):
                    waiting.wait(0.02)
                process.send_signal(number)
                said = process.communicate(timeout=10)[1]
        assert process.returncode == code, said
        assert told in said
        assert "Traceback" not in said
        assert stored(here) == []
