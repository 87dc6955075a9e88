"""Dumps: every form that kubectl writes, and every form of half a cluster refused."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from nodetally.cluster.dump import observe_dumps
from nodetally.errors import ClusterError, WrongUse

NODE = {"kind": "Node", "metadata": {"name": "n1"}}
POD = {"kind": "Pod", "metadata": {"namespace": "d", "name": "p"}, "spec": {"nodeName": "n1"}}


def bare(item: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key != "kind"}


def write(folder: Path, name: str, document: object, *, zipped: bool = False) -> str:
    body = json.dumps(document, indent=4).encode()
    path = folder / name
    path.write_bytes(gzip.compress(body) if zipped else body)
    return str(path)


def listed(kind: str, *items: dict[str, Any], **metadata: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "items": list(items), "kind": kind, "metadata": metadata}


@pytest.mark.parametrize("zipped", [False, True])
def test_one_list_of_both_is_a_cluster(tmp_path: Path, *, zipped: bool) -> None:
    """`kubectl get nodes,pods -A -o json`; gzip is seen by the content, whatever the name."""
    seen = observe_dumps([write(tmp_path, "dump.json", listed("List", NODE, POD), zipped=zipped)], None)
    assert [node.name for node in seen.nodes] == ["n1"]
    assert seen.tally.nodes["n1"].counts["counted"] == 1
    assert (seen.kind, seen.consistent, seen.usage.status) == ("dump", False, "absent")


def test_two_lists_are_one_cluster_also_with_bare_items(tmp_path: Path) -> None:
    """`kubectl get --raw` writes kind first and none on the items."""
    pods = {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": [bare(POD)]}
    nodes = {"kind": "NodeList", "apiVersion": "v1", "metadata": {}, "items": [bare(NODE)]}
    paths = [write(tmp_path, "p.json", pods), write(tmp_path, "n.json", nodes, zipped=True)]
    assert observe_dumps(paths, None).tally.nodes["n1"].counts["counted"] == 1


def test_single_objects_are_lists_of_one(tmp_path: Path) -> None:
    """`kubectl get node n1 -o json` beside a list of pods."""
    paths = [write(tmp_path, "n.json", NODE), write(tmp_path, "p.json", listed("PodList", POD))]
    assert observe_dumps(paths, None).tally.pods == 1


def test_the_time_is_the_newest_files_unless_it_is_said(tmp_path: Path) -> None:
    """--at wins; else when the file was written is the best that is known."""
    import os

    path = write(tmp_path, "dump.json", listed("List", NODE, POD))
    os.utime(path, (1_000_000_000, 1_000_000_000))
    assert observe_dumps([path], None).taken_at == datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)
    at = datetime(2026, 11, 23, tzinfo=UTC)
    assert observe_dumps([path], at).taken_at == at


@pytest.mark.parametrize(
    ("documents", "why"),
    [
        ([listed("PodList", POD)], "no nodes"),
        ([listed("NodeList", NODE)], "no pods"),
        ([listed("List", POD)], "no nodes"),
        ([listed("List", NODE)], "no pods"),
        ([listed("List")], "no nodes"),
        ([listed("List", NODE, {**POD, "metadata": {"namespace": "d", "name": "p\ud800"}})], "not text"),
        ([listed("List", NODE, POD, **{"continue": "abc"})], "continue token"),
        ([listed("List", NODE, POD), listed("List", POD)], "pod d/p is in the dump twice"),
        ([listed("List", NODE, POD), NODE], "node n1 is in the dump twice"),
        ([listed("List", bare(NODE))], "what kind"),
        ([{"kind": "Status", "message": "forbidden"}], "a Status"),
        ([{}], "document without kind"),
    ],
)
def test_half_a_cluster_is_refused(tmp_path: Path, documents: list[dict[str, Any]], why: str) -> None:
    """Nothing that would turn into a wrong number passes."""
    paths = [write(tmp_path, f"{at}.json", document) for at, document in enumerate(documents)]
    with pytest.raises(ClusterError, match=why):
        observe_dumps(paths, None)


@pytest.mark.parametrize("zipped", [False, True])
def test_a_file_cut_off_is_refused(tmp_path: Path, *, zipped: bool) -> None:
    """As a full disk or an interrupted copy leaves it."""
    path = Path(write(tmp_path, "dump.json", listed("List", NODE, POD), zipped=zipped))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ClusterError):
        observe_dumps([str(path)], None)


def test_a_file_that_is_not_there_is_wrong_use(tmp_path: Path) -> None:
    """And the hint says how to make one."""
    with pytest.raises(WrongUse, match=r"none\.json") as caught:
        observe_dumps([str(tmp_path / "none.json")], None)
    assert "kubectl get nodes,pods -A -o json" in caught.value.hint
