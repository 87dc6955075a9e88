"""The job as an AWS Lambda function: an event in, a pass for each cluster it names, what they came to out.

It is `nodetally run` in other clothes: the same NODETALLY_… variables, settings and pass. An error is raised, so that
Lambda sees it and calls again; the slot comes from the event, so a second call makes no second snapshot. Between calls
the function is frozen: no thread and no connection to the cluster outlives a call, and the cache in memory is caught up
with like a kept one. What is held besides is the store's client. An event may also ask for a backfill: as much of it as
there is time for, and the next call goes on.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

import click
from click.core import ParameterSource

from nodetally.cli.log import log, log_to_stderr, report
from nodetally.cli.metrics import figures
from nodetally.cli.run import run, run_settings
from nodetally.collect import Pass, run_pass, utc_now, warm_cache
from nodetally.errors import ClusterError, NodetallyError, WrongUse, isolated
from nodetally.settings import CACHE_OFF, Settings, Surroundings
from nodetally.store.open import open_store

if TYPE_CHECKING:
    from nodetally.cache import Warm

FIELDS = ("cluster", "eks", "eks_endpoint", "eks_ca", "time", "trigger")  # of an event, and of each of its clusters
BACKFILL = {  # of an event's `backfill`: beside `source` and `location`, options of `nodetally backfill` by their names
    "dumps": ("time_from",),
    "velero": (),
    "prometheus": ("match", "header", "resource_name"),
}
BACKFILL_FIELDS = ("from", "to", "every", "order", "shard")
LIBRARIES = ("cluster.listing", "cluster.eks", "store.s3", "store.publish")  # what every pass needs, the slow ones
PUBLISH_SECONDS = 15.0  # kept for the store: ten requests, each tried again for some seconds
UNITS = {"seconds": "Seconds", "bytes": "Bytes"}
NAMESPACE = "nodetally"

_opener = cache(open_store)
_warm: dict[tuple[str, str], "Warm"] = {}


class Context(Protocol):
    """What is used of the object that Lambda hands over."""

    def get_remaining_time_in_millis(self) -> int: ...


class PassesFailed(NodetallyError):
    """Some clusters' passes failed; the others' snapshots are stored."""


def handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """A pass for each cluster; returns {"passes": [...]}, one object for each. Raises NodetallyError if one failed.

    `event`: EventBridge's own (`time` is the slot), whose `detail` may hold FIELDS; or a plain object of FIELDS; with
    `clusters`, a list of names or of such objects. What it does not name is read from the environment. An object of
    `cluster` and `backfill` fills missing slots instead, and returns {"backfill": {...}}.
    """
    log_to_stderr("json")
    if "backfill" in event:
        return {"backfill": _backfill(event, context)}
    return {"passes": _passes(event, context)}


def _passes(event: Mapping[str, Any], context: Context) -> list[dict[str, Any]]:
    """One cluster after the other, each in its share of the time; one that fails keeps no other from its snapshot."""
    around, asked, begun = Surroundings.read(), list(_asked(event)), utc_now()
    passes: list[dict[str, Any]] = []
    failed: list[tuple[str, NodetallyError]] = []
    for at, each in enumerate(asked):
        name = each.get("cluster", "")
        try:
            settings, stores = _settings(each, _seconds_left(context), len(asked) - at)
            name = settings.cluster
            settings = replace(settings, at=settings.at or begun)  # one slot for all of a call's clusters
            with isolated(several=len(asked) > 1):
                done = run_pass(settings, around, store=stores, warm=_warm_of(settings), opener=_opener)
        except NodetallyError as error:
            failed.append((name or "without a cluster", error))
            log.error("%s: %s", *failed[-1])
            _tell(name, {"pass_success": 0})
            continue
        report(done, settings)
        _tell(name, {"pass_success": 1, **{figure: value for figure, _, value in figures(done)}})
        passes.append(_result(done))
    if len(asked) == 1 and failed:
        raise failed[0][1]
    if failed:
        told = "; ".join(f"{name}: {error}" for name, error in failed)
        raise PassesFailed(f"{len(failed)} of {len(asked)} passes failed: {told}")
    return passes


def _seconds_left(context: Context) -> float:
    return context.get_remaining_time_in_millis() / 1000


def _asked(event: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """For each pass what the event says of it. Raises WrongUse for what it cannot mean."""
    common: Mapping[str, Any] = event
    if "detail-type" in event:
        detail = event.get("detail") or {}
        common = {"time": event.get("time"), "trigger": "schedule", **(detail if isinstance(detail, dict) else {})}
    clusters = common.get("clusters") or [{}]
    if not isinstance(clusters, list):
        raise WrongUse("the event's clusters are no list", hint='write {"clusters": ["a", "b"]}')
    for each in clusters:
        own = each if isinstance(each, dict) else {"cluster": each}
        merged = {**{name: value for name, value in common.items() if name != "clusters"}, **own}
        for name, value in merged.items():
            if name not in FIELDS or not isinstance(value, str | None):
                raise WrongUse(
                    f"the event says {name}: {value!r:.80}", hint=f"texts that it may hold: {', '.join(FIELDS)}"
                )
        yield {name: value for name, value in merged.items() if value}


def _settings(of: Mapping[str, str], seconds_left: float, passes_left: int) -> tuple[Settings, bool]:
    """As `nodetally run` would have them, with this call's share of the time that is left; and whether to store."""
    names = {"time": "at"}
    arguments = [f"--{names.get(name, name).replace('_', '-')}={value}" for name, value in of.items()]
    with _as_wrong_use(), run.make_context("nodetally run", arguments) as parsed:
        if parsed.get_parameter_source("store") is ParameterSource.DEFAULT:
            raise WrongUse("no store", hint="set NODETALLY_STORE=s3://bucket/prefix in the function's environment")
        settings, *others = run_settings(parsed.params)
        stores = not parsed.params["dry_run"]
    if others:
        raise WrongUse("NODETALLY_CONTEXT names several clusters", hint='name them in the event: {"clusters": […]}')
    seconds = (seconds_left - PUBLISH_SECONDS) / passes_left
    if seconds <= 0:
        raise ClusterError(
            f"no time is left for a pass over {settings.cluster}", hint="give the function a longer timeout"
        )
    return replace(settings, timeout_seconds=min(settings.timeout_seconds, seconds)), stores


