"""Columns in, aligned lines out: which columns fit, how wide each is. Knows neither snapshots nor colours."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from nodetally.cli.rendering.bars import Segments
from nodetally.cli.rendering.text import fit, width_of

GAP = "  "
NICE_TO_HAVE = 10  # ranks from here on make room for longer bars


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
    while not _fits(kept, width) and any(column.rank for column in kept):
        rank = max(column.rank for column in kept)
        kept = [column for column in kept if column.rank != rank]
    return list(zip(kept, _widths(kept, width), strict=True))


def _needed(columns: Sequence[Column]) -> int:
    return sum(column.minimum for column in columns) + len(GAP) * (len(columns) - 1)


def _fits(columns: Sequence[Column], width: int) -> bool:
    """Whether there is room; a column that is nice to have must leave the bars as long as they want to be."""
    cramped = any(column.rank >= NICE_TO_HAVE for column in columns)
    bars = sum(column.wanted - column.minimum for column in columns if column.elastic)
    return _needed(columns) + (bars if cramped else 0) <= width


def _widths(columns: Sequence[Column], width: int) -> list[int]:
    """Minimum widths, then what is to spare: texts and bars to what they want, then to their most."""
    widths = [column.minimum for column in columns]
    spare = width - _needed(columns)
    if spare < 0:  # only columns that are never dropped are left: the last of them gives way
        widths[-1] = max(1, widths[-1] + spare)
        return widths
    order = sorted(range(len(columns)), key=lambda index: columns[index].rank)
    texts = [index for index in order if not columns[index].elastic]
    bars = [index for index in order if columns[index].elastic]
    spare = _in_turns(widths, [(index, columns[index].wanted) for index in texts], spare)
    spare = _alike(widths, [(index, columns[index].wanted) for index in bars], spare)
    spare = _all_or_nothing(widths, [(index, columns[index].most) for index in texts], spare)
    _alike(widths, [(index, columns[index].most) for index in bars], spare)
    return widths


def _in_turns(widths: list[int], limits: list[tuple[int, int]], spare: int) -> int:
    """Texts get one column after the other, until they have enough."""
    growing = [(index, limit) for index, limit in limits if widths[index] < limit]
    while spare > 0 and growing:
        for index, _ in growing[:spare]:
            widths[index] += 1
        spare -= min(spare, len(growing))
        growing = [(index, limit) for index, limit in growing if widths[index] < limit]
    return spare


def _alike(widths: list[int], limits: list[tuple[int, int]], spare: int) -> int:
    """Bars grow by the same, so that they can be compared across."""
    if not limits:
        return spare
    growth = min(spare // len(limits), *(limit - widths[index] for index, limit in limits))
    for index, _ in limits:
        widths[index] += growth
    return spare - growth * len(limits)


def _all_or_nothing(widths: list[int], limits: list[tuple[int, int]], spare: int) -> int:
    """A name is shown whole where that is possible; half of a domain tells nothing."""
    for index, limit in limits:
        if limit - widths[index] <= spare:
            spare -= limit - widths[index]
            widths[index] = limit
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
