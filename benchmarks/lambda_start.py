"""The function from a cold start to its first pass, whole processes from the zip alone; written to stdout.

    make bench-lambda

On this machine's processors: a Lambda of 1,769 MB has one, a smaller one its share, but for its start.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "scripts")]

import lambda_zip  # noqa: E402 -- ours, by the path above

import servers  # noqa: E402
from nodetally.simulate.cluster import SimulatedCluster  # noqa: E402
from nodetally.simulate.server import serving  # noqa: E402
from nodetally.store.s3 import S3Store  # noqa: E402

ROUNDS = 5
PODS = 1000
BUCKET = "nodetally-bench"
CALLS = """
import json, resource, sys, time
class Context:
    def get_remaining_time_in_millis(self): return 60_000
sys.stdout = open("/dev/null", "w")
sys.stderr = open("/dev/null", "w")
from nodetally.aws_lambda import handler
marks = [time.time()]
for at in range(2):
    handler({"cluster": "c", "time": f"2026-11-23T12:0{at}:%02dZ" % int(sys.argv[1])}, Context())
    marks.append(time.time())
print(json.dumps([*marks, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024]), file=sys.__stdout__)
"""


def measured(program: str, environment: dict[str, str], number: int = 0) -> list[float]:
    """Seconds from the process's start to each mark, then bytes at its peak; without marks, to its end."""
    begun = time.time()
    command = [sys.executable, "-S", "-B", "-c", program, str(number)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    if not done.stdout:
        return [time.time() - begun]
    *marks, peak = json.loads(done.stdout)
    return [*(each - begun for each in marks), peak]


def medians(measure: Callable[[int], list[float]]) -> list[float]:
    return [statistics.median(column) for column in zip(*map(measure, range(ROUNDS)), strict=True)]


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
            rows = {
                "python alone": medians(lambda _: measured("pass", environment)),
                "botocore's S3 client made (the limit)": medians(
                    lambda _: measured(
                        "import botocore.session; botocore.session.get_session().create_client('s3')",
                        {**environment, "PYTHONPATH": str(folder / "task")},
                    )
                ),
                "the function": medians(
                    lambda at: measured(CALLS, {**environment, "PYTHONPATH": str(folder / "task")}, at)
                ),
                "the function, modules not compiled": medians(
                    lambda at: measured(CALLS, {**environment, "PYTHONPATH": str(folder / "plain")}, ROUNDS + at)
                ),
            }
        zipped, unpacked = lambda_zip.sizes(made)
    print(f"{made.name}: {zipped / 1e6:.1f} MB, {unpacked / 1e6:.1f} MB unpacked")
    print(
        f"\n| {PODS:,} pods, into S3 | ready s | first pass done s | second pass s | peak MB |\n|---|---|---|---|---|"
    )
    for label, row in rows.items():
        first, second = (f"{row[1]:.2f}", f"{row[2] - row[1]:.2f}") if len(row) > 1 else ("", "")
        print(f"| {label} | {row[0]:.2f} | {first} | {second} | {f'{row[-1] / 2**20:.0f}' if first else ''} |")


if __name__ == "__main__":
    main()
