"""The directory store where it is more than the contract: kills, full disks, links, permissions, other processes."""

import errno
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterable
from pathlib import Path

import pytest

from nodetally.errors import StoreError
from nodetally.store.base import Headers
from nodetally.store.directory import HIDDEN, STALE_AFTER_SECONDS, DirectoryStore, hint_for

PLAIN = Headers("application/json", "public, max-age=30", None)
PRIVATE = Headers("application/octet-stream", "private, no-store", None)


def child(script: str, *arguments: object) -> subprocess.Popen[str]:
    """Another process that runs these lines with `store` opened on its first argument."""
    lines = """
        import sys, os, resource
        from pathlib import Path
        from nodetally.errors import StoreError
        from nodetally.store.base import Headers
        from nodetally.store.directory import DirectoryStore
        PLAIN = Headers("application/json", "public", None)
        store = DirectoryStore(Path(sys.argv[1]))
    """
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(lines) + textwrap.dedent(script), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def answers(children: Iterable[subprocess.Popen[str]]) -> list[str]:
    """What each wrote to stdout; all must end well."""
    outputs = []
    for each in children:
        outputs.append(each.communicate()[0].strip())
        assert each.returncode == 0
    return outputs


def everything_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def temporary_files(store: DirectoryStore) -> list[str]:
    return everything_in(store.root / HIDDEN / "tmp")


def test_eight_processes_lose_no_increment(tmp_path: Path) -> None:
    """Compare-and-swap holds between processes, not only threads."""
    script = """
        done = 0
        while done < 10:
            stored = store.get("counter")
            value = int(stored.body) + 1 if stored else 1
            done += store.put_if_match("counter", b"%d" % value, stored.etag if stored else None, PLAIN)
    """
    answers([child(script, tmp_path) for _ in range(8)])
    stored = DirectoryStore(tmp_path).get("counter")
    assert stored is not None
    assert stored.body == b"80"


def test_of_eight_processes_one_wins_each_key(tmp_path: Path) -> None:
    """put_new between processes: each key is won once, and holds the winner's bytes."""
    script = """
        print(*[int(store.put_new(f"k/{number}", sys.argv[2].encode(), PLAIN)) for number in range(20)])
    """
    wins = [output.split() for output in answers([child(script, tmp_path, number) for number in range(8)])]
    store = DirectoryStore(tmp_path)
    for number in range(20):
        winners = [str(writer).encode() for writer in range(8) if wins[writer][number] == "1"]
        stored = store.get(f"k/{number}")
        assert stored is not None
        assert winners == [stored.body]


def test_a_killed_holder_frees_its_lock(tmp_path: Path) -> None:
    """kill -9 of a process that holds the lock: the next writer gets it from the kernel, with nothing to clean up."""
    script = """
        with store._lock("key"):
            print("held", flush=True)
            sys.stdin.read()
    """
    with child(script, tmp_path) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        holder.send_signal(signal.SIGKILL)
    store = DirectoryStore(tmp_path)
    store.put("key", b"1", PLAIN)
    assert store.get("key") is not None


def test_a_held_lock_is_waited_for_and_then_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that hangs with the lock is an error in the end, which says how to find it."""
    monkeypatch.setattr("nodetally.store.directory.LOCK_PATIENCE_SECONDS", 0.0)
    store, other = DirectoryStore(tmp_path), DirectoryStore(tmp_path)
    with other._lock("key"), pytest.raises(StoreError, match="another writer held its lock") as caught:
        store.put("key", b"1", PLAIN)
    assert "fuser" in caught.value.hint
    assert store.get("key") is None
    assert temporary_files(store) == []


def test_kill_9_at_any_moment_leaves_whole_objects(tmp_path: Path) -> None:
    """Killed while it writes: all acknowledged objects are there, every object is whole, listings show no scratch."""
    script = """
        for number in range(10_000):
            store.put_new(f"k/{number:05}", bytes([number % 256]) * 50_000, PLAIN)
            store.put("same", bytes([number % 256]) * 50_000, PLAIN)
            print(number, flush=True)
    """
    for attempt in range(4):
        root = tmp_path / str(attempt)
        with child(script, root) as writer:
            assert writer.stdout is not None
            acknowledged = [writer.stdout.readline() for _ in range(3 + 7 * attempt)]
            writer.send_signal(signal.SIGKILL)
            acknowledged += writer.stdout.readlines()
        store = DirectoryStore(root)
        listed = {entry.key: entry.size for entry in store.list("")}
        assert listed.keys() >= {f"k/{int(number):05}" for number in acknowledged if number.endswith("\n")}
        assert set(listed.values()) == {50_000}


def test_stale_temporary_files_are_swept(tmp_path: Path) -> None:
    """What a killed writer left goes with the first write an hour later; a younger one may be at work and stays."""
    store = DirectoryStore(tmp_path)
    store.put("a", b"1", PLAIN)
    scratch = tmp_path / HIDDEN / "tmp"
    for name, age in [("old", STALE_AFTER_SECONDS + 60), ("young", 60)]:
        (scratch / name).write_bytes(b"half")
        os.utime(scratch / name, (1_000_000 - age, 1_000_000 - age))
    DirectoryStore(tmp_path, clock=lambda: 1_000_000.0).put("b", b"1", PLAIN)
    assert temporary_files(store) == ["young"]
    assert [entry.key for entry in store.list("")] == ["a", "b"]


def test_reading_makes_nothing(tmp_path: Path) -> None:
    """get, list and delete of a store that is not there leave no directory behind."""
    store = DirectoryStore(tmp_path / "x" / "store")
    assert (store.get("a"), list(store.list(""))) == (None, [])
    store.delete("a/b")
    assert list(tmp_path.iterdir()) == []


def test_deleting_the_last_object_removes_its_folders(tmp_path: Path) -> None:
    """Retention leaves no tree of empty dates, and another store that knew the folders can still write there."""
    store, other = DirectoryStore(tmp_path), DirectoryStore(tmp_path)
    for each, key in ((store, "c=a/d=1/x"), (other, "c=a/d=1/y"), (store, "c=a/d=2/x")):
        each.put(key, b"1", PLAIN)
    store.delete("c=a/d=1/x")
    store.delete("c=a/d=1/y")
    assert sorted(path.name for path in (tmp_path / "c=a").iterdir()) == ["d=2"]
    assert other.put_new("c=a/d=1/z", b"1", PLAIN) is True
    assert [entry.key for entry in other.list("")] == ["c=a/d=1/z", "c=a/d=2/x"]


@pytest.mark.parametrize("key", ["out/secret", "in/link"])
def test_symbolic_links_are_not_followed(tmp_path: Path, key: str) -> None:
    """A link below the store, to a folder or a file, is neither read, listed nor written through."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    store = DirectoryStore(tmp_path / "store")
    store.put("in/a", b"1", PLAIN)
    (store.root / "out").symlink_to(outside)
    (store.root / "in" / "link").symlink_to(outside / "secret")
    with pytest.raises(StoreError, match="cannot read") as caught:
        store.get(key)
    assert "symbolic link" in caught.value.hint
    assert [entry.key for entry in store.list("")] == ["in/a"]
    if key == "in/link":
        store.put(key, b"2", PLAIN)  # replaces the link, not what it points to
        assert store.put_new("in/link", b"3", PLAIN) is False
    else:
        with pytest.raises(StoreError, match="cannot write"):
            store.put(key, b"2", PLAIN)
    assert (outside / "secret").read_bytes() == b"secret"


