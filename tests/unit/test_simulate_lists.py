"""LIST on the simulator: selectors, pages, versions and encodings as a real API server has them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from clusters import node, pod
from messages import message
from nodetally.simulate.behaviour import Behaviour
from nodetally.simulate.cluster import SimulatedCluster
from nodetally.simulate.objects.encoding import ENVELOPE_END, MAGIC
from nodetally.simulate.server import Simulator, serving
from simulate_client import JSON, PROTOBUF, Got, chunks, get, names, raw_answer, unzip, without_empties

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"  # what kubectl accepts
OBJECTS = [
    node("n1", {"zone": "a", "pool": "x"}),
    node("n2", {"zone": "b"}),
    pod("p1", "n1", "red", labels={"app": "web", "tier": "front"}),
    pod("p2", "n2", "red", labels={"app": "web"}, phase="Succeeded"),
    pod("p3", "n1", "blue", labels={"app": "db"}),
    pod("p4", None, "blue"),
    pod("p5", "n2", "blue", phase="Failed"),
]


@pytest.fixture(scope="module")
def few() -> Iterator[Simulator]:
    with serving(SimulatedCluster.of(OBJECTS)) as server:
        yield server


@pytest.fixture(scope="module")
def many() -> Iterator[Simulator]:
    with serving(SimulatedCluster(nodes=8, pods=200, seed=3)) as server:
        yield server


@pytest.fixture
def changing() -> Iterator[Simulator]:
    six = SimulatedCluster.of([pod(f"p{number}") for number in range(6)])
    with serving(six, Behaviour(too_large_wait_seconds=0)) as server:
        yield server


def test_items_come_in_key_order(few: Simulator) -> None:
    """Namespace, then name; kind and apiVersion stand on the list, not on its items."""
    got = get(few, "/api/v1/pods")
    assert names(got) == ["p3", "p4", "p5", "p1", "p2"]
    assert (got.json["kind"], got.json["apiVersion"]) == ("PodList", "v1")
    assert got.json["metadata"] == {"resourceVersion": str(few.cluster.version)}
    assert all("kind" not in item for item in got.json["items"])


@pytest.mark.parametrize("resource", ["nodes", "pods"])
def test_json_and_protobuf_describe_the_same_objects(many: Simulator, resource: str) -> None:
    """The two answers to one request decode to the same list, names to statuses."""
    in_json, in_protobuf = get(many, f"/api/v1/{resource}"), get(many, f"/api/v1/{resource}", PROTOBUF)
    assert [in_json.headers["Content-Type"], in_protobuf.headers["Content-Type"]] == [JSON, PROTOBUF]
    content = {name: value for name, value in in_json.json.items() if name not in ("kind", "apiVersion")}
    assert without_empties(in_protobuf.message) == without_empties(content)


def test_the_outer_length_is_that_of_the_message(many: Simulator) -> None:
    """What the envelope declares up front is what comes: the list's message ends four bytes before the body."""
    body = get(many, "/api/v1/pods", PROTOBUF).body
    unknown = message("Unknown", body.removeprefix(MAGIC))
    assert (unknown.typeMeta.apiVersion, unknown.typeMeta.kind) == ("v1", "PodList")
    assert body.endswith(unknown.raw + ENVELOPE_END)
    assert len(message("PodList", unknown.raw).items) == 200


def test_every_object_of_a_large_list_is_a_chunk(many: Simulator) -> None:
    """A chunk for the head, one for each item, one for the end; the first item's chunk is the item with its tag."""
    found = chunks(raw_answer(many, "/api/v1/pods"))
    assert len(found) == 1 + 200 + 1 + 1  # and the empty one that ends the body
    assert all(chunk.startswith(b"\x12") for chunk in found[1:-2])


