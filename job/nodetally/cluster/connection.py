"""One verified keep-alive connection to the API server: a request, its errors by name, its body as it comes.

http.client and not a pool library: a pass makes four requests on one connection, and so it starts 50 ms sooner, a tenth
of a pass over 10,000 pods (benchmarks/README.md). Every body's end is verified: by its length, its last chunk, or the
length inside.
"""

import base64
import http.client
import random
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self
from urllib.parse import quote, urlsplit

from nodetally import __version__
from nodetally.cluster.access import Access
from nodetally.cluster.deadline import Deadline
from nodetally.cluster.observation import Cost
from nodetally.cluster.refusals import AnswerError, parse_status, refusal
from nodetally.cluster.wire import BUFFER_BYTES, Gunzip, ReadInto
from nodetally.errors import ClusterError

USER_AGENT = f"nodetally/{__version__}"  # a name of its own: for curl's or a browser's the server indents JSON
CONNECT_SECONDS = 10.0  # a load balancer on another continent answers in under 1 s
STALL_SECONDS = 60.0  # the API server ends its own requests after 60 s (apiserver config.go:453)
ATTEMPTS = 5  # for answers that ask to come back: 429, 503, a connection that broke before it answered
RETRY_SECONDS = 0.8  # doubled each time up to 30 s, with full jitter, as client-go does (reflector.go:62-67)
RETRY_STATUSES = frozenset({429, 500, 502, 503, 504})
MAX_ERROR_BYTES = 64 * 1024


@dataclass(frozen=True)
class Answer:
    """A 200: its content type and its body. Read to the end, or the connection is closed."""

    content_type: str
    read_into: ReadInto

    def read_all(self) -> bytes:
        """The whole body, for answers known to be small."""
        body, view = bytearray(), memoryview(bytearray(BUFFER_BYTES))
        while received := self.read_into(view):
            body += view[:received]
        return bytes(body)


