"""A cache that cannot be used is never an error and never a guess: the lists are read, and the reason is told."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from caches import QUICK, RESUME, WATCH_LIST, a_cluster, asked, cached, checked, document, pod_list, told
from clusters import NOWHERE, node, pod
from nodetally.cache import Warm
from nodetally.cli.log import log
from nodetally.cli.main import main
from nodetally.cluster import connection
from nodetally.cluster.kept import MAGIC
from nodetally.cluster.watching import WatchCache
from nodetally.collect import run_pass, utc_now
from nodetally.errors import ClusterError
from nodetally.settings import Settings
from nodetally.simulate.faults import Fault

PODS, NODES = "/api/v1/pods", "/api/v1/nodes"
KINDS = pytest.mark.parametrize("kept", [False, True], ids=["memory", "kept"])


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that is tried again is tried again at once."""
    monkeypatch.setattr(connection, "RETRY_SECONDS", 0.0)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Where the cache of the cluster `c` is kept."""
    return tmp_path / "cache" / "state" / "c" / "watch-cache"


def filled(here: Settings, tmp_path: Path, *, kept: bool) -> tuple[Settings, Warm | None]:
    """A cache with the whole cluster in it, in memory or kept."""
    if kept:
        here = replace(here, cache=str(tmp_path / "cache"))
    warm = None if kept else Warm(here)
    checked(here, warm)
    return here, warm


@KINDS
def test_a_past_that_is_gone_is_read_anew(tmp_path: Path, *, kept: bool) -> None:
    """410 in the stream, as a server answers whose window has moved on; the pass after is warm again."""
    with cached(tmp_path) as (server, here):
        here, warm = filled(here, tmp_path, kept=kept)
        server.cluster.change_pods(2)
        server.cluster.compact()
        kind, reason = told(checked(here, warm))
        assert (kind, str(reason).partition("s: ")[2]) == (
            "list",
            f"the server no longer has what changed since version {410_000_000 + len(a_cluster())}",
        )
        assert told(checked(here, warm)) == ("resume" if kept else "watch", None)


FAULTS: dict[str, tuple[Fault, str]] = {
    "410 as a status": (Fault(f"{PODS}?{RESUME}", status=410), "no longer has what changed"),
    "403 for the watch of pods": (Fault(f"{PODS}?watch=true", status=403), "may not watch pods: 403"),
    "403 for the watch of nodes": (Fault(f"{NODES}?watch=true", status=403), "may not watch nodes: 403"),
    "404": (Fault(f"{PODS}?watch=true", status=404), "404"),
    "500": (Fault(f"{NODES}?watch=true", status=500), "500"),
    "a count that is too large": (
        Fault(f"{PODS}?limit=1", body="", content_type="application/json"),
        "7 are held, the cluster has 8",
    ),
    "a login page": (Fault(f"{PODS}?limit=1", body="<html>", content_type="text/html"), "text/html"),
    "garbage in every event": (Fault(f"{PODS}?{RESUME}", garbage_at=9), "watch of pods"),
    "a cut in every event": (Fault(f"{PODS}?{RESUME}", cut_after_bytes=40), "cut off after 40 bytes"),
    "an end before every event": (Fault(f"{PODS}?{RESUME}", body="", content_type=""), "not protobuf or JSON"),
    "a watch that never says anything": (
        Fault(f"{PODS}?{RESUME}", body="", content_type="application/json"),
        "no event or bookmark came",
    ),
}


@KINDS
@pytest.mark.parametrize("fault", FAULTS)
def test_a_watch_that_does_not_work_is_replaced_by_the_lists(tmp_path: Path, fault: str, *, kept: bool) -> None:
    """Refused, broken, silent, or telling of another number of pods; once it works again, it is used again."""
    order, why = FAULTS[fault]
    with cached(tmp_path) as (server, here):
        here, warm = filled(here, tmp_path, kept=kept)
        server.cluster.update(pod("p1", "a", cpu="3"))
        body = order.body
        if "has 8" in why:
            body = pod_list(8, str(server.cluster.version), pod("ended", "a"))
        server.add_fault(replace(order, body=body, times=None))
        kind, reason = told(checked(here, warm))
        assert (kind, why in str(reason)) == ("list", True), reason
        server.faults.clear()
        server.cluster.update(pod("p1", "a", cpu="4"))
        assert told(checked(here, warm)) == ("resume" if kept else "watch", None)


@pytest.mark.parametrize("path", [PODS, NODES])
@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"status": 403}, "may not watch"),
        ({"status": 404}, "404"),
        ({"status": 410}, "no longer has what changed"),
        ({"status": 500}, "500"),
        ({"cut_after_bytes": 40}, "cut off"),
        ({"cut_after_bytes": 0}, "cut off"),
        ({"garbage_at": 0}, "no object of Kubernetes is that large"),
        ({"garbage_at": 9}, "watch of"),
        ({"drop": True}, "GET /api/v1"),
        ({"body": "", "content_type": "application/json"}, "ended before the initial events did"),
        ({"stall_after_bytes": 40}, "warming the cache took longer than 0.3 s"),
        ({"delay_seconds": 0.5}, "warming the cache took longer than 0.3 s"),
    ],
    ids=str,
)
def test_a_warm_up_that_fails_is_replaced_by_the_lists(
    tmp_path: Path, path: str, options: dict[str, Any], why: str
) -> None:
    """Of pods or of nodes, at any place, or not done in time: the streaming list of the same pass answers."""
    with cached(tmp_path) as (server, here):
        here = replace(here, cache_timeout_seconds=0.3)
        server.add_fault(Fault(f"{path}?{WATCH_LIST}", times=None, **options))
        warm = Warm(here)
        kind, reason = told(checked(here, warm))
        assert (kind, why in str(reason)) == ("list", True), reason
        server.cluster.change_pods(2)
        assert told(checked(here, warm)) == ("watch", None)


def test_a_connection_is_closed_when_no_thread_is_at_it_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where pods fail, nodes are let go first: closed under its reader, a connection could be opened again."""
    with cached(tmp_path) as (_, here), connection.connected(here, NOWHERE) as first:
        second, closed, seen = first.another(), threading.Event(), []
        monkeypatch.setattr(first, "another", lambda: second)
        monkeypatch.setattr(second, "close", closed.set)
        cache = WatchCache(lambda _: False)

        def fail(*_: object) -> None:
            raise ClusterError("broken")

        def read(*_: object) -> None:
            second.deadline.sleep(20)  # until the failure ends it
            seen.append(closed.wait(0.1))

        monkeypatch.setattr(cache.pods, "fill_by_watch", fail)
        monkeypatch.setattr(cache.nodes, "fill_by_watch", read)
        with pytest.raises(ClusterError, match="broken"):
            cache.fill_by_watch(first, utc_now)
        assert (seen, closed.is_set()) == ([False], True)


