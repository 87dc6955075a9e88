"""The job as an AWS Lambda function: an event in, a pass for each cluster it names, what they came to out.

It is `nodetally run` in other clothes: the same NODETALLY_… variables, settings and pass. An error is raised, so that
Lambda sees it and calls again; the slot comes from the event, so a second call makes no second snapshot. Between calls
the function is frozen: no thread and no connection to the cluster outlives a call, and the cache in memory is caught up
with like a kept one. What is held besides is the store's client.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

import click

from nodetally.cli.metrics import figures
from nodetally.cli.run import log_to_stderr, report, run, run_settings
from nodetally.collect import Pass, run_pass, utc_now, warm_cache
from nodetally.errors import ClusterError, NodetallyError, WrongUse
from nodetally.settings import CACHE_OFF, Settings, Surroundings
from nodetally.store.open import open_store

if TYPE_CHECKING:
    from nodetally.cache import Warm

FIELDS = ("cluster", "eks", "eks_endpoint", "eks_ca", "time", "trigger")  # of an event, and of each of its clusters
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
    `clusters`, a list of names or of such objects. What it does not name is read from the environment.
    """
    log_to_stderr("json")
    around, asked = Surroundings.read(), list(_asked(event))
    passes: list[dict[str, Any]] = []
    failed: dict[str, NodetallyError] = {}
    for at, each in enumerate(asked):
        name = each.get("cluster", "")
        try:
            settings = _settings(each, context.get_remaining_time_in_millis() / 1000, len(asked) - at)
            name = settings.cluster
            done = run_pass(settings, around, warm=_warm_of(settings), opener=_opener)
        except NodetallyError as error:
            failed[name] = error
            _tell(name, error)
            continue
        report(done, settings)
        _tell(name, done)
        passes.append(_result(done))
    if len(asked) == 1 and failed:
        raise next(iter(failed.values()))
    if failed:
        raise PassesFailed(
            f"{len(failed)} of {len(asked)} passes failed: "
            + "; ".join(f"{name or 'without a cluster'}: {error}" for name, error in failed.items())
        )
    return {"passes": passes}


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


def _settings(of: Mapping[str, str], seconds_left: float, passes_left: int) -> Settings:
    """As `nodetally run` would have them, with this call's share of the time that is left."""
    names = {"time": "at"}
    arguments = [part for name, value in of.items() for part in (f"--{names.get(name, name).replace('_', '-')}", value)]
    try:
        with run.make_context("nodetally run", arguments) as parsed:
            settings = run_settings(parsed.params)
    except click.ClickException as error:
        raise WrongUse(error.format_message(), hint="set it in the function's environment, or in the event") from error
    seconds = (seconds_left - PUBLISH_SECONDS) / passes_left
    if seconds <= 0:
        raise ClusterError(
            f"no time is left for a pass over {settings.cluster}", hint="give the function a longer timeout"
        )
    return replace(settings, timeout_seconds=min(settings.timeout_seconds, seconds))


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


def _tell(cluster: str, outcome: Pass | NodetallyError) -> None:
    """A line in CloudWatch's embedded metric format, from which it makes metrics of its own accord."""
    values: dict[str, float] = {"pass_success": int(isinstance(outcome, Pass))}
    if isinstance(outcome, Pass):
        values |= {name: value for name, _, value in figures(outcome)}
    metrics = [{"Name": name, "Unit": UNITS.get(name.rpartition("_")[2], "Count")} for name in values]
    described = {"Namespace": NAMESPACE, "Dimensions": [["cluster"]], "Metrics": metrics}
    told = {"Timestamp": int(utc_now().timestamp() * 1000), "CloudWatchMetrics": [described]}
    sys.stdout.write(json.dumps({"_aws": told, "cluster": cluster or "unknown", **values}) + "\n")
    sys.stdout.flush()
