"""The page and a store's public documents over HTTP, on loopback, read-only. Never state/, never a listing.

What may be asked is decided by the key alone (`public_headers`); what lies there is read through the store, which
follows no symbolic link below its folder. A page of another origin gets nothing: the Host header must be a name of
loopback (against DNS rebinding), and no answer carries a CORS header.
"""

import hashlib
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from nodetally.dashboard.built import Page
from nodetally.errors import NodetallyError, StoreError, WrongUse
from nodetally.store.base import Store
from nodetally.store.layout import PAGE_KEY, public_headers

HOST = "127.0.0.1"
IDLE_SECONDS = 30  # a browser keeps connections open; each holds a thread
# Behind `ssh -L` or a port forward the port differs, so any is good; a rebinding attack cannot send these names.
_HOST_NAMES = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?", re.ASCII | re.IGNORECASE)
_FOR_EVER = "max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"  # another store may be served at this address next: no copy without asking, not even 30 s old
_TEXT = "text/plain; charset=utf-8"


class Answer(NamedTuple):
    """What is sent; the body is left out for HEAD and 304."""

    status: HTTPStatus
    body: bytes
    content_type: str = _TEXT
    cache_control: str = "no-store"


class Server(ThreadingHTTPServer):
    """A running server."""

    daemon_threads = True
    block_on_close = False  # Ctrl-C does not wait for idle connections

    def __init__(self, store: Store, page: Page, port: int) -> None:
        self.store, self.page = store, page
        self.policy = f"{page.content_security_policy}; frame-ancestors 'none'"
        super().__init__((HOST, port), Handler)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.server_address[1]}/"

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that goes away in the middle of an answer is no news; a bug is."""
        if not isinstance(sys.exception(), (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class Handler(BaseHTTPRequestHandler):
    """One connection: GET and HEAD of what is public."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "nodetally", ""
    timeout = IDLE_SECONDS

    def do_GET(self) -> None:
        if "Content-Length" in self.headers or "Transfer-Encoding" in self.headers:
            self.close_connection = True  # a body that is not read would be taken for the next request
        self._send(self._found())

    do_HEAD = do_GET  # noqa: N815

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What http.server itself refuses, without repeating anything of the request."""
        del message, explain
        self.close_connection = True  # a body that was not read would be taken for the next request
        status = HTTPStatus.METHOD_NOT_ALLOWED if code == HTTPStatus.NOT_IMPLEMENTED else HTTPStatus(code)
        if not hasattr(self, "headers"):
            self.command, self.request_version = self.command or "GET", self.protocol_version
        self._send(_refusal(status))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- http.server's own name
        """Nothing: what goes wrong is told by `_found`."""

    def _found(self) -> Answer:
        hosts = self.headers.get_all("Host", [])
        if len(hosts) != 1 or not _HOST_NAMES.fullmatch(hosts[0].strip()):
            return _refusal(HTTPStatus.MISDIRECTED_REQUEST)
        key = _key_of(self.path)
        if key is None:
            return _refusal(HTTPStatus.NOT_FOUND)
        page = self.server.page
        if key == PAGE_KEY:
            return Answer(HTTPStatus.OK, page.front.body, page.front.headers.content_type, _ASK_AGAIN)
        if key in page.assets:
            return Answer(HTTPStatus.OK, page.assets[key].body, page.assets[key].headers.content_type, _FOR_EVER)
        return self._stored(key)

    def _stored(self, key: str) -> Answer:
        headers = public_headers(key)
        if headers is None:
            return _refusal(HTTPStatus.NOT_FOUND)
        try:
            stored = self.server.store.get(key)
        except StoreError as error:
            print(f"Error: {error}" + (f"\nHint: {error.hint}" if error.hint else ""), file=sys.stderr)  # noqa: T201
            return _refusal(HTTPStatus.BAD_GATEWAY)
        if stored is None:
            return _refusal(HTTPStatus.NOT_FOUND)
        return Answer(HTTPStatus.OK, stored.body, headers.content_type, _ASK_AGAIN)

    def _send(self, answer: Answer) -> None:
        etag = f'"{hashlib.blake2b(answer.body, digest_size=16).hexdigest()}"'
        status, ok = answer.status, answer.status == HTTPStatus.OK
        if ok and _names(self.headers.get("If-None-Match", ""), etag):
            status = HTTPStatus.NOT_MODIFIED
        self.send_response(status)
        for name, value in self._headers(answer, etag if ok else None, status):
            self.send_header(name, value)
        self.end_headers()
        if status != HTTPStatus.NOT_MODIFIED and self.command != "HEAD":
            self.wfile.write(answer.body)

    def _headers(self, answer: Answer, etag: str | None, status: HTTPStatus) -> Iterator[tuple[str, str]]:
        yield "Cache-Control", answer.cache_control
        yield "Content-Security-Policy", self.server.policy
        yield "X-Content-Type-Options", "nosniff"
        yield "X-Frame-Options", "DENY"
        yield "Referrer-Policy", "no-referrer"
        yield "Cross-Origin-Resource-Policy", "same-origin"
        yield "Cross-Origin-Opener-Policy", "same-origin"
        if etag:
            yield "ETag", etag
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            yield "Allow", "GET, HEAD"
        if self.close_connection:
            yield "Connection", "close"
        if status != HTTPStatus.NOT_MODIFIED:
            yield "Content-Type", answer.content_type
            yield "Content-Length", str(len(answer.body))


@contextmanager
def serving(store: Store, page: Page, port: int) -> Iterator[Server]:
    """A server on loopback, listening but not yet answering: call serve_forever. Port 0 is any that is free."""
    try:
        server = Server(store, page, port)
    except OSError as error:
        hint = "choose another with --port, or any free one with --port 0"
        raise WrongUse(f"cannot listen on {HOST}, port {port}: {error.strerror}", hint=hint) from error
    try:
        yield server
    finally:
        server.server_close()


def _key_of(target: str) -> str | None:
    """The key that a request's target names; None when it names none. A query is let be."""
    with suppress(ValueError, NodetallyError):
        path = urlsplit(target).path if target.startswith("/") and not target.startswith("//") else ""
        key = unquote(path[1:], errors="strict")
        return None if not path else key or PAGE_KEY
    return None


def _names(if_none_match: str, etag: str) -> bool:
    """Whether the header names the ETag (RFC 9110, 13.1.2: weakly compared)."""
    return any(each.strip().removeprefix("W/") in ("*", etag) for each in if_none_match.split(","))


def _refusal(status: HTTPStatus) -> Answer:
    return Answer(status, f"{status.value} {status.phrase}\n".encode())
