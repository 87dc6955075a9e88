"""The simulator as a server: what it says of itself, negotiation, metrics, faults, TLS, and its command."""

import gzip
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import urllib.request
from base64 import b64decode
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner
from google.protobuf.message import DecodeError

from clusters import node, pod
from messages import open_envelope
from nodetally.cli.simulate import load_objects, simulate
from nodetally.errors import WrongUse
from nodetally.simulate.behaviour import Behaviour
from nodetally.simulate.cluster import SimulatedCluster
from nodetally.simulate.faults import GARBAGE, Fault
from nodetally.simulate.objects.encoding import MAGIC
from nodetally.simulate.sending import paced
from nodetally.simulate.server import Simulator, serving
from nodetally.simulate.tls import make_certificates
from simulate_client import JSON, PROTOBUF, asking, chunks, get, names, raw_answer

OBJECTS = [node("n1"), node("n2"), pod("a", "n1"), pod("b")]
METRICS = "/apis/metrics.k8s.io/v1beta1"


@pytest.fixture(scope="module")
def shared() -> Iterator[Simulator]:
    with serving(SimulatedCluster.of(OBJECTS)) as server:
        yield server


@pytest.fixture
def server() -> Iterator[Simulator]:
    with serving(SimulatedCluster(4, 60, seed=1)) as found:
        yield found


def behaving(**behaviour: Any) -> AbstractContextManager[Simulator]:
    """The same objects behind a server that differs."""
    return serving(SimulatedCluster.of(OBJECTS), Behaviour(**behaviour))


# what it says of itself


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        ("/version", "gitVersion", "v1.37.2"),
        ("/api", "versions", ["v1"]),
        ("/api/v1", "groupVersion", "v1"),
        ("/apis/metrics.k8s.io", "name", "metrics.k8s.io"),
        (METRICS, "groupVersion", "metrics.k8s.io/v1beta1"),
    ],
)
def test_it_says_what_it_serves(shared: Simulator, path: str, key: str, value: Any) -> None:
    """The version, and what a client looks at before it lists."""
    assert get(shared, path).json[key] == value


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/livez"])
def test_it_is_healthy(shared: Simulator, path: str) -> None:
    """Plain ok."""
    assert get(shared, path).body == b"ok"


@pytest.mark.parametrize(
    "path", ["/nope", "/api/v1/secrets", "/apis/apps/v1/deployments", "/apis/metrics.k8s.io/v1/nodes"]
)
def test_unknown_paths_are_plain_404(shared: Simulator, path: str) -> None:
    """No Status: the text that real servers send, whatever was accepted."""
    got = get(shared, path, PROTOBUF)
    assert (got.status, got.body) == (404, b"404 page not found\n")


def test_only_reading_is_possible(shared: Simulator) -> None:
    """405 and a Status; the connection stays usable."""
    got = get(shared, "/api/v1/pods", method="DELETE")
    assert (got.status, got.json["reason"]) == (405, "MethodNotAllowed")


# negotiation


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (f"{PROTOBUF}, {JSON}", PROTOBUF),
        (f"{JSON},{PROTOBUF}", JSON),
        (f"application/cbor, {PROTOBUF};stream=watch", PROTOBUF),
        ("*/*", JSON),
        (f"{JSON};as=PartialObjectMetadataList;v=v1;g=meta.k8s.io, {PROTOBUF}", PROTOBUF),
    ],
)
def test_the_first_type_that_can_be_served_is(shared: Simulator, accept: str, content_type: str) -> None:
    """Accept is honoured in its order."""
    assert get(shared, "/api/v1/pods", accept).headers["Content-Type"] == content_type


def test_types_that_cannot_be_served_are_refused_in_json(shared: Simulator) -> None:
    """406 with a JSON Status."""
    got = get(shared, "/api/v1/pods", "application/cbor")
    assert (got.status, got.json["reason"]) == (406, "NotAcceptable")


def test_a_server_may_only_speak_json() -> None:
    """A proxy in front: protobuf is passed over, or refused where nothing else is accepted."""
    with behaving(protobuf=False) as server:
        assert get(server, "/api/v1/pods", f"{PROTOBUF}, {JSON}").headers["Content-Type"] == JSON
        assert get(server, "/api/v1/pods", PROTOBUF).status == 406


def test_header_names_may_be_written_in_any_case(shared: Simulator) -> None:
    """Some clients write them in lower case, as this one does."""
    assert MAGIC in raw_answer(shared, "/api/v1/pods", PROTOBUF)


