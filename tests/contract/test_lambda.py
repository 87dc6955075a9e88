"""The function as Lambda runs it: through AWS' own runtime client, against a runtime API of ours."""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import time
from typing import Any, NamedTuple

import pytest

from clusters import served
from nodetally import snapshot
from nodetally.simulate.cluster import SimulatedCluster
from nodetally.simulate.faults import Fault
from nodetally.simulate.server import Simulator
from nodetally.store.directory import DirectoryStore
from nodetally.store.layout import snapshot_key

SCHEDULED = {  # as EventBridge sends it
    "version": "0",
    "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "account": "123456789012",
    "time": "2026-11-23T12:05:00Z",
    "region": "eu-west-1",
    "resources": ["arn:aws:events:eu-west-1:123456789012:rule/nodetally"],
    "detail": {},
}


class Outcome(NamedTuple):
    """What Lambda is told of one call: an answer, or an error."""

    kind: str  # response | error
    body: Any


class Runtime:
    """Lambda's runtime API: hands out events, takes what comes of them."""

    def __init__(self) -> None:
        self.events: queue.Queue[tuple[Any, float]] = queue.Queue()
        self.outcomes: queue.Queue[Outcome] = queue.Queue()
        runtime = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                event, seconds = runtime.events.get()
                body = json.dumps(event).encode()
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", "8476a536")
                self.send_header("Lambda-Runtime-Deadline-Ms", str(int((time() + seconds) * 1000)))
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:1:function:nodetally")
                self.send_header("Content-Type", "application/json")
                self.send_header("Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"null")
                runtime.outcomes.put(Outcome(self.path.rpartition("/")[2], body))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server.server_address[1]}"


class Function:
    """The function, deployed: called with events, one after the other, in one process."""

    def __init__(self, runtime: Runtime, output: Path) -> None:
        self._runtime, self._output = runtime, output

    def __call__(self, event: object, seconds: float = 60) -> Outcome:
        self._runtime.events.put((event, seconds))
        return self._runtime.outcomes.get(timeout=30)

    def metrics(self) -> list[dict[str, Any]]:
        """The lines that CloudWatch makes metrics of."""
        lines = [line[line.index("{") :] for line in self._output.read_text().splitlines() if '"_aws"' in line]
        return [json.loads(line) for line in lines]

    def said(self) -> str:
        return self._output.read_text()


@contextmanager
def deployed(folder: Path, **variables: str) -> Iterator[Function]:
    """In a process of its own, with nothing of our environment."""
    runtime, output = Runtime(), folder / "output"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "AWS_LAMBDA_RUNTIME_API": runtime.address,
        "AWS_REGION": "eu-west-1",
        "AWS_LAMBDA_FUNCTION_NAME": "nodetally",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_LOG_GROUP_NAME": "nodetally",
        "AWS_LAMBDA_LOG_STREAM_NAME": "1",
        "NODETALLY_STORE": str(folder / "store"),
        "NODETALLY_SLOT_EVERY": "5m",
        **variables,
    }
    handler = variables.pop("HANDLER", "nodetally.aws_lambda.handler")
    command = [sys.executable, "-m", "awslambdaric", handler]
    with output.open("wb") as file:
        process = subprocess.Popen(command, env=environment, stdout=file, stderr=subprocess.STDOUT, cwd=folder)
        try:
            yield Function(runtime, output)
        finally:
            process.kill()
            process.wait()
            runtime.server.shutdown()
            runtime.server.server_close()


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
    named = {each["Name"]: each["Unit"] for each in metrics[1]["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
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
        ({}, "WrongUse", "Missing option '--cluster'"),
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
