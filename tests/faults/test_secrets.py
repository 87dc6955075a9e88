"""Canaries: what is secret to a cluster is in nothing that we write or say, whatever goes wrong."""

import gzip
import os
import subprocess
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from clusters import METRICS, node, pod
from nodetally.cluster.access import Access
from nodetally.cluster.connection import Connection
from nodetally.cluster.deadline import Deadline
from nodetally.cluster.refusals import AnswerError
from nodetally.simulate.cluster import SimulatedCluster
from nodetally.simulate.faults import Fault
from nodetally.simulate.server import Simulator, serving
from paths import NODETALLY
from scripted import answer, scripted

TOKEN = "canary-token-7f3a"
SECRET_KEY = "canary-secret-key-91bc"
IN_PODS = "canary-of-a-pod"
CANARIES = (TOKEN, SECRET_KEY, IN_PODS)
FAULTS = {
    "none": [],
    "401": [Fault("/api/v1/pods", status=401, times=None)],
    "403": [Fault("/api/v1/nodes", status=403, times=None)],
    "500": [Fault("/api/v1/pods", status=500, times=None)],
    "cut": [Fault("/api/v1/pods", cut_after_bytes=300, times=None)],
    "garbage": [Fault("/api/v1/pods", garbage_at=200, times=None)],
    "an error with the token in it": [Fault(METRICS, status=500, times=None)],
}


def secretive(name: str, **changes: Any) -> dict[str, Any]:
    """A pod that holds secrets wherever people put them."""
    made = pod(name, "n1", cpu="100m")
    made["metadata"]["annotations"] = {"password": IN_PODS}
    made["metadata"]["labels"] = {"secret": IN_PODS}
    made["spec"]["containers"][0] |= {
        "env": [{"name": "PASSWORD", "value": IN_PODS}],
        "args": [f"--password={IN_PODS}"],
        "image": f"registry/{IN_PODS}",
    } | changes
    return made


@pytest.fixture(scope="module")
def server() -> Iterator[Simulator]:
    objects = [node("n1", cpu="4", memory="8Gi"), secretive("a"), secretive("b")]
    with serving(SimulatedCluster.of(objects), tls=True, token=TOKEN) as running:
        yield running


def said_and_written(folder: Path, done: subprocess.CompletedProcess[bytes]) -> bytes:
    """stdout, stderr and every file, unpacked as far as it can be."""
    everything = [done.stdout, done.stderr]
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "kubeconfig":
            body = path.read_bytes()
            everything += [str(path).encode(), body]
            with suppress(OSError, EOFError):
                everything.append(gzip.decompress(body))
            for at in range(min(len(body), 80)):  # the kept cache packs its parts behind a head
                with suppress(zlib.error):
                    everything.append(zlib.decompress(body[at:]))
    return b"\n".join(everything)


@pytest.mark.parametrize(("fault", "log_format"), [*((fault, "text") for fault in FAULTS), ("none", "json")])
def test_no_secret_is_ever_said_or_written(server: Simulator, tmp_path: Path, fault: str, log_format: str) -> None:
    """Tokens, keys, and what pods hold: not in the snapshot, the kept cache, the metrics, an error or a log line."""
    server.write_kubeconfig(tmp_path / "kubeconfig")
    server.faults.clear()
    for each in FAULTS[fault]:
        server.add_fault(each)
    command = [NODETALLY, "run", "--cluster", "c", "--kubeconfig", str(tmp_path / "kubeconfig"), "--timeout", "5s"]
    command += ["--store", str(tmp_path / "store"), "--cache", str(tmp_path / "kept"), "--format", "json"]
    command += ["--metrics-file", str(tmp_path / "nodetally.prom"), "--log-format", log_format]
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
    done = subprocess.run(command, capture_output=True, env=environment, check=False)
    assert (done.returncode == 0) == (fault in ("none", "an error with the token in it")), done.stderr
    everything = said_and_written(tmp_path, done)
    assert b"n1" in everything or done.returncode
    for canary in CANARIES:
        assert canary.encode() not in everything, canary


def test_the_kept_cache_is_for_its_owner_alone(server: Simulator, tmp_path: Path) -> None:
    """It holds names of pods; nobody else on the machine may read it."""
    server.write_kubeconfig(tmp_path / "kubeconfig")
    server.faults.clear()
    command = [NODETALLY, "run", "--cluster", "c", "--kubeconfig", str(tmp_path / "kubeconfig"), "--dry-run"]
    subprocess.run([*command, "--cache", str(tmp_path / "kept")], check=True, capture_output=True)
    state = tmp_path / "kept" / "state" / "c" / "watch-cache"
    assert state.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    """The token goes to the server that it is for, and to no other host that this one may name."""
    with scripted([answer()]) as other:
        moved = answer(b"", f"{status} Moved", "text/plain", f"Location: {other.url}/api/v1/pods")
        with scripted([moved]) as server:
            deadline = Deadline(10)
            access = Access(server.url, authorization=lambda: f"Bearer {TOKEN}", origin="a test")
            with Connection(access, deadline) as connection, pytest.raises(AnswerError) as refused:
                with connection.get("/api/v1/pods", accept="*/*"):
                    pass
            deadline.cancel()
        assert refused.value.status == status
        assert other.requests == []
    assert TOKEN not in str(refused.value)
