"""An error status and its body in, an error by name out: what was refused, and what to do about it."""

import http
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError

from nodetally.cluster import k8s_pb2
from nodetally.cluster.wire import JSON, MAGIC, PROTOBUF
from nodetally.errors import ClusterError, ClusterRefused


class AnswerError(ClusterError):
    """The API server answered with an error status; `status`, `reason` and `continue_token` say which."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        reason: str = "",
        continue_token: str = "",
        retry_after: float | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.reason = reason
        self.continue_token = continue_token
        self.retry_after = retry_after  # seconds, where a header or an event says so


class RefusedError(AnswerError, ClusterRefused):
    """401 or 403."""

    exit_code = ClusterRefused.exit_code


class Status(NamedTuple):
    """What an error body says; empty where it says nothing."""

    message: str = ""
    reason: str = ""
    continue_token: str = ""
    code: int = 0
    retry_after: float | None = None


def parse_status(content_type: str, body: bytes) -> Status:
    """An error body: a Status in protobuf or JSON, or plain text."""
    if body.startswith(MAGIC) or content_type.startswith(PROTOBUF):
        return _in_protobuf(body)
    if content_type.startswith(JSON):
        try:
            document = json.loads(body)
        except ValueError:
            return Status()
        if isinstance(document, dict):
            return _in_json(document)
    return Status(body.decode("utf-8", "replace").strip()[:500])


def _in_protobuf(body: bytes) -> Status:
    try:
        status = k8s_pb2.Status.FromString(k8s_pb2.Unknown.FromString(body[len(MAGIC) :]).raw)
    except DecodeError:
        return Status()
    wait = status.details.retry_after_seconds or None
    return Status(status.message, status.reason, status.metadata.continue_token, status.code, wait)


def _in_json(document: Mapping[str, Any]) -> Status:
    """Nothing of it is sure to be what it should be: a proxy may have written it."""
    metadata, details, code = (document.get(key) for key in ("metadata", "details", "code"))
    wait = details.get("retryAfterSeconds") if isinstance(details, dict) else None
    return Status(
        message=str(document.get("message") or ""),
        reason=str(document.get("reason") or ""),
        continue_token=str(metadata.get("continue") or "") if isinstance(metadata, dict) else "",
        code=code if isinstance(code, int) else 0,
        retry_after=wait if isinstance(wait, int) and wait > 0 else None,
    )


def refusal(target: str, status: int, message: str, reason: str, token: str = "") -> AnswerError:
    """An error status as the error that says what to do about it."""
    path = target.partition("?")[0]
    what = path.rsplit("/", 1)[-1]
    if status == http.HTTPStatus.UNAUTHORIZED:
        hint = "the token or certificate is missing, wrong or expired; check with: kubectl auth whoami"
        return RefusedError(
            f"not authenticated: 401 for GET {path}: {message}", status=status, reason=reason, hint=hint
        )
    if status == http.HTTPStatus.FORBIDDEN:
        user = re.search(r'User "([^"]+)"', message)
        flag = f" --as={user.group(1)}" if user else ""
        verb = "watch" if "watch=" in target else "list"
        group = ".metrics.k8s.io" if "/metrics.k8s.io/" in path else ""
        hint = f"apply the ClusterRole again, or check: kubectl auth can-i {verb} {what}{group} --all-namespaces{flag}"
        return RefusedError(f"may not {verb} {what}: 403: {message}", status=status, reason=reason, hint=hint)
    hint = "the API server asks to slow down; try again later" if status == http.HTTPStatus.TOO_MANY_REQUESTS else ""
    return AnswerError(
        f"GET {path}: {status} {message}".rstrip(), status=status, reason=reason, continue_token=token, hint=hint
    )
