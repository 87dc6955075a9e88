"""A real control plane for tests: etcd and kube-apiserver in a folder, on free ports of loopback, ended by process.

Nothing else runs: no scheduler, no controllers, no kubelets. Pods stay where and as a test puts them.
`make test-cluster` builds the programs from cluster/control_plane.
"""

import base64
import json
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from admin import Admin
from nodetally.settings import Settings
from nodetally.simulate.kubeconfig import kubeconfig, write_private
from nodetally.simulate.tls import Certificates, make_certificates
from paths import TESTS
from servers import free_ports, wait_until

ACCOUNT = "nodetally"  # the ServiceAccount of cronjob.yaml
PROGRAMS = TESTS / "cluster" / "control_plane" / "bin"
READY_SECONDS = 120  # 6 to 10 on two idle cores
ADMIN_TOKEN = "an-administrators-token"
ISSUER = "https://kubernetes.default.svc"


class ControlPlaneError(Exception):
    """A program is not built, or refused what it was told."""


@dataclass
class ControlPlane:
    """A running API server over its etcd."""

    folder: Path
    port: int
    etcd_url: str
    certificates: Certificates
    admin: Admin
    api_server: subprocess.Popen[bytes] = field(repr=False)

    @property
    def url(self) -> str:
        return self.admin.url

    def kubeconfig(self, token: str, name: str = "kubeconfig") -> Path:
        """Write a kubeconfig for a bearer token, in the plane's folder."""
        return write_private(self.folder / name, kubeconfig(self.url, self.certificates.authority, token))

    def settings(self, token: str, name: str = "kubeconfig", **more: Any) -> Settings:
        """Settings that lead here with a bearer token, as a job is given them."""
        return Settings(cluster="c", kubeconfig=str(self.kubeconfig(token, name)), timeout_seconds=60, **more)

    def kubectl(self, *arguments: str, token: str = ADMIN_TOKEN) -> subprocess.CompletedProcess[str]:
        """Run kubectl of the server's own release, to its end, whatever that is."""
        path = self.kubeconfig(token, "kubeconfig-kubectl")
        command = [
            str(program("kubectl")),
            f"--kubeconfig={path}",
            f"--cache-dir={self.folder / 'kubectl'}",
            *arguments,
        ]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    def apply(self, path: Path) -> None:
        """`kubectl apply` of a manifest, or of a kustomize folder, and nothing else."""
        done = self.kubectl("apply", "-k" if path.is_dir() else "-f", str(path))
        if done.returncode:
            raise ControlPlaneError(f"kubectl apply {path}: {done.stderr}")

    def helm(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run helm against this cluster, with a home of its own."""
        kubeconfig = self.kubeconfig(ADMIN_TOKEN, "kubeconfig-helm")
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder / "helm"), "KUBECONFIG": str(kubeconfig)}
        command = [str(program("helm")), *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)

    def stop_api_server(self) -> None:
        """End it as a crash does: open watches and lists break."""
        _end(self.api_server)

    def start_api_server(self) -> None:
        """Start it on the same port, over what etcd holds: its caches and kept versions begin anew."""
        self.api_server = _start_api_server(self.folder, self.port, self.etcd_url)
        _wait_until_ready(self)

    def restart_api_server(self) -> None:
        self.stop_api_server()
        self.start_api_server()

    def revision(self) -> int:
        """etcd's revision now: the resourceVersion that the next change will exceed."""
        return int(self._etcd("kv/range", {"key": _base64(b"\0")})["header"]["revision"])

    def compact(self) -> int:
        """Let etcd forget every version before the present one; gives that.

        The API server still knows the past that its watch caches hold; after restart_api_server() it does not.
        """
        revision = self.revision()
        self._etcd("kv/compaction", {"revision": str(revision), "physical": True})
        return revision

    def _etcd(self, call: str, body: dict[str, object]) -> dict[str, dict[str, str]]:
        """etcd's JSON gateway."""
        request = urllib.request.Request(f"{self.etcd_url}/v3/{call}", json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=30) as answer:
            found: dict[str, dict[str, str]] = json.loads(answer.read())
        return found


def program(name: str) -> Path:
    """One of the built programs."""
    path = PROGRAMS / name
    if not path.exists():
        raise ControlPlaneError(f"{path} is not there: build it and run these tests with `make test-cluster`")
    return path


@contextmanager
def control_plane(folder: Path) -> Iterator[ControlPlane]:
    """A new, empty cluster for as long as the block lasts; its logs stay in the folder."""
    port, client_port, peer_port = free_ports(3)
    certificates = _prepare(folder)
    etcd_url = f"http://127.0.0.1:{client_port}"
    command = [str(program("etcd")), str(folder / "etcd"), etcd_url, f"http://127.0.0.1:{peer_port}"]
    etcd = _start(command, folder / "etcd.log")
    try:
        admin = Admin(f"https://127.0.0.1:{port}", certificates.authority, ADMIN_TOKEN)
        plane = ControlPlane(folder, port, etcd_url, certificates, admin, _start_api_server(folder, port, etcd_url))
        try:
            _wait_until_ready(plane)
            yield plane
        finally:
            admin.close()
            plane.stop_api_server()
    finally:
        _end(etcd)


def _prepare(folder: Path) -> Certificates:
    """The files that the API server starts from."""
    folder.mkdir(parents=True, exist_ok=True)
    certificates = make_certificates()
    for name, content in {
        "server.pem": certificates.certificate,
        "server.key": certificates.key,
        "tokens.csv": f'{ADMIN_TOKEN},admin,admin,"system:masters"\n'.encode(),
    }.items():
        (folder / name).touch(mode=0o600)
        (folder / name).write_bytes(content)
    return certificates


def _start_api_server(folder: Path, port: int, etcd_url: str) -> subprocess.Popen[bytes]:
    switches = {
        "etcd-servers": etcd_url,
        "bind-address": "127.0.0.1",
        "secure-port": port,
        "cert-dir": folder / "certificates",
        "tls-cert-file": folder / "server.pem",
        "tls-private-key-file": folder / "server.key",
        "endpoint-reconciler-type": "none",  # nobody reaches it as the Service `kubernetes`
        "authorization-mode": "RBAC",
        "disable-admission-plugins": "ServiceAccount",  # no controller makes the accounts that it asks for
        "token-auth-file": folder / "tokens.csv",
        "service-account-issuer": ISSUER,
        "service-account-key-file": folder / "server.pem",  # one key pair serves and signs: nothing here is secret
        "service-account-signing-key-file": folder / "server.key",
        "service-cluster-ip-range": "10.0.0.0/24",
    }
    command = [str(program("kube-apiserver")), *(f"--{name}={value}" for name, value in switches.items())]
    return _start(command, folder / "kube-apiserver.log")


def _start(command: list[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(command, stdout=output, stderr=output)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()  # a graceful end waits for open watches, and there is nothing to keep
    process.wait()


def _wait_until_ready(plane: ControlPlane) -> None:
    log = plane.folder / "kube-apiserver.log"
    wait_until(lambda: plane.admin.ask("GET", "/readyz").status == 200, plane.api_server, log, READY_SECONDS)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
