"""Rows of nodes in, the columns of the node table out. Knows what each column says, not which ones fit."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import NamedTuple

from nodetally.cli.rendering import fields
from nodetally.cli.rendering.bars import Figures, Glyphs, Segments, bar
from nodetally.cli.rendering.fields import Node, figure
from nodetally.cli.rendering.grid import Column, text_column
from nodetally.cli.rendering.text import (
    ABSENT,
    UNKNOWN,
    amount,
    fit,
    harmless,
    percentage,
    shorten,
    unit_of,
    width_of,
)
from nodetally.errors import WrongUse
from nodetally.times import format_age

PERCENT = 4  # columns: "100%", "over"
BAR_LEAST, BAR_WANTED, BAR_MOST = 10, 13, 21  # the last column of a bar is for limits beyond the track
NAME_LEAST, NAME_WANTED = 16, 40
STATE_LEAST = 9  # NotReady, cordoned, 5000/5000

# What is dropped first where width runs out: the highest rank. A reader looks for trouble first, then for fullness.
RANKS = {
    "cpu": 1,
    "memory": 2,
    "pods": 3,
    "state": 4,
    "cpu-absolute": 6,
    "memory-absolute": 6,
    "cpu-usage": 7,
    "memory-usage": 7,
    "pool": 10,
    "zone": 12,
    "instance-type": 13,
    "age": 14,
    "capacity-type": 15,
}
EXTRA_RANK = 5  # GPU and the like: who has them looks for them first
STORAGE_RANK = 11


class Row(NamedTuple):
    """One line of the table: a node, or a sum of nodes that looks like one."""

    node: Node
    sum: bool = False


class Scene(NamedTuple):
    """What columns are made for: the rows, the moment they are looked at, and the signs to draw with."""

    rows: list[Row]
    now: datetime
    glyphs: Glyphs
    ascii_only: bool = False
    grouped: bool = False

    def harmless(self, text: str) -> str:
        return harmless(text, ascii_only=self.ascii_only)

    @property
    def styles(self) -> list[str]:
        return ["total" if row.sum else "" for row in self.rows]


def make_columns(scene: Scene, chosen: list[str] | None, *, wide: bool, hidden: frozenset[str]) -> list[Column]:
    """The columns by key: the chosen ones, which are never dropped, or those that these rows have something for."""
    known = _known(scene)
    if chosen:
        for key in chosen:
            if key not in known:
                raise WrongUse(f"no column {key!r}", hint=f"choose from: {', '.join(known)}")
        return [known[key](rank=0) for key in chosen]
    keys = ["name", *_default_keys(scene, known, wide=wide)]
    return [known[key](rank=_rank(key)) for key in keys if key not in hidden]


def _rank(key: str) -> int:
    return 0 if key == "name" else RANKS.get(key, STORAGE_RANK if "storage" in key else EXTRA_RANK)


def _default_keys(scene: Scene, known: dict[str, Callable[..., Column]], *, wide: bool) -> list[str]:
    nodes = [row.node for row in scene.rows if not row.sum]
    if wide:
        return [key for key in known if key != "name"]
    texts = [key for key in ("pool", "zone", "instance-type", "capacity-type", "age") if _any_text(nodes, key)]
    extras = [key for key in _extra_resources(nodes).values() if key in known]
    before = [key for key in texts if key in ("pool", "zone", "instance-type")]
    figures = [f"{name}{part}" for name in ("cpu", "memory") for part in ("", "-absolute", "-usage")]
    return [*before, "state", "pods", *figures, *extras, *(key for key in texts if key not in before)]


def _any_text(nodes: list[Node], key: str) -> bool:
    return any(node.get("created_at" if key == "age" else key.replace("-", "_")) is not None for node in nodes)


def _extra_resources(nodes: list[Node]) -> dict[str, str]:
    """Resources beside cpu and memory that a node has to give or a pod asks for → their short names.

    Ephemeral storage is on every node, so it shows only where pods ask for it.
    """
    names = [name for name in fields.resource_names(nodes) if name not in ("cpu", "memory")]
    short = fields.short_names(names)
    return {name: short[name] for name in names if any(_matters(node, name) for node in nodes)}


def _matters(node: Node, name: str) -> bool:
    figures = ("requests",) if name == "ephemeral-storage" else ("allocatable", "requests")
    return name in node["resources"] and any(figure(node, name, part) != 0 for part in figures)


def _known(scene: Scene) -> dict[str, Callable[..., Column]]:
    """Every column there can be for these rows, in the order of the widest table."""
    nodes = [row.node for row in scene.rows if not row.sum]
    texts = ("pool", "zone", "region", "instance-type", "capacity-type", "architecture")
    makers: dict[str, Callable[..., Column]] = {"name": partial(_name, scene)}
    makers |= {key: partial(_text, scene, key) for key in texts}
    makers |= {"role": partial(_role, scene), "state": partial(_state, scene), "pods": partial(_pods, scene)}
    for name in ("cpu", "memory"):
        makers |= _bar_makers(scene, name)
    for name, short in fields.short_names(fields.resource_names(nodes)).items():
        if short not in makers:
            makers[short] = partial(_pair, scene, name, short)
    makers |= {"kubelet-version": partial(_text, scene, "kubelet-version"), "age": partial(_age, scene)}
    return makers


def _bar_makers(scene: Scene, resource: str) -> dict[str, Callable[..., Column]]:
    makers: dict[str, Callable[..., Column]] = {
        resource: partial(_bar, scene, resource),
        f"{resource}-absolute": partial(_absolute, scene, resource),
    }
    for part in ("usage", "limits", "headroom"):
        makers[f"{resource}-{part}"] = partial(_figure, scene, resource, part)
    return makers


def _name(scene: Scene, rank: int) -> Column:
    """Node names; where they do not fit, first the domain that all share goes, then their middle."""
    indents = ["  " if scene.grouped and not row.sum else "" for row in scene.rows]
    texts = [indent + scene.harmless(row.node["name"]) for indent, row in zip(indents, scene.rows, strict=True)]
    shared = _shared_domain([row.node["name"] for row in scene.rows if not row.sum])
    styles = scene.styles

    def draw(row: int, width: int) -> Segments:
        text = texts[row]
        if shared and width_of(text) > width and text.endswith(shared):
            text = text.removesuffix(shared) + "…"
        return ((fit(text, width, middle=not scene.rows[row].sum), styles[row]),)

    natural = max([len("NODE"), *map(width_of, texts)])
    short = max([len("NODE"), *(width_of(text.removesuffix(shared)) + bool(shared) for text in texts)])
    return Column("name", "NODE", min(short, NAME_LEAST), min(short, NAME_WANTED), natural, rank, draw)


def _shared_domain(names: list[str]) -> str:
    """The part from the first dot on that most names have: it tells nodes apart least."""
    domains = Counter("".join(name.partition(".")[1:]) for name in names)
    domain, times = domains.most_common(1)[0] if domains else ("", 0)
    return domain if times > 1 and 2 * times > len(names) else ""


def _text(scene: Scene, key: str, rank: int) -> Column:
    texts = ["" if row.sum else scene.harmless(fields.text_of(row.node, key) or ABSENT) for row in scene.rows]
    title = {"instance-type": "TYPE", "kubelet-version": "KUBELET"}.get(key, key.upper())
    return text_column(key, title, texts, rank, styles="dim", floor=14)


def _role(scene: Scene, rank: int) -> Column:
    texts = ["" if row.sum else scene.harmless(",".join(row.node["roles"] or ()) or ABSENT) for row in scene.rows]
    return text_column("role", "ROLE", texts, rank, styles="dim", floor=14)


def _age(scene: Scene, rank: int) -> Column:
    moments = [None if row.sum else fields.created(row.node) for row in scene.rows]
    texts = [
        "" if row.sum else UNKNOWN if moment is None else format_age(scene.now - moment)
        for row, moment in zip(scene.rows, moments, strict=True)
    ]
    return text_column("age", "AGE", texts, rank, styles="dim", right=True)


def _state(scene: Scene, rank: int) -> Column:
    """The state in kubectl's words; where they do not fit, what is wrong goes before what is right."""
    texts = [str(row.node["state"]) if row.sum else scene.harmless(fields.state(row.node)) for row in scene.rows]
    styles = ["warn" if _troubled(row) else "dim" for row in scene.rows]

    def draw(row: int, width: int) -> Segments:
        return ((fit(_shorter_state(texts[row], width), width), styles[row]),)

    natural = max([len("STATE"), *map(width_of, texts)])
    return Column("state", "STATE", min(natural, STATE_LEAST), min(natural, 24), natural, rank, draw)


