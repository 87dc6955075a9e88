"""`make bench`: the budgets of a pass, each beside the limit or the alternative measured in the same run, interleaved.

Prints what it writes into benchmarks/: README.md, results.json and the plots. Times are of whole processes; CPU time
and peak memory are the operating system's. For a try: bench.py --small 200 --large 400 --repeats 1 --out FOLDER
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import importtime
import report
import sizes
from alternatives import READERS
from budgets import BOTO3, HELP, NOTHING, RESUMED, S3_PASS, budgets
from measuring import HERE, Command, interleaved
from simulated import NODETALLY, PODS_A_NODE, Simulated, latest, output, python, s3, simulated
from sizes import LIMIT, PASS

SLOW_EVERY = 3  # rounds: the alternatives take up to fifty times as long as a pass
PACKAGES = ("nodetally", "click", "orjson", "protobuf", "boto3", "kubernetes", "msgspec")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=int, default=10_000, metavar="PODS")
    parser.add_argument("--large", type=int, default=150_000, metavar="PODS")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--out", type=Path, default=HERE, metavar="FOLDER")
    chosen = parser.parse_args()
    results = run(chosen.small, chosen.large, chosen.repeats)
    (chosen.out / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    for name, content in report.files(results).items():
        (chosen.out / name).write_text(content)
    print((chosen.out / "README.md").read_text())


def run(small: int, large: int, repeats: int) -> dict[str, Any]:
    """All measurements, as results.json has them."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        environment = s3(stack, folder)
        with simulated(folder, max(1, small // PODS_A_NODE), small) as cluster:
            rows = interleaved(commands(cluster, folder, environment, small), repeats)
            costs = {"cold": latest(folder / "cold")["cost"], "resumed": _resumed_cost(folder)}
            check(cluster, folder / "cold")
            long = {
                "directory store": importtime.long_imports(cluster.pass_of(str(folder / "cold"))),
                "S3 store": importtime.long_imports(cluster.pass_of("s3://bench/cold", environment=environment)),
            }
        *smaller, largest = sizes.grid(large)
        points = [sizes.measured(folder, *size, sizes.repeats_at(size[1], large, repeats)) for size in smaller]
        with simulated(folder, *largest) as cluster:
            points.append(sizes.point(cluster, folder, *largest, sizes.repeats_at(large, large, repeats)))
            warm = output(python("warm.py", str(cluster.kubeconfig), str(repeats)))
    return {
        "machine": machine(),
        "small": small,
        "budgets": [each._asdict() for each in budgets(rows, costs, points[-1], warm)],
        "rows": [row.document() for row in rows.values()],
        "costs": costs,
        "sizes": sizes.document(points),
        "warm": {name: round(value, 4) for name, value in warm.items()},
        "imports": {what: [each._asdict() for each in found] for what, found in long.items()},
    }


def commands(cluster: Simulated, folder: Path, environment: Mapping[str, str], pods: int) -> dict[str, Command]:
    """What is measured at the small size, in the order of a round."""

    def changed() -> None:
        cluster.churn(max(1, pods // 100))

    cache = ("--cache", str(folder / "cache"))
    found = {
        LIMIT: cluster.drop(),
        PASS: cluster.pass_of(str(folder / "cold")),
        S3_PASS: cluster.pass_of("s3://bench/cold", environment=environment),
        RESUMED: cluster.pass_of(str(folder / "resumed"), *cache, before=changed),
        HELP: Command([NODETALLY, "--help"]),
        NOTHING: Command([sys.executable, "-c", "pass"]),
    }
    for module in ("http.client, ssl", "urllib3", "kubernetes.config", "boto3"):
        found[f"python -c 'import {module}'"] = Command([sys.executable, "-c", f"import {module}"])
    assert BOTO3 in found
    return found | {READERS[name]: Command(reading(name, cluster), every=SLOW_EVERY) for name in READERS}


def reading(name: str, cluster: Simulated) -> list[str]:
    return python("alternatives.py", name, str(cluster.kubeconfig))


def check(cluster: Simulated, store: Path) -> None:
    """Every alternative must have come to the figures of the snapshot, or what it took says nothing."""
    expected = {node["name"]: node["resources"]["cpu"]["containers"] for node in latest(store)["nodes"]}
    for name, title in READERS.items():
        if output(reading(name, cluster)) != expected:
            raise SystemExit(f"{title}: another tally than the snapshot's")


def _resumed_cost(folder: Path) -> dict[str, Any]:
    snapshot = latest(folder / "resumed")
    if snapshot["source"]["kind"] != "resume":
        raise SystemExit(f"not resumed: {snapshot['source']}")
    cost: dict[str, Any] = snapshot["cost"]
    return cost


def machine() -> dict[str, str]:
    if find_spec("msgspec") is None:
        raise SystemExit("msgspec is missing: run this by `make bench`")
    return {
        "processors": f"{os.cpu_count()}, {_processor()}",
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release().split('-')[0]} {platform.machine()}",
        "packages": ", ".join(f"{name} {version(name)}" for name in PACKAGES),
    }


def _processor() -> str:
    """Its name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


if __name__ == "__main__":
    main()
