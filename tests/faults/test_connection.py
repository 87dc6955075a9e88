"""Every way an API server can fail to answer, and what is made of it: an error that says so, never half a list."""

import base64
import gzip
import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from nodetally.accounting.facts import PodFacts
from nodetally.cluster.access import Access
from nodetally.cluster.connection import Connection
from nodetally.cluster.deadline import Deadline
from nodetally.cluster.listing import POD, PODS, Listed, Lister, PagesExpiredError
from nodetally.cluster.refusals import AnswerError, RefusedError
from nodetally.cluster.transport import Transport
from nodetally.errors import ClusterError, ClusterRefused
from paths import WIRE
from scripted import Scripted, answer, scripted

BODY = (WIRE / "pods-realistic.pb").read_bytes()
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@contextmanager
def connected(
    server: Scripted, *, seconds: float = 20, zipped: bool = False
) -> Iterator[tuple[Connection, list[float]]]:
    """A connection to a scripted server, and the pauses that it took (which cost no time here)."""
    slept: list[float] = []
    deadline = Deadline(seconds)
    try:
        access = Access(server.url, authorization=lambda: "Bearer t0ken", origin="a test")
        with Connection(access, deadline, gzip=zipped, sleep=slept.append) as connection:
            yield connection, slept
    finally:
        deadline.cancel()


def listed(connection: Connection, page_size: int | None = None) -> tuple[list[PodFacts], Listed]:
    pods: list[PodFacts] = []
    return pods, Lister(connection, lambda: NOW, page_size).read(POD, PODS, {}, pods.append)


def protobuf_list(version: str = "7", token: str = "") -> bytes:
    from wires import envelope, field

    pod = field(1, field(1, b"p") + field(3, b"d"))
    return envelope(field(1, field(2, version.encode()) + field(3, token.encode())) + field(2, pod))


@pytest.mark.parametrize("chunk", [None, 1000, 12_698], ids=["length", "chunks", "a chunk an item"])
@pytest.mark.parametrize("zipped", [False, True], ids=["identity", "gzip"])
def test_a_whole_body_is_a_whole_list(chunk: int | None, *, zipped: bool) -> None:
    """With a length or in chunks, compressed or not."""
    body = gzip.compress(protobuf_list()) if zipped else protobuf_list()
    headers = ["Content-Encoding: gzip"] if zipped else []
    whole = answer(body, "200 OK", "application/vnd.kubernetes.protobuf", *headers, chunk=chunk)
    with scripted([whole]) as server, connected(server, zipped=zipped) as (connection, _):
        pods, result = listed(connection)
    assert [pod.name for pod in pods] == ["p"]
    assert result.resource_version == "7"
    head = server.requests[0].lower()
    assert "authorization: bearer t0ken" in head
    assert "user-agent: nodetally/" in head
    assert f"accept-encoding: {'gzip' if zipped else 'identity'}" in head


def test_a_connection_that_is_closed_opens_no_other() -> None:
    """http.client would by itself: a socket that no deadline knows, and nobody closes."""
    with scripted([answer(b"", "200 OK")]) as server:
        opened = Transport(Access(server.url)).open(20)
        opened.close()
        with pytest.raises(http.client.NotConnected):
            opened.request("GET", "/")


def test_a_proxy_is_asked_for_a_tunnel_with_its_password_in_plain() -> None:
    """What an address must write as %40 is an @; a refusal names the proxy, and never the password."""
    tunnel, refusal = answer(b"", "200 OK"), answer(b"", "407 Proxy Authentication Required")
    whole = answer(protobuf_list(), "200 OK", "application/vnd.kubernetes.protobuf")
    with scripted([tunnel, whole, refusal]) as server:
        place = server.url.removeprefix("http://")
        deadline = Deadline(20)
        access = Access("http://10.0.0.1:6443", proxy=f"http://us%40er:p%2Fw@{place}", origin="a test")
        with Connection(access, deadline, sleep=lambda _: None) as connection:
            assert [pod.name for pod in listed(connection)[0]] == ["p"]
            connection.close()
            with pytest.raises(ClusterError, match="407") as caught:
                connection._ask("/version", "*/*")
        deadline.cancel()
    assert f"Basic {base64.b64encode(b'us@er:p/w').decode()}" in server.requests[0]
    assert server.requests[0].startswith("CONNECT 10.0.0.1:6443 ")
    assert caught.value.hint.endswith(f"through the proxy {place}, or should NO_PROXY name it?")


