"""What a pass asks of the API server and of this processor, in counts: the same on every machine. Times never."""

import pytest

from budget_passes import CHANGED, NODES, PODS, Cost, Ground, ground, own
from counted import Calls, peak_bytes
from nodetally.accounting.nodes import ClusterTally
from nodetally.cluster import listing
from nodetally.cluster.answer import Answer
from nodetally.cluster.wire import Buffer, ProtobufList
from simulate_client import PROTOBUF, get
from wires import chunked, envelope, field

POD, NODE, SHAPE = (f"cluster/decode.py:{name}" for name in ("pod_from_protobuf", "node_from_protobuf", "_shape_of"))
# Calls of the package's own functions with 2,000 pods, as Python 3.11 makes them: later ones make no call for a
# comprehension. A call more for each pod is 2,000 more, and above the limit.
COLD_CALLS = 42_000  # 40,500 measured: 12.7 a pod, and for the command line, nodes, distinct shapes, the document
RESUMED_CALLS = 33_000  # 31,700 measured: 10.3 for each pod that was kept, to read it and to write it again
SHAPES = 70  # 59 measured: distinct combinations among 2,000 pods; decoded, aggregated and rounded once each
KIB = 1 << 10
MIB = 1 << 20


@pytest.fixture(scope="module")
def cold(here: Ground) -> Cost:
    """A pass before anything changes."""
    return here.run()


@pytest.fixture(scope="module")
def resumed(here: Ground, cold: Cost) -> Cost:
    """A pass fills a cache, 1 % of the pods change, another one resumes."""
    filling = here.run("--cache", str(here.folder / "cache"))
    assert filling.asked == cold.asked
    here.server.cluster.change_pods(CHANGED)
    return here.run("--cache", str(here.folder / "cache"))


def test_a_cold_pass_asks_four_times_and_reads_every_byte_once(here: Ground, cold: Cost) -> None:
    """Two lists, the version, the metrics; not a byte more than the server's answers are."""
    assert cold.asked == ["nodes", "nodes", "pods", "version"]
    assert cold.snapshot["cost"]["api_requests"] == 4
    assert cold.snapshot["cost"]["bytes_read"] == here.served_bytes


def test_a_cold_pass_decodes_each_object_once(cold: Cost) -> None:
    """And a shape that many pods have once for all of them."""
    assert (cold.calls(POD), cold.calls(NODE), cold.snapshot["cost"]["pods_read"]) == (PODS, NODES, PODS)
    assert 0 < cold.calls(SHAPE) <= SHAPES


def test_a_cold_pass_calls_so_many_functions_for_a_pod_and_no_more(cold: Cost) -> None:
    """What Python itself costs: its calls, of every function of ours, from the command line to the last key."""
    assert cold.own_calls <= COLD_CALLS


def test_a_resumed_pass_reads_what_changed_and_not_what_is_there(cold: Cost, resumed: Cost) -> None:
    """1 % of the pods changed: at most 3 % of a cold pass's bytes, and those pods decoded, with the one it asks for."""
    assert resumed.snapshot["source"]["kind"] == "resume"
    assert resumed.asked == ["nodes", "nodes limit=1", "nodes watch", "pods limit=1", "pods watch", "version"]
    assert resumed.snapshot["cost"]["bytes_read"] <= 0.03 * cold.snapshot["cost"]["bytes_read"]
    assert (resumed.calls(POD), resumed.calls(NODE)) == (CHANGED + 1, 1)
    assert resumed.snapshot["cost"]["pods_read"] == CHANGED


def test_a_resumed_pass_calls_so_many_functions_for_a_pod_that_it_kept(resumed: Cost) -> None:
    """A kept pod costs less than one that is read."""
    assert resumed.own_calls <= RESUMED_CALLS


def test_a_pass_over_a_warm_index_reads_what_changed(here: Ground, cold: Cost) -> None:
    """As a resumed one does: the pods that changed since the pass before, and the one it asks for."""
    changed = here.warm(CHANGED)
    assert changed.snapshot["source"]["kind"] == "watch"
    assert changed.asked == ["nodes limit=1", "nodes watch", "pods limit=1", "pods watch", "version"]
    assert changed.snapshot["cost"]["bytes_read"] <= 0.03 * cold.snapshot["cost"]["bytes_read"]
    assert (changed.calls(POD), changed.snapshot["cost"]["pods_read"]) == (CHANGED + 1, CHANGED)


