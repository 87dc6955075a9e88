"""A store's days in, what came of each group of nodes out: peaks, percentiles, growth. Writes nothing.

Totals of the cluster are in the day indexes; pools, nodes and namespaces are in the rollups only. The figures are those
of infra/analytics: peak-by-pool.sql and runs-out.sql.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from nodetally.accounting.nodes import POD_SLOTS
from nodetally.store import rollups, walk
from nodetally.store.base import Store
from nodetally.store.indexes import Document, inside
from nodetally.store.layout import day_index_key, rollup_key
from nodetally.store.parallel import READERS, in_order
from nodetally.store.update import damage_told
from nodetally.store.wanted import day_summaries

if TYPE_CHECKING:
    from nodetally.rollup.read import Sums

KINDS = {"pool": "nodes", "node": "nodes", "namespace": "namespaces"}  # where a group's rows are
FIGURES = {"nodes": ("requests", "usage", "allocatable"), "namespaces": ("requests",)}
LEAST_DAYS = 14  # through fewer a line says little: weekends would make it
FURTHEST_DAYS = 3_650
PERCENT = 95


class Slot(NamedTuple):
    """A group's sums at one slot; None is unknown."""

    requests: int | None
    usage: int | None = None
    allocatable: int | None = None


class Day(NamedTuple):
    """A group's day, over the slots at which each figure is known; None where it is at none."""

    slots: int
    requests_peak: int | None
    requests_p95: int | None
    usage_peak: int | None
    usage_p95: int | None
    allocatable: int | None


class Trend(NamedTuple):
    """The straight line through the peaks of the days: its growth, and the day on which it reaches allocatable."""

    growth_a_day: Fraction
    runs_out: str | None


@dataclass
class Group:
    """A pool, node, namespace, or the cluster, with its days; a day that is not there is a gap."""

    name: str | None
    days: dict[str, Day] = field(default_factory=dict)

    def most(self, figure: str) -> int | None:
        """The highest of the days."""
        return max((value for day in self.days.values() if (value := getattr(day, figure)) is not None), default=None)

    def trend(self, last: str) -> Trend | None:
        """The line, as seen from the cluster's last day; None where there are too few days, or the group is gone."""
        points = [
            ((date.fromisoformat(day) - date.fromisoformat(last)).days, of.requests_peak)
            for day, of in self.days.items()
            if of.requests_peak is not None
        ]
        if len(points) < LEAST_DAYS or last not in self.days:
            return None
        slope, now = least_squares(points)
        return Trend(slope, _end(last, slope, now, self.days[last].allocatable))


@dataclass
class History:
    """What a stretch of a cluster's past comes to.

    `last_day`: the last one of which anything is told, whether or not a group is in it; "" where there is none.
    `not_rolled_up`: days with why nothing of them is told.
    """

    cluster: str
    by: str
    resource: str
    first: str
    last: str
    last_day: str = ""
    groups: list[Group] = field(default_factory=list)
    not_rolled_up: dict[str, str] = field(default_factory=dict)
    behind: list[str] = field(default_factory=list)

    @property
    def dates(self) -> list[str]:
        """Every day of the stretch, with or without snapshots."""
        start = date.fromisoformat(self.first)
        return [str(start + timedelta(days=at)) for at in range((date.fromisoformat(self.last) - start).days + 1)]


def of_cluster(store: Store, cluster: str, resource: str, days: Sequence[str]) -> History:
    """The cluster's totals, from its day indexes: one request a day. StoreError when one is damaged."""
    history = History(cluster, "cluster", resource, days[0], days[-1])
    group = Group(cluster)
    with ThreadPoolExecutor(READERS) as pool:
        for each, lines in in_order(pool, partial(day_summaries, store, cluster), history.dates, READERS):
            with damage_told(store, day_index_key(cluster, each)):
                slots = [slot for line in lines if (slot := _of_totals(line.entry, resource))]
            history.last_day = each if lines else history.last_day
            if slots:
                group.days[each] = summarise(slots)
    history.groups = [group] if group.days else []
    return history


