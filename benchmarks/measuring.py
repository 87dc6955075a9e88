"""Commands in, what they cost out: whole processes, CPU time and peak memory as the operating system counts them."""

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
LAUNCHER = [sys.executable, "-I", "-S", str(HERE / "launcher.py")]
SLOT = "{slot}"  # in a command: a time of its own for each run, so that no pass finds its snapshot stored
_seconds = count()


class Figures(NamedTuple):
    """One run of a command."""

    wall_seconds: float
    cpu_seconds: float
    peak_mb: float
    exit_code: int = 0
    errors: str = ""


@dataclass(frozen=True)
class Command:
    """What is measured; `before` comes first and is not, `every` n-th round alone has the slow ones."""

    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    before: Callable[[], object] | None = None
    every: int = 1


class Row(NamedTuple):
    """Medians of one command's runs; the spread is of wall time."""

    what: str
    wall: float
    fastest: float
    slowest: float
    cpu: float
    peak_mb: float
    runs: int

    @classmethod
    def of(cls, what: str, runs: Sequence[Figures]) -> "Row":
        walls = [each.wall_seconds for each in runs]
        cpu = statistics.median(each.cpu_seconds for each in runs)
        peak = statistics.median(each.peak_mb for each in runs)
        return cls(what, statistics.median(walls), min(walls), max(walls), cpu, peak, len(runs))

    def document(self) -> dict[str, Any]:
        """As results.json has it: figures that say no more than the clock can."""
        return {name: round(value, 4) if isinstance(value, float) else value for name, value in self._asdict().items()}


def measure(command: Command, *, data_bytes: int = 0, cpu_share: float = 1.0, may_fail: bool = False) -> Figures:
    """Run a command to its end; a failure is an error, never a fast run, unless it may fail."""
    if command.before:
        command.before()
    arguments = [_slot() if each == SLOT else each for each in command.arguments]
    with tempfile.NamedTemporaryFile(mode="r") as figures:
        done = subprocess.run(
            [*LAUNCHER, figures.name, str(data_bytes), str(cpu_share), *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **command.environment},
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(arguments)} was not started:\n{done.stderr}")
        wall, cpu, peak, code = figures.read().split()
    if int(code) and not may_fail:
        raise SystemExit(f"{' '.join(arguments)} exited {code}:\n{done.stderr}")
    return Figures(float(wall), float(cpu), float(peak) / 1e6, int(code), done.stderr)


def _slot() -> str:
    return (datetime(2026, 11, 23, tzinfo=UTC) + timedelta(seconds=next(_seconds))).strftime("%Y-%m-%dT%H:%M:%SZ")


def interleaved(commands: Mapping[str, Command], repeats: int) -> dict[str, Row]:
    """Each command in turn, again and again, so that all of them meet the same weather; one round to warm up."""
    runs: dict[str, list[Figures]] = {what: [] for what in commands}
    for round_ in range(repeats + 1):
        for what, command in commands.items():
            if (round_ - 1) % command.every:
                continue
            figures = measure(command)
            if round_:
                runs[what].append(figures)
    return {what: Row.of(what, figures) for what, figures in runs.items()}
