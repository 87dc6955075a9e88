"""The steps that `explain` shows: every line of a pod's derivation, as a reader follows it from top to bottom."""

import pytest

from nodetally.accounting.derivation import TOGETHER, Derivation, derive
from nodetally.accounting.facts import Amounts, Container, ContainerStatus, PodShape

CPU = 10**9
ONE, TWO, THREE, FOUR, SEVEN = ((("cpu", count * CPU),) for count in (1, 2, 3, 4, 7))


def steps(shape: PodShape, figure: str) -> list[tuple[str, Amounts]]:
    return [(step.text, step.amounts) for step in derivation(shape, figure).steps]


def derivation(shape: PodShape, figure: str) -> Derivation:
    return next(each for each in derive(shape) if each.figure == figure)


def test_a_plain_pod_is_its_containers() -> None:
    """No sum is shown where there is nothing but to add, no status where there is none."""
    shape = PodShape((Container("a", ONE, TWO), Container("b", TWO)))
    assert [each.figure for each in derive(shape)] == ["requests", "limits", "scheduled", "containers"]
    assert steps(shape, "requests") == [("container a", ONE), ("container b", TWO)]
    assert steps(shape, "limits") == [("container a", TWO), ("container b", ())]
    assert steps(shape, "scheduled") == [("requests, as above", THREE)]
    assert derivation(shape, "containers") == ("containers", (), THREE)


def test_init_containers_come_first_and_then_the_sum_of_all() -> None:
    """A sidecar by that name; the sum is the larger of the two that are weighed."""
    inits = (Container("proxy", ONE, TWO, sidecar=True), Container("migrate", TWO, ()))
    shape = PodShape((Container("app", ONE, ONE),), inits)
    assert steps(shape, "requests") == [
        ("sidecar proxy", ONE),
        ("init container migrate", TWO),
        ("container app", ONE),
        (TOGETHER, THREE),
    ]
    assert steps(shape, "limits")[-1] == (TOGETHER, THREE)


def test_a_sum_is_by_name_of_resource() -> None:
    """In whatever order the containers ask for them."""
    memory = (("memory", 5),)
    shape = PodShape((Container("a", memory), Container("b", ONE)), (Container("c"),))
    assert steps(shape, "requests")[-1] == (TOGETHER, (*ONE, *memory))


def test_pod_level_resources_and_overhead_are_the_last_steps() -> None:
    """Only what may be said for a whole pod takes the place of the sum; overhead joins no limit that is not set."""
    shape = PodShape(
        (Container("app", ONE),),
        overhead=ONE,
        requests=(("cpu", 2 * CPU), ("nvidia.com/gpu", CPU)),
        limits=(("hugepages-2Mi", CPU),),
    )
    assert steps(shape, "requests")[1:] == [
        ("pod-level requests take the place of that sum", TWO),
        ("overhead is added", ONE),
    ]
    assert steps(shape, "limits")[1:] == [
        ("pod-level limits take the place of that sum", (("hugepages-2Mi", CPU),)),
        ("overhead is added to limits that are set and not 0", ONE),
    ]
    assert derivation(shape, "limits").result == (("hugepages-2Mi", CPU),)
    assert steps(shape._replace(requests=(("nvidia.com/gpu", CPU),)), "requests")[1:] == [("overhead is added", ONE)]


@pytest.mark.parametrize("infeasible", [False, True])
def test_the_scheduler_also_looks_at_what_the_kubelet_reports(infeasible: bool) -> None:
    """Each report that is there is a line, of the containers and of the pod; one that says nothing is none."""
    statuses = (ContainerStatus("app", allocated=TWO, requests=THREE), ContainerStatus("other"))
    shape = PodShape((Container("app", ONE),), statuses=statuses, infeasible=infeasible)
    resize = [("the resize is infeasible: only what the kubelet reports counts", ())] if infeasible else []
    reported = [("status of app: allocated", TWO), ("status of app: in force", THREE)]
    assert steps(shape, "scheduled") == [("requests, as above", ONE), *resize, *reported]
    whole = shape._replace(status_allocated=FOUR, status_requests=SEVEN)
    assert steps(whole, "scheduled")[-2:] == [
        ("status of the pod: allocated", FOUR),
        ("status of the pod: in force", SEVEN),
    ]


def test_overhead_that_the_scheduler_holds_twice_is_said() -> None:
    """Where upstream holds the pod-level request as a big decimal; nowhere else."""
    shape = PodShape((Container("app"),), overhead=ONE, requests=TWO, big_decimals=("cpu",))
    last = ("the scheduler holds the pod-level requests with the overhead in them already", THREE)
    assert steps(shape, "scheduled") == [("requests, as above", THREE), last]
    assert steps(shape._replace(big_decimals=()), "scheduled") == [("requests, as above", THREE)]
    assert derivation(shape, "scheduled").result == FOUR
