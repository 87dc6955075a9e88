"""The whole torture; the seed and the figures are printed. ROUNDS=1 takes minutes; more takes as many times as long."""

import os
import random
import sys
import tempfile
import time
from pathlib import Path

from torture import disks, writers
from torture.kills import Killer
from torture.places import Place, places, write_dump

KILL_ROUNDS = {"directory": 300, "weed mini": 120}


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
    say("Nothing was lost, nothing was wrong.")


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


def tell(what: str, kind: str, start: float, figures: dict[str, int]) -> None:
    counts = ", ".join(f"{count:,} {name}" for name, count in figures.items())
    say(f"{what:8} {kind:10} {time.monotonic() - start:6.1f} s  {counts}")


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _new(folder: Path) -> Path:
    folder.mkdir()
    return folder


if __name__ == "__main__":
    main()
