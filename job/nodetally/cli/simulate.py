"""`nodetally simulate`: options in, a running simulator out, until a signal ends it. Serves loopback only."""

import gzip
import signal
import threading
from pathlib import Path
from typing import Any

import click
import orjson

from nodetally.cli.options import option
from nodetally.errors import WrongUse
from nodetally.simulate.behaviour import Behaviour
from nodetally.simulate.cluster import HISTORY, SimulatedCluster
from nodetally.simulate.server import serving
from nodetally.snapshot import GZIP_MAGIC


@click.command(
    epilog="""\b
While it runs, any process may change it, without a token:
  POST   /_simulate/faults    a fault as JSON, such as {"path_prefix": "/api/v1/pods", "cut_after_bytes": 10000};
                              its fields: path_prefix, status, headers, body, content_type, times (1; null: always),
                              skip, every, cut_after_bytes, truncate_after_items, stall_after_bytes, garbage_at,
                              drop, delay_seconds
  DELETE /_simulate/faults    takes all faults back
  POST   /_simulate/churn?pods=N[&kind=replace]   writes N pods anew, or deletes them and creates others
  POST   /_simulate/compact   forgets the past: older watches and continue tokens get 410
  GET    /_simulate/requests  all requests so far; DELETE forgets them"""
)
@option("--nodes", type=click.IntRange(0), default=3, show_default=True, help="How many nodes.")
@option("--pods", type=click.IntRange(0), default=30, show_default=True, help="How many pods.")
@option("--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="0: any that is free.")
@option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same cluster.")
@option("--cloud", type=click.Choice(["eks", "gke", "aks"]), default="eks", show_default=True, help="Whose labels.")
@option("--load", metavar="FILE", type=click.Path(path_type=Path), help="Serve `kubectl get nodes,pods -A -o json`.")
@option("--tls", is_flag=True, help="Serve HTTPS with a certificate made at the start.")
@option("--token", metavar="TOKEN", help="Answer 401 without this bearer token.")
@option("--write-kubeconfig", metavar="FILE", type=click.Path(path_type=Path), help="Written once the server answers.")
@option("--metrics", metavar="VERSIONS", default="v1beta1", show_default=True, help="Of metrics.k8s.io; none: off.")
@option(
    "--metrics-status", type=click.IntRange(200, 599), default=200, help="What metrics.k8s.io answers: 200, 403, 503."
)
@option("--metrics-missing", type=click.IntRange(0), default=0, help="So many nodes have no usage.")
@option("--watch-list/--no-watch-list", default=True, show_default=True, help="Whether watches may send what is there.")
@option("--protobuf/--no-protobuf", default=True, show_default=True, help="Without: a proxy that only speaks JSON.")
@option("--pace", metavar="BYTES", type=click.FloatRange(1), help="A slow link: so many bytes a second.")
@option("--history", type=click.IntRange(1), default=HISTORY, show_default=True, help="Events kept for watches.")
def simulate(
    nodes: int, pods: int, port: int, seed: int, cloud: str, load: Path | None, history: int, **more: Any
) -> None:
    """Serve a cluster API on loopback, of a size you choose, until it is stopped.

    Lists, watches, discovery and metrics as kube-apiserver 1.37 serves them, in protobuf and JSON: for demos, for
    tests, for sizing. Nothing is printed to stdout; the address goes to stderr.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if load:
        cluster = SimulatedCluster.of(load_objects(load), seed=seed, history=history)
    else:
        cluster = SimulatedCluster(nodes, pods, seed, cloud=cloud, history=history, warm=True)
    with serving(cluster, _behaviour(**more), port=port, tls=more["tls"], token=more["token"]) as server:
        if more["write_kubeconfig"]:
            server.write_kubeconfig(more["write_kubeconfig"])
        counts = f"{cluster.count('nodes'):,} nodes, {cluster.count('pods'):,} pods"
        click.echo(f"Serving {counts} at {server.url}; Ctrl-C stops.", err=True)
        stop.wait()


def _behaviour(**options: Any) -> Behaviour:
    return Behaviour(
        protobuf=options["protobuf"],
        pace_bytes_per_second=options["pace"],
        watch_list=options["watch_list"],
        metrics_versions=() if options["metrics"] == "none" else tuple(options["metrics"].split(",")),
        metrics_status=options["metrics_status"],
        metrics_missing=options["metrics_missing"],
    )


def load_objects(path: Path) -> list[dict[str, Any]]:
    """The nodes and pods of a file that kubectl wrote, gzip or not; WrongUse if it cannot be read as that."""
    hint = "write it with: kubectl get nodes,pods -A -o json > FILE"
    try:
        data = path.read_bytes()
        content = orjson.loads(gzip.decompress(data) if data.startswith(GZIP_MAGIC) else data)
        found = [item for item in content["items"] if item["kind"] in ("Node", "Pod")]
    except OSError as error:
        raise WrongUse(f"cannot read {path}: {error.strerror or error}", hint=hint) from error
    except (ValueError, KeyError, TypeError, EOFError) as error:
        raise WrongUse(f"{path} is no list of nodes and pods: {error}", hint=hint) from error
    return found
