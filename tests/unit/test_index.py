"""The pod index: whatever happens to pods in whatever order, it comes to what adding up those that are left does."""

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from nodetally.accounting.facts import PodFacts
from nodetally.accounting.index import PodIndex, pod_key
from nodetally.accounting.kite import KiteTally
from nodetally.accounting.nodes import ClusterTally, Tally
from nodetally.cluster.decode import pod_from_json

SHAPES: tuple[dict[str, str], ...] = (
    {"cpu": "100m"},
    {"cpu": "0", "memory": "64Mi"},
    {"nvidia.com/gpu": "2", "memory": "1500u"},
    {},
)


def a_pod(
    name: str = "p", node: str = "", *, uid: str = "u", namespace: str = "d", phase: str = "Running", shape: int = 0
) -> PodFacts:
    containers = [{"name": "c", "resources": {"requests": SHAPES[shape], "limits": SHAPES[-shape]}}]
    return pod_from_json(
        {
            "metadata": {"name": name, "namespace": namespace, "uid": uid},
            "spec": {"nodeName": node, "containers": containers},
            "status": {"phase": phase},
        }
    )


def seen(tally: ClusterTally) -> dict[str, object]:
    """All that a snapshot takes from a tally."""

    def figures(each: Tally) -> object:
        return each.counts, dict(sorted(each.sums.items()))

    return {
        "pods": tally.pods,
        "nodes": {name: figures(each) for name, each in sorted(tally.nodes.items())},
        "namespaces": {name: figures(each) for name, each in sorted(tally.namespaces.items())},
        "unscheduled": figures(tally.unscheduled),
    }


def added_up(pods: dict[tuple[str, str], PodFacts]) -> ClusterTally:
    tally = ClusterTally(KiteTally())
    for pod in pods.values():
        tally.add(pod)
    return tally


class Change(NamedTuple):
    """One event, and whether a pass reads the tally after it."""

    event: str
    pod: PodFacts
    read: bool


pods = st.builds(
    a_pod,
    st.sampled_from("abc"),
    st.sampled_from(["", "n1", "n2"]),
    uid=st.sampled_from("uv"),
    namespace=st.sampled_from("de"),
    phase=st.sampled_from(["Running", "Pending", "Succeeded", "Failed"]),
    shape=st.integers(0, len(SHAPES) - 1),
)
changes = st.lists(st.builds(Change, st.sampled_from(["put", "put", "drop"]), pods, st.booleans()), max_size=30)


@given(changes)
def test_any_order_of_events_comes_to_the_sum_of_the_pods_that_are_left(order: list[Change]) -> None:
    """Tallies that are kept up to date equal tallies made anew; nothing is left of what is gone."""
    index = PodIndex()
    there: dict[tuple[str, str], PodFacts] = {}
    for change in order:
        key = change.pod.namespace, change.pod.name
        if change.event == "put":
            index.put(change.pod)
            there[key] = change.pod
        else:
            index.drop(change.pod)
            if key in there and there[key].uid == change.pod.uid:
                del there[key]
        if change.read:
            assert seen(index.tally()) == seen(added_up(there))
    assert seen(index.tally()) == seen(added_up(there))
    kite = added_up(there).kite
    assert kite is not None
    assert index.kite().nodes == kite.nodes
    assert len(index) == len(there)
    assert all(index.holds(pod) for pod in there.values())
    for pod in there.values():
        index.drop(pod)
    assert vars(index) == vars(PodIndex()), "something is kept of pods that are gone"


def test_the_deletion_of_an_earlier_pod_leaves_its_successor() -> None:
    """A pod that was deleted and created anew under its name is another one: its uid says so."""
    index = PodIndex()
    index.put(a_pod(node="n1", uid="first"))
    index.put(a_pod(node="n2", uid="second"))
    index.drop(a_pod(node="n1", uid="first"))
    assert index.nodes_named() == {"n2"}
    assert not index.holds(a_pod(uid="first"))
    assert index.holds(a_pod(uid="second"))


