"""`nodetally history`: how a cluster, its pools, nodes or namespaces came to where they are. Writes nothing."""

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from nodetally.cli.options import format_option, option, store_option
from nodetally.cli.rendering.json_line import print_json
from nodetally.errors import WrongUse
from nodetally.times import parse_time

if TYPE_CHECKING:
    from nodetally.history import History
    from nodetally.store.base import Store

NAMED_RESOURCES = 12


@click.command(short_help="Show peaks, growth and the day it runs out, over days or years.")
@option("--cluster", metavar="NAME", help="The cluster's name; may be left out where the store holds just one.")
@store_option
@option("--since", metavar="TIME", default="30d", show_default=True, help="The first day: 2026-11-23, or 30d.")
@option("--to", metavar="TIME", default="now", show_default=True, help="The last day.")
@option(
    "--by",
    type=click.Choice(["cluster", "pool", "node", "namespace"]),
    default="cluster",
    show_default=True,
    help="A line for each; all but cluster need rollups.",
)
@option("--resource", metavar="NAME", default="cpu", show_default=True, help="cpu, memory, pods, nvidia.com/gpu, …")
@format_option("HISTORY", "table", "json", "csv", says="csv: a row a day; json: both.")
def history(cluster: str | None, store: str, by: str, resource: str, format_: str, **options: Any) -> None:
    """Show what a cluster's pods requested over a stretch of days (UTC), and where that leads.

    A sign a day (or several, where there is no room) is the day's highest requests, against the most that was
    allocatable; a day of which nothing is known is a gap. DAY P95: the highest 95th percentile of a day. RUNS OUT: when
    a straight line through the days' peaks reaches what was allocatable on the last day; 14 days or more are needed,
    the last among them. Requests of pods are the pods that count. json and csv have each day's figures.

    \b
    nodetally history --since 90d --by pool --resource memory
    """
    from nodetally.cli.rendering import past
    from nodetally.cli.stored import only_cluster
    from nodetally.store import read
    from nodetally.store.layout import validate_cluster_name
    from nodetally.store.open import open_store

    opened = open_store(store)
    name = only_cluster(read.clusters(opened), store) if cluster is None else validate_cluster_name(cluster)
    found = _found(opened, name, by, resource, _days(options))
    if not found.groups:
        raise _nothing(opened, found)
    _say_what_is_missing(opened, found)
    if format_ == "json":
        print_json(past.document(found, opened.url))
    elif format_ == "csv":
        past.write_csv(found, sys.stdout)
    else:
        past.print_table(found, sys.stdout)


def _days(options: dict[str, Any]) -> list[str]:
    from nodetally.history import days_of

    now = datetime.now(UTC)
    days = list(days_of(parse_time(options["since"], now), parse_time(options["to"], now)))
    if not days:
        raise WrongUse("--to is before --since", hint="--since 30d is 30 days ago; --to is the last day")
    return days


def _found(store: "Store", cluster: str, by: str, resource: str, days: list[str]) -> "History":
    from nodetally.history import by_rows, of_cluster

    if by == "cluster":
        return of_cluster(store, cluster, resource, days)
    return by_rows(store, cluster, by, resource, days)


def _nothing(store: "Store", found: "History") -> WrongUse:
    """Why there is nothing to show: no rollups, no such resource, or no snapshots."""
    when = f"from {found.first} to {found.last}"
    if found.not_rolled_up:
        return WrongUse(f"no day of {found.cluster} {when} is rolled up", hint=_how_to_roll_up(store, found))
    names = _resources(store, found.cluster)
    if found.resource not in names and names:
        told = ", ".join(names[:NAMED_RESOURCES])
        return WrongUse(f"{found.cluster} has no {found.resource} {when}", hint=f"--resource is one of: {told}")
    return WrongUse(
        f"no snapshot of {found.cluster} {when} in {store.url}",
        hint=f"nodetally store ls --cluster {found.cluster} --store {store.url} tells which days there are",
    )


def _resources(store: "Store", cluster: str) -> list[str]:
    from nodetally.store import read

    if cluster not in read.clusters(store):
        return []
    return sorted(read.latest(store, cluster)["totals"]["resources"])


def _say_what_is_missing(store: "Store", found: "History") -> None:
    from nodetally.cli.rendering.text import count

    days = sorted(found.not_rolled_up)
    if days:
        said = f"{count(len(days), 'day')} not rolled up, shown as gaps ({days[0]} to {days[-1]})"
        click.echo(f"{said}: {_how_to_roll_up(store, found)}", err=True)
    for day in found.behind:
        click.echo(f"{day} has later snapshots than are rolled up: {_how_to_roll_up(store, found, day)}", err=True)


def _how_to_roll_up(store: "Store", found: "History", day: str | None = None) -> str:
    when = f"--day {day}" if day else f"--from {min(found.not_rolled_up)} --to {max(found.not_rolled_up)}"
    return f"nodetally store rollup --store {store.url} --cluster {found.cluster} {when}"
