"""How far a command is, on a terminal only. Writes to stderr; never on the job's path, and loads rich only there."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from nodetally.backfill.filling import Filling
from nodetally.cli.rendering.paint import has_rich, wants_colour
from nodetally.cli.rendering.text import count, size
from nodetally.store.seen import Seen
from nodetally.times import format_age

if TYPE_CHECKING:
    from nodetally.rollup.make import Progress

REFRESHES_PER_SECOND = 8


def shown(seen: Seen, verb: str) -> AbstractContextManager[None]:
    """A bar of the clusters that are done, and what was seen so far."""
    return _bar(verb, lambda: _of_clusters(seen), lambda: said(seen))


def rollup_shown(progress: "Progress") -> AbstractContextManager[None]:
    """A bar of the clusters that are done, and what was made so far."""
    return _bar("rolling up", lambda: _of_clusters(progress), lambda: said_of_rollup(progress))


def filling_shown(filling: Filling) -> AbstractContextManager[None]:
    """A bar of the slots that are settled, with the rate and the time left."""
    begun = time.monotonic()
    return _bar(
        "backfill",
        lambda: (filling.slots or None, filling.done),
        lambda: said_of_filling(filling, time.monotonic() - begun),
    )


def _of_clusters(seen: Seen) -> tuple[int | None, int]:
    """How many clusters there are, and are done; of one nobody knows how much there is."""
    return seen.clusters_found if seen.clusters_found > 1 else None, seen.clusters


@contextmanager
def _bar(verb: str, reached: Callable[[], tuple[int | None, int]], words: Callable[[], str]) -> Iterator[None]:
    """A bar by `reached` (of how many, how many; a pulse where the former is None), and words behind it.

    Nothing where stderr is no terminal.
    """
    if not (sys.stderr.isatty() and has_rich()):
        yield
        return
    from rich.console import Console
    from rich.progress import Progress, ProgressColumn, Task, TimeElapsedColumn
    from rich.progress_bar import ProgressBar
    from rich.text import Text

    class Bar(ProgressColumn):
        def render(self, task: Task) -> ProgressBar:
            total, done = reached()
            return ProgressBar(total, done, width=30, animation_time=task.get_time())

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


def said_of_rollup(progress: "Progress") -> str:
    """What was looked at and made, in words: 40 days, 2 made of 576 snapshots."""
    return f"{count(progress.days, 'day')}, {progress.made:,} made of {count(progress.snapshots, 'snapshot')}"


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
