"""Facts in, how their numbers come about out: as a document, and that as lines of text."""

from collections.abc import Iterable
from textwrap import wrap
from typing import Any

from nodetally.accounting.derivation import derive
from nodetally.accounting.facts import Amounts, NodeFacts, PodFacts
from nodetally.accounting.nodes import FIGURES, Tally, node_resources
from nodetally.accounting.pods import Mode, limits, requests
from nodetally.accounting.quantity import NANO, amount
from nodetally.cli.rendering.text import count, harmless


def explain_pod(pod: PodFacts) -> dict[str, Any]:
    """Every figure of one pod with its steps; amounts as exact text and as the integers that are published."""
    return {
        "pod": f"{pod.namespace}/{pod.name}",
        "node": pod.node or None,
        "phase": pod.phase or None,
        "counts": counts_as(pod),
        "figures": [
            {
                "figure": each.figure,
                "steps": [{"step": step.text, "amounts": _exact(step.amounts)} for step in each.steps],
                "result": _exact(each.result),
                "published": {name: amount(name, nanos) for name, nanos in each.result},
            }
            for each in derive(pod.shape)
        ],
        "describe_row": {
            "requests": _exact(requests(pod.shape, Mode.ROW)),
            "limits": _exact(limits(pod.shape, Mode.ROW)),
        },
    }


def explain_node(node: NodeFacts, pods: Iterable[PodFacts]) -> dict[str, Any]:
    """Each pod's part of a node's figures, and what they come to."""
    tally = Tally()
    rows = []
    for pod in sorted(pods, key=lambda each: (each.namespace, each.name)):
        tally.add(pod)
        amounts = pod.amounts
        rows.append(
            {
                "pod": f"{pod.namespace}/{pod.name}",
                "counts": counts_as(pod),
                "requests": _exact(amounts.requests),
                "limits": _exact(amounts.limits),
                "containers": _exact(amounts.containers),
                "scheduled": dict(amounts.scheduled),
            }
        )
    return {"node": node.name, "pods": dict(tally.counts), "rows": rows, "resources": node_resources(node, tally, None)}


def counts_as(pod: PodFacts) -> str:
    """Why a pod counts or does not."""
    if pod.terminal:
        return f"not counted: terminal ({pod.phase})"
    if not pod.node:
        return "unscheduled: on no node yet"
    return "counted" + (", terminating" if pod.terminating else "") + (", pending" if pod.phase == "Pending" else "")


def exact_text(name: str, nanos: int) -> str:
    """An exact amount for people: cores in m, bytes in the largest binary unit that divides them, else plain.

    >>> exact_text("cpu", 1_500_000), exact_text("memory", 128 * 2**20 * NANO), exact_text("memory", NANO // 2)
    ('1.5m', '128Mi', '0.5')
    """
    if name == "cpu":
        return _decimal(nanos, 10**6) + "m"
    whole, rest = divmod(nanos, NANO)
    if rest or not (name in ("memory", "ephemeral-storage") or name.startswith("hugepages-")):
        return _decimal(nanos, NANO)
    for power, unit in ((40, "Ti"), (30, "Gi"), (20, "Mi"), (10, "Ki")):
        if whole and whole % (1 << power) == 0:
            return f"{whole >> power}{unit}"
    return str(whole)


def _decimal(nanos: int, unit: int) -> str:
    whole, rest = divmod(abs(nanos), unit)
    decimals = f"{rest:0{len(str(unit)) - 1}d}".rstrip("0")
    return ("-" if nanos < 0 else "") + str(whole) + ("." + decimals if decimals else "")


def _exact(amounts: Amounts) -> dict[str, str]:
    return {name: exact_text(name, nanos) for name, nanos in amounts}


def pod_text(explanation: dict[str, Any], width: int) -> Iterable[str]:
    """A pod's figures, step by step, in lines that fit into `width` where amounts let them."""
    where = f" on {explanation['node']}" if explanation["node"] else ""
    yield harmless(
        f"pod {explanation['pod']}{where}, phase {explanation['phase'] or 'unknown'}: {explanation['counts']}"
    )
    for figure in explanation["figures"]:
        yield ""
        yield figure["figure"]
        lines = [(step["step"], step["amounts"]) for step in figure["steps"]]
        lines.append(("= counted as", figure["result"]))
        yield from _steps(
            [
                (harmless(text), harmless("  ".join(f"{name} {value}" for name, value in amounts.items()) or "none"))
                for text, amounts in lines
            ],
            width,
        )


def _steps(lines: list[tuple[str, str]], width: int) -> Iterable[str]:
    """A text and its amounts a line; where that is too wide, long texts stand above their amounts."""
    column = max(len(text) for text, _ in lines)
    if column + max(len(amounts) for _, amounts in lines) + 4 > width:
        column = max(len(text) for text, _ in lines if len(text) <= width // 2)
    for text, amounts in lines:
        beside = text if len(text) <= column else ""
        yield from () if beside else (f"  {line}" for line in wrap(text, width - 2))
        yield f"  {beside:<{column}}  {amounts}"


def node_text(explanation: dict[str, Any], width: int) -> Iterable[str]:
    """A node's pods and what they come to; a table for each resource where one for all is wider than `width`."""
    pods, names = explanation["pods"], list(explanation["resources"])
    yield harmless(f"node {explanation['node']}: {count(pods['counted'], 'pod')} counted, {pods['terminal']} terminal")
    asked = {name for row in explanation["rows"] for figure in ("requests", "limits") for name in row[figure]}
    shown = [name for name in names if name in asked]
    rows = explanation["rows"]
    whole = list(_aligned(_pods(rows, shown)))
    if max(map(len, whole)) <= width:
        yield from ("", *whole)
    else:  # those that ask for nothing at all stand in the first one
        for at, name in enumerate(shown):
            asking = [row for row in rows if name in {**row["requests"], **row["limits"]} or not (at or _asks(row))]
            yield from ("", *_aligned(_pods(asking, [name])))
    yield ""
    figures = [figure for figure in FIGURES if figure != "usage"]
    table = [["resource", *figures]]
    for name in names:
        values = explanation["resources"][name]
        table.append([name, *("?" if values[figure] is None else str(values[figure]) for figure in figures)])
    yield from _aligned(table)
    yield ""
    yield "Exact amounts are added first and rounded up once (millicores, bytes); scheduled rounds each pod."


def _asks(row: dict[str, Any]) -> bool:
    return bool(row["requests"] or row["limits"])


def _pods(rows: list[dict[str, Any]], resources: list[str]) -> list[list[str]]:
    """A header and a row a pod."""
    pairs = [(name, figure) for name in resources for figure in ("requests", "limits")]
    header = ["pod", *(f"{name} {figure}" for name, figure in pairs), "counts"]
    return [
        header,
        *([row["pod"], *(row[figure].get(name, "–") for name, figure in pairs), row["counts"]] for row in rows),
    ]


def _aligned(rows: list[list[str]]) -> Iterable[str]:
    """Columns as wide as they need; the first one to the left, numbers to the right."""
    safe = [[harmless(cell) for cell in row] for row in rows]
    widths = [max(len(row[at]) for row in safe) for at in range(len(safe[0]))]
    for row in safe:
        cells = [f"{cell:<{widths[0]}}" if at == 0 else f"{cell:>{widths[at]}}" for at, cell in enumerate(row)]
        yield "  ".join(cells).rstrip()
