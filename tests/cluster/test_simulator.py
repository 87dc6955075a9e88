"""What keeps the simulator honest: the same objects behind it and behind a real API server, asked the same."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

import simulate_client
from admin import Admin
from cluster_content import fill_small, pod_named
from clusters import read, served
from control_plane import ControlPlane
from nodetally.cluster.wire import JSON, PROTOBUF
from nodetally.settings import Settings
from nodetally.simulate.cluster import SimulatedCluster
from nodetally.simulate.server import Simulator
from reader_suite import tallied, without_usage
from simulate_client import frames, lines, without_empties

END = "k8s.io/initial-events-end"


@dataclass(frozen=True)
class Said:
    """One answer, reduced to what both servers must agree on."""

    status: int
    content_type: str
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        """The object in it; of a protobuf one, by the simulator's own table of fields."""
        if self.content_type == PROTOBUF:
            return simulate_client.Got(self.status, None, self.body).message  # type: ignore[arg-type]  # not looked at
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def names(self) -> list[str]:
        return [item["metadata"]["name"] for item in self.document.get("items") or []]

    @property
    def page(self) -> dict[str, Any]:
        """What a list says of itself, but for its version."""
        metadata = without_empties(self.document["metadata"])
        return {"continues": "continue" in metadata, "remaining": metadata.get("remainingItemCount")}

    @property
    def error(self) -> dict[str, Any]:
        """What a Status tells a program; messages are for people."""
        return {key: self.document.get(key) for key in ("status", "reason", "code")}

    @property
    def events(self) -> list[tuple[str, dict[str, Any]]]:
        return list(frames(self.body)) if self.content_type.startswith(PROTOBUF) else lines(self.body)


class Twins:
    """Both servers, asked alike."""

    def __init__(self, admin: Admin, simulator: Simulator) -> None:
        self.admin, self.simulator = admin, simulator

    def real(self, path: str, accept: str = JSON) -> Said:
        found = self.admin.ask("GET", path, accept=accept)
        return Said(found.status, found.headers.get("Content-Type", ""), found.body)

    def simulated(self, path: str, accept: str = JSON) -> Said:
        found = simulate_client.get(self.simulator, path, accept)
        return Said(found.status, found.headers.get("Content-Type", ""), found.body)

    def ask(self, path: str, accept: str = JSON) -> tuple[Said, Said]:
        return self.real(path, accept), self.simulated(path, accept)


@pytest.fixture(scope="module")
def simulated(
    objects: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Simulator, Settings]]:
    """The simulator over what the real API server holds."""
    with served(SimulatedCluster.of(objects), tmp_path_factory.mktemp("simulated")) as found:
        yield found


@pytest.fixture(scope="module")
def twins(admin: Admin, simulated: tuple[Simulator, Settings]) -> Twins:
    return Twins(admin, simulated[0])


def test_the_same_objects_give_the_same_snapshot(
    simulated: tuple[Simulator, Settings], cluster_settings: Settings
) -> None:
    """Apart from usage, which nothing measures in the real one."""
    theirs, ours = (without_usage(tallied(read(each))) for each in (cluster_settings, simulated[1]))
    assert ours == theirs


@pytest.mark.parametrize("accept", [JSON, PROTOBUF, f"{PROTOBUF}, {JSON}", "*/*"])
@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/pods",
        "/api/v1/pods?limit=3",
        "/api/v1/pods?limit=100000",
        "/api/v1/pods?resourceVersion=0&limit=3",
        "/api/v1/pods?fieldSelector=spec.nodeName%3Dworker-0.example",
        "/api/v1/pods?fieldSelector=spec.nodeName%3Dworker-0.example&limit=500",
        "/api/v1/pods?fieldSelector=spec.nodeName%3Dodd.example,status.phase!%3DSucceeded,status.phase!%3DFailed",
        "/api/v1/pods?fieldSelector=spec.nodeName%3D",
        "/api/v1/pods?fieldSelector=spec.nodeName%3Dnobody",
        "/api/v1/pods?fieldSelector=status.phase%3DFailed",
        "/api/v1/namespaces/vectors/pods",
        "/api/v1/namespaces/nothing/pods",
        "/api/v1/nodes",
        "/api/v1/nodes?limit=1",
        "/api/v1/nodes?labelSelector=pool%3Dgpu",
        "/api/v1/nodes?labelSelector=pool%20in%20(gpu,web),pool!%3Dweb",
        "/api/v1/nodes?fieldSelector=metadata.name%3Dworker-0.example",
    ],
)
def test_lists_agree(twins: Twins, path: str, accept: str) -> None:
    """Status, type, the objects in their order, and whether there is more of them."""
    theirs, ours = twins.ask(path, accept)
    assert (ours.status, ours.content_type) == (theirs.status, theirs.content_type)
    assert ours.names == theirs.names
    assert ours.page == theirs.page


