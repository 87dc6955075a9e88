"""`nodetally backfill dumps`: from files of kubectl get nodes,pods -A -o json."""

from typing import TYPE_CHECKING, Any

import click

from nodetally.cli.backfill.options import backfill_options
from nodetally.cli.backfill.running import run
from nodetally.cli.options import option

if TYPE_CHECKING:
    from nodetally.backfill.source import Source
    from nodetally.settings import Settings


@click.command(short_help="From files of kubectl get nodes,pods -A -o json.")
@click.argument("location")
@backfill_options
@option(
    "--time-from",
    type=click.Choice(["auto", "name", "object"]),
    default="auto",
    show_default=True,
    help="Where a dump's time is: in its name, or when the object was written; auto: in the names, if any has one. "
    "But for name, it is checked against the nodes' reports.",
)
def dumps(location: str, time_from: str, **options: Any) -> None:
    """Fill from the dumps in LOCATION, a folder or s3://bucket/prefix: .json, .json.gz, .json.zst.

    The first dump of a slot answers for it. Files of the same time (nodes and pods apart) are one dump.

    \b
    nodetally backfill dumps ./dumps --cluster prod-eu-1 --store s3://bucket/prefix --every 5m --dry-run
    """
    run(make_source, {**options, "location": location, "time_from": time_from})


def make_source(options: dict[str, Any], settings: "Settings") -> "Source":
    """The files that are there; they are read one by one, later."""
    from nodetally.backfill.dumps import Dumps
    from nodetally.backfill.files import open_files

    return Dumps(open_files(options["location"]), settings.slot_every_seconds, options["time_from"])
