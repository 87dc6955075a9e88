"""AWS' ways to give a pod an identity, as far as the SDK sees them: STS for IRSA, the Pod Identity agent for EKS."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs

from servers import ACCESS_KEY, SECRET_KEY

STS = "https://sts.amazonaws.com/doc/2011-06-15/"
TOKEN = "a-service-accounts-token"
REFUSAL = (
    f'<ErrorResponse xmlns="{STS}"><Error><Type>Sender</Type><Code>AccessDenied</Code>'
    "<Message>Not authorized to perform sts:AssumeRoleWithWebIdentity</Message></Error></ErrorResponse>"
)


class Issuer(ThreadingHTTPServer):
    """Gives the S3 server's keys to whoever shows TOKEN; `asked` says by which way."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Asked)
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Asked(BaseHTTPRequestHandler):
    """POST is STS' AssumeRoleWithWebIdentity, GET the agent's credentials."""

    server: Issuer

    def do_POST(self) -> None:
        """STS answers in XML."""
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        assert form["Action"] == ["AssumeRoleWithWebIdentity"]
        keys = "".join(f"<{name}>{value}</{name}>" for name, value in credentials("SessionToken").items())
        result = f"<AssumeRoleWithWebIdentityResult><Credentials>{keys}</Credentials></AssumeRoleWithWebIdentityResult>"
        body = f'<AssumeRoleWithWebIdentityResponse xmlns="{STS}">{result}</AssumeRoleWithWebIdentityResponse>'
        known = form["WebIdentityToken"] == [TOKEN]
        self._answer("STS", known, "text/xml", body if known else REFUSAL)

    def do_GET(self) -> None:
        """The agent answers in JSON."""
        body = json.dumps(credentials("Token"))
        self._answer("Pod Identity", self.headers["Authorization"] == TOKEN, "application/json", body)

    def _answer(self, way: str, known: bool, kind: str, body: str) -> None:
        self.server.asked.append(way)
        self.send_response(200 if known else 403)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def credentials(session_token: str) -> dict[str, str]:
    ends = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    secret = "SecretAccessKey"
    return {"AccessKeyId": ACCESS_KEY, secret: SECRET_KEY, session_token: "", "Expiration": ends}


@contextmanager
def issuing() -> Iterator[Issuer]:
    with Issuer() as server:
        thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
