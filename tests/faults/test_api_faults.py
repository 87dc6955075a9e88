"""Every status and every kind of damage at every stage, of everything a pass asks for: one table of what comes of it.

A list that fails fails the pass, and nothing is published. A watch that fails is replaced by the list, and the reason
is told. Metrics that fail leave usage unknown. No number is ever another than without the fault.
"""

import itertools
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from caches import QUICK, RESUME, WATCH_LIST
from clusters import METRICS, NOWHERE, served
from interposed import Damage, Interposed, interposed
from nodetally import snapshot
from nodetally.cluster import connection, transport
from nodetally.cluster.access import Access
from nodetally.cluster.connection import Connection
from nodetally.cluster.deadline import Deadline
from nodetally.cluster.watching import WatchCache
from nodetally.collect import Pass, run_pass, utc_now
from nodetally.errors import ClusterError, NodetallyError
from nodetally.settings import Settings
from nodetally.simulate.cluster import SimulatedCluster
from nodetally.simulate.faults import Fault
from nodetally.simulate.objects.item import document
from nodetally.simulate.server import Simulator
from simulate_client import PROTOBUF, raw_answer

PODS, NODES = "/api/v1/pods", "/api/v1/nodes"
SHORT = 0.15  # seconds that are waited for an answer that stalls; without one, a pass here takes a tenth of it


class Asked(NamedTuple):
    """Something that a pass asks for: its request, the pass that asks it, and what is lost without it."""

    prefix: str
    cache: str
    lost: str  # pass | cache | usage | version


ASKED = {
    "list of pods": Asked(PODS, "off", "pass"),
    "list of nodes": Asked(NODES, "off", "pass"),
    "pods, by list and watch": Asked(PODS, "memory", "pass"),
    "nodes, by list and watch": Asked(NODES, "memory", "pass"),
    "initial events of pods": Asked(f"{PODS}?{WATCH_LIST}", "memory", "cache"),
    "initial events of nodes": Asked(f"{NODES}?{WATCH_LIST}", "memory", "cache"),
    "version of pods, to resume": Asked(f"{PODS}?limit=1", "kept", "cache"),
    "version of nodes, to resume": Asked(f"{NODES}?limit=1", "kept", "cache"),
    "watch of pods, to resume": Asked(f"{PODS}?{RESUME}", "kept", "cache"),
    "watch of nodes, to resume": Asked(f"{NODES}?{RESUME}", "kept", "cache"),
    "metrics": Asked(METRICS, "off", "usage"),
    "metrics, after the cache": Asked(METRICS, "memory", "usage"),
    "server version": Asked("/version", "off", "version"),
}
TRIED_AGAIN = {"429", "500", "503", "504"}
STATUSES = ["400", "401", "403", "404", "406", "410", "422", "429", "429 come back in 50 s", "500", "503", "504"]
STAGES = ["status line", "headers", "envelope", "in an item", "between items", "before the end"]


