"""`nodetally status`: is every cluster's latest snapshot recent and whole? For alerts and probes."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from nodetally.cli.options import format_option, option, store_option
from nodetally.cli.rendering.json_line import print_json
from nodetally.cli.rendering.text import count, harmless
from nodetally.errors import StatusFound, StoreError, WrongUse
from nodetally.store.health import Health, judge, unreadable
from nodetally.times import format_ago, parse_duration

if TYPE_CHECKING:
    from nodetally.store.base import Store


@click.command(short_help="Tell whether every cluster's latest snapshot is recent and whole.")
@store_option
@option("--cluster", "clusters", metavar="NAME", multiple=True, help="Only this one; it must be there; repeatable.")
@option("--max-age", metavar="DURATION", default="15m", show_default=True, help="Older than this is stale.")
@format_option("STATUS", "table", "json", says="json: one object a cluster and line.")
def status(store: str, clusters: tuple[str, ...], max_age: str, format_: str) -> None:
    """Look at the latest snapshot of every cluster of a store, and exit with 7 if one is too old or partial.

    \b
    nodetally status --store s3://bucket/prefix --max-age 15m
    """
    limit = parse_duration(max_age)
    if limit <= timedelta(0):
        raise WrongUse(f"--max-age {max_age}: nothing is as young as that", hint="write 15m")
    found = [*_look(store, clusters, limit)]
    for each in found:
        if format_ == "json":
            print_json({**each._asdict(), "problems": list(each.problems)})
        else:
            click.echo(_line(each, max(len(one.cluster) for one in found)))
    bad = [each.cluster for each in found if each.problems]
    if bad:
        raise StatusFound(
            f"{len(bad)} of {count(len(found), 'cluster')} to look at: {', '.join(bad)}",
            hint="look at the job's log: kubectl logs job/NAME, or run it by hand: nodetally run --cluster NAME",
        )


def _look(url: str, names: tuple[str, ...], limit: timedelta) -> list[Health]:
    from nodetally.store import read
    from nodetally.store.open import open_store

    store = open_store(url)
    wanted = names or tuple(read.clusters(store))
    if not wanted:
        raise StatusFound(f"no snapshot in {url} yet", hint="make one with: nodetally run --cluster NAME --store URL")
    now = datetime.now(UTC)
    return [_look_at(store, name, now, limit) for name in wanted]


def _look_at(store: "Store", cluster: str, now: datetime, limit: timedelta) -> Health:
    """One cluster; what cannot be read of it is its problem, not the others'."""
    from nodetally.store import read

    try:
        return judge(cluster, read.latest(store, cluster), now, limit)
    except StoreError as error:
        return unreadable(cluster, str(error))


def _line(health: Health, width: int) -> str:
    state = harmless("; ".join(health.problems)) or "ok"
    if health.age_seconds is None:
        return f"{health.cluster:{width}}  {state}"
    age = format_ago(timedelta(seconds=health.age_seconds))
    return f"{health.cluster:{width}}  {age:>11}  {health.nodes:>6,} nodes  {health.pods:>8,} pods  {state}"
