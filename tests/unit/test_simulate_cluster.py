"""The simulated cluster without its server: the same from the same seed, realistic, and changed in one way only."""

import json
import tracemalloc
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from clusters import node, pod
from nodetally.accounting.quantity import parse
from nodetally.errors import WrongUse
from nodetally.simulate.api.answers import Wanted, list_answer
from nodetally.simulate.cluster import KEPT_VIEWS, SimulatedCluster
from nodetally.simulate.errors import ApiError
from nodetally.simulate.objects.encoding import encode
from nodetally.simulate.objects.item import document, key_of
from nodetally.simulate.objects.stamps import Slots, Stamp, time_placeholder


@pytest.fixture(scope="module")
def large() -> SimulatedCluster:
    return SimulatedCluster(nodes=60, pods=4_000, seed=7)


def bodies(cluster: SimulatedCluster) -> list[bytes]:
    return [item.body("protobuf") for resource in ("nodes", "pods") for item in cluster.items(resource)]


def test_the_same_seed_gives_the_same_cluster() -> None:
    """Names, uids, numbers, versions: all bytes are the same, and others for another seed."""
    assert bodies(SimulatedCluster(5, 80, seed=3)) == bodies(SimulatedCluster(5, 80, seed=3))
    assert bodies(SimulatedCluster(5, 80, seed=3)) != bodies(SimulatedCluster(5, 80, seed=4))


@pytest.mark.parametrize(("nodes", "pods"), [(0, 0), (0, 7), (3, 0), (1, 1), (3, 10), (40, 1_000)])
def test_there_are_as_many_as_were_asked_for(nodes: int, pods: int) -> None:
    """Counts are exact at any size."""
    cluster = SimulatedCluster(nodes, pods, seed=2)
    assert (cluster.count("nodes"), cluster.count("pods")) == (nodes, pods)
    assert (len(cluster.items("nodes")), len(cluster.items("pods"))) == (nodes, pods)


@pytest.mark.parametrize("resource", ["nodes", "pods"])
def test_both_encodings_are_of_one_document(large: SimulatedCluster, resource: str) -> None:
    """What a template's protobuf says is what encoding its JSON says: no placeholder is left."""
    for item in large.items(resource)[::3]:
        encoded = item.body("protobuf")
        assert encode(item.kind, document(item)) == encoded
        assert b"~" not in item.body("json")
        assert b"2105-01-01" not in item.body("json")


@pytest.mark.parametrize("resource", ["nodes", "pods"])
def test_sizes_are_known_before_the_bytes(large: SimulatedCluster, resource: str) -> None:
    """A template's size is that of every object made from it."""
    for item in large.items(resource):
        assert (item.size("protobuf"), item.size("json")) == (len(item.body("protobuf")), len(item.body("json")))


@pytest.mark.parametrize("resource", ["nodes", "pods"])
def test_objects_come_in_key_order_with_names_and_versions_of_their_own(large: SimulatedCluster, resource: str) -> None:
    """Strictly rising keys; no uid or version twice; no version above the list's."""
    items = large.items(resource)
    assert all(key_of(one) < key_of(other) for one, other in pairwise(items))
    assert len({document(item)["metadata"]["uid"] for item in items}) == len(items)
    assert len({item.version for item in items}) == len(items)
    assert max(item.version for item in items) <= large.version


def test_what_an_object_says_of_itself_is_in_its_document(large: SimulatedCluster) -> None:
    """Namespace, name, node, phase, labels and version agree with the JSON."""
    for item in large.items("pods")[::37]:
        content = document(item)
        metadata, spec, status = content["metadata"], content["spec"], content["status"]
        assert (item.namespace, item.name, str(item.version)) == (
            metadata["namespace"],
            metadata["name"],
            metadata["resourceVersion"],
        )
        assert (item.node_name, item.phase) == (spec.get("nodeName", ""), status["phase"])
        assert dict(item.labels) == metadata["labels"]


