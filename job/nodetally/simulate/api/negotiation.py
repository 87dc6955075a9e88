"""Request headers in, how the client wants to be answered out. Looks at no path."""

from collections.abc import Iterator
from typing import Protocol

from nodetally.simulate.api.answers import Wanted
from nodetally.simulate.errors import ApiError
from nodetally.simulate.objects.item import Encoding

# User agents that get indented JSON (endpoints/handlers/negotiation/negotiate.go:100)
PEOPLES_AGENTS = ("curl", "Wget", "Mozilla/5.0")
_JSON_TYPES = ("application/json", "application/*", "*/*")
_PROTOBUF_TYPE = "application/vnd.kubernetes.protobuf"


class Headers(Protocol):
    """Headers, found whatever the case of their names."""

    def get(self, name: str, /) -> str | None: ...


def negotiate(headers: Headers, *, protobuf: bool = True, tables: bool = False) -> Wanted:
    """The first type of Accept that can be served; ApiError 406 if there is none.

    `protobuf`: the server speaks it; `tables`: the resource can be shown as kubectl's table.
    """
    for media_type, parameters in _clauses(headers.get("Accept") or "*/*"):
        encoding = _encoding(media_type, protobuf=protobuf)
        shown_as = parameters.get("as", "")
        is_table = tables and encoding == "json" and shown_as == "Table" and parameters.get("v") == "v1"
        if encoding and (is_table or not shown_as):
            return Wanted(encoding, _is_for_people(headers), is_table)
    raise ApiError(406, f"only the following media types are accepted: application/json, {_PROTOBUF_TYPE}")


def negotiate_error(headers: Headers, *, protobuf: bool) -> Wanted:
    """How an error is answered: as what was asked for would be, in JSON where that cannot be served."""
    try:
        return negotiate(headers, protobuf=protobuf)
    except ApiError:
        return Wanted()


def _encoding(media_type: str, *, protobuf: bool) -> Encoding | None:
    if media_type == _PROTOBUF_TYPE and protobuf:
        return "protobuf"
    return "json" if media_type in _JSON_TYPES else None


def _clauses(accept: str) -> Iterator[tuple[str, dict[str, str]]]:
    for clause in accept.split(","):
        media_type, *parameters = (part.strip() for part in clause.split(";"))
        yield media_type, dict(part.partition("=")[::2] for part in parameters)


def _is_for_people(headers: Headers) -> bool:
    return (headers.get("User-Agent") or "").startswith(PEOPLES_AGENTS)


def accepts_gzip(headers: Headers) -> bool:
    """Only the bare token counts: `gzip;q=1.0` does not (responsewriters/writers.go)."""
    return "gzip" in [token.strip() for token in (headers.get("Accept-Encoding") or "").split(",")]