def test_a_deletion_counts_whatever_body_it_carries() -> None:
    """DELETED comes with the body from before: on which node the pod was is what the index knows, not the event."""
    index = PodIndex()
    index.put(a_pod(node="n1"))
    index.drop(a_pod(node="", phase="Succeeded", shape=2))
    assert seen(index.tally()) == seen(ClusterTally())


def test_only_places_whose_pods_changed_are_summed_again() -> None:
    """The tally of a node where nothing happened is the very object of the pass before."""
    index = PodIndex()
    for node in ("n1", "n2"):
        index.put(a_pod(f"on-{node}", node, namespace=node))
    before = index.tally()
    index.put(a_pod("on-n1", "n1", namespace="n1", shape=1))
    index.put(a_pod("on-n2", "n2", namespace="n2"))  # as it was
    after = index.tally()
    assert after.nodes["n2"] is before.nodes["n2"]
    assert after.namespaces["n2"] is before.namespaces["n2"]
    assert after.nodes["n1"] is not before.nodes["n1"]
    assert before.nodes["n1"].sums["cpu"] == (10**8, 10**8, 10**8, 100), "a tally that was handed out never changes"


def test_pods_of_one_template_share_what_they_count() -> None:
    """The index grows by a name and two references a pod, not by its amounts."""
    index = PodIndex()
    for number in range(100):
        index.put(a_pod(f"p{number}", "n1", uid=str(number)))
    assert len({id(held.share) for held in index.pods.values()}) == 1
    assert len({id(held.place) for held in index.pods.values()}) == 1


def test_a_pod_that_is_replaced_by_its_like_is_another_one() -> None:
    """Same name, node and template, a new uid: the event that its predecessor is gone takes nothing away."""
    index = PodIndex()
    index.put(a_pod(node="n1", uid="first"))
    index.put(a_pod(node="n1", uid="second"))
    assert not index.holds(a_pod(uid="first"))
    assert index.holds(a_pod(uid="second"))
    index.drop(a_pod(node="n1", uid="first"))
    assert index.tally().nodes["n1"].counted == 1
    index.drop(a_pod(node="n1", uid="second"))
    assert vars(index) == vars(PodIndex())


def test_a_pod_that_was_never_seen_is_not_held() -> None:
    """And to delete it changes nothing."""
    index = PodIndex()
    assert not index.holds(a_pod())
    index.drop(a_pod())
    assert (len(index), seen(index.tally())) == (0, seen(ClusterTally()))


def test_a_share_lives_as_long_as_a_pod_has_it() -> None:
    """Three pods of one template, then two, one, none: it is forgotten with the last, not before."""
    index = PodIndex()
    pods_alike = [a_pod(f"p{number}", "n1") for number in range(3)]
    for pod in pods_alike:
        index.put(pod)
    (share,) = {held.share for held in index.pods.values()}
    assert share.pods == 3
    for left in (2, 1, 0):
        index.drop(pods_alike[left])
        assert share.pods == left
        assert (share in index._shares.values()) is (left > 0)


def test_the_namespace_of_an_ended_pod_is_not_counted() -> None:
    """Its node knows it as ended; a namespace has only what runs."""
    index = PodIndex()
    index.put(a_pod(node="n1", phase="Succeeded"))
    assert index.tally().nodes["n1"].terminal == 1
    assert index.tally().namespaces == {}
    assert index.tally().pods == 1


def test_a_pods_key_is_its_namespace_and_name() -> None:
    """A slash between, which neither may hold: no two pods share one."""
    assert pod_key(a_pod("b-c", namespace="a")) == b"a/b-c"
    assert pod_key(a_pod("c", namespace="a-b")) == b"a-b/c"


def test_shares_and_places_have_no_room_for_more() -> None:
    """A cluster has a hundred thousand of what they count: no dictionary each."""
    index = PodIndex()
    index.put(a_pod(node="n1"))
    (held,) = index.pods.values()
    assert not hasattr(held.share, "__dict__")
    assert not hasattr(held.place, "__dict__")
