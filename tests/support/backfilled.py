"""Snapshots that a backfill made against those of live passes: the same, but for what docs/backfill.md says."""

from collections.abc import Iterable, Mapping
from typing import Any

import documents
from nodetally.store.schema import snapshot_check

Json = dict[str, Any]


def doubtful(pod: Json) -> set[str]:
    """Its resources that the exporter leaves in doubt."""
    inits = pod["spec"].get("initContainers") or []
    kinds = {each.get("restartPolicy", "") for each in inits}
    told = {each["name"] for each in pod["status"].get("initContainerStatuses") or ()}
    untold = any(each["name"] not in told for each in inits)
    names = {"cpu", "memory"} if pod["spec"].get("resources") else set()
    if untold or (len(kinds) == 2 and pod["metadata"]["name"] != "order-does-not-matter"):
        names |= {name for each in inits for of in each["resources"].values() for name in of}
    return names


def uncertain(items: Iterable[Json]) -> dict[str, set[str]]:
    """By node and by namespace (with a slash): resources of pods with ordinary init containers and sidecars both.

    And of those whose init containers have no status yet: they may be either; and of those that ask as a whole.
    """
    found: dict[str, set[str]] = {}
    for pod in items:
        if pod["kind"] != "Pod" or pod["status"]["phase"] in ("Succeeded", "Failed"):
            continue
        node, names = pod["spec"].get("nodeName", ""), doubtful(pod)
        for place in (node, f"{pod['metadata']['namespace']}/" if node else "") if names else ():
            found.setdefault(place, set()).update(names)
    return found


def without_terminating(snapshot: Json) -> Json:
    """The same, told by one who does not know how many pods are terminating."""
    places = [*snapshot["nodes"], *snapshot["unknown_nodes"], snapshot["totals"], snapshot["schedulable_totals"]]
    for each in places:
        each["pods"]["terminating"] = None
    return snapshot


def compare(made: Json, wanted: Json, items: Iterable[Json]) -> int:
    """Field by field, as the table in docs/backfill.md has it; how many figures were left unknown for their doubt."""
    usable = [each for each in made["nodes"] if each["schedulable"]]
    for name, nodes in (("totals", made["nodes"]), ("schedulable_totals", usable)):
        assert made[name] == documents.totals(nodes)
        assert made[name]["nodes"] == wanted[name]["nodes"]
    same = ("schema", "cluster", "taken_at", "slot", "trigger")
    assert {name: made[name] for name in same} == {name: wanted[name] for name in same}
    assert snapshot_check()(made) is None
    doubted = 0
    doubted_of = uncertain(items)
    rows = {"nodes": "{}", "namespaces": "{}/", "unknown_nodes": "{}"}
    for part, form in rows.items():
        assert [each["name"] for each in made[part]] == [each["name"] for each in wanted[part]], (part, made["slot"])
        for mine, theirs in zip(made[part], wanted[part], strict=True):
            doubted += compare_row(mine, theirs, doubted_of.get(form.format(theirs["name"]), set()))
    doubted += compare_row(made["unscheduled"], wanted["unscheduled"], doubted_of.get("", set()))
    return doubted


def compare_row(mine: Json, theirs: Json, doubtful: set[str]) -> int:
    """One node, namespace, or place without one."""
    doubted = 0
    resources: Mapping[str, Json] = mine.pop("resources")
    wanted: Mapping[str, Json] = theirs.pop("resources")
    assert resources.keys() == wanted.keys(), (mine, theirs)
    for name, figures in resources.items():
        for figure, value in figures.items():
            if value is None and figure in ("requests", "limits"):
                assert name in doubtful, (theirs, name, figure)
                doubted += 1
            elif figure == "scheduled":
                assert value is None
            elif figure != "usage":
                assert value == wanted[name][figure], (theirs, name, figure)
    if "uid" in theirs:
        assert (mine.pop("uid"), theirs.pop("uid") is None) == (None, False)
    if "taints" in theirs:
        theirs["taints"].sort(key=lambda taint: (taint["key"], taint["value"], taint["effect"]))
    assert mine == theirs
    return doubted
