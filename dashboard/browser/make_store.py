# ruff: noqa: S310, S603  # it starts the simulator and speaks to it on loopback
"""A store to look at and to test the page with, made by the nodetally command line: `make_store.py FOLDER`.

Clusters: `prod-eu-1` (live, a day of history with a gap, then eight days thinly), `prod-us-2` (stale, nodes not
ready), `batch` (usage unknown for some nodes), `big` (5,000 nodes), `hostile` (markup in every name), `solo` (one
snapshot), `none` (0 nodes), `odd` (more requested or used than there is, amounts unknown), `damaged-index`,
`damaged-day`, `damaged-snapshot`, and `newer` (a schema of the future).
"""

import contextlib
import gzip
import io
import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from nodetally.cli.main import main
from nodetally.snapshot import encode
from nodetally.store.open import open_store
from nodetally.store.publish import publish

COMMAND = Path(sys.executable).with_name("nodetally")
STEP = timedelta(minutes=15)
MARKUP = "<img src=x onerror=alert(1)>"
FIGURES = ("capacity", "allocatable", "requests", "limits", "scheduled", "containers", "usage")


def nodetally(*arguments: str) -> None:
    """One command, in this process: a start of Python for each of some 300 passes would take minutes."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        try:
            main(arguments)
        except SystemExit as end:
            if end.code:
                raise SystemExit(f"nodetally {' '.join(arguments)}: {said.getvalue()}") from None


def text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@contextlib.contextmanager
def simulated(*options: str) -> Iterator[tuple[str, str]]:
    """A simulated cluster: its kubeconfig and its address."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "kubeconfig")
        command = [str(COMMAND), "simulate", "--port", "0", "--write-kubeconfig", str(config), *options]
        server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            while not config.exists() or not config.read_text():
                time.sleep(0.1)
            found = re.search(r"http://127\.0\.0\.1:\d+", config.read_text())
            yield str(config), found[0] if found else ""
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait()


def churn(address: str, pods: int) -> None:
    request = urllib.request.Request(f"{address}/_simulate/churn?pods={pods}&kind=replace", method="POST")
    urllib.request.urlopen(request).close()


def get(address: str, path: str) -> Any:
    with urllib.request.urlopen(f"{address}{path}") as answer:
        return json.load(answer)


def dump_of(address: str) -> dict[str, Any]:
    """What `kubectl get nodes,pods -A -o json` would write."""
    items = []
    for kind, path in (("Node", "/api/v1/nodes"), ("Pod", "/api/v1/pods")):
        items += [{**item, "kind": kind, "apiVersion": "v1"} for item in get(address, path)["items"]]
    return {"kind": "List", "apiVersion": "v1", "items": items}


def main_cluster(store: str, now: datetime) -> None:
    """Eight days of four passes, then 26 hours of one each quarter, two of them missing."""
    with simulated("--nodes", "40", "--pods", "1200") as (config, address):
        first = now - timedelta(hours=26)
        slots = [first - timedelta(hours=6 * step) for step in range(32, 0, -1)]
        slots += [first + STEP * step for step in range(26 * 4 + 1)]
        gap = (now - timedelta(hours=9), now - timedelta(hours=7))
        for number, slot in enumerate(slots):
            if not gap[0] < slot < gap[1]:
                nodetally("run", "--kubeconfig", config, "--cluster", "prod-eu-1", "--store", store, "--at", text(slot),
                          "--trigger", "schedule", "--format", "none")  # fmt: skip
            churn(address, 20 + number * 7 % 90)


def stale_cluster(store: str, now: datetime, folder: Path) -> None:
    """A day of hourly passes that ended three days ago; three nodes not ready, one gone half way, no usage."""
    with simulated("--nodes", "30", "--pods", "700", "--seed", "7", "--cloud", "gke") as (_, address):
        dump = dump_of(address)
    nodes = [item for item in dump["items"] if item["kind"] == "Node"]
    for node in nodes[:3]:
        node["status"]["conditions"] = [
            {"type": "Ready", "status": "False"},
            {"type": "DiskPressure", "status": "True"},
        ]
    nodes[4]["spec"]["unschedulable"] = True
    whole, less = folder / "whole.json", folder / "less.json"
    whole.write_text(json.dumps(dump))
    gone = nodes[-1]["metadata"]["name"]
    dump["items"] = [item for item in dump["items"] if item["metadata"]["name"] != gone]
    less.write_text(json.dumps(dump))
    last = now - timedelta(days=3)
    for hour in range(24, -1, -1):
        slot = text(last - timedelta(hours=hour))
        nodetally("run", "--dump", str(whole if hour > 12 else less), "--cluster", "prod-us-2", "--store", store,
                  "--at", slot, "--trigger", "schedule", "--format", "none")  # fmt: skip


