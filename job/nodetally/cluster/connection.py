"""One verified keep-alive connection to the API server: a request, its errors by name, its body as it comes.

http.client and not a pool library: a pass makes four requests on one connection, and so it starts 50 ms sooner, a tenth
of a pass over 10,000 pods (benchmarks/README.md). Every body's end is verified: by its length, its last chunk, or the
length inside.
"""

import http.client
import random
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Self
from urllib.parse import quote, urlsplit

from nodetally import __version__
from nodetally.cluster.access import Access, find_access
from nodetally.cluster.answer import Answer, Body
from nodetally.cluster.deadline import Deadline
from nodetally.cluster.observation import Cost
from nodetally.cluster.refusals import AnswerError, RefusedError, parse_status, refusal
from nodetally.cluster.transport import Http, Transport
from nodetally.cluster.wire import Gunzip, ReadInto
from nodetally.errors import ClusterError
from nodetally.settings import Settings, Surroundings

USER_AGENT = f"nodetally/{__version__}"  # a name of its own: for curl's or a browser's the server indents JSON
ATTEMPTS = 5  # for answers that ask to come back: 429, 503, a connection that broke before it answered
RETRY_SECONDS = 0.8  # doubled each time up to 30 s, with full jitter, as client-go does (reflector.go:62-67)
RETRY_STATUSES = frozenset({429, 500, 502, 503, 504})
FIRST_MOMENTS_SECONDS = 0.2  # of a server that starts: 10 ms as measured, until it says that it is not ready
MAX_ERROR_BYTES = 64 * 1024


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
        self._base = urlsplit(access.server).path
        self._transport = Transport(access)
        self._http: Http | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def another(self, deadline: Deadline | None = None) -> "Connection":
        """A second connection to the same server, for a request beside this one; the cost is shared."""
        sleep = None if deadline else self._sleep
        second = Connection(self.access, deadline or self.deadline, gzip=self._gzip, cost=self.cost, sleep=sleep)
        second._transport = self._transport
        return second

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
        """A 200's head; what may pass by itself is waited out."""
        attempt = 1
        while True:
            try:
                return self._ask(target, accept)
            except (AnswerError, _BrokenError) as error:
                if attempt == attempts or (isinstance(error, AnswerError) and error.status not in RETRY_STATUSES):
                    raise
                self.pause(attempt, error)
            attempt += 1

    def pause(self, attempt: int, failure: ClusterError) -> None:
        """Wait as long as the server asked, else a random part of a doubling time; never past the deadline."""
        seconds = failure.retry_after if isinstance(failure, AnswerError) else None
        if seconds is None:
            seconds = random.uniform(0, min(30.0, RETRY_SECONDS * 2**attempt))  # noqa: S311 -- jitter
        if seconds >= self.deadline.left():
            raise failure
        self._sleep(seconds)

    def _ask(self, target: str, accept: str) -> http.client.HTTPResponse:
        """One request. Raises AnswerError, _BrokenError, and ClusterError for certificates and the deadline."""
        try:
            response = self._send(target, accept)
        except ssl.SSLCertVerificationError as error:
            self.close()
            raise ClusterError(
                f"{self.access.server}: its certificate is not to be trusted: {error.verify_message}",
                hint=f"check the certificate authority of {self.access.origin}",
            ) from error
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise self._broken(target, error) from error
        if response.status == http.HTTPStatus.OK and not self.deadline.passed:
            return response
        refused = self._refusal(target, response)
        response.close()
        self.close()
        if self.deadline.passed:  # a head shut in its middle is a whole one for http.client
            raise self.deadline.error() from refused
        if isinstance(refused, RefusedError) and self._starting():
            why = f"the API server is starting, and refuses until it knows its roles: {refused}"
            raise AnswerError(why, status=http.HTTPStatus.SERVICE_UNAVAILABLE) from refused
        raise refused

    def _starting(self) -> bool:
        """Whether the server says so itself: in its first moments it answers 403 to whom it will serve a second later.

        /readyz is open to everyone (--authorization-always-allow-paths), but for the first of those moments.
        """
        status = self._readiness()
        if status == http.HTTPStatus.FORBIDDEN:
            self._sleep(FIRST_MOMENTS_SECONDS)
            status = self._readiness()
        return status in RETRY_STATUSES

    def _readiness(self) -> int:
        """The status of /readyz; 0 for no answer."""
        try:
            return self._send("/readyz", "*/*").status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            self.close()

    def _send(self, target: str, accept: str) -> http.client.HTTPResponse:
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
            connection.request("GET", self._base + target, headers=headers)
            return connection.getresponse()
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            if not connection.reused or self.deadline.passed:
                raise
            self.close()  # the server closed it while it was idle: not a failure, once
            connection = self._connected()
            connection.request("GET", self._base + target, headers=headers)
            return connection.getresponse()

    def _connected(self) -> Http:
        if self._http is None or self._http.sock is None:  # http.client drops the socket after "Connection: close"
            self._http = self._transport.open(self.deadline.left() or 0.001)
            self.deadline.watch(self._http.sock)
        else:
            self._http.reused = True
        return self._http

    def _broken(self, target: str, error: Exception) -> ClusterError:
        if self.deadline.passed:
            return self.deadline.error()
        what = str(error) or type(error).__name__
        hint = f"is the API server of {self.access.origin or 'this address'} reachable from here"
        if self.access.proxy:  # never with its password
            hint += f" through the proxy {self.access.proxy.rpartition('@')[2]}, or should NO_PROXY name it"
        return _BrokenError(f"{self.access.server}: GET {target.partition('?')[0]}: {what}", hint=f"{hint}?")

    def _refusal(self, target: str, response: http.client.HTTPResponse) -> AnswerError:
        try:
            body = response.read(MAX_ERROR_BYTES)
        except (OSError, http.client.HTTPException):
            body = b""  # the status alone says enough
        said = parse_status(response.headers.get("Content-Type", ""), body)
        error = refusal(target, response.status, said.message or response.reason, said.reason, said.continue_token)
        error.retry_after = _retry_after(response)
        return error


@contextmanager
def connected(
    settings: Settings, around: Surroundings, deadline: Deadline | None = None, cost: Cost | None = None
) -> Iterator[Connection]:
    """A connection to the cluster of the settings, closed at the end; everything on it ends at one deadline."""
    deadline = deadline or Deadline(settings.timeout_seconds)
    try:
        with Connection(find_access(settings, around), deadline, gzip=settings.gzip, cost=cost) as connection:
            yield connection
    finally:
        deadline.cancel()


class _BrokenError(ClusterError):
    """The connection broke before an answer: nothing was counted yet, so nothing can be counted twice."""


def _retry_after(response: http.client.HTTPResponse) -> float | None:
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else None