@pytest.mark.parametrize("chunk", [None, 9000], ids=["length", "chunks"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.5, 0.999])
def test_a_body_cut_off_fails_the_list(share: float, chunk: int | None) -> None:
    """At the start, in the envelope, in an item, before the last chunk's end."""
    whole = answer(BODY, chunk=chunk)
    head = whole.index(b"\r\n\r\n") + 4
    cut = whole[: head + int((len(whole) - head - 6) * share)]
    with scripted([cut]) as server, connected(server) as (connection, _), pytest.raises(ClusterError, match="cut off"):
        listed(connection)
    assert len(server.requests) == 1


def test_a_body_that_stalls_ends_at_the_deadline() -> None:
    """Silence is not an end: the pass gives up, and says why."""
    half = answer(BODY)[:50_000]
    with scripted([half], hold=True) as server, connected(server, seconds=0.5) as (connection, _):
        with pytest.raises(ClusterError, match="longer than"):
            listed(connection)


STATUSES = {
    400: ("BadRequest", "field label not supported"),
    404: ("NotFound", "the server could not find the requested resource"),
    406: ("NotAcceptable", "only the following media types are accepted"),
    410: ("Expired", "the provided continue parameter is too old"),
}


@pytest.mark.parametrize("status", STATUSES)
def test_an_error_status_is_told_with_its_message_and_not_tried_again(status: int) -> None:
    """JSON Status: message and reason arrive, one request is made."""
    reason, message = STATUSES[status]
    body = json.dumps({"kind": "Status", "message": message, "reason": reason, "code": status}).encode()
    with scripted([answer(body, f"{status} x", "application/json")]) as server, connected(server) as (connection, _):
        with pytest.raises(AnswerError, match=message) as caught:
            listed(connection)
    assert (caught.value.status, caught.value.reason, caught.value.exit_code) == (status, reason, 3)
    assert len(server.requests) == 1


def test_a_status_in_protobuf_is_read() -> None:
    """As a real API server sent it."""
    body = (WIRE / "status-400.pb").read_bytes()
    with scripted([answer(body, "400 Bad Request")]) as server, connected(server) as (connection, _):
        with pytest.raises(AnswerError, match=r"400 field label not supported: spec\.foo") as caught:
            listed(connection)
    assert caught.value.reason == "BadRequest"


# Of a server that is asked whether it has started.
READY = answer(b"ok", "200 OK", "text/plain")
NOT_READY = answer(b"[-]poststarthook/rbac/bootstrap-roles failed", "500 Internal Server Error", "text/plain")
FORBIDDEN = answer(b'{"message": "pods is forbidden"}', "403 Forbidden", "application/json")


def test_401_and_403_are_refusals_that_name_the_way_out() -> None:
    """Exit code 4, the verb, the identity that was refused, and the command that checks it."""
    message = 'pods is forbidden: User "system:serviceaccount:ops:nodetally" cannot list resource "pods"'
    forbidden = answer(json.dumps({"message": message}).encode(), "403 Forbidden", "application/json")
    unauthorized = answer(b"Unauthorized", "401 Unauthorized", "text/plain")
    with scripted([forbidden, READY, unauthorized, READY]) as server, connected(server) as (connection, slept):
        with pytest.raises(RefusedError, match="may not list pods: 403") as caught:
            listed(connection)
        hint = "kubectl auth can-i list pods --all-namespaces --as=system:serviceaccount:ops:nodetally"
        assert hint in caught.value.hint
        with pytest.raises(ClusterRefused, match=r"401.*Unauthorized") as refused:
            listed(connection)
    assert refused.value.exit_code == 4
    assert [head.split()[1] for head in server.requests] == ["/api/v1/pods", "/readyz"] * 2
    assert slept == []


def test_a_refusal_of_a_server_that_is_starting_is_not_believed() -> None:
    """Before it has read its roles it refuses everyone; /readyz tells, and the same request is answered later."""
    answers = [FORBIDDEN, NOT_READY, FORBIDDEN, FORBIDDEN, NOT_READY, answer(protobuf_list())]
    with scripted(answers) as server, connected(server) as (connection, slept):
        assert len(listed(connection)[0]) == 1
    asked = [head.split()[1] for head in server.requests]
    assert asked == ["/api/v1/pods", "/readyz", "/api/v1/pods", "/readyz", "/readyz", "/api/v1/pods"]
    assert len(slept) == 3  # after each try, and in the first moments, when /readyz is refused, too