def test_a_link_too_slow_for_the_warm_up_is_enough_for_the_list(tmp_path: Path) -> None:
    """The warm-up's own time runs out, the pass's does not."""
    with cached(tmp_path, behaviour=replace(QUICK, pace_bytes_per_second=5_000)) as (_, here):
        found = document(replace(here, cache_timeout_seconds=0.2), Warm(here))
    assert told(found["source"]) == ("list", "warming the cache took longer than 0.2 s")


def test_a_refusal_of_nodes_does_not_wait_for_pods(tmp_path: Path) -> None:
    """What is known to fail is not held up by a pause that the server asked for elsewhere."""
    with cached(tmp_path) as (server, here):
        server.add_fault(Fault(f"{PODS}?{WATCH_LIST}", status=429, headers={"Retry-After": "50"}, times=None))
        server.add_fault(Fault(f"{NODES}?{WATCH_LIST}", status=403, times=None, delay_seconds=0.2))
        done = threading.Event()
        found: list[dict[str, Any]] = []

        def work() -> None:
            found.append(checked(here, Warm(here)))
            done.set()

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        assert done.wait(10), "it waits for the 50 s of a pause"
        assert "may not watch nodes: 403" in str(found[0]["reason"])


@KINDS
def test_a_cluster_that_went_back_is_read_anew(tmp_path: Path, *, kept: bool) -> None:
    """Restored from a backup, or replaced by a new one: at the same address, versions are lower than those kept."""
    with cached(tmp_path) as (server, here):
        port = int(server.url.rpartition(":")[2])
        server.cluster.change_pods(5)
        here, warm = filled(here, tmp_path, kept=kept)
        before = server.cluster.version
    with cached(tmp_path, [node("n", cpu="1"), pod("p", "n")], port=port) as (server, _):
        kind, reason = told(checked(here, warm))
        assert kind == "list"
        assert f"is at version {server.cluster.version}, before {before} that was kept" in str(reason)
        assert told(checked(here, warm)) == ("resume" if kept else "watch", None)