def by_rows(store: Store, cluster: str, by: str, resource: str, days: Sequence[str]) -> History:
    """Pools, nodes or namespaces, from the rollups: one file a day is read.

    StoreError when one is damaged; WrongUse where the library that reads them is not installed.
    """
    from nodetally.rollup.read import sums  # the cluster's totals need no Parquet

    kind = KINDS[by]
    history = History(cluster, by, resource, days[0], days[-1])
    known = rollups.days(store, cluster)
    groups: dict[str | None, Group] = {}

    def read(day: walk.Day) -> tuple[str, bytes | None]:
        state = rollups.state_of_day(store, day, known.get(day.date, ())) or "missing"
        if state not in ("fresh", "behind"):
            return state, None
        stored = store.get(rollup_key(kind, cluster, day.date))
        return (state, stored.body) if stored else ("missing", None)

    with ThreadPoolExecutor(READERS) as pool:
        listed = walk.days_between(store, cluster, history.first, history.last)
        for day, (state, body) in in_order(pool, read, listed, READERS):
            if body is None:
                history.not_rolled_up[day.date] = state
                continue
            history.last_day = day.date
            history.behind += [day.date] if state == "behind" else []
            where = f"{rollup_key(kind, cluster, day.date)} in {store.url}"
            for name, slots in _by_name(sums(body, where, by, resource, FIGURES[kind])).items():
                groups.setdefault(name, Group(name)).days[day.date] = summarise(slots)
    history.groups = sorted(groups.values(), key=lambda group: (group.name is None, group.name))
    return history


def summarise(slots: Iterable[Slot]) -> Day:
    """A day's figures from its slots."""
    slots = list(slots)
    requests, usage, allocatable = (
        sorted(value for value in of if value is not None) for of in zip(*slots, strict=True)
    )
    return Day(len(slots), _last(requests), percentile(requests), _last(usage), percentile(usage), _last(allocatable))


def percentile(ordered: Sequence[int], percent: int = PERCENT) -> int | None:
    """The smallest value that so many percent of all do not exceed; None of none.

    >>> percentile([1, 2, 3, 4], 50), percentile([7], 95), percentile([])
    (2, 7, None)
    """
    return ordered[-(-len(ordered) * percent // 100) - 1] if ordered else None


def least_squares(points: Sequence[tuple[int, int]]) -> tuple[Fraction, Fraction]:
    """Slope of the line, and its value at 0; of points at two or more places.

    >>> least_squares([(-2, 1), (-1, 2), (0, 3)])
    (Fraction(1, 1), Fraction(3, 1))
    """
    x = Fraction(sum(at for at, _ in points), len(points))
    y = Fraction(sum(value for _, value in points), len(points))
    slope = Fraction(sum((at - x) * (value - y) for at, value in points)) / sum((at - x) ** 2 for at, _ in points)
    return slope, y - slope * x


def _end(last: str, slope: Fraction, now: Fraction, allocatable: int | None) -> str | None:
    if allocatable is None or slope <= 0:
        return None
    days = ceil(max((allocatable - now) / slope, Fraction(0)))
    return None if days > FURTHEST_DAYS else str(date.fromisoformat(last) + timedelta(days=days))


def _last(ordered: Sequence[int]) -> int | None:
    return ordered[-1] if ordered else None


def _of_totals(line: Document, resource: str) -> Slot | None:
    """A day index's line; None where the cluster had no such resource."""
    of = ("totals", "resources", resource)
    if inside(line, dict, *of) is None:
        return None
    if resource == POD_SLOTS:  # a pod takes one without requesting it
        return Slot(inside(line, int, "totals", "pods", "counted"), None, inside(line, int, *of, "allocatable"))
    return Slot(*(inside(line, int, *of, figure) for figure in FIGURES["nodes"]))


def _by_name(rows: "Iterable[Sums]") -> dict[str | None, list[Slot]]:
    found: defaultdict[str | None, list[Slot]] = defaultdict(list)
    for each in rows:
        found[each.name].append(Slot(*each.figures))
    return found


def days_of(since: datetime, until: datetime) -> Iterator[str]:
    """The days (UTC) from one moment to another.

    >>> list(days_of(datetime(2026, 11, 22, 23, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC)))
    ['2026-11-22', '2026-11-23']
    """
    day = since.astimezone(UTC).date()
    while day <= until.astimezone(UTC).date():
        yield str(day)
        day += timedelta(days=1)
