"""Each bound and refusal of the list readers, from both sides: what just fits is read, what does not is named."""

import gzip
import json
import sys
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodetally.cluster.wire import (
    BUFFER_BYTES,
    MAGIC,
    MAX_DIGITS,
    MAX_ITEM_BYTES,
    Buffer,
    Gunzip,
    JsonList,
    ListHead,
    ProtobufList,
    refuse_half_characters,
)
from nodetally.errors import ClusterError
from wires import buffer_of, chunked, envelope, field, varint

WHOLE = [1 << 30]


def protobuf(body: bytes, sizes: Sequence[int] = WHOLE) -> tuple[list[bytes], ListHead]:
    listed = ProtobufList(buffer_of(body, sizes), "list")
    return list(listed.items()), listed.head


def in_json(text: str, sizes: Sequence[int] = WHOLE) -> tuple[list[Any], ListHead]:
    listed = JsonList(buffer_of(text.encode(), sizes), "list")
    return list(listed.items()), listed.head


def test_the_window_keeps_what_is_unread_when_it_grows_or_moves() -> None:
    """Small items, then one larger than the window, then one larger still, whatever lies unread at that moment."""
    items = [
        bytes([number]) * size for number, size in enumerate((10, BUFFER_BYTES * 2, 3, 70_000, BUFFER_BYTES * 3, 5))
    ]
    for sizes in ([1 << 30], [50_000], [1, 100_000, 7]):
        assert protobuf(envelope(b"".join(field(2, item) for item in items)), sizes)[0] == items


def test_the_window_grows_to_what_is_needed_and_no_further() -> None:
    """What fits leaves it alone; what does not gives it that size, whatever lies unread."""
    window = Buffer(chunked(bytes(100), [5]), size=16)
    memory = window.view
    window.take(1, "body")
    for count in (4, 15, 16):
        window.need(count, "body")
        assert window.view is memory
    for unread in (4, 15):
        window = Buffer(chunked(bytes(100), [1, unread]), size=16)
        window.take(1, "body")
        window.need(unread, "body")
        window.need(40, "body")
        assert len(window.view) == 40


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=30), st.lists(st.integers(1, 50), min_size=1, max_size=4))
def test_the_position_is_the_number_of_bytes_taken(takes: list[int], sizes: list[int]) -> None:
    """And what is taken are the body's own bytes in order, through a window of 16 bytes that has to grow."""
    body = bytes(number % 251 for number in range(sum(takes)))
    window = Buffer(chunked(body, sizes), size=16)
    taken = b""
    for count in takes:
        taken += window.take(count, "body")
        assert window.position() == len(taken)
    assert taken == body
    assert not window.fill()


def test_an_item_of_16_mib_is_the_largest() -> None:
    """One byte more is refused before there is any memory for it."""

    def full(view: memoryview) -> int:
        return len(view)

    assert MAX_ITEM_BYTES == 16 << 20
    assert len(Buffer(full).take(MAX_ITEM_BYTES, "list")) == MAX_ITEM_BYTES
    with pytest.raises(ClusterError, match=f"list: an item of {MAX_ITEM_BYTES + 1} bytes; no object of Kubernetes"):
        Buffer(full).need(MAX_ITEM_BYTES + 1, "list")


def test_a_length_of_ten_bytes_is_read_and_of_eleven_is_not() -> None:
    """A varint of protobuf has at most ten, the last ones of which may say nothing."""
    assert buffer_of(b"\x85" + b"\x80" * 8 + b"\x00").varint("list") == 5
    assert buffer_of(b"\xff" * 8 + b"\x7f").varint("list") == 2**63 - 1
    with pytest.raises(ClusterError, match="list: not protobuf"):
        buffer_of(b"\x85" + b"\x80" * 9 + b"\x00").varint("list")


def test_the_last_fields_of_the_envelope_may_hold_something() -> None:
    """contentEncoding and contentType; no other field may follow, and none may be cut off."""
    whole = MAGIC + field(1, field(2, b"PodList")) + field(2, field(2, b"a"))
    assert protobuf(whole)[0] == [b"a"]
    assert protobuf(whole + field(3, b"gzip") + field(4, b"x" * 200), [3])[0] == [b"a"]
    for number in (1, 2, 5):
        for sizes in (WHOLE, [len(whole)]):
            with pytest.raises(ClusterError, match="bytes after the end of the list"):
                protobuf(whole + field(number, b""), sizes)
    with pytest.raises(ClusterError, match="ends in the middle"):
        protobuf(whole + field(3, b"gzip")[:-1])


def test_other_fields_of_a_list_are_passed_over() -> None:
    """Kubernetes may add some; each item must still end where the list does, to the byte."""
    raw = field(3, b"new") + field(2, b"a") + field(15, b"") + field(2, b"b")
    assert protobuf(envelope(raw))[0] == [b"a", b"b"]
    short = MAGIC + b"\x12" + varint(len(raw) - 1) + raw
    with pytest.raises(ClusterError, match="an item is longer than the list that holds it, at byte"):
        protobuf(short)


