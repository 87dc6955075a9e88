"""The function from a cold start to its first pass, whole processes from the zip alone; written to stdout.

    make bench-lambda

By the clock, and of a processor: a Lambda of 1,769 MB has one, a smaller one its share, but for its start.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "tests" / "support"), str(ROOT / "scripts")]

import lambda_zip  # noqa: E402 -- ours, by the path above

import servers  # noqa: E402
from nodetally.simulate.cluster import SimulatedCluster  # noqa: E402
from nodetally.simulate.server import serving  # noqa: E402
from nodetally.store.s3 import S3Store  # noqa: E402

ROUNDS = 5
PODS = 1000
BUCKET = "nodetally-bench"
READY_SECONDS = 0.2  # of a processor, beyond the S3 client: nodetally's own modules, protobuf's, the parsed options
PASS_SECONDS = 0.2  # of a processor, for the first pass: the first connections, and 1,000 pods
MARK = "import json, resource, sys, time; marks = []; mark = lambda: marks.append((time.time(), time.process_time()))\n"
END = """
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"marks": marks, "peak": peak}), file=sys.__stdout__)
"""
LIMIT = f"""{MARK}
import botocore.session
botocore.session.get_session().create_client("s3")
mark()
{END}"""
CALLS = f"""{MARK}
class Context:
    def get_remaining_time_in_millis(self): return 60_000
sys.stdout = sys.stderr = open("/dev/null", "w")
from nodetally.aws_lambda import handler
mark()
for at in range(2):
    handler({{"cluster": "c", "time": "2026-11-23T12:0%d:%02dZ" % (at, int(sys.argv[1]))}}, Context())
    mark()
{END}"""


class Start(NamedTuple):
    """Seconds since the process began, by the clock and of a processor, at each mark; bytes at its peak."""

    walls: list[float]
    processor: list[float]
    peak: float


def measured(program: str, environment: dict[str, str], number: int = 0) -> Start:
    """One process; `number` makes its slots its own."""
    begun = time.time()
    command = [sys.executable, "-S", "-B", "-c", program, str(number)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    said = json.loads(done.stdout)
    return Start([wall - begun for wall, _ in said["marks"]], [used for _, used in said["marks"]], said["peak"])


def median(program: str, environment: dict[str, str], first: int = 0) -> Start:
    starts = [measured(program, environment, first + at) for at in range(ROUNDS)]
    walls = [statistics.median(each) for each in zip(*(one.walls for one in starts), strict=True)]
    processor = [statistics.median(each) for each in zip(*(one.processor for one in starts), strict=True)]
    return Start(walls, processor, statistics.median(one.peak for one in starts))


def shown(label: str, start: Start) -> str:
    """A row: each step by itself, clock and processor."""
    steps = list(zip([0, *start.walls], start.walls, [0, *start.processor], start.processor, strict=False))
    cells = [f"{wall - before:.2f} / {used - earlier:.2f}" for before, wall, earlier, used in steps]
    return f"| {label} | {' | '.join([*cells, '', ''][:3])} | {start.peak / 2**20:.0f} |"


def main() -> None:
    """Build, unpack, call; print a table."""
    import platform

    architecture = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = lambda_zip.build(architecture, folder / "dist")
        with zipfile.ZipFile(made) as file:
            file.extractall(folder / "task")
            plain = [each for each in file.namelist() if not each.endswith(".pyc")]
            file.extractall(folder / "plain", plain)
        cluster = SimulatedCluster(nodes=20, pods=PODS, seed=1)
        with servers.s3_server(folder / "s3") as s3, serving(cluster) as server:
            S3Store(BUCKET, environment=s3.environment).client.create_bucket(Bucket=BUCKET)
            server.write_kubeconfig(folder / "kubeconfig")
            environment = {
                **s3.environment,
                "NODETALLY_KUBECONFIG": str(folder / "kubeconfig"),
                "NODETALLY_STORE": f"s3://{BUCKET}/p",
            }
            compiled = {**environment, "PYTHONPATH": str(folder / "task")}
            limit, ours = median(LIMIT, compiled), median(CALLS, compiled)
            plain_start = median(CALLS, {**environment, "PYTHONPATH": str(folder / "plain")}, ROUNDS)
        zipped, unpacked = lambda_zip.sizes(made)
    print(f"| {PODS:,} pods, into S3 | ready: s / CPU s | first pass | second pass | peak MB |\n|---|---|---|---|---|")
    print(shown("botocore's S3 client made (the limit)", limit))
    print(shown("the function", ours))
    print(shown("the function, modules not compiled", plain_start))
    budgets = (
        ("zip, MB", zipped / 1e6, lambda_zip.ZIPPED_BYTES / 1e6),
        ("unpacked, MB", unpacked / 1e6, lambda_zip.UNPACKED_BYTES / 1e6),
        ("ready, CPU s", ours.processor[0], limit.processor[0] + READY_SECONDS),
        ("first pass, CPU s", ours.processor[1] - ours.processor[0], PASS_SECONDS),
    )
    print("\n| budget | measured | allowed | held |\n|---|---|---|---|")
    for label, found, allowed in budgets:
        print(f"| {label} | {found:.2f} | {allowed:.2f} | {'yes' if found <= allowed else 'no'} |")


if __name__ == "__main__":
    main()
