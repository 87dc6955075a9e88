"""Through a warm cache, in memory or kept, a pass gives the snapshot of the streaming list, whatever has changed."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caches import QUICK, a_cluster, asked, cached, checked, document, same, told
from clusters import METRICS, NOWHERE, Json, measured, node, pod
from nodetally.cache import Warm
from nodetally.collect import observe, run_pass
from nodetally.simulate.cluster import SimulatedCluster
from nodetally.simulate.faults import Fault
from nodetally.simulate.objects.item import document as document_of

Change = Callable[[SimulatedCluster], object]


def ending(name: str, where: str) -> Json:
    made = pod(name, where, cpu="100m", memory="1Gi")
    made["metadata"]["deletionTimestamp"] = "2026-11-23T12:00:00Z"
    return made


def of_uid(made: Json, uid: str) -> Json:
    made["metadata"]["uid"] = uid
    return made


def cordoned(made: Json) -> Json:
    made["spec"]["unschedulable"] = True
    return made


def together(*changes: Change) -> Change:
    return lambda cluster: [change(cluster) for change in changes]


CHANGES: dict[str, Change] = {
    "nothing": lambda _: None,
    "pods added": lambda cluster: [cluster.add(pod(f"new{at}", "a", cpu="1", memory="1")) for at in range(3)],
    "a namespace added": lambda cluster: cluster.add(pod("first", "b", "another", cpu="1")),
    "a pod bound": lambda cluster: cluster.bind("default/waiting", "b"),
    "a pod asks for more": lambda cluster: cluster.update(pod("p1", "a", cpu="3", memory="1Gi")),
    "a pod finished": lambda cluster: cluster.update(pod("p1", "a", phase="Succeeded", cpu="100m", memory="1Gi")),
    "a pod failed and runs again": together(
        lambda cluster: cluster.update(pod("p1", "a", phase="Failed", cpu="100m")),
        lambda cluster: cluster.update(pod("p1", "a", phase="Running", cpu="100m")),
    ),
    "a pod terminating": lambda cluster: cluster.update(ending("p1", "a")),
    "a pod terminating, then gone": together(
        lambda cluster: cluster.update(ending("p1", "a")), lambda cluster: cluster.delete("pods", "default/p1")
    ),
    "a pod deleted": lambda cluster: cluster.delete("pods", "default/p2"),
    "a namespace's last pods deleted": together(
        lambda cluster: cluster.delete("pods", "team/p3"), lambda cluster: cluster.delete("pods", "team/p4")
    ),
    "the pod of an unknown node deleted": lambda cluster: cluster.delete("pods", "default/lost"),
    "a pod recreated elsewhere": together(
        lambda cluster: cluster.delete("pods", "default/p1"),
        lambda cluster: cluster.add(of_uid(pod("p1", "b", cpu="7"), "another")),
    ),
    "a pod recreated and deleted again": together(
        lambda cluster: cluster.delete("pods", "default/p1"),
        lambda cluster: cluster.add(of_uid(pod("p1", "b", cpu="7"), "another")),
        lambda cluster: cluster.delete("pods", "default/p1"),
    ),
    "a node added": lambda cluster: cluster.add(node("d", cpu="2")),
    "a node added, and a pod on it": together(
        lambda cluster: cluster.add(node("d", cpu="2")), lambda cluster: cluster.add(pod("p", "d", cpu="1"))
    ),
    "the unknown node added": lambda cluster: cluster.add(node("gone", cpu="2")),
    "a node cordoned": lambda cluster: cluster.update(cordoned(node("a", {"pool": "web"}, cpu="4"))),
    "a node relabelled": lambda cluster: cluster.update(node("a", {"team": "x"}, cpu="4", memory="8Gi")),
    "a node shrunk": lambda cluster: cluster.update(node("a", {"pool": "web"}, cpu="1")),
    "a node ready": lambda cluster: cluster.update(node("c", {"pool": "gpu"}, cpu="8", memory="16Gi")),
    "a node deleted under its pods": lambda cluster: cluster.delete("nodes", "a"),
    "a node recreated": together(
        lambda cluster: cluster.delete("nodes", "a"),
        lambda cluster: cluster.add(of_uid(node("a", cpu="16"), "another")),
    ),
    "all gone": lambda cluster: [
        *(cluster.delete("pods", f"{item.namespace}/{item.name}") for item in list(cluster.view("pods")[1].after())),
        *(cluster.delete("nodes", item.name) for item in list(cluster.view("nodes")[1].after())),
    ],
}


@pytest.mark.parametrize("change", CHANGES)
def test_after_every_kind_of_change_a_warm_pass_equals_the_list(tmp_path: Path, change: str) -> None:
    """In memory: the first pass by WatchList, then the watch; and once more, for what the change has left behind."""
    with cached(tmp_path) as (server, here):
        warm = Warm(here)
        assert told(checked(here, warm)) == ("watch", None)
        CHANGES[change](server.cluster)
        assert told(checked(here, warm)) == ("watch", None)
        server.cluster.add(pod("one more", "b", cpu="1"))
        assert told(checked(here, warm)) == ("watch", None)


@pytest.mark.parametrize("change", CHANGES)
def test_after_every_kind_of_change_a_resumed_pass_equals_the_list(tmp_path: Path, change: str) -> None:
    """Kept between runs: the first lists and says why, the next resumes, and what that one kept is good, too."""
    with cached(tmp_path, cache=str(tmp_path / "cache")) as (server, here):
        assert told(checked(here)) == ("list", "no cache was kept yet")
        CHANGES[change](server.cluster)
        assert told(checked(here)) == ("resume", None)
        assert told(checked(here)) == ("resume", None)


SERVERS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "json only": ({}, {"behaviour": replace(QUICK, protobuf=False)}),
    "json only, in pages": ({"page_size": 3}, {"behaviour": replace(QUICK, protobuf=False)}),
    "gzip": ({"gzip": True}, {}),
    "gzip of json": ({"gzip": True}, {"behaviour": replace(QUICK, protobuf=False)}),
    "pages": ({"page_size": 3}, {}),
    "tls and a token": ({}, {"tls": True, "token": "s3cret"}),
    "labels kept": ({"labels": ("pool", "team")}, {}),
}


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("kept", [False, True], ids=["memory", "kept"])
def test_every_server_is_read_alike(tmp_path: Path, server: str, *, kept: bool) -> None:
    """Protobuf or JSON, compressed or not, in pages, through TLS: cold, after changes, after a node went."""
    changes, options = SERVERS[server]
    with cached(tmp_path, **options, cache=str(tmp_path / "cache") if kept else "memory") as (simulator, here):
        here = replace(here, **changes)
        warm = None if kept else Warm(here)
        assert told(checked(here, warm))[0] == ("list" if kept else "watch")
        for change in ("a pod recreated elsewhere", "a node relabelled", "a node added, and a pod on it"):
            CHANGES[change](simulator.cluster)
            assert told(checked(here, warm)) == ("resume" if kept else "watch", None)


def test_a_large_cluster_in_gzip_members_is_read_alike(tmp_path: Path) -> None:
    """Initial events of megabytes, each flush a gzip member of its own; then churn of every kind the simulator has."""
    with cached(tmp_path, cluster=SimulatedCluster(nodes=20, pods=500, seed=4)) as (server, here):
        here = replace(here, gzip=True)
        warm = Warm(here)
        assert told(checked(here, warm)) == ("watch", None)
        server.cluster.change_pods(40)
        server.cluster.replace_pods(30)
        assert told(checked(here, warm)) == ("watch", None)


NAMES = ["p1", "p2", "p3", "p4"]
NODES = ["a", "b", "c", "d"]
STEPS = st.one_of(
    st.tuples(st.just("put"), st.sampled_from(NAMES), st.sampled_from([None, *NODES]), st.integers(1, 3)),
    st.tuples(st.just("end"), st.sampled_from(NAMES)),
    st.tuples(st.just("drop"), st.sampled_from(NAMES)),
    st.tuples(st.just("node"), st.sampled_from(NODES), st.integers(1, 3)),
    st.tuples(st.just("drop node"), st.sampled_from(NODES)),
    st.tuples(st.just("pass")),
)


def take(cluster: SimulatedCluster, step: tuple[Any, ...], at: int) -> None:
    """One step; what cannot be done (a second pod of a name) is done as far as it can."""
    what, *arguments = step
    resource, key = ("nodes", arguments[0]) if "node" in what else ("pods", f"default/{arguments[0]}")
    there = cluster.get(resource, key)
    match what, there:
        case "put", None:
            cluster.add(of_uid(pod(arguments[0], arguments[1], cpu=str(arguments[2])), f"{arguments[0]}-{at}"))
        case "put", found if found is not None:
            made = pod(arguments[0], found.node_name or arguments[1], cpu=str(arguments[2]))
            cluster.update(of_uid(made, document_of(found)["metadata"]["uid"]))
        case "end", found if found is not None:
            cluster.update({**document_of(found), "kind": "Pod", "status": {"phase": "Failed"}})
        case "drop" | "drop node", _ if there is not None:
            cluster.delete(resource, key)
        case "node", None:
            cluster.add(of_uid(node(arguments[0], cpu=str(arguments[1])), f"{arguments[0]}-{at}"))
        case "node", found if found is not None:
            made = node(arguments[0], cpu=str(arguments[1]))
            cluster.update(of_uid(made, document_of(found)["metadata"]["uid"]))


@settings(max_examples=15, deadline=None)
@given(st.lists(STEPS, max_size=25))
def test_any_order_of_changes_and_passes_equals_the_list(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[Any, ...]]
) -> None:
    """Pods and nodes that come, change, end and go, passes in between: in memory and kept, never another snapshot."""
    folder = tmp_path_factory.mktemp("any")
    with cached(folder, [node("a", cpu="1"), pod("p1", "a", cpu="1")]) as (server, here):
        warm, kept = Warm(here), replace(here, cache=str(folder / "cache"))
        for at, step in enumerate([("pass",), *steps, ("pass",)]):
            if step == ("pass",):
                assert checked(here, warm)["reason"] is None
                assert checked(kept)["reason"] in (None, "no cache was kept yet")
            else:
                take(server.cluster, step, at)


def test_usage_and_kites_view_are_the_same_through_the_cache(tmp_path: Path) -> None:
    """What is read beside the cache: metrics of the nodes, and whole nodes for kite."""
    with cached(tmp_path) as (server, here):
        server.add_fault(measured({"a": ("1200m", "2Gi"), "b": ("1", "1Gi"), "c": ("0", "1")}))
        here = replace(here, usage=True)
        warm = Warm(here)
        for change in ("nothing", "a pod bound", "a node relabelled"):
            CHANGES[change](server.cluster)
            found = run_pass(here, NOWHERE, store=False, with_kite=True, warm=warm)
            listed = run_pass(replace(here, cache="off"), NOWHERE, store=False, with_kite=True)
            assert found.outline["source"]["kind"] == "watch"
            assert found.kite == listed.kite
            assert same(document(here, warm)) == same(document(replace(here, cache="off")))


def test_a_pod_on_a_node_that_came_during_the_warm_up_is_on_a_known_node(tmp_path: Path) -> None:
    """Pods and nodes are read side by side; where pods come later, their nodes must not be older than they are."""
    with cached(tmp_path) as (server, here):
        server.add_fault(Fault("/api/v1/pods?watch=true", delay_seconds=0.4))
        warm = Warm(here)
        come = Timer(0.2, CHANGES["a node added, and a pod on it"], [server.cluster])
        come.start()
        found = document(here, warm)
        come.join()
        assert [each["name"] for each in found["unknown_nodes"]] == ["gone"]
        assert told(checked(here, warm)) == ("watch", None)


def test_each_way_makes_so_many_requests_and_no_more(tmp_path: Path) -> None:
    """Cold, idle, changed, resumed: a budget that does not grow with the cluster; the cost says the same."""
    watched = ["nodes initial events", "pods initial events", "version"]
    idle = ["nodes limit=1", "pods limit=1", "version"]
    changed = sorted([*idle, "nodes watch", "pods watch"])
    listed = ["nodes", "pods", "version"]
    with cached(tmp_path, a_cluster()[:-1]) as (server, here):  # no pod on a node that is not there

        def requests(found: dict[str, Any]) -> list[str]:
            made = asked(server)
            assert found["cost"]["api_requests"] == len(made)
            server.forget_requests()
            return made

        warm, kept = Warm(here), replace(here, cache=str(tmp_path / "cache"))
        assert requests(document(here, warm)) == watched
        assert requests(document(here, warm)) == idle
        server.cluster.change_pods(3)
        assert requests(document(here, warm)) == changed
        assert requests(document(kept)) == listed
        assert requests(document(kept)) == idle
        server.cluster.change_pods(3)
        assert requests(document(kept)) == changed
        assert requests(document(replace(kept, usage=True))) == sorted([*idle, "nodes"])
        assert METRICS.endswith("/nodes")


def test_a_server_without_watch_list_is_listed_once_and_then_watched(tmp_path: Path) -> None:
    """422 is no failure: the cache is filled by the lists, and nothing is said."""
    with cached(tmp_path, behaviour=replace(QUICK, watch_list=False)) as (server, here):
        warm = Warm(here)
        assert told(checked(here, warm)) == ("list", None)
        CHANGES["a pod bound"](server.cluster)
        server.forget_requests()
        assert told(checked(here, warm)) == ("watch", None)


def test_what_happens_between_passes_is_read_then_and_charged_to_the_next(tmp_path: Path) -> None:
    """Following the cluster leaves nothing to read up; its requests are part of the next pass's cost."""
    with cached(tmp_path) as (server, here):
        warm = Warm(here)
        observe(here, NOWHERE, warm=warm)
        server.forget_requests()
        CHANGES["a pod recreated elsewhere"](server.cluster)
        CHANGES["a node cordoned"](server.cluster)
        warm.follow(here, NOWHERE, 1.1)
        assert asked(server) == ["nodes watch", "pods watch"]
        found = document(here, warm)
        assert asked(server) == ["nodes limit=1", "nodes watch", "pods limit=1", "pods watch", "version"]
        assert found["cost"]["api_requests"] == 5
        assert found["cost"]["pods_read"] >= 2
        assert same(found) == same(document(replace(here, cache="off")))


def test_a_cache_used_for_another_cluster_or_other_labels_starts_anew(tmp_path: Path) -> None:
    """Whatever a warm process is asked next: nothing of one cluster is ever shown for another."""
    (tmp_path / "other").mkdir()
    with cached(tmp_path) as (first, here), cached(tmp_path / "other", [node("z"), pod("z", "z")]) as (second, there):
        warm = Warm(here)
        labelled = replace(here, labels=("pool",))
        for server, ask in ((first, here), (second, there), (first, here), (first, labelled), (first, here)):
            server.forget_requests()
            assert told(checked(ask, warm)) == ("watch", None)
            assert "pods initial events" in asked(server)
        first.forget_requests()
        checked(here, warm)
        assert "pods initial events" not in asked(first)


def test_the_labels_of_a_pass_are_those_that_it_asks_for(tmp_path: Path) -> None:
    """Also when the cache was made under other settings."""
    with cached(tmp_path) as (_, here):
        warm = Warm(here)
        assert told(checked(replace(here, labels=("pool",)), warm)) == ("watch", None)
