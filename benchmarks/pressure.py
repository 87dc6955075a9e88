"""`make bench-pressure`: passes where memory, the link, the API server or the processor is short; writes pressure.md.

What can finish must finish with every pod counted; what cannot must fail as designed, with the exit code that says
where, and nothing stored. Anything else is bold in the report, and ends this with an error.
"""

import argparse
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import report
from measuring import HERE, Command, Figures, measure
from simulated import PODS_A_NODE, Simulated, latest, s3, simulated

MIB = 1 << 20
BYTES_A_MEGABIT = 125_000
DONE, CLUSTER_NOT_READ = 0, 3  # exit codes of nodetally
NOT_KEPT = "will not find a warm cache"  # a warning of nodetally's: the snapshot is stored
TENTH = 0.1  # of one processor
TOO_MANY = {"path_prefix": "/api/v1", "status": 429, "headers": {"Retry-After": "1"}, "times": None}


@dataclass(frozen=True)
class Case:
    """One pass under pressure, and how it must end."""

    what: str
    command: Command
    expected: int = DONE
    data_bytes: int = 0
    cpu_share: float = 1.0
    store: Path | None = None  # None: in S3, where a pass says for itself that it stored


class Pressure:
    """The cases in groups, each with clusters of its own."""

    def __init__(self, stack: ExitStack, folder: Path, small: int, large: int) -> None:
        self._stack, self._folder, self._small, self._large = stack, folder, small, large
        self._stores = 0

    def groups(self) -> Iterator[tuple[str, Iterator[tuple[Case, int]]]]:
        """A heading and its cases with the pods that each must read; a case is measured before the next is asked for."""
        yield f"Memory: {self._large:,} pods", self._memory()
        yield f"A slow link: {self._small:,} pods", self._link()
        yield f"An API server that answers 429: {self._small:,} pods", self._refused()
        yield "A tenth of a processor", self._processor()

    def _cluster(self, pods: int, *options: str) -> Simulated:
        return self._stack.enter_context(simulated(self._folder, max(1, pods // PODS_A_NODE), pods, *options))

    def _case(self, cluster: Simulated, what: str, *options: str, expected: int = DONE, mib: int = 0, share: float = 1.0) -> Case:  # fmt: skip
        self._stores += 1
        store = self._folder / f"store-{self._stores}"
        return Case(what, cluster.pass_of(str(store), *options), expected, mib * MIB, share, store)

    def _memory(self) -> Iterator[tuple[Case, int]]:
        cluster, pods = self._cluster(self._large), self._large
        environment = s3(self._stack, self._folder)
        for mib in (0, 256, 128):
            said = f"{mib} MiB" if mib else "no limit"
            yield self._case(cluster, f"cold, directory store: {said}", mib=mib), pods
            into = cluster.pass_of("s3://bench/pressure", environment=environment)
            yield Case(f"cold, S3 store: {said}", into, data_bytes=mib * MIB), pods
            cache = str(self._folder / f"cache-{mib}")
            yield self._case(cluster, f"filling a kept cache: {said}", "--cache", cache, mib=mib), pods

    def _link(self) -> Iterator[tuple[Case, int]]:
        pods = self._small
        for megabits in (0, 100, 10):
            cluster = self._cluster(pods, *(["--pace", str(megabits * BYTES_A_MEGABIT)] if megabits else []))
            said = f"{megabits} Mbit/s" if megabits else "no limit"
            yield self._case(cluster, f"{said}, as it is"), pods
            yield self._case(cluster, f"{said}, --gzip", "--gzip"), pods
        yield self._case(cluster, f"{said}, --timeout 2s", "--timeout", "2s", expected=CLUSTER_NOT_READ), pods

    def _refused(self) -> Iterator[tuple[Case, int]]:
        cluster, pods, paged = self._cluster(self._small), self._small, ("--page-size", "500")
        yield self._case(cluster, "none, pages of 500", *paged), pods
        for every in (10, 3):
            cluster.fault(**TOO_MANY, every=every)
            yield self._case(cluster, f"one request in {every}, pages of 500", *paged), pods
            cluster.heal()
        cluster.fault(**TOO_MANY, every=2)
        yield self._case(cluster, "one request in 2, one list"), pods
        cluster.heal()
        cluster.fault(**TOO_MANY)
        yield self._case(cluster, "every request", expected=CLUSTER_NOT_READ), pods
        cluster.heal()

    def _processor(self) -> Iterator[tuple[Case, int]]:
        for pods in (self._small, self._large):
            cluster = self._cluster(pods)
            yield self._case(cluster, f"{pods:,} pods: a whole one"), pods
            yield self._case(cluster, f"{pods:,} pods: a tenth", share=TENTH), pods


def ended(case: Case, pods: int) -> tuple[str, ...]:
    """Measure a case, hold it to what it must come to, and tell it as a row."""
    figures = measure(case.command, data_bytes=case.data_bytes, cpu_share=case.cpu_share, may_fail=True)
    breach = breach_of(case, figures, pods)
    done = "done, the cache not kept" if NOT_KEPT in figures.errors else "done"
    told = f"**{breach}**" if breach else done if figures.exit_code == DONE else error_of(figures)
    return case.what, told, f"{figures.wall_seconds:.2f}", f"{figures.cpu_seconds:.2f}", f"{figures.peak_mb:.0f}"


def breach_of(case: Case, figures: Figures, pods: int) -> str | None:
    """What is not as it must be: a pass that is done has counted every pod; another has left no snapshot."""
    if figures.exit_code != case.expected:
        return f"{error_of(figures)}, where {case.expected} was due"
    if case.store and figures.exit_code == DONE:
        read = latest(case.store)["cost"]["pods_read"]
        return None if read == pods else f"it read {read} pods"
    return "it failed, and stored something" if case.store and list(case.store.rglob("*.json*")) else None


def error_of(figures: Figures) -> str:
    """Its exit code and its error, without the address: that is another each time."""
    lines = figures.errors.strip().splitlines()
    error = next((line for line in lines if line.startswith("Error")), lines[-1] if lines else "")
    return f"exit {figures.exit_code}: {re.sub(r'http://[0-9.:]+', '', error.removeprefix('Error: '))}"


def described(found: Mapping[str, list[tuple[str, ...]]]) -> list[str]:
    lines = [
        "# Under pressure",
        "",
        "Written by `make bench-pressure`: one run each, beside the simulator on the same processors. A pass that is",
        "done has counted every pod; one that failed has stored nothing. Both are checked.",
        "",
        "- Memory is limited by `RLIMIT_DATA`: all that a process may write to, stacks of threads in full. A container's limit",
        "  counts what is touched, programs and libraries too: for that, see the column.",
        "- The link is the simulator's `--pace`. Its pods are alike, so gzip does better here than on a real cluster.",
        "  A real API server ends any list after 60 s (`--request-timeout`): where the whole list takes longer than that,",
        "  `--gzip` or `--page-size 500` is what gets through.",
        "- 429 comes with `Retry-After: 1`; a request is tried five times.",
        "- A tenth of a processor: the process is stopped for 90 ms of every 100, whether it had work or waited, so it is",
        "  worse off than under a CPU quota of 100m.",
    ]
    for heading, rows in found.items():
        lines += ["", f"## {heading}", "", *report.table(("pass", "ended", "wall s", "CPU s", "peak MB"), rows)]
    return [*lines, ""]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=int, default=10_000, metavar="PODS")
    parser.add_argument("--large", type=int, default=150_000, metavar="PODS")
    parser.add_argument("--out", type=Path, default=HERE, metavar="FOLDER")
    chosen = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with ExitStack() as stack:
            for heading, cases in Pressure(stack, folder, chosen.small, chosen.large).groups():
                found[heading] = [ended(case, pods) for case, pods in cases]
                stack.close()  # the servers of this group
    text = "\n".join(described(found))
    (chosen.out / "pressure.md").write_text(text)
    print(text)
    if "was due**" in text or "**it" in text:
        raise SystemExit("not everything ended as it must: look for what is bold")


if __name__ == "__main__":
    main()
