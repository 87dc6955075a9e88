"""One pod's figures against upstream's own functions, from JSON and from protobuf."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodetally.accounting.derivation import derive
from nodetally.accounting.facts import Amounts, Container, ContainerStatus, PodFacts, PodShape
from nodetally.accounting.pods import Mode, amounts_of, limits, pod_amounts, requests
from nodetally.accounting.quantity import NANO, amount, parse
from nodetally.cluster import k8s_pb2
from nodetally.cluster.decode import pod_from_json, pod_from_protobuf
from paths import VECTORS

PODS = json.loads((VECTORS / "pods-and-quantities.json").read_text())["pods"]


def exact(quantities: dict[str, str]) -> dict[str, int]:
    return {name: parse(text) for name, text in quantities.items()}


def read(vector: dict[str, Any], form: str) -> PodFacts:
    if form == "json":
        return pod_from_json(vector["pod"])
    return pod_from_protobuf(k8s_pb2.Unknown.FromString(base64.b64decode(vector["protobuf"])[4:]).raw)


@pytest.mark.parametrize("form", ["json", "protobuf"])
@pytest.mark.parametrize("vector", PODS, ids=lambda each: each["name"])
class TestUpstreamsVectors:
    def test_requests_and_limits_are_what_describe_node_totals(self, vector: dict[str, Any], form: str) -> None:
        """The "Allocated resources" of kubectl describe node."""
        shape = read(vector, form).shape
        assert dict(requests(shape, Mode.TOTALS)) == exact(vector["describe_totals"]["requests"])
        assert dict(limits(shape, Mode.TOTALS)) == exact(vector["describe_totals"]["limits"])

    def test_the_row_is_describe_nodes_row(self, vector: dict[str, Any], form: str) -> None:
        """The pod's own line in the same output, which looks at status."""
        shape = read(vector, form).shape
        assert dict(requests(shape, Mode.ROW)) == exact(vector["describe_row"]["requests"])
        assert dict(limits(shape, Mode.ROW)) == exact(vector["describe_row"]["limits"])

    def test_scheduled_is_what_the_scheduler_holds(self, vector: dict[str, Any], form: str) -> None:
        """Exact per pod, then rounded per pod."""
        pod = read(vector, form)
        assert dict(requests(pod.shape, Mode.SCHEDULER)) == exact(vector["scheduler"]["requests"])
        scheduled = dict(pod.amounts.scheduled)
        assert scheduled.get("cpu", 0) == vector["scheduler"]["milliCPU"]
        assert scheduled.get("memory", 0) == vector["scheduler"]["memory"]

    def test_the_derivation_ends_in_what_is_counted(self, vector: dict[str, Any], form: str) -> None:
        """explain and the tally can never disagree."""
        pod = read(vector, form)
        results = {each.figure: each.result for each in derive(pod.shape)}
        assert results["requests"] == pod.amounts.requests
        assert results["limits"] == pod.amounts.limits
        assert results["containers"] == pod.amounts.containers
        rounded = {name: amount(name, nanos) for name, nanos in results["scheduled"]}
        assert rounded == dict(pod.amounts.scheduled)


amounts = st.dictionaries(st.sampled_from(["cpu", "memory", "nvidia.com/gpu"]), st.integers(0, 10**12), max_size=3).map(
    lambda found: tuple(sorted(found.items()))
)
containers = st.builds(Container, st.sampled_from("abcd"), amounts, amounts, st.booleans())


@given(st.lists(containers, max_size=4), st.lists(containers, max_size=3), amounts)
def test_more_containers_never_ask_for_less(own: list[Container], inits: list[Container], overhead: Amounts) -> None:
    """Adding an init container, a sidecar or overhead cannot lower any request."""
    bare = dict(requests(PodShape(tuple(own)), Mode.TOTALS))
    full = dict(requests(PodShape(tuple(own), tuple(inits), overhead), Mode.TOTALS))
    assert all(full[name] >= nanos for name, nanos in bare.items())


@given(st.lists(containers, max_size=4), st.lists(containers, max_size=3))
def test_a_settled_status_changes_nothing(own: list[Container], inits: list[Container]) -> None:
    """When the kubelet has done what the spec asks for, row and scheduler agree with the totals."""
    named = [each._replace(name=f"c{at}") for at, each in enumerate([*own, *inits])]
    statuses = tuple(ContainerStatus(each.name, each.requests, each.requests, each.limits) for each in named)
    shape = PodShape(tuple(named[: len(own)]), tuple(named[len(own) :]), statuses=statuses)
    for mode in (Mode.ROW, Mode.SCHEDULER):
        assert requests(shape, mode) == requests(shape, Mode.TOTALS)


