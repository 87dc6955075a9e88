"""Between an S3 client and a real S3 server: counts what is asked, by document, and does harm to chosen requests.

Every harm is done on the wire, so the client meets it as it would meet it from S3: its own retries, its own time-outs.
"""

import http.client
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import urlsplit

DOCUMENTS = {
    "/snapshots/": "snapshot",
    "/days/": "day index",
    "/index.json": "cluster index",
    "/latest.json.gz": "latest",
    "/clusters.json": "list of clusters",
}
FOREVER = 1 << 30
GONE_WITHOUT_GOODBYE = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends a reset


class Asked(NamedTuple):
    """What a request is about: "PUT", "day index"; a listing is "GET", "listing"."""

    method: str
    document: str


class Harm(NamedTuple):
    """What becomes of a request: `handled` says whether the server gets it, `then` what the client gets.

    then: answer (`status` and `code`, S3's form) | reset | silence (until the client gives up) | cut (a body that ends
    in its middle).
    """

    then: str
    handled: bool = False
    status: int = 0
    code: str = ""


@dataclass
class Proxy:
    """A running proxy; `harm` is done to the next `times` requests that ask for `to`."""

    url: str
    target: tuple[str, int]
    asked: Counter[Asked] = field(default_factory=Counter)
    to: Asked | None = None
    harm: Harm | None = None
    times: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def arm(self, to: Asked, harm: Harm, times: int) -> None:
        """Count from zero, and do this harm from now on."""
        with self.lock:
            self.asked.clear()
            self.to, self.harm, self.times = to, harm, times

    def disarm(self) -> None:
        """Pass everything on."""
        with self.lock:
            self.harm = None

    def take(self, asked: Asked) -> Harm | None:
        """Count a request; the harm that is to be done to it."""
        with self.lock:
            self.asked[asked] += 1
            if not self.harm or asked != self.to or not self.times:
                return None
            self.times -= 1
            return self.harm


@contextmanager
def proxied(endpoint: str) -> Iterator[Proxy]:
    """A proxy to the server at `endpoint` for as long as the block lasts."""
    parts = urlsplit(endpoint)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        proxy = Proxy(f"http://127.0.0.1:{server.server_port}", (str(parts.hostname), parts.port or 80))
        server.proxy = proxy  # type: ignore[attr-defined]
        serving = threading.Thread(target=server.serve_forever, args=(0.02,))
        serving.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            serving.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60  # a connection that its client keeps open ends with the test

    def do_GET(self) -> None:
        self._serve()

    do_PUT = do_HEAD = do_DELETE = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass

    def handle(self) -> None:
        with suppress(ConnectionError, TimeoutError):
            super().handle()

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        proxy: Proxy = self.server.proxy  # type: ignore[attr-defined]
        harm = proxy.take(_about(self.command, self.path))
        answer = self._forwarded(proxy, body) if harm is None or harm.handled else None
        if harm is None:
            assert answer
            self._send(*answer)
        elif harm.then == "answer":
            said = f"<Error><Code>{harm.code}</Code><Message>made up</Message></Error>".encode()
            self._send(harm.status, [("Content-Type", "application/xml")], said)
        elif harm.then == "cut":
            assert answer
            self._send(*answer, cut=True)
            self._reset()
        else:
            if harm.then == "silence":
                with suppress(OSError):
                    self.connection.recv(1)
            self._reset()

    def _forwarded(self, proxy: Proxy, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(*proxy.target, timeout=60)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in ("expect", "connection"):
                    connection.putheader(name, value)
            connection.endheaders(body or None)
            answer = connection.getresponse()
            kept = [each for each in answer.getheaders() if each[0].lower() not in ("transfer-encoding", "connection")]
            return answer.status, kept, answer.read()
        finally:
            connection.close()

    def _send(self, status: int, headers: list[tuple[str, str]], body: bytes, *, cut: bool = False) -> None:
        if self.command != "HEAD" and status not in (204, 304):
            headers = [each for each in headers if each[0].lower() != "content-length"]
            headers.append(("Content-Length", str(len(body))))
        head = "".join(f"{name}: {value}\r\n" for name, value in headers)
        sent = b"" if self.command == "HEAD" else body[: len(body) // 2] if cut else body
        self.wfile.write(f"HTTP/1.1 {status} Said\r\n{head}\r\n".encode() + sent)

    def _reset(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, GONE_WITHOUT_GOODBYE)
        self.connection.close()


def _about(method: str, target: str) -> Asked:
    if "list-type=2" in target:
        return Asked(method, "listing")
    path = target.partition("?")[0]
    return Asked(method, next((name for part, name in DOCUMENTS.items() if part in path), "other"))
