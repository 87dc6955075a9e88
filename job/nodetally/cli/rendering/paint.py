"""Lines of styled pieces in, text for one stream out. The only module that knows colours; loads rich only for them."""

import os
from collections.abc import Iterable
from importlib.util import find_spec
from typing import NamedTuple, TextIO

from nodetally.cli.rendering.bars import ASCII, UNICODE, Glyphs, Segments
from nodetally.cli.rendering.text import to_ascii

PLAIN_WIDTH = 120  # columns where nobody can say: a pipe, a file; fits a laptop's terminal and a code block

# Okabe and Ito's colour-blind-safe set; each at least 3:1 against white and against black
_BLUE, _GREEN, _VERMILION = "#0072b2", "#009e73", "#d55e00"
STYLES = {
    "requests": _BLUE,
    "headroom": "bright_black",
    "over": _VERMILION,
    "usage": _GREEN,
    "limits": "default",
    "usage on requests": f"bold #ffffff on {_BLUE}",
    "usage on over": f"bold #ffffff on {_VERMILION}",
    "limits on requests": f"#ffffff on {_BLUE}",
    "limits on over": f"#ffffff on {_VERMILION}",
    "title": "bold",
    "dim": "bright_black",
    "unknown": "bright_black",
    "total": "bold",
    "warn": _VERMILION,
    "more": _BLUE,
    "fewer": _GREEN,
}


class Paint(NamedTuple):
    """How lines are written to one stream."""

    file: TextIO
    width: int
    ascii_only: bool
    codes: dict[str, tuple[str, str]]  # style → what is written before and after; empty without colour

    @property
    def glyphs(self) -> Glyphs:
        return ASCII if self.ascii_only else UNICODE

    def line(self, segments: Iterable[tuple[str, str]]) -> str:
        """One line, without trailing blanks."""
        if self.codes:
            codes, none = self.codes, ("", "")
            text = "".join(
                text if style not in codes or text.isspace() else text.join(codes.get(style, none))
                for text, style in segments
            )
        else:
            text = "".join(text for text, _ in segments)
        return (to_ascii(text) if self.ascii_only else text).rstrip(" ")

    def write(self, lines: Iterable[Segments]) -> None:
        """All lines at once: one write is what a pipe and a slow terminal like best."""
        self.file.write("".join([self.line(line) + "\n" for line in lines]))


def paint_for(file: TextIO, *, width: int | None = None, colour: bool | None = None) -> Paint:
    """What the stream can show. `colour` None: only on a terminal, and not with NO_COLOR or TERM=dumb."""
    colour = wants_colour(file) if colour is None else colour
    return Paint(file, width or columns_of(file), not _can_write(file), _codes(file) if colour and has_rich() else {})


def wants_colour(file: TextIO) -> bool:
    """https://no-color.org: a NO_COLOR that is not empty turns colour off."""
    return file.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def has_rich() -> bool:
    """False in the image, which leaves it out: no colours and no bars there, and all the same text."""
    return find_spec("rich") is not None


def columns_of(file: TextIO) -> int:
    """COLUMNS, else the terminal's width, else PLAIN_WIDTH."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        return int(columns)
    if not file.isatty():
        return PLAIN_WIDTH
    try:
        return os.get_terminal_size(file.fileno()).columns or PLAIN_WIDTH
    except OSError:
        return PLAIN_WIDTH


def _can_write(file: TextIO) -> bool:
    """Whether the stream's encoding has every sign that we draw with."""
    try:
        ("".join(UNICODE) + "…–·→−").encode(file.encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _codes(file: TextIO) -> dict[str, tuple[str, str]]:
    from rich.color import ColorSystem
    from rich.console import Console
    from rich.style import Style

    name = Console(file=file, force_terminal=True, no_color=False).color_system or "standard"
    system = {"truecolor": ColorSystem.TRUECOLOR, "256": ColorSystem.EIGHT_BIT}.get(name, ColorSystem.STANDARD)
    codes = {}
    for style, words in STYLES.items():
        before, _, after = Style.parse(words).render("\0", color_system=system).partition("\0")
        codes[style] = (before, after)
    return codes
