"""Faults on order, a slow link, and what other processes may ask of the simulator."""

import http.client
import json
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from google.protobuf.message import DecodeError

from messages import open_envelope
from nodetally.errors import WrongUse
from nodetally.simulate.cluster import SimulatedCluster
from nodetally.simulate.faults import GARBAGE, Fault
from nodetally.simulate.sending import paced
from nodetally.simulate.server import Simulator, serving
from simulate_client import PROTOBUF, asking, chunks, get, raw_answer


@pytest.fixture
def server() -> Iterator[Simulator]:
    with serving(SimulatedCluster(4, 60, seed=1)) as found:
        yield found


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


def test_other_processes_take_back_what_they_ordered(server: Simulator) -> None:
    """Faults are gone and requests forgotten."""
    server.add_fault(Fault("/version", status=500, times=None))
    assert get(server, "/version").status == 500
    assert get(server, "/_simulate/faults", method="DELETE").json == {}
    assert get(server, "/version").status == 200
    assert get(server, "/_simulate/requests", method="DELETE").json == {}
    assert server.requests == []


def test_a_paced_body_comes_in_small_portions() -> None:
    """The same bytes, none of the portions larger than a twentieth of a second's."""
    sent: list[bytes] = []
    paced(sent.append, 1_000_000)(b"x" * 120_000)
    assert b"".join(sent) == b"x" * 120_000
    assert [len(part) for part in sent] == [50_000, 50_000, 20_000]
