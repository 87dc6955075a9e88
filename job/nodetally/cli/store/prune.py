"""`nodetally store prune`: old snapshots thinned to what a policy keeps. Without --yes it only counts."""

from datetime import UTC, datetime

import click

from nodetally.cli.options import format_option, option
from nodetally.cli.rendering.json_line import print_json
from nodetally.cli.rendering.rows import Field, number
from nodetally.cli.rendering.text import size
from nodetally.cli.store.place import clusters_of, opened, place_options
from nodetally.cli.store.printing import print_table
from nodetally.errors import StoreError
from nodetally.times import parse_time

THINNED = (
    Field("cluster", "CLUSTER"),
    Field("tier", "TIER"),
    Field("kept", "KEPT", number),
    Field("kept_bytes", "KEPT SIZE", size),
    Field("gone", "GONE", number),
    Field("gone_bytes", "GONE SIZE", size),
)


@click.command(short_help="Thin old snapshots.")
@place_options
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
    reader never meets one that is gone; a job may run meanwhile. A cluster of which an index is damaged is left, and
    named; the others are thinned.
    """
    from nodetally.store.prune import TierRow
    from nodetally.store.prune import prune as thin
    from nodetally.store.retention import parse_policy
    from nodetally.store.update import DamagedDocument

    policy, moment = parse_policy(keep), parse_time(now, datetime.now(UTC))
    place = opened(store, cluster)
    rows: list[TierRow] = []
    left: dict[str, DamagedDocument] = {}
    for each in clusters_of(place, cluster):
        try:
            rows += thin(place, each, policy, moment, delete=yes).rows(policy)
        except DamagedDocument as error:  # the others' old snapshots must not pile up because of it
            left[each] = error
    if format_ == "json":
        print_json({"store": place.url, "deleted": yes, "tiers": [row._asdict() for row in rows]})
    else:
        print_table(THINNED, rows)
    if not yes:
        click.echo("Nothing was deleted: add --yes to do it.", err=True)
    if left:
        first = next(iter(left.values()))
        raise StoreError(f"not thinned: {', '.join(left)}; {first}", hint=first.hint)