def test_the_directory_itself_may_be_a_link(tmp_path: Path) -> None:
    """Where the store lies is the user's choice."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    DirectoryStore(tmp_path / "link").put("a", b"1", PLAIN)
    assert (tmp_path / "real" / "a").read_bytes() == b"1"


def test_pipes_and_folders_are_no_objects(tmp_path: Path) -> None:
    """A pipe in the store neither blocks a reader nor shows in a listing."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    store = DirectoryStore(tmp_path)
    assert (store.get("pipe"), store.get("folder"), list(store.list(""))) == (None, None, [])


def test_private_objects_are_the_users_alone(tmp_path: Path) -> None:
    """Kept state holds pod names: no other user of the machine may read it."""
    store = DirectoryStore(tmp_path)
    store.put("state/a", b"1", PRIVATE)
    store.put("public", b"1", PLAIN)
    modes = [(tmp_path / name).stat().st_mode & 0o077 for name in ("state/a", "public")]
    assert modes[0] == 0
    assert modes[1] & 0o044


def test_a_body_that_does_not_fit_leaves_nothing(tmp_path: Path) -> None:
    """The file system stops the write half-way: a StoreError, no half object, no scratch, the old body untouched."""
    script = """
        store.put("old", b"old", PLAIN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        for write in (store.put, store.put_new):
            try:
                write("new" if write == store.put_new else "old", b"x" * 5000, PLAIN)
            except StoreError as error:
                print(error.exit_code, error, "|", error.hint)
    """
    (said,) = answers([child(script, tmp_path)])
    assert [line[:24] for line in said.splitlines()] == [
        "5 cannot write old in " + str(tmp_path)[:2],
        "5 cannot write new in " + str(tmp_path)[:2],
    ]
    assert "ulimit -f" in said
    store = DirectoryStore(tmp_path)
    assert [(entry.key, entry.size) for entry in store.list("")] == [("old", 3)]
    assert temporary_files(store) == []


def test_a_directory_that_may_not_be_written_says_so(tmp_path: Path) -> None:
    """Permission denied names the directory and what to give; nothing is left."""
    tmp_path.chmod(0o555)
    script = """
        for folder in Path(sys.argv[1]).parents:
            folder.chmod(folder.stat().st_mode | 0o111) if os.getuid() == 0 else None
        os.getuid() or os.setuid(65534)  # root may write anywhere
        try:
            store.put("a/b", b"1", PLAIN)
        except StoreError as error:
            print(error, "|", error.hint)
    """
    (said,) = answers([child(script, tmp_path)])
    tmp_path.chmod(0o755)
    assert said.startswith(f"cannot write a/b in {tmp_path}: Permission denied | give this user write access")
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_directorys_place_is_named(tmp_path: Path) -> None:
    """--store names a file: an error for reading and writing alike."""
    (tmp_path / "file").write_bytes(b"")
    store = DirectoryStore(tmp_path / "file")
    for act in (lambda: store.put("a", b"1", PLAIN), lambda: store.get("a"), lambda: list(store.list(""))):
        with pytest.raises(StoreError, match=r"Not a directory|File exists"):
            act()


@pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP])
def test_file_systems_without_hard_links_are_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """FAT and some network file systems cannot link: put_new then looks and moves under the lock."""

    def no_link(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", no_link)
    store = DirectoryStore(tmp_path)
    assert store.put_new("a/b", b"1", PLAIN) is True
    assert store.put_new("a/b", b"2", PLAIN) is False
    assert (tmp_path / "a" / "b").read_bytes() == b"1"
    assert temporary_files(store) == []


@pytest.mark.parametrize(
    ("code", "word"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EROFS, "read-only"),
        (errno.EDQUOT, "quota"),
        (errno.EIO, "dmesg"),
        (errno.ENXIO, "--store"),
    ],
)
def test_every_error_of_the_disk_has_a_hint(code: int, word: str) -> None:
    """What cannot be caused here is looked up in the same table."""
    assert word in hint_for(OSError(code, os.strerror(code)))
