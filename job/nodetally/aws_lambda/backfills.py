"""An event's backfill: as much of it as there is time for, and the next call goes on."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from nodetally.aws_lambda.emf import tell
from nodetally.aws_lambda.environment import as_wrong_use, opener, run_options
from nodetally.aws_lambda.events import backfill_arguments
from nodetally.aws_lambda.passes import PUBLISH_SECONDS
from nodetally.cli.log import log
from nodetally.errors import NodetallyError


def backfill(event: Mapping[str, Any], seconds_left: Callable[[], float]) -> dict[str, Any]:
    """Fill slots until the time is nearly over; `finished` says whether all are settled, else: call again.

    Raises SlotsUnreadable once all is settled and something was damaged. Killed in between, it has lost nothing.
    """
    from nodetally.backfill.fill import fill  # a pass needs none of it
    from nodetally.backfill.filling import Filling, document
    from nodetally.cli.backfill import prepare
    from nodetally.cli.backfill.running import refuse_broken

    with run_options(incomplete=True) as parsed:
        arguments = backfill_arguments(event, parsed.params["slot_every"])
    with as_wrong_use():
        settings, source, plan = prepare(arguments)
    filling, store = Filling(), opener(settings.store)
    try:
        fill(store, settings, source, plan, filling, go_on=_time_for_another(seconds_left))
    except NodetallyError:
        tell(settings.cluster, {"backfill_success": 0, "backfill_slots_filled": filling.filled})
        raise
    finished = filling.done >= filling.slots
    summary = document(filling, plan, settings.cluster, store.url, source.name, finished=finished)
    log.info("backfill: %s", json.dumps(summary))
    figures = {"backfill_slots_filled": filling.filled, "backfill_slots_left": filling.slots - filling.done}
    tell(settings.cluster, {"backfill_success": int(not filling.broken), **figures})
    if finished:
        refuse_broken(filling, source.name)
    return summary


def _time_for_another(seconds_left: Callable[[], float]) -> Callable[[], bool]:
    """Whether one more step would be done in time, if it took twice as long as the longest so far."""
    longest, last = 0.0, seconds_left()

    def go_on() -> bool:
        nonlocal longest, last
        now = seconds_left()
        longest, last = max(longest, last - now), now
        return now - 2 * longest > PUBLISH_SECONDS

    return go_on