def test_connections_are_kept(shared: Simulator) -> None:
    """Several requests, large answers and errors among them, go over one connection."""
    connection = http.client.HTTPConnection(urlsplit(shared.url).netloc, timeout=10)
    for path in ("/api/v1/pods", "/nope", "/api/v1/nodes?limit=1", "/version"):
        connection.request("GET", path)
        connection.getresponse().read()
        assert connection.sock is not None
    connection.close()


# metrics.k8s.io


def test_usage_is_measured_in_both_encodings(shared: Simulator) -> None:
    """Nanocores and Ki in both, the same for the same seed, under the share that is there."""
    in_json, in_protobuf = get(shared, f"{METRICS}/nodes").json, get(shared, f"{METRICS}/nodes", PROTOBUF).message
    usage = [(item["metadata"]["name"], item["usage"]) for item in in_json["items"]]
    assert usage == [(item["metadata"]["name"], item["usage"]) for item in in_protobuf["items"]]
    assert [name for name, _ in usage] == ["n1", "n2"]
    assert usage[0][1]["cpu"].endswith("n")
    assert [item["window"] for item in (*in_json["items"], *in_protobuf["items"])] == ["15.037s"] * 4
    assert set(in_protobuf["items"][0]) == {"metadata", "timestamp", "window", "usage"}
    assert in_json["kind"] == "NodeMetricsList"


def test_only_running_pods_are_measured(shared: Simulator) -> None:
    """Container by container; pods without a node are left out."""
    found = get(shared, f"{METRICS}/pods").json["items"]
    assert [(item["metadata"]["name"], item["containers"][0]["name"]) for item in found] == [("a", "app")]
    assert get(shared, f"{METRICS}/namespaces/default/pods/a").json["kind"] == "PodMetrics"
    assert get(shared, f"{METRICS}/nodes/n3").status == 404


def test_nodes_may_have_no_measurement() -> None:
    """The first by name."""
    with behaving(metrics_missing=1) as server:
        assert names(get(server, f"{METRICS}/nodes")) == ["n2"]


def test_metrics_may_be_of_other_versions_or_none() -> None:
    """What is served is what discovery says."""
    with behaving(metrics_versions=("v1", "v1beta1")) as both, behaving(metrics_versions=()) as none:
        assert get(both, "/apis/metrics.k8s.io").json["preferredVersion"]["version"] == "v1"
        assert get(both, "/apis/metrics.k8s.io/v1/nodes").json["apiVersion"] == "metrics.k8s.io/v1"
        assert get(none, "/apis").json["groups"] == []
        assert get(none, "/apis/metrics.k8s.io").status == get(none, f"{METRICS}/nodes").status == 404


def test_metrics_may_be_refused_or_unavailable() -> None:
    """A Status 403, or what the aggregator says when nobody answers."""
    with behaving(metrics_status=403) as refused, behaving(metrics_status=503) as gone:
        assert get(refused, f"{METRICS}/nodes", PROTOBUF).message["reason"] == "Forbidden"
        assert get(gone, f"{METRICS}/nodes").body == b"service unavailable\n"


# faults


def test_a_fault_strikes_as_often_as_it_is_told(server: Simulator) -> None:
    """Skipped once, then twice, then never again; other paths are not affected."""
    server.add_fault(Fault("/api/v1/pods", status=503, headers={"Retry-After": "7"}, times=2, skip=1))
    assert get(server, "/api/v1/nodes").status == 200
    answers = [get(server, "/api/v1/pods?limit=1") for _ in range(4)]
    assert [got.status for got in answers] == [200, 503, 503, 200]
    assert (answers[1].headers["Retry-After"], answers[1].json["reason"]) == ("7", "ServiceUnavailable")


def test_a_fault_may_strike_a_share_of_the_requests(server: Simulator) -> None:
    """The first that it does not skip, and then one in three, for as long as it is told."""
    server.add_fault(Fault("/api/v1/pods", status=429, skip=1, every=3, times=2))
    statuses = [get(server, "/api/v1/pods?limit=1").status for _ in range(9)]
    assert statuses == [200, 429, 200, 200, 429, 200, 200, 200, 200]


def test_a_fault_may_have_a_body_of_its_own(server: Simulator) -> None:
    """Such as the plain text of flow control."""
    server.add_fault(Fault(status=429, body="Too many requests", content_type="text/plain", times=None))
    for _ in range(2):
        got = get(server, "/api/v1/pods")
        assert (got.status, got.headers["Content-Type"], got.body) == (429, "text/plain", b"Too many requests")


def test_errors_of_faults_are_encoded_as_accepted(server: Simulator) -> None:
    """A protobuf Status for who reads protobuf."""
    server.add_fault(Fault(status=410))
    assert get(server, "/api/v1/pods", PROTOBUF).message["reason"] == "Expired"


