"""explain: each number's derivation, from a dump and from a live cluster, ending in the snapshot's own numbers."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from clusters import node, pod, served
from nodetally.accounting.quantity import NANO
from nodetally.cli.explain import explain, parse_subject
from nodetally.cli.rendering.explanation import exact_text
from nodetally.errors import ObjectUnreadable, WrongUse
from nodetally.simulate.cluster import SimulatedCluster
from paths import VECTORS

TOGETHER = "containers and sidecars added up, or the highest init container with the sidecars before it"
CLUSTER = str(VECTORS / "cluster.json.gz")
EXPECTED = json.loads((VECTORS / "cluster-expected.json").read_text())["nodes"]
MESH = pod("web-1", "a", cpu="100m", memory="100Mi")
MESH["spec"]["initContainers"] = [
    {"name": "proxy", "restartPolicy": "Always", "resources": {"requests": {"cpu": "200m", "memory": "50Mi"}}},
    {"name": "migrate", "resources": {"requests": {"cpu": "1", "memory": "10Mi"}}},
]
MESH["spec"]["overhead"] = {"cpu": "250m"}


def explained(*arguments: str) -> str:
    """As a terminal that is wide enough has it, whatever this one is."""
    result = CliRunner().invoke(explain, arguments, catch_exceptions=False, env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return result.output


def explained_json(*arguments: str) -> Any:
    return json.loads(explained(*arguments, "--format", "json"))


@pytest.mark.parametrize("name", sorted(EXPECTED)[:4])
def test_a_nodes_rows_come_to_its_numbers(name: str) -> None:
    """The resources are upstream's, and there is a row for every pod, counted or not."""
    found = explained_json(f"node/{name}", "--dump", CLUSTER)
    expected = EXPECTED[name]
    requests = {key: values["requests"] for key, values in found["resources"].items() if values["requests"]}
    assert requests == expected["requests"]
    assert len(found["rows"]) == expected["pods"] + expected["terminal"]
    assert sum(row["counts"].startswith("counted") for row in found["rows"]) == expected["pods"]


def test_a_pod_is_explained_container_by_container(tmp_path: Path) -> None:
    """A sidecar, an init container that is the maximum, overhead: 200m + 1, and 250m."""
    with served(SimulatedCluster.of([node("a", cpu="4"), MESH]), tmp_path) as (server, settings):
        text = explained("pod/default/web-1", "--kubeconfig", str(settings.kubeconfig))
        assert [path for _, path in server.requests] == [
            "/api/v1/namespaces/default/pods?fieldSelector=metadata.name%3Dweb-1"
        ]
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert lines[0] == "pod default/web-1 on a, phase Running: counted"
    assert lines[2:9] == [
        "requests",
        "sidecar proxy cpu 200m memory 50Mi",
        "init container migrate cpu 1000m memory 10Mi",
        "container app cpu 100m memory 100Mi",
        f"{TOGETHER} cpu 1200m memory 150Mi",
        "overhead is added cpu 250m",
        "= counted as cpu 1450m memory 150Mi",
    ]


def test_a_live_node_is_explained_by_one_indexed_query(tmp_path: Path) -> None:
    """Its pods and no others."""
    objects = [node("a", cpu="4"), node("b", cpu="4"), MESH, pod("other", "b", cpu="1")]
    with served(SimulatedCluster.of(objects), tmp_path) as (server, settings):
        found = explained_json("node/a", "--kubeconfig", str(settings.kubeconfig))
        assert "/api/v1/pods?fieldSelector=spec.nodeName%3Da&limit=500" in [path for _, path in server.requests]
    assert [row["pod"] for row in found["rows"]] == ["default/web-1"]
    assert found["resources"]["cpu"]["requests"] == 1450


def test_a_nodes_pods_have_a_column_only_for_what_one_of_them_asks_for(tmp_path: Path) -> None:
    """A node has hugepages of every size, and few pods of any; what the node has stands below."""
    dump = tmp_path / "dump.json"
    dump.write_text(json.dumps({"kind": "List", "items": [node("n", cpu="4", memory="8Gi"), pod("p", "n", cpu="1")]}))
    header, row = explained("node/n", "--dump", str(dump)).splitlines()[2:4]
    assert header.split() == ["pod", "cpu", "requests", "cpu", "limits", "counts"]
    assert row.split() == ["default/p", "1000m", "–", "counted"]


