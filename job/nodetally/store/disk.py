"""Files and folders of a disk, by the descriptors of the folders that they lie in. Knows no key and follows no link."""

import errno
import os
import stat
from pathlib import Path
from typing import NamedTuple

FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
NO_HARD_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)  # FAT, exFAT, some FUSE


class Temporary(NamedTuple):
    """A whole file that is on disk, but not yet in its place; each way to put it there is one step of the disk's."""

    folder: int
    name: str

    def link(self, folder: int, name: str) -> None:
        """FileExistsError where something has the name; an error of NO_HARD_LINKS where there are none."""
        os.link(self.name, name, src_dir_fd=self.folder, dst_dir_fd=folder, follow_symlinks=False)

    def move_if_new(self, folder: int, name: str) -> None:
        """The same without hard links; two steps, so under a lock only."""
        if exists(folder, name):
            raise FileExistsError(errno.EEXIST, "there already", name)
        os.rename(self.name, name, src_dir_fd=self.folder, dst_dir_fd=folder)

    def replace(self, folder: int, name: str) -> None:
        """Whatever has the name."""
        os.replace(self.name, name, src_dir_fd=self.folder, dst_dir_fd=folder)


def open_folder(parent: int, name: str) -> int:
    """A folder's descriptor. OSError where it is no folder, or a symbolic link."""
    return os.open(name, FOLDER_FLAGS, dir_fd=parent)


def exists(folder: int, name: str) -> bool:
    """Whether anything has the name."""
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def read(folder: int, name: str, last: int | None = None) -> bytes | None:
    """The whole file, or its `last` bytes; None for a folder or a pipe, which is no object. Never blocks."""
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            return None
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            if last is not None:
                file.seek(max(0, found.st_size - last))
            return file.read()
    finally:
        os.close(descriptor)


def write(folder: int, name: str, body: bytes, *, private: bool) -> None:
    """A new file, on disk when this returns; its name is once the folder is synced, too. `private`: the owner alone."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(name, flags, 0o600 if private else 0o666, dir_fd=folder), "wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())


def make_durable(root: Path) -> None:
    """Make the directory and its parents; each new one is on disk before the next."""
    if not root.is_dir():
        make_durable(root.parent)
        root.mkdir(exist_ok=True)
        folder = os.open(root.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
