"""Passes on a disk that is full, read-only or forbidden: exit code 5 and a hint, and nothing half-written."""

import os
import resource
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any

from nodetally.store.directory import HIDDEN
from nodetally.store.layout import slot_of
from nodetally.store.open import open_store
from nodetally.store.verify import verify
from torture.children import Job, forked
from torture.kills import STEPS

DISK_KIB = 2_048
PAGE_BYTES = 4_096  # of a tmpfs: what it gives away at once
NOBODY = 65_534
FIRST = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Disk:
    """Passes into one directory, each a minute after the one before; what was acknowledged must stay."""

    def __init__(self, store: Path, dump: Path, folder: Path) -> None:
        folder.mkdir()
        self.store, self.figures = store, Counter[str]()
        self._job = Job(str(store), dump, "c", folder)
        self._passes = 0

    def works(self) -> None:
        """A pass succeeds, and the store verifies."""
        self._pass(code=0)
        self.is_whole()

    def fails(self, hint: str, first: Callable[[], object] = lambda: None) -> None:
        """A pass ends with 5 and this hint, and leaves no file behind."""
        before = self._files()
        self._pass(code=5, hint=hint, first=first)
        assert self._files() == before

    def fails_or_not(self, hint: str, *, must: bool, **options: Any) -> None:
        """A pass ends with 5 and this hint, or, unless it must fail, with 0."""
        self._pass(code=5 if must else None, hint=hint, **options)

    def is_whole(self) -> None:
        """Every acknowledged snapshot is there as it was put, no index is wrong, and no temporary file is left."""
        opened = open_store(str(self.store))
        for key, hashes in self._job.acknowledged().items():
            stored = opened.get(key)
            assert stored, f"acknowledged and missing: {key}"
            assert {sha256(stored.body).hexdigest()} == hashes, f"acknowledged and changed: {key}"
        wrong = list(verify(opened, patience_seconds=0))
        assert not wrong, wrong
        assert not list((self.store / HIDDEN / "tmp").iterdir())

    def _pass(self, code: int | None, hint: str = "", **options: Any) -> None:
        self._passes += 1
        end = forked(self._job, slot_of(FIRST + timedelta(minutes=self._passes)), **options)
        assert end.code in ((0, 5) if code is None else (code,)), end
        assert end.code == 0 or hint in end.said, end
        self.figures[f"exits {end.code}"] += 1

    def _files(self) -> set[Path]:
        return {path for path in self.store.rglob("*") if path.is_file() and "locks" not in path.parts}


def fill(dump: Path, folder: Path, rounds: int) -> Counter[str]:
    """Each kind of trouble in turn. Mounts need root; without it they are left out, and the figures say so."""
    figures = Counter[str]()
    for trouble in (full, read_only):
        try:
            with mounted(folder / trouble.__name__) as disk_folder:
                figures += trouble(Disk(disk_folder / "store", dump, folder / f"of {trouble.__name__}"), rounds)
        except PermissionError:
            figures["troubles left out, for want of root"] += 1
    for trouble in (too_large, forbidden):
        figures += trouble(Disk(folder / trouble.__name__, dump, folder / f"of {trouble.__name__}"), rounds)
    return figures


def full(disk: Disk, rounds: int) -> Counter[str]:
    """The last room is taken before the n-th write, or all but a page or two of it."""
    disk.works()
    ballast = disk.store.parent / "ballast"
    for step, left in list(product(range(STEPS - 1), range(3))) * rounds:

        def fill_up(write: int, step: int = step, left: int = left) -> None:
            if write == step:
                write_until_full(ballast)
                os.truncate(ballast, ballast.stat().st_size - left * PAGE_BYTES)

        disk.fails_or_not("the disk is full: make room", must=left == 0, before=fill_up)
        ballast.unlink()
        disk.works()
    return disk.figures


def read_only(disk: Disk, rounds: int) -> Counter[str]:
    """Mounted read-only; then read-write again."""
    disk.works()
    for _ in range(3 * rounds):
        _mount("-o", "remount,ro", str(disk.store.parent))
        disk.fails("mount it read-write")
        _mount("-o", "remount,rw", str(disk.store.parent))
        disk.works()
    return disk.figures


def too_large(disk: Disk, rounds: int) -> Counter[str]:
    """`ulimit -f`: the kernel refuses to let a file grow, be it the first or, as day indexes are larger, the second."""
    del rounds  # the ledger is a file, too, and would meet the limit
    disk.works()
    for limit_bytes in (512, 1_024, 2_048):

        def limit(limit_bytes: int = limit_bytes) -> None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))

        disk.fails_or_not("raise the limit", must=True, first=limit)
        disk.works()
    return disk.figures


def forbidden(disk: Disk, rounds: int) -> Counter[str]:
    """Another user's directory, as a whole and folder by folder."""
    disk.works()

    def become_nobody() -> None:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)

    for _ in range(3 * rounds):
        with forbidding(disk.store):
            disk.fails("give this user write access", first=become_nobody)
        disk.works()
    return disk.figures


@contextmanager
def forbidding(folder: Path) -> Iterator[None]:
    """Nobody but root may write anywhere in it."""
    folders = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    for path in folders:
        path.chmod(0o555)
    try:
        yield
    finally:
        for path in folders:
            path.chmod(0o755)


@contextmanager
def mounted(folder: Path) -> Iterator[Path]:
    """A small disk in memory. PermissionError without the right to mount."""
    folder.mkdir()
    try:
        _mount("-t", "tmpfs", "-o", f"size={DISK_KIB}k", "none", str(folder))
    except subprocess.CalledProcessError as error:
        raise PermissionError(error.stderr) from error
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def write_until_full(path: Path) -> None:
    """Take all the room there is."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(PAGE_BYTES))


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)
