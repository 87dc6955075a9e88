"""Figures of one resource in, one bar out: the grammar that table, page and legend share. Knows no snapshot.

████┃███▒▒▒▒▏▒      █ requests   ░ headroom   ┃ usage   ▏ limits; the track is allocatable
▚▚▚┃▚▚▚▚▚▚▚▚▚▚▸     ▚ requests beyond allocatable   ▸ limits beyond allocatable
"""

from functools import lru_cache
from typing import NamedTuple

Segments = tuple[tuple[str, str], ...]
"""Pieces of a line: text and the name of its style."""


class Glyphs(NamedTuple):
    """One sign per meaning; each takes one column."""

    requests: str
    headroom: str
    over: str
    usage: str
    limits: str
    beyond: str


UNICODE = Glyphs("█", "░", "▚", "┃", "▏", "▸")
ASCII = Glyphs("#", ".", "%", "|", ":", ">")


class Figures(NamedTuple):
    """What a bar shows of one resource; None is unknown."""

    allocatable: int | None
    requests: int | None
    limits: int | None
    usage: int | None


def bar(figures: Figures, width: int, glyphs: Glyphs = UNICODE) -> Segments:
    """A bar of `width` columns, the last of which is for limits at or beyond the track's end.

    Where allocatable or requests are unknown there is no track, but a "?".
    """
    allocatable, requests, limits, usage = figures
    track = width - 1
    if allocatable is None or requests is None:
        return (("?".ljust(width), "unknown"),)
    if allocatable <= 0:
        return _unbounded(requests, width, glyphs)
    filled = _filled(requests, allocatable, track)
    marker = None if usage is None else min(track - 1, usage * track // allocatable)
    return _drawn(filled, requests > allocatable, marker, _limits_at(limits, allocatable, track), track, glyphs)


def _unbounded(requests: int, width: int, glyphs: Glyphs) -> Segments:
    """Nothing is allocatable: no track, or all of it beyond."""
    if requests <= 0:
        return (("–".ljust(width), "dim"),)
    return ((glyphs.over * (width - 1), "over"), (" ", ""))


def _filled(requests: int, allocatable: int, track: int) -> int:
    """Rounded, but never an empty bar for a request, nor a full one while there is headroom."""
    if requests >= allocatable:
        return track
    cells = (2 * requests * track + allocatable) // (2 * allocatable)
    return min(max(cells, 1 if requests > 0 else 0), track - 1)


def _limits_at(limits: int | None, allocatable: int, track: int) -> int:
    """The cell whose left edge marks the limits: `track` at its very end, beyond it `track + 1`, none -1."""
    if not limits:
        return -1
    if limits > allocatable:
        return track + 1
    return (2 * limits * track + allocatable) // (2 * allocatable)


@lru_cache(maxsize=4096)
def _drawn(filled: int, over: bool, usage: int | None, limits: int, track: int, glyphs: Glyphs) -> Segments:
    body = "over" if over else "requests"
    cells = [(glyphs.over if over else glyphs.requests, body)] * filled
    cells += [(glyphs.headroom, "headroom")] * (track - filled)
    if 0 <= limits < track:
        cells[limits] = (glyphs.limits, f"limits on {body}" if limits < filled else "limits")
    if usage is not None:
        cells[usage] = (glyphs.usage, f"usage on {body}" if usage < filled else "usage")
    end = {track: glyphs.limits, track + 1: glyphs.beyond}.get(limits, " ")
    return _joined([*cells, (end, "limits")])


def _joined(cells: list[tuple[str, str]]) -> Segments:
    joined: list[tuple[str, str]] = []
    for text, style in cells:
        if joined and joined[-1][1] == style:
            joined[-1] = (joined[-1][0] + text, style)
        else:
            joined.append((text, style))
    return tuple(joined)


def legend(glyphs: Glyphs = UNICODE) -> Segments:
    """The signs in words."""
    return _joined(
        [
            (glyphs.requests, "requests"),
            (" requests  ", "dim"),
            (glyphs.headroom, "headroom"),
            (" headroom  ", "dim"),
            (glyphs.over, "over"),
            (" over 100%  ", "dim"),
            (glyphs.usage, "usage"),
            (" usage  ", "dim"),
            (glyphs.limits, "limits"),
            (" limits  ", "dim"),
            (glyphs.beyond, "limits"),
            (" limits over 100%", "dim"),
        ]
    )
