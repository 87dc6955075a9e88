"""Between a reader and a real API server: writes down what is asked for, and can leave the reader only JSON."""

import http.client
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from nodetally.simulate.kubeconfig import kubeconfig, write_private

PASSED_ON = ("Accept", "Accept-Encoding", "Authorization", "User-Agent")
PASSED_BACK = ("Content-Type", "Content-Encoding", "Retry-After")
WAIT_SECONDS = 90.0  # the server ends lists after 60


class Relay(ThreadingHTTPServer):
    """Plain HTTP on loopback in front of an https:// server; GET only, bodies passed on as they come."""

    daemon_threads = True

    def __init__(self, url: str, authority: bytes, *, json_only: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Relayed)
        self.target = urlsplit(url).netloc
        self.tls = ssl.create_default_context(cadata=authority.decode())
        self.json_only = json_only
        self._lock = threading.Lock()
        self._requests: list[tuple[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def requests(self) -> list[tuple[str, str]]:
        """Method and path with query of every request so far, as the simulator tells them."""
        with self._lock:
            return list(self._requests)

    def forget_requests(self) -> None:
        with self._lock:
            self._requests.clear()

    def record(self, method: str, target: str) -> None:
        with self._lock:
            self._requests.append((method, target))

    def write_kubeconfig(self, path: Path, token: str) -> Path:
        return write_private(path, kubeconfig(self.url, None, token))


class _Relayed(BaseHTTPRequestHandler):
    """One connection of a reader, and one to the server."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Relay

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the parent's name for it
        """Quiet: requests are recorded, not printed."""

    def do_GET(self) -> None:
        self.server.record(self.command, self.path)
        headers = {name: self.headers[name] for name in PASSED_ON if name in self.headers}
        if self.server.json_only:
            headers["Accept"] = "application/json"
        upstream = http.client.HTTPSConnection(self.server.target, context=self.server.tls, timeout=WAIT_SECONDS)
        try:
            upstream.request("GET", self.path, headers=headers)
            self._pass_back(upstream.getresponse())
        except (OSError, http.client.HTTPException):
            self.close_connection = True  # no last chunk: the reader must notice
        finally:
            upstream.close()

    def _pass_back(self, answer: http.client.HTTPResponse) -> None:
        self.send_response_only(answer.status)
        for name in PASSED_BACK:
            if name in answer.headers:
                self.send_header(name, answer.headers[name])
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while part := answer.read1(1 << 16):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")


@contextmanager
def relaying(url: str, authority: bytes, *, json_only: bool = False) -> Iterator[Relay]:
    """Relay for as long as the block lasts."""
    with Relay(url, authority, json_only=json_only) as relay:
        thread = threading.Thread(target=relay.serve_forever, args=(0.05,), name="relay")
        thread.start()
        try:
            yield relay
        finally:
            with suppress(OSError):
                relay.shutdown()
            thread.join()
