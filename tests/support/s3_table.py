"""What a pass into S3 comes to, for each request that it makes and each harm that can be done to it.

A pass is the command line, in this process, into a real server behind a proxy. Waits are written down, not waited for.
"""

import copy
import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple
from unittest import mock

from botocore.retries import quota

import servers
from nodetally import collect
from nodetally.cli.main import main
from nodetally.store import s3
from nodetally.store.layout import cluster_index_key, clusters_key, day_index_key, latest_key, slot_of, snapshot_key
from nodetally.store.publish import publish
from nodetally.store.s3 import ATTEMPTS, CONFLICT_ATTEMPTS, S3Store
from nodetally.store.update import ATTEMPTS as RACES
from nodetally.store.update import Pauses
from nodetally.store.verify import verify
from s3_proxy import FOREVER, Asked, Harm, Proxy, proxied

BUCKET = "table"
SHORT_SECONDS = 0.3  # until the client gives up on silence: a request here takes a hundredth of it
PASSES_IN_A_CLUSTER = 24
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)

FIRST = {  # the pass that makes a cluster, in the order in which it asks
    "first: put of the snapshot": Asked("PUT", "snapshot"),
    "first: get of the cluster index": Asked("GET", "cluster index"),
    "first: listing": Asked("GET", "listing"),
    "first: get of the day index": Asked("GET", "day index"),
    "first: put of the day index": Asked("PUT", "day index"),
    "first: put of the cluster index": Asked("PUT", "cluster index"),
    "first: get of latest": Asked("GET", "latest"),
    "first: put of latest": Asked("PUT", "latest"),
    "first: get of the list of clusters": Asked("GET", "list of clusters"),
    "first: put of the list of clusters": Asked("PUT", "list of clusters"),
}
LATER = {f"later: {name[7:]}": asked for name, asked in FIRST.items() if asked != Asked("PUT", "list of clusters")}
SAME = {"same slot again: get of the snapshot": Asked("GET", "snapshot")}
REQUESTS = {**FIRST, **LATER, **SAME}


class Fault(NamedTuple):
    """A harm, how often it is done, and how that ends; `said` is in the error, `hint` in its next step."""

    harm: Harm
    times: int
    said: str = ""
    hint: str = ""

    @property
    def is_once(self) -> bool:
        return self.times == 1


def _answer(status: int, code: str, times: int, hint: str = "", *, handled: bool = False) -> Fault:
    return Fault(Harm("answer", handled, status, code), times, f"{status} {code}", hint)


REACHABLE = "is it up and reachable from here"
FAULTS = {
    "403 AccessDenied": _answer(403, "AccessDenied", FOREVER, "allow s3:"),
    "404 NoSuchBucket": _answer(404, "NoSuchBucket", FOREVER, f"aws s3 mb s3://{BUCKET}"),
    "400 ExpiredToken": _answer(400, "ExpiredToken", FOREVER, "get new ones (aws sso login"),
    "412 once": _answer(412, "PreconditionFailed", 1),
    "412 always": _answer(412, "PreconditionFailed", FOREVER),
    "409 once": _answer(409, "ConditionalRequestConflict", 1),
    "409 always": _answer(409, "ConditionalRequestConflict", FOREVER),
    "500 once": _answer(500, "InternalError", 1),
    "500 always": _answer(500, "InternalError", FOREVER, f"failed {ATTEMPTS} times"),
    "500 once, but done": _answer(500, "InternalError", 1, handled=True),
    "500 always, but done": _answer(500, "InternalError", FOREVER, f"failed {ATTEMPTS} times", handled=True),
    "503 SlowDown once": _answer(503, "SlowDown", 1),
    "503 SlowDown always": _answer(503, "SlowDown", FOREVER, f"slow down and still did after {ATTEMPTS} attempts"),
    "reset once": Fault(Harm("reset"), 1),
    "reset always": Fault(Harm("reset"), FOREVER, "127.0.0.1", REACHABLE),
    "answer lost once": Fault(Harm("reset", handled=True), 1),
    "answer lost always": Fault(Harm("reset", handled=True), FOREVER, "127.0.0.1", REACHABLE),
    "time-out once": Fault(Harm("silence"), 1),
    "time-out once, but done": Fault(Harm("silence", handled=True), 1),
    "time-out always": Fault(Harm("silence"), FOREVER, "127.0.0.1", REACHABLE),
    "body cut once": Fault(Harm("cut", handled=True), 1),
    "body cut always": Fault(Harm("cut", handled=True), FOREVER, "", "is it up and reachable|what arrived"),
}
TABLE = [
    (request, fault)
    for request, asked in REQUESTS.items()
    for fault in FAULTS
    if not (
        fault.startswith("body cut") and (asked.method == "PUT" or (request in FIRST and asked.document != "listing"))
    )
]