@KINDS
@pytest.mark.parametrize("alike", [False, True], ids=["another number of pods", "as many pods of the same names"])
def test_another_cluster_behind_the_same_address_is_read_anew(tmp_path: Path, *, kept: bool, alike: bool) -> None:
    """Even where its version is the same, and it looks alike: counts and uids tell."""
    with cached(tmp_path) as (server, here):
        port = int(server.url.rpartition(":")[2])
        here, warm = filled(here, tmp_path, kept=kept)
    objects = a_cluster() if alike else [*a_cluster()[:-1], node("z")]  # so many that the version is the same
    for at, each in enumerate(objects):
        each["metadata"]["uid"] = f"other-{at}"
    with cached(tmp_path, objects, port=port):
        kind, reason = told(checked(here, warm))
        assert kind == "list"
        assert ("another cluster's past" if alike else "are held, the cluster has") in str(reason)


@pytest.mark.parametrize("resource", ["pods", "nodes"])
def test_an_index_that_lost_something_is_noticed(tmp_path: Path, resource: str) -> None:
    """Whatever the cause: the count of the cluster is not the count that is held."""
    with cached(tmp_path) as (server, here):
        here, warm = filled(here, tmp_path, kept=False)
        assert warm is not None
        index = warm._cache.pods.index.pods if resource == "pods" else warm._cache.nodes.index.nodes
        index.pop(next(iter(index)))  # type: ignore[call-overload]  # each by a key of its own
        held = server.cluster.count(resource) - 1
        kind, reason = told(checked(here, warm))
        assert (kind, reason) == ("list", f"watch of {resource}: {held} are held, the cluster has {held + 1}")


def test_a_server_that_does_not_say_how_many_there_are_proves_nothing(tmp_path: Path) -> None:
    """Some leave out remainingItemCount: then the lists are read, every time."""
    with cached(tmp_path) as (server, here):
        here, warm = filled(here, tmp_path, kept=False)
        body = pod_list(8, str(server.cluster.version), pod("ended", "a")).replace("remainingItemCount", "x")
        server.add_fault(Fault(f"{PODS}?limit=1", body=body, content_type="application/json", times=None))
        kind, reason = told(checked(here, warm))
        assert (kind, reason) == ("list", "watch of pods: 7 are held, the cluster does not say how many there are")


def test_versions_that_are_no_numbers_are_no_reason_to_fail(tmp_path: Path) -> None:
    """A server whose versions cannot be compared can be listed: with the cache as without it."""
    body = '{"kind": "NodeList", "metadata": {"resourceVersion": "abc"}, "items": []}'
    with cached(tmp_path, behaviour=replace(QUICK, protobuf=False)) as (server, here):
        server.add_fault(Fault(NODES, body=body, content_type="application/json", times=None))
        assert document(replace(here, cache="off"))["source"]["nodes_resource_version"] == "abc"
        found = document(here, Warm(here))
        assert (found["source"]["kind"], found["source"]["nodes_resource_version"]) == ("list", "abc")


