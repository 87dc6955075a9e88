"""Documents in, one Parquet file of a day out, row group by row group. Knows no store; same rows, same bytes."""

from collections.abc import Mapping
from tempfile import TemporaryFile
from typing import IO, Any

from nodetally.errors import StoreError
from nodetally.rollup.arrow import pa, pq
from nodetally.rollup.columns import ASKED, FIGURES, Column, Document, Kind, Table
from nodetally.store.rollups import MADE_FROM

# Of 5,000 nodes a group is 14 slots. Twice the rows: 73 MiB more memory for a file 13 % smaller; half: 42 MiB less,
# 33 % larger (54 slots of make bench-rollup's cluster, peak RSS).
ROWS_IN_GROUP = 1 << 16
LEVEL = 6  # of zstd, for the same day: 1 makes the file 6 % larger, 12 takes half as long again for 0.5 %


def _struct(figures: tuple[str, ...]) -> pa.DataType:
    return pa.struct([pa.field(name, pa.int64()) for name in figures])


TYPES: Mapping[Kind, pa.DataType] = {
    # Without a zone: so every engine shows what is written, whatever its session's time zone is.
    "timestamp": pa.timestamp("ms"),
    "string": pa.string(),
    "boolean": pa.bool_(),
    "bigint": pa.int64(),
    "strings": pa.list_(pa.string()),
    "labels": pa.map_(pa.string(), pa.string()),
    "taints": pa.list_(pa.struct([pa.field(name, pa.string()) for name in ("key", "value", "effect")])),
    "resources": pa.map_(pa.string(), _struct(FIGURES)),
    "asked": pa.map_(pa.string(), _struct(ASKED)),
}


def schema_of(table: Table) -> pa.Schema:
    """A table's columns as Arrow has them."""
    return pa.schema([pa.field(column.name, TYPES[column.kind]) for column in table.columns])


class DayFile:
    """The rows of one kind and day, added snapshot by snapshot in the order of slots; holds one row group.

    Within a group rows are sorted, so that a node's figures stand together: they compress, and the page index finds
    them. Between groups the slots go on, so a part of a day is found by the groups.
    """

    def __init__(self, table: Table) -> None:
        self._table, self._schema = table, schema_of(table)
        self._batches: list[pa.RecordBatch] = []
        self._waiting = self.rows = 0
        self.file: IO[bytes] = TemporaryFile()  # noqa: SIM115 -- close() is ours, too
        self._writer = pq.ParquetWriter(
            self.file,
            self._schema,
            compression="zstd",
            compression_level=LEVEL,
            store_schema=False,  # Arrow's copy of the schema is larger than a small day
            write_page_index=True,
            write_page_checksum=True,  # zstd's frames have none: a flipped bit would be another number
            sorting_columns=[pq.SortingColumn(self._schema.get_field_index(name)) for name in table.sorted_by],
        )

    def batch(self, document: Document) -> pa.RecordBatch:
        """A snapshot's rows. StoreError when a number is too large for a column."""
        rows = self._table.rows(document)
        arrays = [_array(column, [column.read(document)] * len(rows)) for column in self._table.shared]
        arrays += [_array(column, [column.read(row) for row in rows]) for column in self._table.own]
        return pa.RecordBatch.from_arrays(arrays, schema=self._schema)

    def add(self, batch: pa.RecordBatch) -> None:
        """Write rows, sooner or later."""
        self._batches.append(batch)
        self._waiting += batch.num_rows
        self.rows += batch.num_rows
        if self._waiting >= ROWS_IN_GROUP:
            self._flush()

    def finish(self, made_from: str) -> IO[bytes]:
        """The whole file, at its beginning; `made_from` stands at its end."""
        self._flush()
        self._writer.add_key_value_metadata({MADE_FROM: made_from})
        self._writer.close()
        self.file.seek(0)
        return self.file

    def close(self) -> None:
        """Drop the file."""
        self._writer.close()
        self.file.close()

    def _flush(self) -> None:
        if self._waiting:
            rows = pa.Table.from_batches(self._batches)
            self._batches, self._waiting = [], 0
            rows = rows.sort_by([(name, "ascending") for name in self._table.sorted_by])
            self._writer.write_table(rows, row_group_size=rows.num_rows)


def _array(column: Column, values: list[Any]) -> pa.Array:
    try:
        return pa.array(values, TYPES[column.kind])
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError) as error:
        raise StoreError(f"{column.name} does not fit into its column: {error}") from error