def test_pods_are_on_nodes_that_exist_and_the_index_knows_them(large: SimulatedCluster) -> None:
    """Every bound pod is found by its node, unbound ones under no node, nobody twice."""
    _, view = large.view("pods")
    found = [key_of(item) for name in ("", *map(key_of, large.items("nodes"))) for item in view.on_node(name)]
    assert Counter(found) == Counter(key_of(item) for item in view.after())
    assert view.on_node("gone") == []


def test_all_that_a_tally_must_get_right_occurs(large: SimulatedCluster) -> None:
    """Sidecars, init containers, overhead, pod-level resources, GPUs, resizes, every phase, terminating, unbound."""
    seen: set[str] = set()
    for item in large.items("pods"):
        seen |= features(document(item))
    assert seen >= {
        "sidecar", "init", "overhead", "pod-level", "nvidia.com/gpu", "hugepages-2Mi", "ephemeral-storage",
        "no requests", "Deferred", "Infeasible", "terminating", "unbound", "Running", "Pending", "Succeeded", "Failed",
    }  # fmt: skip


def features(content: dict[str, Any]) -> set[str]:
    spec, status = content["spec"], content["status"]
    found = {status["phase"]} | {each.get("reason", "") for each in status["conditions"]}
    found |= {"sidecar" if each.get("restartPolicy") else "init" for each in spec.get("initContainers", ())}
    found |= {"overhead"} if "overhead" in spec else set()
    found |= {"pod-level"} if "resources" in spec else set()
    found |= {"terminating"} if "deletionTimestamp" in content["metadata"] else set()
    found |= set() if "nodeName" in spec else {"unbound"}
    for each in spec["containers"]:
        found |= set(each["resources"].get("requests", {"no requests": ""}))
    return found


def test_nodes_are_filled_plausibly(large: SimulatedCluster) -> None:
    """Requests of the app containers are half to nine tenths of what nodes can allocate, and no node has too much."""
    allocatable = {item.name: document(item)["status"]["allocatable"] for item in large.items("nodes")}
    for resource in ("cpu", "memory"):
        used = requested(large, resource)
        shares = {name: used[name] / parse(found[resource]) for name, found in allocatable.items()}
        assert 0.4 < sum(shares.values()) / len(shares) < 0.9
        assert max(shares.values()) <= 1


def requested(cluster: SimulatedCluster, resource: str) -> Counter[str]:
    used: Counter[str] = Counter()
    for item in cluster.items("pods"):
        if item.phase not in ("Succeeded", "Failed"):
            for each in document(item)["spec"]["containers"]:
                used[item.node_name] += parse(each["resources"].get("requests", {}).get(resource, "0"))
    return used


@pytest.mark.parametrize(
    ("cloud", "label"),
    [("eks", "eks.amazonaws.com/nodegroup"), ("gke", "cloud.google.com/gke-nodepool"), ("aks", "agentpool")],
)
def test_nodes_have_their_clouds_labels(cloud: str, label: str) -> None:
    """Zone and instance type everywhere, the pool by the cloud's own label (or Karpenter's)."""
    labels = [item.labels for item in SimulatedCluster(20, 0, seed=1, cloud=cloud).items("nodes")]
    assert all({"topology.kubernetes.io/zone", "node.kubernetes.io/instance-type"} <= set(each) for each in labels)
    assert all(label in each or "karpenter.sh/nodepool" in each for each in labels)
    assert any(label in each for each in labels)


@pytest.mark.parametrize("seed", range(5))
def test_some_nodes_are_cordoned_and_some_not_ready(seed: int) -> None:
    """Nodes that do not take pods occur in every cluster of eight and more."""
    found = [document(item) for item in SimulatedCluster(8, 0, seed=seed).items("nodes")]
    assert any(each["spec"].get("unschedulable") for each in found)
    assert any(each["status"]["conditions"][-1]["status"] == "Unknown" for each in found)


