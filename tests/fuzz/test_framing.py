"""Protobuf that declares what it does not hold, or holds more than anyone would: refused, or read in flat memory."""

import gzip
import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counted import peak_bytes
from fuzz.commands import URL, MemoryStore, nodetally
from nodetally import snapshot
from nodetally.cluster.wire import MAGIC, Buffer, ProtobufList
from nodetally.errors import ClusterError
from nodetally.store.layout import latest_key
from wires import buffer_of, envelope, field, varint

MIB = 1 << 20


def endless(start: bytes, item: bytes, times: int) -> Buffer:
    """A body that is made while it is read."""
    parts: Iterator[bytes] = itertools.chain([start], itertools.repeat(item * 4096, times // 4096))
    left = b""

    def read_into(view: memoryview) -> int:
        nonlocal left
        left = left or next(parts, b"")
        count = min(len(view), len(left))
        view[:count], left = left[:count], left[count:]
        return count

    return Buffer(read_into)


@pytest.mark.parametrize("declared", [2**24 + 1, 2**31, 2**32 - 1, 2**32, 2**40, 2**63 - 1])
@pytest.mark.parametrize("inside", ["item", "type", "list"])
def test_a_length_that_is_declared_is_not_believed(declared: int, inside: str) -> None:
    """4 GiB and more, of an item, of the envelope, of the list: an error by name, and no memory taken for it."""
    heads = {
        "item": MAGIC + b"\x12" + varint(2**63 - 1) + b"\x12" + varint(declared),
        "type": MAGIC + b"\x0a" + varint(declared),
        "list": MAGIC + b"\x12" + varint(declared) + field(2, b"x"),
    }

    def read() -> None:
        with pytest.raises(ClusterError):
            list(ProtobufList(buffer_of(heads[inside] + bytes(100)), "list of pods").items())

    assert peak_bytes(read) < MIB


def test_a_billion_items_are_read_one_by_one() -> None:
    """As many as a list says it has, none of them kept: memory does not grow with their number."""

    def read(count: int) -> int:
        body = endless(MAGIC + b"\x12" + varint(2 * 10**9), b"\x12\x00", 10**9)
        return sum(1 for _ in itertools.islice(ProtobufList(body, "list of pods").items(), count))

    few, many = peak_bytes(lambda: read(1_000)), peak_bytes(lambda: read(100_000))
    assert many < few + MIB // 8


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 2**64)), max_size=6), st.binary(max_size=40))
def test_tags_and_lengths_of_any_kind_are_an_error_or_a_list(pairs: list[tuple[int, int]], tail: bytes) -> None:
    """Whatever fields are said to be there, and however long."""
    raw = b"".join(varint(tag) + varint(length) for tag, length in pairs) + tail
    for body in (MAGIC + raw, envelope(raw)):
        try:
            for item in ProtobufList(buffer_of(body), "list").items():
                assert item in body
        except ClusterError as error:
            assert str(error)


def test_a_snapshot_that_unpacks_to_more_than_any_is_a_bomb(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy in the store of some kilobytes: refused by name by every reader, before its text is held."""
    monkeypatch.setattr(snapshot, "LIMIT_BYTES", MIB)
    bomb = gzip.compress(b'{"schema":1,"slot":"2026-11-23T12:00:00Z","x":"' + b"y" * (40 * MIB), mtime=0)
    store = MemoryStore({latest_key("c"): bomb, "clusters.json": b'{"schema":1,"clusters":["c"]}'})

    def read() -> None:
        for command, code in ((("show",), 5), (("status",), 7)):
            end = nodetally(store, *command, "--store", URL)
            assert (end.code, "more than 1 MiB" in end.said + end.out) == (code, True), end

    assert peak_bytes(read) < 12 * MIB  # the rest is what rendering an error imports
