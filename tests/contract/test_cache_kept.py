"""The cache between runs: one private object, replaced whole or not at all, and never worth a failed pass."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from caches import cached, checked, document, state_file, told
from clusters import NOWHERE, pod
from nodetally.cache import Keeper, Warm
from nodetally.collect import run_pass
from nodetally.errors import StoreError
from nodetally.settings import Settings
from nodetally.store.base import Headers
from nodetally.store.directory import DirectoryStore
from nodetally.store.s3 import S3Store
from paths import NODETALLY
from recording import RecordingStore
from servers import S3Server


def test_it_is_one_private_object_that_is_replaced_whole(tmp_path: Path) -> None:
    """Only its owner reads it; another file takes its place, under the same name; nothing else is left behind."""
    with cached(tmp_path, cache=str(tmp_path / "cache")) as (server, here):
        checked(here)
        path = state_file(tmp_path / "cache")
        first = path.stat()
        server.cluster.change_pods(1)
        assert told(checked(here)) == ("resume", None)
        second = path.stat()
    assert (first.st_mode & 0o777, second.st_mode & 0o777) == (0o600, 0o600)
    assert first.st_ino != second.st_ino
    files = [each for each in (tmp_path / "cache").rglob("*") if each.is_file() and "locks" not in each.parts]
    assert files == [path]


def test_it_is_written_after_the_snapshot(tmp_path: Path) -> None:
    """A run that ends in between has lost time for the next one, and no snapshot."""
    with cached(tmp_path, cache=str(tmp_path / "cache")) as (_, here):
        order: list[str] = []

        class Seen(RecordingStore):
            def put_if_match(self, key: str, body: bytes, etag: str | None, headers: Headers) -> bool:
                order.extend(each.name for each in (tmp_path / "store").glob("clusters/c/latest*"))
                return super().put_if_match(key, body, etag, headers)

        warm = Warm(here, Keeper(lambda: Seen(DirectoryStore(tmp_path / "cache"))))
        assert run_pass(here, NOWHERE, warm=warm).not_kept is None
        assert order == ["latest.json.gz"]


def test_a_cache_that_does_not_fit_into_memory_only_warns(tmp_path: Path) -> None:
    """The snapshot is stored by then: a limit that is met while the cache is written takes nothing back."""

    class Full(DirectoryStore):
        def put_if_match(self, *_: object, **__: object) -> bool:
            raise MemoryError

    with cached(tmp_path) as (_, here):
        done = run_pass(here, NOWHERE, warm=Warm(here, Keeper(lambda: Full(tmp_path / "cache"))))
    assert "no memory was left" in str(done.not_kept)
    assert len(list(Path(here.store).glob("snapshots/*/*/*"))) == 1


def test_a_pass_that_failed_keeps_nothing(tmp_path: Path) -> None:
    """What it knows is not known to be right."""
    with cached(tmp_path, cache=str(tmp_path / "cache")) as (_, here):
        with pytest.raises(StoreError):
            run_pass(replace(here, store="/proc/none"), NOWHERE)
    assert not (tmp_path / "cache").exists()


def test_of_two_runs_that_race_the_first_to_write_wins_and_both_succeed(tmp_path: Path) -> None:
    """The second one's write is dropped: what lies there is as good, and the next run resumes from it."""
    folder = tmp_path / "cache"
    with cached(tmp_path, cache=str(folder)) as (server, here):
        checked(here)
        server.cluster.change_pods(1)
        slow = RecordingStore(DirectoryStore(folder))
        between: list[bytes] = []

        def another_run() -> None:
            assert told(checked(here)) == ("resume", None)
            between.append(state_file(folder).read_bytes())

        slow.meanwhile["state/c/watch-cache"] = another_run
        done = run_pass(here, NOWHERE, warm=Warm(here, Keeper(lambda: slow)))
        assert (done.outline["source"]["kind"], done.not_kept) == ("resume", None)
        assert [state_file(folder).read_bytes()] == between
        assert told(checked(here)) == ("resume", None)


def test_many_runs_at_once_leave_a_cache_that_can_be_used(tmp_path: Path) -> None:
    """Eight at a time, some of them the first: each succeeds, and the next resumes."""
    with cached(tmp_path, cache=str(tmp_path / "cache")) as (server, here):
        for _ in range(3):
            with ThreadPoolExecutor(8) as pool:
                done = list(pool.map(lambda _: run_pass(here, NOWHERE, store=False), range(8)))
            assert [each.not_kept for each in done] == [None] * 8
            assert {each.outline["source"]["kind"] for each in done} <= {"list", "resume"}
            server.cluster.change_pods(1)
        assert told(checked(here)) == ("resume", None)


