"""A rollup's bytes in, sums by slot out, for `history`: reads the columns that it needs. Writes nothing.

Arrow's own threads are not used: one that is still starting when the process ends aborts it, and a day is small.
"""

from collections.abc import Iterator
from typing import NamedTuple

from nodetally.accounting.nodes import POD_SLOTS
from nodetally.errors import StoreError
from nodetally.rollup.arrow import pa, pc, pq
from nodetally.rollup.columns import UNITS, name_of

PODS = {"requests": "pods_counted", "allocatable": "pods_allocatable"}  # a pod takes a slot without requesting it
ANY_UNKNOWN_IS_UNKNOWN = pc.ScalarAggregateOptions(skip_nulls=False, min_count=0)


class Sums(NamedTuple):
    """What a group of rows comes to at a slot; None where it is unknown for one of them."""

    name: str | None
    figures: tuple[int | None, ...]


def sums(body: bytes, where: str, by: str, resource: str, figures: tuple[str, ...]) -> Iterator[Sums]:
    """The sums of a resource's figures by the column `by` and slot. StoreError, with `where`, when it is no rollup."""
    try:
        found = _grouped(body, by, resource, figures)
        columns = [found[name].to_pylist() for name in (by, *(f"{each}_sum" for each in figures))]
    except (pa.ArrowException, KeyError, OSError, UnicodeDecodeError) as error:
        hint = "delete it, and make it again: nodetally store rollup"
        raise StoreError(f"not a rollup: {where}: {error}", hint=hint) from error
    for name, *values in zip(*columns, strict=True):
        yield Sums(name, tuple(values))


def _grouped(body: bytes, by: str, resource: str, figures: tuple[str, ...]) -> pa.Table:
    keys, names = (by, "slot_unix_seconds"), _columns(resource, figures)
    with pq.ParquetFile(pa.BufferReader(body), page_checksum_verification=True) as file:
        table = file.read(columns=[*keys, *(names.values() or ["resources"])], use_threads=False)
    table = table.rename_columns([*keys, *names]) if names else _of_map(table, resource, figures)
    for each in set(figures) - set(table.column_names):  # usage of pod slots: there is no such thing
        table = table.append_column(each, pa.nulls(table.num_rows, pa.int64()))
    types = {by: pa.string(), "slot_unix_seconds": pa.int64(), **dict.fromkeys(figures, pa.int64())}
    table = table.select(list(types)).cast(pa.schema(types))
    return table.group_by([by, "slot_unix_seconds"], use_threads=False).aggregate(
        [(each, "sum", ANY_UNKNOWN_IS_UNKNOWN) for each in figures]
    )


def _columns(resource: str, figures: tuple[str, ...]) -> dict[str, str]:
    """Figures → the columns of a resource that has columns of its own; of others nothing."""
    if resource == POD_SLOTS:
        return {each: PODS[each] for each in figures if each in PODS}
    return {each: name_of(resource, each) for each in figures} if resource in UNITS else {}


def _of_map(table: pa.Table, resource: str, figures: tuple[str, ...]) -> pa.Table:
    """The rows that have the resource: of those that have not, nothing is unknown."""
    found = pc.map_lookup(table["resources"], pa.scalar(resource), "first")
    for each in figures:
        table = table.append_column(each, pc.struct_field(found, each))
    return table.filter(pc.is_valid(found))
