"""`make bench-shards`: a long backfill as one process, and as several that share it, into one S3 bucket.

Writes benchmarks/shards.md. The S3 server runs on the same processors, so what is gained is less than where it does not.
"""

import json
import os
import platform
import tempfile
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

from measuring import HERE, Command, Row, interleaved
from simulated import CLUSTER, NODETALLY, s3, simulated

SHARDS = (1, 2, 4)
DAYS, DUMPS_A_DAY = 8, 6
NODES, PODS = 20, 600
REPEATS = 3


def main() -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        environment = s3(stack, folder)
        dumps = folder / "dumps"
        size = write_dumps(dumps, folder)
        commands = {f"{each} process{'es' * (each > 1)}": filling(dumps, each, environment) for each in SHARDS}
        rows = interleaved(commands, REPEATS)
    text = report(list(rows.values()), size)
    (HERE / "shards.md").write_text(text)
    print(text)


def write_dumps(dumps: Path, folder: Path) -> int:
    """One dump under the names of many times; its bytes."""
    dumps.mkdir()
    whole = folder / "dump.json"
    with simulated(folder, NODES, PODS) as cluster:
        server = json.loads(cluster.kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
        items = []
        for kind, path in (("Node", "nodes"), ("Pod", "pods")):
            with urllib.request.urlopen(f"{server}/api/v1/{path}") as answer:
                items += [{"apiVersion": "v1", "kind": kind, **each} for each in json.load(answer)["items"]]
    whole.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": items}))
    for day in range(DAYS):
        for hour in range(DUMPS_A_DAY):
            slot = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(days=day, hours=hour)
            (dumps / f"{slot:%Y%m%dT%H%M%SZ}.json").symlink_to(whole)
    return whole.stat().st_size


def filling(dumps: Path, shards: int, environment: Mapping[str, str]) -> Command:
    """The whole backfill into a prefix of its own; it fails where one of its processes does."""
    place = f"--cluster {CLUSTER} --store s3://bench/shards-$$ --every 1h"
    parts = [
        f"{NODETALLY} backfill dumps {dumps} --time-from name {place} --shard {at}/{shards} & p{at}=$!"
        for at in range(shards)
    ]
    waits = " && ".join(f"wait $p{at}" for at in range(shards))
    return Command(["/bin/sh", "-c", "\n".join([*parts, waits])], environment)


def report(rows: list[Row], size: int) -> str:
    """The table, and what is gained."""
    alone = rows[0]
    table = [
        f"| {row.what} | {row.wall:.1f} ({row.fastest:.1f}–{row.slowest:.1f}) | {alone.wall / row.wall:.2f} | {row.cpu:.1f} |"
        for row in rows
    ]
    return "\n".join(
        [
            "# One backfill, several processes",
            "",
            f"Written by `make bench-shards`: {DAYS * DUMPS_A_DAY} dumps of {size / 1e6:.0f} MB ({NODES} nodes, {PODS} pods each) over {DAYS} days,",
            f"into one bucket of SeaweedFS on the same {os.cpu_count()} processors; {REPEATS} runs each, interleaved, medians. Python {platform.python_version()}.",
            "",
            "| `--shard i/n` | wall s (fastest–slowest) | times as fast | CPU s |",
            "|---|---|---|---|",
            *table,
            "",
            "More processes than processors gain nothing here; each has its start-up to pay. That the store is the same as one",
            "process makes, `make test-past` shows.",
            "",
        ]
    )


if __name__ == "__main__":
    main()
