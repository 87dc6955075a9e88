"""`nodetally explain`: how a node's or pod's numbers come about, from the live cluster or a dump. Stores nothing."""

import sys
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import click

from nodetally.accounting.facts import NodeFacts, PodFacts
from nodetally.accounting.quantity import QuantityError
from nodetally.cli.options import format_option
from nodetally.cli.rendering.explanation import explain_node, explain_pod, node_text, pod_text
from nodetally.cli.rendering.json_line import print_json
from nodetally.cli.rendering.paint import paint_for
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

    It reads the cluster as it is now, or a dump: a snapshot holds no pods.

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
    text, paint = pod_text if subject.kind == "pod" else node_text, paint_for(sys.stdout, colour=False)
    if format_ == "json":
        print_json(explanation)
    else:
        paint.write(((line, ""),) for line in text(explanation, paint.width))


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
        from nodetally.cluster.connection import connected
        from nodetally.cluster.listing import POD, Lister
        from nodetally.collect import utc_now

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
            files = ", ".join(settings.dumps)
            raise WrongUse(f"no node {subject.name!r} in {files}", hint="list them with: nodetally show --dump FILE")
        return nodes[0], [pod for pod in pods if pod.node == subject.name]
    from dataclasses import replace

    from nodetally.cluster.connection import connected
    from nodetally.cluster.listing import Lister, pods_of_node, selected_nodes
    from nodetally.collect import utc_now

    with connected(settings, Surroundings.read()) as connection:
        lister = Lister(connection, utc_now, None)
        (found, *_), _listed = selected_nodes(lister, replace(settings, nodes=(subject.name,)))
        pods, _listed = pods_of_node(connection, utc_now, subject.name)
        return found[0], pods


def _read_dumps(settings: Settings) -> tuple[list[NodeFacts], list[PodFacts]]:
    from nodetally.cluster.dump import read_dump
    from nodetally.cluster.observation import Cost

    nodes: list[NodeFacts] = []
    pods: list[PodFacts] = []
    for path in settings.dumps:
        read_dump(path, lambda pod, _: pods.append(pod), lambda node, _: nodes.append(node), Cost())
    return nodes, pods
