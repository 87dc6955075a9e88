"""The kept cache: what is read back is what was written, or nothing is; never something else."""

import hashlib
import json
import tracemalloc
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from clusters import NOWHERE, node, pod, served
from nodetally import snapshot
from nodetally.accounting.labels import LabelRules
from nodetally.accounting.nodes import Tally
from nodetally.assemble import assemble
from nodetally.cache import Warm
from nodetally.cluster.access import Access
from nodetally.cluster.decode import node_from_json, pod_from_json
from nodetally.cluster.kept import MAGIC, Owner, UnusableError, decode, encode, owner_of
from nodetally.cluster.observation import Cost, Observation
from nodetally.cluster.usage import USAGE_OFF
from nodetally.cluster.watching import WatchCache
from nodetally.collect import observe
from nodetally.errors import NodetallyError
from nodetally.settings import Settings
from nodetally.simulate.cluster import SimulatedCluster

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TTL = timedelta(minutes=10)
OWNER = Owner("1", "c", "server", "labels")
PAYLOAD = len(MAGIC) + 32  # where it begins: behind the SHA-256


def empty() -> WatchCache:
    return WatchCache(lambda _: True)


def cache_of(objects: list[dict[str, Any]], pods_version: int = 7, nodes_version: int = 5) -> WatchCache:
    cache = empty()
    for each in objects:
        if each["kind"] == "Node":
            cache.nodes.index.put(node_from_json(each))
        else:
            cache.pods.index.put(pod_from_json(each))
    cache.pods.version, cache.nodes.version = pods_version, nodes_version
    return cache


