"""The store in a directory: every write is whole, on disk before it is acknowledged, and inside the directory.

Never follows a symbolic link below the directory, and never shows its own hidden folder in a listing.
"""

import errno
import fcntl
import hashlib
import os
import secrets
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from nodetally.errors import StoreError
from nodetally.store import disk
from nodetally.store.base import Entry, Headers, Stored, check_key, fits_in_key

HIDDEN = ".nodetally"  # locks and temporary files; no key has a part that begins with a dot
STALE_AFTER_SECONDS = 3600  # a write takes seconds; what is older was left by a killed writer
LOCK_STRIPES = 64  # lock files are never deleted (that would be a race), so there is a fixed number of them
LOCK_PATIENCE_SECONDS = 60.0  # a holder writes one object; the kernel releases the lock of a killed one
LOCK_POLL_SECONDS = 0.002
VANISHED_FOLDER_ATTEMPTS = 10  # delete() removes empty folders; a writer that meets that makes its folder again
_HINTS = {
    errno.ENOSPC: "the disk is full: make room, or delete old snapshots",
    errno.EDQUOT: "the disk quota is used up: make room, or delete old snapshots",
    errno.EROFS: "it is mounted read-only: mount it read-write, or choose another directory with --store",
    errno.EACCES: "give this user write access to the directory and all in it, or choose another with --store",
    errno.EPERM: "give this user write access to the directory and all in it, or choose another with --store",
    errno.ENOTDIR: "a part of this path is a file or a symbolic link: remove it, or choose another directory",
    errno.ELOOP: "a part of this path is a symbolic link, which the store does not follow: remove it",
    errno.EISDIR: "a folder lies where an object belongs: remove it, or choose another directory with --store",
    errno.EXDEV: "the store must lie on one file system as a whole: mount nothing below it",
    errno.EFBIG: "the file system or `ulimit -f` allows no file of this size: raise the limit",
    errno.EIO: "the disk fails: see `dmesg`, and copy the store to another disk",
}


