"""`make coverage`, `make mutate`: which lines the tests run, and which changes to those lines no test notices.

A mutant is one module with one small change, in a copy of the package. The tests that run the changed line are run on
it, in a process of its own that is forked when pytest is loaded already. What no test fails on lives: a check that is
missing, code that is not needed, or a change that changes nothing. tests/README.md names the ones that may.

Mutation testers off the shelf leave out what is decorated (quantity.parse, ProtobufList), or run every test on each.
"""

import argparse
import hashlib
import json
import multiprocessing
import multiprocessing.util
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import coverage
import hypothesis
import pytest
from mutations import Mutant, mutants_of

MEASURED = tomllib.loads(Path("pyproject.toml").read_text())["tool"]["coverage"]["run"]["include"]
MODULES = [path for pattern in MEASURED for path in Path().glob(pattern) if path.stem != "__init__"]
TESTS = ["tests/unit", "tests/fuzz", "tests/contract"]
OUT = Path(".mutants")
SECONDS_FILE = OUT / "seconds.json"  # how long each test took
SLOW_SECONDS = 2.5  # a slower test starts servers or many processes: too dear to be run on each mutant
ENOUGH_SECONDS = 5  # of the quickest tests of a line: what these do not notice, hundreds more would hardly
DATA_BYTES = 3 << 30  # a mutant that loops may not eat the machine
WORKERS = 2


class Work(NamedTuple):
    """One mutant and the tests that run its line, the quickest first."""

    module: Path
    key: str
    line: int
    what: str
    source: str
    tests: tuple[str, ...]
    seconds: float


class Ordered:
    """A pytest plugin: of what is collected only these tests, in this order."""

    def __init__(self, tests: Sequence[str]) -> None:
        self.order = {test: at for at, test in enumerate(tests)}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted(
            (each for each in items if each.nodeid in self.order), key=lambda each: self.order[each.nodeid]
        )


class Timed:
    """A pytest plugin: how long each test takes, with what it sets up."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] += report.duration  # type: ignore[assignment]


def main() -> None:
    """The map of tests to lines; or the mutants of all modules, or of those whose path holds a word."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--map", action="store_true", help="run the tests and note which lines each one runs")
    parser.add_argument("--seconds", type=float, default=1e9, help="begin no mutant later; the next run goes on")
    parser.add_argument("words", nargs="*", help="modules whose path holds one of these words")
    options = parser.parse_args()
    OUT.mkdir(exist_ok=True)
    if options.map:
        sys.exit(map_tests())
    until = time.monotonic() + options.seconds
    survivors = 0
    for module in sorted(MODULES):
        if any(word in str(module) for word in options.words or [""]):
            survivors += mutate(module, until)
    sys.exit(f"{survivors} mutants live: kill them by a test, or tell tests/README.md why they may" if survivors else 0)


def map_tests() -> int:
    """Every test, each with the lines it runs, into .coverage; and how long it took."""
    timed = Timed()
    options = ["-q", "-n", str(WORKERS), "--cov", "--cov-context=test", "--cov-report="]
    options += ["-Wignore::pytest.PytestAssertRewriteWarning"]  # hypothesis is here already; of tests it says why
    failed = pytest.main([*TESTS, *options], plugins=[timed])
    SECONDS_FILE.write_text(json.dumps(timed.seconds))
    return int(failed)


def mutate(module: Path, until: float) -> int:
    """Try the mutants of a module that no earlier run has killed; prints the ones that live, returns how many."""
    kept = OUT / f"{module.parent.name}-{module.stem}.killed"
    killed = set(kept.read_text().split()) if kept.exists() else set()
    unchanged, *works = works_of(module)
    left = [work for work in works if work.key not in killed]
    with multiprocessing.get_context("fork").Pool(WORKERS, prepare) as pool:
        attempt = partial(fails_in_time, until=until)
        broken = pool.map(attempt, [unchanged] if left else [])
        if any(broken):
            sys.exit(f"{module}: its tests fail without any mutant: look into them, or run make coverage anew")
        outcomes = zip(left, pool.imap(attempt, left), strict=True)
        tried = {work: failed for work, failed in outcomes if failed is not None}
    killed = {work.key for work in works if work.key in killed or tried.get(work)}
    kept.write_text("\n".join(sorted(killed)))
    lives = [work for work, failed in tried.items() if not failed]
    rest = len(left) - len(tried)
    to_go = f", {rest} to go" if rest else ""
    say(f"{module}: {len(works)} mutants, {len(killed)} killed, {len(lives)} live{to_go}")
    for work in lives:
        say(f"  {module.name}:{work.line}: {work.what}  [{len(work.tests)} tests]")
    return len(lives)


