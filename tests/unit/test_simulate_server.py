"""The simulator as a server: what it says of itself, negotiation, metrics, and who may ask."""

import http.client
import json
import ssl
import urllib.request
from base64 import b64decode
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from clusters import node, pod
from nodetally.errors import WrongUse
from nodetally.simulate.behaviour import Behaviour
from nodetally.simulate.cluster import SimulatedCluster
from nodetally.simulate.objects.encoding import MAGIC
from nodetally.simulate.server import Simulator, serving
from nodetally.simulate.tls import make_certificates
from simulate_client import JSON, PROTOBUF, get, names, raw_answer

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
    head = get(shared, "/api/v1/pods", method="HEAD")
    assert (head.status, head.body) == (405, b"")


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