def small() -> WatchCache:
    """One of everything: taints, labels, conditions; pods bound, unbound, terminating, ended."""
    worker = node("w", {"pool": "a"}, cpu="4", memory="8Gi")
    worker["metadata"] |= {"uid": "n1", "creationTimestamp": "2026-01-01T00:00:00Z"}
    worker["spec"] = {"unschedulable": True, "taints": [{"key": "k", "value": "v", "effect": "NoSchedule"}]}
    worker["status"]["conditions"].append({"type": "DiskPressure", "status": "True"})
    ending = pod("ending", "w", cpu="1", memory="1Gi")
    ending["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    pods = [pod("a", "w", cpu="100m"), pod("b", "w", cpu="100m"), pod("c", None, "other", phase="Pending", cpu="1500u")]
    pods += [ending, pod("done", "w", phase="Succeeded", cpu="2"), pod("lost", "gone", memory="1Ki")]
    for at, each in enumerate(pods):
        each["metadata"]["uid"] = f"u{at}"
    return cache_of([worker, node("x", ready=False), *pods])


def figures(tally: Tally) -> object:
    return tally.counts, dict(sorted(tally.sums.items()))


def seen(cache: WatchCache) -> dict[str, object]:
    """All that a pass and the watch after it take from a cache."""
    tally = cache.pods.index.tally()
    return {
        "versions": (cache.pods.version, cache.nodes.version),
        "nodes": cache.nodes.index.nodes,
        "pods": {key: (held.mark, held.place.name, held.share.key) for key, held in cache.pods.index.pods.items()},
        "tallies": {name: figures(each) for name, each in tally.nodes.items()},
        "namespaces": {name: figures(each) for name, each in tally.namespaces.items()},
        "unscheduled": figures(tally.unscheduled),
        "kite": {name: (each.pods, each.cpu_millicores, each.memory_bytes) for name, each in kites(cache).items()},
    }


def kites(cache: WatchCache) -> Any:
    return cache.pods.index.kite().nodes


def a_pass_over(cache: WatchCache) -> dict[str, Any]:
    """The snapshot that a pass would make of it, but for what it cost."""
    nodes = sorted(cache.nodes.index.nodes.values(), key=lambda each: each.name.encode())
    tally = cache.pods.index.tally()
    observed = Observation("resume", NOW, nodes, tally, USAGE_OFF, Cost(), tally.pods, consistent=True)
    return {**snapshot.decode(assemble(observed, Settings(cluster="c"), NOW, lambda: 0.0).body), "cost": None}


def decoded(body: bytes, owner: Owner = OWNER, now: datetime = NOW, ttl: timedelta = TTL) -> WatchCache:
    cache = empty()
    try:
        decode(body, owner, now, ttl, cache)
    except UnusableError:
        assert seen(cache) == seen(empty()), "what cannot be used leaves nothing behind"
        assert not cache.filled
        raise
    return cache


def test_what_is_read_back_is_what_was_written() -> None:
    """Pods with their marks, nodes with all their fields, both versions; and the snapshot made of it."""
    cache = small()
    again = decoded(encode(cache, OWNER, NOW))
    assert seen(again) == seen(cache)
    assert a_pass_over(again) == a_pass_over(cache)
    assert {name: each.labels for name, each in again.nodes.index.nodes.items()} == {"w": {"pool": "a"}, "x": {}}


def test_an_empty_cluster_is_kept_too() -> None:
    """No pod, no node; and pods without any node."""
    assert seen(decoded(encode(cache_of([]), OWNER, NOW))) == seen(cache_of([]))
    lonely = cache_of([pod("p", None)])
    assert seen(decoded(encode(lonely, OWNER, NOW))) == seen(lonely)


ODD = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n/"), min_size=1, max_size=12)
AMOUNTS = st.dictionaries(
    st.sampled_from(["cpu", "memory", "hugepages-2Mi", "nvidia.com/gpu"]) | ODD,
    st.sampled_from(["0", "1n", "100m", "1Gi", "9223372036854775", "4611686018427387903", "-1", "1e3"]),
    max_size=3,
)


@st.composite
def any_pod(draw: st.DrawFn) -> dict[str, Any]:
    made = pod(draw(ODD), draw(st.none() | ODD), draw(ODD), phase=draw(st.sampled_from(["Running", "Failed", "", "x"])))
    made["spec"]["containers"][0]["resources"] = {"requests": draw(AMOUNTS), "limits": draw(AMOUNTS)}
    made["metadata"]["uid"] = draw(ODD | st.just(""))
    if draw(st.booleans()):
        made["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return made


@st.composite
def any_node(draw: st.DrawFn) -> dict[str, Any]:
    made = node(draw(ODD), draw(st.dictionaries(ODD, ODD, max_size=3)), ready=draw(st.booleans()))
    made["status"] |= {"capacity": draw(AMOUNTS), "allocatable": draw(AMOUNTS)}
    taints = draw(st.lists(ODD, max_size=2))
    made["spec"] = {"unschedulable": draw(st.booleans()), "taints": [{"key": each, "value": each} for each in taints]}
    made["status"]["nodeInfo"] = {"architecture": draw(ODD)}
    return made


@hypothesis_settings(deadline=None)
@given(st.lists(any_pod() | any_node(), max_size=12), st.integers(1, 2**64 - 1), st.integers(1, 2**64 - 1))
def test_any_cluster_is_read_back_as_it_was_written(objects: list[dict[str, Any]], pods: int, nodes: int) -> None:
    """Odd names, uids and labels, amounts beyond 64 bits of nano-units: nothing is lost or rounded."""
    try:
        cache = cache_of(objects, pods, nodes)
    except NodetallyError:
        return  # an amount that no API server takes: told when it is read
    body = encode(cache, OWNER, NOW)
    assert seen(decoded(body)) == seen(cache)
    assert encode(decoded(body), OWNER, NOW) == body


def test_what_is_read_back_goes_on_as_the_first_would() -> None:
    """Events after it change both alike: a pod that goes, one that changes its share, another of the same name."""
    cache = small()
    again = decoded(encode(cache, OWNER, NOW))
    for each in (cache, again):
        index = each.pods.index
        for name, uid in (("a", "u0"), ("b", "not its uid")):
            gone = pod(name, "w", cpu="100m")
            gone["metadata"]["uid"] = uid
            index.drop(pod_from_json(gone))
        index.put(pod_from_json(pod("b", "w", phase="Failed", cpu="100m")))
        index.put(pod_from_json(pod("c", "x", "other", cpu="1500u")))
    assert b"default/a" not in again.pods.index.pods
    assert seen(again) == seen(cache)


def test_the_same_cache_is_the_same_bytes() -> None:
    """Written twice, and built twice."""
    assert encode(small(), OWNER, NOW) == encode(small(), OWNER, NOW)


def test_every_flipped_byte_is_noticed() -> None:
    """All bytes of a small file, each with one bit and with all bits turned."""
    body = encode(small(), OWNER, NOW)
    for at in range(len(body)):
        for flip in (1, 0xFF):
            damaged = bytearray(body)
            damaged[at] ^= flip
            with pytest.raises(UnusableError, match="damaged, or of another format"):
                decoded(bytes(damaged))


def test_every_truncation_and_every_appendix_is_noticed() -> None:
    """From nothing at all to all but the last byte, and one too many."""
    body = encode(small(), OWNER, NOW)
    for length in range(len(body)):
        with pytest.raises(UnusableError, match="damaged, or of another format"):
            decoded(body[:length])
    with pytest.raises(UnusableError, match="damaged"):
        decoded(body + b"\0")


@pytest.mark.parametrize(
    ("owner", "later", "why"),
    [
        (OWNER._replace(program="2"), 0, "the kept cache is of nodetally 1"),
        (OWNER._replace(cluster="d"), 0, "of another cluster .'c'"),
        (OWNER._replace(server="elsewhere"), 0, "another address or authority"),
        (OWNER._replace(labels="more"), 0, "made for other node labels"),
        (OWNER, 601, "is 601 s old, more than 600 s"),
        (OWNER, -61, "is 61 s ahead of this clock"),
    ],
)
def test_a_cache_of_another_time_or_owner_is_not_used(owner: Owner, later: float, why: str) -> None:
    """Each with its reason; what was made by this program for this cluster, ten minutes ago at most, is."""
    body = encode(small(), OWNER, NOW)
    with pytest.raises(UnusableError, match=why):
        decoded(body, owner, NOW + timedelta(seconds=later))


@pytest.mark.parametrize("later", [-60, -1, 0, 600])
def test_a_cache_is_used_up_to_its_age_and_a_little_ahead(later: float) -> None:
    """The clocks of two machines differ by some seconds."""
    assert decoded(encode(small(), OWNER, NOW), now=NOW + timedelta(seconds=later)).filled


def test_owners_differ_in_all_that_shapes_a_cache() -> None:
    """Program, cluster, address, authority, labels kept and rules of labels; not in credentials."""
    settings = Settings(cluster="c")
    access = Access("https://a", ca="x", authorization=lambda: "Bearer 1", origin="here")
    rules = LabelRules(pool=("mine",))
    owners = [
        owner_of(settings, access),
        owner_of(replace(settings, cluster="d"), access),
        owner_of(settings, replace(access, server="https://b")),
        owner_of(settings, replace(access, ca=None)),
        owner_of(replace(settings, labels=("team",)), access),
        owner_of(replace(settings, label_rules=rules), access),
    ]
    assert len(set(owners)) == len(owners)
    assert owner_of(settings, replace(access, authorization=lambda: "Bearer 2", origin="there")) == owners[0]
    assert owner_of(replace(settings, labels=("b", "a")), access) == owner_of(
        replace(settings, labels=("a", "b")), access
    )


def test_a_name_with_a_line_break_is_refused_when_it_is_written() -> None:
    """No API server has one; two pods must not come back where there was one."""
    with pytest.raises(UnusableError, match="line break"):
        encode(cache_of([pod("a\nb", "w"), pod("c", "w")]), OWNER, NOW)


def unpacked(body: bytes) -> tuple[dict[str, Any], bytes, bytes]:
    """The head, the sizes before it, and the columns behind it."""
    plain = zlib.decompress(body[PAYLOAD:])
    length = int.from_bytes(plain[:4], "little")
    return json.loads(plain[12 : 12 + length]), plain[4:12], plain[12 + length :]


def packed(head: object, sizes: bytes, columns: bytes) -> bytes:
    """A file with this head and a checksum that is right."""
    encoded = json.dumps(head).encode()
    return signed(zlib.compress(len(encoded).to_bytes(4, "little") + sizes + encoded + columns))


def signed(payload: bytes) -> bytes:
    return MAGIC + hashlib.sha256(payload).digest() + payload


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"no zlib",
        zlib.compress(b""),
        zlib.compress(b"\xff" * 12),
        zlib.compress(bytes(12)),
        zlib.compress(b"x")[:9],
    ],
)
def test_a_right_checksum_over_nonsense_is_not_enough(payload: bytes) -> None:
    """Whoever can write the file can write its checksum."""
    with pytest.raises(UnusableError):
        decoded(signed(payload))


