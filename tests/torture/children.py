"""Real processes that do one pass: forked from this one, whose imports are done, or started as `nodetally run`.

A forked one runs the same command line. It writes down every snapshot whose put the store acknowledged, the moment it
did, and may kill itself at a step of the publishing.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import pytest

from nodetally import collect
from nodetally.cli.main import main
from nodetally.cluster.dump import observe_dumps  # noqa: F401 -- what passes import is there before they are forked
from nodetally.store.base import Headers, Store
from nodetally.store.open import open_store
from paths import NODETALLY
from recording import RecordingStore

KILLED = -signal.SIGKILL


Act = Callable[[int], None]


def nothing(number: int) -> None:
    """At every write: nothing."""
    del number


def dies_at(number: int) -> Act:
    """At this write: SIGKILL."""

    def act(at: int) -> None:
        if at == number:
            os.kill(os.getpid(), signal.SIGKILL)

    return act


class Ended(NamedTuple):
    """How a pass ended: its exit code (KILLED: by us) and what it said on stderr."""

    code: int
    said: str


class Job(NamedTuple):
    """What passes have in common: store, dump, cluster, and the folder of their ledger and their stderr."""

    url: str
    dump: Path
    cluster: str
    folder: Path

    def arguments(self, slot: str, *more: str) -> list[str]:
        """The command line of the pass for a slot."""
        place = ["--cluster", self.cluster, "--store", self.url, "--dump", str(self.dump)]
        return ["run", *place, "--at", slot, "--format", "none", *more]

    @property
    def ledger(self) -> Path:
        """One line for each acknowledged snapshot: its key and its body's hash."""
        return self.folder / "ledger"

    def note(self, key: str, body: bytes) -> None:
        """Write down that a snapshot was acknowledged."""
        with self.ledger.open("a") as ledger:
            ledger.write(f"{key} {sha256(body).hexdigest()}\n")

    def acknowledged(self) -> dict[str, set[str]]:
        """Every acknowledged snapshot's key, with the hash of what was put: of each put where it was pruned between."""
        found: dict[str, set[str]] = {}
        for line in self.ledger.read_text().splitlines() if self.ledger.exists() else []:
            key, body_hash = line.split()
            found.setdefault(key, set()).add(body_hash)
        return found


class LedgerStore(RecordingStore):
    """Writes acknowledged snapshots into the ledger; calls `before` and `after` each write with its number, from 0."""

    def __init__(self, inner: Store, job: Job, before: Act = nothing, after: Act = nothing) -> None:
        super().__init__(inner)
        self._job, self._before, self._after = job, before, after
        self._writes = 0

    def put_new(self, key: str, body: bytes, headers: Headers) -> bool:
        return self._counted(lambda: self.inner.put_new(key, body, headers), key, body)

    def put_if_match(self, key: str, body: bytes, etag: str | None, headers: Headers) -> bool:
        return self._counted(lambda: self.inner.put_if_match(key, body, etag, headers), key, body)

    def _counted(self, write: Callable[[], bool], key: str, body: bytes) -> bool:
        number = self._writes
        self._writes += 1
        self._before(number)
        done = write()
        if done and key.startswith("snapshots/"):
            self._job.note(key, body)
        self._after(number)
        return done


def start_forked(
    job: Job, slot: str, *, first: Callable[[], object] = lambda: None, before: Act = nothing, after: Act = nothing
) -> int:
    """A forked pass, under way: its process id. `first` is run in it at its start, `before` and `after` at writes."""
    sys.stdout.flush()
    pid = os.fork()
    if not pid:
        pass_into(lambda url: LedgerStore(open_store(url), job, before, after))
        write_to(job.folder / "stderr")
        run_and_leave(first, lambda: main(job.arguments(slot)))
    return pid


def pass_into(opener: Callable[[str], Store]) -> None:
    """Every pass of this process's command line opens its store so."""
    pytest.MonkeyPatch().setattr(collect, "open_store", opener)  # for as long as the process is


def write_to(path: Path) -> None:
    """Send stdout and stderr of this process into a file."""
    with path.open("w") as said:
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)


def run_and_leave(*acts: Callable[[], object]) -> NoReturn:
    """Run these in a forked process and end it with the exit code that it asks for; a bug is 1, on stderr."""
    code = 0
    try:
        for act in acts:
            act()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001 -- nothing may escape into the parent's code, which this is a copy of
        sys.excepthook(*sys.exc_info())
        code = 1
    finally:
        with suppress(OSError, ValueError):
            sys.stderr.flush()
        os._exit(code)


def ended(job: Job, pid: int) -> Ended:
    """Wait for a forked pass."""
    _, status = os.waitpid(pid, 0)
    return Ended(os.waitstatus_to_exitcode(status), (job.folder / "stderr").read_text(errors="replace"))


def forked(job: Job, slot: str, *, kill_after: float | None = None, **options: Any) -> Ended:
    """A forked pass to its end, or killed after some seconds."""
    pid = start_forked(job, slot, **options)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(pid, signal.SIGKILL)
    return ended(job, pid)


def started(job: Job, slot: str, *, kill_after: float | None = None) -> Ended:
    """`nodetally run` as a user starts it, to its end, or killed after some seconds."""
    with (job.folder / "stderr").open("w") as said:
        process = subprocess.Popen([NODETALLY, *job.arguments(slot)], stdout=said, stderr=said)
        if kill_after is not None:
            time.sleep(kill_after)
            process.kill()
        code = process.wait()
    return Ended(code, (job.folder / "stderr").read_text(errors="replace"))