def test_a_server_that_does_not_get_ready_is_not_one_that_refuses() -> None:
    """Exit code 3, and what it said: applying the ClusterRole again would not help."""
    with scripted([FORBIDDEN, NOT_READY] * 9) as server, connected(server) as (connection, _):
        with pytest.raises(AnswerError, match=r"is starting, and refuses .* 403: pods is forbidden") as caught:
            listed(connection)
    assert caught.value.exit_code == 3
    assert len(server.requests) == 10


@pytest.mark.parametrize("readiness", [[FORBIDDEN, FORBIDDEN], [answer(b"", "404 x", "text/plain")], [None]])
def test_a_server_that_does_not_tell_whether_it_is_ready_is_believed(readiness: list[bytes | None]) -> None:
    """/readyz is closed to us, is not there, or its answer breaks: the refusal stands."""
    with scripted([FORBIDDEN, *readiness]) as server, connected(server) as (connection, _):
        with pytest.raises(RefusedError, match="may not list pods: 403"):
            listed(connection)
    assert len(server.requests) == 1 + len(readiness)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_server_in_trouble_is_asked_again_a_few_times(status: int) -> None:
    """Then it is an error; the pauses grow and are random."""
    busy = answer(b"Too many requests, please try again later.", f"{status} x", "text/plain")
    with scripted([busy] * 9) as server, connected(server) as (connection, slept):
        with pytest.raises(AnswerError, match=f"{status} Too many requests"):
            listed(connection)
    assert len(server.requests) == 5
    assert len(slept) == 4
    assert all(0 <= pause <= 30 for pause in slept)


def test_retry_after_is_honoured() -> None:
    """The pause is the server's, and the list comes from the next answer."""
    busy = answer(b"later", "429 x", "text/plain", "Retry-After: 3")
    with scripted([busy, answer(protobuf_list())]) as server, connected(server) as (connection, slept):
        assert len(listed(connection)[0]) == 1
    assert slept == [3.0]


def test_a_pause_past_the_deadline_is_not_taken() -> None:
    """Waiting for longer than there is time would only hide the error."""
    busy = answer(b"later", "503 x", "text/plain", "Retry-After: 30")
    with scripted([busy] * 5) as server, connected(server, seconds=10) as (connection, slept):
        with pytest.raises(AnswerError, match="503 later"):
            listed(connection)
    assert slept == []
    assert len(server.requests) == 1


def test_a_connection_that_breaks_before_the_answer_is_tried_again() -> None:
    """Nothing was counted yet, so nothing can be counted twice."""
    with scripted([None, None, answer(protobuf_list())]) as server, connected(server) as (connection, slept):
        assert len(listed(connection)[0]) == 1
    assert len(server.requests) == 3
    assert len(slept) == 2


def test_a_connection_closed_while_idle_is_opened_again_at_once() -> None:
    """A server may close a kept-alive connection between requests; that is no failure and takes no pause."""
    closing = answer(protobuf_list(), "200 OK", "application/vnd.kubernetes.protobuf")
    with scripted([closing, None, closing]) as server, connected(server) as (connection, slept):
        listed(connection)
        assert len(listed(connection)[0]) == 1
    assert slept == []


def test_a_server_that_closes_after_each_answer_is_connected_to_again() -> None:
    """Some proxies allow one request a connection; that takes no pause and no failed attempt."""
    last = answer(protobuf_list(), "200 OK", "application/vnd.kubernetes.protobuf", "Connection: close")
    with scripted([last, last]) as server, connected(server) as (connection, slept):
        listed(connection)
        assert len(listed(connection)[0]) == 1
    assert (len(server.requests), slept) == (2, [])


@pytest.mark.parametrize("body", [b"[]", b'{"metadata": []}', b"{", b"null", b"\xff"])
def test_an_error_body_of_any_shape_is_an_error(body: bytes) -> None:
    """What stands in it is told if it can be read; the status is enough."""
    with (
        scripted([answer(body, "400 Bad Request", "application/json")]) as server,
        connected(server) as (connection, _),
    ):
        with pytest.raises(AnswerError, match="GET /api/v1/pods: 400"):
            listed(connection)