@pytest.mark.parametrize("url", ["/proc/none", "/dev/null", "/dev/null/cache"])
def test_a_state_that_cannot_be_written_only_warns(tmp_path: Path, url: str) -> None:
    """The snapshot is stored, the exit code is 0; stderr says what the next run will miss."""
    with cached(tmp_path) as (_, here):
        done = nodetally(here, "--cache", url)
    assert done.returncode == 0, done.stderr
    assert "stored as" in done.stderr
    assert "the next run will not find a warm cache: cannot " in done.stderr
    assert f"state/c/watch-cache in {url}" in done.stderr
    assert "the lists were read, not the cache: " in done.stderr
    assert "Traceback" not in done.stderr
    assert len(list(Path(here.store).glob("snapshots/*/*/*"))) == 1


def test_a_place_for_the_cache_that_can_be_none_is_wrong_use(tmp_path: Path) -> None:
    """A mistake in the setting itself, unlike a store that is down."""
    with cached(tmp_path) as (_, here):
        done = nodetally(here, "--cache", "ftp://x")
    assert done.returncode == 2, done.stderr
    assert not Path(here.store).exists()


def nodetally(here: Settings, *more: str) -> subprocess.CompletedProcess[str]:
    """A run of the installed program on the cluster of these settings."""
    known = ["--cluster", "c", "--kubeconfig", str(here.kubeconfig), "--store", here.store, "--no-usage"]
    clean = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    return subprocess.run(
        [NODETALLY, "run", *known, *more], capture_output=True, text=True, check=False, env=clean, timeout=60
    )


@pytest.fixture
def bucket(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Store:
    """An empty prefix of a real S3 server, which this process's own environment leads to."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    return S3Store("nodetally-tests", "caches", environment=s3_server.environment)


def test_in_a_bucket_it_is_the_same(tmp_path: Path, bucket: S3Store) -> None:
    """First the lists, then resumed, then damaged and replaced, on a real S3 server; told to be private."""
    with cached(tmp_path, cache="s3://nodetally-tests/caches") as (server, here):
        assert told(checked(here)) == ("list", "no cache was kept yet")
        server.cluster.add(pod("new", "a", cpu="1"))
        assert told(checked(here)) == ("resume", None)
        kept = bucket.get("state/c/watch-cache")
        assert kept is not None
        bucket.put("state/c/watch-cache", kept.body[:-1], Headers("x/y", "private", None))
        kind, reason = told(checked(here))
        assert (kind, "damaged" in str(reason)) == ("list", True)
        assert told(checked(here)) == ("resume", None)
        head = bucket.client.head_object(Bucket="nodetally-tests", Key="caches/state/c/watch-cache")
        assert head["CacheControl"] == "private, no-store"


@pytest.mark.usefixtures("bucket")
def test_a_bucket_that_is_not_there_only_warns(tmp_path: Path) -> None:
    """Neither read nor written: the lists answer, and the pass says why it kept nothing."""
    with cached(tmp_path, cache="s3://no-such-bucket-here/x") as (_, here):
        done = run_pass(here, NOWHERE)
        assert done.outline["source"]["kind"] == "list"
        assert "no-such-bucket-here" in str(done.outline["source"]["reason"])
        assert "no-such-bucket-here" in str(done.not_kept)
        assert done.published is not None


KILLED = """
import os, signal, sys
from pathlib import Path
from nodetally.cache import Keeper
from nodetally.store.directory import DirectoryStore

folder, body, left = Path(sys.argv[1]), Path(sys.argv[2]).read_bytes(), int(sys.argv[3])

def dying(call):
    def counted(*arguments, **options):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return call(*arguments, **options)
    return counted

keeper = Keeper(lambda: DirectoryStore(folder))
keeper.load("c")
for name in ("open", "mkdir", "fsync", "link", "replace", "unlink", "write"):
    setattr(os, name, dying(getattr(os, name)))
keeper.save("c", body)
"""


@pytest.mark.parametrize("first", [True, False], ids=["the first write", "a replacement"])
def test_a_process_killed_while_it_writes_leaves_what_can_be_used_or_nothing(tmp_path: Path, *, first: bool) -> None:
    """SIGKILL before every step of the write: the next run resumes from what is whole, or lists; it is never wrong."""
    folder, new = tmp_path / "cache", tmp_path / "new"
    with cached(tmp_path, cache=str(folder)) as (server, here):
        document(replace(here, cache=str(tmp_path / "elsewhere")))
        new.write_bytes(state_file(tmp_path / "elsewhere").read_bytes())
        kinds = []
        for steps in range(100):
            if first:
                state_file(folder).unlink(missing_ok=True)
            else:
                checked(here)
            child = subprocess.run([sys.executable, "-c", KILLED, str(folder), str(new), str(steps)], check=False)
            server.cluster.change_pods(1)
            kind, reason = told(checked(here))
            assert reason in (None, "no cache was kept yet")
            kinds.append(kind)
            if child.returncode == 0:
                break
            assert child.returncode == -signal.SIGKILL
        else:
            raise AssertionError("it never came to the end of its write")
    assert len(kinds) > 4
    assert kinds[-1] == "resume"
    assert set(kinds) == ({"list", "resume"} if first else {"resume"})
