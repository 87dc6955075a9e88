"""Bytes of a real API server, cut at every place: the same items as in one piece, or an error, never fewer items."""

import gzip
import json
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodetally.cluster.decode import node_from_json, node_from_protobuf, pod_from_json, pod_from_protobuf
from nodetally.cluster.wire import Gunzip, JsonList, ProtobufList
from nodetally.errors import ClusterError, NodetallyError
from paths import WIRE
from wires import buffer_of, chunked, envelope, field

LISTS = ["pods-empty", "pods-limit2", "pods-realistic", "nodes-limit2", "nodes-realistic"]
SIZES = {"whole": [1 << 30], "1 byte": [1], "7 bytes": [7], "1 to 4096 bytes": [1, 4096, 3, 1000, 2]}


def facts_of_protobuf(name: str, sizes: list[int]) -> tuple[ProtobufList, list[Any]]:
    listed = ProtobufList(buffer_of((WIRE / f"{name}.pb").read_bytes(), sizes), name)
    decode = pod_from_protobuf if name.startswith("pods") else node_from_protobuf
    return listed, [decode(item) for item in listed.items()]


def facts_of_json(name: str, sizes: list[int]) -> tuple[JsonList, list[Any]]:
    listed = JsonList(buffer_of((WIRE / f"{name}.json").read_bytes(), sizes), name)
    decode = pod_from_json if name.startswith("pods") else node_from_json
    return listed, [decode(item) for item in listed.items()]


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("name", LISTS)
def test_a_capture_decodes_to_its_twin_in_chunks_of_any_size(name: str, sizes: list[int]) -> None:
    """Protobuf and JSON of one list: the same facts, the same version and continue token."""
    protobuf, from_protobuf = facts_of_protobuf(name, sizes)
    in_json, from_json = facts_of_json(name, sizes)
    twin = json.loads((WIRE / f"{name}.json").read_text())
    assert from_protobuf == from_json
    assert len(from_json) == len(twin["items"])
    assert protobuf.head == in_json.head
    assert in_json.head.kind == twin["kind"]
    assert in_json.head.resource_version == twin["metadata"]["resourceVersion"]
    assert in_json.head.continue_token == twin["metadata"].get("continue", "")
    assert in_json.head.remaining == twin["metadata"].get("remainingItemCount")


