"""`nodetally store`: verify, repair, prune, rollup and ls. stdout is what was found or done."""

import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

from nodetally.cli.options import format_option, option, store_option, together
from nodetally.cli.rendering.rows import Field, number, table_lines, write_csv
from nodetally.cli.rendering.text import ABSENT, count, harmless, size
from nodetally.errors import DamageFound, WrongUse
from nodetally.store.base import Store
from nodetally.times import parse_duration, parse_time

Command = TypeVar("Command", bound=Callable[..., Any])
BREACHES = (Field("kind", "WHAT", style="warn"), Field("key", "KEY"), Field("what", "WHY"))
CHANGES = (Field("key", "KEY"), Field("what", "CHANGE"))
THINNED = (
    Field("cluster", "CLUSTER"),
    Field("tier", "TIER"),
    Field("kept", "KEPT", number),
    Field("kept_bytes", "KEPT SIZE", size),
    Field("gone", "GONE", number),
    Field("gone_bytes", "GONE SIZE", size),
)
ROLLED_UP = (
    Field("cluster", "CLUSTER"),
    Field("day", "DAY"),
    Field("what", "ROLLUP"),
    Field("snapshots", "SNAPSHOTS", number),
    Field("rows", "ROWS", number, absent=ABSENT),
    Field("stored_bytes", "SIZE", size, absent=ABSENT),
)
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


@click.group(short_help="Check, repair, thin and list what is stored.")
def store() -> None:
    """Look after a store. Snapshots are the record; all else is made from them and can be made again.

    \b
    nodetally store verify --store s3://bucket/prefix
    nodetally store repair --store s3://bucket/prefix
    nodetally store prune --store s3://bucket/prefix --keep all:2d,hourly:30d,daily:2y
    nodetally store rollup --store s3://bucket/prefix --from 2d
    nodetally store ls --cluster prod-eu-1 --day 2026-11-23
    """


_common = together(
    option("--cluster", metavar="NAME", help="Only this cluster; default: all in the store."), store_option
)


@store.command(short_help="Find everything that is wrong with a store.")
@_common
@option("--deep/--quick", default=True, show_default=True, help="--quick reads keys and indexes, no snapshot.")
@option(
    "--patience",
    metavar="DURATION",
    default="10s",
    show_default=True,
    help="What a pass may leave unfinished for as long is no damage: it is looked at again after this time.",
)
@format_option("VERIFY", "table", "json")
def verify(cluster: str | None, store: str, patience: str, format_: str, *, deep: bool) -> None:
    """Hold every snapshot against the schema and its key, and every index against the snapshots.

    Exit code 6 when anything is wrong. Nothing is written, and a job may run meanwhile.
    """
    from nodetally.cli.progress import said, shown
    from nodetally.store.verify import Seen
    from nodetally.store.verify import verify as find_breaches

    seconds = parse_duration(patience).total_seconds()
    seen, opened = Seen(), _opened(store, cluster)
    with shown(seen, "verifying"):
        found = list(find_breaches(opened, cluster=cluster, deep=deep, patience_seconds=seconds, seen=seen))
    found.sort(key=lambda each: (each.cluster or "", each.kind, each.key, each.what))
    if format_ == "json":
        checked = {**vars(seen), "deep": deep}
        breaches = [{**each._asdict(), "to_do": each.to_do} for each in found]
        _print_json({"store": opened.url, "checked": checked, "breaches": breaches})
    elif found:
        _print_breaches(found)
    else:
        click.echo(f"Nothing is wrong: {said(seen)}.")
    _raise_if_damaged(len(found), opened.url, "nodetally store repair makes indexes from the snapshots again")


