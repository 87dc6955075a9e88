"""`nodetally demo`: two simulated clusters, a day of their past in a directory, and the page over it."""

import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nodetally.cli.dashboard import PORT, show_until, stopped_by_signals
from nodetally.cli.options import option
from nodetally.cli.rendering.paint import has_rich

if TYPE_CHECKING:
    from nodetally.demo import Town
    from nodetally.store.base import Store

LIVE_SECONDS = 60.0


@click.command(short_help="Try all of it on this machine: simulated clusters, a store, the page.")
@option(
    "--store",
    metavar="FOLDER",
    default="./nodetally-demo",
    show_default=True,
    envvar="NODETALLY_DEMO_STORE",
    help="Where snapshots go.",
)
@option("--hours", type=click.IntRange(0, 24 * 31), default=24, show_default=True, help="How much past to make.")
@option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="Of the page; 0: any.")
@option("--serve/--no-serve", default=True, show_default=True, help="Serve the page; without: end with the past.")
@option("--open", "open_", is_flag=True, envvar=None, help="Open the page in the browser.")
def demo(store: str, hours: int, port: int, *, serve: bool, open_: bool) -> None:
    """Two simulated clusters on loopback, real passes over a day of their past, and the page that shows it.

    No cluster, no account and no network is needed. While it serves, a pass is made every minute. What it stored
    stays: look at it with the other commands, or delete the folder.

    \b
    nodetally demo --open
    nodetally show --store ./nodetally-demo --cluster demo-eu --sort cpu:desc
    nodetally diff --store ./nodetally-demo --cluster demo-eu 12h
    """
    from nodetally.demo import record, slots, towns
    from nodetally.store.open import open_store

    opened, stop = open_store(store), stopped_by_signals()
    with tempfile.TemporaryDirectory() as folder, towns(opened, Path(folder)) as made:
        now = datetime.now(UTC)
        with counted(len(slots(now, hours)) * len(made)) as done:
            record(made, opened, now, hours, lambda: _go_on(stop, done))
        if not serve:
            click.echo(f"Look at it: nodetally dashboard serve --store {store} --open", err=True)
            return
        living = threading.Thread(target=_live, args=(made, opened, stop))
        living.start()
        try:
            show_until(stop, opened, port, open_=open_)
        finally:  # also when the port is taken
            stop.set()
            living.join()


def _go_on(stop: threading.Event, done: Callable[[], None]) -> None:
    if stop.is_set():
        raise click.exceptions.Abort
    done()


def _live(made: "list[Town]", opened: "Store", stop: threading.Event) -> None:
    from nodetally.demo import pass_over

    while not stop.wait(LIVE_SECONDS):
        for town in made:
            pass_over(town, opened, datetime.now(UTC).replace(microsecond=0))


@contextmanager
def counted(total: int) -> Iterator[Callable[[], None]]:
    """A bar of the passes, on a terminal; a line else."""
    if not (sys.stderr.isatty() and has_rich()):
        click.echo(f"{total} passes…", err=True)
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("passes", total=total)
        yield lambda: progress.advance(task)
