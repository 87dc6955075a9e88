"""Watch events of a real API server, cut at every place: the same events as in one piece, or an error, never others."""

import gzip
import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodetally.cluster.answer import Answer
from nodetally.cluster.decode import pod_from_json, pod_from_protobuf
from nodetally.cluster.frames import Event, read_events, version_of
from nodetally.cluster.refusals import AnswerError
from nodetally.cluster.wire import JSON, MAX_ITEM_BYTES, PROTOBUF, Gunzip
from nodetally.errors import ClusterError, NodetallyError
from paths import WIRE
from wires import chunked, field, varint

WATCH = f"{PROTOBUF};stream=watch"  # as the API server names it
ONE_POD = (WIRE / "watchlist-1pod.pbframes").read_bytes()
TWO_THOUSAND = (WIRE / "watchlist-2000.pbframes.gz").read_bytes()
GONE = (WIRE / "watch-410.pbframes").read_bytes()
SIZES = {"whole": [1 << 30], "1 byte": [1], "7 bytes": [7], "1 to 4096 bytes": [1, 4096, 3, 1000, 2]}


def events_of(body: bytes, sizes: list[int] | None = None, content_type: str = WATCH, kind: str = "Pod") -> list[Event]:
    return list(read_events(Answer(content_type, chunked(body, sizes or [1 << 30])), kind, "watch of pods"))


def told(body: bytes, content_type: str = WATCH) -> tuple[list[Event], str | None]:
    """The events before the end, and the error that it ended in, if it did."""
    events: list[Event] = []
    try:
        for event in read_events(Answer(content_type, chunked(body, [1 << 30])), "Pod", "watch of pods"):
            events.append(event)  # noqa: PERF402 -- those before the error are kept
    except ClusterError as error:
        return events, str(error)
    return events, None


def ends_of(body: bytes) -> Iterator[int]:
    """Where a frame ends and the next may begin; 0 first."""
    at = 0
    yield at
    while at < len(body):
        at += 4 + int.from_bytes(body[at : at + 4], "big")
        yield at


def framed(event: str, body: bytes, kind: str = "Pod") -> bytes:
    """One event in protobuf: `body` is the object without its envelope."""
    head = field(1, field(1, b"v1") + field(2, kind.encode()))
    frame = field(1, event.encode()) + field(2, field(1, b"k8s\0" + head + field(2, body)))
    return len(frame).to_bytes(4, "big") + frame


def versioned(version: str = "7", *, ends: str | None = None) -> bytes:
    """A Pod of nothing but its metadata."""
    mark = field(12, field(1, b"k8s.io/initial-events-end") + field(2, ends.encode())) if ends else b""
    return field(1, field(1, b"p") + field(3, b"d") + field(6, version.encode()) + mark)


def line(event: object = "ADDED", **metadata: Any) -> bytes:
    """One event in JSON."""
    pod = {"kind": "Pod", "metadata": {"name": "p", "namespace": "d", "resourceVersion": "7", **metadata}}
    return json.dumps({"type": event, "object": pod}).encode() + b"\n"


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_a_capture_gives_the_same_events_in_chunks_of_any_size(sizes: list[int]) -> None:
    """One pod and the bookmark that closes the initial events, with their versions."""
    pod, bookmark = events_of(ONE_POD, sizes)
    assert (pod.type, pod.version, pod.ends_initial) == ("ADDED", 2522, False)
    assert (bookmark.type, bookmark.version, bookmark.ends_initial) == ("BOOKMARK", 2641, True)
    assert isinstance(pod.object, bytes)
    facts = pod_from_protobuf(pod.object)
    assert (facts.namespace, facts.name, facts.node) == ("default", "pod-001-001", "node-001")
    assert [(row.name, row.requests, row.limits) for row in facts.amounts.rows] == [
        ("cpu", 10**8, 2 * 10**8),
        ("memory", (128 << 20) * 10**9, (256 << 20) * 10**9),
    ]


