"""`nodetally run`: one pass, or one after the other. stdout is what --format asks for; what happened goes to stderr."""

import gzip
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from nodetally import snapshot
from nodetally.cli.clusters import clusters_options, of_each_cluster
from nodetally.cli.log import log, log_to_stderr, report, report_failure
from nodetally.cli.options import option, store_option
from nodetally.cli.rendering.json_line import print_json
from nodetally.cli.source import (
    cache_options,
    label_options,
    reading_options,
    seconds_within_a_day,
    settings_from,
    slot_seconds,
)
from nodetally.cli.variables import unknown_variables
from nodetally.collect import Outcome, Pass, run_each, run_every, utc_now
from nodetally.errors import NodetallyError, WrongUse
from nodetally.settings import CACHE_IN_MEMORY, Settings, Surroundings


class SomePassesFailed(NodetallyError):
    """At least one pass of several was not stored; exits as the first failure would have."""

    def __init__(self, failed: Sequence[tuple[str, NodetallyError]], clusters: int) -> None:
        first = failed[0][1]
        whose = f" ({', '.join(dict.fromkeys(name for name, _ in failed))})" if clusters > 1 else ""
        count = f"{len(failed)} {'pass' if len(failed) == 1 else 'passes'}"
        super().__init__(f"{count} failed{whose}; the first: {first}", hint=first.hint)
        self.exit_code = first.exit_code


@click.command(short_help="Read the cluster once and store one snapshot.")
@clusters_options
@store_option
@option("--dry-run", is_flag=True, help="Read and tally, but store nothing.")
@reading_options
@cache_options
@option(
    "--every",
    metavar="DURATION",
    help="Go on: a pass at every multiple of this, over one warm cache (--cache memory, unless it says another).",
)
@option("--for", "for_", metavar="DURATION", help="With --every: end after this time; otherwise never.")
@option(
    "--node",
    "nodes",
    metavar="NAME",
    multiple=True,
    help="Only this node, by indexed queries; needs --dry-run; repeatable.",
)
@option("--selector", "-l", metavar="SELECTOR", help="Only nodes with these labels; needs --dry-run.")
@option(
    "--format",
    "format_",
    type=click.Choice(["table", "json", "kite", "none"]),
    help="What to print; json: this pass's snapshot; kite: the node list as kite's API has it. "
    "Default: table on a terminal, else none.",
)
@option(
    "--slot-every",
    metavar="DURATION",
    help="The schedule's period: a retry answers for the same slot. Default: --every, else 1s.",
)
@option(
    "--jitter",
    metavar="DURATION",
    help="Wait up to this long before reading, always as long for one cluster: many do not start at once.",
)
@option("--at", metavar="TIME", help="The time this pass answers for, such as a dump's.")
@option(
    "--trigger",
    type=click.Choice(["schedule", "manual", "backfill"]),
    default="manual",
    show_default=True,
    help="Who asked.",
)
@label_options
@option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How stderr is written.",
)
@option(
    "--metrics-file",
    metavar="FILE",
    help="Write what the pass came to as OpenMetrics text, for node-exporter's textfile collector: nodetally.prom",
)
def run(**options: Any) -> None:
    """Read nodes and pods once, tally them, store one immutable snapshot; with --every, again and again.

    A slot that is stored already is success. Nothing is stored unless the whole cluster was read. Several contexts are
    read one after the other, for one slot; one that fails keeps no other from its snapshot, and the exit code is that
    of the first that failed.

    \b
    nodetally run --cluster prod-eu-1 --store s3://bucket/prefix
    nodetally run --cluster prod-eu-1 --dump dump.json --at 2026-11-23T12:00:00Z
    nodetally run --cluster prod-eu-1 --dry-run --selector node-role.kubernetes.io/gpu --format table
    nodetally run --cluster prod-eu-1 --every 60s --for 15m
    nodetally run --cluster prod-eu-1 --store s3://bucket/prefix --cache s3://private-bucket/prefix
    nodetally run --context prod --context staging=arn:aws:eks:eu-west-1:1:cluster/s --store s3://bucket/prefix
    """
    log_to_stderr(options["log_format"])
    format_ = options["format_"] or ("table" if sys.stdout.isatty() else "none")
    clusters = run_settings(options)
    around = Surroundings.read()
    for each in unknown_variables(around.variables, run):
        log.warning("%s is set, and no option reads it: nodetally run --help names those that do", each)
    tell = _teller([each.cluster for each in clusters], options["metrics_file"])
    failed: list[tuple[str, NodetallyError]] = []
    alone = len(clusters) == 1 and not options["every"]
    for name, made in _outcomes(clusters, around, options, with_kite=format_ == "kite"):
        if alone and isinstance(made, WrongUse):
            raise made
        tell(name, made)
        if isinstance(made, Pass):
            _print(made, format_, part=bool(options["nodes"] or options["selector"]))
            report(made, clusters[0])
            continue
        failed.append((name, made))
        if not alone:
            report_failure(made, whose=f"{name}: " if len(clusters) > 1 else "")
    if failed:
        raise failed[0][1] if alone else SomePassesFailed(failed, len(clusters))


