"""kite's figures of one node: every key in its order, zeros left out, sums that leave 64 bits refused by name."""

from typing import Any

import pytest

from facts import node_facts
from nodetally.accounting.facts import NodeFacts, Usage
from nodetally.accounting.kite import KiteNode, KiteTally, node_list, node_metrics
from nodetally.accounting.quantity import INT64_MAX, NANO, QuantityError

ALLOCATABLE = (("cpu", 4 * NANO), ("memory", 8 * NANO), ("pods", 110 * NANO))


def test_every_figure_has_its_key_in_kites_order() -> None:
    """Usage, limit and request of both, then the pods; each rounded up once."""
    figures = node_metrics(node_facts(allocatable=ALLOCATABLE), KiteNode(3, 500, 600), Usage(1_000_001, NANO + 1))
    assert list(figures.items()) == [
        ("cpuUsage", 2),
        ("cpuLimit", 4000),
        ("cpuRequest", 500),
        ("memoryUsage", 2),
        ("memoryLimit", 8),
        ("memoryRequest", 600),
        ("pods", 3),
        ("podsLimit", 110),
    ]


def test_a_zero_is_a_missing_key() -> None:
    """A node that lists nothing, without pods and without usage."""
    assert node_metrics(node_facts(), KiteNode(), None) == {}
    assert node_metrics(node_facts(), KiteNode(), Usage(0, 1)) == {"memoryUsage": 1}


@pytest.mark.parametrize(
    ("counted", "what"),
    [(KiteNode(1, INT64_MAX + 1, 0), "cpu on node n"), (KiteNode(1, 0, INT64_MAX + 1), "memory on node n")],
)
def test_a_request_that_leaves_64_bits_is_refused_by_name(counted: KiteNode, what: str) -> None:
    """Each pod may fit where their sum does not."""
    with pytest.raises(QuantityError, match=f"^{what}: the amount does not fit 64 bits"):
        node_metrics(node_facts(allocatable=ALLOCATABLE), counted, None)


def test_the_list_is_by_name_and_of_what_the_api_server_has() -> None:
    """Bytes decide the order; kind and apiVersion are left out, and so is a part that is not there."""
    values: list[tuple[NodeFacts, dict[str, Any]]] = [
        (node_facts(name="b"), {"kind": "Node", "status": {}, "metadata": {"name": "b"}}),
        (node_facts(name="a"), {"spec": {}}),
    ]
    tally = KiteTally()
    tally.nodes["b"] = KiteNode(2)
    usage = {"a": Usage(NANO, 0)}
    found = node_list(values, tally, usage, "17")
    assert found == {
        "items": [
            {"spec": {}, "metrics": {"cpuUsage": 1000}},
            {"metadata": {"name": "b"}, "status": {}, "metrics": {"pods": 2}},
        ],
        "metadata": {"resourceVersion": "17"},
    }
    assert node_list([], KiteTally(), {}, "") == {"items": [], "metadata": {}}