@contextmanager
def _as_wrong_use() -> Iterator[None]:
    """What click says of options, as an error of ours."""
    try:
        yield
    except click.ClickException as error:
        raise WrongUse(error.format_message(), hint="set it in the function's environment, or in the event") from error


def _warm_of(settings: Settings) -> "Warm | None":
    """The cache of the calls before, if this function was called before."""
    if settings.cache == CACHE_OFF:
        return None
    key = settings.cluster, settings.cache
    if key not in _warm:
        made = warm_cache(settings, _opener)
        if made is None:
            return None
        _warm[key] = made
    return _warm[key]


def _result(done: Pass) -> dict[str, Any]:
    document, published = done.summary, done.published
    return {
        "cluster": document["cluster"],
        "slot": document["slot"],
        "key": published.key if published else None,
        "created": bool(published and published.created),
        "source": document["source"]["kind"],
        "usage": document["usage"]["status"],
        "nodes": document["totals"]["nodes"]["count"],
        "pods": document["totals"]["pods"]["counted"],
    }


def _backfill(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Fill slots until the time is nearly over; `finished` says whether all are settled, else: call again.

    Raises SlotsUnreadable once all is settled and something was damaged. Killed in between, it has lost nothing.
    """
    from nodetally.backfill.fill import fill
    from nodetally.backfill.filling import Filling, document
    from nodetally.cli.backfill import prepare, refuse_broken

    arguments = _backfill_arguments(event)
    with _as_wrong_use():
        settings, source, plan = prepare(arguments)
    filling, store = Filling(), _opener(settings.store)
    try:
        fill(store, settings, source, plan, filling, go_on=_time_for_another(lambda: _seconds_left(context)))
    except NodetallyError:
        _tell(settings.cluster, {"backfill_success": 0, "backfill_slots_filled": filling.filled})
        raise
    finished = filling.done >= filling.slots
    summary = document(filling, plan, settings.cluster, store.url, source.name, finished=finished)
    log.info("backfill: %s", json.dumps(summary))
    figures_of = {"backfill_slots_filled": filling.filled, "backfill_slots_left": filling.slots - filling.done}
    _tell(settings.cluster, {"backfill_success": int(not filling.broken), **figures_of})
    if finished:
        refuse_broken(filling, source.name)
    return summary


def _backfill_arguments(event: Mapping[str, Any]) -> list[str]:
    """What `nodetally backfill` is told. Raises WrongUse."""
    asked = event["backfill"] if isinstance(event["backfill"], dict) else {}
    source, location = str(asked.get("source")), asked.get("location")
    if source not in BACKFILL or not isinstance(location, str) or set(event) - {"backfill", "cluster"}:
        hint = '{"cluster": "c", "backfill": {"source": "dumps", "location": "s3://bucket/prefix", "from": "30d"}}'
        raise WrongUse(f"not a backfill: {json.dumps(event)[:200]}", hint=f"write, say: {hint}")
    if source != "prometheus" and not location.startswith("s3://"):
        raise WrongUse(f"a function has no folder {location!r}", hint="put the files into s3://bucket/prefix")
    arguments = [f"--cluster={event['cluster']}"] if event.get("cluster") else []
    with run.make_context("nodetally run", [], resilient_parsing=True) as parsed:
        given = {"every": parsed.params["slot_every"], **asked}
        if parsed.get_parameter_source("store") is ParameterSource.DEFAULT:
            raise WrongUse("no store", hint="set NODETALLY_STORE=s3://bucket/prefix in the function's environment")
    for name, value in given.items():
        values = value if isinstance(value, list) else [value] if value else []
        if name not in ("source", "location"):
            if name not in (*BACKFILL_FIELDS, *BACKFILL[source]) or not all(isinstance(each, str) for each in values):
                raise WrongUse(
                    f"the event's backfill says {name}: {value!r:.80}",
                    hint=f"texts that it may hold: {', '.join((*BACKFILL_FIELDS, *BACKFILL[source]))}",
                )
            arguments += [f"--{name.replace('_', '-')}={each}" for each in values]
    return [source, *arguments, "--", location]


def _time_for_another(seconds_left: Callable[[], float]) -> Callable[[], bool]:
    """Whether one more step would be done in time, if it took twice as long as the longest so far."""
    longest, last = 0.0, seconds_left()

    def go_on() -> bool:
        nonlocal longest, last
        now = seconds_left()
        longest, last = max(longest, last - now), now
        return now - 2 * longest > PUBLISH_SECONDS

    return go_on


def _tell(cluster: str, values: Mapping[str, float]) -> None:
    """A line in CloudWatch's embedded metric format, from which it makes metrics of its own accord."""
    metrics = [{"Name": name, "Unit": UNITS.get(name.rpartition("_")[2], "Count")} for name in values]
    described = {"Namespace": NAMESPACE, "Dimensions": [["cluster"]], "Metrics": metrics}
    told = {"Timestamp": int(utc_now().timestamp() * 1000), "CloudWatchMetrics": [described]}
    sys.stdout.write(json.dumps({"_aws": told, "cluster": cluster or "unknown", **values}) + "\n")
    sys.stdout.flush()


def _make_ready() -> None:
    """Load what every call needs while Lambda starts the function: then it has a whole processor, later a share.

    At 256 MB that is a seventh (Lambda developer guide: 1,769 MB are one processor). What is wrong is told by a call.
    """
    for each in LIBRARIES:
        import_module(f"nodetally.{each}")
    with suppress(NodetallyError, click.ClickException):
        with run.make_context("nodetally run", [], resilient_parsing=True) as parsed:
            store = parsed.params["store"]
        if store.startswith("s3://"):
            _opener(store)


_make_ready()