@store.command(short_help="Make everything that is derived from the snapshots again.")
@_common
@option("--dry-run", is_flag=True, help="Print what would be changed, change nothing.")
@format_option("REPAIR", "table", "json")
def repair(cluster: str | None, store: str, format_: str, *, dry_run: bool) -> None:
    """Bring the indexes, the latest copies and the list of clusters to what the snapshots say.

    Never touches a snapshot. Safe beside a running job; what is right already is not written. A snapshot that cannot
    be read is left, listed, and the exit code then is 6.
    """
    from nodetally.cli.progress import shown
    from nodetally.store.repair import repair as make_again
    from nodetally.store.settle import Change
    from nodetally.store.verify import Seen

    seen, opened = Seen(), _opened(store, cluster)
    with shown(seen, "repairing"):
        done = list(make_again(opened, cluster=cluster, dry_run=dry_run, seen=seen))
    changes = [each for each in done if isinstance(each, Change)]
    left = [each for each in done if not isinstance(each, Change)]
    if format_ == "json":
        breaches = [{**each._asdict(), "to_do": each.to_do} for each in left]
        _print_json(
            {"store": opened.url, "dry_run": dry_run, "changes": [each._asdict() for each in changes], "left": breaches}
        )
    else:
        _print_table(CHANGES, changes)
        click.echo(f"{count(len(changes), 'document')} {'to change' if dry_run else 'changed'}.")
        if left:
            click.echo()
            _print_breaches(left)
    _raise_if_damaged(len(left), opened.url, "repair leaves snapshots as they are: see above what to do")


@store.command(short_help="Thin old snapshots.")
@_common
@option(
    "--keep",
    metavar="POLICY",
    required=True,
    help="TIER:SPAN,…, such as all:2d,hourly:30d,daily:2y. Tiers: all, 15m, hourly, daily, weekly, monthly; "
    "spans: h, d, w, y (365 d) or forever.",
)
@option("--yes", is_flag=True, envvar=None, help="Delete; without it only what would go is printed.")
@option("--now", metavar="TIME", default="now", show_default=True, help="The time that ages count back from.")
@format_option("PRUNE", "table", "json")
def prune(cluster: str | None, store: str, keep: str, now: str, format_: str, *, yes: bool) -> None:
    """Delete the snapshots that no tier of a policy keeps.

    hourly:30d keeps the first snapshot of each hour (UTC) that is at most 30 days old, and so on; what any tier keeps
    stays, and so does the newest snapshot of each cluster. Indexes are changed before snapshots are deleted, so a
    reader never meets one that is gone; a job may run meanwhile.
    """
    from nodetally.store import read
    from nodetally.store.prune import prune as thin
    from nodetally.store.retention import parse_policy

    policy, moment = parse_policy(keep), parse_time(now, datetime.now(UTC))
    opened = _opened(store, cluster)
    thinned = [
        thin(opened, each, policy, moment, delete=yes)
        for each in (read.clusters(opened) if cluster is None else [cluster])
    ]
    rows = [row for each in thinned for row in each.rows(policy)]
    if format_ == "json":
        _print_json({"store": opened.url, "deleted": yes, "tiers": [row._asdict() for row in rows]})
    else:
        _print_table(THINNED, rows)
    if not yes:
        click.echo("Nothing was deleted: add --yes to do it.", err=True)


@store.command(short_help="Make Parquet of the snapshots, a file a day, for DuckDB, Spark, Athena.")
@_common
@option("--day", metavar="DATE", help="Only this day (UTC), such as 2026-11-23.")
@option("--from", "from_", metavar="TIME", help="Only from this day on, such as 2d; default: the first.")
@option("--to", metavar="TIME", help="Only until this day; default: today, as far as it has come.")
@option("--dry-run", is_flag=True, help="Print what would be made, make nothing.")
@format_option("ROLLUP", "table", "json")
def rollup(store: str, format_: str, **options: Any) -> None:
    """Make rows of the snapshots: Parquet, one file for nodes, clusters and namespaces each, cluster and day.

    A day is made again only when its snapshots are others than those that its rollup was made from; a rollup of a day
    without any is removed. Safe beside a running job. A snapshot that cannot be read is left out and listed, and the
    exit code then is 6. Needs pip install 'nodetally[rollup]'.

    \b
    nodetally store rollup --store s3://bucket/prefix --cluster prod-eu-1 --from 2d
    """
    from nodetally.cli.rollups import made

    opened = _opened(store, options["cluster"])
    found = made(opened, options)
    rows = [each for each in found if each.what != "unchanged"]
    damaged = {key: why for each in found for key, why in each.damaged.items()}
    if format_ == "json":
        days = [{name: value for name, value in row._asdict().items() if name != "damaged"} for row in rows]
        place = {"store": opened.url, "dry_run": options["dry_run"], "unchanged": len(found) - len(rows)}
        _print_json({**place, "days": days, "left_out": damaged})
    else:
        _print_table(ROLLED_UP, rows)
        click.echo(f"{count(len(rows), 'day')} {'to make' if options['dry_run'] else 'made'}, ", nl=False)
        click.echo(f"{len(found) - len(rows):,} unchanged.")
        for key, why in damaged.items():
            click.echo(harmless(f"left out: {key}: {why}"), err=True)
    _raise_if_damaged(len(damaged), opened.url, "bring them back from a copy, or delete them; then run this again")