class Bench(NamedTuple):
    """One cluster for all rows; a fault at its server, or damage between it and the reader."""

    server: Simulator
    between: Interposed
    settings: Settings
    places: dict[str, dict[str, int]]  # where the stages are, by what is asked

    def repaired(self) -> None:
        self.server.faults.clear()
        self.between.damage = None

    def read(self, asked: Asked, folder: Path, *, store: bool = True) -> Pass:
        """The pass that asks for it."""
        cache = str(folder / "cache") if asked.cache == "kept" else asked.cache
        usage = asked.lost == "usage"
        settings = replace(self.settings, cache=cache, usage=usage, store=str(folder / "store"))
        return run_pass(settings, NOWHERE, store=store)

    def prepare(self, asked: Asked, folder: Path) -> None:
        """Where it is to resume: a cache that is kept, and changes of pods and nodes since."""
        if asked.cache == "kept":
            self.read(asked._replace(lost=""), folder, store=False)
            self.change()

    def change(self) -> None:
        cluster = self.server.cluster
        cluster.change_pods(3)
        for item in cluster.items("nodes")[:3]:
            cluster.update(document(item))


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("bench")
    cluster = SimulatedCluster(nodes=4, pods=12, seed=8)
    with served(cluster, folder, QUICK) as (server, settings), interposed(server.url) as between:
        between.write_kubeconfig(folder / "between")
        yield Bench(server, between, replace(settings, kubeconfig=str(folder / "between"), timeout_seconds=30), {})


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that is tried again is tried again at once; the row with Retry-After asks for more than there is."""
    monkeypatch.setattr(connection, "RETRY_SECONDS", 0.0)


def published(folder: Path) -> list[dict[str, Any]]:
    """The snapshots in the store; nothing else may lie there without one."""
    files = [each for each in (folder / "store").rglob("*.json*") if each.is_file()]
    found = [each for each in files if "snapshots" in each.parts]
    assert found or not files
    return [dict(snapshot.decode(each.read_bytes())) for each in found]


def numbers(found: dict[str, Any]) -> dict[str, Any]:
    """All that no fault but one of metrics may change."""
    return {part: each for part, each in found.items() if part not in ("source", "cost", "taken_at", "slot", "usage")}


def without_usage(found: dict[str, Any]) -> dict[str, Any]:
    for row in (found["totals"], found["schedulable_totals"], *found["nodes"]):
        for values in row["resources"].values():
            values["usage"] = None
    return found


def judge(bench: Bench, asked: Asked, folder: Path, why: str, code: int = 3) -> str:
    """What comes of a fault, against the table; returns where the pass read from in the end, or the error."""
    try:
        made = bench.read(asked, folder)
    except NodetallyError as error:
        assert asked.lost == "pass", f"{type(error).__name__}: {error}"
        assert published(folder) == []
        assert isinstance(error, ClusterError)
        assert (error.exit_code, bool(re.search(why, str(error)))) == (code, True), f"{error.exit_code}: {error}"
        return str(error)
    bench.repaired()
    assert asked.lost != "pass", "the pass should have failed"
    (found,) = published(folder)
    assert made.published is not None
    source, usage = found["source"], found["usage"]
    clean = snapshot.decode(run_pass(replace(bench.settings, usage=False), NOWHERE, store=False).body)
    assert numbers(without_usage(found)) == numbers(dict(clean))
    assert (source["server_version"] is None) == (asked.lost == "version")
    if asked.lost == "cache":
        assert source["kind"] == "list" or source["reason"] is None
        assert re.search(why, source["reason"] or why), source["reason"]
    if asked.lost == "usage":
        assert usage["status"] in ("absent", "forbidden", "partial"), usage
        assert re.search(why, str(usage["reason"])), usage
    return str(source["kind"])


ALL_STATUSES = list(itertools.product(ASKED, STATUSES))
ALL_DAMAGE = [
    (name, how, stage)
    for name, how, stage in itertools.product(ASKED, ("cut", "garbage", "stall"), STAGES)
    if name != "server version"
    and (stage in STAGES[:3] or not name.endswith("by list and watch"))  # two answers, alike only so far
    and (stage != "before the end" or "watch=true" not in ASKED[name].prefix)  # which is never waited for
]


@pytest.mark.parametrize(("name", "status"), ALL_STATUSES, ids=[", ".join(each) for each in ALL_STATUSES])
def test_a_status_is_what_the_table_says(bench: Bench, tmp_path: Path, name: str, status: str) -> None:
    """Refusals exit 4 and others 3, where the pass needs it; the message has the status; so many requests, no more."""
    asked, number = ASKED[name], int(status[:3])
    headers = {"Retry-After": "50"} if "50 s" in status else {}
    bench.prepare(asked, tmp_path)
    bench.server.add_fault(Fault(asked.prefix, status=number, headers=headers, times=None))
    bench.server.forget_requests()
    try:
        why = "no longer has what changed|410" if number == 410 else status[:3]
        why = "no metrics API" if asked.lost == "usage" and number == 404 else why
        kind = judge(bench, asked, tmp_path, why, 4 if number in (401, 403) else 3)
        if asked.lost == "cache":
            offered = number in (400, 422) and "initial" in name
            assert kind == "list"
            (found,) = published(tmp_path)
            assert (found["source"]["reason"] is None) == offered, found["source"]["reason"]
        made = sum(target.startswith(asked.prefix) for _, target in bench.server.requests)
    finally:
        bench.repaired()
    if asked.cache == "off":
        again = status in TRIED_AGAIN and asked.lost != "usage"
        twice = (number, asked.lost) in ((406, "usage"), (410, "pass"))  # JSON is asked for; a list starts over
        assert made == (5 if again else 2 if twice else 1) + (asked.lost == "version")  # the clean pass asks, too


def stages(raw: bytes) -> dict[str, int]:
    """Where each stage of an answer is, in bytes from its status line on."""
    body = raw.index(b"\r\n\r\n") + 4
    chunks = []
    at = body
    if b"Transfer-Encoding: chunked" in raw[:body]:
        while at < len(raw):
            line_end = raw.index(b"\r\n", at) + 2
            chunks.append((at, line_end))
            at = line_end + int(raw[at : line_end - 2], 16) + 2
    inside = chunks[1 if len(chunks) > 2 else 0][1] if chunks else body + (len(raw) - body) // 2
    return {
        "status line": 5,
        "headers": raw.index(b"Content-Type") + 4,
        "envelope": (chunks[0][1] if chunks else body) + 2,
        "in an item": inside + 3,
        "between items": chunks[2][0] if len(chunks) > 2 else inside,
        "before the end": len(raw) - 5,
    }


@pytest.mark.parametrize(("name", "how", "stage"), ALL_DAMAGE, ids=[", ".join(each) for each in ALL_DAMAGE])
def test_damage_is_what_the_table_says(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, how: str, stage: str
) -> None:
    """A cut, garbage or silence, anywhere in the answer: never half of it."""
    asked = ASKED[name]
    bench.prepare(asked, tmp_path)
    if name not in bench.places:
        bench.places[name] = stages(beginning(bench, asked))
    at = bench.places[name][stage]
    if asked.lost == "usage":
        monkeypatch.setattr(transport, "STALL_SECONDS", SHORT)
    elif asked.lost == "cache":
        bench = bench._replace(settings=replace(bench.settings, cache_timeout_seconds=SHORT))
    else:
        bench = bench._replace(settings=replace(bench.settings, timeout_seconds=SHORT))
    bench.between.damage = Damage(asked.prefix, how, at)
    try:
        kind = judge(bench, asked, tmp_path, {"cut": "", "garbage": "", "stall": "longer than|timed out"}[how])
        if asked.lost == "cache":
            (found,) = published(tmp_path)
            assert (kind == "list") == (found["source"]["reason"] is not None)
    finally:
        bench.repaired()


def beginning(bench: Bench, asked: Asked) -> bytes:
    """The answer as it would be now; of a watch, what comes of it at once."""
    if "watch=true" not in asked.prefix:
        return raw_answer(bench.server, asked.prefix)
    end = "&resourceVersionMatch=NotOlderThan" if WATCH_LIST in asked.prefix else ""
    since = str(bench.server.cluster.version - 6) if RESUME in asked.prefix else ""
    target = f"{asked.prefix}{since}{end}&allowWatchBookmarks=true&timeoutSeconds=1"
    with socket.create_connection(bench.between.target) as asking:
        asking.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\nAccept: {PROTOBUF}\r\n\r\n".encode())
        received = b""
        while received.count(b"\r\n") < 20:  # headers, then two for each event
            received += asking.recv(1 << 16)
    return received


def test_metrics_that_stall_until_the_deadline_cost_usage_only(bench: Bench, tmp_path: Path) -> None:
    """The whole cluster was seen by then: a metrics API that hangs must not lose the snapshot."""
    asked = ASKED["metrics"]
    bench = bench._replace(settings=replace(bench.settings, timeout_seconds=1))
    bench.server.add_fault(Fault(METRICS, stall_after_bytes=10, times=None))
    try:
        assert judge(bench, asked, tmp_path, "longer than|timed out") == "list"
    finally:
        bench.repaired()


class Held:
    """Credentials that come late: the second to ask for them, in a thread of its own, waits until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()

    def __call__(self) -> None:
        if threading.current_thread().name.startswith("watch") and not self.go.is_set():
            self.go.wait(10)


