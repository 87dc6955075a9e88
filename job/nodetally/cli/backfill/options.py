"""The options that every source of `nodetally backfill` takes: which slots, of which cluster, into which store."""

import click

from nodetally.cli.options import cluster_option, format_option, option, store_option, together
from nodetally.cli.source import label_options

backfill_options = together(
    cluster_option,
    store_option,
    option("--from", "from_", metavar="TIME", help="The first slot; default: where the source begins."),
    option("--to", metavar="TIME", help="Slots before this; default: where the source ends."),
    option(
        "--every",
        metavar="DURATION",
        default="5m",
        show_default=True,
        help="The period of the slots: that of the live passes, so that both answer for the same ones.",
    ),
    option(
        "--order",
        type=click.Choice(["newest", "oldest"]),
        default="newest",
        show_default=True,
        help="Which slots come first.",
    ),
    option("--shard", metavar="I/N", help="Only every N-th day, from the I-th (from 0): see docs/backfill.md."),
    option("--dry-run", is_flag=True, help="Say what would be filled; read no record, store nothing."),
    label_options,
    format_option("BACKFILL", "text", "json", says="How the summary is printed."),
)