@store.command(short_help="List clusters, a cluster's days, or a day's snapshots.")
@_common
@option("--day", metavar="DATE", help="The snapshots of this day, such as 2026-11-23; needs --cluster.")
@format_option("LS", "table", "json", "csv")
def ls(cluster: str | None, store: str, day: str | None, format_: str) -> None:
    """List the clusters of a store; with --cluster its days; with --day, too, that day's snapshots."""
    from nodetally.store import inventory

    if day and not cluster:
        raise WrongUse("--day is of one cluster", hint="add --cluster NAME")
    opened = _opened(store, cluster)
    place: dict[str, Any] = {"store": opened.url}
    if cluster is None:
        _print_rows("clusters", CLUSTERS, inventory.ClusterRow, inventory.clusters(opened), place, format_)
        return
    place["cluster"] = cluster
    if day is None:
        _print_rows("days", DAYS, inventory.DayRow, inventory.days(opened, cluster), place, format_)
        return
    date = parse_time(day, datetime.now(UTC)).date().isoformat()
    rows = inventory.snapshots(opened, cluster, date)
    _print_rows("snapshots", SNAPSHOTS, inventory.SnapshotRow, rows, place | {"day": date}, format_)


def _print_rows(
    noun: str, fields: Sequence[Field], kind: Any, found: Iterable[Any], place: dict[str, Any], format_: str
) -> None:
    rows = list(found)
    if format_ == "json":
        _print_json({**place, noun: [row._asdict() for row in rows]})
    elif format_ == "csv":
        write_csv(kind._fields, rows, sys.stdout)
    else:
        _print_table(fields, rows)
        if not rows:
            click.echo(f"No {noun} there.", err=True)


def _print_breaches(found: Sequence[Any]) -> None:
    """Every breach, then what to do about each kind."""
    from nodetally.store.breaches import KINDS

    _print_table(BREACHES, found)
    click.echo()
    for kind in sorted({each.kind for each in found}):
        click.echo(f"{kind}: {KINDS[kind]}")


def _print_table(fields: Sequence[Field], rows: Sequence[Any]) -> None:
    from nodetally.cli.rendering.paint import paint_for

    if rows:
        paint = paint_for(sys.stdout)
        paint.write(table_lines(fields, rows, paint))


def _print_json(document: dict[str, Any]) -> None:
    import orjson

    click.echo(orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE), nl=False)


def _opened(url: str, cluster: str | None) -> Store:
    """The store. WrongUse where it holds nothing, or nothing of the cluster: a typing error must not look clean."""
    from nodetally.store import read, walk
    from nodetally.store.open import open_store

    opened = open_store(url)
    if cluster is not None and not walk.is_there(opened, cluster):  # "": an unset variable, not all clusters
        names = ", ".join(read.clusters(opened)[: read.NAMED_CLUSTERS])
        raise WrongUse(f"no cluster {cluster} in {opened.url}", hint=f"there are: {names or 'none'}")
    if next(iter(opened.list("")), None) is None:
        raise WrongUse(f"nothing is stored in {opened.url}", hint="correct --store, or let a pass store something")
    return opened


def _raise_if_damaged(breaches: int, url: str, hint: str) -> None:
    if breaches:
        raise DamageFound(f"{breaches:,} breach{'es' * (breaches > 1)} in {url}", hint=hint)
