"""`nodetally store repair`: all that is derived from the snapshots, made again. Never touches a snapshot."""

import click

from nodetally.cli.options import format_option, option
from nodetally.cli.rendering.json_line import print_json
from nodetally.cli.rendering.rows import Field
from nodetally.cli.rendering.text import count
from nodetally.cli.store.place import opened, place_options
from nodetally.cli.store.printing import as_documents, print_breaches, print_table, raise_if_damaged

CHANGES = (Field("key", "KEY"), Field("what", "CHANGE"))


@click.command(short_help="Make everything that is derived from the snapshots again.")
@place_options
@option("--dry-run", is_flag=True, help="Print what would be changed, change nothing.")
@format_option("REPAIR", "table", "json")
def repair(cluster: str | None, store: str, format_: str, *, dry_run: bool) -> None:
    """Bring the indexes, the latest copies and the list of clusters to what the snapshots say.

    Never touches a snapshot. Safe beside a running job; what is right already is not written. A snapshot that cannot
    be read is left, listed, and the exit code then is 6.
    """
    from nodetally.cli.progress import shown
    from nodetally.store.repair import repair as make_again
    from nodetally.store.seen import Seen
    from nodetally.store.settle import Change

    seen, place = Seen(), opened(store, cluster)
    with shown(seen, "repairing"):
        done = list(make_again(place, cluster=cluster, dry_run=dry_run, seen=seen))
    changes = [each for each in done if isinstance(each, Change)]
    left = [each for each in done if not isinstance(each, Change)]
    if format_ == "json":
        changed = [each._asdict() for each in changes]
        print_json({"store": place.url, "dry_run": dry_run, "changes": changed, "left": as_documents(left)})
    else:
        print_table(CHANGES, changes)
        click.echo(f"{count(len(changes), 'document')} {'to change' if dry_run else 'changed'}.")
        if left:
            click.echo()
            print_breaches(left)
    raise_if_damaged(len(left), place.url, "repair leaves snapshots as they are: see above what to do")
