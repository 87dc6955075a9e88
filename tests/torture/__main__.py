"""The whole torture; the seed and the figures are printed. ROUNDS=1 takes minutes; more takes as many times as long.

tests/README.md keeps the figures. A breach ends it with what was wrong, and exit code 1.
"""

import os
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import s3_table
import servers
from fuzz.__main__ import TARGETS, try_inputs
from torture import disks, writers
from torture.kills import Killer
from torture.places import Place, places, write_dump

KILL_ROUNDS = {"directory": 300, "weed mini": 120}
SLOW = ("dump", "readers", "velero", "velero's metadata", "tarballs", "kubeconfigs", "rollups")
INPUTS = {"writers": 200, "prometheus": 300, **dict.fromkeys(SLOW, 1_000)}  # of these fuzz targets, some seconds each
OTHER_INPUTS = 5_000


def main() -> None:
    """Everything, on both kinds of store."""
    rounds = int(os.environ.get("ROUNDS") or 1)
    seed = int(os.environ.get("SEED") or random.randrange(1 << 32))
    say(f"SEED={seed} ROUNDS={rounds}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # another user's passes are to get as far as the store
        dump = write_dump(folder / "dump.json")
        with places(folder) as both:
            for place in both:
                kill(place, dump, folder, random.Random(f"{seed}/kills/{place.kind}"), rounds)
            for place in both:
                race(place, dump, folder, f"{seed}/writers/{place.kind}", rounds)
        fill(dump, folder, rounds)
        meet_faults(dump, folder)
    for name in TARGETS:
        feed(name, INPUTS.get(name, OTHER_INPUTS) * rounds, seed)
    say("Breaches found: 0. Nothing was lost, nothing was wrong.")


def kill(place: Place, dump: Path, folder: Path, chance: random.Random, rounds: int) -> None:
    start = time.monotonic()
    killer = Killer(place, dump, _new(folder / f"kills-{place.kind}"), chance)
    killer.steps()
    for number in range(KILL_ROUNDS[place.kind] * rounds):
        killer.round(number)
    killer.finish()
    tell("kills", place.kind, start, killer.figures)


def race(place: Place, dump: Path, folder: Path, seed: str, rounds: int) -> None:
    start = time.monotonic()
    tell("writers", place.kind, start, writers.race(place, dump, _new(folder / f"race-{place.kind}"), seed, rounds))


def fill(dump: Path, folder: Path, rounds: int) -> None:
    start = time.monotonic()
    tell("disks", "directory", start, disks.fill(dump, _new(folder / "disks"), rounds))


def meet_faults(dump: Path, folder: Path) -> None:
    """The whole table of S3 faults: each request of a pass and each harm."""
    start = time.monotonic()
    with servers.s3_server(folder / "table") as server, s3_table.bench(server, dump) as bench:
        ends = Counter(bench.hold(request, fault).code for request, fault in s3_table.TABLE)
        figures = {"faults": ends.total(), "passes that went on": ends[0], "exits 5": ends[5]}
        tell("faults", "weed mini", start, {**figures, "acknowledged": len(bench.acknowledged)})


def feed(name: str, inputs: int, seed: int) -> None:
    """Made-up input for one of the readers; any breach is an assertion that fails."""
    start = time.monotonic()
    tell("inputs", name, start, {"tried": try_inputs(name, inputs, str(seed))})


def tell(what: str, kind: str, start: float, figures: dict[str, int]) -> None:
    counts = ", ".join(f"{count:,} {name}" for name, count in figures.items())
    say(f"{what:8} {kind:17} {time.monotonic() - start:6.1f} s  {counts}")


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _new(folder: Path) -> Path:
    folder.mkdir()
    return folder


if __name__ == "__main__":
    main()