def test_small_lists_have_a_length(few: Simulator) -> None:
    """Below 16 KiB the body comes with Content-Length, and the connection can be used again."""
    got = get(few, "/api/v1/pods", PROTOBUF)
    assert int(got.headers["Content-Length"]) == len(got.body)
    assert got.headers["Date"]


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("spec.nodeName=n1", ["p3", "p1"]),
        ("spec.nodeName==n1", ["p3", "p1"]),
        ("spec.nodeName=", ["p4"]),
        ("spec.nodeName!=n1", ["p4", "p5", "p2"]),
        ("spec.nodeName=n2,status.phase!=Succeeded,status.phase!=Failed", []),
        ("status.phase=Failed", ["p5"]),
        ("metadata.name=p1", ["p1"]),
        ("metadata.namespace=blue,status.phase=Running", ["p3", "p4"]),
        ("metadata.namespace=red,metadata.name=p3", []),
        ("spec.nodeName=gone", []),
    ],
)
def test_field_selectors_choose(few: Simulator, selector: str, expected: list[str]) -> None:
    """=, == and != on the fields that can be selected by, joined by commas; the empty node name finds unbound pods."""
    assert names(get(few, f"/api/v1/pods?fieldSelector={selector}")) == expected


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("app=web", ["p1", "p2"]),
        ("app!=web", ["p3", "p4", "p5"]),
        ("app in (web,db),tier", ["p1"]),
        ("app notin (web),app", ["p3"]),
        ("!app", ["p4", "p5"]),
    ],
)
def test_label_selectors_choose(few: Simulator, selector: str, expected: list[str]) -> None:
    """Equality, sets and existence."""
    assert names(get(few, f"/api/v1/pods?labelSelector={selector.replace(' ', '%20')}")) == expected


def test_nodes_have_selectors_too(few: Simulator) -> None:
    """By name and by label."""
    assert names(get(few, "/api/v1/nodes?fieldSelector=metadata.name=n2")) == ["n2"]
    assert names(get(few, "/api/v1/nodes?labelSelector=zone=a,pool")) == ["n1"]


def test_namespaces_have_lists_of_their_own(few: Simulator) -> None:
    """Only their pods, with selectors on top."""
    assert names(get(few, "/api/v1/namespaces/red/pods")) == ["p1", "p2"]
    assert names(get(few, "/api/v1/namespaces/blue/pods?fieldSelector=spec.nodeName=n1")) == ["p3"]
    assert names(get(few, "/api/v1/namespaces/none/pods")) == []


def test_an_object_is_read_by_its_name(few: Simulator) -> None:
    """With kind and apiVersion; 404 with a Status that names what is missing."""
    assert get(few, "/api/v1/namespaces/red/pods/p1").json["kind"] == "Pod"
    assert get(few, "/api/v1/nodes/n1", PROTOBUF).message["metadata"]["name"] == "n1"
    missing = get(few, "/api/v1/nodes/n3")
    assert (missing.status, missing.json["reason"], missing.json["details"]["name"]) == (404, "NotFound", "n3")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("fieldSelector=spec.foo=1", 400),
        ("fieldSelector=nonsense", 400),
        ("labelSelector=a%20b", 400),
        ("limit=x", 400),
        ("continue=garbage", 400),
        ("resourceVersionMatch=Exact", 422),
        ("resourceVersion=0&resourceVersionMatch=Exact", 422),
        ("resourceVersion=1&resourceVersionMatch=Any", 422),
        ("sendInitialEvents=true", 422),
        ("resourceVersion=1&continue=x", 400),
    ],
)
def test_wrong_parameters_get_a_status(few: Simulator, query: str, status: int) -> None:
    """In the encoding that was asked for; the list is not made."""
    in_json, in_protobuf = get(few, f"/api/v1/pods?{query}"), get(few, f"/api/v1/pods?{query}", PROTOBUF)
    assert (in_json.status, in_protobuf.status) == (status, status)
    assert in_json.json["kind"] == "Status"
    assert (in_protobuf.message["code"], in_protobuf.message["message"]) == (status, in_json.json["message"])


