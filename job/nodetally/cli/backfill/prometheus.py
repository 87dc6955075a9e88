"""`nodetally backfill prometheus`: from a Prometheus with kube-state-metrics, or what speaks its API."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nodetally.cli.backfill.options import backfill_options
from nodetally.cli.backfill.running import run
from nodetally.cli.options import option
from nodetally.errors import WrongUse

if TYPE_CHECKING:
    from nodetally.backfill.source import Source
    from nodetally.settings import Settings


@click.command(short_help="From a Prometheus with kube-state-metrics.")
@click.argument("url")
@backfill_options
@option(
    "--match",
    "matchers",
    metavar="MATCHER",
    multiple=True,
    envvar=None,
    help="Only series with this label, such as 'cluster=\"prod\"'; repeatable.",
)
@option("--bearer-token-file", metavar="FILE", help="A file with the token.")
@option("--basic-auth-file", metavar="FILE", help="A file with user:password.")
@option("--ca-file", metavar="FILE", help="The server's authority, in PEM; default: the system's.")
@option(
    "--header",
    "headers",
    metavar="'NAME: VALUE'",
    multiple=True,
    envvar=None,
    help="Send this header, such as 'X-Scope-OrgID: prod'; repeatable.",
)
@option(
    "--resource-name",
    "resources",
    metavar="LABEL=NAME",
    multiple=True,
    help="What a resource is called, such as example_com_fpga=example.com/fpga; the exporter only tells the former.",
)
def prometheus(url: str, **options: Any) -> None:
    """Fill from the Prometheus at URL (or Thanos, Mimir, VictoriaMetrics), which must have kube-state-metrics' series.

    Sums are made on the server. What each number then means is in docs/backfill.md; what the series do not tell is
    null. --from and --to are needed.

    \b
    nodetally backfill prometheus http://prometheus:9090 --cluster prod-eu-1 --from 30d --to now --every 5m
    """
    run(make_source, {**options, "url": url})


def make_source(options: dict[str, Any], settings: "Settings") -> "Source":
    """The server, under the names that the exporter has for things; it is asked later."""
    from nodetally.backfill.metrics_api import Access, MetricsApi
    from nodetally.backfill.names import Names
    from nodetally.backfill.prometheus import Prometheus
    from nodetally.backfill.promql import Questions, check_matcher

    access = Access(
        options["url"],
        options["ca_file"],
        _secret(options["bearer_token_file"]),
        _secret(options["basic_auth_file"]),
        tuple(_pair(each, ":", "--header") for each in options["headers"]),
    )
    questions = Questions([check_matcher(each) for each in options["matchers"]])
    resources = dict(_pair(each, "=", "--resource-name") for each in options["resources"])
    names = Names(_wanted_labels(settings), resources)
    return Prometheus(MetricsApi(access), questions, settings.slot_every_seconds, names)


def _secret(path: str | None) -> str | None:
    """What a file holds, so that no list of processes shows it."""
    if path is None:
        return None
    try:
        return Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUse(f"cannot read {path}: {error}") from error


def _pair(text: str, sign: str, name: str) -> tuple[str, str]:
    left, found, right = text.partition(sign)
    if not found or not left.strip() or not right.strip():
        raise WrongUse(f"{name} {text!r}: no {sign!r} in it", hint=f"write LEFT{sign}RIGHT")
    return left.strip(), right.strip()


def _wanted_labels(settings: "Settings") -> tuple[str, ...]:
    """Those that snapshots keep, and those that tell a node's pool, zone and the like."""
    rules = settings.label_rules
    facts = (rules.pool, rules.capacity_type, rules.instance_type, rules.region, rules.zone)
    return (*settings.labels, *(name for names in facts for name in names))
