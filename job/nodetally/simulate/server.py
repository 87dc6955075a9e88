"""Sockets in, answers out: the API server on loopback, a thread for each connection.

    with serving(SimulatedCluster(nodes=3, pods=10, seed=1)) as server:
        server.write_kubeconfig(path)
        server.add_fault(Fault("/api/v1/pods", cut_after_bytes=10_000))
        server.cluster.change_pods(100)
        assert server.requests[0] == ("GET", "/version")

From other processes, over the same port and without a token:

    POST /_simulate/faults       a fault as JSON (the fields of Fault); DELETE takes all back
    POST /_simulate/churn?pods=N[&kind=replace]      writes N pods anew (replace: deletes them and creates others)
    POST /_simulate/compact      forgets the past: older watches and continue tokens get 410
    GET  /_simulate/requests     the requests so far: [["GET", "/api/v1/pods?limit=500"], …]
"""

import select
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

from nodetally.errors import WrongUse
from nodetally.simulate.api.answers import Answer, Wanted, error_answer
from nodetally.simulate.api.negotiation import accepts_gzip
from nodetally.simulate.api.routes import Request, Routes
from nodetally.simulate.behaviour import Behaviour
from nodetally.simulate.cluster import SimulatedCluster
from nodetally.simulate.control import CONTROL_PREFIX, control
from nodetally.simulate.errors import ApiError
from nodetally.simulate.faults import Cut, Fault, Faults, Stall
from nodetally.simulate.kubeconfig import kubeconfig, write_private
from nodetally.simulate.sending import Transfer, paced
from nodetally.simulate.tls import Certificates, make_certificates

HOST = "127.0.0.1"
SHUTDOWN_POLL_SECONDS = 0.05  # how soon a stop is noticed
STALL_POLL_SECONDS = 0.1
_GONE = (ConnectionError, TimeoutError, ssl.SSLError)  # the client left; nothing is wrong here


class Simulator(ThreadingHTTPServer):
    """A running API server; `close` ends it and every connection."""

    request_queue_size = 128  # as many connections may wait as tests open at once
    daemon_threads = False  # joined at the end, after their sockets are shut

    def __init__(
        self,
        cluster: SimulatedCluster,
        behaviour: Behaviour,
        *,
        port: int,
        token: str | None,
        certificates: Certificates | None,
    ) -> None:
        super().__init__((HOST, port), _Connection)
        self.cluster = cluster
        self.token = token
        self.certificates = certificates
        self.faults = Faults()
        self.routes = Routes(cluster, behaviour, token)
        self.pace_bytes_per_second = behaviour.pace_bytes_per_second
        self.closing = threading.Event()
        self._tls = certificates.server_context() if certificates else None
        self._lock = threading.Lock()
        self._requests: list[tuple[str, str]] = []
        self._open: set[socket.socket] = set()
        self._thread = threading.Thread(target=self.serve_forever, args=(SHUTDOWN_POLL_SECONDS,), name="simulator")
        self._thread.start()

    @property
    def url(self) -> str:
        return f"{'https' if self.certificates else 'http'}://{HOST}:{self.server_address[1]}"

    @property
    def requests(self) -> list[tuple[str, str]]:
        """Method and path with query of every request so far, oldest first."""
        with self._lock:
            return list(self._requests)

    def forget_requests(self) -> None:
        with self._lock:
            self._requests.clear()

    def record(self, method: str, target: str) -> None:
        with self._lock:
            self._requests.append((method, target))

    def add_fault(self, fault: Fault) -> None:
        self.faults.add(fault)

    def write_kubeconfig(self, path: str | Path) -> Path:
        """Write a kubeconfig for this server, readable by its owner only, in one step."""
        authority = self.certificates.authority if self.certificates else None
        return write_private(Path(path), kubeconfig(self.url, authority, self.token))

    def close(self) -> None:
        """Stop: no new connections, open ones shut, all threads joined."""
        self.closing.set()
        self.shutdown()
        self.cluster.wake()
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self.server_close()
        self._thread.join()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """In the connection's own thread: TLS, then requests until it closes."""
        with self._lock:
            if self.closing.is_set():
                return
            self._open.add(request)
        try:
            connection = self._tls.wrap_socket(request, server_side=True) if self._tls else request
            try:
                _Connection(connection, client_address, self)
            finally:
                if connection is not request:
                    connection.close()
        finally:
            with self._lock:
                self._open.discard(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Silence where a client left; a traceback for everything else."""
        if not isinstance(sys.exception(), _GONE):
            super().handle_error(request, client_address)


class _Connection(BaseHTTPRequestHandler):
    """One keep-alive connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Simulator

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the parent's name for it
        """Quiet: requests are recorded, not printed."""

    def do_GET(self) -> None:
        if self.path.startswith(CONTROL_PREFIX):
            return self._control()
        self.server.record(self.command, self.path)
        fault = self.server.faults.strike(self.path)
        if fault and fault.delay_seconds:
            self.server.closing.wait(fault.delay_seconds)
        if fault and fault.drop:
            return self._hang_up()
        routes = self.server.routes
        request = Request.parse(self.path, self.headers, self.server.url, self._client_gone)
        if fault:
            answer = fault.replace(partial(routes.answer, request), partial(routes.refusal, request))
        else:
            answer = routes.answer(request)
        return self._send(answer, fault)

    def do_POST(self) -> None:
        if self.path.startswith(CONTROL_PREFIX):
            return self._control()
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.record(self.command, self.path)
        error = ApiError(405, "the server does not allow this method on the requested resource")
        return self._send(error_answer(error, Wanted()), None)

    do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = do_POST  # noqa: N815

    def _control(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._send(control(self.server, self.command, self.path, body), None)

    def _send(self, answer: Answer, fault: Fault | None) -> None:
        transfer = Transfer.plan(answer, fault, accepts_gzip=accepts_gzip(self.headers))
        self.send_response_only(answer.status)
        self.send_header("Audit-Id", str(uuid4()))
        self.send_header("Cache-Control", "no-cache, private")
        self.send_header("Date", self.date_time_string())
        for name, value in transfer.headers():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        pace = self.server.pace_bytes_per_second
        send = self.connection.sendall if pace is None else paced(self.connection.sendall, pace)
        try:
            transfer.send_body(send)
        except Cut:
            self._hang_up()
        except Stall:
            self._stall()

    def _hang_up(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def _stall(self) -> None:
        """Hold the connection until the client leaves or the server ends."""
        self.close_connection = True
        while not self._client_gone():
            self.server.closing.wait(STALL_POLL_SECONDS)

    def _client_gone(self) -> bool:
        """Whether nobody waits any more: a client has nothing to say in the middle of an answer, so it has left."""
        if self.server.closing.is_set():
            return True
        readable, _, _ = select.select([self.connection], [], [], 0)
        return bool(readable)


@contextmanager
def serving(
    cluster: SimulatedCluster,
    behaviour: Behaviour | None = None,
    *,
    port: int = 0,
    tls: bool = False,
    token: str | None = None,
) -> Iterator[Simulator]:
    """Serve a cluster on loopback for as long as the block lasts."""
    certificates = make_certificates() if tls else None
    try:
        server = Simulator(cluster, behaviour or Behaviour(), port=port, token=token, certificates=certificates)
    except OSError as error:
        raise WrongUse(
            f"cannot listen on {HOST}:{port}: {error.strerror}", hint="choose another port, or 0 for any that is free"
        ) from error
    try:
        yield server
    finally:
        server.close()
