"""Pods folded into nodes and nodes into totals: exact sums of any length, and unknown where any part of one is."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facts import node_facts
from nodetally.accounting.facts import PodAmounts, PodFacts, PodShape, Usage
from nodetally.accounting.nodes import (
    FIGURES,
    ROWS_AT_ONCE,
    ClusterTally,
    ResourceSums,
    Tally,
    ToldTally,
    node_resources,
    place_resources,
    sum_resources,
)
from nodetally.accounting.pods import amounts_of
from nodetally.accounting.quantity import INT64_MAX, NANO, QuantityError

MILLICORE = 10**6


def amounts(cpu: int = 0, memory: int = 0) -> PodAmounts:
    """Requests of so many millicores and bytes; limits twice, containers three times, scheduled four times that."""

    def times(factor: int) -> tuple[tuple[str, int], ...]:
        return ("cpu", factor * cpu * MILLICORE), ("memory", factor * memory * NANO)

    return amounts_of(times(1), times(2), times(3), (("cpu", 4 * cpu), ("memory", 4 * memory)), 5 * cpu, 5 * memory)


def pod(phase: str = "Running", node: str = "n", *, terminating: bool = False, cpu: int = 1) -> PodFacts:
    return PodFacts("d", "p", "u", node, phase, terminating, PodShape(()), amounts(cpu, 10))


def row(*values: int | None, name: str = "cpu") -> dict[str, dict[str, int | None]]:
    padded = (*values, *[0] * (len(FIGURES) - len(values)))
    return {name: dict(zip(FIGURES, padded, strict=True))}


def test_a_tally_counts_each_pod_as_what_it_is() -> None:
    """A pending and a terminating one count with the others; an ended one is a number and no amounts."""
    tally = Tally()
    for each in (
        pod(),
        pod("Pending"),
        pod(terminating=True),
        pod("Succeeded"),
        pod("Failed", terminating=True),
        pod("Unknown"),
    ):
        tally.add(each)
    assert tally.counts == {"counted": 4, "pending": 1, "terminating": 1, "terminal": 2}
    assert tally.resource("cpu") == {"requests": 4, "limits": 8, "scheduled": 16, "containers": 12}
    assert tally.resource("none") == {"requests": 0, "limits": 0, "scheduled": 0, "containers": 0}


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 9), st.sampled_from(["Running", "Pending", "Failed"]))))
def test_so_many_pods_alike_count_as_that_many_pods(groups: list[tuple[int, int, str]]) -> None:
    """Added at once or one by one: the same."""
    at_once, one_by_one = Tally(), Tally()
    for times, cpu, phase in groups:
        each = pod(phase, terminating=cpu == 0, cpu=cpu)
        at_once.add(each, times)
        for _ in range(times):
            one_by_one.add(each)
    assert (at_once.counts, at_once.sums) == (one_by_one.counts, one_by_one.sums)


def test_a_cluster_tally_puts_each_pod_where_it_is() -> None:
    """Bound ones to node and namespace, an ended one to its node alone, one without a node to neither."""
    tally = ClusterTally()
    for each in (pod(), pod(node="m"), pod("Failed"), pod(node=""), pod("Failed", node="")):
        tally.add(each)
    assert tally.pods == 5
    assert {name: each.counts["counted"] for name, each in tally.nodes.items()} == {"n": 1, "m": 1}
    assert tally.nodes["n"].counts["terminal"] == 1
    assert tally.namespaces["d"].counts == {"counted": 2, "pending": 0, "terminating": 0, "terminal": 0}
    assert tally.unscheduled.counts == {"counted": 1, "pending": 0, "terminating": 0, "terminal": 1}


def test_a_told_tally_says_what_it_was_told() -> None:
    """Counts that are missing are 0, those that are None unknown; other resources are what is said of the others."""
    told = {"cpu": (1, 2, None, 4)}
    tally = ToldTally({"counted": 3, "terminating": None}, told)
    assert tally.counts == {"counted": 3, "pending": 0, "terminating": None, "terminal": 0}
    assert tally.resource("cpu") == {"requests": 1, "limits": 2, "scheduled": None, "containers": 4}
    assert list(tally.sums) == ["cpu"]
    assert tally.figures("memory") == (0, 0, 0, 0)
    assert ToldTally({}, told, (None,) * 4).figures("memory") == (None,) * 4
    assert place_resources(tally, ("containers", "scheduled")) == {"cpu": {"containers": 4, "scheduled": None}}


def test_a_place_names_its_resources_in_order() -> None:
    """Whichever pod came first: one document for one cluster, to the byte."""
    tally = ToldTally({}, dict.fromkeys(("zoo", "cpu", "memory", "ant"), (0,) * 4))
    assert list(place_resources(tally, ("requests",))) == ["ant", "cpu", "memory", "zoo"]


def test_a_tally_takes_no_room_for_names() -> None:
    """There are thousands of them: none has a dict of its own attributes."""
    for tally in (Tally(), ToldTally({}, {})):
        assert not hasattr(tally, "__dict__")


def test_a_nodes_resources_are_all_that_is_listed_or_asked_for() -> None:
    """Sorted; what one list does not hold is 0 there, what nothing lists is unknown."""
    tally = Tally()
    tally.add(pod())
    capacity, allocatable = (("cpu", 2 * NANO), ("zoo", 5 * NANO)), (("cpu", 1_500_000_001), ("ant", NANO))
    found = node_resources(node_facts(capacity, allocatable), tally, Usage(250 * MILLICORE + 1, 7 * NANO))
    assert list(found) == ["ant", "cpu", "memory", "zoo"]
    assert found["cpu"] == dict(zip(FIGURES, (2000, 1501, 1, 2, 4, 3, 251), strict=True))
    assert found["memory"] == dict(zip(FIGURES, (0, 0, 10, 20, 40, 30, 7), strict=True))
    assert found["zoo"] == dict(zip(FIGURES, (5, 0, 0, 0, 0, 0, None), strict=True))
    assert node_resources(node_facts(capacity), Tally(), None)["zoo"]["allocatable"] == 5
    silent = node_resources(node_facts(()), tally, None)["cpu"]
    assert silent == dict(zip(FIGURES, (None, None, 1, 2, 4, 3, None), strict=True))
    only_allocatable = node_resources(node_facts((), (("cpu", NANO),)), Tally(), None)["cpu"]
    assert (only_allocatable["capacity"], only_allocatable["allocatable"]) == (None, 1000)


def test_a_node_whose_sum_leaves_64_bits_is_named() -> None:
    """With the resource, whatever figure it is that does not fit."""
    tally = Tally()
    tally.add(pod(cpu=INT64_MAX))
    with pytest.raises(QuantityError, match=r"^node n: cpu: the amount does not fit 64 bits$"):
        node_resources(node_facts(()), tally, None)


@pytest.mark.parametrize("count", [1, ROWS_AT_ONCE - 1, ROWS_AT_ONCE, ROWS_AT_ONCE + 1, 3 * ROWS_AT_ONCE])
@pytest.mark.parametrize("unknown_at", [None, 0, -1])
def test_sums_of_any_number_of_rows_are_exact(count: int, unknown_at: int | None) -> None:
    """Added up on the way or at the end; unknown in one row, the first or the last, is unknown in the sum."""
    rows: list[dict[str, Any]] = [row(number, 2 * number, -number) for number in range(count)]
    if unknown_at is not None:
        rows[unknown_at] = row(unknown_at % count, None, 0)
    rows[-1] |= row(7, name="ant")
    sums = sum_resources(rows)
    whole = sum(range(count))
    last = -whole if unknown_at is None else (unknown_at % count) - whole
    assert list(sums) == ["ant", "cpu"]
    assert sums["ant"] == row(7, name="ant")["ant"]
    assert sums["cpu"] == row(whole, None if unknown_at is not None else 2 * whole, last)["cpu"]


def test_rows_are_added_up_before_there_are_too_many() -> None:
    """Of any number of rows no more are held than are added up at once."""
    sums = ResourceSums()
    for number in range(3 * ROWS_AT_ONCE + 1):
        sums.add(row(number))
        assert len(sums._columns["cpu"]) <= ROWS_AT_ONCE
    assert len(sums._columns["cpu"]) == 2


def test_a_total_that_leaves_64_bits_is_named() -> None:
    """With its figure and resource; what just fits is a total, and `sums` gives it whatever its size."""
    just = [row(INT64_MAX - 1), row(1)]
    assert sum_resources(just)["cpu"]["capacity"] == INT64_MAX
    with pytest.raises(QuantityError, match="capacity of cpu over all nodes: the amount does not fit 64 bits"):
        sum_resources([*just, row(1, None)])
    sums = ResourceSums()
    for each in (*just, row(1)):
        sums.add(each)
    assert sums.sums()["cpu"]["capacity"] == INT64_MAX + 1


def test_no_rows_come_to_no_totals() -> None:
    """Nothing is known of no nodes, not even a 0."""
    assert sum_resources([]) == {}
