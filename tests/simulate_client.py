"""A small client for tests of the simulator: one request, its answer whole, and what is in it."""

import gzip
import http.client
import json
import socket
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from messages import message, open_envelope

PROTOBUF = "application/vnd.kubernetes.protobuf"
JSON = "application/json"


class Got(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

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


def raw_answer(server: Any, path: str, accept: str = PROTOBUF) -> bytes:
    """All bytes that a server sends for a request, headers and framing too, until it closes."""
    parts = urlsplit(server.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as connection:
        request = f"GET {path} HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode())
        return b"".join(iter(lambda: connection.recv(1 << 16), b""))


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


def pod(name: str, namespace: str = "default", node: str = "", phase: str = "Running", **labels: str) -> dict[str, Any]:
    """A small pod."""
    metadata = {"name": name, "namespace": namespace} | ({"labels": labels} if labels else {})
    spec = {"containers": [{"name": "a", "image": "x", "resources": {"requests": {"cpu": "100m"}}}]}
    status = {"phase": phase}
    return {"kind": "Pod", "metadata": metadata, "spec": spec | ({"nodeName": node} if node else {}), "status": status}


def node(name: str, **labels: str) -> dict[str, Any]:
    """A small node."""
    resources = {"cpu": "4", "memory": "8Gi", "pods": "110"}
    status = {"capacity": resources, "allocatable": resources, "conditions": [{"type": "Ready", "status": "True"}]}
    return {"kind": "Node", "metadata": {"name": name, "labels": labels}, "spec": {}, "status": status}
