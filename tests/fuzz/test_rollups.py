"""Rollups with some bits changed: `history` and `store ls` tell the damage, or what they say is not changed by it."""

from functools import cache

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzz.commands import URL, Ended, MemoryStore, assert_harmless, nodetally
from fuzz.test_store_documents import DAYS, GOOD, C
from nodetally.store.layout import rollup_key

KINDS = {"pool": "nodes", "node": "nodes", "namespace": "namespaces"}
flips = st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 7)), min_size=1, max_size=3)


@cache
def rolled_up() -> dict[str, bytes]:
    store = MemoryStore(GOOD)
    assert nodetally(store, "store", "rollup", "--store", URL).code == 0
    return store.objects


def history(objects: dict[str, bytes], by: str) -> Ended:
    return nodetally(MemoryStore(objects), "history", "--by", by, *DAYS, "--format", "json", "--store", URL)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(sorted(KINDS)), flips)
def test_flipped_bits_are_told_or_change_nothing(by: str, places: list[tuple[int, int]]) -> None:
    """Each page is under a checksum; 2: the file says no more what it is made from, so the day is not rolled up."""
    key = rollup_key(KINDS[by], C, DAYS[1])
    body = bytearray(rolled_up()[key])
    for at, bit in places:
        body[at % len(body)] ^= 1 << bit
    objects = {**rolled_up(), key: bytes(body)}
    end = history(objects, by)
    assert_harmless(end, is_json=True)
    if end.code == 0:
        assert end.out == history(rolled_up(), by).out
    else:
        assert (end.code, "nodetally store rollup" in end.said) in ((2, True), (5, True)), end
    listed = nodetally(MemoryStore(objects), "store", "ls", "--cluster", C, "--store", URL)
    assert listed.code == 0, listed