@pytest.mark.parametrize(
    "change",
    [
        lambda head: head.pop("names"),
        lambda head: head["names"].pop(),
        lambda head: head["shares"].pop(),
        lambda head: head["amounts"].clear(),
        lambda head: head["nodes"][0].pop(),
        lambda head: head.update(owner=None),
        lambda head: head.update(pods_version="7"),
        lambda head: head.update(pods_version=None),
        lambda head: head.update(nodes_version=-1),
        lambda head: head.update(written_at="yesterday"),
        lambda head: head.update(written_at=float("nan")),
    ],
)
def test_a_head_that_does_not_fit_is_not_used(change: Callable[[dict[str, Any]], object]) -> None:
    """Something missing, or of another type: told here, and not by a traceback in a later step."""
    head, sizes, columns = unpacked(encode(small(), OWNER, NOW))
    change(head)
    with pytest.raises(UnusableError):
        decoded(packed(head, sizes, columns))


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(each for key, below in inner for each in leaves(below, (*path, key)))]


HEAD = unpacked(encode(small(), OWNER, NOW))[0]
PATHS = [path for path in leaves(HEAD) if path]


@hypothesis_settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(PATHS),
    st.sampled_from([None, True, -1, 0, 10**30, 1.5, float("nan"), "", "\ud800", "a\nb", [], {}, [[]], [["cpu", "x"]]]),
)
def test_a_head_of_any_shape_is_refused_or_gives_a_snapshot(path: tuple[Any, ...], value: object) -> None:
    """A value of another kind anywhere in it, under a right checksum: refused, or harmless; never another exception."""
    head, sizes, columns = unpacked(encode(small(), OWNER, NOW))
    place: Any = head
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    try:
        cache = decoded(packed(head, sizes, columns))
        assert isinstance(cache.pods.version, int)
        assert isinstance(cache.nodes.version, int)
        a_pass_over(cache)
        encode(cache, OWNER, NOW)
    except NodetallyError as error:
        assert str(error)


