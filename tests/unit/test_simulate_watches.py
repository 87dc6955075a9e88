"""WATCH on the simulator: events, bookmarks, initial events, deadlines and the ends of streams."""

import http.client
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from clusters import node, pod
from nodetally.simulate.behaviour import Behaviour
from nodetally.simulate.cluster import SimulatedCluster
from nodetally.simulate.server import Simulator, serving
from simulate_client import JSON, PROTOBUF, frames, get, lines, unzip

QUICK = Behaviour(margin_seconds=0.95, too_large_wait_seconds=0)
INITIAL = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
END = {"k8s.io/initial-events-end": "true"}


@pytest.fixture
def server() -> Iterator[Simulator]:
    objects = [node("n"), pod("a", "n"), pod("b")]
    with serving(SimulatedCluster.of(objects, history=4), QUICK) as found:
        yield found


class Open:
    """A watch that is read event by event while the cluster changes."""

    def __init__(self, server: Simulator, query: str, path: str = "/api/v1/pods", **headers: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=20)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request("GET", f"{path}?watch=true&{query}", headers={"Accept": JSON} | given)
        self.answer = self._connection.getresponse()

    def __enter__(self) -> "Open":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def take(self, count: int) -> list[tuple[str, str]]:
        """The next events in short."""
        return summary([self.next() for _ in range(count)])

    def next(self) -> tuple[str, dict[str, Any]]:
        event = json.loads(self.answer.readline())
        return event["type"], event["object"]


def summary(events: list[tuple[str, dict[str, Any]]]) -> list[tuple[str, str]]:
    return [(kind, content["metadata"].get("name", "")) for kind, content in events]


def test_a_watch_shows_what_happens_after_its_version(server: Simulator) -> None:
    """Past events after the version at once, new ones as they happen, each with its object's version."""
    start = server.cluster.version
    server.cluster.add(pod("c"))
    with Open(server, f"resourceVersion={start}") as watch:
        assert summary([watch.next()]) == [("ADDED", "c")]
        server.cluster.bind("default/c", "n")
        kind, content = watch.next()
        assert (kind, content["spec"]["nodeName"], content["kind"]) == ("MODIFIED", "n", "Pod")
        server.cluster.delete("pods", "default/a")
        kind, content = watch.next()
        assert (kind, content["metadata"]["name"]) == ("DELETED", "a")
        assert content["metadata"]["resourceVersion"] == str(server.cluster.version)


def test_protobuf_frames_carry_the_same_events(server: Simulator) -> None:
    """Length-prefixed frames under a content type of their own; the stream ends at its deadline."""
    start = server.cluster.version
    server.cluster.change_pods(2)
    in_protobuf = get(server, f"/api/v1/pods?watch=1&resourceVersion={start}&timeoutSeconds=1", PROTOBUF)
    assert in_protobuf.headers["Content-Type"] == f"{PROTOBUF};stream=watch"
    with Open(server, f"resourceVersion={start}") as in_json:
        assert summary(list(frames(in_protobuf.body))) == in_json.take(2)


def test_initial_events_end_with_a_marked_bookmark(server: Simulator) -> None:
    """ADDED for all there is, then a bookmark with the annotation and the list's version, then what happens."""
    with Open(server, f"{INITIAL}&allowWatchBookmarks=true") as watch:
        events = [watch.next() for _ in range(3)]
        assert summary(events) == [("ADDED", "a"), ("ADDED", "b"), ("BOOKMARK", "")]
        assert events[-1][1]["metadata"]["annotations"] == END
        assert events[-1][1]["metadata"]["resourceVersion"] == str(server.cluster.version)
        assert events[-1][1]["spec"] == {"containers": None}
        server.cluster.add(pod("c"))
        assert summary([watch.next()]) == [("ADDED", "c")]


def test_without_bookmarks_nothing_ends_initial_events(server: Simulator) -> None:
    """No mark is sent to who did not ask for bookmarks: the next event is the next change."""
    with Open(server, INITIAL) as watch:
        assert watch.take(2) == [("ADDED", "a"), ("ADDED", "b")]
        server.cluster.add(pod("c"))
        assert watch.take(1) == [("ADDED", "c")]


def test_a_watch_without_a_version_sends_what_is_there(server: Simulator) -> None:
    """The legacy form, also with version 0; of nodes too."""
    with Open(server, "allowWatchBookmarks=true&resourceVersion=0", "/api/v1/nodes") as watch:
        assert watch.take(2) == [("ADDED", "n"), ("BOOKMARK", "")]


def test_a_bookmark_comes_shortly_before_the_deadline(server: Simulator) -> None:
    """An idle watch learns the current version before it ends, if it allows bookmarks."""
    start = server.cluster.version
    server.cluster.compact()
    query = f"/api/v1/pods?watch=true&resourceVersion={server.cluster.version}&timeoutSeconds=1"
    events = lines(get(server, query + "&allowWatchBookmarks=true").body)
    assert [(kind, content["metadata"]["resourceVersion"]) for kind, content in events] == [
        ("BOOKMARK", str(server.cluster.version))
    ]
    assert int(events[0][1]["metadata"]["resourceVersion"]) > start


