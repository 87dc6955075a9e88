"""Columns in, aligned lines out: which columns fit, how wide each is. Knows neither snapshots nor colours."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from nodetally.cli.rendering.bars import Segments
from nodetally.cli.rendering.text import fit, width_of

GAP = "  "


@dataclass(frozen=True)
class Column:
    """One column: `draw(row, width)` gives a cell of exactly that width.

    Widths go from `minimum` to `wanted`; what is then left over goes up to `most`. The highest `rank` is dropped
    first, all columns of a rank together, rank 0 never.
    """

    key: str
    title: str
    minimum: int
    wanted: int
    most: int
    rank: int
    draw: Callable[[int, int], Segments]
    right: bool = False
    elastic: bool = False  # grows last: a longer bar says little more, a longer text does


def text_column(
    key: str,
    title: str,
    texts: Sequence[str],
    rank: int,
    *,
    styles: Sequence[str] | str = "",
    floor: int | None = None,
    right: bool = False,
) -> Column:
    """A column as wide as its widest text; `floor` is how far it may be cut, by default not at all."""
    natural = max([width_of(title), *map(width_of, texts)])
    minimum = natural if floor is None else min(natural, floor)

    def draw(row: int, width: int) -> Segments:
        return ((fit(texts[row], width, right=right), styles if isinstance(styles, str) else styles[row]),)

    return Column(key, title, minimum, natural, natural, rank, draw, right)


def layout(columns: Sequence[Column], width: int | None) -> list[tuple[Column, int]]:
    """The columns that fit into `width`, with their widths; None: all of them, as wide as they want."""
    if width is None:
        return [(column, column.most) for column in columns]
    kept = list(columns)
    while _needed(kept) > width and any(column.rank for column in kept):
        rank = max(column.rank for column in kept)
        kept = [column for column in kept if column.rank != rank]
    return list(zip(kept, _widths(kept, width), strict=True))


def _needed(columns: Sequence[Column]) -> int:
    return sum(column.minimum for column in columns) + len(GAP) * (len(columns) - 1)


def _widths(columns: Sequence[Column], width: int) -> list[int]:
    """Minimum widths, then what is to spare: texts to what they want, bars to what they want, all to their most."""
    widths = [column.minimum for column in columns]
    spare = width - _needed(columns)
    if spare < 0:  # only columns that are never dropped are left: the last of them gives way
        widths[-1] = max(1, widths[-1] + spare)
        return widths
    order = sorted(range(len(columns)), key=lambda index: columns[index].rank)
    texts = [(index, columns[index].wanted) for index in order if not columns[index].elastic]
    bars = [(index, columns[index].wanted) for index in order if columns[index].elastic]
    for limits in (texts, bars, [(index, columns[index].most) for index in order]):
        spare = _grow(widths, limits, spare)
    return widths


def _grow(widths: list[int], limits: list[tuple[int, int]], spare: int) -> int:
    """Hand out the spare columns one by one in turns, so that bars stay of equal length."""
    growing = True
    while spare > 0 and growing:
        growing = False
        for index, limit in limits:
            if widths[index] < limit and spare > 0:
                widths[index] += 1
                spare -= 1
                growing = True
    return spare


def header(placed: Sequence[tuple[Column, int]], style: str = "dim") -> Segments:
    """The titles, each over its column; one that does not fit is cut to its first word."""
    cells = [fit(_title(column.title, width), width, right=column.right) for column, width in placed]
    return ((GAP.join(cells), style),)


def _title(title: str, width: int) -> str:
    return title if width_of(title) <= width or not title.strip() else title.split()[0]


def lines(placed: Sequence[tuple[Column, int]], rows: int) -> Iterator[Segments]:
    """One line a row."""
    for row in range(rows):
        line: list[tuple[str, str]] = []
        for column, width in placed:
            if line:
                line.append((GAP, ""))
            line += column.draw(row, width)
        yield tuple(line)
