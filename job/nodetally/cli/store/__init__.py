"""`nodetally store`: look after what is stored. Each command is in the module of its name."""

import click

from nodetally.cli.store import ls, prune, repair, rollup, verify


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


for _command in (verify.verify, repair.repair, prune.prune, rollup.rollup, ls.ls):
    store.add_command(_command)
