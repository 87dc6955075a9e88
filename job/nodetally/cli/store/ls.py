"""`nodetally store ls`: what is stored, as clusters, a cluster's days, or a day's snapshots. Writes nothing."""

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from nodetally.cli.options import format_option, option
from nodetally.cli.rendering.json_line import print_json
from nodetally.cli.rendering.rows import Field, number, write_csv
from nodetally.cli.rendering.text import ABSENT, size
from nodetally.cli.store.place import opened, place_options
from nodetally.cli.store.printing import print_table
from nodetally.errors import WrongUse
from nodetally.times import parse_time

CLUSTERS = (
    Field("cluster", "CLUSTER"),
    Field("days", "DAYS", number),
    Field("first", "FIRST"),
    Field("last", "LAST"),
    Field("nodes", "NODES", number),
    Field("pods", "PODS", number),
)
DAYS = (
    Field("day", "DAY"),
    Field("snapshots", "SNAPSHOTS", number),
    Field("first", "FIRST"),
    Field("last", "LAST"),
    Field("rollup", "ROLLUP", absent=ABSENT),
    Field("stored_bytes", "SIZE", size),
)
SNAPSHOTS = (
    Field("slot", "SLOT"),
    Field("taken_at", "TAKEN AT"),
    Field("trigger", "TRIGGER"),
    Field("nodes", "NODES", number),
    Field("pods", "PODS", number),
    Field("stored_bytes", "SIZE", size),
)


@click.command(short_help="List clusters, a cluster's days, or a day's snapshots.")
@place_options
@option("--day", metavar="DATE", help="The snapshots of this day, such as 2026-11-23; needs --cluster.")
@format_option("LS", "table", "json", "csv")
def ls(cluster: str | None, store: str, day: str | None, format_: str) -> None:
    """List the clusters of a store; with --cluster its days; with --day, too, that day's snapshots."""
    from nodetally.store import inventory

    if day and not cluster:
        raise WrongUse("--day is of one cluster", hint="add --cluster NAME")
    place = opened(store, cluster)
    about: dict[str, Any] = {"store": place.url}
    if cluster is None:
        _print("clusters", CLUSTERS, inventory.ClusterRow, inventory.clusters(place), about, format_)
        return
    about["cluster"] = cluster
    if day is None:
        _print("days", DAYS, inventory.DayRow, inventory.days(place, cluster), about, format_)
        return
    about["day"] = parse_time(day, datetime.now(UTC)).date().isoformat()
    rows = inventory.snapshots(place, cluster, about["day"])
    _print("snapshots", SNAPSHOTS, inventory.SnapshotRow, rows, about, format_)


def _print(
    noun: str, fields: Sequence[Field], kind: Any, found: Iterable[Any], about: dict[str, Any], format_: str
) -> None:
    rows = list(found)
    if format_ == "json":
        print_json({**about, noun: [row._asdict() for row in rows]})
    elif format_ == "csv":
        write_csv(kind._fields, rows, sys.stdout)
    else:
        print_table(fields, rows)
        if not rows:
            click.echo(f"No {noun} there.", err=True)
