"""An event's passes: one cluster after the other, each in its share of the time that the call has left."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from nodetally.aws_lambda.emf import tell
from nodetally.aws_lambda.environment import opener, run_options, warm_of
from nodetally.aws_lambda.events import passes_asked
from nodetally.cli.log import log, report
from nodetally.cli.metrics import figures
from nodetally.cli.run import run_settings
from nodetally.collect import Pass, run_pass, utc_now
from nodetally.errors import ClusterError, NodetallyError, WrongUse, isolated
from nodetally.settings import Settings, Surroundings

PUBLISH_SECONDS = 15.0  # kept for the store: ten requests, each tried again for some seconds


class PassesFailed(NodetallyError):
    """Some clusters' passes failed; the others' snapshots are stored."""


def passes(event: Mapping[str, Any], seconds_left: Callable[[], float]) -> list[dict[str, Any]]:
    """What each pass came to; one that fails keeps no other from its snapshot. Raises NodetallyError if one failed."""
    around, asked, begun = Surroundings.read(), list(passes_asked(event)), utc_now()
    made: list[dict[str, Any]] = []
    failed: list[tuple[str, NodetallyError]] = []
    for at, each in enumerate(asked):
        name = each.get("cluster", "")
        try:
            settings, stores = _settings(each, seconds_left(), len(asked) - at)
            name = settings.cluster
            settings = replace(settings, at=settings.at or begun)  # one slot for all of a call's clusters
            with isolated(several=len(asked) > 1):
                done = run_pass(settings, around, store=stores, warm=warm_of(settings), opener=opener)
        except NodetallyError as error:
            failed.append((name or "without a cluster", error))
            log.error("%s: %s", *failed[-1])
            tell(name, {"pass_success": 0})
            continue
        report(done, settings)
        tell(name, {"pass_success": 1, **{figure: value for figure, _, value in figures(done)}})
        made.append(_result(done))
    if len(asked) == 1 and failed:
        raise failed[0][1]
    if failed:
        told = "; ".join(f"{name}: {error}" for name, error in failed)
        raise PassesFailed(f"{len(failed)} of {len(asked)} passes failed: {told}")
    return made


def _settings(of: Mapping[str, str], seconds_left: float, passes_left: int) -> tuple[Settings, bool]:
    """As `nodetally run` would have them, with this call's share of the time that is left; and whether to store."""
    names = {"time": "at"}
    arguments = [f"--{names.get(name, name).replace('_', '-')}={value}" for name, value in of.items()]
    with run_options(arguments) as parsed:
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


def _result(done: Pass) -> dict[str, Any]:
    document, published = done.outline, done.published
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
