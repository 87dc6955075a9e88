"""The options of `store rollup` in, what became of each day out. Tells how to install what Parquet needs."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from nodetally.cli.progress import rollup_shown
from nodetally.errors import WrongUse
from nodetally.store import read
from nodetally.store.base import Store
from nodetally.times import parse_time

if TYPE_CHECKING:
    from nodetally.rollup.make import Done


def made(store: Store, options: dict[str, Any]) -> "list[Done]":
    """Roll up what the options say. WrongUse for days that cannot be, or without the library."""
    between = _between(options, datetime.now(UTC))
    require_parquet()
    from nodetally.rollup.make import Progress, roll_up

    names = read.clusters(store) if options["cluster"] is None else [options["cluster"]]
    progress = Progress(clusters_found=len(names))
    found: list[Done] = []
    with rollup_shown(progress):
        for name in names:
            found += roll_up(store, name, between=between, dry_run=options["dry_run"], progress=progress)
            progress.clusters += 1
    return found


def require_parquet() -> None:
    """WrongUse where the library is not installed."""
    try:
        import pyarrow as _  # noqa: F401
    except ImportError as error:
        raise WrongUse(
            f"rollups are Parquet, for which pyarrow is missing: {error}", hint="pip install 'nodetally[rollup]'"
        ) from error


def _between(options: dict[str, Any], now: datetime) -> tuple[str, str]:
    """The first and the last day."""
    if options["day"] and (options["from_"] or options["to"]):
        raise WrongUse("--day is one day, --from and --to are several", hint="give either")
    first = _date(options["day"] or options["from_"], now, "0001-01-02")
    last = _date(options["day"] or options["to"], now, "9999-12-31")
    if last < first:
        raise WrongUse(f"from {first} to {last} there is no day", hint="--to is the last day, --from the first")
    return first, last


def _date(text: str | None, now: datetime, default: str) -> str:
    return parse_time(text, now).date().isoformat() if text else default
