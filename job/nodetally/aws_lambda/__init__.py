"""The job as an AWS Lambda function: an event in, a pass for each cluster it names, what they came to out.

It is `nodetally run` in other clothes: the same NODETALLY_… variables, settings and pass. An error is raised, so that
Lambda sees it and calls again; the slot comes from the event, so a second call makes no second snapshot. Between calls
the function is frozen: no thread and no connection to the cluster outlives a call, and the cache in memory is caught up
with like a kept one. What is held besides is the store's client. An event may also ask for a backfill.
"""

from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from typing import Any, Protocol

from nodetally.aws_lambda.backfills import backfill
from nodetally.aws_lambda.environment import opener, run_options
from nodetally.aws_lambda.passes import passes
from nodetally.cli.log import log_to_stderr
from nodetally.errors import NodetallyError

LIBRARIES = ("cluster.listing", "cluster.eks", "store.s3", "store.publish")  # what every pass needs, the slow ones


class Context(Protocol):
    """What is used of the object that Lambda hands over."""

    def get_remaining_time_in_millis(self) -> int: ...


def handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """A pass for each cluster; returns {"passes": [...]}, one object for each. Raises NodetallyError if one failed.

    `event`: EventBridge's own (`time` is the slot), whose `detail` may hold events.FIELDS; or a plain object of them;
    with `clusters`, a list of names or of such objects. What it does not name is read from the environment. An object
    of `cluster` and `backfill` fills missing slots instead, and returns {"backfill": {...}}.
    """

    def seconds_left() -> float:
        return context.get_remaining_time_in_millis() / 1000

    log_to_stderr("json")
    if isinstance(event, dict) and "backfill" in event:
        return {"backfill": backfill(event, seconds_left)}
    return {"passes": passes(event, seconds_left)}


def _make_ready() -> None:
    """Load what every call needs while Lambda starts the function: then it has a whole processor, later a share.

    At 256 MB that is a seventh (Lambda developer guide: 1,769 MB are one processor). What is wrong is told by a call.
    """
    for each in LIBRARIES:
        import_module(f"nodetally.{each}")
    with suppress(NodetallyError), run_options(incomplete=True) as parsed:
        if parsed.params["store"].startswith("s3://"):
            opener(parsed.params["store"])


_make_ready()