def _outcomes(
    clusters: list[Settings], around: Surroundings, options: dict[str, Any], *, with_kite: bool
) -> Iterator[Outcome]:
    """Of one pass over each cluster, or of as many as --every and --for ask for."""
    work: dict[str, Any] = {"store": not options["dry_run"], "with_kite": with_kite}
    if not options["every"]:
        return run_each(clusters, around, **work)
    length = seconds_within_a_day("--for", options["for_"]) if options["for_"] else None
    return run_every(clusters, around, slot_seconds("--every", options["every"]), length, **work)


def _teller(clusters: list[str], path: str | None) -> Callable[[str, Pass | NodetallyError], None]:
    """Writes the metrics of passes, where they are asked for; of several clusters once it knows of each."""
    if path is None:
        return lambda *_: None
    from nodetally.cli.metrics import write_metrics

    known: dict[str, tuple[Pass | NodetallyError, datetime]] = {}

    def tell(cluster: str, outcome: Pass | NodetallyError) -> None:
        known[cluster] = outcome, utc_now()
        if len(known) == len(clusters):
            write_metrics(Path(path), known)

    return tell


def run_settings(options: dict[str, Any]) -> list[Settings]:
    """The settings of parsed options, for each cluster; click's context must be there. Raises WrongUse."""
    settings = settings_from(options)
    name = "every" if options["every"] and not options["slot_every"] else "slot_every"
    seconds = slot_seconds(f"--{name.replace('_', '-')}", options[name] or "1s")
    settings = replace(settings, slot_every_seconds=seconds)
    if options["jitter"]:
        settings = replace(settings, jitter_seconds=seconds_within_a_day("--jitter", options["jitter"]))
        if settings.jitter_seconds >= settings.slot_every_seconds:
            hint = "make it shorter, or say how far apart the passes are: --slot-every 5m"
            raise WrongUse(f"--jitter {options['jitter']} is no less than the time between two slots", hint=hint)
    clusters = of_each_cluster(settings, options["contexts"])
    if not options["every"]:
        if options["for_"]:
            raise WrongUse("--for says how long --every goes on", hint="add --every, say --every 60s")
        return clusters
    if settings.at or settings.dumps:
        raise WrongUse("--every reads a cluster as it is now: it cannot go with --at or --dump", hint="leave it out")
    if settings.slot_every_seconds > slot_seconds("--every", options["every"]):
        why = f"--every {options['every']} is less than --slot-every {options['slot_every']}"
        hint = "give both the same, or leave --slot-every out"
        raise WrongUse(f"{why}: all but the first pass of a slot are lost", hint=hint)
    given = click.get_current_context().get_parameter_source("cache")
    if given is ParameterSource.DEFAULT:
        return [replace(each, cache=CACHE_IN_MEMORY) for each in clusters]
    return clusters


def _print(done: Pass, format_: str, *, part: bool) -> None:
    if format_ == "table":
        from nodetally.cli.rendering.table import View, print_table

        print_table(snapshot.decode(done.body), View(part=part))
    elif format_ == "json":
        sys.stdout.buffer.write(gzip.decompress(done.body))
    elif format_ == "kite":
        print_json(done.kite)
    sys.stdout.flush()
