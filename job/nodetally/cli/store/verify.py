"""`nodetally store verify`: everything that is wrong with a store, and what to do about it. Writes nothing."""

import click

from nodetally.cli.options import format_option, option
from nodetally.cli.rendering.json_line import print_json
from nodetally.cli.store.place import opened, place_options
from nodetally.cli.store.printing import as_documents, print_breaches, raise_if_damaged
from nodetally.times import parse_duration


@click.command(short_help="Find everything that is wrong with a store.")
@place_options
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
    from nodetally.store.seen import Seen
    from nodetally.store.verify import verify as find_breaches

    seconds = parse_duration(patience).total_seconds()
    seen, place = Seen(), opened(store, cluster)
    with shown(seen, "verifying"):
        found = list(find_breaches(place, cluster=cluster, deep=deep, patience_seconds=seconds, seen=seen))
    found.sort(key=lambda each: (each.cluster or "", each.kind, each.key, each.what))
    if format_ == "json":
        checked = {**vars(seen), "deep": deep}
        print_json({"store": place.url, "checked": checked, "breaches": as_documents(found)})
    elif found:
        print_breaches(found)
    else:
        click.echo(f"Nothing is wrong: {said(seen)}.")
    raise_if_damaged(len(found), place.url, "nodetally store repair makes indexes from the snapshots again")
