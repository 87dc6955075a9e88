"""What the server says when it does not give what was asked: Status objects, by upstream's reasons and words."""

from typing import Any

REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    406: "NotAcceptable",
    409: "Conflict",
    410: "Expired",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}


class ApiError(Exception):
    """A request that is answered with a Status; not an error of the program."""

    def __init__(self, code: int, message: str, **more: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.headers: dict[str, str] = more.pop("headers", {})
        self.more = more

    def status(self) -> dict[str, Any]:
        """The Status object, without kind and apiVersion."""
        found = {
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": REASONS.get(self.code, ""),
            "code": self.code,
        }
        return {name: value for name, value in (found | self.more).items() if value != ""}


def not_found(resource: str, name: str, group: str = "") -> ApiError:
    qualified = f"{resource}.{group}" if group else resource
    details = {"name": name, "kind": resource} | ({"group": group} if group else {})
    return ApiError(404, f'{qualified} "{name}" not found', details=details)


def too_old(version: int, oldest: int) -> ApiError:
    """A watch from before the kept window (watch_cache_history.go)."""
    return ApiError(410, f"too old resource version: {version} ({oldest})")


def too_large(version: int, current: int) -> ApiError:
    """A version that the server has not reached in time."""
    return ApiError(
        504,
        f"Too large resource version: {version}, current: {current}",
        details={"causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]}
        | {"retryAfterSeconds": 1},
        headers={"Retry-After": "1"},
    )


def expired_continue(token: str) -> ApiError:
    """A continue token whose version is gone; `token` reads the rest at the current version."""
    return ApiError(
        410,
        "The provided continue parameter is too old: the list that it belongs to is gone. Start a new list, or read "
        "the rest as it is now, which need not agree with the pages before, with the token of this answer.",
        metadata={"continue": token},
    )
