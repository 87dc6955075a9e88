"""`nodetally backfill velero`: from Velero backups, streamed from where they lie."""

from typing import TYPE_CHECKING, Any

import click

from nodetally.cli.backfill.options import backfill_options
from nodetally.cli.backfill.running import run

if TYPE_CHECKING:
    from nodetally.backfill.source import Source
    from nodetally.settings import Settings


@click.command(short_help="From Velero backups.")
@click.argument("location")
@backfill_options
def velero(location: str, **options: Any) -> None:
    """Fill from the Velero backups in LOCATION, a folder or s3://bucket/prefix/backups; they are streamed.

    The time is the backup's own (velero-backup.json beside the tarball), else the one in its name. Backups that are not
    of the whole cluster, or did not complete, are left out.

    \b
    nodetally backfill velero s3://velero/backups --cluster prod-eu-1 --store s3://bucket/prefix --every 1h
    """
    run(make_source, {**options, "location": location})


def make_source(options: dict[str, Any], settings: "Settings") -> "Source":
    """The backups that are there; they are read one by one, later."""
    from nodetally.backfill.files import open_files
    from nodetally.backfill.velero import Velero

    return Velero(open_files(options["location"]), settings.slot_every_seconds)