def test_the_scheduler_counts_overhead_twice_on_a_big_decimal_pod_level_request() -> None:
    """1.5Gi + 120Mi twice, as upstream's function returns from its second call on; 1536Mi is counted once."""

    def pod(memory: str) -> PodFacts:
        spec = {
            "containers": [{"name": "a"}],
            "overhead": {"memory": "120Mi"},
            "resources": {"requests": {"memory": memory}},
        }
        return pod_from_json({"metadata": {"namespace": "d", "name": "p"}, "spec": spec})

    assert dict(pod("1.5Gi").amounts.scheduled) == {"memory": (1536 + 240) << 20}
    assert dict(pod("1536Mi").amounts.scheduled) == {"memory": (1536 + 120) << 20}
    assert pod("1.5Gi").amounts.requests == pod("1536Mi").amounts.requests


def test_kite_rounds_each_container_up_before_it_adds() -> None:
    """Three times 1500u are 6 of kite's millicores, where the exact sum is 5."""
    shape = PodShape(tuple(Container(name, (("cpu", 1_500_000),)) for name in "abc"))
    assert pod_amounts(shape).kite_cpu_millicores == 6
    assert amount("cpu", dict(pod_amounts(shape).requests)["cpu"]) == 5


def test_scheduled_holds_only_what_the_scheduler_keeps_count_of() -> None:
    """Native names by their own and by prefix, extended ones by their slash; a quota's names and others are dropped."""
    kept = ["cpu", "memory", "ephemeral-storage", "hugepages-2Mi", "attachable-volumes-aws-ebs", "nvidia.com/gpu"]
    dropped = ["pods", "requests.nvidia.com/gpu", "hugepage", "storage", "requests.cpu"]
    asked = tuple(sorted((name, NANO) for name in (*kept, *dropped)))
    amounts = pod_amounts(PodShape((Container("a", asked),)))
    assert [name for name, _ in amounts.scheduled] == sorted(kept)
    assert dict(amounts.requests).keys() == {*kept, *dropped}
    assert dict(amounts.scheduled)["cpu"] == 1000
    assert dict(amounts.scheduled)["memory"] == 1


def test_kite_counts_nothing_for_what_is_not_asked_for() -> None:
    """0, not a rounded-up trace of it."""
    amounts = pod_amounts(PodShape((Container("a"), Container("b", (("cpu", 1), ("memory", NANO + 1))))))
    assert (amounts.kite_cpu_millicores, amounts.kite_memory_bytes) == (1, 2)
    nothing = pod_amounts(PodShape((Container("a"),)))
    assert (nothing.kite_cpu_millicores, nothing.kite_memory_bytes) == (0, 0)


def test_the_rows_of_a_pod_are_its_figures_by_resource() -> None:
    """Every name that any figure has, sorted; 0 where a figure does not have it."""
    figures = [(("b", 1),), (("a", 2),), (("c", 3),), (("b", 4), ("d", 5))]
    amounts = amounts_of(figures[0], figures[1], figures[2], figures[3], 6, 7)
    assert [tuple(row) for row in amounts.rows] == [
        ("a", 0, 2, 0, 0),
        ("b", 1, 0, 0, 4),
        ("c", 0, 0, 3, 0),
        ("d", 0, 0, 0, 5),
    ]
    assert amounts[:6] == (*figures, 6, 7)


CPU_1, CPU_2, CPU_5 = ((("cpu", count * NANO),) for count in (1, 2, 5))


@pytest.mark.parametrize("infeasible", [False, True])
def test_an_infeasible_resize_leaves_only_what_the_kubelet_reports(infeasible: bool) -> None:
    """Spec 5, allocated 2, in force 1: the larger counts, unless the node cannot give what the spec now asks for."""
    statuses = (ContainerStatus("a", allocated=CPU_2, requests=CPU_1, limits=CPU_1), ContainerStatus("b"))
    shape = PodShape((Container("a", CPU_5, CPU_5), Container("b", CPU_1, CPU_1)), statuses=statuses)
    shape = shape._replace(infeasible=infeasible)
    counted = 2 if infeasible else 6  # of b nothing is reported
    for mode in (Mode.ROW, Mode.SCHEDULER):
        assert requests(shape, mode) == (("cpu", counted * NANO),)
    assert limits(shape, Mode.ROW) == (("cpu", (1 if infeasible else 6) * NANO),)
    assert requests(shape, Mode.TOTALS) == limits(shape, Mode.TOTALS) == (("cpu", 6 * NANO),)


