"""`nodetally backfill`: fill missing slots from what is there of the past. Each source is in the module of its name."""

from collections.abc import Mapping, Sequence

import click

from nodetally.cli.backfill import dumps, prometheus, velero
from nodetally.cli.backfill.running import MakeSource, Prepared, prepared


@click.group(short_help="Fill missing slots of the past from dumps, backups or Prometheus.")
def backfill() -> None:
    """Fill the slots that have no snapshot yet, from what is there of a cluster's past.

    Nothing is overwritten: a slot that is stored stays as it is. It may run beside the job, be stopped at any time,
    and be started again; it then does what is left. Days are in UTC; a slot is a multiple of --every from midnight.

    \b
    nodetally backfill prometheus http://prometheus:9090 --cluster prod-eu-1 --from 30d --to now
    nodetally backfill dumps s3://bucket/dumps --cluster prod-eu-1 --store s3://bucket/prefix --every 1h
    nodetally backfill velero s3://bucket/backups --cluster prod-eu-1 --store s3://bucket/prefix --every 1d
    """


for _command in (dumps.dumps, velero.velero, prometheus.prometheus):
    backfill.add_command(_command)

SOURCES: Mapping[str, MakeSource] = {
    "dumps": dumps.make_source,
    "velero": velero.make_source,
    "prometheus": prometheus.make_source,
}


def prepare(arguments: Sequence[str]) -> Prepared:
    """What `nodetally backfill` would do with these arguments. Raises click's errors and NodetallyError."""
    name, *rest = arguments
    with backfill.commands[name].make_context(f"nodetally backfill {name}", rest) as parsed:
        return prepared(SOURCES[name], parsed.params)
