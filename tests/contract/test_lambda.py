"""The function as Lambda runs it: through AWS' own runtime client, against a runtime API of ours."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import histories
import servers
from clusters import served
from functions import SCHEDULED, Function, deployed
from nodetally import snapshot
from nodetally.simulate.cluster import SimulatedCluster
from nodetally.simulate.faults import Fault
from nodetally.simulate.server import Simulator
from nodetally.store.base import Headers
from nodetally.store.directory import DirectoryStore
from nodetally.store.layout import snapshot_key
from nodetally.store.s3 import S3Store
from nodetally.store.verify import verify


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Simulator]:
    with served(SimulatedCluster(nodes=4, pods=40, seed=3), tmp_path) as (server, _):
        yield server


def stored(folder: Path, cluster: str, slot: str) -> dict[str, Any]:
    found = DirectoryStore(folder / "store").get(snapshot_key(cluster, slot))
    assert found is not None
    return snapshot.decode(found.body)


@pytest.mark.usefixtures("cluster")
def test_an_events_time_is_the_slot_and_a_second_delivery_changes_nothing(tmp_path: Path) -> None:
    """EventBridge delivers at least once; the first snapshot of a slot stays."""
    with deployed(tmp_path, NODETALLY_CLUSTER="c", NODETALLY_KUBECONFIG=str(tmp_path / "kubeconfig")) as function:
        first, again = function(SCHEDULED), function(SCHEDULED)
    assert first.kind == again.kind == "response"
    told = first.body["passes"][0]
    assert (told["slot"], told["created"], told["nodes"], told["source"]) == ("2026-11-23T12:05:00Z", True, 4, "list")
    assert again.body["passes"][0] == {**told, "created": False}
    document = stored(tmp_path, "c", "2026-11-23T12:05:00Z")
    assert (document["trigger"], document["totals"]["pods"]["counted"]) == ("schedule", told["pods"])


def test_calls_of_one_process_go_on_over_one_warm_cache(tmp_path: Path, cluster: Simulator) -> None:
    """The second call asks how far the cluster is and reads no list; what happened in between is in it."""
    config = str(tmp_path / "kubeconfig")
    with deployed(tmp_path, NODETALLY_CLUSTER="c", NODETALLY_KUBECONFIG=config, NODETALLY_CACHE="memory") as function:
        sources = [function({"cluster": "c", "time": "2026-11-23T12:00:00Z"}).body["passes"][0]["source"]]
        cluster.cluster.change_pods(3)
        cluster.forget_requests()
        sources.append(function({"cluster": "c", "time": "2026-11-23T12:05:00Z"}).body["passes"][0]["source"])
    paths = [path for _, path in cluster.requests]
    assert sources == ["watch", "watch"]
    assert "/api/v1/pods" not in paths
    assert "/api/v1/pods?limit=1" in paths
    assert stored(tmp_path, "c", "2026-11-23T12:05:00Z")["cost"]["pods_read"] == 3


def test_a_cluster_that_fails_is_raised_and_the_others_are_stored(tmp_path: Path, cluster: Simulator) -> None:
    """In order of the list, each by itself; Lambda is told of an error, CloudWatch of each cluster."""
    cluster.add_fault(Fault("/api/v1/pods", status=403, times=1))
    with deployed(tmp_path, NODETALLY_KUBECONFIG=str(tmp_path / "kubeconfig")) as function:
        done = function({**SCHEDULED, "detail": {"clusters": ["refused", "fine"]}})
        metrics = function.metrics()
    assert done.kind == "error"
    assert done.body["errorType"] == "PassesFailed"
    assert done.body["errorMessage"].startswith("1 of 2 passes failed: refused: ")
    assert stored(tmp_path, "fine", SCHEDULED["time"])["cluster"] == "fine"
    assert [(each["cluster"], each["pass_success"]) for each in metrics] == [("refused", 0), ("fine", 1)]
    [described] = metrics[1]["_aws"]["CloudWatchMetrics"]
    named = {each["Name"]: each["Unit"] for each in described["Metrics"]}
    assert described["Dimensions"] == [["cluster"]]
    assert named["pass_read_bytes"] == "Bytes"
    assert named["pass_duration_seconds"] == "Seconds"
    assert named.keys() == metrics[1].keys() - {"_aws", "cluster"}
    assert metrics[1]["nodes"] == 4


@pytest.fixture(scope="module")
def unset(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Function, Path]]:
    """A function whose environment names no cluster."""
    folder = tmp_path_factory.mktemp("unset")
    with deployed(folder) as function:
        yield function, folder


@pytest.mark.parametrize(
    ("event", "kind", "message"),
    [
        ({"cluster": "../c"}, "WrongUse", "cluster"),
        ({"cluster": "c", "store": "s3://elsewhere"}, "WrongUse", "the event says store"),
        ({"clusters": "a"}, "WrongUse", "no list"),
        ({"clusters": [{"cluster": 7}]}, "WrongUse", "the event says cluster: 7"),
        ({}, "WrongUse", "no cluster is named"),
        ({"cluster": "c", "time": "noon"}, "WrongUse", "noon"),
        ({"cluster": "c", "trigger": "magic"}, "WrongUse", "'magic' is not one of"),
    ],
)
def test_an_event_that_means_nothing_is_an_error(
    unset: tuple[Function, Path], event: dict[str, Any], kind: str, message: str
) -> None:
    """Raised with what is wrong, and nothing is stored."""
    function, folder = unset
    done = function(event)
    assert (done.kind, done.body["errorType"]) == ("error", kind)
    assert message in done.body["errorMessage"]
    assert not (folder / "store").exists()


def test_a_call_ends_before_lambda_ends_it(tmp_path: Path, cluster: Simulator) -> None:
    """A server that does not answer: an error of ours, with a word of the time, and not a kill."""
    cluster.add_fault(Fault("/api/v1/pods", delay_seconds=30, times=None))
    with deployed(tmp_path, NODETALLY_CLUSTER="c", NODETALLY_KUBECONFIG=str(tmp_path / "kubeconfig")) as function:
        slow = function(SCHEDULED, seconds=16.5)
        late = function(SCHEDULED, seconds=1)
    assert slow.kind == late.kind == "error"
    assert "the pass took longer than" in slow.body["errorMessage"]
    assert "no time is left" in late.body["errorMessage"]
    assert not (tmp_path / "store" / "clusters.json").exists()


@pytest.mark.usefixtures("cluster")
def test_nothing_stays_behind_a_call(tmp_path: Path) -> None:
    """No thread and no connection to the cluster: a frozen watch would replay old events."""
    probe = tmp_path / "probe.py"
    probe.write_text(
        "import threading\n"
        "from nodetally import aws_lambda\n"
        "def handler(event, context):\n"
        "    before = threading.active_count()\n"
        "    aws_lambda.handler(event, context)\n"
        "    sockets = [each for each in __import__('os').listdir('/proc/self/fd')\n"
        "        if 'socket' in (__import__('os').readlink('/proc/self/fd/' + each)\n"
        "            if __import__('os').path.islink('/proc/self/fd/' + each) else '')]\n"
        "    return [threading.active_count() - before, len(sockets)]\n"
    )
    settings = {"NODETALLY_CLUSTER": "c", "NODETALLY_KUBECONFIG": str(tmp_path / "kubeconfig")}
    with deployed(tmp_path, **settings, NODETALLY_CACHE="memory", HANDLER="probe.handler") as function:
        threads, sockets = function({"time": "2026-11-23T12:00:00Z"}).body
        assert (threads, function({"time": "2026-11-23T12:05:00Z"}).body) == (0, [0, sockets])


def test_one_event_delivered_twice_at_once_makes_one_snapshot(tmp_path: Path) -> None:
    """Two environments of one function, at the same time: both succeed, one of them created it."""
    with (
        served(SimulatedCluster(nodes=4, pods=40, seed=3), tmp_path),
        deployed(tmp_path, NODETALLY_CLUSTER="c", NODETALLY_KUBECONFIG=str(tmp_path / "kubeconfig")) as one,
        deployed(tmp_path, NODETALLY_CLUSTER="c", NODETALLY_KUBECONFIG=str(tmp_path / "kubeconfig")) as other,
    ):
        for each in (one, other):
            each.send(SCHEDULED)
        done = [each.outcome() for each in (one, other)]
    assert [each.kind for each in done] == ["response", "response"]
    assert sorted(each.body["passes"][0]["created"] for each in done) == [False, True]
    assert [*verify(DirectoryStore(tmp_path / "store"), patience_seconds=0)] == []


def test_clusters_of_one_call_answer_for_one_slot(tmp_path: Path, cluster: Simulator) -> None:
    """Also where the event tells no time: it is when the call began, however long the first pass takes."""
    cluster.add_fault(Fault("/api/v1/pods", delay_seconds=1.1, times=1))
    settings = {"NODETALLY_KUBECONFIG": str(tmp_path / "kubeconfig"), "NODETALLY_SLOT_EVERY": "1s"}
    with deployed(tmp_path, **settings) as function:
        passes = function({"clusters": ["a", "b"]}).body["passes"]
    assert [each["cluster"] for each in passes] == ["a", "b"]
    assert passes[0]["slot"] == passes[1]["slot"]


@pytest.mark.usefixtures("cluster")
def test_a_dry_run_stores_nothing(tmp_path: Path) -> None:
    """The same variable as everywhere."""
    settings = {"NODETALLY_KUBECONFIG": str(tmp_path / "kubeconfig"), "NODETALLY_DRY_RUN": "true"}
    with deployed(tmp_path, NODETALLY_CLUSTER="c", **settings) as function:
        told = function(SCHEDULED).body["passes"][0]
    assert (told["key"], told["created"], told["nodes"]) == (None, False, 4)
    assert not (tmp_path / "store").exists()


def test_without_a_store_nothing_is_read(tmp_path: Path, cluster: Simulator) -> None:
    """The command line's default is a folder, which a function does not have."""
    kubeconfig = str(tmp_path / "kubeconfig")
    with deployed(tmp_path, NODETALLY_CLUSTER="c", NODETALLY_KUBECONFIG=kubeconfig, NODETALLY_STORE="") as function:
        done = [function(event) for event in (SCHEDULED, {"backfill": {"source": "dumps", "location": "s3://b/p"}})]
    assert [(each.kind, each.body["errorType"], each.body["errorMessage"]) for each in done] == [
        ("error", "WrongUse", "no store")
    ] * 2
    assert cluster.requests == []


