"""The newest snapshot of a cluster in, what is wrong with it out: too old, partial, missing. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from nodetally.store.layout import moment_of
from nodetally.times import format_age

PARTIAL_USAGE = "partial"


class Health(NamedTuple):
    """One cluster's newest snapshot; `problems` is empty when nothing is wrong."""

    cluster: str
    slot: str | None
    taken_at: str | None
    age_seconds: int | None
    nodes: int | None
    pods: int | None
    problems: tuple[str, ...]


def judge(cluster: str, document: Mapping[str, Any], now: datetime, max_age: timedelta) -> Health:
    """What an alert wants to know of a snapshot. A slot far in the future is as wrong as an old one."""
    age = now - moment_of(document["taken_at"])
    problems = []
    if age > max_age:
        over = format_age(age - max_age)
        problems.append(f"stale: taken {format_age(age)} ago, {over} more than {format_age(max_age)}")
    if age < -max_age:
        problems.append(f"of the future: taken {format_age(-age)} from now: a clock is wrong")
    if document["usage"]["status"] == PARTIAL_USAGE:
        problems.append(f"usage is partial: {document['usage']['reason']}")
    if document["source"]["consistent"] is False:
        problems.append(f"not of one point in time: a {document['source']['kind']}")
    totals = document["totals"]
    return Health(
        cluster,
        document["slot"],
        document["taken_at"],
        int(age.total_seconds()),
        totals["nodes"]["count"],
        totals["pods"]["counted"],
        tuple(problems),
    )


def unreadable(cluster: str, why: str) -> Health:
    """A cluster whose newest snapshot is not there or cannot be read."""
    return Health(cluster, None, None, None, None, None, (why,))