@pytest.mark.parametrize(("number", "name"), [(3, "3"), (4, "4"), (15, "15")])
def test_an_envelope_that_begins_otherwise_is_named_by_its_field(number: int, name: str) -> None:
    """Only the type stands before the list."""
    with pytest.raises(ClusterError, match=f"list: not Kubernetes protobuf \\(envelope field {name}\\)"):
        protobuf(MAGIC + field(number, b"") + field(2, b""))


def test_a_field_that_has_no_length_is_named_by_number_and_type() -> None:
    """Everything in a list has one."""
    with pytest.raises(ClusterError, match=r"not a list of Kubernetes \(field 2 of wire type 5\)"):
        protobuf(envelope(b"\x15\x01\x02\x03\x04"))


@pytest.mark.parametrize("remaining", [None, 0, 7])
def test_what_remains_is_known_only_when_it_is_said(remaining: int | None) -> None:
    """0 is a number, and absent is not 0; in both encodings."""
    meta = field(2, b"12") + field(3, b"token") + (b"" if remaining is None else b"\x20" + varint(remaining))
    head = ListHead("PodList", "12", "token", remaining)
    assert protobuf(envelope(field(1, meta) + field(2, b"")))[1] == head
    metadata = {"resourceVersion": "12", "continue": "token"}
    metadata |= {} if remaining is None else {"remainingItemCount": remaining}  # type: ignore[dict-item]
    for order in (["kind", "metadata", "items"], ["items", "metadata", "kind"]):
        value = {"kind": "PodList", "metadata": metadata, "items": [{}]}
        assert in_json(json.dumps({key: value[key] for key in order}))[1] == head


@pytest.mark.parametrize(
    ("text", "head"),
    [
        ('{"items":[]}', ListHead()),
        ('{"kind":"PodList","metadata":null,"items":[]}', ListHead("PodList")),
        ('{"kind":"PodList","metadata":[],"items":null}', ListHead("PodList")),
        ('{"kind":"PodList","metadata":{"continue":null},"items":[]}', ListHead("PodList")),
    ],
)
def test_a_head_that_says_nothing_is_empty(text: str, head: ListHead) -> None:
    """Fields that are absent, null or of another kind are no version and no token."""
    assert in_json(text) == ([], head)


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ('{"kind":"Pod","metadata":{"name":"a"}}', [{"kind": "Pod", "metadata": {"name": "a"}}]),
        ('{"kind":"PodList"}', []),
        ('{"kind":"Status","code":403}', []),
        ('{"metadata":{"name":"a"}}', []),
        ("{}", []),
        ('{"kind":"Pod","items":[{}]}', [{}]),
        ('{"kind":"Pod","args":[{}]}', [{"kind": "Pod", "args": [{}]}]),
        ('{"notes":[{"b":2}],"items":[{"a":1}]}', [{"a": 1}]),
        (' {\n"kind" :\t"List" , "items" : [ {} ,\r\n{"a": 1} ] } \n', [{}, {"a": 1}]),
    ],
)
@pytest.mark.parametrize("sizes", [WHOLE, [1]])
def test_a_lone_object_is_a_list_of_one(text: str, items: list[Any], sizes: list[int]) -> None:
    """But for what has items, a list without, a Status, and what does not say its kind; white space is none of it."""
    assert in_json(text, sizes)[0] == items


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[]", "not a JSON list: '\\[' where '{' belongs"),
        ("", "not a JSON list: the end of the body where '{' belongs"),
        ('{"kind" "List"}', "not a JSON list: '\"' where ':' belongs"),
        ('{"items":[1]}', "an item that is not an object"),
        ('{"items":[[]]}', "an item that is not an object"),
        ('{"items":[],"items":[]}', "two lists of items in one"),
        ('{"items":{}}', "items that are no list"),
        ('{"items":[]}x', "text after the end of the list"),
        ('{"items":[]}{}', "text after the end of the list"),
        ('{"items":[{}', "broken or cut off JSON"),
        ('{"items":[{},]}', "broken or cut off JSON"),
        ('{"items":[],}', "broken or cut off JSON"),
        ('{"kind":Infinity}', "broken JSON: Infinity is not JSON"),
        ('{"kind":"\\ud800"}', "not text"),
        ('{"items":[{"name":"\\udc00"}]}', "not text"),
    ],
)
@pytest.mark.parametrize("sizes", [WHOLE, [1]])
def test_a_broken_list_in_json_is_refused_by_its_reason(text: str, why: str, sizes: list[int]) -> None:
    """In one piece or byte by byte."""
    with pytest.raises(ClusterError, match=f"^list: {why}"):
        in_json(text, sizes)


