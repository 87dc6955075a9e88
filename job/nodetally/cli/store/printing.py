"""What a command of `nodetally store` found or did, for people; and what is left damaged, as the exit code."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from nodetally.cli.rendering.rows import Field, table_lines
from nodetally.errors import DamageFound

if TYPE_CHECKING:
    from nodetally.store.breaches import Breach

BREACHES = (Field("kind", "WHAT", style="warn"), Field("key", "KEY"), Field("what", "WHY"))


def print_table(fields: Sequence[Field], rows: Sequence[Any]) -> None:
    """A header and a line a row; nothing where there is none."""
    from nodetally.cli.rendering.paint import paint_for

    if rows:
        paint = paint_for(sys.stdout)
        paint.write(table_lines(fields, rows, paint))


def print_breaches(found: "Sequence[Breach]") -> None:
    """Every breach, then what to do about each kind."""
    from nodetally.store.breaches import KINDS

    print_table(BREACHES, found)
    click.echo()
    for kind in sorted({each.kind for each in found}):
        click.echo(f"{kind}: {KINDS[kind]}")


def as_documents(found: "Sequence[Breach]") -> list[dict[str, Any]]:
    """The same, as JSON has it."""
    return [{**each._asdict(), "to_do": each.to_do} for each in found]


def raise_if_damaged(breaches: int, url: str, hint: str) -> None:
    """DamageFound, so exit code 6, where something is left that is wrong; it was printed before."""
    if breaches:
        raise DamageFound(f"{breaches:,} breach{'es' * (breaches > 1)} in {url}", hint=hint)
