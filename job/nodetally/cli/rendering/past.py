"""A history in, a table with sparklines, JSON or CSV out. Reads nothing but what it is given."""

import csv
from collections.abc import Sequence
from typing import Any, NamedTuple, TextIO

from nodetally.cli.rendering import grid
from nodetally.cli.rendering.bars import Segments
from nodetally.cli.rendering.notes import no_room
from nodetally.cli.rendering.paint import paint_for
from nodetally.cli.rendering.rows import plain_cell
from nodetally.cli.rendering.text import ABSENT, UNKNOWN, amount, fit, harmless, is_bytes, rate, unit_of
from nodetally.history import Day, Group, History

LEVELS, LEVELS_ASCII = "▁▂▃▄▅▆▇█", "_.-=+*#@"
GAP, GAP_ASCII = "·", " "
AMOUNTS = {  # with their titles, and what is dropped first where width runs out
    "peak": ("PEAK", 1),
    "p95": ("DAY P95", 5),
    "usage": ("USAGE PEAK", 6),
    "allocatable": ("ALLOCATABLE", 2),
    "growth": ("GROWTH/DAY", 3),
}
NAME_LEAST = 24  # or two fifths of the line: a node's whole name, to be copied, is worth more than a figure
WIDEST = 60  # signs; a year then has six days in one


class Line(NamedTuple):
    """A group as the table has it."""

    name: str
    peaks: list[int | None]
    whole: int
    peak: str
    p95: str
    usage: str
    allocatable: str
    growth: str
    runs_out: str


def print_table(history: History, file: TextIO) -> None:
    """A line a group; amounts in the resource's unit, which the title says."""
    paint = paint_for(file)
    unit = unit_of(history.resource)
    said = f"{history.resource}{f', {unit}' if unit else ''}, {history.first} to {history.last}"
    lines = [_line(history, group) for group in history.groups]
    names = [harmless(line.name, ascii_only=paint.ascii_only) for line in lines]
    columns = [
        grid.text_column("name", history.by.upper(), names, 0, floor=max(NAME_LEAST, paint.width * 2 // 5)),
        _sparklines(lines, ascii_only=paint.ascii_only),
        *(
            grid.text_column(name, title, [getattr(line, name) for line in lines], rank, right=True)
            for name, (title, rank) in AMOUNTS.items()
        ),
        grid.text_column("runs_out", "RUNS OUT", [line.runs_out for line in lines], 2),
    ]
    placed = grid.layout(columns, paint.width)
    kept = {column.key for column, _ in placed}
    dropped = [column.title for column in columns if column.key not in kept]
    paint.write(
        [((said, "dim"),), grid.header(placed, "title"), *grid.lines(placed, len(lines)), *no_room(dropped, paint)]
    )


def _sparklines(lines: Sequence[Line], *, ascii_only: bool) -> grid.Column:
    title = "REQUESTS BY DAY"
    natural = max([len(title), *(min(len(line.peaks), WIDEST) for line in lines)])

    def draw(row: int, width: int) -> Segments:
        line = lines[row]
        return ((fit(sparkline(line.peaks, line.whole, width, ascii_only=ascii_only), width), ""),)

    return grid.Column("requests", title, len(title), natural, natural, 4, draw, elastic=True)


def sparkline(values: Sequence[int | None], whole: int, widest: int = WIDEST, *, ascii_only: bool = False) -> str:
    """A sign a value, from nothing to `whole`; a gap where there is none. Longer ones take the highest of several.

    >>> sparkline([0, 50, None, 100], 100), sparkline([0, 50, None, 100], 100, ascii_only=True)
    ('▁▅·█', '_+ @')
    """
    levels, gap = (LEVELS_ASCII, GAP_ASCII) if ascii_only else (LEVELS, GAP)
    return "".join(gap if value is None else _level(value, whole, levels) for value in _buckets(values, widest))


def document(history: History, url: str) -> dict[str, Any]:
    """Everything, for programs: null is unknown, `days` has every day of the stretch."""
    return {
        "store": url,
        "cluster": history.cluster,
        "from": history.first,
        "to": history.last,
        "by": history.by,
        "resource": history.resource,
        "unit": _unit(history.resource),
        "not_rolled_up": history.not_rolled_up,
        "behind": history.behind,
        "groups": [_group(history, group) for group in history.groups],
    }


def write_csv(history: History, file: TextIO) -> None:
    """A row a group and day; of a gap there is no row. The unit is in the names."""
    unit = _unit(history.resource)
    writer = csv.writer(file, lineterminator="\n")
    figures = [f"{name}_{unit}" for name in Day._fields[1:]]
    writer.writerow(["cluster", history.by if history.by != "cluster" else "name", "date", "slots", *figures])
    for group in history.groups:
        for day in sorted(group.days):
            writer.writerow([plain_cell(history.cluster), plain_cell(group.name), day, *group.days[day]])


def _line(history: History, group: Group) -> Line:
    trend = group.trend(history.last_day)
    peak, allocatable = group.most("requests_peak"), group.most("allocatable")
    peaks = [group.days[day].requests_peak if day in group.days else None for day in history.dates]
    last = group.days.get(history.last_day)

    def said(value: int | None) -> str:
        return amount(history.resource, value)

    growth = UNKNOWN if trend is None else rate(history.resource, trend.growth_a_day)
    return Line(
        f"no {history.by}" if group.name is None else group.name,
        peaks,
        max(peak or 0, allocatable or 0),
        said(peak),
        said(group.most("requests_p95")),
        said(group.most("usage_peak")),
        ABSENT if last is None else said(last.allocatable),
        growth,
        ABSENT if trend is None or trend.runs_out is None else trend.runs_out,
    )


def _group(history: History, group: Group) -> dict[str, Any]:
    trend, last = group.trend(history.last_day), group.days.get(history.last_day)
    return {
        "name": group.name,
        "requests_peak": group.most("requests_peak"),
        "requests_p95": group.most("requests_p95"),
        "usage_peak": group.most("usage_peak"),
        "allocatable": last.allocatable if last else None,
        "growth_a_day": float(trend.growth_a_day) if trend else None,
        "runs_out": trend.runs_out if trend else None,
        "days": [{"date": day, **_told(group.days.get(day))} for day in history.dates],
    }


def _told(day: Day | None) -> dict[str, int | None]:
    return dict.fromkeys(Day._fields) | {"slots": 0} if day is None else day._asdict()


def _unit(resource: str) -> str:
    return "millicores" if resource == "cpu" else "bytes" if is_bytes(resource) else "count"


def _level(value: int, whole: int, levels: str) -> str:
    return levels[0] if whole <= 0 else levels[min(len(levels) - 1, max(0, value * len(levels) // whole))]


def _buckets(values: Sequence[int | None], widest: int) -> list[int | None]:
    size = -(-len(values) // widest)
    parts = [values[at : at + size] for at in range(0, len(values), size)] if size else []
    return [max((value for value in part if value is not None), default=None) for part in parts]