def works_of(module: Path) -> Iterator[Work]:
    """A module as it is; then its mutants. Each with the tests of its lines: unit tests first, the quickest first.

    For a line that is run on import those are the tests of the whole module, and after them all others.
    """
    seconds: dict[str, float] = json.loads(SECONDS_FILE.read_text())
    lines = tests_by_line(module, seconds)
    own = set[str]().union(*lines.values())
    others = {name for each in MODULES for names in tests_by_line(each, seconds).values() for name in names} - own

    def by_cost(name: str) -> tuple[bool, float]:
        return not name.startswith("tests/unit"), seconds[name]

    def work(mutant: Mutant, names: set[str]) -> Work:
        ordered = sorted(names or own, key=by_cost)
        ordered += [] if names else sorted(others, key=by_cost)
        spent = list(accumulate(seconds[name] for name in ordered))
        quickest = tuple(name for name, so_far in zip(ordered, spent, strict=True) if so_far < ENOUGH_SECONDS)
        key = hashlib.sha256(f"{mutant.what} {mutant.part}".encode()).hexdigest()[:16]
        expected = min([ENOUGH_SECONDS, *spent[-1:]])
        return Work(module, key, mutant.lines[0], mutant.what, mutant.source, quickest, expected)

    source = module.read_text()
    yield work(Mutant((0,), "", "", source), set())
    for mutant in mutants_of(source):
        yield work(mutant, set[str]().union(*(lines.get(line, set()) for line in mutant.lines)))


def tests_by_line(module: Path, seconds: Mapping[str, float]) -> dict[int, set[str]]:
    """The tests that run each line of a module, but slow ones."""
    data = coverage.CoverageData()
    data.read()
    return {
        line: {name for each in found if seconds.get(name := each.rpartition("|")[0], SLOW_SECONDS) < SLOW_SECONDS}
        for line, found in data.contexts_by_lineno(str(module.resolve())).items()
    }


def prepare() -> None:
    """A worker's own copy of the package, found before the installed one; inputs are the same each time."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    copy = Path(tempfile.mkdtemp(prefix="mutants-"))
    multiprocessing.util.Finalize(None, shutil.rmtree, (copy, True), exitpriority=1)
    shutil.copytree("job", copy / "job", ignore=shutil.ignore_patterns("__pycache__"))
    sys.path.insert(0, str(copy / "job"))
    os.environ["PYTHONPATH"] = str(copy / "job")
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    sys.dont_write_bytecode = True
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)  # not to shrink: that it fails is enough
    hypothesis.settings.register_profile("mutants", database=None, derandomize=True, phases=phases)
    hypothesis.settings.load_profile("mutants")


def fails_in_time(work: Work, until: float) -> bool | None:
    """Whether a test fails on the mutant; None: not tried, for want of time."""
    if time.monotonic() > until:
        return None
    target = Path(sys.path[0]) / work.module.relative_to("job")
    target.write_text(work.source)
    try:
        return fails(nearest(work.tests), work.seconds) or fails(work.tests, work.seconds)
    finally:
        shutil.copyfile(work.module, target)


def nearest(tests: Sequence[str]) -> list[str]:
    """Those of the two files that know the line best: to import all of them takes longer than most mutants live."""
    files = Counter(test.split("::")[0] for test in tests)
    return [test for test in tests if test.split("::")[0] in dict(files.most_common(2))]


def fails(tests: Sequence[str], seconds: float) -> bool:
    """Run tests in a child; a child that does not end is a mutant that was noticed, too."""
    child = os.fork()
    if child == 0:
        os._exit(run_tests(tests))
    deadline = time.monotonic() + 15 + 4 * seconds
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status != 0
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def run_tests(tests: Sequence[str]) -> int:
    os.setsid()
    resource.setrlimit(resource.RLIMIT_DATA, (DATA_BYTES, DATA_BYTES))
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    files = sorted({test.split("::")[0] for test in tests})
    options = ["-x", "-q", "--tb=no", "--assert=plain", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:cov"]
    ended = pytest.main([*files, *options], plugins=[Ordered(tests)]) if tests else pytest.ExitCode.OK
    return 0 if ended == pytest.ExitCode.NO_TESTS_COLLECTED else int(ended)  # those that ran the line have other names


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