def test_no_request_is_made_past_the_deadline() -> None:
    """Not on a new connection, not for one more page: a late pass must not publish."""
    page = answer(protobuf_list("7", "again"))
    with scripted([page] * 5) as server, connected(server) as (connection, _):
        connection.deadline.end = 0.0
        with pytest.raises(ClusterError, match="longer than"):
            listed(connection, page_size=1)
    assert server.requests == []


def test_a_kept_connection_that_the_deadline_closed_is_not_opened_again() -> None:
    """The deadline ends the wait for an answer; trying again would outlive it."""
    with scripted([answer(protobuf_list())] * 3, hold=True) as server, connected(server, seconds=1) as (connection, _):
        with pytest.raises(ClusterError, match="longer than"):
            [listed(connection) for _ in range(4)]
    assert len(server.requests) == 3


def test_nobody_there_is_said() -> None:
    """With the address and who named it."""
    with connected(Scripted("http://127.0.0.1:1")) as (connection, _):
        with pytest.raises(ClusterError, match=r"127\.0\.0\.1:1.*refused") as caught:
            listed(connection)
    assert "a test" in caught.value.hint


@pytest.mark.parametrize(
    ("content_type", "body", "why"),
    [
        ("text/html", b"<html>please log in</html>", "text/html"),
        ("application/vnd.kubernetes.protobuf", b"k8s\0\x0a\x0c\x0a\x02v1\x12\x06Status\x12\x00", "is a Status"),
        ("application/json", b'{"kind":"NodeList","items":[]}', "is a NodeList"),
    ],
)
def test_an_answer_of_another_kind_is_refused(content_type: str, body: bytes, why: str) -> None:
    """A login page, a Status with 200, another list."""
    with scripted([answer(body, "200 OK", content_type)] * 2) as server, connected(server) as (connection, _):
        with pytest.raises(ClusterError, match=why):
            listed(connection)


def test_a_server_of_json_only_is_read_in_pages() -> None:
    """The first answer's type decides; then pages of 500, and no page is asked for twice."""
    pods = [{"metadata": {"name": f"p{at}", "namespace": "d"}} for at in range(3)]

    def page(items: list[object], token: str = "") -> bytes:
        body = {"kind": "PodList", "metadata": {"resourceVersion": "7", "continue": token}, "items": items}
        return answer(json.dumps(body).encode(), "200 OK", "application/json")

    answers = [page([*pods]), page([*pods[:2]], "a token/&"), page([*pods[2:]])]
    with scripted(answers) as server, connected(server) as (connection, _):
        found, result = listed(connection)
    assert [pod.name for pod in found] == ["p0", "p1", "p2"]
    assert result.resource_version == "7"
    targets = [head.split()[1] for head in server.requests]
    assert targets == [
        "/api/v1/pods",
        "/api/v1/pods?limit=500",
        "/api/v1/pods?limit=500&continue=a%20token%2F%26",
    ]


def test_pages_of_different_versions_are_never_joined() -> None:
    """A server that answers an old token at a new version has a gap between its pages."""
    answers = [answer(protobuf_list("7", "t")), answer(protobuf_list("8"))]
    with scripted(answers) as server, connected(server) as (connection, _):
        with pytest.raises(PagesExpiredError, match="7 and 8"):
            listed(connection, page_size=1)


def test_an_expired_token_starts_the_list_over_once() -> None:
    """410 in the middle: what was read is dropped, and the second list is complete."""
    expired = answer(
        json.dumps({"reason": "Expired", "metadata": {"continue": "x"}}).encode(), "410 Gone", "application/json"
    )
    answers = [answer(protobuf_list("7", "t")), expired, answer(protobuf_list("9"))]
    with scripted(answers) as server, connected(server) as (connection, _):
        lister = Lister(connection, lambda: NOW, 1)

        def read() -> tuple[list[PodFacts], Listed]:
            pods: list[PodFacts] = []
            return pods, lister.read(POD, PODS, {}, pods.append)

        pods, result = lister.read_again_once(read)
    assert len(pods) == 1
    assert result.resource_version == "9"
    assert len(server.requests) == 3
