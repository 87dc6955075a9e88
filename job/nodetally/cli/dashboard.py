"""`nodetally dashboard`: publish the page into a store, or serve a store with it on loopback."""

import signal
import threading
import time
from typing import TYPE_CHECKING

import click

from nodetally.cli.options import option, store_option
from nodetally.dashboard.built import built_page

if TYPE_CHECKING:
    from nodetally.store.base import Store

PORT = 8790  # free on most machines; the same each time, so that a link to a view stays good


@click.group(short_help="Publish the page that shows a store, or serve it on this machine.")
def dashboard() -> None:
    """The page that shows a store: a few static files that read its documents and nothing else.

    \b
    nodetally dashboard serve --store ./nodetally-data --open
    nodetally dashboard publish --store s3://bucket/prefix
    """


@dashboard.command(short_help="Put the page beside the documents of a store.")
@store_option
@option("--clean", is_flag=True, envvar=None, help="Delete assets that the page has not named for a day.")
@option("--force", is_flag=True, envvar=None, help="Write all again, over any index.html that is there.")
def publish(store: str, *, clean: bool, force: bool) -> None:
    """Put index.html and its assets into a store, each with its type and cache header; what is there is left alone.

    Assets have names that change with what is in them; they come first, index.html last, and old ones stay, so a page
    that is open or in a cache goes on working. Run it after each upgrade of nodetally.
    """
    from nodetally.dashboard.publish import publish as put
    from nodetally.store.open import open_store

    page, opened = built_page(), open_store(store)
    changed = 0
    for done in put(opened, page, now=time.time(), clean=clean, force=force):
        changed += done.what in ("written", "deleted")
        click.echo(f"{done.what:9}  {done.key}" + (f"  ({done.why})" if done.why else ""))
    click.echo(f"The page is in {opened.url}" + ("." if changed else ", as it was."), err=True)
    if not store.lower().startswith("s3://"):
        click.echo(f"To look at it here: nodetally dashboard serve --store {store}", err=True)


@dashboard.command(short_help="Serve a store and the page on loopback.")
@store_option
@option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="0: any that is free.")
@option("--open", "open_", is_flag=True, envvar=None, help="Open it in the browser.")
def serve(store: str, port: int, *, open_: bool) -> None:
    """Serve the documents of a store and the page of this nodetally on 127.0.0.1 until Ctrl-C, for reading only.

    The kept cache (state/, which holds names of pods) is never served, nor anything else that the page does not read.
    For a store in S3 the requests are made with your credentials.
    """
    from nodetally.store.open import open_store

    show_until(stopped_by_signals(), open_store(store), port, open_=open_)


def stopped_by_signals() -> threading.Event:
    """Set once somebody ends this process."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def show_until(stop: threading.Event, opened: "Store", port: int, *, open_: bool) -> None:
    """Serve the page over a store until it is told to stop."""
    from nodetally.dashboard.serve import serving
    from nodetally.store.layout import clusters_key

    with serving(opened, built_page(), port) as server:
        answering = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
        answering.start()
        try:
            click.echo(f"{opened.url} is at {server.url}; Ctrl-C stops.", err=True)
            if opened.get(clusters_key()) is None:
                click.echo("Nothing is stored there yet.", err=True)  # or its name is mistyped
            if open_:
                import webbrowser

                webbrowser.open(server.url)
            stop.wait()
        finally:  # also when nobody reads stderr any more
            server.shutdown()
            answering.join()