@settings(max_examples=5, deadline=None)
@given(st.lists(st.integers(1, 100_000), min_size=1, max_size=8))
def test_a_capture_of_many_gzip_members_is_read_whole(sizes: list[int]) -> None:
    """2,000 pods in 10 MB, in members and chunks that no frame keeps to; the marked bookmark comes last."""
    unzip = Gunzip(chunked(TWO_THOUSAND, sizes), "watch").read_into
    *pods, last = read_events(Answer(WATCH, unzip), "Pod", "watch of pods")
    assert ([each.type for each in pods], len({each.version for each in pods})) == (["ADDED"] * 2000, 2000)
    assert (last.type, last.version, last.ends_initial) == ("BOOKMARK", 2641, True)
    names = {pod_from_protobuf(each.object).name for each in pods if isinstance(each.object, bytes)}
    assert len(names) == 2000


@pytest.mark.parametrize("body", [ONE_POD, GONE], ids=["one pod", "gone"])
def test_every_prefix_is_whole_frames_or_an_error(body: bytes) -> None:
    """An end between two frames is a clean one; anywhere else it is an error, after the whole frames before it."""
    ends = list(ends_of(body))
    whole = told(body)[0]
    for length in range(len(body)):
        events, error = told(body[:length])
        assert events == whole[: sum(end <= length for end in ends) - 1]
        assert (error is None) == (length in ends), length


def test_a_long_stream_cut_anywhere_is_whole_frames_or_an_error() -> None:
    """The same at both sides of every hundredth frame's end, in what 2,000 pods come to."""
    body = gzip.decompress(TWO_THOUSAND)
    ends = list(ends_of(body))
    assert ends[-1] == len(body)
    start = 0
    for end in ends[100::100]:
        piece = body[start : end + 4]
        for length in (end - start - 1, end - start, end - start + 1, end - start + 4):
            events, error = told(piece[:length])
            assert (len(events), error is None) == (100 - (length < end - start), length == end - start)
        start = end


def test_every_prefix_of_json_lines_is_whole_lines_or_an_error() -> None:
    """As captured items, one a line; the last line needs its line break as a frame needs its last byte."""
    items = json.loads((WIRE / "pods-limit2.json").read_bytes())["items"]
    body = b"".join(json.dumps({"type": "ADDED", "object": {**each, "kind": "Pod"}}).encode() + b"\n" for each in items)
    whole = events_of(body, [1000, 3, 1], JSON)
    assert [pod_from_json(dict(event.object)) for event in whole if not isinstance(event.object, bytes)] == [
        pod_from_json(each) for each in items
    ]
    ends = [0, body.index(b"\n") + 1, len(body)]
    for length in range(len(body)):
        events, error = told(body[:length], JSON)
        assert events == whole[: sum(end <= length for end in ends) - 1]
        assert (error is None) == (length in ends), length


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_damaged_frames_are_errors_or_events(data: st.DataObject) -> None:
    """Bytes flipped at random in protobuf or JSON: a clear error, or facts; never another exception."""
    content_type, whole = data.draw(st.sampled_from([(WATCH, ONE_POD), (WATCH, GONE), (JSON, line() * 2)]))
    body = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 6))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    read_all(bytes(body), content_type)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([WATCH, JSON]))
def test_noise_is_an_error(body: bytes, content_type: str) -> None:
    """Random bytes, as they are and in a frame or line of the right length."""
    read_all(body, content_type)
    read_all(len(body).to_bytes(4, "big") + body if content_type == WATCH else body + b"\n", content_type)


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_json_of_any_shape_is_an_error_or_an_event(data: st.DataObject) -> None:
    """Any value where a text, an object or a list belongs."""
    event = json.loads(line(annotations={}))
    for path in data.draw(
        st.lists(
            st.sampled_from(
                [
                    (),
                    ("type",),
                    ("object",),
                    ("object", "kind"),
                    ("object", "metadata"),
                    ("object", "metadata", "annotations"),
                    ("object", "metadata", "resourceVersion"),
                    ("object", "details"),
                    ("object", "code"),
                ]
            ),
            max_size=3,
        )
    ):
        value = data.draw(JSONS | st.just("ERROR"))
        if not path:
            event = value
            continue
        place = event
        for step in path[:-1]:
            place = place.get(step) if isinstance(place, dict) else None
        if isinstance(place, dict):
            place[path[-1]] = value
    read_all(json.dumps(event).encode() + b"\n", JSON)


