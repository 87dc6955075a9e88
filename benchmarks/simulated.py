"""What the benchmarks measure: a simulated cluster in a process of its own, and the commands that read it."""

import gzip
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from measuring import HERE, SLOT, Command

NODETALLY = str(Path(sys.executable).parent / "nodetally")
CLUSTER = "bench"
PODS_A_NODE = 30  # 150,000 pods on 5,000 nodes, Kubernetes' own limits


class Simulated:
    """A running simulator, by its kubeconfig."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig
        self._server = json.loads(kubeconfig.read_text())["clusters"][0]["cluster"]["server"]

    def churn(self, pods: int) -> None:
        """Write so many pods anew."""
        self._ask("POST", f"churn?pods={pods}")

    def fault(self, **fields: Any) -> None:
        self._ask("POST", "faults", fields)

    def heal(self) -> None:
        self._ask("DELETE", "faults")

    def requests(self) -> list[str]:
        """The targets of the requests since this was asked last."""
        found = [target for _, target in self._ask("GET", "requests")]
        self._ask("DELETE", "requests")
        return found

    def _ask(self, method: str, path: str, content: Any = None) -> Any:
        body = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(f"{self._server}/_simulate/{path}", method=method, data=body)
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def pass_of(self, store: str, *options: str, environment: Mapping[str, str] | None = None,
                before: Callable[[], object] | None = None) -> Command:  # fmt: skip
        """One pass into a store, of a slot of its own."""
        arguments = [NODETALLY, "run", "--kubeconfig", str(self.kubeconfig), "--cluster", CLUSTER, "--store", store]
        return Command([*arguments, "--at", SLOT, "--format", "none", *options], environment or {}, before)

    def drop(self) -> Command:
        """The limit: the same bytes, read and dropped."""
        return Command(python("drop.py", str(self.kubeconfig)))


def python(script: str, *arguments: str) -> list[str]:
    return [sys.executable, str(HERE / script), *arguments]


@contextmanager
def simulated(folder: Path, nodes: int, pods: int, *options: str) -> Iterator[Simulated]:
    """A simulated cluster for as long as the block lasts."""
    kubeconfig = folder / f"kubeconfig-{nodes}-{pods}{''.join(options)}"
    command = [NODETALLY, "simulate", "--nodes", str(nodes), "--pods", str(pods), "--port", "0"]
    server = subprocess.Popen(
        [*command, "--write-kubeconfig", str(kubeconfig), *options], stderr=subprocess.DEVNULL
    )  # fmt: skip
    try:
        while not kubeconfig.exists():
            if server.poll() is not None:
                raise SystemExit("the simulator did not start")
            time.sleep(0.05)
        yield Simulated(kubeconfig)
    finally:
        server.terminate()
        server.wait()
        kubeconfig.unlink(missing_ok=True)


def s3(stack: ExitStack, folder: Path) -> Mapping[str, str]:
    """The environment of a real S3 server with a bucket named bench."""
    sys.path.insert(0, str(HERE.parent / "tests" / "support"))
    from servers import s3_server

    environment = stack.enter_context(s3_server(folder / "s3")).environment
    make = "import boto3; boto3.client('s3').create_bucket(Bucket='bench')"
    subprocess.run([sys.executable, "-c", make], env={**os.environ, **environment}, check=True)
    return environment


def latest(store: Path) -> dict[str, Any]:
    """The newest snapshot in a directory store."""
    found: dict[str, Any] = json.loads(gzip.decompress((store / "clusters" / CLUSTER / "latest.json.gz").read_bytes()))
    return found


def output(command: Sequence[str]) -> Any:
    """What a command prints as JSON."""
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
