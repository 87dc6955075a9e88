"""`make bench`: the budgets of a pass, each beside the limit measured in the same run, interleaved; medians.

Prints a table and writes benchmarks/README.md and results.json. Times are of whole processes; CPU time and peak memory
are the operating system's. Sizes and repeats can be changed: bench.py --repeats 7 --large 150000.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from warm import churn

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
NODETALLY = str(BIN / "nodetally")
sys.path.insert(0, str(HERE.parent / "tests"))


class Figures(NamedTuple):
    """One run of a command."""

    wall_seconds: float
    cpu_seconds: float
    peak_mb: float


class Row(NamedTuple):
    """Medians of one command's runs; the spread is of wall time."""

    what: str
    wall: float
    fastest: float
    slowest: float
    cpu: float
    peak_mb: float


def measure(command: Sequence[str], env: Mapping[str, str] | None = None) -> Figures:
    """Run a command to its end; a failure is an error, never a fast run."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env={**os.environ, **(env or {})}
    )
    assert process.stderr is not None
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - start
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} exited {process.returncode}:\n{errors.decode()}")
    return Figures(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6)


def interleaved(commands: Mapping[str, tuple[Sequence[str], Mapping[str, str]]], repeats: int) -> dict[str, Row]:
    """Each command in turn, again and again, so that all of them meet the same weather; one round to warm up."""
    runs: dict[str, list[Figures]] = {what: [] for what in commands}
    for round_ in range(repeats + 1):
        for what, (command, env) in commands.items():
            figures = measure(command, env)
            if round_:
                runs[what].append(figures)
    return {what: _row(what, figures) for what, figures in runs.items()}


def _row(what: str, runs: list[Figures]) -> Row:
    walls = [each.wall_seconds for each in runs]
    return Row(
        what,
        statistics.median(walls),
        min(walls),
        max(walls),
        statistics.median(each.cpu_seconds for each in runs),
        statistics.median(each.peak_mb for each in runs),
    )


@contextmanager
def simulated(folder: Path, nodes: int, pods: int) -> Iterator[Path]:
    """A simulated cluster in a process of its own; yields its kubeconfig."""
    kubeconfig = folder / f"kubeconfig-{pods}"
    command = [
        NODETALLY,
        "simulate",
        "--nodes",
        str(nodes),
        "--pods",
        str(pods),
        "--port",
        "0",
        "--write-kubeconfig",
        str(kubeconfig),
    ]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        while not kubeconfig.exists():
            if server.poll() is not None:
                raise SystemExit("the simulator did not start")
            time.sleep(0.05)
        yield kubeconfig
    finally:
        server.terminate()
        server.wait()


def pass_of(kubeconfig: Path, store: str, env: Mapping[str, str] | None = None) -> tuple[list[str], Mapping[str, str]]:
    return [
        NODETALLY,
        "run",
        "--kubeconfig",
        str(kubeconfig),
        "--cluster",
        "bench",
        "--store",
        store,
        "--format",
        "none",
    ], env or {}


def drop_of(kubeconfig: Path) -> tuple[list[str], Mapping[str, str]]:
    return [sys.executable, str(HERE / "drop.py"), str(kubeconfig)], {}


def bytes_of(kubeconfig: Path) -> int:
    done = subprocess.run(drop_of(kubeconfig)[0], check=True, capture_output=True, text=True)
    return int(done.stdout)


def run(small: int, large: int, repeats: int) -> tuple[list[Row], list[str], dict[str, object]]:
    """All measurements: rows, lines of findings, and what goes into results.json."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        first = stack.enter_context(simulated(folder, max(1, small // 30), small))
        commands = {
            f"{small:,} pods: bytes read and dropped (the limit)": drop_of(first),
            f"{small:,} pods: cold pass, directory store": pass_of(first, str(folder / "store")),
        }
        s3 = _s3(stack, folder)
        commands[f"{small:,} pods: cold pass, S3 store"] = pass_of(first, "s3://bench/nodetally", s3)
        commands["nodetally --help"] = ([NODETALLY, "--help"], {})
        commands["python -c pass"] = ([sys.executable, "-c", "pass"], {})
        for module in ("http.client, ssl", "urllib3", "kubernetes.config", "boto3"):
            commands[f"python -c 'import {module}'"] = ([sys.executable, "-c", f"import {module}"], {})
        rows = interleaved(commands, repeats)
        small_bytes = bytes_of(first)
        resumed, resumed_bytes = resumed_passes(first, folder, small, repeats)
        rows[resumed.what] = resumed
        second = stack.enter_context(simulated(folder, max(1, large // 30), large))
        rows |= interleaved(
            {
                f"{large:,} pods: bytes read and dropped (the limit)": drop_of(second),
                f"{large:,} pods: cold pass, directory store": pass_of(second, str(folder / "store")),
            },
            max(1, repeats // 2),
        )
        large_bytes = bytes_of(second)
        warm = warm_figures(second)
    return (
        list(rows.values()),
        _findings(rows, small, large, small_bytes, large_bytes)
        + _warm_findings(warm, large, resumed_bytes, small_bytes),
        {
            "machine": _machine(),
            "bytes": {str(small): small_bytes, str(large): large_bytes},
            "resumed_bytes": resumed_bytes,
            "warm": warm,
            "rows": [row._asdict() for row in rows.values()],
        },
    )


def resumed_passes(kubeconfig: Path, folder: Path, pods: int, repeats: int) -> tuple[Row, int]:
    """Whole processes that resume from a kept cache after 1 % of the pods changed; and the bytes that one read."""
    command, _ = pass_of(kubeconfig, str(folder / "store"))
    command += ["--cache", str(folder / "cache")]
    measure(command)
    runs = []
    for _ in range(repeats):
        churn(kubeconfig, pods // 100)
        runs.append(measure(command))
    churn(kubeconfig, pods // 100)
    done = subprocess.run([*command, "--dry-run", "--format", "json"], check=True, capture_output=True)
    snapshot = json.loads(done.stdout)
    if snapshot["source"]["kind"] != "resume":
        raise SystemExit(f"not resumed: {snapshot['source']}")
    return _row(f"{pods:,} pods: resumed pass, 1 % changed, directory store", runs), snapshot["cost"]["bytes_read"]


def warm_figures(kubeconfig: Path) -> dict[str, float]:
    done = subprocess.run([sys.executable, str(HERE / "warm.py"), str(kubeconfig)], check=True, capture_output=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def _warm_findings(warm: Mapping[str, float], pods: int, resumed_bytes: int, cold_bytes: int) -> list[str]:
    quiet, changed = warm["pass_seconds"], warm["changed_pass_seconds"]
    size, kept = warm["index_bytes_a_pod"], warm["kept_bytes_a_pod"]
    found = [
        ("resumed pass, 1 % of pods changed: bytes", f"{resumed_bytes / 1e6:.2f} MB",
         f"≤ 3 % of {cold_bytes / 1e6:.0f} MB", resumed_bytes <= 0.03 * cold_bytes),
        (f"warm pass, {pods:,} pods on {pods // 30:,} nodes, to the encoded snapshot", f"{quiet * 1000:.0f} ms", "≤ 150 ms", quiet <= 0.15),
        ("the same, 1 % of pods changed since the last one", f"{changed * 1000:.0f} ms", "≤ 150 ms", changed <= 0.15),
        ("index, its tallies included", f"{size:.0f} bytes a pod ({kept:.0f} in the kept file)", "≤ 400", size <= 400),
    ]  # fmt: skip
    return [
        f"| {what} | {measured} | {budget} | {'yes' if held else '**no**'} |" for what, measured, budget, held in found
    ]


def _s3(stack: ExitStack, folder: Path) -> Mapping[str, str]:
    """A real S3 server for the second budget, with a bucket named bench."""
    from servers import s3_server

    environment = stack.enter_context(s3_server(folder / "s3")).environment
    make = "import boto3; boto3.client('s3').create_bucket(Bucket='bench')"
    subprocess.run([sys.executable, "-c", make], env={**os.environ, **environment}, check=True)
    return environment


def _findings(rows: Mapping[str, Row], small: int, large: int, small_bytes: int, large_bytes: int) -> list[str]:
    limit, cold = (
        rows[f"{small:,} pods: bytes read and dropped (the limit)"],
        rows[f"{small:,} pods: cold pass, directory store"],
    )
    much_limit, much = (
        rows[f"{large:,} pods: bytes read and dropped (the limit)"],
        rows[f"{large:,} pods: cold pass, directory store"],
    )
    s3 = rows[f"{small:,} pods: cold pass, S3 store"]
    found = [
        ("cold pass, directory store", f"{cold.wall:.2f} s, {cold.peak_mb:.0f} MB",
         f"≤ 1.3 × limit + 0.35 s = {1.3 * limit.wall + 0.35:.2f} s, 45 MB", cold.wall <= 1.3 * limit.wall + 0.35 and cold.peak_mb <= 45),
        ("the same into S3", f"{s3.wall:.2f} s, {s3.peak_mb:.0f} MB",
         f"≤ {cold.wall + 0.5:.2f} s, 85 MB", s3.wall <= cold.wall + 0.5 and s3.peak_mb <= 85),
        (f"{large:,} pods: memory", f"{much.peak_mb:.0f} MB", f"≤ 1.5 × {cold.peak_mb:.0f} MB", much.peak_mb <= 1.5 * cold.peak_mb),
        (f"{large:,} pods: time beyond the limit, per MB", f"{1000 * (much.wall - much_limit.wall) / large_bytes * 1e6:.2f} ms",
         f"{1000 * (cold.wall - limit.wall) / small_bytes * 1e6:.2f} ms at {small:,} pods, start-up included",
         (much.wall - much_limit.wall) / large_bytes <= 1.1 * (cold.wall - limit.wall) / small_bytes),
        ("nodetally --help", f"{rows['nodetally --help'].wall * 1000:.0f} ms", "≤ 150 ms", rows["nodetally --help"].wall <= 0.15),
    ]  # fmt: skip
    return [
        f"| {what} | {measured} | {budget} | {'yes' if held else '**no**'} |" for what, measured, budget, held in found
    ]


def _machine() -> dict[str, str]:
    packages = ("nodetally", "click", "orjson", "protobuf", "boto3", "kubernetes")
    return {
        "processors": str(os.cpu_count()),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "packages": ", ".join(f"{name} {version(name)}" for name in packages),
    }


def report(rows: Sequence[Row], findings: Sequence[str], results: Mapping[str, object]) -> str:
    machine = results["machine"]
    assert isinstance(machine, dict)
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`; run it again on your machine. Whole processes, interleaved, medians; the simulator runs",
        "beside what is measured, on the same processors. A resumed pass waits for the server's bookmark, some 1 s.",
        "Peaks below some 25 MB cannot be seen: a child process starts with its parent's.",
        "",
        *(f"- {key}: {value}" for key, value in machine.items()),
        "",
        "| budget | measured | allowed | held |",
        "|---|---|---|---|",
        *findings,
        "",
        "| command | wall s (fastest–slowest) | CPU s | peak MB |",
        "|---|---|---|---|",
        *(
            f"| {row.what} | {row.wall:.2f} ({row.fastest:.2f}–{row.slowest:.2f}) | {row.cpu:.2f} | {row.peak_mb:.0f} |"
            for row in rows
        ),
        "",
        "The imports are why a pass opens its own connection with `http.client`, reads plain kubeconfigs itself, and loads",
        "the S3 client in a thread while the list streams.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=150_000)
    parser.add_argument("--repeats", type=int, default=7)
    chosen = parser.parse_args()
    rows, findings, results = run(chosen.small, chosen.large, chosen.repeats)
    text = report(rows, findings, results)
    (HERE / "README.md").write_text(text)
    (HERE / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    print(text)


if __name__ == "__main__":
    main()