def partial_cluster(store: str, now: datetime) -> None:
    """Half-hourly; usage unknown for four nodes since an hour."""
    for missing, steps in ((0, range(40, 2, -1)), (4, range(2, -1, -1))):
        options = ["--nodes", "26", "--pods", "520", "--seed", "5", "--metrics-missing", str(missing)]
        with simulated(*options) as (config, address):
            for step in steps:
                nodetally("run", "--kubeconfig", config, "--cluster", "batch", "--store", store, "--format", "none",
                          "--at", text(now - 2 * STEP * step), "--trigger", "schedule")  # fmt: skip
                churn(address, 40)


def big_cluster(store: str, now: datetime) -> None:
    with simulated("--nodes", "5000", "--pods", "40000", "--seed", "3") as (config, address):
        for hour in (2, 1, 0):
            nodetally("run", "--kubeconfig", config, "--cluster", "big", "--store", store, "--format", "none",
                      "--at", text(now - timedelta(hours=hour)), "--trigger", "schedule")  # fmt: skip
            churn(address, 2000)


def hostile_objects() -> Iterator[dict[str, Any]]:
    """Names, labels, taints and resources full of markup, control signs and text that runs backwards."""
    names = [MARKUP, "</script><script>alert(2)</script>", "\u202egnp.exe", "=HYPERLINK(1)", 'quo"te\'s &amp; \x1b[31m',
             "a" * 253]  # fmt: skip
    for number, name in enumerate(names):
        sizes = {"cpu": "4", "memory": "16Gi", "pods": "110", f"evil.example/{MARKUP}": "2"}
        labels = {"topology.kubernetes.io/zone": MARKUP, "eks.amazonaws.com/nodegroup": f"<b>pool-{number % 2}</b>",
                  "node.kubernetes.io/instance-type": "javascript:alert(3)"}  # fmt: skip
        info = {"kubeletVersion": "<i>v1</i>", "osImage": MARKUP, "architecture": "<u>"}
        states = [{"type": "Ready", "status": "True"}, {"type": MARKUP, "status": "True"}]
        yield {"kind": "Node", "metadata": {"name": name, "labels": labels, "uid": f"u{number}"},
               "spec": {"taints": [{"key": MARKUP, "value": "<svg/onload=alert(4)>", "effect": "NoSchedule"}]},
               "status": {"capacity": sizes, "allocatable": sizes, "conditions": states, "nodeInfo": info}}  # fmt: skip
    for number, node in enumerate([*names, *names, None, "gone-<b>node</b>"]):
        asked = {"requests": {"cpu": "1500m", "memory": "3Gi"}, "limits": {"cpu": "3"}}
        spec = {"containers": [{"name": "c", "resources": asked}]} | ({"nodeName": node} if node else {})
        yield {"kind": "Pod", "metadata": {"name": f"p{number}", "namespace": f"<em>ns-{number % 3}</em>"},
               "spec": spec, "status": {"phase": "Running" if node else "Pending"}}  # fmt: skip


def hostile_cluster(store: str, now: datetime, folder: Path) -> None:
    path = folder / "hostile.json"
    path.write_text(json.dumps({"kind": "List", "items": list(hostile_objects())}))
    nodetally(
        "run", "--dump", str(path), "--cluster", "hostile", "--store", store, "--at", text(now), "--format", "none"
    )


def newest(store: str, cluster: str) -> dict[str, Any]:
    return dict(json.loads(gzip.decompress(Path(store, f"clusters/{cluster}/latest.json.gz").read_bytes())))


