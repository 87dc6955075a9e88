"""`nodetally store rollup`: Parquet of the snapshots, a file a day; only what is not there or out of date is made."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from nodetally.cli.options import format_option, option
from nodetally.cli.rendering.json_line import print_json
from nodetally.cli.rendering.rows import Field, number
from nodetally.cli.rendering.text import ABSENT, count, harmless, size
from nodetally.cli.store.place import clusters_of, opened, place_options
from nodetally.cli.store.printing import print_table, raise_if_damaged
from nodetally.errors import WrongUse
from nodetally.store.walk import EVER
from nodetally.times import parse_time

if TYPE_CHECKING:
    from nodetally.rollup.make import Done
    from nodetally.store.base import Store

ROLLED_UP = (
    Field("cluster", "CLUSTER"),
    Field("day", "DAY"),
    Field("what", "ROLLUP"),
    Field("snapshots", "SNAPSHOTS", number),
    Field("rows", "ROWS", number, absent=ABSENT),
    Field("stored_bytes", "SIZE", size, absent=ABSENT),
)


@click.command(short_help="Make Parquet of the snapshots, a file a day, for DuckDB, Spark, Athena.")
@place_options
@option("--day", metavar="DATE", help="Only this day (UTC), such as 2026-11-23.")
@option("--from", "from_", metavar="TIME", help="Only from this day on, such as 2d; default: the first.")
@option("--to", metavar="TIME", help="Only until this day; default: today, as far as it has come.")
@option("--dry-run", is_flag=True, help="Print what would be made, make nothing.")
@format_option("ROLLUP", "table", "json")
def rollup(cluster: str | None, store: str, format_: str, *, dry_run: bool, **days: str | None) -> None:
    """Make rows of the snapshots: Parquet, one file for nodes, clusters and namespaces each, cluster and day.

    A day is made again only when its snapshots are others than those that its rollup was made from; a rollup of a day
    without any is removed. Safe beside a running job. A snapshot that cannot be read is left out and listed, and the
    exit code then is 6. Needs pip install 'nodetally[rollup]'.

    \b
    nodetally store rollup --store s3://bucket/prefix --cluster prod-eu-1 --from 2d
    """
    place = opened(store, cluster)
    found = _made(place, clusters_of(place, cluster), _between(**days), dry_run=dry_run)
    rows = [each for each in found if each.what != "unchanged"]
    damaged = {key: why for each in found for key, why in each.damaged.items()}
    if format_ == "json":
        made = [{name: value for name, value in row._asdict().items() if name != "damaged"} for row in rows]
        unchanged = len(found) - len(rows)
        print_json({"store": place.url, "dry_run": dry_run, "unchanged": unchanged, "days": made, "left_out": damaged})
    else:
        print_table(ROLLED_UP, rows)
        click.echo(f"{count(len(rows), 'day')} {'to make' if dry_run else 'made'}, ", nl=False)
        click.echo(f"{len(found) - len(rows):,} unchanged.")
        for key, why in damaged.items():
            click.echo(harmless(f"left out: {key}: {why}"), err=True)
    raise_if_damaged(len(damaged), place.url, "bring them back from a copy, or delete them; then run this again")


def _made(store: "Store", clusters: list[str], between: tuple[str, str], *, dry_run: bool) -> "list[Done]":
    """What became of each day. WrongUse without the library."""
    from nodetally.cli.progress import rollup_shown
    from nodetally.rollup.make import Progress, roll_up

    progress = Progress(clusters_found=len(clusters))
    found: list[Done] = []
    with rollup_shown(progress):
        for name in clusters:
            found += roll_up(store, name, between=between, dry_run=dry_run, progress=progress)
            progress.clusters += 1
    return found


def _between(day: str | None, from_: str | None, to: str | None) -> tuple[str, str]:
    """The first and the last day. WrongUse where there is none."""
    if day and (from_ or to):
        raise WrongUse("--day is one day, --from and --to are several", hint="give either")
    now = datetime.now(UTC)
    first, last = _date(day or from_, now, EVER[0]), _date(day or to, now, EVER[1])
    if last < first:
        raise WrongUse(f"from {first} to {last} there is no day", hint="--to is the last day, --from the first")
    return first, last


def _date(text: str | None, now: datetime, default: str) -> str:
    return parse_time(text, now).date().isoformat() if text else default