def test_an_item_as_deep_as_python_can_read_is_an_error_or_an_item() -> None:
    """At every depth about the one where Python gives up, whichever of reading and checking gives up first."""
    ends = set()
    for depth in range(sys.getrecursionlimit() // 4, sys.getrecursionlimit()):
        nested = "[" * depth + '"\\u00e9"' + "]" * depth
        try:
            in_json(f'{{"items":[{{"a":{nested}}}]}}')
            ends.add("read")
        except ClusterError as error:
            ends.add(str(error).partition(": maximum")[0])
    assert ends >= {"read", "list: broken JSON"}


def test_a_value_too_deep_to_be_written_is_refused() -> None:
    """It was not looked into for half characters to its end, so it may not pass."""
    value: Any = "\ud800"
    for _ in range(sys.getrecursionlimit()):
        value = [value]
    with pytest.raises(ClusterError, match=r"^list: broken JSON"):
        refuse_half_characters(value, "list")


def test_bytes_that_are_not_utf8_are_refused() -> None:
    """Wherever the chunks are cut."""
    for sizes in (WHOLE, [1]):
        with pytest.raises(ClusterError, match="list: not UTF-8"):
            list(JsonList(buffer_of(b'{"kind":"P\xffd","items":[]}', sizes), "list").items())


@pytest.mark.parametrize("sizes", [WHOLE, [1], [1000]])
def test_a_number_has_at_most_as_many_digits_as_python_reads(sizes: list[int]) -> None:
    """4,300 are one number, wherever they are cut; one that never ends is given up."""
    longest = "1" * MAX_DIGITS
    assert in_json(f'{{"kind":"Pod","n":{longest}}}', sizes)[0][0]["n"] == int(longest)
    with pytest.raises(ClusterError, match=r"broken JSON|a number of more than 4300 digits"):
        in_json(f'{{"kind":"Pod","n":{longest}1', sizes)
    with pytest.raises(ClusterError, match="a number of more than 4300 digits"):
        in_json(f'{{"kind":"Pod","n":0.{longest}', sizes)


@pytest.mark.parametrize("number", ["0", "-12", "0.25", "-1.5e+3", "2E-7", "100", "1e5"])
@pytest.mark.parametrize("sizes", [WHOLE, [1], [3]])
def test_a_number_beside_the_items_is_one_wherever_it_is_cut(number: str, sizes: list[int]) -> None:
    """An integer, or the text of what is none."""
    value = int(number) if number.lstrip("-").isdigit() else number
    for end in ("", " "):
        assert in_json(f'{{"kind":"Pod","n":{number}{end}}}', sizes)[0] == [{"kind": "Pod", "n": value}]


def test_what_stands_beside_the_items_is_held_up_to_16_mib(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it together, names and values; a byte more is refused, for it would be held in memory."""
    monkeypatch.setattr("nodetally.cluster.wire.MAX_ITEM_BYTES", 1000)
    pairs = {"a" * 100: "x" * 398, "b" * 100: "y" * 398}  # 100 and 400 with the quotes, twice
    assert in_json(json.dumps({**pairs, "items": []}), [10]) == ([], ListHead())
    with pytest.raises(ClusterError, match="list: more than 1000 bytes beside the items of the list"):
        in_json(json.dumps({**pairs, "b" * 100: "y" * 399, "items": []}), [10])


def test_an_item_in_json_is_given_up_where_one_in_protobuf_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is cut off is waited for up to that size and no further, whatever was read before it."""
    monkeypatch.setattr("nodetally.cluster.wire.MAX_ITEM_BYTES", 1000)
    item = json.dumps({"n": "x" * 991})  # 1,000 bytes with its quotes and braces
    begin = '{"items":['
    for sizes in ([10], [900], [1999]):
        assert len(in_json(f"{begin}{item},{item}]}}", sizes)[0]) == 2
    for size in (1, 500):
        buffer = buffer_of(f'{begin}{{"n": "{"x" * 3000}'.encode(), [len(begin), *[size] * 1000])
        with pytest.raises(ClusterError, match="list: an item of more than 1000 bytes; no object of Kubernetes"):
            list(JsonList(buffer, "list").items())
        assert buffer.taken == len(begin) + 1000


def test_an_item_in_json_comes_before_the_next_ones_are_read() -> None:
    """What is cut off waits for as much again, not for the whole body."""
    item = json.dumps({"n": "x" * 91})
    buffer = buffer_of(f'{{"items":[{",".join([item] * 100)}]}}'.encode(), [10])
    assert next(JsonList(buffer, "list").items()) == json.loads(item)
    assert buffer.taken <= 3 * len(item)


@pytest.mark.parametrize("letters", range(20))
def test_a_character_cut_where_more_is_waited_for_is_read_whole(letters: int) -> None:
    """Byte by byte: a chunk that ends no character is not the end of the body."""
    item = {"n" * letters + "é": 1}
    assert in_json(json.dumps({"items": [item]}, ensure_ascii=False), [1])[0] == [item]


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=3000), st.integers(1, 700), st.lists(st.integers(1, 90), min_size=1, max_size=4))
def test_gunzip_gives_the_bytes_whatever_the_view_holds(plain: bytes, view: int, sizes: list[int]) -> None:
    """Views smaller and larger than what is unpacked; after the end it stays at the end."""
    unzip = Gunzip(chunked(gzip.compress(plain), sizes), "body")
    window, found = memoryview(bytearray(view)), bytearray()
    while count := unzip.read_into(window):
        found += window[:count]
    assert found == plain
    assert unzip.read_into(window) == 0
