"""A whole cluster that is hard on every rule: 40 nodes, 1,500 pods, and what upstream's code says of each node."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from nodetally import snapshot
from nodetally.assemble import assemble
from nodetally.cluster.dump import observe_dumps
from nodetally.collect import kite_view, utc_now
from nodetally.settings import Settings
from paths import VECTORS

CLUSTER = VECTORS / "cluster.json.gz"
EXPECTED = json.loads((VECTORS / "cluster-expected.json").read_text())
FIGURES = {"requests": "requests", "limits": "limits", "scheduled": "scheduler_requests", "allocatable": "allocatable"}


def document_of(path: Path) -> dict[str, Any]:
    seen = observe_dumps([str(path)], utc_now())
    return snapshot.decode(assemble(seen, Settings(cluster="c"), utc_now(), lambda: 0.0).body)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return document_of(CLUSTER)


@pytest.mark.parametrize("figure", FIGURES)
def test_every_nodes_figures_are_upstreams(document: dict[str, Any], figure: str) -> None:
    """All resources of all nodes; a name that upstream does not have is 0 here."""
    ours = {
        node["name"]: {name: values[figure] for name, values in node["resources"].items() if values[figure]}
        for node in document["nodes"]
    }
    theirs = {
        name: {key: value for key, value in node[FIGURES[figure]].items() if value}
        for name, node in EXPECTED["nodes"].items()
    }
    assert ours == theirs


def test_pods_are_counted_as_upstream_counts_them(document: dict[str, Any]) -> None:
    """Per node counted and terminal; unscheduled ones and those on nodes that are not listed beside them."""
    assert {node["name"]: (node["pods"]["counted"], node["pods"]["terminal"]) for node in document["nodes"]} == {
        name: (node["pods"], node["terminal"]) for name, node in EXPECTED["nodes"].items()
    }
    assert document["unscheduled"]["pods"]["counted"] == EXPECTED["unscheduled"]
    unknown = {each["name"]: each["pods"]["counted"] for each in document["unknown_nodes"]}
    assert unknown == EXPECTED["unknown_nodes"]


def test_kites_numbers_are_kites() -> None:
    """Requests and pods of every node, by kite's own counting."""
    items = kite_view(observe_dumps([str(CLUSTER)], utc_now(), keep_nodes=True))["items"]
    ours = {
        item["metadata"]["name"]: {key: item["metrics"][key] for key in ("cpuRequest", "memoryRequest", "pods")}
        for item in items
    }
    assert ours == {name: node["kite"] for name, node in EXPECTED["nodes"].items()}


def test_sums_agree_with_their_parts(document: dict[str, Any]) -> None:
    """Totals are the sums of the nodes' rows; namespaces hold the pods of all nodes, listed or not."""
    for name, total in document["totals"]["resources"].items():
        for figure in ("requests", "limits", "scheduled", "containers", "allocatable", "capacity"):
            rows = [node["resources"][name][figure] for node in document["nodes"] if name in node["resources"]]
            assert total[figure] == sum(rows), (name, figure)
    bound = [*document["nodes"], *document["unknown_nodes"]]
    counted = sum(each["pods"]["counted"] for each in bound)
    assert sum(each["pods"]["counted"] for each in document["namespaces"]) == counted


def test_the_order_of_objects_does_not_matter(document: dict[str, Any], tmp_path: Path) -> None:
    """The same cluster read backwards gives the same nodes, namespaces and totals."""
    dump = json.loads(gzip.decompress(CLUSTER.read_bytes()))
    dump["items"].reverse()
    path = tmp_path / "backwards.json"
    path.write_text(json.dumps(dump))
    backwards = document_of(path)
    for part in ("nodes", "namespaces", "totals", "schedulable_totals", "unscheduled", "unknown_nodes"):
        assert backwards[part] == document[part]