def _troubled(row: Row) -> bool:
    return bool(row.node["troubled"]) if row.sum else fields.in_trouble(row.node)


def _shorter_state(text: str, width: int) -> str:
    if width_of(text) <= width:
        return text
    if text.endswith(" ready"):  # a sum: its numbers are not cut, they would be others
        short = text.removesuffix(" ready")
        return short if width_of(short) <= width else short.replace(",", "")
    text = text.removeprefix("Ready,")
    return text if width_of(text) <= width else shorten(text.replace("SchedulingDisabled", "cordoned"), width)


def _of(part: int | None, whole: int | None) -> str:
    """6/8, with a ! where there is more than there should be."""
    over = part is not None and whole is not None and part > whole
    return f"{_count(part)}/{_count(whole)}{'!' if over else ' '}"


def _count(value: int | None) -> str:
    return UNKNOWN if value is None else f"{value:,}"


def _pods(scene: Scene, rank: int) -> Column:
    texts = [_of(row.node["pods"].get("counted"), row.node["pods"].get("allocatable")) for row in scene.rows]
    return text_column("pods", "PODS ", texts, rank, styles=_over_styles(scene, texts), right=True)


def _over_styles(scene: Scene, texts: list[str]) -> list[str]:
    return ["warn" if text.endswith("!") else style for text, style in zip(texts, scene.styles, strict=True)]