@pytest.mark.parametrize("suffix", ["pb", "json"])
def test_a_body_cut_anywhere_is_never_a_whole_list(suffix: str) -> None:
    """Every prefix of a list is an error: not one item is silently lost."""
    body = (WIRE / f"pods-limit2.{suffix}").read_bytes().rstrip()
    whole = ProtobufList if suffix == "pb" else JsonList
    tail = len(field(3, b"") + field(4, b"")) if suffix == "pb" else 0  # the envelope's empty last fields
    for length in [*range(0, len(body) - tail, 37), *range(len(body) - tail - 40, len(body) - tail)]:
        with pytest.raises(ClusterError):
            list(whole(buffer_of(body[:length]), "pods").items())


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_protobuf_is_an_error_or_a_list(data: st.DataObject) -> None:
    """Bytes flipped at random: a clear error, or facts; never another exception."""
    body = bytearray((WIRE / "pods-limit2.pb").read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    listed = ProtobufList(buffer_of(bytes(body)), "pods")
    try:
        for item in listed.items():
            pod_from_protobuf(item)
    except NodetallyError as error:
        assert str(error)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_random_bytes_are_an_error_or_a_pod(body: bytes) -> None:
    """A decoder that is fed noise says so."""
    for decode in (pod_from_protobuf, node_from_protobuf):
        try:
            decode(body)
        except NodetallyError as error:
            assert str(error)


@given(st.lists(st.binary(max_size=300), max_size=20), st.lists(st.integers(1, 50), min_size=1, max_size=5))
def test_items_come_out_as_they_went_in(items: list[bytes], sizes: list[int]) -> None:
    """Any items, any chunks: the same items in the same order, and the window never holds more than it must."""
    raw = field(1, field(2, b"7")) + b"".join(field(2, item) for item in items)
    listed = ProtobufList(buffer_of(envelope(raw), sizes), "list")
    assert list(listed.items()) == items
    assert listed.head.resource_version == "7"


def test_an_item_larger_than_the_window_is_read() -> None:
    """The window grows for it; objects of 1.5 MiB exist."""
    item = bytes(1_500_000)
    assert list(ProtobufList(buffer_of(envelope(field(2, item)), [65536]), "list").items()) == [item]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "ends"),
        (b"<html>login</html>", "no k8s magic"),
        (b"k8s\0" + b"\xff" * 12, "64 bits"),
        (envelope(field(2, b"abc"))[:-4] + b"\x2a\x00", "after the end"),
        (b"k8s\0" + field(2, b"\x12\x7f"), "longer than the list"),
        (b"k8s\0" + field(2, b"\x12\xff\xff\xff\xff\x7f"), "longer than the list"),
        (b"k8s\0\x12\xff\xff\xff\xff\x7f\x12\xf0\xff\xff\xff\x7f", "no object of Kubernetes is that large"),
        (envelope(b"\x10\x01"), "wire type 0"),
        (envelope(b"\x13\x01a"), "wire type 3"),
    ],
)
def test_what_is_not_a_list_is_said_to_be_none(body: bytes, why: str) -> None:
    """Each kind of nonsense by its name, before any memory is taken for it."""
    with pytest.raises(ClusterError, match=why):
        list(ProtobufList(buffer_of(body), "list of pods").items())


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"items":[1]}', '{"items":[{}', '{"items":[{}]} x', "<html>", '{"items":[{"a":1}', '{"a" 1}', "nul"],
)
def test_what_is_not_a_json_list_is_said_to_be_none(text: str) -> None:
    """Cut off, followed by more, or something else altogether."""
    with pytest.raises(ClusterError):
        list(JsonList(buffer_of(text.encode()), "dump").items())


@given(st.lists(st.integers(1, 40), min_size=1, max_size=4))
def test_json_keeps_numbers_as_text_and_characters_whole(sizes: list[int]) -> None:
    """A fraction stays its digits, and a character cut between two chunks stays one character."""
    body = json.dumps({"items": [{"q": 0.1, "n": "Zürich–東京"}], "kind": "PodList"}, ensure_ascii=False).encode()
    body = body.replace(b"0.1", b"0.10000000000000000555")
    listed = JsonList(buffer_of(body, sizes), "list")
    assert list(listed.items()) == [{"q": "0.10000000000000000555", "n": "Zürich–東京"}]
    assert listed.head.kind == "PodList"


@given(st.lists(st.binary(max_size=2000), max_size=6), st.lists(st.integers(1, 500), min_size=1, max_size=4))
def test_gzip_is_read_through_all_its_members(parts: list[bytes], sizes: list[int]) -> None:
    """The API server ends a member at every flush; a decoder that stops at the first would lose the rest."""
    body = b"".join(gzip.compress(part) for part in parts)
    assert read_all(Gunzip(chunked(body, sizes), "body"), 300) == b"".join(parts)


def test_the_captured_stream_of_many_members_is_read_whole() -> None:
    """2,000 pods, 6,455,034 bytes, where the first member holds 241,976."""
    body = (WIRE / "watchlist-2000.pbframes.gz").read_bytes()
    assert len(zlib.decompressobj(31).decompress(body)) == 241_976
    assert len(read_all(Gunzip(chunked(body, [10_000]), "watch"), 65536)) == 6_455_034


def test_a_gzip_body_cut_or_damaged_is_an_error() -> None:
    """At every tenth byte, and where the checksum is wrong."""
    body = gzip.compress(bytes(range(256)) * 20)
    for length in range(1, len(body), 10):
        with pytest.raises(ClusterError, match="cut off"):
            read_all(Gunzip(chunked(body[:length], [64]), "body"), 300)
    deflated = zlib.compress(b"{}")  # as HTTP's own "deflate", which nobody asked for
    for damaged in (body[:-6] + b"xx" + body[-4:], deflated, body + deflated):
        with pytest.raises(ClusterError, match="broken gzip"):
            read_all(Gunzip(chunked(damaged, [64]), "body"), 300)


def read_all(gunzip: Gunzip, size: int) -> bytes:
    plain, view = bytearray(), memoryview(bytearray(size))
    while count := gunzip.read_into(view):
        plain += view[:count]
    return bytes(plain)
