"""`nodetally explain`: how a node's or pod's numbers come about, from the live cluster or a dump. Stores nothing."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import click
import orjson

from nodetally.accounting.derivation import derive
from nodetally.accounting.facts import Amounts, NodeFacts, PodFacts
from nodetally.accounting.nodes import FIGURES, Tally, node_resources
from nodetally.accounting.pods import Mode, limits, requests
from nodetally.accounting.quantity import NANO, QuantityError, amount
from nodetally.cli.options import format_option
from nodetally.cli.rendering.text import harmless
from nodetally.cli.source import settings_from, source_options
from nodetally.errors import ObjectUnreadable, WrongUse
from nodetally.settings import Settings, Surroundings

USAGE = "write node/NAME or pod/NAMESPACE/NAME"


@dataclass(frozen=True)
class Subject:
    """What is to be explained."""

    kind: str
    name: str
    namespace: str = ""


@click.command(short_help="Show where each number of a node or pod comes from.")
@click.argument("what", metavar="node/NAME | pod/NAMESPACE/NAME")
@source_options
@format_option("EXPLAIN", "table", "json", says="How to print it.")
def explain(what: str, format_: str, **options: Any) -> None:
    """Show where each number of a node or pod comes from, container by container.

    \b
    nodetally explain node/ip-10-0-0-1 --kubeconfig ~/.kube/config
    nodetally explain pod/shop/cart-7d9c6b5f8-abcde --dump dump.json
    """
    subject = parse_subject(what)
    settings = settings_from(options)
    try:
        if subject.kind == "pod":
            explanation = explain_pod(find_pod(subject, settings))
        else:
            explanation = explain_node(*find_node(subject, settings))
    except QuantityError as error:
        raise ObjectUnreadable(f"{what}: {error}", hint="look for an absurd request; a pass would fail, too") from error
    text = _pod_text if subject.kind == "pod" else _node_text
    if format_ == "json":
        sys.stdout.buffer.write(orjson.dumps(explanation, option=orjson.OPT_APPEND_NEWLINE))
    else:
        sys.stdout.write("\n".join(text(explanation)) + "\n")


def parse_subject(text: str) -> Subject:
    """node/NAME, pod/NAMESPACE/NAME, and kubectl's short and plural names for them."""
    kind, *rest = text.split("/")
    if kind in ("node", "nodes", "no") and len(rest) == 1 and rest[0]:
        return Subject("node", rest[0])
    if kind in ("pod", "pods", "po") and len(rest) == 2 and all(rest):
        return Subject("pod", rest[1], rest[0])
    raise WrongUse(f"not a node or pod: {text!r}", hint=USAGE)


def find_pod(subject: Subject, settings: Settings) -> PodFacts:
    """The pod, from the dumps or by a query for its name alone."""
    found: list[PodFacts] = []
    if settings.dumps:
        _, pods = _read_dumps(settings)
        found = [pod for pod in pods if (pod.namespace, pod.name) == (subject.namespace, subject.name)]
    else:
        from nodetally.cluster.listing import POD, Lister
        from nodetally.collect import connected, utc_now

        with connected(settings, Surroundings.read()) as connection:
            path = f"/api/v1/namespaces/{quote(subject.namespace, safe='')}/pods"
            Lister(connection, utc_now, None).read(
                POD, path, {"fieldSelector": f"metadata.name={subject.name}"}, found.append
            )
    if not found:
        raise WrongUse(
            f"no pod {subject.name!r} in namespace {subject.namespace!r}", hint="list them with: kubectl get pods -A"
        )
    return found[0]


def find_node(subject: Subject, settings: Settings) -> tuple[NodeFacts, list[PodFacts]]:
    """The node and every pod bound to it."""
    if settings.dumps:
        nodes, pods = _read_dumps(settings)
        nodes = [node for node in nodes if node.name == subject.name]
        if not nodes:
            raise WrongUse(f"no node {subject.name!r} in {', '.join(settings.dumps)}")
        return nodes[0], [pod for pod in pods if pod.node == subject.name]
    from dataclasses import replace

    from nodetally.cluster.listing import Lister, pods_of_node, selected_nodes
    from nodetally.collect import connected, utc_now

    with connected(settings, Surroundings.read()) as connection:
        lister = Lister(connection, utc_now, None)
        (found, *_), _listed = selected_nodes(lister, replace(settings, nodes=(subject.name,)))
        pods, _listed = pods_of_node(connection, utc_now, subject.name)
        return found[0], pods


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
        return f"not counted: it has ended ({pod.phase})"
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


def _read_dumps(settings: Settings) -> tuple[list[NodeFacts], list[PodFacts]]:
    from nodetally.cluster.dump import read_dump
    from nodetally.cluster.observation import Cost

    nodes: list[NodeFacts] = []
    pods: list[PodFacts] = []
    for path in settings.dumps:
        read_dump(path, lambda pod, _: pods.append(pod), lambda node, _: nodes.append(node), Cost())
    return nodes, pods


def _pod_text(explanation: dict[str, Any]) -> Iterable[str]:
    where = f" on {explanation['node']}" if explanation["node"] else ""
    yield harmless(
        f"pod {explanation['pod']}{where}, phase {explanation['phase'] or 'unknown'}: {explanation['counts']}"
    )
    for figure in explanation["figures"]:
        yield ""
        yield figure["figure"]
        lines = [(step["step"], step["amounts"]) for step in figure["steps"]]
        lines.append(("= counted as", figure["result"]))
        width = max(len(harmless(text)) for text, _ in lines)
        for text, amounts in lines:
            shown = "  ".join(f"{name} {value}" for name, value in amounts.items()) or "none"
            yield f"  {harmless(text):<{width}}  {harmless(shown)}"


def _node_text(explanation: dict[str, Any]) -> Iterable[str]:
    pods, names = explanation["pods"], list(explanation["resources"])
    yield harmless(f"node {explanation['node']}: {pods['counted']} pods counted, {pods['terminal']} ended")
    shown = [name for name in names if name != "pods"]
    header = ["pod", *(f"{name} {figure}" for name in shown for figure in ("requests", "limits")), "counts"]
    rows = [
        [
            row["pod"],
            *(row[figure].get(name, "-") for name in shown for figure in ("requests", "limits")),
            row["counts"],
        ]
        for row in explanation["rows"]
    ]
    yield ""
    yield from _aligned([header, *rows])
    yield ""
    figures = [figure for figure in FIGURES if figure != "usage"]
    table = [["resource", *figures]]
    for name in names:
        values = explanation["resources"][name]
        table.append([name, *("?" if values[figure] is None else str(values[figure]) for figure in figures)])
    yield from _aligned(table)
    yield ""
    yield "Exact amounts are added first and rounded up once (millicores, bytes); scheduled rounds each pod."


def _aligned(rows: list[list[str]]) -> Iterable[str]:
    """Columns as wide as they need; the first one to the left, numbers to the right."""
    safe = [[harmless(cell) for cell in row] for row in rows]
    widths = [max(len(row[at]) for row in safe) for at in range(len(safe[0]))]
    for row in safe:
        cells = [f"{cell:<{widths[0]}}" if at == 0 else f"{cell:>{widths[at]}}" for at, cell in enumerate(row)]
        yield "  ".join(cells).rstrip()
