"""A way to the API server's port: through a proxy or not, under TLS by the cluster's own authority, with time-outs."""

import base64
import http.client
import os
import socket
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import SplitResult, unquote, urlsplit

from nodetally.cluster.access import Access
from nodetally.cluster.wire import BUFFER_BYTES
from nodetally.errors import ClusterError

CONNECT_SECONDS = 10.0  # a load balancer on another continent answers in under 1 s
STALL_SECONDS = 60.0  # the API server ends its own requests after 60 s (apiserver config.go:453)


class Transport:
    """Opens connections to one API server; the certificates are read once, at the first."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._tls: ssl.SSLContext | None = None

    def open(self, seconds: float) -> "Http":
        """Connected within `seconds`. Raises ClusterError for certificates that do not read, OSError for the rest."""
        url, access = urlsplit(self._access.server), self._access
        if self._tls is None and url.scheme == "https":
            self._tls = tls_context(access)
        port = url.port or (443 if self._tls else 80)
        via = urlsplit(access.proxy) if access.proxy else None
        connection = Http(
            (via.hostname if via else url.hostname) or "",
            (via.port or 80) if via else port,
            tls=self._tls,
            server_name=access.server_name or url.hostname or "",
            seconds=min(CONNECT_SECONDS, seconds),
        )
        if via:
            connection.set_tunnel(url.hostname or "", port, headers=_proxy_headers(via))
        connection.connect()
        connection.sock.settimeout(STALL_SECONDS)
        return connection


class _Response(http.client.HTTPResponse):
    """Reads the socket by 128 KiB: the API server sends every item in a chunk of its own, more than 8 KiB."""

    def __init__(self, sock: socket.socket, *arguments: Any, **named: Any) -> None:
        super().__init__(sock, *arguments, **named)
        self.fp.close()
        self.fp: BinaryIO = sock.makefile("rb", BUFFER_BYTES)  # type: ignore[assignment]  # a reader, only larger


class Http(http.client.HTTPConnection):
    """http.client's connection with our certificate rules and a larger read buffer."""

    response_class = _Response
    auto_open = 0  # never a second socket of its own: that one would have no time-out, and nobody to close it

    def __init__(self, host: str, port: int, *, tls: ssl.SSLContext | None, server_name: str, seconds: float) -> None:
        super().__init__(host, port, timeout=seconds)
        self._tls = tls
        self._server_name = server_name
        self.reused = False

    def connect(self) -> None:
        super().connect()
        if self._tls is not None:
            self.sock = self._tls.wrap_socket(self.sock, server_hostname=self._server_name)


def tls_context(access: Access) -> ssl.SSLContext:
    """Verified against the cluster's own authority, unless the kubeconfig says otherwise."""
    try:
        context = ssl.create_default_context(cadata=access.ca) if access.ca else ssl.create_default_context()
        if not access.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if access.certificate and access.key:
            with _as_file(access.certificate + "\n" + access.key) as pair:
                context.load_cert_chain(pair)
    except (ssl.SSLError, ValueError) as error:
        raise ClusterError(
            f"the certificates of {access.origin} cannot be used: {error}", hint="check it with: kubectl get nodes"
        ) from error
    return context


@contextmanager
def _as_file(secret: str) -> Iterator[str]:
    """A file's name for OpenSSL, which takes nothing else: on Linux one in memory, as a pod's disk is read-only."""
    if sys.platform == "linux":
        with os.fdopen(os.memfd_create("pair.pem"), "w") as file:
            file.write(secret)
            file.flush()
            yield f"/proc/self/fd/{file.fileno()}"
        return
    from tempfile import TemporaryDirectory  # not on a service account's path

    with TemporaryDirectory() as folder:  # ours alone (0700)
        pair = Path(folder) / "pair.pem"
        pair.write_text(secret)
        yield str(pair)


def _proxy_headers(proxy: SplitResult) -> dict[str, str]:
    if not proxy.username:
        return {}
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}".encode()
    return {"Proxy-Authorization": "Basic " + base64.b64encode(pair).decode()}