def _pair(scene: Scene, resource: str, title: str, rank: int) -> Column:
    """requests/allocatable of a resource that has no bar."""
    unit = unit_of(resource)
    texts = [_pair_text(row.node, resource) for row in scene.rows]
    title = scene.harmless(f"{title} {unit}".strip()) + " "
    return text_column(title, title, texts, rank, styles=_over_styles(scene, texts), right=True)


def _pair_text(node: Node, resource: str) -> str:
    if resource not in node["resources"]:
        return ABSENT + " "
    requests, allocatable = figure(node, resource, "requests"), figure(node, resource, "allocatable")
    over = requests is not None and allocatable is not None and requests > allocatable
    return f"{amount(resource, requests)}/{amount(resource, allocatable)}{'!' if over else ' '}"


def _bar(scene: Scene, resource: str, rank: int) -> Column:
    figures = [Figures(*(figure(row.node, resource, part) for part in Figures._fields)) for row in scene.rows]
    percents = [percentage(part.requests, part.allocatable) for part in figures]
    space = 1 + _percent_space(scene)
    styles = [_percent_style(row, part) for row, part in zip(scene.rows, figures, strict=True)]

    def draw(row: int, width: int) -> Segments:
        drawn = bar(figures[row], width - space, scene.glyphs)
        return (*drawn, (percents[row].rjust(space), styles[row]))

    title = f"{resource.upper()} requests"
    return Column(resource, title, BAR_LEAST + space, BAR_WANTED + space, BAR_MOST + space, rank, draw, elastic=True)


def _percent_space(scene: Scene) -> int:
    """The same for all bars of a table, so that the bars are of one length too."""
    pairs = [(row.node, name) for row in scene.rows for name in ("cpu", "memory")]
    said = (percentage(figure(*pair, "requests"), figure(*pair, "allocatable")) for pair in pairs)
    return max([PERCENT, *map(len, said)])


def _percent_style(row: Row, part: Figures) -> str:
    if part.allocatable is not None and part.requests is not None and part.requests > part.allocatable:
        return "warn"
    return "total" if row.sum else ""


def _absolute(scene: Scene, resource: str, rank: int) -> Column:
    """requests / allocatable, the slashes under each other."""
    wholes = [amount(resource, figure(row.node, resource, "allocatable")) for row in scene.rows]
    space = max(map(len, wholes), default=1)
    parts = [amount(resource, figure(row.node, resource, "requests")) for row in scene.rows]
    texts = [f"{part} / {whole:>{space}}" for part, whole in zip(parts, wholes, strict=True)]
    return text_column(f"{resource}-absolute", unit_of(resource), texts, rank, styles=scene.styles, right=True)


def _figure(scene: Scene, resource: str, part: str, rank: int) -> Column:
    values = [
        fields.headroom(row.node, resource) if part == "headroom" else figure(row.node, resource, part)
        for row in scene.rows
    ]
    texts = [amount(resource, value) for value in values]
    styles = ["unknown" if value is None else style for value, style in zip(values, scene.styles, strict=True)]
    return text_column(f"{resource}-{part}", part, texts, rank, styles=styles, right=True)
