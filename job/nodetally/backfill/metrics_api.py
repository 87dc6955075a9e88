"""Prometheus' HTTP API: a range query in, its series out; whole, or an error. Also Thanos, Mimir, VictoriaMetrics.

Warnings and answers that say they are partial are errors: half a sum would be a wrong number.
"""

import base64
import http.client
import random
import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import orjson

from nodetally import __version__
from nodetally.backfill.source import SourceUnreachable
from nodetally.cluster.observation import Cost
from nodetally.errors import ClusterError, ClusterRefused, WrongUse

TIMEOUT_SECONDS = 150.0  # the server gives a query two minutes (--query.timeout)
LOOKBACK = "5m"  # Prometheus' own (--query.lookback-delta)
ATTEMPTS = 5
PAUSE_SECONDS = 0.5  # doubled each time, with full jitter
MAX_ANSWER_BYTES = 256 << 20  # some ten times what a window is chosen for
MAX_ERROR_BYTES = 16 * 1024
# What a server answers to a query that asks for too much: 413 and 422 too many samples or series, 504 one that ran out
# of time, 503 that, too (prometheus web/api/v1/api.go, returnAPIError); 400 more than 11,000 points, or a wrong query.
TOO_MUCH = frozenset({413, 422, 503, 504})
_LIMIT = re.compile(r"exceed|too many|too large|too long|limit|maximum", re.IGNORECASE)


class TooMuch(ClusterError):
    """The server refused a query that may be answered in smaller parts."""


class _Passing(SourceUnreachable):
    """The server may well answer when it is asked again."""


class Series(NamedTuple):
    """One series of an answer: its labels, its values as texts by their time in seconds since 1970."""

    labels: Mapping[str, str]
    values: Mapping[int, str]