DAMAGE: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda _: b"", "damaged"),
    "text": (lambda _: b"nonsense", "damaged"),
    "a flipped byte": (lambda body: body[:200] + bytes([body[200] ^ 1]) + body[201:], "damaged"),
    "a byte less": (lambda body: body[:-1], "damaged"),
    "a byte more": (lambda body: body + b"\0", "damaged"),
    "half of it": (lambda body: body[: len(body) // 2], "damaged"),
    "the first line only": (lambda _: MAGIC, "damaged"),
    "another format": (lambda body: body.replace(b"cache 1", b"cache 2", 1), "of another format"),
    "twice": (lambda body: body + body, "damaged"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_state_is_replaced(tmp_path: Path, state: Path, damage: str) -> None:
    """Whatever happened to the file: the lists are read and it is written anew."""
    change, why = DAMAGE[damage]
    with cached(tmp_path) as (_, here):
        here, _ = filled(here, tmp_path, kept=True)
        state.write_bytes(change(state.read_bytes()))
        kind, reason = told(checked(here))
        assert (kind, why in str(reason)) == ("list", True)
        assert told(checked(here)) == ("resume", None)


def test_a_state_of_another_cluster_is_replaced(tmp_path: Path, state: Path) -> None:
    """Copied under another name; or kept of the same name at another address; or for other labels."""
    with cached(tmp_path) as (_, here):
        here, _ = filled(here, tmp_path, kept=True)
        copy = state.parent.parent / "d" / state.name
        copy.parent.mkdir()
        copy.write_bytes(state.read_bytes())
        for other, why in (
            (replace(here, cluster="d"), "('c'"),
            (replace(here, labels=("pool",)), "other node labels"),
        ):
            kind, reason = told(checked(other))
            assert (kind, why in str(reason)) == ("list", True)
            assert told(checked(other)) == ("resume", None)
    with cached(tmp_path) as (_, there):
        kind, reason = told(checked(replace(there, cache=here.cache)))
        assert (kind, "another cluster" in str(reason)) == ("list", True)


@pytest.mark.parametrize(
    ("seconds", "kind", "why"), [(599, "resume", None), (602, "list", "s old, more than 600 s"), (-70, "list", "ahead")]
)
def test_a_state_is_used_only_for_so_long(tmp_path: Path, seconds: int, kind: str, why: str | None) -> None:
    """By --cache-ttl; one from the future is of a clock that cannot be trusted."""
    with cached(tmp_path) as (_, here):
        here, _ = filled(here, tmp_path, kept=True)
        found = document(here, clock=lambda: utc_now() + timedelta(seconds=seconds))["source"]
    assert found["kind"] == kind
    assert (why or "None") in str(found["reason"])


def test_a_list_that_fails_too_fails_the_pass_and_leaves_the_cache_usable(tmp_path: Path) -> None:
    """Nothing is published; the pass after goes on from what was held before, or from the part that was read."""
    with cached(tmp_path) as (server, here):
        for path in (PODS, NODES):
            here, warm = filled(here, tmp_path, kept=False)
            server.cluster.change_pods(2)
            server.cluster.add(node(f"new{len(path)}", cpu="1"))
            server.add_fault(Fault(path, status=404, times=None))
            with pytest.raises(ClusterError, match="404"):
                run_pass(here, NOWHERE, warm=warm)
            server.faults.clear()
            assert told(checked(here, warm)) == ("watch", None)
    assert not (tmp_path / "store").exists()


@pytest.fixture
def quiet_log() -> Iterator[None]:
    """The command line's log goes to the stderr of its time: put back what was there."""
    handlers, propagate = log.handlers, log.propagate
    yield
    log.handlers, log.propagate = handlers, propagate


def run(here: Settings, *more: str) -> None:
    arguments = ["run", "--cluster", "c", "--kubeconfig", str(here.kubeconfig), "--store", here.store, "--no-usage"]
    main([*arguments, *more])


@pytest.mark.usefixtures("quiet_log")
@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"status": 403}, "may not watch pods: 403"),
        ({"cut_after_bytes": 10}, "cut off after 10 bytes"),
        ({"stall_after_bytes": 10}, "warming the cache took longer than 1 s"),
    ],
    ids=str,
)
def test_the_reason_is_told_and_the_pass_is_a_success(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: dict[str, Any], why: str
) -> None:
    """Exit 0, the snapshot stored, a line on stderr, nothing on stdout."""
    with cached(tmp_path) as (server, here):
        server.add_fault(Fault(f"{PODS}?{WATCH_LIST}", times=None, **options))
        with pytest.raises(SystemExit) as ended:
            run(here, "--cache", "memory", "--cache-timeout", "1s")
        said = capsys.readouterr()
        of_pods = [each for each in asked(server) if each.startswith("pods")]
        assert of_pods == ["pods", "pods initial events"]
    assert (ended.value.code, said.out) == (0, "")
    assert "the lists were read, not the cache: " in said.err
    assert why in said.err
    assert len(list(Path(here.store).glob("snapshots/*/*/*"))) == 1