def read_all(body: bytes, content_type: str) -> None:
    """Read, and decode as a cache would: NodetallyError is the only exception."""
    try:
        for event in read_events(Answer(content_type, chunked(body, [1 << 30])), "Pod", "watch of pods"):
            assert event.version >= 0
            if event.type != "BOOKMARK":
                decoded = event.object
                facts = pod_from_protobuf(decoded) if isinstance(decoded, bytes) else pod_from_json(decoded)
                assert f"{facts.namespace}/{facts.name}/{facts.uid}/{facts.node}".encode()
    except NodetallyError as error:
        assert str(error)


def test_the_captured_410_is_an_error_with_its_status_and_reason() -> None:
    """In the stream, after a 200: what was since our version is gone."""
    with pytest.raises(AnswerError, match=r"watch of pods: 410 too old resource version: 2519 \(2575\)") as caught:
        events_of(GONE)
    assert (caught.value.status, caught.value.reason, caught.value.retry_after) == (410, "Expired", None)
    assert caught.value.exit_code == 3


def test_an_error_event_says_when_to_come_back() -> None:
    """Status, reason and details.retryAfterSeconds, in protobuf and in JSON alike."""
    details = {"retryAfterSeconds": 7}
    status = {"kind": "Status", "message": "busy", "reason": "TooManyRequests", "details": details, "code": 429}
    raw = field(3, b"busy") + field(4, b"TooManyRequests") + field(5, b"\x28\x07") + b"\x30" + varint(429)
    for body, content_type in (
        (framed("ERROR", raw, "Status"), WATCH),
        (json.dumps({"type": "ERROR", "object": status}).encode() + b"\n", JSON),
    ):
        with pytest.raises(AnswerError, match="watch of pods: 429 busy") as caught:
            events_of(body, content_type=content_type)
        assert (caught.value.status, caught.value.reason, caught.value.retry_after) == (429, "TooManyRequests", 7)


@pytest.mark.parametrize("status", [{}, {"code": "x", "details": []}, {"code": None, "message": {}}, {"details": {}}])
def test_an_error_event_of_any_shape_is_an_error(status: dict[str, object]) -> None:
    """A Status without a code is no reason to go on."""
    with pytest.raises(AnswerError) as caught:
        events_of(json.dumps({"type": "ERROR", "object": status}).encode() + b"\n", content_type=JSON)
    assert caught.value.status == 0


@pytest.mark.parametrize("event", ["ADDED", "MODIFIED", "DELETED", "BOOKMARK"])
def test_every_type_of_event_is_read_alike(event: str) -> None:
    """In protobuf and in JSON: type, version, and whether it ends the initial events."""
    in_protobuf = events_of(framed(event, versioned(ends="true")))
    in_json = events_of(line(event, annotations={"k8s.io/initial-events-end": "true"}), content_type=JSON)
    for each in (*in_protobuf, *in_json):
        assert (each.type, each.version, each.ends_initial) == (event, 7, True)


@pytest.mark.parametrize("mark", ["false", "", "True"])
def test_only_a_true_mark_ends_the_initial_events(mark: str) -> None:
    """Any other value of the annotation is none."""
    (event,) = events_of(framed("BOOKMARK", versioned(ends=mark)))
    assert not event.ends_initial
    (event,) = events_of(line("BOOKMARK", annotations={"k8s.io/initial-events-end": mark}), content_type=JSON)
    assert not event.ends_initial