class DirectoryStore:
    """Temporary file, fsync, link or rename, fsync of the folder; compare-and-swap under a lock file."""

    def __init__(self, root: Path, *, url: str = "", clock: Callable[[], float] = time.time) -> None:
        self.root = root.absolute()
        self.url = url or str(root)
        self._clock = clock
        self._durable: set[tuple[str, ...]] = set()  # folders whose entry in their parent is known to be on disk
        self._swept = False

    def __repr__(self) -> str:
        return f"DirectoryStore({self.url!r})"

    def get(self, key: str) -> Stored | None:
        body = self._read(key)
        return None if body is None else Stored(body, _etag(body))

    def tail(self, key: str, size: int) -> bytes | None:
        return self._read(key, last=size)

    def put_new(self, key: str, body: bytes, headers: Headers) -> bool:
        with self._own_errors("write", key), self._temporary(key, body, headers) as temporary:
            try:
                self._install(key, temporary.link)
            except FileExistsError:
                return False
            except OSError as error:
                if error.errno not in disk.NO_HARD_LINKS:
                    raise
                return self._put_new_locked(key, temporary)
        return True

    def put_if_match(self, key: str, body: bytes, etag: str | None, headers: Headers) -> bool:
        if etag is None:
            return self.put_new(key, body, headers)
        with self._own_errors("write", key), self._temporary(key, body, headers) as temporary, self._lock(key):
            current = self._read(key)
            if current is None or _etag(current) != etag:
                return False
            self._install(key, temporary.replace)
            return True

    def put(self, key: str, body: bytes, headers: Headers) -> None:
        with self._own_errors("write", key), self._temporary(key, body, headers) as temporary, self._lock(key):
            self._install(key, temporary.replace)

    def list(self, prefix: str, start_after: str = "") -> Iterator[Entry]:
        folders = prefix.split("/")[:-1]
        if folders:
            check_key("/".join(folders))
        with self._own_errors("list", prefix):
            yield from self._walk(folders, prefix, start_after)

    def delete(self, key: str) -> None:
        folders, name = _split(key)
        with self._own_errors("delete", key), suppress(FileNotFoundError):
            with self._folder(folders):
                pass  # nothing to lock, and no hidden folder to make, where there is nothing
            with self._lock(key), self._folder(folders) as folder:
                os.unlink(name, dir_fd=folder)
                os.fsync(folder)
            self._drop_empty(folders)

    def _read(self, key: str, last: int | None = None) -> bytes | None:
        folders, name = _split(key)
        with self._own_errors("read", key):
            try:
                with self._folder(folders) as folder:
                    return disk.read(folder, name, last)
            except FileNotFoundError:
                return None

    def _install(self, key: str, place: Callable[[int, str], None]) -> None:
        """Let `place` give the object its name, and see to it that the name is on disk."""
        folders, name = _split(key)
        for attempt in range(1, VANISHED_FOLDER_ATTEMPTS + 1):
            try:
                with self._folder(folders, make=True) as folder:
                    place(folder, name)
                    os.fsync(folder)
                    return
            except FileNotFoundError:
                self._forget(folders)
                if attempt == VANISHED_FOLDER_ATTEMPTS:
                    raise

    def _put_new_locked(self, key: str, temporary: disk.Temporary) -> bool:
        with self._lock(key):
            try:
                self._install(key, temporary.move_if_new)
            except FileExistsError:
                return False
        return True

    @contextmanager
    def _folder(self, folders: Sequence[str], *, make: bool = False) -> Iterator[int]:
        """The folder, open; entered part by part so that no symbolic link is followed below the root."""
        if make and () not in self._durable:
            disk.make_durable(self.root)
            self._durable.add(())
        current = os.open(self.root, disk.FOLDER_FLAGS & ~os.O_NOFOLLOW)
        try:
            for depth, part in enumerate(folders, start=1):
                inner = self._enter(current, tuple(folders[:depth])) if make else disk.open_folder(current, part)
                os.close(current)
                current = inner
            yield current
        finally:
            os.close(current)

    def _enter(self, parent: int, folders: tuple[str, ...]) -> int:
        """Open a folder, made if need be, once its entry in the parent is on disk.

        A folder that was there may be another writer's, made but not yet synced: so sync once for that, too.
        """
        made = True
        try:
            os.mkdir(folders[-1], dir_fd=parent)
        except FileExistsError:
            made = False
        if made or folders not in self._durable:
            os.fsync(parent)
            self._durable.add(folders)
        return disk.open_folder(parent, folders[-1])

    def _forget(self, folders: Sequence[str]) -> None:
        self._durable.difference_update([tuple(folders[:depth]) for depth in range(len(folders) + 1)])

    @contextmanager
    def _temporary(self, key: str, body: bytes, headers: Headers) -> Iterator[disk.Temporary]:
        """A synced file with this body in the hidden folder, gone again at the end unless it was moved.

        All temporary files lie in one folder, so one short listing finds what a killed writer left. Nothing is written
        for a key that is unfit.
        """
        check_key(key)
        name = f"{os.getpid()}-{secrets.token_hex(8)}"
        with self._folder((HIDDEN, "tmp"), make=True) as scratch:
            self._sweep(scratch)
            try:
                disk.write(scratch, name, body, private="private" in headers.cache_control)
                yield disk.Temporary(scratch, name)
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=scratch)

    def _sweep(self, scratch: int) -> None:
        """Once per store: remove what writers that were killed left behind."""
        if self._swept:
            return
        self._swept = True
        oldest = self._clock() - STALE_AFTER_SECONDS
        for name in os.listdir(scratch):
            with suppress(FileNotFoundError):
                if os.stat(name, dir_fd=scratch, follow_symlinks=False).st_mtime < oldest:
                    os.unlink(name, dir_fd=scratch)

    @contextmanager
    def _lock(self, key: str) -> Iterator[None]:
        """Hold the key's lock file; the kernel releases it with the descriptor, however the process ends."""
        stripe = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=2).digest()) % LOCK_STRIPES
        with self._folder((HIDDEN, "locks"), make=True) as folder:
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            lock = os.open(f"{stripe:02}", flags, 0o666, dir_fd=folder)
        try:
            self._wait_for(lock, key)
            yield
        finally:
            os.close(lock)

    def _wait_for(self, lock: int, key: str) -> None:
        deadline = time.monotonic() + LOCK_PATIENCE_SECONDS
        while True:
            try:
                return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    break
                time.sleep(LOCK_POLL_SECONDS)
        raise StoreError(
            f"cannot write {key} in {self.url}: another writer held its lock for {LOCK_PATIENCE_SECONDS:.0f} s",
            hint=f"find the process that hangs: fuser -v {self.root / HIDDEN / 'locks'}/*",
        )

    def _drop_empty(self, folders: Sequence[str]) -> None:
        for depth in range(len(folders), 0, -1):
            try:
                with self._folder(folders[: depth - 1]) as parent:
                    os.rmdir(folders[depth - 1], dir_fd=parent)
                    os.fsync(parent)
            except OSError as error:
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
                    return
                raise
            self._forget(folders)

    def _walk(self, folders: Sequence[str], prefix: str, start_after: str) -> Iterator[Entry]:
        """Depth first in the order of whole keys; holds the names of one folder per level."""
        above = "".join(f"{part}/" for part in folders)
        for name, size, modified in self._names(folders):
            key = above + name
            if name.endswith("/"):
                wanted = key.startswith(prefix) or prefix.startswith(key)
                if wanted and (key > start_after or start_after.startswith(key)):
                    yield from self._walk([*folders, name[:-1]], prefix, start_after)
            elif key.startswith(prefix) and key > start_after:
                yield Entry(key, size, None, modified)

    def _names(self, folders: Sequence[str]) -> Sequence[tuple[str, int, float]]:
        """What lies in a folder, with sizes and times, folders with a final slash; sorted as whole keys are."""
        try:
            with self._folder(folders) as folder, os.scandir(folder) as entries:
                return sorted(named for entry in entries if (named := _named(entry)))
        except FileNotFoundError:
            return []

    @contextmanager
    def _own_errors(self, action: str, key: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"cannot {action} {key} in {self.url}: {os.strerror(error.errno or 0)}", hint=hint_for(error)
            ) from error


def hint_for(error: OSError) -> str:
    """What to do about an error of the file system."""
    return _HINTS.get(error.errno or 0, "check the directory, or choose another with --store")


def _split(key: str) -> tuple[tuple[str, ...], str]:
    *folders, name = check_key(key).split("/")
    return tuple(folders), name


def _named(entry: os.DirEntry[str]) -> tuple[str, int, float] | None:
    """Name, size and time of what can be listed; None for links, pipes, foreign names, and what is gone meanwhile."""
    if not fits_in_key(entry.name):
        return None
    try:
        found = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(found.st_mode):
        return f"{entry.name}/", 0, 0.0
    return (entry.name, found.st_size, found.st_mtime) if stat.S_ISREG(found.st_mode) else None


def _etag(body: bytes) -> str:
    return hashlib.blake2b(body, digest_size=16).hexdigest()
