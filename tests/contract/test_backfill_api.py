"""How the metrics API is spoken to: credentials, refusals, retries, answers that are not whole. A scripted server."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest

from nodetally.backfill.metrics_api import Access, MetricsApi, TooMuch
from nodetally.backfill.names import Names
from nodetally.backfill.prometheus import LONGEST_WINDOW, Prometheus
from nodetally.backfill.promql import Questions, check_matcher
from nodetally.backfill.source import Impossible, SourceUnreachable
from nodetally.errors import ClusterRefused, WrongUse

Answer = tuple[int, Mapping[str, Any]]
Script = Callable[[dict[str, str], Message], Answer]
EMPTY: Answer = (200, {"status": "success", "data": {"resultType": "matrix", "result": []}})
DAY = datetime(2026, 3, 10, tzinfo=UTC)


def matrix(series: Mapping[str, Any]) -> Answer:
    return 200, {"status": "success", "data": {"resultType": "matrix", "result": [series]}}


def refusal(status: int, error: str) -> Answer:
    return status, {"status": "error", "errorType": "execution", "error": error}


@contextmanager
def scripted(script: Script) -> Iterator[str]:
    """A server that answers each query as the script says, given its parameters and headers."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            status, answer = script({key: each[0] for key, each in parse_qs(body).items()}, self.headers)
            text = json.dumps(answer).encode()
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def api(url: str, **access: Any) -> MetricsApi:
    return MetricsApi(Access(url, **access), sleep=lambda _: None)


def test_credentials_and_headers_are_sent() -> None:
    """Bearer or basic, and what a tenant's proxy wants; the address keeps its path."""
    seen: list[Message] = []

    def noting(_: dict[str, str], headers: Message) -> Answer:
        seen.append(headers)
        return EMPTY

    with scripted(noting) as url:
        api(url, bearer_token="t0ken", headers=(("X-Scope-OrgID", "prod"),)).query_range("up", 0, 300, 300)
        api(f"{url}/prometheus/", basic_auth="me:secret").query_range("up", 0, 300, 300)
    assert seen[0]["Authorization"] == "Bearer t0ken"
    assert seen[0]["X-Scope-OrgID"] == "prod"
    assert seen[1]["Authorization"] == "Basic bWU6c2VjcmV0"
    assert seen[1]["User-Agent"].startswith("nodetally/")


def test_every_sample_is_wanted_as_it_was_scraped() -> None:
    """No means of wide steps (Thanos), nothing older than Prometheus shows (VictoriaMetrics), no parts (both)."""
    seen: dict[str, str] = {}

    def noting(parameters: dict[str, str], _: Message) -> Answer:
        seen.update(parameters)
        return EMPTY

    with scripted(noting) as url:
        api(url).query_range("up", 0, 3600, 3600)
    wanted = {"max_source_resolution": "0s", "partial_response": "false"}
    wanted |= {"max_lookback": "5m", "deny_partial_response": "1", "nocache": "1"}
    assert wanted.items() <= seen.items()


def test_remarks_on_a_query_are_no_warnings() -> None:
    """Prometheus 3 has both, apart."""
    with scripted(lambda *_: (200, {**EMPTY[1], "infos": ["PromQL info: might not be a counter"]})) as url:
        assert api(url).query_range("up", 0, 300, 300) == []


def test_no_error_shows_a_secret() -> None:
    """Neither repr nor message."""
    access = Access("http://127.0.0.1:1", bearer_token="t0ken", headers=(("X-Key", "hidden"),))
    with pytest.raises(SourceUnreachable) as caught:
        MetricsApi(access, sleep=lambda _: None).query_range("up", 0, 300, 300)
    for secret in ("t0ken", "hidden"):
        assert secret not in repr(access) + str(caught.value) + caught.value.hint


@pytest.mark.parametrize(
    ("answer", "error", "why"),
    [
        (refusal(401, "no"), ClusterRefused, "401: no"),
        (refusal(403, "no"), ClusterRefused, "403: no"),
        (refusal(404, "no"), SourceUnreachable, "404"),
        (refusal(302, "no"), SourceUnreachable, "302"),
        (refusal(500, "broken"), SourceUnreachable, "500: broken"),
        (refusal(400, "parse error"), SourceUnreachable, "parse error"),
        (refusal(400, "exceeded maximum resolution of 11,000 points"), TooMuch, "11,000"),
        (refusal(422, "query processing would load too many samples"), TooMuch, "samples"),
        (refusal(503, "query timed out"), TooMuch, "timed out"),
        ((200, {**EMPTY[1], "warnings": ["store gateway is down"]}), SourceUnreachable, "store gateway is down"),
        ((200, {**EMPTY[1], "isPartial": True}), SourceUnreachable, "partial"),
        ((200, {"status": "success", "data": {"resultType": "vector", "result": []}}), SourceUnreachable, "vector"),
        ((200, {"hello": "world"}), SourceUnreachable, "does not speak"),
        ((200, {"status": "success", "data": ["matrix"]}), SourceUnreachable, "does not speak"),
        ((200, {**EMPTY[1], "warnings": 1}), SourceUnreachable, "half an answer: 1"),
        (matrix({"values": []}), SourceUnreachable, "cannot be read: KeyError"),
        (matrix({"metric": {"node": 1}, "values": []}), SourceUnreachable, "a label or value that is no text"),
        (matrix({"metric": {}, "values": [[0, 1]]}), SourceUnreachable, "a label or value that is no text"),
        (matrix({"metric": {}, "values": [["now", "1"]]}), SourceUnreachable, "cannot be read: ValueError"),
    ],
)
def test_what_is_no_whole_answer_is_an_error(answer: Answer, error: type[Exception], why: str) -> None:
    """Half a sum would be a wrong number; each error says what came."""
    with scripted(lambda *_: answer) as url, pytest.raises(error, match=why):
        api(url).query_range("up", 0, 300, 300)