def body_of(raw: bytes) -> bytes:
    return b"".join(chunks(raw))


@pytest.mark.parametrize("place", [0, 1, 40, 5_000, 300_000])
def test_a_cut_ends_the_connection_at_that_byte(server: Simulator, place: int) -> None:
    """As many bytes of the body as were allowed, and no end of it."""
    full = body_of(raw_answer(server, "/api/v1/pods"))
    server.add_fault(Fault("/api/v1/pods", cut_after_bytes=place))
    cut = raw_answer(server, "/api/v1/pods")
    assert body_of(cut) == full[:place]
    assert not cut.endswith(b"0\r\n\r\n")


def test_a_small_body_is_cut_too(server: Simulator) -> None:
    """One with Content-Length: the client misses bytes."""
    server.add_fault(Fault("/version", cut_after_bytes=10))
    with pytest.raises(http.client.IncompleteRead):
        get(server, "/version")


def test_a_list_may_end_too_early_but_properly(server: Simulator) -> None:
    """The last chunk is there, but not all that the envelope has promised."""
    server.add_fault(Fault("/api/v1/pods", truncate_after_items=2))
    raw = raw_answer(server, "/api/v1/pods")
    assert raw.endswith(b"0\r\n\r\n")
    with pytest.raises(DecodeError):
        open_envelope(body_of(raw))


def test_garbage_overwrites_bytes(server: Simulator) -> None:
    """Sixteen of them, wherever chunks begin and end; the length is right."""
    full = body_of(raw_answer(server, "/api/v1/pods"))
    first = full.index(b"\x12", 30) + 3
    for place in (first, 100_000):
        server.add_fault(Fault("/api/v1/pods", garbage_at=place))
        garbled = body_of(raw_answer(server, "/api/v1/pods"))
        assert garbled == full[:place] + GARBAGE + full[place + 16 :]


def drain(connection: socket.socket) -> None:
    """Read until nothing comes any more; an end is not what is waited for."""
    while True:
        assert connection.recv(65536) != b""


def test_a_stall_sends_no_more_and_keeps_the_connection(server: Simulator) -> None:
    """What was allowed arrives; then nothing, until the client leaves."""
    server.add_fault(Fault("/api/v1/pods", stall_after_bytes=50_000))
    with asking(server, "/api/v1/pods") as connection:
        got = b""
        while len(got) < 50_000:
            got += connection.recv(65536)
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            drain(connection)


def test_a_dropped_request_gets_no_answer(server: Simulator) -> None:
    """The connection closes before a status line."""
    server.add_fault(Fault(drop=True))
    with pytest.raises(http.client.RemoteDisconnected):
        get(server, "/version")


def test_unknown_faults_are_refused() -> None:
    """A misspelled field is an error, not a fault that never strikes."""
    with pytest.raises(WrongUse, match="cut_after_byte"):
        Fault.parse({"cut_after_byte": 1})


def test_other_processes_order_faults_and_churn_over_http(server: Simulator) -> None:
    """The control paths do what the methods do, and are not counted among the requests."""
    post = {"method": "POST"}
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=10)
    connection.request("POST", "/_simulate/faults", json.dumps({"path_prefix": "/version", "status": 500}))
    assert connection.getresponse().read() == b"{}"
    connection.close()
    version = server.cluster.version
    assert len(get(server, "/_simulate/churn?pods=3", **post).json["pods"]) == 3
    assert server.cluster.version == version + 3
    assert len(get(server, "/_simulate/churn?pods=1&kind=replace", **post).json["pods"]) == 1
    assert get(server, "/_simulate/compact", **post).json["resourceVersion"] == str(server.cluster.version)
    assert get(server, "/version").status == 500
    assert get(server, "/_simulate/requests").json == [["GET", "/version"]] == [list(each) for each in server.requests]
    assert get(server, "/_simulate/churn?pods=x", **post).status == 400
    assert get(server, "/_simulate/nothing").status == 404


# access


def test_without_the_token_there_is_nothing_but_health_and_version() -> None:
    """401 and a Status; the kubeconfig has the token."""
    with serving(SimulatedCluster.of(OBJECTS), token="s3cret") as server:
        assert get(server, "/api/v1/pods", PROTOBUF).message["reason"] == "Unauthorized"
        assert get(server, "/api/v1/pods", Authorization="Bearer wrong").status == 401
        assert get(server, "/api/v1/pods", Authorization="Bearer s3cret").status == 200
        assert get(server, "/version").status == 200