@pytest.fixture(scope="module")
def dumps(s3_server: servers.S3Server) -> str:
    """A bucket's prefix with a dump of every five minutes of an hour, one of them damaged."""
    bucket = S3Store("nodetally-tests", "function-dumps", environment=s3_server.environment)
    for moment in histories.moments(12, timedelta(minutes=5)):
        body = histories.listed(histories.objects(moment))
        bucket.put(f"{moment:%Y%m%dT%H%M%SZ}.json", body[: 100 if moment.minute == 30 else None], PLAIN)
    return bucket.url


PLAIN = Headers("application/octet-stream", "no-store", None)


def test_a_backfill_goes_on_where_the_call_before_ran_out_of_time(
    tmp_path: Path, s3_server: servers.S3Server, dumps: str
) -> None:
    """As much as there is time for; then what is damaged is raised, and a further call finds all there."""
    event: dict[str, Any] = {"cluster": "c", "backfill": {"source": "dumps", "location": dumps}}
    environment = {**s3_server.environment, "NODETALLY_STORE": "s3://nodetally-tests/function-filled"}
    with deployed(tmp_path, **environment) as function:
        none = function(event, seconds=14)
        done = function(event)
        metrics = function.metrics()
        part = function({**event, "backfill": {**event["backfill"], "to": "2026-11-20T00:20:00Z"}})
    assert none.kind == "response", none
    assert {name: none.body["backfill"][name] for name in ("finished", "slots", "filled")} == {
        "finished": False,
        "slots": 12,
        "filled": 0,
    }
    assert (done.kind, done.body["errorType"]) == ("error", "SlotsUnreadable")
    assert [(each["backfill_success"], each["backfill_slots_filled"]) for each in metrics] == [(1, 0), (0, 11)]
    assert (
        part.body["backfill"].items()
        >= {"finished": True, "slots": 4, "already_there": 4, "every_seconds": 300}.items()
    )
    store = S3Store("nodetally-tests", "function-filled", environment=s3_server.environment)
    assert len([*store.list("snapshots/")]) == 11
    assert [*verify(store, patience_seconds=0)] == []