def test_a_busy_server_is_asked_again() -> None:
    """429 and 502 are passing, and a 503 that is not Prometheus' own: it starts, or a proxy has none."""
    answers = [refusal(429, "slow down"), refusal(502, "bad gateway"), (503, {"message": "no upstream"}), EMPTY]
    with scripted(lambda *_: answers.pop(0)) as url:
        assert api(url).query_range("up", 0, 300, 300) == []
    assert answers == []


@pytest.mark.parametrize("url", ["prometheus:9090", "ftp://host", "http://", "http://me:secret@host"])
def test_what_is_no_address_is_wrong_use(url: str) -> None:
    """Credentials in it would end in logs."""
    with pytest.raises(WrongUse):
        api(url)


@pytest.mark.parametrize("text", ['cluster="a"', 'a=~"b|c"', 'a!="\\"x\\""'])
def test_matchers_go_into_every_selector(text: str) -> None:
    """No sum may be made over two clusters."""
    matcher = check_matcher(text)
    for name, query in Questions([matcher]).all().items():
        assert query.count("{") == query.count(f"{matcher}}}"), name


@pytest.mark.parametrize("text", ["cluster=prod", 'a="b"}', 'a="b", c="d"', '"', "a"])
def test_what_is_no_matcher_is_wrong_use(text: str) -> None:
    """Nothing may close the braces early."""
    with pytest.raises(WrongUse, match="not a label matcher"):
        check_matcher(text)


@pytest.mark.parametrize("most", [1, 3, 12])
def test_windows_shrink_until_the_server_answers(most: int) -> None:
    """Every slot is told once and in order; what was answered or refused is not asked for again."""
    widths: list[int] = []

    def script(parameters: dict[str, str], _: Message) -> Answer:
        width = (int(parameters["end"]) - int(parameters["start"])) // int(parameters["step"]) + 1
        if "os_image" in parameters["query"]:
            widths.append(width)
            return EMPTY if width <= most else refusal(422, "too many samples")
        return EMPTY

    slots = [DAY + timedelta(minutes=5 * at) for at in reversed(range(60))]
    with scripted(script) as url:
        told = [*Prometheus(api(url), Questions(), 300, Names()).observe(slots)]
    assert [slot for slot, _ in told] == slots
    assert all(isinstance(found, Impossible) and "no kube_node_info" in found.reason for _, found in told)
    assert sum(width for width in widths if width <= most) == 60
    assert sum(width > most for width in widths) <= 4


def test_a_day_whose_terminating_pods_are_too_many_to_be_asked_for_is_filled() -> None:
    """They are left unknown, and all else is asked for."""
    tells = Questions().tells_terminating()

    def script(parameters: dict[str, str], _: Message) -> Answer:
        return refusal(422, "too many samples") if parameters["query"] == tells else EMPTY

    with scripted(script) as url:
        [(_, told)] = Prometheus(api(url), Questions(), 300, Names()).observe([DAY])
    assert isinstance(told, Impossible)
    assert "no kube_node_info" in told.reason


def test_windows_grow_but_never_beyond_what_prometheus_gives() -> None:
    """11,000 points a series is its limit, whatever the step."""
    widths: list[int] = []

    def script(parameters: dict[str, str], _: Message) -> Answer:
        widths.append((int(parameters["end"]) - int(parameters["start"])) // int(parameters["step"]) + 1)
        return EMPTY

    slots = [DAY + timedelta(seconds=each) for each in range(50_000)]
    with scripted(script) as url:
        assert len([*Prometheus(api(url), Questions(), 1, Names()).observe(slots)]) == 50_000
    assert max(widths) == LONGEST_WINDOW < 11_000


def test_slots_far_apart_are_asked_for_apart() -> None:
    """What lies between two missing slots is not read."""
    starts: set[str] = set()

    def script(parameters: dict[str, str], _: Message) -> Answer:
        if "os_image" in parameters["query"]:
            starts.add(f"{parameters['start']} {parameters['end']}")
        return EMPTY

    slots = [DAY, DAY + timedelta(hours=20)]
    with scripted(script) as url:
        assert len([*Prometheus(api(url), Questions(), 300, Names()).observe(slots)]) == 2
    assert starts == {f"{int(slot.timestamp())} {int(slot.timestamp())}" for slot in slots}