def test_tls_is_verified_with_the_kubeconfigs_authority(tmp_path: Path) -> None:
    """A client that trusts only the kubeconfig's CA gets through, strict as it may be; one that does not is refused."""
    with serving(SimulatedCluster.of(OBJECTS), tls=True, token="t") as server:
        content = json.loads(server.write_kubeconfig(tmp_path / "config").read_bytes())
        authority = b64decode(content["clusters"][0]["cluster"]["certificate-authority-data"]).decode()
        request = urllib.request.Request(f"{server.url}/api/v1/pods", headers={"Authorization": "Bearer t"})
        context = ssl.create_default_context(cadata=authority)
        context.verify_flags |= ssl.VERIFY_X509_STRICT  # the default from Python 3.13 on
        with urllib.request.urlopen(request, context=context, timeout=10) as answer:
            assert len(json.load(answer)["items"]) == 2
        with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
            urllib.request.urlopen(request, context=ssl.create_default_context(cadata=""), timeout=10)


def test_no_way_to_make_certificates_is_wrong_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the command the hint says what to install."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(WrongUse) as refused:
        make_certificates()
    assert "openssl" in refused.value.hint


def test_the_kubeconfig_is_private(server: Simulator, tmp_path: Path) -> None:
    """For its owner only, JSON, and no temporary file is left."""
    path = server.write_kubeconfig(tmp_path / "config")
    assert path.stat().st_mode & 0o777 == 0o600
    assert json.loads(path.read_bytes())["clusters"][0]["cluster"] == {"server": server.url}
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(WrongUse):
        server.write_kubeconfig(tmp_path / "gone" / "config")


def test_a_port_in_use_is_wrong_use(server: Simulator) -> None:
    """With a hint, not a traceback."""
    with pytest.raises(WrongUse, match="cannot listen"), serving(server.cluster, port=server.server_address[1]):
        pass


def test_a_paced_body_comes_in_small_portions() -> None:
    """The same bytes, none of the portions larger than a twentieth of a second's."""
    sent: list[bytes] = []
    paced(sent.append, 1_000_000)(b"x" * 120_000)
    assert b"".join(sent) == b"x" * 120_000
    assert [len(part) for part in sent] == [50_000, 50_000, 20_000]


# the command


def started(tmp_path: Path, *arguments: str) -> tuple[subprocess.Popen[bytes], Path]:
    """The command in a process of its own, once it answers (it says so on stderr, after the kubeconfig is there)."""
    path = tmp_path / "kubeconfig"
    command = [sys.executable, "-c", "from nodetally.cli.main import main; main()", "simulate", *arguments]
    process = subprocess.Popen(
        [*command, "--write-kubeconfig", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(os.environ),
    )
    assert process.stderr is not None
    assert process.stderr.readline().startswith(b"Serving ")
    return process, path


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_the_command_serves_until_a_signal(tmp_path: Path, ending: signal.Signals) -> None:
    """It answers when the kubeconfig is there, prints nothing to stdout, and exits with 0, open watches or not."""
    process, path = started(tmp_path, "--nodes", "2", "--pods", "9", "--seed", "5")
    url = json.loads(path.read_bytes())["clusters"][0]["cluster"]["server"]
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    connection.request("GET", "/api/v1/pods?watch=true", headers={"Accept": JSON})
    assert b"ADDED" in connection.getresponse().readline()
    process.send_signal(ending)
    output, _ = process.communicate(timeout=10)
    connection.close()
    assert (process.returncode, output) == (0, b"")


def test_the_command_serves_a_file_of_kubectls(tmp_path: Path) -> None:
    """Compressed or not, nodes and pods are read, other kinds are passed over."""
    content = json.dumps({"kind": "List", "items": [*OBJECTS, {"kind": "Service", "metadata": {"name": "s"}}]}).encode()
    (tmp_path / "dump.json.gz").write_bytes(gzip.compress(content))
    (tmp_path / "dump.json").write_bytes(content)
    assert load_objects(tmp_path / "dump.json.gz") == load_objects(tmp_path / "dump.json") == OBJECTS


@pytest.mark.parametrize("content", [None, b"not json", b'{"items": [1]}', b"\x1f\x8bbroken"])
def test_files_that_cannot_be_served_are_wrong_use(tmp_path: Path, content: bytes | None) -> None:
    """Not there, not JSON, not a list of objects, broken gzip: named, with the command that writes a good one."""
    path = tmp_path / "dump"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WrongUse) as refused:
        load_objects(path)
    assert "kubectl get nodes,pods" in refused.value.hint


def test_the_help_tells_about_faults() -> None:
    """Every field of a fault is in the help text."""
    text = CliRunner().invoke(simulate, ["--help"]).output
    assert all(name in text for name in Fault.__dataclass_fields__)