@dataclass(frozen=True)
class Access:
    """How the server is reached; nothing of it is ever shown."""

    url: str
    ca_file: str | None = None
    bearer_token: str | None = field(default=None, repr=False)
    basic_auth: str | None = field(default=None, repr=False)  # user:password
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the credentials to another server."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class MetricsApi:
    """Asks one server, one query at a time."""

    def __init__(self, access: Access, *, sleep: Callable[[float], None] = time.sleep) -> None:
        parts = urlsplit(access.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise WrongUse(f"not the address of a Prometheus: {access.url!r}", hint="write http://prometheus:9090")
        if parts.username or parts.password:
            raise WrongUse("credentials in the address", hint="use --basic-auth-file, so that no log shows them")
        self.url = access.url.rstrip("/")
        self.cost = Cost()
        self._sleep = sleep
        self._headers = _headers(access)
        try:
            context = ssl.create_default_context(cafile=access.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise WrongUse(f"--ca-file {access.ca_file} cannot be used: {error}") from error
        self._opener = urllib.request.build_opener(_NoRedirects(), urllib.request.HTTPSHandler(context=context))

    def query_range(self, query: str, start: int, end: int, step_seconds: int) -> list[Series]:
        """The series at start, start + step, … up to end. Raises TooMuch where smaller parts may be answered."""
        data = self._ask(
            {
                "query": query,
                "start": str(start),
                "end": str(end),
                "step": str(step_seconds),
                "partial_response": "false",  # Thanos
                "max_source_resolution": "0s",  # Thanos would take means of five minutes or an hour for wide steps
                "deny_partial_response": "1",  # VictoriaMetrics
                "nocache": "1",  # VictoriaMetrics would move start and end
                "max_lookback": LOOKBACK,  # VictoriaMetrics would look back as far as the step is wide
            },
        )
        try:
            return [_series(each) for each in _result(data, self.url)]
        except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
            raise SourceUnreachable(f"{self.url} answered a series that cannot be read: {error!r}") from error

    def _ask(self, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        for attempt in range(ATTEMPTS - 1):
            try:
                return self._answer(parameters)
            except _Passing:
                self._sleep(random.random() * PAUSE_SECONDS * 2**attempt)  # noqa: S311 -- jitter
        return self._answer(parameters)

    def _answer(self, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        request = urllib.request.Request(  # noqa: S310 -- the scheme was checked
            f"{self.url}/api/v1/query_range", urlencode(parameters).encode(), self._headers
        )
        self.cost.api_requests += 1
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
                body = answer.read(MAX_ANSWER_BYTES + 1)
        except urllib.error.HTTPError as error:
            with error:
                raise self._refusal(error.code, error.read(MAX_ERROR_BYTES)) from error
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            kind = SourceUnreachable if isinstance(reason, ssl.SSLError) else _Passing
            raise kind(
                f"{self.url} cannot be reached: {reason}",
                hint="try it with curl; for a private authority give --ca-file",
            ) from error
        self.cost.bytes_read += len(body)
        if len(body) > MAX_ANSWER_BYTES:
            raise TooMuch(f"{self.url}: an answer of more than {MAX_ANSWER_BYTES >> 20} MiB")
        return _judged(body, self.url)

    def _refusal(self, status: int, body: bytes) -> ClusterError:
        what = f"{self.url} answered {status}: {_said(body)}"
        if status in (401, 403):
            return ClusterRefused(what, hint="give --bearer-token-file, --basic-auth-file or --header")
        if 300 <= status < 400:
            return SourceUnreachable(what, hint="give the address that it leads to: redirects are not followed")
        if status == 404:
            return SourceUnreachable(
                what, hint="the address is what stands before /api/v1, such as http://mimir/prometheus"
            )
        if status == 503 and _told(body) is None:  # a server that starts, or a proxy before it
            return _Passing(what, hint="it is not there; the same command goes on from here")
        if status in TOO_MUCH or (status == 400 and _LIMIT.search(what)):
            return TooMuch(what)
        kind = _Passing if status in (429, 502) else SourceUnreachable
        return kind(what, hint="see the server's log; the same command goes on from here")


def _headers(access: Access) -> dict[str, str]:
    found = {"User-Agent": f"nodetally/{__version__}", "Accept": "application/json", **dict(access.headers)}
    if access.bearer_token and access.basic_auth:
        raise WrongUse("a bearer token and basic auth: which one?", hint="give one of the two")
    if access.bearer_token:
        found["Authorization"] = f"Bearer {access.bearer_token}"
    if access.basic_auth:
        found["Authorization"] = f"Basic {base64.b64encode(access.basic_auth.encode()).decode()}"
    for name, value in found.items():
        if any(ord(each) < 32 for each in name + value):
            raise WrongUse(f"a header with a line break: {name!r}", hint="a token's file holds one line")
    return found


def _judged(body: bytes, url: str) -> Mapping[str, Any]:
    try:
        answer = orjson.loads(body)
        status, data = answer["status"], dict(answer["data"])
    except (KeyError, TypeError, ValueError) as error:
        raise SourceUnreachable(
            f"{url} does not speak Prometheus' API: {body[:80]!r}", hint="the address is what stands before /api/v1"
        ) from error
    if status != "success" or answer.get("warnings") or answer.get("isPartial"):
        why = answer.get("error") or answer.get("warnings") or "it says that it is partial"
        raise SourceUnreachable(
            f"{url} gave half an answer: {why}", hint="half a sum would be a wrong number; look at its stores"
        )
    return data


def _result(data: Mapping[str, Any], url: str) -> Sequence[Any]:
    if data.get("resultType") != "matrix" or not isinstance(data.get("result"), list):
        raise SourceUnreachable(f"{url} answered a {data.get('resultType')}, not a matrix")
    return list(data["result"])


def _series(raw: Mapping[str, Any]) -> Series:
    labels, values = raw["metric"], {round(float(at)): text for at, text in raw.get("values", ())}
    if not all(type(text) is str for text in (*labels.values(), *values.values())):
        raise TypeError("a label or value that is no text")
    return Series(labels, values)


def _said(body: bytes) -> str:
    return _told(body) or body[:200].decode(errors="replace").strip() or "nothing more"


def _told(body: bytes) -> str | None:
    """The error that Prometheus' API tells; None of anything else."""
    try:
        return str(orjson.loads(body)["error"])[:300]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