def test_a_catch_up_that_fails_leaves_no_connection_open(bench: Bench) -> None:
    """Where pods fail while nodes are about to connect: what is opened after that is closed as well."""
    bench.server.add_fault(Fault(PODS, status=403, times=None))
    cache, held = WatchCache(lambda _: True), Held()
    access = Access(bench.server.url, authorization=lambda: None)
    deadline = Deadline(10)
    try:
        with Connection(access, deadline) as connected:
            second = connected.another()
            second.access = replace(access, authorization=held)
            connected.another = lambda _=None: second  # type: ignore[method-assign,assignment]  # the one that is late
            threading.Timer(0.2, held.go.set).start()  # by then the pods have failed
            with pytest.raises(ClusterError):
                cache.catch_up(connected, utc_now)
        assert deadline._open == set()
    finally:
        bench.repaired()
        deadline.cancel()


def test_a_request_that_is_late_for_the_deadline_is_not_waited_for(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Credentials that took too long: a connection that is opened after the end is not read from."""
    monkeypatch.setattr(transport, "STALL_SECONDS", 1.0)
    bench.server.add_fault(Fault(PODS, delay_seconds=5, times=None))

    def slow() -> None:
        threading.Event().wait(0.3)

    access = Access(bench.server.url, authorization=slow)
    deadline = Deadline(0.2)
    try:
        with Connection(access, deadline) as connected, pytest.raises(ClusterError, match="longer than") as caught:
            with connected.get(PODS, accept=PROTOBUF):
                pass
        assert "timed out" not in str(caught.value.__cause__)
    finally:
        bench.repaired()
        deadline.cancel()
