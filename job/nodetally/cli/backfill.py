"""`nodetally backfill`: fill missing slots from what is there of the past. stdout is the summary, at the end."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from nodetally.cli.options import cluster_option, format_option, option, store_option, together
from nodetally.cli.rendering.json_line import print_json
from nodetally.cli.rendering.text import count, harmless
from nodetally.cli.source import label_options, settings_from, slot_seconds
from nodetally.errors import ClusterError, WrongUse
from nodetally.times import parse_time

if TYPE_CHECKING:
    from nodetally.backfill.filling import Filling
    from nodetally.backfill.plan import Plan
    from nodetally.backfill.source import Source
    from nodetally.settings import Settings

Command = TypeVar("Command", bound=Callable[..., Any])
GO_ON = "what was filled is stored; the same command goes on from there"


class SlotsUnreadable(ClusterError):
    """There is something for some slots, but it cannot be read; all others are filled."""


@click.group(short_help="Fill missing slots of the past from dumps, backups or Prometheus.")
def backfill() -> None:
    """Fill the slots that have no snapshot yet, from what is there of a cluster's past.

    Nothing is overwritten: a slot that is stored stays as it is. It may run beside the job, be stopped at any time,
    and be started again; it then does what is left. Days are in UTC; a slot is a multiple of --every from midnight.

    \b
    nodetally backfill prometheus http://prometheus:9090 --cluster prod-eu-1 --from 30d --to now
    nodetally backfill dumps s3://bucket/dumps --cluster prod-eu-1 --store s3://bucket/prefix --every 1h
    nodetally backfill velero s3://bucket/backups --cluster prod-eu-1 --store s3://bucket/prefix --every 1d
    """


_common = together(  # the options of every source
    cluster_option,
    store_option,
    option("--from", "from_", metavar="TIME", help="The first slot; default: where the source begins."),
    option("--to", metavar="TIME", help="Slots before this; default: where the source ends."),
    option(
        "--every",
        metavar="DURATION",
        default="5m",
        show_default=True,
        help="The period of the slots: that of the live passes, so that both answer for the same ones.",
    ),
    option(
        "--order",
        type=click.Choice(["newest", "oldest"]),
        default="newest",
        show_default=True,
        help="Which slots come first.",
    ),
    option("--shard", metavar="I/N", help="Only every N-th day, from the I-th (from 0): see infra/."),
    option("--dry-run", is_flag=True, help="Say what would be filled; read no record, store nothing."),
    label_options,
    format_option("BACKFILL", "text", "json", says="How the summary is printed."),
)


@backfill.command(short_help="From files of kubectl get nodes,pods -A -o json.")
@click.argument("location")
@_common
@option(
    "--time-from",
    type=click.Choice(["auto", "name", "object"]),
    default="auto",
    show_default=True,
    help="Where a dump's time is: in its name, or when the object was written; auto: in the names, if any has one.",
)
def dumps(location: str, time_from: str, **options: Any) -> None:
    """Fill from the dumps in LOCATION, a folder or s3://bucket/prefix: .json, .json.gz, .json.zst.

    The first dump of a slot answers for it. Files of the same time (nodes and pods apart) are one dump.

    \b
    nodetally backfill dumps ./dumps --cluster prod-eu-1 --store s3://bucket/prefix --every 5m --dry-run
    """
    _run(_dumps, {**options, "location": location, "time_from": time_from})


@backfill.command(short_help="From Velero backups.")
@click.argument("location")
@_common
def velero(location: str, **options: Any) -> None:
    """Fill from the Velero backups in LOCATION, a folder or s3://bucket/prefix/backups; they are streamed.

    The time is the backup's own (velero-backup.json beside the tarball), else the one in its name. Backups that are not
    of the whole cluster, or did not complete, are left out.

    \b
    nodetally backfill velero s3://velero/backups --cluster prod-eu-1 --store s3://bucket/prefix --every 1h
    """
    _run(_velero, {**options, "location": location})


@backfill.command(short_help="From a Prometheus with kube-state-metrics.")
@click.argument("url")
@_common
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
    _run(_prometheus, {**options, "url": url})


class Prepared(NamedTuple):
    """All that a backfill needs but the store."""

    settings: "Settings"
    source: "Source"
    plan: "Plan"


def prepare(arguments: Sequence[str]) -> Prepared:
    """What `nodetally backfill` would do with these arguments. Raises click's errors and NodetallyError."""
    name, *rest = arguments
    with backfill.commands[name].make_context(f"nodetally backfill {name}", rest) as parsed:
        return _prepare(SOURCES[name], parsed.params)


