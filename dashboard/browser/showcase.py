# ruff: noqa: S311  # its chance is for the look of a picture
"""A store to be looked at: `showcase.py FOLDER`. Simulated clusters with a day that has a shape, for pictures.

Each cluster is read once by nodetally from a simulated API; its day is that snapshot with everything that pods ask for
and use scaled node by node. `prod-eu-1` (100 nodes, more of them by day), `ml-eu-1` (GPUs, over 90 % full), `prod-us-2`
(stale), `batch-eu-1` (usage partly unknown), `staging` (10 nodes), `edge-0042` (1 node).
"""

import math
import sys
import tempfile
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from make_store import FIGURES, newest, nodetally, simulated, text, totals

from nodetally.snapshot import encode
from nodetally.store.open import open_store
from nodetally.store.publish import publish

NOW = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
STEP = timedelta(minutes=15)
DAY_STEPS = 100  # a bit more than a day, so that there is something to be compared with
Document = dict[str, Any]


def base(name: str, *options: str) -> Document:
    """One real pass over a simulated cluster."""
    with simulated(*options) as (config, _), tempfile.TemporaryDirectory() as folder:
        nodetally("run", "--kubeconfig", config, "--cluster", name, "--store", folder, "--format", "none")
        return newest(folder, name)


def busyness(moment: datetime) -> float:
    """0 in the night, 1 in the afternoon."""
    hour = moment.hour + moment.minute / 60
    return 0.5 - 0.5 * math.cos((hour - 3) / 24 * 2 * math.pi)


def scaled(document: Document, moment: datetime, least: float, top: float, spare: int) -> Document:
    """The snapshot as it might have been: `least` of its requests by night, `top` by day; `spare` nodes sleep."""
    made = deepcopy(document)
    busy = busyness(moment)
    made["slot"], made["taken_at"] = text(moment), text(moment + timedelta(seconds=2))
    made["trigger"] = "schedule"
    gone = round(spare * (1 - busy))
    ready = [node["name"] for node in made["nodes"] if node["ready"] and not node["conditions"]]
    left = set(ready[:: max(1, len(ready) // max(1, spare))][:gone])
    made["nodes"] = [node for node in made["nodes"] if node["name"] not in left]
    for node in made["nodes"]:
        noise = Random(f"{node['name']} {moment:%H}")
        share = (least + (top - least) * busy) * noise.uniform(0.97, 1.03)
        scale_node(node, share, busy * noise.uniform(0.8, 1.2))
    made["totals"] = totals(made["nodes"])
    made["schedulable_totals"] = totals([each for each in made["nodes"] if each["schedulable"]])
    for place in made["namespaces"] or []:
        for row in place["resources"].values():
            row.update({key: round(value * (least + (top - least) * busy)) for key, value in row.items() if value})
    return made


def scale_node(node: Document, share: float, busy: float) -> None:
    node["pods"]["counted"] = max(4, round(node["pods"]["counted"] * share))
    node["pods"]["pending"] = 0
    for name, row in node["resources"].items():
        whole = name not in ("cpu", "memory", "ephemeral-storage")
        for figure in ("requests", "limits", "scheduled", "containers"):
            if row.get(figure) and not whole:
                row[figure] = round(row[figure] * share)
        if row.get("usage") is not None:
            row["usage"] = round(row["usage"] * (0.45 + 0.5 * busy if name == "cpu" else 0.8 + 0.12 * busy))


def day(store: Path, document: Document, *, end: datetime = NOW, least: float, top: float, spare: int = 0) -> None:
    opened = open_store(str(store))
    for step in range(DAY_STEPS, -1, -1):
        moment = end - STEP * step
        made = scaled(document, moment, least, top, spare)
        publish(opened, made, encode(made))


def without_usage(document: Document, names: list[str]) -> None:
    for node in document["nodes"]:
        if node["name"] in names:
            for row in node["resources"].values():
                row["usage"] = None
    document["usage"] |= {
        "status": "partial",
        "reason": f"no measurement of {len(names)} of {len(document['nodes'])} nodes",
        "missing_nodes": names,
    }


def quiet(document: Document, left: int) -> Document:
    """Not everything is in trouble everywhere: only so many nodes stay not ready or cordoned."""
    for node in document["nodes"]:
        if not node["ready"] or not node["schedulable"] or node["conditions"]:
            if left > 0:
                left -= 1
                continue
            node |= {"ready": True, "schedulable": True, "cordoned": False, "conditions": [], "taints": []}
    document["unscheduled"] = {"pods": {"counted": 0}, "resources": {}}
    return document


def rename_pools(document: Document, names: dict[str, str], other: str) -> None:
    for node in document["nodes"]:
        node["pool"] = names.get(node["pool"], other)


def make(store: Path) -> None:
    eu = quiet(base("prod-eu-1", "--nodes", "100", "--pods", "3000", "--seed", "11"), 2)
    rename_pools(eu, {"pool00": "web", "pool01": "general", "pool02": "jobs", "pool03": "data"}, "general")
    day(store, eu, least=0.62, top=0.97, spare=14)
    ml = quiet(base("ml-eu-1", "--nodes", "18", "--pods", "420", "--seed", "5"), 0)
    for node in ml["nodes"][::2]:
        for each in ("capacity", "allocatable"):
            node["resources"].setdefault("nvidia.com/gpu", dict.fromkeys(FIGURES, 0) | {"usage": None})[each] = 4
        node["resources"]["nvidia.com/gpu"]["requests"] = node["resources"]["nvidia.com/gpu"]["limits"] = 3
        node |= {"pool": "gpu", "instance_type": "g6e.12xlarge"}
    for node in ml["nodes"]:
        row = node["resources"]["cpu"]
        row["requests"] = max(row["requests"], round(row["allocatable"] * (0.88 + 0.2 * Random(node["name"]).random())))
    day(store, ml, least=0.9, top=1.0)
    us = quiet(base("prod-us-2", "--nodes", "42", "--pods", "1100", "--seed", "7", "--cloud", "gke"), 3)
    day(store, us, end=NOW - timedelta(days=3), least=0.7, top=0.95)
    batch = quiet(base("batch-eu-1", "--nodes", "26", "--pods", "500", "--seed", "9"), 0)
    day(store, batch, end=NOW - STEP * 3, least=0.2, top=0.9)
    without_usage(batch, [node["name"] for node in batch["nodes"][3:7]])
    opened = open_store(str(store))
    for step in (2, 1, 0):
        made = scaled(batch, NOW - STEP * step, 0.2, 0.9, 0)
        publish(opened, made, encode(made))
    staging = quiet(base("staging", "--nodes", "10", "--pods", "160", "--seed", "2", "--cloud", "aks"), 0)
    day(store, staging, least=0.5, top=0.7)
    edge = quiet(base("edge-0042", "--nodes", "1", "--pods", "14", "--seed", "3"), 0)
    day(store, edge, least=0.5, top=0.6)


if __name__ == "__main__":
    make(Path(sys.argv[1]).absolute())