def pages(server: Simulator, path: str, limit: int) -> list[Got]:
    """All pages of a list."""
    joined = "&" if "?" in path else "?"
    found = [get(server, f"{path}{joined}limit={limit}")]
    while token := found[-1].json["metadata"].get("continue"):
        found.append(get(server, f"{path}{joined}limit={limit}&continue={token}"))
    return found


def test_pages_make_up_the_list(many: Simulator) -> None:
    """No object is missing or twice, all pages have one version, and what remains is counted down to nothing."""
    found = pages(many, "/api/v1/pods", 45)
    assert [len(page.json["items"]) for page in found] == [45, 45, 45, 45, 20]
    assert [page.json["metadata"].get("remainingItemCount") for page in found] == [155, 110, 65, 20, None]
    assert len({page.json["metadata"]["resourceVersion"] for page in found}) == 1
    assert [name for page in found for name in names(page)] == names(get(many, "/api/v1/pods"))


def test_pages_with_a_selector_do_not_say_what_remains(many: Simulator) -> None:
    """The server would have to look; the pages still make up the list."""
    path = "/api/v1/pods?fieldSelector=status.phase=Running"
    found = pages(many, path, 75)
    assert len(found) > 1
    assert all("remainingItemCount" not in page.json["metadata"] for page in found)
    assert [name for page in found for name in names(page)] == names(get(many, path))


def test_a_list_goes_on_at_its_version_whatever_changes(changing: Simulator) -> None:
    """Pages after a delete and an add still show the first page's moment."""
    first = get(changing, "/api/v1/pods?limit=2")
    changing.cluster.delete("pods", "default/p3")
    changing.cluster.add(pod("p2b"))
    second = get(changing, f"/api/v1/pods?limit=9&continue={first.json['metadata']['continue']}")
    assert names(second) == ["p2", "p3", "p4", "p5"]
    assert second.json["metadata"]["resourceVersion"] == first.json["metadata"]["resourceVersion"]
    assert names(get(changing, "/api/v1/pods")) == ["p0", "p1", "p2", "p2b", "p4", "p5"]


def test_an_expired_token_is_410_with_another_token(changing: Simulator) -> None:
    """Reason Expired; the token in it reads the rest as it is now, at the current version."""
    first = get(changing, "/api/v1/pods?limit=2")
    changing.cluster.delete("pods", "default/p3")
    changing.cluster.compact()
    gone = get(changing, f"/api/v1/pods?limit=2&continue={first.json['metadata']['continue']}")
    assert (gone.status, gone.json["reason"]) == (410, "Expired")
    rest = get(changing, f"/api/v1/pods?limit=9&continue={gone.json['metadata']['continue']}")
    assert names(rest) == ["p2", "p4", "p5"]
    assert rest.json["metadata"]["resourceVersion"] == str(changing.cluster.version)


def test_version_zero_ignores_the_limit(changing: Simulator) -> None:
    """As the watch cache does: the whole list, no token."""
    got = get(changing, "/api/v1/pods?resourceVersion=0&limit=2")
    assert len(got.json["items"]) == 6
    assert "continue" not in got.json["metadata"]


def test_exact_versions_are_served_while_they_are_kept(changing: Simulator) -> None:
    """The list at an old version, 410 once it is gone; a limit without a match means exact, too."""
    version = get(changing, "/api/v1/pods").json["metadata"]["resourceVersion"]
    changing.cluster.delete("pods", "default/p0")
    exact = f"/api/v1/pods?resourceVersion={version}&resourceVersionMatch=Exact"
    assert names(get(changing, exact))[0] == "p0"
    assert names(get(changing, f"/api/v1/pods?resourceVersion={version}&limit=1")) == ["p0"]
    assert names(get(changing, f"/api/v1/pods?resourceVersion={version}&resourceVersionMatch=NotOlderThan"))[0] == "p1"
    changing.cluster.compact()
    assert get(changing, exact).json["reason"] == "Expired"


