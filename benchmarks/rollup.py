"""What a rollup of a large day costs: seconds, peak memory of the process, bytes stored. `make bench-rollup`.

The day is that of a cluster whose nodes keep their labels, where one node in twenty gets or loses pods from a slot to
the next, and usage moves everywhere: NODES=5000 SLOTS=1440 unless the environment says otherwise.
"""

import os
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))

import documents
from nodetally import snapshot
from nodetally.store.layout import parse_snapshot_key, snapshot_key
from paths import NODETALLY

NODES, SLOTS = int(os.environ.get("NODES", "5000")), int(os.environ.get("SLOTS", "1440"))
DAY = "2026-11-23"


def write_day(folder: Path) -> int:
    """Snapshots straight into a directory store; returns their bytes."""
    chance, size = random.Random(7), 0
    document = documents.many(NODES)
    for at in range(SLOTS):
        seconds = at * 86_400 // SLOTS
        slot = f"{DAY}T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}Z"
        for node in document["nodes"]:
            change(node, chance)
        path = folder / snapshot_key("big", slot)
        assert parse_snapshot_key(str(path.relative_to(folder)))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(snapshot.encode(document | {"cluster": "big", "slot": slot, "taken_at": slot}))
        size += path.stat().st_size
    return size


def change(node: dict[str, Any], chance: random.Random) -> None:
    """Usage moves; one time in twenty pods come or go."""
    for figures in (node["resources"]["cpu"], node["resources"]["memory"]):
        if chance.random() < 0.05:
            figures["requests"] = figures["scheduled"] = figures["containers"] = chance.randrange(
                figures["allocatable"]
            )
        figures["usage"] = int(figures["requests"] * (0.3 + chance.random() / 5))


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        size = write_day(folder)
        begun = time.monotonic()
        command = [NODETALLY, "store", "rollup", "--store", str(folder), "--cluster", "big", "--format", "json"]
        done = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert done.stdout
        done.stdout.read()
        _, status, usage = os.wait4(done.pid, 0)
        seconds = time.monotonic() - begun
        assert status == 0, status
        print(f"{NODES:,} nodes x {SLOTS:,} slots, snapshots {size / 1e6:,.1f} MB")
        print(f"rollup: {seconds:,.1f} s, peak RSS {usage.ru_maxrss / 1024:,.0f} MiB")
        for path in sorted(folder.glob("rollups/*/*/*/*")):
            kind = re.search("kind=([a-z]+)", str(path))
            print(f"  {kind and kind[1]}: {path.stat().st_size / 1e6:,.2f} MB")


if __name__ == "__main__":
    main()
