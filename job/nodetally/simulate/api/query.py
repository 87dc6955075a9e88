"""A request's parameters: read, and refused by the rules of apimachinery (internalversion/validation.go)."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from nodetally.simulate.errors import ApiError


class Query(dict[str, str]):
    """Parameters by name, as text."""

    @classmethod
    def parse(cls, text: str) -> "Query":
        return cls(parse_qsl(text, keep_blank_values=True))

    def text(self, name: str) -> str:
        """A parameter, "" if it is not there."""
        return self.get(name, "")

    def number(self, name: str) -> int:
        """An integer, 0 if it is not there; ApiError 400 if it is none.

        >>> Query.parse("limit=500&continue=").number("limit")
        500
        """
        text = self.get(name) or "0"
        if not text.removeprefix("-").isdigit():
            raise ApiError(400, f'strconv.ParseInt: parsing "{text}": invalid syntax ({name})')
        return int(text)

    def flag(self, name: str) -> bool:
        """Whether a switch is on, False if it is not there."""
        return self.text(name).lower() in ("1", "t", "true")


def check_list(query: Query) -> None:
    """ApiError 400 or 422 for what may not be asked of a list."""
    version, match, token = (query.text(name) for name in ("resourceVersion", "resourceVersionMatch", "continue"))
    _refuse_first(
        {
            "sendInitialEvents is forbidden for list": "sendInitialEvents" in query,
            "resourceVersionMatch is forbidden unless resourceVersion is provided": match and not version,
            f'resourceVersionMatch: Unsupported value: "{match}"': match not in ("", "Exact", "NotOlderThan"),
            'resourceVersionMatch "Exact" is forbidden for resourceVersion "0"': match == "Exact" and version == "0",
            "resourceVersionMatch is forbidden when continue is provided": match and token,
        }
    )
    if version and token:
        raise ApiError(400, "specifying resource version is not allowed when using continue")


def check_watch(query: Query, *, watch_list: bool) -> None:
    """ApiError 422 for what may not be asked of a watch; `watch_list`: it may begin with initial events."""
    wanted, match = "sendInitialEvents" in query, query.text("resourceVersionMatch")
    _refuse_first(
        {
            "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled": (
                wanted and not watch_list
            ),
            "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan": (
                wanted and match != "NotOlderThan"
            ),
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided": match and not wanted,
        }
    )


def _refuse_first(wrong: Mapping[str, object]) -> None:
    """ApiError 422 with the first message whose condition holds."""
    for message, holds in wrong.items():
        if holds:
            raise ApiError(422, f"ListOptions.meta.k8s.io is invalid: {message}")
