"""What a pass imports, and what of it takes long: python -X importtime, read; each line of 20 ms has its reason."""

import os
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from measuring import SLOT, Command

LONG_MS = 20
PREFIX = "import time:"
OWN = "nodetally"
REASONS = {
    "click": "the command line: options with their variables, help, errors that name the fix",
    "http.client": "the connection to the API server, with `ssl` in it",
    "google.protobuf": "the C decoder of what the API server sends",
    "botocore": "speaks S3; loaded in a thread while the list streams, and only for s3:// stores",
}


class Import(NamedTuple):
    """A package's module imported by ours, or one of ours by itself."""

    module: str
    milliseconds: float
    reason: str | None


def long_imports(command: Command, repeats: int = 3) -> list[Import]:
    """Medians over some runs, the longest first; no reason is a debt that the report names."""
    found: dict[str, list[float]] = defaultdict(list)
    for _ in range(repeats):
        for module, milliseconds in outermost(_importtime(command)):
            found[module].append(milliseconds)
    medians = {module: statistics.median(times) for module, times in found.items()}
    long = sorted((each for each in medians.items() if each[1] >= LONG_MS), key=lambda each: -each[1])
    return [Import(module, milliseconds, reason(module)) for module, milliseconds in long]


def reason(module: str) -> str | None:
    return next((why for name, why in REASONS.items() if module == name or module.startswith(f"{name}.")), None)


def _importtime(command: Command) -> list[str]:
    arguments = ["2026-01-01T00:00:00Z" if each == SLOT else each for each in command.arguments]
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments],
        env={**os.environ, **command.environment},
        check=True,
        capture_output=True,
        text=True,
    )
    return [line for line in done.stderr.splitlines() if line.startswith(PREFIX)]


def outermost(lines: Iterable[str]) -> Iterator[tuple[str, float]]:
    """Modules of others with all that they bring, where ours import them; ours with their own time alone.

    >>> list(outermost(["import time: 10 | 10 |     ssl", "import time: 90 | 100 |   http.client", "import time: 7 | 107 | nodetally.a"]))
    [('nodetally.a', 0.007), ('http.client', 0.1)]
    """
    within: list[tuple[int, str]] = []  # the lines come children first, so they are read from the end
    for line in reversed(list(lines)):
        own, total, name = line.removeprefix(PREFIX).split("|")
        if not own.strip().isdecimal():
            continue  # the heading
        depth, module = len(name) - len(name.lstrip()), name.strip()
        while within and within[-1][0] >= depth:
            within.pop()
        if is_own(module):
            yield module, int(own) / 1000
        elif all(is_own(each) for _, each in within):
            yield module, int(total) / 1000
        within.append((depth, module))


def is_own(module: str) -> bool:
    return module.split(".")[0] == OWN