def test_bookmarks_come_regularly(server: Simulator) -> None:
    """As often as the server is set to."""
    with serving(server.cluster, Behaviour(bookmark_seconds=0.05)) as busy:
        watch = Open(busy, f"resourceVersion={server.cluster.version}&allowWatchBookmarks=true")
        with watch:
            assert [watch.next()[0] for _ in range(3)] == ["BOOKMARK"] * 3


@pytest.mark.parametrize("accept", [JSON, PROTOBUF])
def test_a_version_before_the_window_is_an_error_in_the_stream(server: Simulator, accept: str) -> None:
    """HTTP 200, one ERROR event with a Status 410, and the end."""
    start = server.cluster.version
    server.cluster.compact()
    got = get(server, f"/api/v1/pods?watch=true&resourceVersion={start}", accept)
    events = lines(got.body) if accept == JSON else list(frames(got.body))
    assert got.status == 200
    assert [(kind, status["code"], status["reason"]) for kind, status in events] == [("ERROR", 410, "Expired")]
    assert "too old resource version" in events[0][1]["message"]


def test_the_window_slides(server: Simulator) -> None:
    """With a history of 4, events are forgotten after some more; recent ones are still there."""
    start = server.cluster.version
    for _ in range(20):
        server.cluster.change_pods(1)
    assert lines(get(server, f"/api/v1/pods?watch=true&resourceVersion={start}").body)[0][0] == "ERROR"
    with Open(server, f"resourceVersion={start + 17}") as watch:
        assert [kind for kind, _ in watch.take(3)] == ["MODIFIED"] * 3


def test_what_leaves_a_selection_is_deleted_with_its_last_body(server: Simulator) -> None:
    """DELETED with the body before the change and the version of it; what enters is ADDED."""
    with Open(server, f"resourceVersion={server.cluster.version}&fieldSelector=status.phase!=Succeeded") as watch:
        server.cluster.update(pod("b", phase="Succeeded"))
        kind, content = watch.next()
        assert (kind, content["status"]["phase"]) == ("DELETED", "Running")
        assert content["metadata"]["resourceVersion"] == str(server.cluster.version)
        server.cluster.add(pod("z", phase="Succeeded"))
        server.cluster.update(pod("b"))
        assert summary([watch.next()]) == [("ADDED", "b")]


def test_label_selectors_and_namespaces_limit_a_watch(server: Simulator) -> None:
    """Initial events and later ones alike."""
    server.cluster.add(pod("c", None, "other", labels={"app": "x"}))
    server.cluster.add(pod("d", None, "other"))
    with Open(server, f"{INITIAL}&labelSelector=app", "/api/v1/namespaces/other/pods") as watch:
        assert watch.take(1) == [("ADDED", "c")]
        server.cluster.add(pod("e", None, "other"))
        server.cluster.add(pod("f", None, "other", labels={"app": "y"}))
        assert watch.take(1) == [("ADDED", "f")]


@pytest.mark.parametrize(
    "query",
    ["watch=true&sendInitialEvents=true", "watch=true&resourceVersionMatch=NotOlderThan"],
)
def test_wrong_combinations_are_invalid(server: Simulator, query: str) -> None:
    """The match is needed with initial events, and only there."""
    assert get(server, f"/api/v1/pods?{query}").status == 422


def test_a_server_may_lack_initial_events(server: Simulator) -> None:
    """422 where the feature is off; a plain watch still works."""
    with serving(server.cluster, Behaviour(watch_list=False)) as old:
        refused = get(old, f"/api/v1/pods?watch=true&{INITIAL}", PROTOBUF)
        assert (refused.status, "sendInitialEvents is forbidden" in refused.message["message"]) == (422, True)
        with Open(old, "allowWatchBookmarks=true") as watch:
            assert watch.take(2) == [("ADDED", "a"), ("ADDED", "b")]


def test_initial_events_wait_for_their_version_in_vain(server: Simulator) -> None:
    """A version of the future ends in an ERROR event, 504."""
    version = server.cluster.version + 9
    events = lines(get(server, f"/api/v1/pods?watch=true&{INITIAL}&resourceVersion={version}").body)
    assert [(kind, status["code"]) for kind, status in events] == [("ERROR", 504)]


def test_initial_events_may_be_compressed_plain_watches_never(server: Simulator) -> None:
    """gzip in members, one for each flush, for who asks; nothing for a watch from a version."""
    start = server.cluster.version
    packed = get(
        server, f"/api/v1/pods?watch=true&{INITIAL}&timeoutSeconds=1&allowWatchBookmarks=true", Accept_Encoding="gzip"
    )
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.body.count(b"\x1f\x8b\x08") == 2
    assert [kind for kind, _ in lines(unzip(packed))] == ["ADDED", "ADDED", "BOOKMARK", "BOOKMARK"]
    with Open(server, f"resourceVersion={start}", Accept_Encoding="gzip") as plain:
        assert plain.answer.headers["Content-Encoding"] is None


def test_a_running_watch_survives_compaction(server: Simulator) -> None:
    """Only who starts too far back gets 410."""
    with Open(server, f"resourceVersion={server.cluster.version}") as watch:
        server.cluster.add(pod("c"))
        assert watch.next()[0] == "ADDED"
        server.cluster.compact()
        server.cluster.add(pod("d"))
        assert summary([watch.next()]) == [("ADDED", "d")]
