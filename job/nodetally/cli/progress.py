"""How far a command is, on a terminal only. Writes to stderr; never on the job's path, and loads rich only there."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from nodetally.backfill.filling import Filling
from nodetally.cli.rendering.paint import has_rich, wants_colour
from nodetally.cli.rendering.text import count, size
from nodetally.store.verify import Seen
from nodetally.times import format_age

if TYPE_CHECKING:
    from nodetally.rollup.make import Progress

REFRESHES_PER_SECOND = 8


@contextmanager
def shown(seen: Seen, verb: str) -> Iterator[None]:
    """A bar of the clusters that are done and what was seen so far; nothing where stderr is no terminal."""
    with _of_clusters(seen, verb, lambda: said(seen)):
        yield


@contextmanager
def rollup_shown(progress: "Progress") -> Iterator[None]:
    """A bar of the clusters that are done, and what was made so far; nothing where stderr is no terminal."""
    with _of_clusters(progress, "rolling up", lambda: said_of_rollup(progress)):
        yield


def said_of_rollup(progress: "Progress") -> str:
    """What was looked at and made, in words: 40 days, 2 made of 576 snapshots."""
    return f"{count(progress.days, 'day')}, {progress.made:,} made of {count(progress.snapshots, 'snapshot')}"


@contextmanager
def _of_clusters(seen: "Seen | Progress", verb: str, words: Callable[[], str]) -> Iterator[None]:
    if not (sys.stderr.isatty() and has_rich()):
        yield
        return
    from rich.console import Console
    from rich.progress import Progress, ProgressColumn, Task, TimeElapsedColumn
    from rich.progress_bar import ProgressBar
    from rich.text import Text

    class Bar(ProgressColumn):
        def render(self, task: Task) -> ProgressBar:
            pulse = seen.clusters_found < 2  # nobody knows how much there is of one
            return ProgressBar(
                seen.clusters_found, seen.clusters, width=30, pulse=pulse, animation_time=task.get_time()
            )

    class Said(ProgressColumn):
        def render(self, task: Task) -> Text:
            del task
            return Text(words())

    console = Console(stderr=True, no_color=not wants_colour(sys.stderr))
    columns = (verb, Bar(), Said(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, refresh_per_second=REFRESHES_PER_SECOND) as progress:
        progress.add_task(verb)
        yield


def said(seen: Seen) -> str:
    """What was seen, in words.

    >>> said(Seen(clusters=1, clusters_found=1, days=2, snapshots=2_880, snapshot_bytes=3 << 20))
    '1 cluster, 2 days, 2,880 snapshots, 3.0 MiB'
    """
    counts = (count(seen.clusters, "cluster"), count(seen.days, "day"), count(seen.snapshots, "snapshot"))
    return ", ".join((*counts, size(seen.snapshot_bytes)))


@contextmanager
def filling_shown(filling: Filling) -> Iterator[None]:
    """A bar of the slots that are settled, with the rate and the time left; nothing where stderr is no terminal."""
    if not (sys.stderr.isatty() and has_rich()):
        yield
        return
    from rich.console import Console
    from rich.progress import Progress, ProgressColumn, Task, TimeElapsedColumn
    from rich.progress_bar import ProgressBar
    from rich.text import Text

    begun = time.monotonic()

    class Bar(ProgressColumn):
        def render(self, task: Task) -> ProgressBar:
            return ProgressBar(filling.slots or None, filling.done, width=30, animation_time=task.get_time())

    class Said(ProgressColumn):
        def render(self, task: Task) -> Text:
            del task
            return Text(said_of_filling(filling, time.monotonic() - begun))

    console = Console(stderr=True, no_color=not wants_colour(sys.stderr))
    columns = ("backfill", Bar(), Said(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, refresh_per_second=REFRESHES_PER_SECOND) as progress:
        progress.add_task("backfill")
        yield


def said_of_filling(filling: Filling, seconds: float) -> str:
    """How far it is, how fast, and how long the rest takes at that rate.

    >>> said_of_filling(Filling(slots=300, filled=80, there=20), 10.0)
    '100 of 300 slots, 80 filled, 10.0/s, 20 s left'
    """
    said = f"{filling.done:,} of {filling.slots:,} slots, {filling.filled:,} filled"
    if not filling.done or seconds <= 0:
        return said
    rate = filling.done / seconds
    return f"{said}, {rate:.1f}/s, {format_age(timedelta(seconds=(filling.slots - filling.done) / rate))} left"