def test_a_pass_over_a_warm_index_does_nothing_pod_by_pod(here: Ground) -> None:
    """The same calls for twice the pods, but for what more distinct amounts cost."""
    small = here.warm()
    with ground(here.folder / "twice", 2 * PODS, NODES) as twice:
        large = twice.warm()
    assert large.snapshot["cost"]["api_requests"] == 3
    assert (large.calls(POD), large.calls(NODE), large.snapshot["cost"]["pods_read"]) == (1, 1, 0)
    assert large.own_calls - small.own_calls <= PODS // 4


def test_a_pass_over_some_nodes_reads_those_and_decodes_no_other(here: Ground, cold: Cost) -> None:
    """Node by node: two queries each, and two small ones to see that they are cheaper than the list."""
    names = here.nodes(2)
    some = here.run("--dry-run", *(word for name in names for word in ("--node", name)))
    assert some.snapshot["cost"]["api_requests"] == len(some.asked) == 2 + 2 + 2 * len(names)
    assert some.calls(POD) == some.snapshot["cost"]["pods_read"] + 1
    assert some.calls(NODE) == len(names) + 1
    assert some.snapshot["cost"]["bytes_read"] <= 1.2 * len(names) / NODES * cold.snapshot["cost"]["bytes_read"]


def test_memory_is_the_nodes_and_one_pod(here: Ground) -> None:
    """Three times the pods on the same nodes: what Python holds at once grows by less than 100 bytes for each more.

    A third of that is distinct amounts; the rest is for buffers, whose size is up to the network and a thread.
    """
    with ground(here.folder / "many", 3 * PODS, NODES) as many:
        small, large = here.run(what="memory").counts, many.run(what="memory").counts
    assert large.peak_bytes - small.peak_bytes < 100 * 2 * PODS


def test_a_pod_is_read_by_so_many_calls_wherever_the_body_is_cut(here: Ground) -> None:
    """From the bytes to its node's tally: 12."""
    body = get(here.server, "/api/v1/pods", PROTOBUF).body
    assert calls_to_read(body, 64 * KIB) == calls_to_read(body, 4 * KIB) <= 12 * PODS


def test_the_framing_moves_little_besides_each_item_once(here: Ground) -> None:
    """An item leaves it as one copy; what is left of a chunk moves to the window's beginning: 5 % of the body."""
    body = get(here.server, "/api/v1/pods", PROTOBUF).body
    buffer = CountingBuffer(chunked(body, [1 << 30]))
    assert sum(map(len, ProtobufList(buffer, "pods").items())) <= len(body)
    assert buffer.moved <= 0.08 * len(body)


@pytest.mark.parametrize("size", [300 * KIB, 3 * MIB])
def test_an_item_is_held_twice_at_most(size: int) -> None:
    """In the window, and as the copy that is handed on; the window before it grew is a small one."""
    body = envelope(3 * field(2, bytes(size)))

    def read() -> None:
        for each in ProtobufList(Buffer(chunked(body, [64 * KIB])), "pods").items():
            assert len(each) == size

    assert peak_bytes(read) <= 3 * size + 300 * KIB


class CountingBuffer(Buffer):
    """Counts the bytes that are moved inside the window; nothing may move but when it is filled."""

    moved = fills = 0

    def fill(self) -> bool:
        self.fills += 1
        self.moved += self.end - self.at if self.at else 0
        return super().fill()

    def take(self, count: int, what: str) -> bytes:
        at, fills = self.at, self.fills
        body = super().take(count, what)
        assert self.fills > fills or self.at == at + count
        return body


def calls_to_read(body: bytes, chunk: int) -> int:
    """Calls of our functions from a list's bytes to its tally."""
    tally, calls = ClusterTally(), Calls()
    for counting in (False, True):  # the shapes are known before it counts
        answer = Answer(PROTOBUF, chunked(body, [chunk]))
        if counting:
            calls.start()
        listing._read_items(listing.POD, answer, "pods", tally.add)
    return own(calls.stop())
