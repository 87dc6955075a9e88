"""A source and options in, a backfill prepared and run; its summary on stdout at the end. Knows no source."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from nodetally.cli.rendering.json_line import print_json
from nodetally.cli.rendering.text import count, harmless
from nodetally.cli.source import settings_from, slot_seconds
from nodetally.errors import ClusterError, WrongUse
from nodetally.settings import Settings
from nodetally.times import parse_time

if TYPE_CHECKING:
    from nodetally.backfill.filling import Filling
    from nodetally.backfill.plan import Plan
    from nodetally.backfill.source import Source

GO_ON = "what was filled is stored; the same command goes on from there"
MakeSource = Callable[[dict[str, Any], Settings], "Source"]  # of the command's options; slots are of the settings


class SlotsUnreadable(ClusterError):
    """There is something for some slots, but it cannot be read; all others are filled."""


class Prepared(NamedTuple):
    """All that a backfill needs but the store."""

    settings: Settings
    source: "Source"
    plan: "Plan"


def prepared(make_source: MakeSource, options: dict[str, Any]) -> Prepared:
    """What the options ask for. WrongUse for what cannot be; ClusterError where the source cannot be listed."""
    from nodetally.store.layout import validate_cluster_name

    settings = replace(settings_from(options), slot_every_seconds=slot_seconds("--every", options["every"]))
    validate_cluster_name(settings.cluster)
    source = make_source(options, settings)
    return Prepared(settings, source, _plan(source, settings.slot_every_seconds, options))


def run(make_source: MakeSource, options: dict[str, Any]) -> None:
    """Fill, and print what became of every slot. SlotsUnreadable at the end where something is damaged."""
    from nodetally.backfill.fill import fill
    from nodetally.backfill.filling import Filling, document
    from nodetally.cli.progress import filling_shown
    from nodetally.store.open import open_store

    settings, source, plan = prepared(make_source, options)
    filling, store = Filling(), open_store(settings.store)
    try:
        with filling_shown(filling):
            fill(store, settings, source, plan, filling, dry_run=options["dry_run"])
    except BaseException:
        if filling.filled:
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