def _dumps(options: dict[str, Any], every: int) -> "Source":
    from nodetally.backfill.dumps import Dumps
    from nodetally.backfill.files import open_files

    return Dumps(open_files(options["location"]), every, options["time_from"])


def _velero(options: dict[str, Any], every: int) -> "Source":
    from nodetally.backfill.files import open_files
    from nodetally.backfill.velero import Velero

    return Velero(open_files(options["location"]), every)


def _prometheus(options: dict[str, Any], every: int) -> "Source":
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
    return Prometheus(MetricsApi(access), questions, every, Names(_wanted_labels(options), resources))


SOURCES: dict[str, Callable[[dict[str, Any], int], "Source"]] = {
    "dumps": _dumps,
    "velero": _velero,
    "prometheus": _prometheus,
}


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


def _wanted_labels(options: dict[str, Any]) -> tuple[str, ...]:
    settings = settings_from({**options, "at": None})
    rules = settings.label_rules
    facts = (rules.pool, rules.capacity_type, rules.instance_type, rules.region, rules.zone)
    return (*settings.labels, *(name for names in facts for name in names))


def _prepare(make_source: "Callable[[dict[str, Any], int], Source]", options: dict[str, Any]) -> Prepared:
    from nodetally.store.layout import validate_cluster_name

    every = slot_seconds("--every", options["every"])
    settings = settings_from({**options, "at": None})
    validate_cluster_name(settings.cluster)
    source = make_source(options, every)
    return Prepared(settings, source, _plan(source, every, options))


def _run(make_source: "Callable[[dict[str, Any], int], Source]", options: dict[str, Any]) -> None:
    from nodetally.backfill.fill import fill
    from nodetally.backfill.filling import Filling, document
    from nodetally.cli.progress import filling_shown
    from nodetally.store.open import open_store

    settings, source, plan = _prepare(make_source, options)
    filling, store = Filling(), open_store(settings.store)
    try:
        with filling_shown(filling):
            fill(store, settings, source, plan, filling, dry_run=options["dry_run"])
    except BaseException:
        click.echo(f"{count(filling.filled, 'slot')} of {filling.slots:,} filled until then: {GO_ON}.", err=True)
        raise
    summary = document(filling, plan, settings.cluster, store.url, source.name, dry_run=options["dry_run"])
    if options["format_"] == "json":
        print_json(summary)
    else:
        _print(summary, filling)
    refuse_broken(filling, source.name)


def refuse_broken(filling: "Filling", source: str) -> None:
    """Raises SlotsUnreadable where something of the past is damaged: all else is filled, and someone must look."""
    if filling.broken:
        raise SlotsUnreadable(
            f"{count(filling.broken, 'slot')} could not be read from {source}",
            hint="the reasons are in the summary; all others are filled; mend or remove those, and run this again",
        )


def _plan(source: "Source", every: int, options: dict[str, Any]) -> "Plan":
    from nodetally.backfill.plan import WHOLE, make_plan, parse_shard

    now = datetime.now(UTC)
    span = source.span()
    given = {name: parse_time(options[name], now) for name in ("from_", "to") if options[name]}
    if span is None and len(given) < 2:
        raise WrongUse("from when to when?", hint="give --from and --to, such as --from 30d --to now")
    start, end = span or (now, now)
    return make_plan(
        given.get("from_", start),
        given.get("to", end),
        now,
        every,
        newest_first=options["order"] == "newest",
        shard=parse_shard(options["shard"]) if options["shard"] else WHOLE,
    )


def _print(summary: dict[str, Any], filling: "Filling") -> None:
    """Lines for people; what is impossible with why, and from when to when."""
    filled = "to fill" if summary["dry_run"] else "filled"
    click.echo(
        f"{summary['cluster']}, {summary['from']} to {summary['to']}: {count(filling.slots, 'slot')}, "
        f"{filling.filled:,} {filled}, {filling.there:,} already there"
    )
    if filling.indexed:
        click.echo(f"{count(filling.indexed, 'slot')} of an earlier, interrupted run brought into the indexes")
    for each in summary["impossible"]:
        click.echo(f"{each['slots']:,} impossible: {harmless(each['reason'])} ({each['first']} to {each['last']})")