class Connection:
    """GET and nothing else, on one connection that is opened again when the server closed it between requests."""

    def __init__(
        self,
        access: Access,
        deadline: Deadline,
        *,
        gzip: bool = False,
        cost: Cost | None = None,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        self.access = access
        self.deadline = deadline
        self.cost = cost or Cost()
        self._gzip = gzip
        self._sleep = sleep or deadline.sleep
        self._url = urlsplit(access.server)
        self._http: _Http | None = None
        self._tls: ssl.SSLContext | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def another(self, deadline: Deadline | None = None) -> "Connection":
        """A second connection to the same server, for a request beside this one; the cost is shared."""
        sleep = None if deadline else self._sleep
        return Connection(self.access, deadline or self.deadline, gzip=self._gzip, cost=self.cost, sleep=sleep)

    def close(self) -> None:
        if self._http is not None:
            if self._http.sock is not None:
                self.deadline.forget(self._http.sock)
            self._http.close()
            self._http = None

    @contextmanager
    def get(
        self,
        path: str,
        query: Mapping[str, str | int] | None = None,
        *,
        accept: str,
        attempts: int = ATTEMPTS,
        live: bool = False,
    ) -> Iterator[Answer]:
        """Ask, and give the answer's body while the block runs. Raises ClusterError, AnswerError, RefusedError.

        `live`: hand on what there is at once (a watch), where otherwise a buffer is filled first.

        429, 5xx and connections that break before the answer are tried again, within the deadline; a body that breaks
        is not: what was read from it may have been counted already.
        """
        target = path + (
            "?" + "&".join(f"{key}={quote(str(value), safe='')}" for key, value in query.items()) if query else ""
        )
        response = self._answered(target, accept, attempts)
        body = Body(response, f"GET {target}", self.cost, self.deadline)
        read_into: ReadInto = body.read_some_into if live else body.read_into
        if response.headers.get("Content-Encoding", "").lower() == "gzip":
            read_into = Gunzip(read_into, f"GET {target}").read_into
        try:
            yield Answer(response.headers.get("Content-Type", ""), read_into)
        finally:
            if not response.isclosed():
                response.close()
                self.close()  # what is left of the body would stand before the next answer

    def _answered(self, target: str, accept: str, attempts: int) -> http.client.HTTPResponse:
        for attempt in range(1, attempts + 1):
            try:
                response = self._ask(target, accept)
                if self.deadline.passed:  # shut in the middle of a head, which http.client takes for the end of it
                    response.close()
                    self.close()
                    raise self.deadline.error()
                if response.status == http.HTTPStatus.OK:
                    return response
                error = self._refusal(target, response)
                wait = _retry_after(response)
                self.close()
                if error.status not in RETRY_STATUSES:
                    raise error
                failure: ClusterError = error
            except (OSError, http.client.HTTPException) as broken:
                self.close()
                if isinstance(broken, ssl.SSLCertVerificationError):
                    raise ClusterError(
                        f"{self.access.server}: its certificate is not to be trusted: {broken.verify_message}",
                        hint=f"check the certificate authority of {self.access.origin}",
                    ) from broken
                failure, wait = self._broken(target, broken), None
            if self.deadline.passed:
                raise self.deadline.error() from failure
            if attempt < attempts:
                self.pause(attempt, wait, failure)
        raise failure

    def pause(self, attempt: int, wait: float | None, failure: ClusterError) -> None:
        """Wait as long as the server asked, else a random part of a doubling time; never past the deadline."""
        seconds = wait if wait is not None else random.uniform(0, min(30.0, RETRY_SECONDS * 2**attempt))  # noqa: S311 -- jitter
        if seconds >= self.deadline.left():
            raise failure
        self._sleep(seconds)

    def _ask(self, target: str, accept: str) -> http.client.HTTPResponse:
        if self.deadline.passed:
            raise self.deadline.error()
        headers = {
            "Accept": accept,
            "Accept-Encoding": "gzip" if self._gzip else "identity",
            "User-Agent": USER_AGENT,
        }
        authorization = self.access.authorization()
        if authorization:
            headers["Authorization"] = authorization
        connection = self._connected()
        self.cost.api_requests += 1
        try:
            connection.request("GET", self._url.path + target, headers=headers)
            return connection.getresponse()
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            if not connection.reused or self.deadline.passed:
                raise
            self.close()  # the server closed it while it was idle: not a failure, once
            connection = self._connected()
            connection.request("GET", self._url.path + target, headers=headers)
            return connection.getresponse()

    def _connected(self) -> "_Http":
        if self._http is None or self._http.sock is None:  # http.client drops the socket after "Connection: close"
            self._http = self._open()
        else:
            self._http.reused = True
        return self._http

    def _open(self) -> "_Http":
        url, access = self._url, self.access
        if self._tls is None and url.scheme == "https":
            self._tls = tls_context(access)
        port = url.port or (443 if self._tls else 80)
        via = urlsplit(access.proxy) if access.proxy else None
        connection = _Http(
            (via.hostname if via else url.hostname) or "",
            (via.port or 80) if via else port,
            tls=self._tls,
            server_name=access.server_name or url.hostname or "",
            seconds=min(CONNECT_SECONDS, self.deadline.left() or 0.001),
        )
        if via:
            connection.set_tunnel(url.hostname or "", port, headers=_proxy_headers(via.username, via.password))
        connection.connect()
        connection.sock.settimeout(STALL_SECONDS)
        self.deadline.watch(connection.sock)
        return connection

    def _broken(self, target: str, error: Exception) -> ClusterError:
        what = str(error) or type(error).__name__
        return ClusterError(
            f"{self.access.server}: GET {target.partition('?')[0]}: {what}",
            hint=f"is the API server of {self.access.origin or 'this address'} reachable from here?",
        )

    def _refusal(self, target: str, response: http.client.HTTPResponse) -> AnswerError:
        try:
            body = response.read(MAX_ERROR_BYTES)
        except (OSError, http.client.HTTPException):
            body = b""  # the status alone says enough
        said = parse_status(response.headers.get("Content-Type", ""), body)
        return refusal(target, response.status, said.message or response.reason, said.reason, said.continue_token)


class _Response(http.client.HTTPResponse):
    """Reads the socket by 128 KiB: the API server sends every item in a chunk of its own, more than 8 KiB."""

    def __init__(self, sock: socket.socket, *arguments: Any, **named: Any) -> None:
        super().__init__(sock, *arguments, **named)
        self.fp.close()
        self.fp: BinaryIO = sock.makefile("rb", BUFFER_BYTES)  # type: ignore[assignment]  # a reader, only larger


class _Http(http.client.HTTPConnection):
    """http.client's connection with our certificate rules and a larger read buffer."""

    response_class = _Response

    def __init__(self, host: str, port: int, *, tls: ssl.SSLContext | None, server_name: str, seconds: float) -> None:
        super().__init__(host, port, timeout=seconds)
        self._tls = tls
        self._server_name = server_name
        self.reused = False

    def connect(self) -> None:
        super().connect()
        if self._tls is not None:
            self.sock = self._tls.wrap_socket(self.sock, server_hostname=self._server_name)


class Body:
    """A response's body, read as it comes; its end counts only when it is verified."""

    def __init__(self, response: http.client.HTTPResponse, what: str, cost: Cost, deadline: Deadline) -> None:
        self._response = response
        self._what = what
        self._cost = cost
        self._deadline = deadline
        self._taken = 0

    def read_into(self, view: memoryview) -> int:
        """A `wire.ReadInto`: 0 only after the last chunk, or after as many bytes as were announced."""
        return self._read(self._response.readinto, view)

    def read_some_into(self, view: memoryview) -> int:
        """The same, without waiting for more than there is: readinto would wait until the view is full."""

        def read(view: memoryview) -> int:
            some = self._response.read1(len(view))
            view[: len(some)] = some
            return len(some)

        return self._read(read, view)

    def _read(self, read: ReadInto, view: memoryview) -> int:
        response = self._response
        try:
            received = read(view)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._cut(str(error) or type(error).__name__) from error
        if not received and response.length:
            raise self._cut(f"{response.length} bytes are missing")
        self._taken += received
        self._cost.bytes_read += received
        return received

    def _cut(self, why: str) -> ClusterError:
        if self._deadline.passed:
            return self._deadline.error()
        return ClusterError(
            f"{self._what}: the body is cut off after {self._taken} bytes: {why}",
            hint="nothing was published; look for a proxy that ends long answers, or try --page-size",
        )


def tls_context(access: Access) -> ssl.SSLContext:
    """Verified against the cluster's own authority, unless the kubeconfig says otherwise."""
    try:
        context = ssl.create_default_context(cadata=access.ca) if access.ca else ssl.create_default_context()
        if not access.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if access.certificate and access.key:
            from tempfile import TemporaryDirectory  # not on a service account's path

            with TemporaryDirectory() as folder:  # OpenSSL takes files only; the folder is ours alone (0700)
                pair = Path(folder) / "pair.pem"
                pair.write_text(access.certificate + "\n" + access.key)
                context.load_cert_chain(pair)
    except (ssl.SSLError, ValueError) as error:
        raise ClusterError(
            f"the certificates of {access.origin} cannot be used: {error}", hint="check it with: kubectl get nodes"
        ) from error
    return context


def _retry_after(response: http.client.HTTPResponse) -> float | None:
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else None


def _proxy_headers(user: str | None, password: str | None) -> dict[str, str]:
    if not user:
        return {}
    return {"Proxy-Authorization": "Basic " + base64.b64encode(f"{user}:{password or ''}".encode()).decode()}