@pytest.mark.parametrize("path", ["/api/v1/pods", "/api/v1/nodes"])
def test_objects_agree_in_protobuf(twins: Twins, path: str) -> None:
    """Everything that the simulator's table of fields knows: what it encodes is what the real server encodes."""
    theirs, ours = (each.document["items"] for each in twins.ask(path, PROTOBUF))
    assert [without_empties(each) for each in ours] == [without_empties(each) for each in theirs]


@pytest.mark.parametrize("accept", [JSON, PROTOBUF])
def test_pages_agree(twins: Twins, accept: str) -> None:
    """Each server's own tokens lead through the same pages."""

    def pages(ask: Any) -> list[tuple[list[str], dict[str, Any]]]:
        found, token = [], ""
        while True:
            page = ask("/api/v1/pods?limit=100" + (f"&continue={quote(token)}" if token else ""), accept)
            found.append((page.names, page.page))
            token = page.document["metadata"].get("continue", "")
            if not token:
                return found

    assert pages(twins.simulated) == pages(twins.real)


ERRORS = [
    "/nope",
    "/apis/none.example/v1/things",
    "/api/v1/namespaces/vectors/pods/nobody",
    "/api/v1/nodes/nobody",
    "/api/v1/pods?fieldSelector=spec.nope%3Dx",
    "/api/v1/pods?fieldSelector=spec.nodeName",
    "/api/v1/nodes?labelSelector=a%20in%20",
    "/api/v1/pods?limit=many",
    "/api/v1/pods?continue=nonsense",
    "/api/v1/pods?resourceVersion=0&resourceVersionMatch=Exact",
    "/api/v1/pods?resourceVersionMatch=NotOlderThan",
    "/api/v1/pods?sendInitialEvents=true",
    "/api/v1/pods?watch=true&sendInitialEvents=true",
    "/api/v1/pods?watch=true&resourceVersion=1&resourceVersionMatch=NotOlderThan",
]


@pytest.mark.parametrize("accept", [JSON, PROTOBUF])
@pytest.mark.parametrize("path", ERRORS)
def test_errors_agree(twins: Twins, path: str, accept: str) -> None:
    """Status, type, reason and code; an unknown path is plain text from both."""
    theirs, ours = twins.ask(path, accept)
    assert (ours.status, ours.content_type) == (theirs.status, theirs.content_type)
    if theirs.content_type.startswith("text/plain"):
        assert ours.body == theirs.body
    else:
        assert ours.error == theirs.error


@pytest.mark.parametrize("accept", ["text/html", "application/cbor", f"{PROTOBUF};as=Table;v=v1;g=meta.k8s.io"])
def test_types_that_cannot_be_had_are_refused_alike(twins: Twins, accept: str) -> None:
    """406, in JSON."""
    theirs, ours = twins.ask("/api/v1/pods", accept)
    assert (ours.status, ours.content_type, ours.error) == (theirs.status, theirs.content_type, theirs.error)
    assert ours.status == 406


@pytest.mark.parametrize(
    ("path", "statuses"),
    [
        ("/api/v1/nodes?fieldSelector=spec.unschedulable%3Dtrue", (200, 400)),
        ("/api/v1/services", (200, 404)),
        ("/api/v1/nope", (404, 404)),
    ],
)
def test_what_the_simulator_does_not_have_it_refuses(twins: Twins, path: str, statuses: tuple[int, int]) -> None:
    """Where it knows less than the real server it says so, and never answers with less than was asked for."""
    theirs, ours = twins.ask(path)
    assert (theirs.status, ours.status) == statuses