def test_deep_nesting_is_refused() -> None:
    """As deep as Python's own reader gives up at."""
    _, sizes, columns = unpacked(encode(small(), OWNER, NOW))
    head = b"[" * 100_000
    plain = len(head).to_bytes(4, "little") + sizes + head + columns
    with pytest.raises(UnusableError):
        decoded(signed(zlib.compress(plain)))


def test_a_file_that_unpacks_to_a_gigabyte_takes_no_gigabyte() -> None:
    """A few MB of zeros, compressed, under a right checksum: refused before they are all in memory."""
    squeezer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = squeezer.compress(bytes(1 << 20)) + squeezer.flush(zlib.Z_FULL_FLUSH)
    adler = ((1 << 30) % 65521) << 16 | 1  # of so many zeros
    bomb = signed(b"\x78\x9c" + block * 1024 + b"\x03\x00" + adler.to_bytes(4, "big"))
    tracemalloc.start()
    try:
        with pytest.raises(UnusableError):
            decoded(bomb)
        assert tracemalloc.get_traced_memory()[1] < 600 << 20
    finally:
        tracemalloc.stop()


def test_a_pod_takes_at_most_40_bytes(tmp_path: Path) -> None:
    """2,000 pods of a simulated cluster, nodes and all, as they are kept."""
    with served(SimulatedCluster(nodes=40, pods=2000, seed=9), tmp_path) as (_, settings):
        warm = Warm(settings)
        assert observe(settings, NOWHERE, warm=warm).tally.pods == 2000
    assert len(encode(warm._cache, OWNER, NOW)) <= 40 * 2000