@pytest.mark.parametrize("width", [80, 300])
def test_an_explanation_fits_the_terminal(tmp_path: Path, width: int) -> None:
    """A table a resource where one for all is too wide; every pod is in it, and every amount."""
    everything = pod("all", "n", cpu="1", memory="1Gi")
    everything["spec"]["containers"][0]["resources"]["requests"] |= {"ephemeral-storage": "3Gi", "nvidia.com/gpu": "2"}
    items = [
        node("n", cpu="4"),
        node("a", cpu="4"),
        pod("plain", "n", cpu="250m"),
        everything,
        pod("nothing", "n"),
        MESH,
    ]
    dump = tmp_path / "dump.json"
    dump.write_text(json.dumps({"kind": "List", "items": items}))
    environment = {"COLUMNS": str(width)}
    done = CliRunner().invoke(explain, ["node/n", "--dump", str(dump)], env=environment)
    tables = [block.splitlines() for block in done.output.split("\n\n")[1:-2]]
    assert len(tables) == (4 if width == 80 else 1)
    assert [line.split()[0] for line in tables[0]] == ["pod", "default/all", "default/nothing", "default/plain"]
    assert sum(line.count("Gi") for table in tables for line in table) == 2
    if width == 80:
        assert [line.split() for line in tables[3][1:]] == [["default/all", "2", "–", "counted"]]
        steps = CliRunner().invoke(explain, ["pod/default/web-1", "--dump", str(dump)], env=environment).output
        assert max(map(len, (*steps.splitlines(), *tables[0]))) <= width
        assert f"{TOGETHER} cpu 1200m memory 150Mi" in " ".join(steps.split())


def test_hostile_names_are_printed_harmlessly(tmp_path: Path) -> None:
    """A name cannot move the cursor of whoever asks."""
    bad = pod("a\x1b[2Jb", "n", cpu="1")
    dump = tmp_path / "dump.json.gz"
    dump.write_bytes(gzip.compress(json.dumps({"kind": "List", "items": [node("n", cpu="4"), bad]}).encode()))
    assert "\x1b" not in explained("node/n", "--dump", str(dump))


@pytest.mark.parametrize("subject", ["node/n", "pod/default/p"])
def test_amounts_beyond_64_bits_are_refused_by_name(tmp_path: Path, subject: str) -> None:
    """Each container fits, their sum does not."""
    huge = pod("p", "n", containers=[("a", "1", "7Ei"), ("b", "1", "7Ei")])
    dump = tmp_path / "dump.json"
    dump.write_text(json.dumps({"kind": "List", "items": [node("n", cpu="4"), huge]}))
    with pytest.raises(ObjectUnreadable, match="64 bits"):
        explained(subject, "--dump", str(dump))


@pytest.mark.parametrize("text", ["a", "node/", "pod/a", "pod/a/", "node/a/b", "deployment/a/b", ""])
def test_other_subjects_are_wrong_use(text: str) -> None:
    """With the two forms that there are."""
    with pytest.raises(WrongUse) as caught:
        parse_subject(text)
    assert "node/NAME or pod/NAMESPACE/NAME" in caught.value.hint


@pytest.mark.parametrize(("subject", "why"), [("node/none", "no node 'none'"), ("pod/d/none", "no pod 'none'")])
def test_what_is_not_there_is_said(subject: str, why: str, tmp_path: Path) -> None:
    """In a dump and in a cluster."""
    with pytest.raises(WrongUse, match=why) as caught:
        explained(subject, "--dump", CLUSTER)
    assert "list them with" in caught.value.hint
    with served(SimulatedCluster.of([node("a")]), tmp_path) as (_, settings):
        with pytest.raises(WrongUse, match=r"no (node|pod)"):
            explained(subject, "--kubeconfig", str(settings.kubeconfig))


@pytest.mark.parametrize(
    ("name", "nanos", "text"),
    [
        ("cpu", 250 * 10**6, "250m"),
        ("cpu", -1_500_000, "-1.5m"),
        ("memory", NANO << 40, "1Ti"),
        ("memory", 1000 * NANO, "1000"),
        ("memory", 0, "0"),
        ("nvidia.com/gpu", 2048 * NANO, "2048"),
    ],
)
def test_exact_amounts_are_written_for_people(name: str, nanos: int, text: str) -> None:
    """Without rounding anything away."""
    assert exact_text(name, nanos) == text