class Expected(NamedTuple):
    """The exit code, what the message says, and how many requests of this kind are made: at least, at most."""

    code: int
    said: str
    hint: str
    least: int
    most: int


def expected(request: str, fault: Fault) -> Expected:
    """The table's rule."""
    asked = REQUESTS[request]
    harm = fault.harm
    conditional = harm.status in (409, 412)
    if not conditional:
        if fault.times == FOREVER and harm.status in (400, 403, 404):
            return Expected(5, fault.said, fault.hint, 1, 1)
        tries = ATTEMPTS if fault.times == FOREVER else 2
        # Where an answer is not waited for long, a slow machine may try once more by itself.
        most = max(tries, ATTEMPTS) if harm.then == "silence" else tries
        return Expected(5 if fault.times == FOREVER else 0, fault.said, fault.hint, tries, most)
    if asked.method == "GET":  # no server answers so; it is said, not tried again
        return Expected(5, fault.said, "list of error responses", 1, 1)
    if fault.is_once:
        return Expected(0, "", "", 2, 2)
    if asked.document == "snapshot":
        if harm.status == 412:
            return Expected(5, "was there and is gone", "something deletes snapshots", RACES, RACES)
        return Expected(5, "409 ConditionalRequestConflict", "concurrencyPolicy", CONFLICT_ATTEMPTS, CONFLICT_ATTEMPTS)
    if request in FIRST and harm.status == 409:  # nothing is there: put if none is
        return Expected(5, "409 ConditionalRequestConflict", "concurrencyPolicy", CONFLICT_ATTEMPTS, CONFLICT_ATTEMPTS)
    return Expected(5, "other writers were faster", "concurrencyPolicy", RACES, RACES)


class Ended(NamedTuple):
    """How a pass ended, and what it said."""

    code: int
    said: str


@dataclass
class Bench:
    """One server for all rows. `slow` has a client with a short time-out, `direct` none of the proxy."""

    proxy: Proxy
    through: S3Store
    slow: S3Store
    direct: S3Store
    dump: Path
    waits: list[float] = field(default_factory=list)
    acknowledged: dict[str, bytes] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=count)
    _shared: tuple[str, int] = ("", 0)

    def hold(self, request: str, name: str) -> Expected:
        """Run one row: the pass with its fault, then a clean one; the store is whole and nothing is lost."""
        fault, asked = FAULTS[name], REQUESTS[request]
        wanted = expected(request, fault)
        prefix, minute = self._place(request)
        self.waits.clear()
        self.proxy.arm(asked, fault.harm, fault.times)
        store = self.slow if fault.harm.then == "silence" else self.through
        try:
            end = self.run(store, prefix, minute)
        finally:
            made = self.proxy.asked[asked]
            self.proxy.disarm()
        assert end.code == wanted.code, (end, made)
        assert wanted.least <= made <= wanted.most, (made, wanted, end)
        # Within what the package promises: botocore's 1, 2, 4 s; five conflicts; sixteen lost races.
        assert all(0 <= wait <= 4 for wait in self.waits), self.waits
        assert sum(self.waits) <= 32, self.waits
        if end.code:
            self._judge_message(end.said, asked, wanted, minute)
        else:
            assert "Error" not in end.said
            self._note(prefix, minute)
        clean = self.run(self.direct, prefix, minute + 1)
        assert clean.code == 0, clean
        self._note(prefix, minute + 1)
        self._is_whole(prefix, {minute, minute + 1} if not end.code else {minute + 1})
        return wanted

    def run(self, store: S3Store, prefix: str, minute: int) -> Ended:
        """One pass of the command line."""
        opened = _under(store, prefix)
        arguments = ["--cluster", "c", "--store", opened.url, "--dump", str(self.dump), "--at", _slot(minute)]
        said = io.StringIO()
        with ExitStack() as stack:
            for module, name, value in (
                (collect, "open_store", lambda _: opened),
                (collect, "publish", partial(publish, pauses=Pauses(self.waits.append))),
            ):
                stack.enter_context(mock.patch.object(module, name, value))
            stack.enter_context(mock.patch("botocore.endpoint.time", SimpleNamespace(sleep=self.waits.append)))
            stack.enter_context(redirect_stderr(said))
            stack.enter_context(redirect_stdout(io.StringIO()))
            try:
                main(["run", *arguments, "--format", "none"])
            except SystemExit as end:
                return Ended(end.code if isinstance(end.code, int) else 1, said.getvalue())
        raise AssertionError("the command line always exits")

    def finish(self) -> None:
        """Whatever was acknowledged in any row is there as it was."""
        for key, body in self.acknowledged.items():
            stored = self.direct.get(key)
            assert stored, f"acknowledged and missing: {key}"
            assert stored.body == body, f"acknowledged and changed: {key}"

    def _place(self, request: str) -> tuple[str, int]:
        """A store's prefix and the minute of the pass: a new store for a first pass, else one with some passes."""
        if request in FIRST:
            return f"s{next(self.numbers)}", 0
        prefix, minute = self._shared
        if not prefix or minute > PASSES_IN_A_CLUSTER:
            prefix, minute = f"s{next(self.numbers)}", 0
            end = self.run(self.direct, prefix, minute)
            assert end.code == 0, end
            self._note(prefix, minute)
        minute += request not in SAME
        self._shared = prefix, minute + 1  # the clean pass's
        return prefix, minute

    def _note(self, prefix: str, minute: int) -> None:
        """The pass said that it was stored: then it is, and stays."""
        key = snapshot_key("c", _slot(minute))
        stored = _under(self.direct, prefix).get(key)
        assert stored, f"told as stored and missing: {key}"
        assert self.acknowledged.setdefault(f"{prefix}/{key}", stored.body) == stored.body

    def _is_whole(self, prefix: str, minutes: set[int]) -> None:
        store = _under(self.direct, prefix)
        wrong = list(verify(store, patience_seconds=0))
        assert not wrong, wrong
        index = indexed(store)
        assert {_slot(minute) for minute in minutes} <= set(index)
        assert len(index) == len(set(index))

    def _judge_message(self, said: str, asked: Asked, wanted: Expected, minute: int) -> None:
        error = next(line for line in said.splitlines() if line.startswith("Error: "))
        hint = next(line for line in said.splitlines() if line.startswith("Hint: "))
        assert "Traceback" not in said
        for part in (_named(asked, minute), wanted.said):
            assert part in error, (part, error)
        assert re.search(re.escape(wanted.hint) if "|" not in wanted.hint else wanted.hint, hint), (wanted.hint, hint)