HUGE = (MAX_ITEM_BYTES + 1).to_bytes(4, "big")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (framed("SYNCED", versioned()), "an event of type 'SYNCED'"),
        (framed("", versioned()), "an event of type ''"),
        (framed("ADDED", versioned(), "Node"), "about a Node, not a Pod"),
        (framed("ADDED", versioned(), ""), "about a nameless thing, not a Pod"),
        (framed("ADDED", versioned("x7")), "resourceVersion 'x7' is not a number"),
        (framed("ADDED", versioned("")), "resourceVersion '' is not a number"),
        (framed("ADDED", versioned("-7")), "resourceVersion '-7' is not a number"),
        (framed("ADDED", versioned("٧")), "is not a number"),
        (framed("ADDED", versioned("7" * 21)), "is not a number"),
        (framed("ADDED", b"\x0a\x7f"), "not Kubernetes protobuf"),
        (framed("ADDED", field(1, field(6, b"\xff"))), "not Kubernetes protobuf"),
        (b"\x00\x00\x00\x00", "not Kubernetes protobuf"),
        (b"\x00\x00\x00\x02\xff\xff", "not Kubernetes protobuf"),
        (b"\x00\x00\x00\x05" + field(2, b"abc"), "not Kubernetes protobuf"),
        (HUGE + bytes(100), "no object of Kubernetes is that large"),
        (b"\xff\xff\xff\xff", "no object of Kubernetes is that large"),
        (b'{"type":"ADDED"}\n', "no object of Kubernetes is that large"),
    ],
    ids=lambda each: None if isinstance(each, bytes) else each[:30],
)
def test_a_frame_that_is_no_event_is_said_to_be_none(body: bytes, why: str) -> None:
    """Each kind of nonsense by its name, before any memory is taken for it."""
    with pytest.raises(ClusterError, match=why):
        events_of(body)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (line("SYNCED"), "an event of type 'SYNCED'"),
        (line(None), "an event of type 'None'"),
        (line(["ADDED"]), "an event of type"),
        (line({}), "an event of type"),
        (line().replace(b'"Pod"', b'"Node"'), "about a Node, not a Pod"),
        (line().replace(b'"Pod"', b"[]"), "not a Pod"),
        (line(resourceVersion="7x"), "resourceVersion '7x' is not a number"),
        (line(resourceVersion=None), "is not a number"),
        (line(resourceVersion=True), "is not a number"),
        (line(resourceVersion=7.5), "is not a number"),
        (b'{"type":"ADDED","object":{"kind":"Pod","metadata":[]}}\n', "without metadata"),
        (b'{"type":"ADDED"}\n', "without an object"),
        (b'["ADDED"]\n', "without an object"),
        (b"<html>\n", "broken JSON"),
        (line()[:-2] + b"\n", "broken JSON"),
        (line() + b"{}", "in the middle of an event"),
        (b"[" * 100_000 + b"\n", "broken JSON"),
        (b"\xff\xfe\n", "broken JSON"),
        (line(name="\ud800"), "not text"),
        (line(name="\udc00\ud800"), "not text"),
        (line().replace(b'"p"', b'"\xed\xa0\x80"'), "not text|broken JSON"),
        (line().replace(b'"p"', b'"\xff"'), "broken JSON"),
    ],
    ids=lambda each: None if isinstance(each, bytes) else each[:30],
)
def test_a_line_that_is_no_event_is_said_to_be_none(body: bytes, why: str) -> None:
    """The same in JSON; half a character, escaped or raw, is no text."""
    with pytest.raises(ClusterError, match=why):
        events_of(body, content_type=JSON)


def test_a_line_that_never_ends_is_given_up() -> None:
    """Before it takes more memory than any object of Kubernetes."""
    taken = 0

    def endless(view: memoryview) -> int:
        nonlocal taken
        view[:] = b"x" * len(view)
        taken += len(view)
        return len(view)

    with pytest.raises(ClusterError, match="no object of Kubernetes is that large"):
        list(read_events(Answer(JSON, endless), "Pod", "watch of pods"))
    assert taken <= MAX_ITEM_BYTES + (1 << 20)


def test_json_as_deep_as_it_can_be_is_an_error_or_an_event() -> None:
    """Around the depth where Python gives up, whichever of reading and checking gives up first."""
    deepest = sys.getrecursionlimit()
    for depth in range(deepest // 4, deepest):
        nested = b"[" * depth + b'"\\u00e9"' + b"]" * depth
        read_all(line(uid="@").replace(b'"@"', nested), JSON)


@pytest.mark.parametrize("blank", [b"\n", b"\r\n", b" \n\n"])
def test_blank_lines_between_events_are_nothing(blank: bytes) -> None:
    """Some proxies keep a connection alive with them."""
    assert len(events_of(blank + line() + blank + line() + blank, content_type=JSON)) == 2


@pytest.mark.parametrize("content_type", ["text/html", "", "application/yaml"])
def test_an_answer_of_another_type_is_refused(content_type: str) -> None:
    """A login page is no stream of events."""
    with pytest.raises(ClusterError, match="not protobuf or JSON"):
        events_of(b"<html>", content_type=content_type)


def test_versions_are_numbers_of_at_most_64_bits() -> None:
    """They are compared: 9 is before 10, and the largest fits."""
    assert version_of("9", "w") < version_of("10", "w") < version_of("18446744073709551615", "w")
