"""A certificate authority and a server certificate for loopback, made when they are needed and kept nowhere."""

import ipaddress
import shutil
import ssl
import subprocess
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from nodetally.errors import WrongUse

VALID = timedelta(days=2)  # longer than any test or demo runs
_NAMES = "DNS:localhost,IP:127.0.0.1"


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
    """With the `cryptography` package, else with the `openssl` command; WrongUse if there is neither."""
    try:
        return _with_cryptography()
    except ImportError:
        return _with_openssl()


def _with_cryptography() -> Certificates:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    def builder(name: str, issuer: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        subject, by = (x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)]) for text in (name, issuer))
        found = x509.CertificateBuilder().subject_name(subject).issuer_name(by).public_key(key.public_key())
        found = found.serial_number(x509.random_serial_number())
        return found.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + VALID)

    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    identifier = x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key())
    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)  # noqa: FBT003 -- signs
    authority = (
        builder("simulated-ca", "simulated-ca", authority_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(identifier, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        builder("kube-apiserver", "simulated-ca", key)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    secret = key.private_bytes(pem, form, serialization.NoEncryption())
    return Certificates(authority.public_bytes(pem), certificate.public_bytes(pem), secret)


def _with_openssl() -> Certificates:
    command = shutil.which("openssl")
    if command is None:
        raise WrongUse(
            "cannot make a certificate: neither the cryptography package nor the openssl command is there",
            hint="install one of them (pip install cryptography), or serve plain HTTP without --tls",
        )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "server.ext").write_text(f"subjectAltName={_NAMES}\nbasicConstraints=critical,CA:FALSE\n")
        for arguments in _openssl_steps():
            subprocess.run([command, *arguments], cwd=folder, check=True, capture_output=True)  # noqa: S603
        return Certificates(*((folder / file).read_bytes() for file in ("ca.pem", "server.pem", "server.key")))


def _openssl_steps() -> tuple[list[str], ...]:
    """A CA, a request, and the CA's signature on it."""
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    sign = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"]
    days = ["-days", str(VALID.days)]
    return (
        ["req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.pem", *days, "-subj", "/CN=simulated-ca"],
        ["req", *new_key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=kube-apiserver"],
        ["x509", "-req", "-in", "server.csr", *sign, "-out", "server.pem", *days, "-extfile", "server.ext"],
    )