def indexed(store: S3Store) -> list[str]:
    """The slots of the day's index, as they stand there."""
    stored = store.get(day_index_key("c", "2026-11-23"))
    return [line["slot"] for line in json.loads(stored.body)["snapshots"]] if stored else []


@contextmanager
def bench(server: servers.S3Server, dump: Path) -> Iterator[Bench]:
    """The table's server, proxy and clients; at the end nothing that was acknowledged may be missing."""
    direct = S3Store(BUCKET, environment=server.environment)
    direct.client.create_bucket(Bucket=BUCKET)
    with proxied(server.endpoint) as proxy:
        environment = {**server.environment, "AWS_ENDPOINT_URL_S3": proxy.url}
        waits: list[float] = []
        # A client stops trying again after some hundred faults in a row; the rows are to know nothing of each other.
        with mock.patch.object(quota, "RetryQuota", partial(quota.RetryQuota, initial_capacity=FOREVER)):
            through = S3Store(BUCKET, environment=environment, sleep=waits.append)
            with mock.patch.object(s3, "READ_TIMEOUT_SECONDS", SHORT_SECONDS):
                slow = S3Store(BUCKET, environment=environment, sleep=waits.append)
        made = Bench(proxy, through, slow, direct, dump, waits)
        try:
            yield made
            made.finish()
        finally:
            for each in (through, slow, direct):
                each.client.close()


def _under(store: S3Store, prefix: str) -> S3Store:
    """The same client, under another prefix."""
    other = copy.copy(store)
    other.prefix, other.url = f"{prefix}/", f"s3://{BUCKET}/{prefix}"
    return other


def _slot(minute: int) -> str:
    return slot_of(NOON + timedelta(minutes=minute))


def _named(asked: Asked, minute: int) -> str:
    """What of the store the message must name."""
    names: dict[str, Callable[[], str]] = {
        "snapshot": lambda: snapshot_key("c", _slot(minute)),
        "day index": lambda: day_index_key("c", "2026-11-23"),
        "cluster index": lambda: cluster_index_key("c"),
        "latest": lambda: latest_key("c"),
        "list of clusters": clusters_key,
        "listing": lambda: "snapshots/cluster=c/",
    }
    return names[asked.document]()