@pytest.mark.parametrize(
    ("backfill", "message"),
    [
        ("dumps", "not a backfill"),
        ({"source": "tea", "location": "s3://b/p"}, "not a backfill"),
        ({"source": "dumps"}, "not a backfill"),
        ({"source": "velero", "location": "/backups"}, "a function has no folder '/backups'"),
        ({"source": "prometheus", "location": "http://127.0.0.1:9", "time_from": "name"}, "says time_from: 'name'"),
        ({"source": "prometheus", "location": "http://127.0.0.1:9", "bearer_token_file": "/x"}, "bearer_token_file"),
        ({"source": "prometheus", "location": "http://127.0.0.1:9"}, "from when to when?"),
        ({"source": "prometheus", "location": "http://127.0.0.1:9", "every": 5}, "says every: 5"),
        ({"source": "prometheus", "location": "http://127.0.0.1:9", "order": "any"}, "'any' is not one of"),
    ],
)
def test_a_backfill_that_means_nothing_is_an_error(
    unset: tuple[Function, Path], backfill: object, message: str
) -> None:
    """Raised with what is wrong."""
    done = unset[0]({"cluster": "c", "backfill": backfill})
    assert (done.kind, done.body["errorType"]) == ("error", "WrongUse")
    assert message in done.body["errorMessage"]
