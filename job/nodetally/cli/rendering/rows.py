"""Rows in, a plain table, CSV or JSON out: for lists that are no nodes. Knows no store."""

import csv
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TextIO

from nodetally.cli.rendering import grid
from nodetally.cli.rendering.bars import Segments
from nodetally.cli.rendering.paint import Paint
from nodetally.cli.rendering.text import UNKNOWN, harmless, size

_FORMULA = tuple("=+-@＝＋－＠")  # what a spreadsheet would run; OWASP, "CSV Injection"


class Field(NamedTuple):
    """A field of the rows that a table shows, under its title."""

    name: str
    title: str
    say: Callable[[Any], str] = str
    style: str = ""
    absent: str = UNKNOWN  # what stands for None
    right: bool = False  # as number and size always are


def number(value: int) -> str:
    """With separators; to the right of its column."""
    return f"{value:,}"


def table_lines(fields: Sequence[Field], rows: Sequence[Any], paint: Paint) -> list[Segments]:
    """A header and a line a row, each column as wide as it needs: keys must stay whole, to be copied."""
    columns = [
        grid.text_column(
            field.name,
            field.title,
            [_cell(field, row, paint) for row in rows],
            rank,
            styles=field.style,
            right=field.right or field.say in (number, size),
        )
        for rank, field in enumerate(fields)
    ]
    placed = grid.layout(columns, None)
    return [grid.header(placed, "title"), *grid.lines(placed, len(rows))]


def write_csv(names: Sequence[str], rows: Iterable[Any], file: TextIO) -> None:
    """A header of the fields' own names and a line a row; empty for unknown."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([plain_cell(getattr(row, name)) for name in names] for row in rows)


def _cell(field: Field, row: Any, paint: Paint) -> str:
    value = getattr(row, field.name)
    return field.absent if value is None else harmless(field.say(value), ascii_only=paint.ascii_only)


def plain_cell(value: Any) -> Any:
    """A cell that neither a terminal nor a spreadsheet acts on."""
    if not isinstance(value, str):
        return value
    return "'" + harmless(value) if value.startswith(_FORMULA) else harmless(value)