def test_a_version_of_the_future_is_a_timeout(changing: Simulator) -> None:
    """504, Retry-After, and the cause that clients look for."""
    got = get(changing, f"/api/v1/pods?resourceVersion={changing.cluster.version + 5}")
    assert (got.status, got.headers["Retry-After"]) == (504, "1")
    assert got.json["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"


def test_large_lists_are_compressed_for_those_who_ask(many: Simulator) -> None:
    """Only for the bare token gzip, and only above 128 KiB."""
    packed = get(many, "/api/v1/pods", PROTOBUF, Accept_Encoding="gzip")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert unzip(packed) == get(many, "/api/v1/pods", PROTOBUF).body
    assert get(many, "/api/v1/pods", Accept_Encoding="gzip;q=1.0").headers["Content-Encoding"] is None
    assert get(many, "/api/v1/nodes", Accept_Encoding="gzip").headers["Content-Encoding"] is None


def test_people_get_indented_json(few: Simulator) -> None:
    """For curl, Wget and browsers; the same content."""
    plain = get(few, "/api/v1/pods")
    indented = get(few, "/api/v1/pods", User_Agent="curl/8.5.0")
    assert indented.json == plain.json
    assert indented.body.count(b"\n") > 50
    assert plain.body.count(b"\n") == 1
    assert get(few, "/api/v1/namespaces/none/pods", User_Agent="curl/8.5.0").json["items"] == []
    one = get(few, "/api/v1/nodes/n1", User_Agent="curl/8.5.0")
    assert (one.json, one.body[:3]) == (get(few, "/api/v1/nodes/n1").json, b"{\n ")


def test_the_index_is_asked_for_a_nodes_pods() -> None:
    """A list for one node makes only that node's pods, and its answer is that of a scan."""
    cluster = SimulatedCluster(10, 400, seed=1)
    made: list[object] = []
    population = cluster.view("pods")[1].base
    original = type(population).__getitem__

    def noting(self: Any, index: Any) -> Any:
        made.append(index)
        return original(self, index)

    with serving(cluster) as server, pytest.MonkeyPatch.context() as patch:
        name = names(get(server, "/api/v1/nodes"))[5]
        scanned = [item["metadata"]["name"] for item in get(server, "/api/v1/pods").json["items"]
                   if item["spec"].get("nodeName") == name]  # fmt: skip
        patch.setattr(type(population), "__getitem__", noting)
        assert names(get(server, f"/api/v1/pods?fieldSelector=spec.nodeName={name}")) == scanned
    assert len(made) == len(scanned) < 100


def test_kubectl_gets_a_table(few: Simulator) -> None:
    """Columns and a row for each object; other clients' protobuf is not affected."""
    table = json.loads(get(few, "/api/v1/pods", TABLE).body)
    assert table["kind"] == "Table"
    assert [row["cells"][:3] for row in table["rows"]][3] == ["p1", "0/1", "Running"]
    assert get(few, "/api/v1/nodes/n1", TABLE).json["rows"][0]["cells"][:3] == ["n1", "Ready", "<none>"]


def test_kubectl_sees_what_is_the_matter_with_a_pod() -> None:
    """That it is deleted, else why a container waits, else why it failed; and its age in days."""
    deleted, waiting, evicted = pod("a"), pod("b"), pod("c", phase="Failed")
    deleted["metadata"] |= {"deletionTimestamp": "2026-11-23T12:00:00Z", "creationTimestamp": "2020-01-01T00:00:00Z"}
    waiting["status"]["containerStatuses"] = [
        {"restartCount": 17, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    ]
    evicted["status"]["reason"] = "Evicted"
    with serving(SimulatedCluster.of([deleted, waiting, evicted])) as server:
        rows = [row["cells"] for row in get(server, "/api/v1/pods", TABLE).json["rows"]]
    assert [row[2:4] for row in rows] == [["Terminating", "0"], ["CrashLoopBackOff", "17"], ["Evicted", "0"]]
    assert (rows[0][4][-1], rows[1][4]) == ("d", "<unknown>")
