"""A command in a process of its own, with what it did counted: modules loaded, functions called, memory held.

Counts say the same on every machine, where times would not. `counted` starts this file as a program.
"""

import importlib
import json
import subprocess
import sys
import threading
import tracemalloc
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

PACKAGE = "/nodetally/"


class Counts(NamedTuple):
    """What one run of a command came to."""

    packages: frozenset[str]  # third-party, by their import names
    modules: frozenset[str]  # all of them
    calls: Counter[str]  # of the package's own functions: "cluster/decode.py:pod_from_protobuf"
    peak_bytes: int  # held at once, as Python's own allocator saw it
    output: bytes


def counted(what: str, arguments: Sequence[str], folder: Path) -> Counts:
    """Run `nodetally` with these arguments to a good end; `what` is calls, memory or modules."""
    report = folder / "counts.json"
    command = [sys.executable, __file__, what, str(report), *arguments]
    done = subprocess.run(command, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    found = json.loads(report.read_text())
    modules = frozenset(found["modules"])
    tops = {name.partition(".")[0] for name in modules} - sys.stdlib_module_names - {"nodetally", "__main__"}
    return Counts(frozenset(tops), modules, Counter(found["calls"]), found["peak_bytes"], done.stdout)


def peak_bytes(act: Callable[[], object]) -> int:
    """How much Python's allocator held at once, of what `act` took."""
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


class Calls:
    """Calls of the package's functions, in this thread and in those that it starts."""

    def __init__(self) -> None:
        self._counters: list[Counter[Any]] = []
        self._own = threading.local()

    def start(self) -> None:
        threading.setprofile(self._seen)
        sys.setprofile(self._seen)

    def stop(self) -> Counter[str]:
        sys.setprofile(None)
        threading.setprofile(None)
        found: Counter[str] = Counter()
        for code, times in sum(self._counters, Counter[Any]()).items():
            _, inside, where = code.co_filename.rpartition(PACKAGE)
            if inside:
                found[f"{where}:{code.co_qualname}"] += times
        return found

    def _seen(self, frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            try:
                self._own.counter[frame.f_code] += 1
            except AttributeError:
                self._own.counter = Counter([frame.f_code])
                self._counters.append(self._own.counter)


def main(what: str, report: str, *arguments: str) -> None:
    before = set(sys.modules)
    calls = Calls()
    program = importlib.import_module("nodetally.cli.main").main
    if what == "memory":
        tracemalloc.start()
    if what == "calls":
        calls.start()
    try:
        program(list(arguments))
    except SystemExit as end:
        assert not end.code, end.code
    found = {
        "calls": calls.stop(),
        "peak_bytes": tracemalloc.get_traced_memory()[1] if what == "memory" else 0,
        "modules": sorted(set(sys.modules) - before),
    }
    Path(report).write_text(json.dumps(found))


if __name__ == "__main__":
    sys.path[:] = [each for each in sys.path if Path(each or ".").resolve() != Path(__file__).parent]
    main(*sys.argv[1:])
