"""A certificate authority and a server certificate for loopback, made when they are needed and kept nowhere."""

import shutil
import ssl
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from nodetally.errors import WrongUse

VALID_DAYS = "2"  # longer than any test or demo runs
# What OpenSSL asks of a certificate where it is strict, as Python 3.13's default is (VERIFY_X509_STRICT)
EXTENSIONS = """\
subjectAltName = DNS:localhost,IP:127.0.0.1
basicConstraints = critical, CA:FALSE
authorityKeyIdentifier = keyid
"""


@dataclass(frozen=True)
class Certificates:
    """All in PEM."""

    authority: bytes
    certificate: bytes
    key: bytes

    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as folder:  # load_cert_chain reads files only
            path = Path(folder) / "server.pem"
            path.touch(mode=0o600)
            path.write_bytes(self.certificate + self.key)
            context.load_cert_chain(path)
        return context


def make_certificates() -> Certificates:
    """Made by the `openssl` command; WrongUse if it is not there."""
    command = shutil.which("openssl")
    if command is None:
        raise WrongUse(
            "cannot make a certificate: no openssl command",
            hint="install openssl, or serve plain HTTP without --tls",
        )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "extensions").write_text(EXTENSIONS)
        for arguments in _steps():
            subprocess.run([command, *arguments], cwd=folder, check=True, capture_output=True)  # noqa: S603
        return Certificates(*((folder / file).read_bytes() for file in ("ca.pem", "server.pem", "server.key")))


def _steps() -> tuple[list[str], ...]:
    """A CA, a request, and the CA's signature on it."""
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    authority = ["-subj", "/CN=simulated-ca", "-addext", "keyUsage=critical,keyCertSign,cRLSign"]
    sign = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "extensions"]
    days = ["-days", VALID_DAYS]
    return (
        ["req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.pem", *days, *authority],
        ["req", *new_key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=kube-apiserver"],
        ["x509", "-req", "-in", "server.csr", *sign, "-out", "server.pem", *days],
    )