LIST_THEN_WATCH = "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=1"


@pytest.mark.parametrize("accept", [JSON, PROTOBUF])
@pytest.mark.parametrize(
    "query",
    [
        f"{LIST_THEN_WATCH}&allowWatchBookmarks=true",
        LIST_THEN_WATCH,
        "watch=true&timeoutSeconds=1&allowWatchBookmarks=true",
        f"{LIST_THEN_WATCH}&allowWatchBookmarks=true&fieldSelector=spec.nodeName%3Dworker-1.example",
    ],
    ids=["watch list", "without bookmarks", "no version", "one node"],
)
def test_watches_begin_alike(twins: Twins, query: str, accept: str) -> None:
    """The type, what is there as ADDED in any order, and the bookmark that marks its end."""
    theirs, ours = twins.ask(f"/api/v1/pods?{query}", accept)
    assert (ours.status, ours.content_type) == (theirs.status, theirs.content_type)
    assert beginning(ours) == beginning(theirs)


def beginning(said: Said) -> tuple[list[str], int, list[dict[str, Any]]]:
    """The names that are added before the end mark, its place, and its objects without their version."""
    added = sorted(
        f"{item['metadata']['namespace']}/{item['metadata']['name']}" for kind, item in said.events if kind == "ADDED"
    )
    marks = [(at, item) for at, (kind, item) in enumerate(said.events) if kind == "BOOKMARK" and is_end(item)]
    return added, marks[0][0] if marks else -1, [_without_version(item) for _, item in marks]


def is_end(item: Mapping[str, Any]) -> bool:
    return (item["metadata"].get("annotations") or {}).get(END) == "true"


def _without_version(item: dict[str, Any]) -> dict[str, Any]:
    metadata = {key: value for key, value in item["metadata"].items() if key != "resourceVersion"}
    found: dict[str, Any] = without_empties({**item, "metadata": metadata})
    return found


@pytest.fixture
def forgetful(own_control_plane: ControlPlane, tmp_path: Path) -> Iterator[tuple[Twins, dict[Any, str]]]:
    """Both servers after they forgot the past, and a continue token of each from before."""
    admin = own_control_plane.admin
    fill_small(admin)
    with served(SimulatedCluster.of([*admin.items("/api/v1/nodes"), *admin.items("/api/v1/pods")]), tmp_path) as (
        server,
        _,
    ):
        twins = Twins(admin, server)
        tokens = {
            ask: ask("/api/v1/pods?limit=2").document["metadata"]["continue"] for ask in (twins.real, twins.simulated)
        }
        admin.put(pod_named("later"))
        own_control_plane.compact()
        own_control_plane.restart_api_server()
        server.cluster.add(pod_named("later"))
        server.cluster.compact()
        yield twins, tokens


@pytest.mark.parametrize("accept", [JSON, PROTOBUF])
def test_what_is_forgotten_is_gone_alike(forgetful: tuple[Twins, dict[Any, str]], accept: str) -> None:
    """A continue token and a watch from before: 410 Expired, with a token for the rest, and within the stream."""
    twins, tokens = forgetful
    theirs, ours = (ask(f"/api/v1/pods?limit=2&continue={quote(token)}", accept) for ask, token in tokens.items())
    assert (ours.status, ours.content_type, ours.error) == (theirs.status, theirs.content_type, theirs.error)
    assert (ours.status, ours.error["reason"]) == (410, "Expired")
    assert all(each.document["metadata"]["continue"] for each in (theirs, ours))

    theirs, ours = twins.ask("/api/v1/pods?watch=true&resourceVersion=2&timeoutSeconds=2", accept)
    assert (ours.status, ours.content_type) == (theirs.status, theirs.content_type)
    assert [kind for kind, _ in ours.events] == [kind for kind, _ in theirs.events] == ["ERROR"]
    assert [(item["code"], item["reason"]) for _, item in (*theirs.events, *ours.events)] == [(410, "Expired")] * 2