def totals(nodes: list[dict[str, Any]]) -> dict[str, Any]:
    """As a pass adds up: what a node does not have is 0, what it does not know makes the sum unknown."""

    def plus(values: list[int | None]) -> int | None:
        return None if None in values else sum(value for value in values if value is not None)

    def of(name: str, figure: str) -> int | None:
        return plus([node["resources"][name].get(figure) for node in nodes if name in node["resources"]])

    flags = {key: sum(bool(node[key]) for node in nodes) for key in ("ready", "schedulable")}
    return {
        "nodes": {"count": len(nodes), **flags},
        "pods": {key: plus([node["pods"][key] for node in nodes]) for key in nodes[0]["pods"]},
        "resources": {
            name: {figure: of(name, figure) for figure in FIGURES}
            for name in sorted({name for node in nodes for name in node["resources"]})
        },
    }


def odd_figures(store: str, now: datetime) -> None:
    """Nodes of which more is asked or measured than they have, which have nothing, or of which nothing is known."""
    document = newest(store, "prod-eu-1") | {"cluster": "odd", "slot": text(now), "taken_at": text(now)}
    nodes = document["nodes"] = document["nodes"][:6]
    names = ["over", "hot", "empty", "unsaid", "bare", "idle"]
    for node, name in zip(nodes, sorted(names), strict=True):
        node["name"], cpu = name, node["resources"]["cpu"]
        if name == "over":
            cpu["requests"] = cpu["allocatable"] * 3
        elif name == "hot":
            cpu["usage"] = cpu["allocatable"] * 3 // 2
        elif name == "empty":
            cpu["allocatable"] = cpu["capacity"] = 0
        elif name == "unsaid":
            cpu["allocatable"] = None
        elif name == "bare":
            node["resources"] = {}
        else:
            cpu |= dict.fromkeys(("requests", "limits", "usage"), 0)
    document |= {"totals": totals(nodes), "schedulable_totals": totals(nodes)}
    publish(open_store(store), document, encode(document))
    with simulated("--nodes", "0", "--pods", "0") as (config, _):
        nodetally("run", "--kubeconfig", config, "--cluster", "none", "--store", store, "--format", "none",
                  "--at", text(now))  # fmt: skip


def odd_clusters(store: str, now: datetime, folder: Path) -> None:
    """One snapshot only; and clusters of which one document each is damaged, or newer than the page."""
    dump = str(folder / "whole.json")
    names = ("solo", "damaged-index", "damaged-day", "damaged-snapshot", "newer")
    for name in names:
        for hours in (0,) if name == "solo" else (25, 1, 0):
            slot = text(now - timedelta(hours=hours))
            nodetally("run", "--dump", dump, "--cluster", name, "--store", store, "--at", slot, "--format", "none")
    root = Path(store)
    (root / "clusters/damaged-index/index.json").write_text('{"schema": 1, "clu')
    yesterday = text(now - timedelta(hours=25))
    (root / f"clusters/damaged-day/days/{yesterday[:10]}.json").write_bytes(b"\x00\x01 no JSON")
    key = re.sub("[-:]", "", text(now - timedelta(hours=1)))
    folder_of = root / f"snapshots/cluster=damaged-snapshot/date={text(now - timedelta(hours=1))[:10]}"
    (folder_of / f"{key}.json.gz").write_bytes(b"\x1f\x8b cut short")
    index = root / "clusters/newer/index.json"
    index.write_text(json.dumps(json.loads(index.read_text()) | {"schema": 2}))
    listed = root / "clusters.json"
    names_listed = [*json.loads(listed.read_text())["clusters"], f"evil/{MARKUP}"]
    listed.write_text(json.dumps({"schema": 1, "clusters": names_listed}))


def make(store: Path) -> None:
    shutil.rmtree(store, ignore_errors=True)
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    now -= timedelta(minutes=now.minute % 15)
    folder, root = Path(tempfile.mkdtemp()), str(store)
    try:
        stale_cluster(root, now, folder)
        partial_cluster(root, now)
        hostile_cluster(root, now, folder)
        main_cluster(root, now)
        big_cluster(root, now)
        odd_figures(root, now)
        odd_clusters(root, now, folder)
    finally:
        shutil.rmtree(folder)
    (store / "made.json").write_text(json.dumps({"now": text(now)}))


if __name__ == "__main__":
    make(Path(sys.argv[1]).absolute())
