"""Figures in, small SVGs out: the same bytes for the same figures, readable on a light page and on a dark one."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

Points = Sequence[tuple[float, float]]
COLOURS = ("#8250df", "#0969da", "#1a7f37", "#bc4c00")
STYLE = """<style>
svg{background:#fff}text{font:11px system-ui,sans-serif;fill:#1f2328}.quiet{fill:#59636e}.head{font-weight:600}
.end{text-anchor:end}.middle{text-anchor:middle}.grid{stroke:#d1d9e0;fill:none}.line{fill:none;stroke-width:1.6}
.limit{stroke-dasharray:3 3;opacity:.75}.bar{fill:#0969da}.other{fill:#8c959f}
@media(prefers-color-scheme:dark){svg{background:#0d1117}text{fill:#f0f6fc}.quiet{fill:#9198a1}.grid{stroke:#3d444d}
.line,.dot{filter:brightness(1.6)}.bar{fill:#4493f8}.other{fill:#656c76}}
</style>"""
WIDTH, HEIGHT, LEFT, TOP, GAP = 230, 170, 52, 40, 70


class Panel(NamedTuple):
    """Curves over the number of pods, both axes logarithmic; `limits` are dashed, in the colours of `curves`."""

    title: str
    curves: Mapping[str, Points]
    limits: Mapping[str, Points] = {}


def svg(width: float, height: float, parts: Sequence[str]) -> str:
    box = f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {box} role="img">\n{STYLE}\n' + "\n".join(parts) + "\n</svg>\n"


def text(x: float, y: float, content: str, style: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{style}">{escape(content)}</text>'


def panels(shown: Sequence[Panel]) -> str:
    """Panels side by side, one legend under them."""
    parts: list[str] = []
    for index, panel in enumerate(shown):
        parts += _panel(panel, LEFT + index * (WIDTH + GAP))
    names = list(shown[0].curves)
    bottom = TOP + HEIGHT + 52
    for index, name in enumerate([*names, "dashed: the limit"]):
        x = LEFT + index * 130
        if index < len(names):
            parts.append(f'<circle class="dot" cx="{x}" cy="{bottom - 4}" r="4" fill="{COLOURS[index]}"/>')
        parts.append(text(x + 9, bottom, name))
    return svg(LEFT + len(shown) * (WIDTH + GAP) - GAP + 20, bottom + 14, parts)


def _panel(panel: Panel, left: float) -> list[str]:
    both = [*panel.curves.values(), *panel.limits.values()]
    across = _Axis([x for curve in both for x, _ in curve], left, WIDTH)
    up = _Axis([y for curve in both for _, y in curve], TOP + HEIGHT, -HEIGHT)
    parts = [text(left, TOP - 16, panel.title, "head")]
    for value in up.ticks():
        y = up.place(value)
        parts.append(f'<path class="grid" d="M{left:.1f} {y:.1f}h{WIDTH}"/>')
        parts.append(text(left - 6, y + 4, f"{value:g}", "quiet end"))
    parts += [text(across.place(value), TOP + HEIGHT + 16, short(value), "quiet middle") for value in across.ticks()]
    parts.append(text(left + WIDTH / 2, TOP + HEIGHT + 31, "pods", "quiet middle"))
    for curves, style in ((panel.limits, "line limit"), (panel.curves, "line")):
        for colour, points in zip(COLOURS, curves.values(), strict=False):
            places = [(across.place(x), up.place(y)) for x, y in points]
            path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
            parts.append(f'<path class="{style}" stroke="{colour}" d="M{path}"/>')
            if curves is panel.curves:
                parts += [f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
    return parts


class _Axis:
    """A logarithmic axis from a power of ten, or its half or fifth, to another."""

    def __init__(self, values: Sequence[float], start: float, length: float) -> None:
        steps = [step * 10.0**power for power in range(-4, 10) for step in (1, 2, 5)]
        self._low = max((each for each in steps if each <= min(values)), default=steps[0])
        self._high = min((each for each in steps if each >= max(values) and each > self._low), default=steps[-1])
        self._steps, self._start, self._length = steps, start, length

    def place(self, value: float) -> float:
        return self._start + self._length * math.log(value / self._low) / math.log(self._high / self._low)

    def ticks(self) -> list[float]:
        found = [each for each in self._steps if self._low <= each <= self._high]
        return found if len(found) < 7 else [each for each in found if math.log10(each) % 1 < 1e-9]


def short(value: float) -> str:
    """
    >>> short(150_000), short(500)
    ('150k', '500')
    """
    return f"{value / 1000:g}k" if value >= 1000 else f"{value:g}"


def bars(groups: Mapping[str, Mapping[str, tuple[float, str]]]) -> str:
    """Groups of bars side by side; each bar has its value and what is written behind it, the first stands out."""
    parts: list[str] = []
    names = list(next(iter(groups.values())))
    left, width = 270, 190
    parts += [text(left - 10, TOP + 14 + 26 * row, name, "end") for row, name in enumerate(names)]
    for index, (title, found) in enumerate(groups.items()):
        x = left + index * (width + 90)
        most = max(value for value, _ in found.values())
        parts.append(text(x, TOP - 12, title, "head"))
        for row, (value, label) in enumerate(found.values()):
            size, y = max(1.0, width * value / most), TOP + 26 * row
            style = "bar" if row == 0 else "other"
            parts.append(f'<rect class="{style}" x="{x}" y="{y}" width="{size:.1f}" height="19" rx="2"/>')
            parts.append(text(x + size + 6, y + 14, label))
    return svg(left + len(groups) * (width + 90), TOP + 26 * len(names) + 12, parts)