def test_overhead_joins_only_limits_that_are_set_and_not_0() -> None:
    """A limit of 0 is none; requests get it whether they are set or not."""
    shape = PodShape((Container("a", (), (("cpu", 0), ("memory", NANO))),), overhead=(("cpu", NANO), ("memory", NANO)))
    assert limits(shape, Mode.TOTALS) == (("cpu", 0), ("memory", 2 * NANO))
    assert requests(shape, Mode.TOTALS) == (("cpu", NANO), ("memory", NANO))


def test_of_two_statuses_of_one_name_the_app_containers_counts() -> None:
    """They come first in the list; an init container of that name does not take their place."""
    statuses = (ContainerStatus("a", allocated=CPU_5), ContainerStatus("a", allocated=CPU_2))
    assert requests(PodShape((Container("a"),), statuses=statuses), Mode.ROW) == CPU_5


def test_pod_level_status_stands_in_only_where_all_of_it_is_there() -> None:
    """Either half alone leaves the containers' own status to count; for the scheduler alone."""
    base = PodShape((Container("a", CPU_1),), statuses=(ContainerStatus("a", allocated=CPU_2),))
    half = [base._replace(status_allocated=CPU_5), base._replace(status_requests=CPU_5)]
    whole = base._replace(status_allocated=CPU_5, status_requests=CPU_1)
    assert [requests(each, Mode.SCHEDULER) for each in (base, *half)] == [CPU_2] * 3
    assert (requests(whole, Mode.SCHEDULER), requests(whole, Mode.ROW)) == (CPU_5, CPU_2)


def test_of_a_pod_nothing_is_there_but_what_is_said() -> None:
    """Containers are no sidecars, nothing is reported, no resize is infeasible."""
    assert not any(Container("a")[1:])
    assert not any(PodShape(())[1:])
    assert [requests(PodShape((Container("a", CPU_1),)), mode) for mode in Mode] == [CPU_1] * 3


def test_a_pod_may_not_set_what_is_no_pod_level_resource() -> None:
    """CPU, memory and huge pages replace the containers' sums; anything else there is left out."""
    own = (Container("app", requests=(("cpu", 1), ("gpu", 2)), limits=(("cpu", 1), ("gpu", 2))),)
    pod_level = (("cpu", 5), ("gpu", 7), ("hugepages-2Mi", 4))
    shape = PodShape(containers=own, requests=pod_level, limits=pod_level)
    for figures in (requests(shape, Mode.TOTALS), limits(shape, Mode.TOTALS)):
        assert figures == (("cpu", 5), ("gpu", 2), ("hugepages-2Mi", 4))


@pytest.mark.parametrize(
    ("actuated", "allocated", "infeasible", "held"),
    [
        (6, 4, False, 6),
        (4, 7, False, 7),
        (1, 2, False, 5),
        (1, 2, True, 2),
        (3, 2, True, 3),
        (None, None, False, 5),
        (None, None, True, 0),
    ],
)
def test_a_pod_level_request_is_held_as_its_status_says(
    actuated: int | None, allocated: int | None, infeasible: bool, held: int
) -> None:
    """5 in the spec: the largest of spec, actuated and allocated; an infeasible resize leaves the spec out."""
    shape = PodShape(
        containers=(Container("app"),),
        requests=(("cpu", 5),),
        status_resources=True,
        status_requests=None if actuated is None else (("cpu", actuated),),
        status_allocated=None if allocated is None else (("cpu", allocated),),
        infeasible=infeasible,
    )
    assert dict(requests(shape, Mode.SCHEDULER))["cpu"] == held
    assert dict(requests(shape._replace(status_resources=False), Mode.SCHEDULER))["cpu"] == 5  # no status.resources


def test_a_big_decimal_without_overhead_is_held_as_it_is() -> None:
    """Nothing is added to it, so nothing is added twice."""
    shape = PodShape(containers=(Container("app"),), requests=(("memory", 9),), big_decimals=("memory",))
    assert dict(requests(shape, Mode.SCHEDULER)) == {"memory": 9}


def test_a_container_without_status_keeps_its_own_limits_beside_one_that_was_resized() -> None:
    """3 in force for one, 1 declared by the other: 4 in the pod's row."""
    own = (Container("a", limits=(("cpu", 1),)), Container("b", limits=(("cpu", 1),)))
    shape = PodShape(containers=own, statuses=(ContainerStatus("a", limits=(("cpu", 3),)),))
    assert limits(shape, Mode.ROW) == (("cpu", 4),)


def test_amounts_are_in_order_of_their_names_whichever_container_came_first() -> None:
    """So that equal amounts are equal values, and can be shared."""
    shape = PodShape(containers=(Container("a", requests=(("memory", 1),)), Container("b", requests=(("cpu", 2),))))
    assert requests(shape, Mode.TOTALS) == (("cpu", 2), ("memory", 1))
