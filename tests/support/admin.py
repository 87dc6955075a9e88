"""An administrator's client of an API server: objects in, objects as the server holds them out."""

import http.client
import json
import ssl
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple
from urllib.parse import urlsplit

Json = dict[str, Any]
JSON = "application/json"
APPLY = "application/apply-patch+yaml"  # JSON is YAML, too
MERGE = "application/merge-patch+json"
WAIT_SECONDS = 30.0  # the server waits for nothing here; a test that hangs should say where
AT_ONCE = 3  # more create no faster on two cores
IRREGULAR = {"RuntimeClass": "runtimeclasses", "PriorityClass": "priorityclasses"}
NAMESPACED = {"Pod", "ServiceAccount", "Service", "ConfigMap", "CronJob", "Lease"}


class Refused(Exception):
    """The server said no; `status` and `message` are its own."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message


class Reply(NamedTuple):
    """One whole answer, whatever its status."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def path_of(item: Mapping[str, Any], *, named: bool = True) -> str:
    """Where the server has an object, or (not named) its collection.

    >>> path_of({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}})
    '/api/v1/namespaces/default/pods/p'
    """
    version, kind, metadata = item["apiVersion"], item["kind"], item["metadata"]
    group = f"/apis/{version}" if "/" in version else f"/api/{version}"
    place = f"/namespaces/{metadata.get('namespace', 'default')}" if kind in NAMESPACED else ""
    resource = IRREGULAR.get(kind, kind.lower() + "s")
    return f"{group}{place}/{resource}" + (f"/{metadata['name']}" if named else "")


class Admin:
    """May do everything. Thread-safe: each thread has a keep-alive connection of its own."""

    def __init__(self, url: str, authority: bytes, token: str) -> None:
        self.url = url
        self.token = token
        self._tls = ssl.create_default_context(cadata=authority.decode())
        self._local = threading.local()
        self._open: list[http.client.HTTPSConnection] = []

    def close(self) -> None:
        """Close every thread's connection; the next request opens one again."""
        for connection in self._open:
            connection.close()

    def ask(
        self, method: str, path: str, body: Any = None, *, accept: str = JSON, content_type: str = JSON, **headers: str
    ) -> Reply:
        """One request, its answer whole; `User_Agent=` and the like are headers."""
        sent = None if body is None else json.dumps(body).encode()
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        said = {"Accept": accept, "Authorization": f"Bearer {self.token}", "Content-Type": content_type} | given
        connection = self._connection()
        try:
            connection.request(method, path, sent, said)
            answer = connection.getresponse()
            return Reply(answer.status, answer.headers, answer.read())
        except (OSError, http.client.HTTPException):
            connection.close()  # the next request opens it again
            raise

    def get(self, path: str) -> Json:
        return self._call("GET", path)

    def items(self, path: str) -> list[Json]:
        """The objects of a list, each with the kind that lists leave out."""
        listed = self.get(path)
        kind, version = listed["kind"].removesuffix("List"), listed["apiVersion"]
        return [{"apiVersion": version, "kind": kind, **item} for item in listed["items"]]

    def create(self, item: Mapping[str, Any]) -> Json:
        return self._call("POST", path_of(item, named=False), item)

    def apply(self, item: Mapping[str, Any]) -> Json:
        """As `kubectl apply --server-side --force-conflicts`: make it so, whatever is there."""
        path = f"{path_of(item)}?fieldManager=tests&force=true"
        return self._call("PATCH", path, {"apiVersion": item["apiVersion"], **item}, APPLY)

    def patch(self, item: Mapping[str, Any], changes: Mapping[str, Any]) -> Json:
        """Merge some changes into an object that is there; null removes."""
        return self._call("PATCH", path_of(item), changes, MERGE)

    def update_status(self, item: Mapping[str, Any]) -> Json:
        """Write the object's status, as a kubelet does."""
        return self._call("PATCH", f"{path_of(item)}/status", {"status": item["status"]}, MERGE)

    def put(self, item: Mapping[str, Any]) -> Json:
        """Create an object with its status, which a create does not take."""
        created = self.create(item)
        return self.update_status(item) if item.get("status") else created

    def put_all(self, items: Iterable[Mapping[str, Any]], at_once: int = AT_ONCE) -> list[Json]:
        """Create many, some at a time; the first that is refused ends it."""
        with ThreadPoolExecutor(at_once) as pool:
            return list(pool.map(self.put, items))

    def delete(self, item: Mapping[str, Any], *, now: bool = True) -> None:
        """Delete an object that may be gone already; a bound pod that is not deleted `now` goes on terminating."""
        body = {"kind": "DeleteOptions", "apiVersion": "v1", **({"gracePeriodSeconds": 0} if now else {})}
        try:
            self._call("DELETE", path_of(item), body)
        except Refused as refused:
            if refused.status != http.HTTPStatus.NOT_FOUND:
                raise

    def delete_pods(self, namespace: str) -> None:
        """Delete all pods of a namespace at once."""
        body = {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0}
        self._call("DELETE", f"/api/v1/namespaces/{namespace}/pods", body)

    def token_of(self, account: str, namespace: str = "default") -> str:
        """A ServiceAccount's token, made by the TokenRequest API as the kubelet asks for it."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": 7200},
        }
        return str(self._call("POST", path, request)["status"]["token"])

    def _call(self, method: str, path: str, body: Any = None, content_type: str = JSON) -> Json:
        reply = self.ask(method, path, body, content_type=content_type)
        if reply.status >= http.HTTPStatus.BAD_REQUEST:
            is_json = reply.headers.get("Content-Type", "").startswith(JSON)
            raise Refused(reply.status, reply.json["message"] if is_json else reply.body.decode(errors="replace"))
        found: Json = reply.json
        return found

    def _connection(self) -> http.client.HTTPSConnection:
        found: http.client.HTTPSConnection | None = getattr(self._local, "connection", None)
        if found is None:
            found = http.client.HTTPSConnection(urlsplit(self.url).netloc, context=self._tls, timeout=WAIT_SECONDS)
            self._local.connection = found
            self._open.append(found)
        return found
