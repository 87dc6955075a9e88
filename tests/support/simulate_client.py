"""A small client for tests of the simulator: one request, its answer whole, and what is in it."""

import gzip
import http.client
import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import admin
from messages import message, open_envelope

JSON = admin.JSON
PROTOBUF = "application/vnd.kubernetes.protobuf"


class Got(admin.Reply):
    """An answer of the simulator."""

    __slots__ = ()

    @property
    def message(self) -> dict[str, Any]:
        """The object in a protobuf answer."""
        return open_envelope(self.body).content


def get(server: Any, path: str, accept: str = JSON, *, method: str = "GET", **headers: str) -> Got:
    """One request on a connection of its own; `User_Agent=` and the like are headers."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=20)
    try:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, headers={"Accept": accept} | given)
        answer = connection.getresponse()
        return Got(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


def names(got: Got) -> list[str]:
    """The names in a JSON list, in its order."""
    return [item["metadata"]["name"] for item in got.json["items"]]


def asking(server: Any, path: str, accept: str = PROTOBUF) -> socket.socket:
    """A connection on which a request was sent and nothing read yet; the server closes it after its answer."""
    parts = urlsplit(server.url)
    connection = socket.create_connection((parts.hostname, parts.port), timeout=20)
    connection.sendall(f"GET {path} HTTP/1.1\r\nhost: x\r\naccept: {accept}\r\nconnection: close\r\n\r\n".encode())
    return connection


def raw_answer(server: Any, path: str, accept: str = PROTOBUF) -> bytes:
    """All bytes that a server sends for a request, headers and framing too, until it closes."""
    with asking(server, path, accept) as connection:
        return b"".join(iter(lambda: connection.recv(1 << 16), b""))


def chunks(raw: bytes) -> list[bytes]:
    """The chunks of a raw answer's body, whether or not it is complete; a body with a length is one."""
    head, _, framed = raw.partition(b"\r\n\r\n")
    if b"chunked" not in head:
        return [framed]
    found = []
    while framed:
        size, _, framed = framed.partition(b"\r\n")
        found.append(framed[: int(size, 16)])
        framed = framed[int(size, 16) + 2 :]
    return found


def frames(body: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    """Type and object of each event in a protobuf watch."""
    while body:
        size = int.from_bytes(body[:4], "big")
        event = message("WatchEvent", body[4 : 4 + size])
        yield event.type, open_envelope(event.object.raw).content
        body = body[4 + size :]


def lines(body: bytes) -> list[tuple[str, dict[str, Any]]]:
    """Type and object of each event in a JSON watch."""
    return [(event["type"], event["object"]) for event in map(json.loads, body.splitlines())]


def without_empties(value: Any) -> Any:
    """JSON without what protobuf cannot tell from nothing: null, "", 0, false and what is left empty by that."""
    if isinstance(value, dict):
        found = {name: without_empties(each) for name, each in value.items()}
        return {name: each for name, each in found.items() if each not in ("", 0, False, None, {}, [])}
    return [without_empties(each) for each in value] if isinstance(value, list) else value


def unzip(got: Got) -> bytes:
    """The body of a compressed answer, all its members."""
    return gzip.decompress(got.body)