def test_memory_stays_flat_while_a_list_streams() -> None:
    """20,000 pods weigh 250 MB; drained piece by piece, less than 5 MB more is held at any time than before."""
    cluster = SimulatedCluster(100, 20_000, seed=1, warm=True)
    tracemalloc.start()
    try:
        answer = list_answer("PodList", "v1", {}, cluster.items("pods"), Wanted("protobuf"))
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        streamed = sum(len(piece) for piece in answer.body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert streamed == answer.length
    assert streamed > 150_000_000
    assert peak - before < 5_000_000


def test_explicit_objects_are_completed() -> None:
    """Namespace, uid and resourceVersion are filled in; what was given stays."""
    cluster = SimulatedCluster.of([pod("b") | {"metadata": {"name": "b"}}, pod("a", None, "x"), node("n")])
    items = cluster.items("pods")
    assert [key_of(item) for item in items] == ["default/b", "x/a"]
    assert all(document(item)["metadata"]["uid"] for item in items)
    assert document(items[0])["spec"] == pod("b")["spec"]
    assert all(0 < item.version <= cluster.version for item in items)


@pytest.mark.parametrize("content", [{"kind": "Secret", "metadata": {"name": "a"}}, {"kind": "Pod", "metadata": {}}])
def test_objects_that_cannot_be_served_are_refused(content: dict[str, Any]) -> None:
    """Other kinds and objects without a name are wrong use, with a hint."""
    with pytest.raises(WrongUse) as refused:
        SimulatedCluster.of([content])
    assert refused.value.hint


@pytest.mark.parametrize("arguments", [{"cloud": "moon"}, {"nodes": 10**6}])
def test_clusters_that_cannot_be_made_are_refused(arguments: dict[str, Any]) -> None:
    """Unknown clouds and more nodes than there are addresses."""
    with pytest.raises(WrongUse):
        SimulatedCluster(**arguments)


def test_every_change_has_a_version_and_an_event() -> None:
    """Add, bind, update and delete: versions rise by one, and watchers can read all four."""
    cluster = SimulatedCluster.of([node("n")])
    start = cluster.version
    cluster.add(pod("a"))
    cluster.bind("default/a", "n")
    cluster.update(pod("a", "n", phase="Succeeded"))
    cluster.delete("pods", "default/a")
    version, changes = cluster.changes_after("pods", start)
    assert [(change.version - start, change.type) for change in changes] == [
        (1, "ADDED"),
        (2, "MODIFIED"),
        (3, "MODIFIED"),
        (4, "DELETED"),
    ]
    assert [change.item.version for change in changes] == [change.version for change in changes]
    assert (version, cluster.count("pods")) == (start + 4, 0)


def test_what_is_not_there_cannot_be_changed() -> None:
    """404 for an unknown pod, 409 for a name that is taken."""
    cluster = SimulatedCluster.of([pod("a")])
    changes: tuple[Callable[[], object], ...] = (
        lambda: cluster.delete("pods", "default/b"),
        lambda: cluster.bind("default/b", "n"),
    )
    for change in changes:
        with pytest.raises(ApiError) as refused:
            change()
        assert refused.value.code == 404
    with pytest.raises(ApiError) as refused:
        cluster.add(pod("a"))
    assert refused.value.code == 409


@pytest.mark.parametrize("count", [1, 20, 300])
def test_churn_changes_so_many_different_pods(count: int) -> None:
    """Distinct pods, one event each, the same ones for the same seed."""
    cluster, twin = SimulatedCluster(5, 300, seed=5), SimulatedCluster(5, 300, seed=5)
    start = cluster.version
    changed = cluster.change_pods(count)
    assert changed == twin.change_pods(count)
    assert len(set(changed)) == count
    _, changes = cluster.changes_after("pods", start)
    assert [key_of(change.item) for change in changes] == changed
    assert cluster.count("pods") == 300


def test_replaced_pods_have_successors_on_the_same_node() -> None:
    """Deleted, created, bound: three events, another name and uid, the same node and requests."""
    cluster = SimulatedCluster(5, 60, seed=5)
    before = {key_of(item): item for item in cluster.items("pods")}
    start = cluster.version
    (created,) = cluster.replace_pods(1)
    _, changes = cluster.changes_after("pods", start)
    old, new = before[key_of(changes[0].item)], cluster.get("pods", created)
    assert created not in before
    assert new is not None
    assert new.node_name == old.node_name
    assert document(new)["spec"]["containers"] == document(old)["spec"]["containers"]
    assert document(new)["metadata"]["uid"] != document(old)["metadata"]["uid"]
    assert cluster.count("pods") == 60


def test_views_stay_as_they_were() -> None:
    """A view that a list goes on with does not see later changes; the current one does, in order and by node."""
    cluster = SimulatedCluster.of([pod("a", "n"), pod("c", "n"), pod("d")])
    version, before = cluster.view("pods")
    cluster.delete("pods", "default/a")
    cluster.add(pod("b"))
    cluster.bind("default/b", "n")
    _, after = cluster.view("pods")
    assert [item.name for item in before.after()] == ["a", "c", "d"]
    assert [item.name for item in after.after()] == ["b", "c", "d"]
    assert [item.name for item in after.on_node("n")] == ["b", "c"]
    assert (len(before), len(after), after.count_after("default/b")) == (3, 3, 2)
    assert cluster.view_at("pods", version) is before
    cluster.compact()
    assert cluster.view_at("pods", version) is None


def test_a_view_is_gone_after_many_others() -> None:
    """Lists that can be continued are kept for a number of changes, not for ever."""
    cluster = SimulatedCluster.of([pod("a")])
    version, _ = cluster.view("pods")
    for _ in range(KEPT_VIEWS):
        cluster.change_pods(1)
        cluster.view("pods")
    assert cluster.view_at("pods", version) is None
    assert cluster.view_at("pods", version + 1) is not None


def test_who_reads_too_slowly_misses_events_and_is_told() -> None:
    """410 where the events after a version are no longer all there."""
    cluster = SimulatedCluster.of([pod("a")], history=1)
    start = cluster.version
    cluster.change_pods(1)
    assert len(cluster.changes_after("pods", start)[1]) == 1
    for _ in range(4):
        cluster.change_pods(1)
    with pytest.raises(ApiError) as gone:
        cluster.changes_after("pods", start)
    assert gone.value.code == 410


@pytest.mark.parametrize("places", [0, 1, 2])
def test_a_stamp_may_have_any_number_of_places(places: int) -> None:
    """None and one, too."""
    slots = Slots({"name": 8}, times=0)
    assert Stamp(b"-" + slots["name"].encode() * places, slots.marks("json")).stamp([b"12345678"]) == (
        b"-" + b"12345678" * places
    )


def test_a_place_too_short_for_its_mark_is_refused() -> None:
    """A bug in a template, told when it is made."""
    with pytest.raises(ValueError, match="too few"):
        Slots({"name": 5}, times=0)


def test_a_stamp_puts_values_where_placeholders_were() -> None:
    """Texts and times, once or many times, in both encodings."""
    slots = Slots({"name": 8}, times=1)
    content = {"metadata": {"name": slots["name"], "creationTimestamp": time_placeholder(0)}}
    text = json.dumps(content).encode()
    stamp = Stamp(text + slots["name"].encode(), slots.marks("json"))
    stamped = stamp.stamp([b"12345678", b"2026-11-23T12:00:00Z"])
    assert stamped.endswith(b"}12345678")
    assert json.loads(stamped[:-8])["metadata"] == {"name": "12345678", "creationTimestamp": "2026-11-23T12:00:00Z"}
    assert len(stamped) == stamp.size
