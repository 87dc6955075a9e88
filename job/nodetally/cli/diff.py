"""`nodetally diff`: what changed between two snapshots, as a table or JSON. Reads two documents, writes only stdout."""

import sys
from datetime import UTC, datetime
from typing import Any, TextIO

import click

from nodetally.cli.options import format_option, option, store_option
from nodetally.cli.rendering.changes import change_lines
from nodetally.cli.rendering.json_line import print_json
from nodetally.cli.rendering.paint import paint_for
from nodetally.cli.stored import named_document
from nodetally.compare import as_document, compare


@click.command(short_help="Show what changed between two snapshots.")
@option("--cluster", metavar="NAME", help="The cluster's name; may be left out where the store holds just one.")
@store_option
@format_option("DIFF", "table", "json", says="json: every change, in the snapshot's units.")
@option("--all", "everything", is_flag=True, help="Small changes too, and lists in full.")
@option("--no-color", is_flag=True, envvar=None, help="No colour, as with NO_COLOR=1.")
@click.argument("before", metavar="FROM")
@click.argument("after", metavar="[TO]", default="latest")
def diff(
    cluster: str | None, store: str, format_: str, *, everything: bool, no_color: bool, before: str, after: str
) -> None:
    """Show what changed FROM one snapshot TO another (by default the latest).

    FROM and TO are each a time (24h for a day ago, 2026-11-23, '2026-11-23 12:00'), `latest`, or the path of a
    snapshot's file (.json or .json.gz). A time stands for the newest snapshot at or before it.
    """
    now = datetime.now(UTC)
    documents = [named_document(name, store, cluster, now) for name in (before, after)]
    if documents[0] == documents[1]:  # else a job that has stopped would look like a cluster that is quiet
        click.echo(f"FROM and TO are one snapshot, of {documents[0]['slot']}: none was stored between them.", err=True)
    if format_ == "json":
        print_json(as_document(compare(*documents)))
    else:
        print_diff(*documents, everything=everything, colour=False if no_color else None)


def print_diff(
    before: dict[str, Any],
    after: dict[str, Any],
    *,
    everything: bool = False,
    file: TextIO | None = None,
    width: int | None = None,
    colour: bool | None = None,
) -> None:
    """Write what changed as people read it; `width` and `colour` are found out from the stream when None."""
    paint = paint_for(file or sys.stdout, width=width, colour=colour)
    paint.write(change_lines(compare(before, after), paint, everything=everything))
