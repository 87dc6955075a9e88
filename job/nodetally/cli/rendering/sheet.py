"""One snapshot in, CSV out: one row a node, a stable header with units, an empty cell for what is unknown."""

import csv
from collections.abc import Iterator
from typing import Any, TextIO

from nodetally.cli.rendering.fields import FIGURES, Node, headroom, resource_names
from nodetally.cli.rendering.text import harmless, is_bytes

TEXTS = ("name", "uid", "created_at")
STATES = ("ready", "schedulable", "cordoned")
LISTS = ("conditions", "roles")
FIELDS = (
    "pool",
    "capacity_type",
    "instance_type",
    "region",
    "zone",
    "architecture",
    "os_image",
    "kubelet_version",
)
_PODS = ("counted", "pending", "terminating", "terminal", "allocatable")
_FORMULA = tuple("=+-@＝＋－＠")  # what a spreadsheet would run; OWASP, "CSV Injection"


def write_csv(document: dict[str, Any], nodes: list[Node], file: TextIO) -> None:
    """Write the nodes; the header depends on the whole document only, not on which nodes are picked."""
    resources = resource_names(document["nodes"])
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header(resources))
    place = [_text(document["cluster"]), document["slot"], document["taken_at"]]
    writer.writerows([*place, *_cells(node, resources)] for node in nodes)


def header(resources: list[str]) -> list[str]:
    """The columns' names; amounts with their unit: cpu_requests_millicores, memory_limits_bytes, gpu_usage_count."""
    figures = [_text(f"{name}_{figure}_{_unit(name)}") for name in resources for figure in (*FIGURES, "headroom")]
    pods = [f"pods_{name}" for name in _PODS]
    return ["cluster", "slot", "taken_at", *TEXTS, *STATES, *LISTS, *FIELDS, *pods, *figures]


def _unit(resource: str) -> str:
    return "millicores" if resource == "cpu" else "bytes" if is_bytes(resource) else "count"


def _cells(node: Node, resources: list[str]) -> Iterator[str | int | None]:
    yield from (_text(node.get(name)) for name in TEXTS)
    yield from (_state(node.get(name)) for name in STATES)
    yield from (_text(" ".join(node.get(name) or ())) for name in LISTS)
    yield from (_text(node.get(name)) for name in FIELDS)
    yield from (node["pods"].get(name) for name in _PODS)
    for name in resources:
        figures = node["resources"].get(name, {})
        yield from (figures.get(figure) for figure in FIGURES)
        yield headroom(node, name)


def _state(value: bool | None) -> str | None:
    return None if value is None else str(value).lower()


def _text(value: str | None) -> str:
    """A text that neither a terminal nor a spreadsheet acts on; empty for unknown."""
    if value is None:
        return ""
    return "'" + harmless(value) if value.startswith(_FORMULA) else harmless(value)
