"""requests and limits against the program whose totals they are: `kubectl describe node`, of the server's release."""

import re
from typing import Any, NamedTuple

import pytest

from clusters import read
from control_plane import ControlPlane
from nodetally.accounting.quantity import amount, parse
from nodetally.cli.rendering.explanation import explain_pod
from nodetally.cluster.decode import pod_from_json
from nodetally.settings import Settings
from reader_suite import tallied

POD_ROW = re.compile(r"^  (\S+) +(\S+) +" + r"(\S+) \(\S+\) +" * 4 + r"\S+$", re.MULTILINE)
SAID = (("cpu", "requests"), ("cpu", "limits"), ("memory", "requests"), ("memory", "limits"))  # of a pod, in this order
ROW = re.compile(r"  (\S+) +(\S+)(?: \((\d+)%\))? +(\S+)(?: \((\d+)%\))?")


class Described(NamedTuple):
    """One row of "Allocated resources"."""

    requests: int
    requests_percent: int | None
    limits: int
    limits_percent: int | None


def allocated(text: str) -> dict[str, Described]:
    """The table of one node, by resource."""
    table = text.partition("Allocated resources:\n")[2].partition("\nEvents:")[0].splitlines()
    start = next(at for at, line in enumerate(table) if line.startswith("  --------"))
    rows = [match.groups() for line in table[start + 1 :] if (match := ROW.fullmatch(line.rstrip()))]
    return {
        name: Described(amount(name, parse(requests)), _percent(first), amount(name, parse(limits)), _percent(second))
        for name, requests, first, limits, second in rows
    }


def _percent(text: str | None) -> int | None:
    return None if text is None else int(text)


def percent(value: int, allocatable: int) -> int:
    """As describe cuts it off (kubectl v0.37 pkg/describe/describe.go:4123)."""
    return int(value / allocatable * 100) if allocatable else 0


@pytest.fixture(scope="module")
def described(control_plane: ControlPlane, cluster_settings: Settings) -> dict[str, str]:
    """What kubectl says of every node."""
    del cluster_settings  # the content must be there
    done = control_plane.kubectl("describe", "nodes")
    assert done.returncode == 0, done.stderr
    texts = re.split(r"\n\n\n(?=Name: )", done.stdout)
    return {text.split()[1]: text for text in texts}


@pytest.fixture(scope="module")
def rows(cluster_settings: Settings) -> dict[str, dict[str, Any]]:
    """The snapshot's nodes, by name."""
    return {each["name"]: each for each in tallied(read(cluster_settings))["nodes"]}


def test_every_node_is_described(described: dict[str, str], rows: dict[str, dict[str, Any]]) -> None:
    """The comparison below is about all of them."""
    assert described.keys() == rows.keys()
    assert len(rows) == 54


def test_requests_and_limits_are_the_totals_of_describe(
    described: dict[str, str], rows: dict[str, dict[str, Any]]
) -> None:
    """Every number on every node, and the percentages made of them."""
    theirs = {name: allocated(text) for name, text in described.items()}
    ours = {
        name: {
            resource: Described(
                values["requests"],
                percent(values["requests"], values["allocatable"]) if shown.requests_percent is not None else None,
                values["limits"],
                percent(values["limits"], values["allocatable"]) if shown.limits_percent is not None else None,
            )
            for resource, shown in theirs[name].items()
            for values in [row["resources"][resource]]
        }
        for name, row in rows.items()
    }
    assert ours == theirs
    assert sum(len(table) for table in theirs.values()) > 3 * len(rows)


def test_no_allocatable_resource_is_left_out_by_either(
    described: dict[str, str], rows: dict[str, dict[str, Any]]
) -> None:
    """describe leaves out pods, and what pods ask for where the node has none of it; the snapshot has those, too."""
    for name, row in rows.items():
        theirs = allocated(described[name]).keys()
        allocatable = {each for each, values in row["resources"].items() if values["allocatable"]}
        assert allocatable - {"pods"} <= theirs <= row["resources"].keys(), name


def test_pods_are_counted_as_describe_counts_them(described: dict[str, str], rows: dict[str, dict[str, Any]]) -> None:
    """Its "Non-terminated Pods"."""
    theirs = {
        name: int(re.findall(r"Non-terminated Pods: +\((\d+) in total\)", text)[0]) for name, text in described.items()
    }
    assert {name: row["pods"]["counted"] for name, row in rows.items()} == theirs


def test_a_pods_row_is_what_explain_tells_of_it(described: dict[str, str], objects: list[dict[str, Any]]) -> None:
    """The rows look at a pod's status, too: during a resize they are not what the totals below add up."""
    pods = [pod_from_json(each) for each in objects if each["kind"] == "Pod"]
    ours = {(pod.namespace, pod.name): explain_pod(pod)["describe_row"] for pod in pods}
    seen = 0
    for text in described.values():
        for namespace, name, *amounts in POD_ROW.findall(text.partition("\nAllocated resources:\n")[0]):
            row = ours[namespace, name]
            told = [amount(resource, parse(row[figure].get(resource, "0"))) for resource, figure in SAID]
            theirs = [amount(resource, parse(said)) for (resource, _), said in zip(SAID, amounts, strict=True)]
            assert told == theirs, (namespace, name)
            seen += 1
    counts = [re.findall(r"Non-terminated Pods: +\((\d+) in total\)", text)[0] for text in described.values()]
    assert seen == sum(map(int, counts)) > 400
