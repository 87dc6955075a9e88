"""The options that say which cluster is read and how, and Settings made of them. Shared by run, show and explain."""

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import click

from nodetally.accounting.labels import LabelRules
from nodetally.cli.options import option, together
from nodetally.errors import WrongUse
from nodetally.settings import CACHE_OFF, CACHE_TIMEOUT_SECONDS, CACHE_TTL_SECONDS, PAGE_SIZE, TIMEOUT_SECONDS, Settings
from nodetally.times import parse_duration, parse_time

Command = TypeVar("Command", bound=Callable[..., Any])
DAY = timedelta(days=1)
FIRST_YEAR = 2014  # Kubernetes' own; keys hold years of four digits


reading_options = together(  # where clusters are and how they are read, but for their contexts
    option("--kubeconfig", metavar="FILE", help="Default: $KUBECONFIG, the pod's service account, ~/.kube/config."),
    option("--eks", metavar="NAME", help="Read this EKS cluster, with AWS credentials instead of a kubeconfig."),
    option("--eks-endpoint", metavar="URL", help="Its endpoint, so that EKS need not be asked; with --eks-ca."),
    option("--eks-ca", metavar="BASE64", help="Its authority, as aws eks describe-cluster gives it."),
    option(
        "--dump",
        "dumps",
        metavar="FILE",
        multiple=True,
        help="Read this instead of a cluster: kubectl get nodes,pods -A -o json, .gz too; - is stdin.",
    ),
    option(
        "--page-size",
        metavar="N",
        type=click.IntRange(1),
        help=f"List in pages, for proxies that cannot stream, say {PAGE_SIZE}.",
    ),
    option("--gzip/--no-gzip", default=False, help="Ask for compressed lists: less to send, more CPU on both ends."),
    option("--usage/--no-usage", default=True, help="Read usage from metrics.k8s.io."),
    option(
        "--timeout",
        metavar="DURATION",
        default=f"{TIMEOUT_SECONDS:.0f}s",
        show_default=True,
        help="The cluster must have been read by then.",
    ),
)

source_options = together(  # where one cluster is: an API server, or dumps of it
    option("--context", metavar="NAME", help="The kubeconfig's context; default: its current one."), reading_options
)

cache_options = together(  # whether the cluster is read through a warm cache
    option(
        "--cache",
        metavar="off|memory|URL",
        default=CACHE_OFF,
        show_default=True,
        help="Read through a warm cache; a directory or s3://bucket/prefix keeps it for the next run. "
        "It holds pod names: keep it private.",
    ),
    option(
        "--cache-ttl",
        metavar="DURATION",
        default=f"{CACHE_TTL_SECONDS / 60:.0f}m",
        show_default=True,
        help="Go on from a kept cache that is no older.",
    ),
    option(
        "--cache-timeout",
        metavar="DURATION",
        default=f"{CACHE_TIMEOUT_SECONDS:.0f}s",
        show_default=True,
        help="Read the lists instead when the cache is not warm by then.",
    ),
)


def label_options(command: Command) -> Command:
    """Which labels go into the snapshot, and which ones tell pool, zone and the like."""
    for each in fields(LabelRules):
        command = option(
            f"--{each.name.replace('_', '-')}-label",
            f"{each.name}_labels",
            metavar="LABEL,…",
            help=f"Labels that tell a node's {each.name.replace('_', ' ')}, in order, instead of the usual ones.",
        )(command)
    return option(
        "--label", "labels", metavar="LABEL", multiple=True, help="Keep this node label in the snapshot; repeatable."
    )(command)


def settings_from(options: Mapping[str, Any]) -> Settings:
    """Settings from parsed options; what a command does not offer keeps its default. Raises WrongUse."""
    known = {each.name for each in fields(Settings)}
    plain = {name: value for name, value in options.items() if name in known and value is not None}
    settings = Settings(**{**plain, "at": None})
    times: dict[str, Any] = {
        f"{name}_seconds": seconds_within_a_day(f"--{name.replace('_', '-')}", options[name])
        for name in ("timeout", "cache_ttl", "cache_timeout")
        if name in options
    }
    at = parse_time(options["at"], datetime.now(UTC)) if options.get("at") else None
    if at and at.year < FIRST_YEAR:
        raise WrongUse(f"--at {options['at']}: no cluster is that old")
    return replace(settings, at=at, label_rules=_rules(options), **times)


def seconds_within_a_day(name: str, text: str) -> float:
    """An option's duration in seconds. Raises WrongUse for none, and for more than a day."""
    seconds = parse_duration(text).total_seconds()
    if not 0 < seconds <= DAY.total_seconds():
        raise WrongUse(f"{name} {text}: it takes between no time and a day", hint="write 90s, 5m or 1h")
    return seconds


def slot_seconds(name: str, text: str) -> int:
    """A period of slots in seconds; it must divide a day, so that slots are the same every day."""
    period = parse_duration(text)
    if period < timedelta(seconds=1) or period.microseconds or DAY % period:
        raise WrongUse(
            f"{name}: slots of {text} do not fill a day", hint="choose whole seconds that divide 24h: 30s, 5m, 1h"
        )
    return int(period.total_seconds())


def _rules(options: Mapping[str, Any]) -> LabelRules:
    given = {each.name: options.get(f"{each.name}_labels") for each in fields(LabelRules)}
    chosen = {
        name: tuple(part.strip() for part in text.split(",") if part.strip()) for name, text in given.items() if text
    }
    return replace(LabelRules(), **chosen)
