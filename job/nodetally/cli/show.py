"""`nodetally show`: a stored snapshot, or the live cluster, as a table, JSON or CSV. Writes nothing but stdout."""

import sys
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import click

from nodetally.cli.options import format_option, option, store_option
from nodetally.cli.rendering.fields import GROUPS
from nodetally.cli.rendering.table import View, arranged, print_table
from nodetally.cli.source import settings_from, source_options
from nodetally.cli.stored import stored_document
from nodetally.errors import WrongUse
from nodetally.selectors import parse_selector
from nodetally.settings import Surroundings
from nodetally.snapshot import decode, encode_line
from nodetally.times import parse_time


@click.command(short_help="Show a snapshot, or the live cluster, as a table, JSON or CSV.")
@option("--cluster", metavar="NAME", help="The cluster's name; may be left out where the store holds just one.")
@store_option
@option(
    "--at",
    metavar="TIME",
    help="The newest snapshot at or before TIME: 2026-11-23, '2026-11-23 12:00', 24h ago as 24h.",
)
@option("--live", is_flag=True, help="Read the cluster now instead of the store; stores nothing.")
@format_option("SHOW", "table", "json", "csv", says="json: the snapshot as stored.")
@option(
    "--sort",
    metavar="KEY[:asc|desc]",
    help="Sort nodes by name, pods, cpu, memory-usage, gpu-headroom, age, …",
)
@option(
    "--selector",
    "-l",
    metavar="SELECTOR",
    help="Only these nodes, as in kubectl: pool=ng-1,zone in (a,b),!gpu",
)
@option("--group-by", type=click.Choice(GROUPS), help="Group the table, with a sum for each group.")
@option("--columns", metavar="KEY,…", help="Exactly these columns, as wide as they need.")
@option("--wide", is_flag=True, help="All columns, as wide as they need.")
@source_options
@option("--no-color", is_flag=True, envvar=None, help="No colour, as with NO_COLOR=1.")
def show(**options: Any) -> None:
    """Show the nodes of the latest snapshot, or of one at a time of your choice.

    Percentages are requests of allocatable. "?" is unknown, "–" is not there.
    """
    view = _view(options)
    document = _document(options, view)
    if options["format_"] == "table":
        print_table(document, view, colour=False if options["no_color"] else None)
    elif options["format_"] == "csv":
        from nodetally.cli.rendering.sheet import write_csv

        write_csv(document, arranged(document, view), sys.stdout)
    else:
        click.echo(as_json(document, view), nl=False)


def _view(options: dict[str, Any]) -> View:
    """What is asked for, checked before anything is read."""
    columns = tuple(key.strip() for key in (options["columns"] or "").split(",") if key.strip())
    view = View(
        selector=parse_selector(options["selector"]) if options["selector"] else None,
        sort=options["sort"],
        group_by=options["group_by"],
        columns=columns,
        wide=options["wide"],
    )
    if options["format_"] != "table" and (view.group_by or view.columns or view.wide):
        raise WrongUse(
            f"--group-by, --columns and --wide shape the table, not {options['format_']}",
            hint="leave them out: json and csv always hold everything",
        )
    return view


def _document(options: dict[str, Any], view: View) -> dict[str, Any]:
    at = parse_time(options["at"], datetime.now(UTC)) if options["at"] else None
    if not options["live"] and not options["dumps"]:
        return stored_document(options["store"], options["cluster"], at)
    if at:
        raise WrongUse("--live and --dump show one moment: it cannot be --at another", hint="leave --at out")
    return live_document(options, view)


def live_document(options: dict[str, Any], view: View) -> dict[str, Any]:
    """The cluster as it is now, or its dump, in the form of a snapshot; keeps the labels that are selected on."""
    from nodetally.collect import run_pass  # the readers are loaded only when asked for

    labels = tuple(sorted(view.selector.keys)) if view.selector else ()
    settings = settings_from({**options, "labels": labels, "at": None, "selector": None})
    settings = replace(settings, cluster=settings.cluster or ("dump" if settings.dumps else "live"))
    return decode(run_pass(settings, Surroundings.read(), store=False).body)


def as_json(document: dict[str, Any], view: View) -> bytes:
    """The document on one line: byte for byte as stored, or with the nodes that the view picks, in its order.

    Totals and namespaces stay those of the whole cluster.
    """
    if view.selector or view.sort:
        document = document | {"nodes": arranged(document, view)}
    return encode_line(document)
