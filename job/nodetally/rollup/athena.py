"""The columns in, Athena's tables out: `python -m nodetally.rollup.athena` prints infra/analytics/athena.sql."""

import sys
from collections.abc import Mapping

from nodetally.rollup.columns import ASKED, FIGURES, TABLES, Kind, Table

PLACE = "s3://bucket/prefix"
HEAD = f"""\
-- The rollups of a bucket as three tables, for Athena. Put your own for {PLACE}, for the names of the
-- clusters (in all three), and for the first day; run the statements one by one. Partitions are projected: there is
-- nothing to crawl or to add, and a query that names dates reads only their files.
"""


def _struct(figures: tuple[str, ...]) -> str:
    return f"struct<{','.join(f'{name}:bigint' for name in figures)}>"


TYPES: Mapping[Kind, str] = {
    "timestamp": "timestamp",
    "string": "string",
    "boolean": "boolean",
    "bigint": "bigint",
    "strings": "array<string>",
    "labels": "map<string,string>",
    "taints": "array<struct<key:string,value:string,effect:string>>",
    "resources": f"map<string,{_struct(FIGURES)}>",
    "asked": f"map<string,{_struct(ASKED)}>",
}


def ddl(table: Table) -> str:
    """The statement that makes one table."""
    columns = ",\n".join(f"    `{column.name}` {TYPES[column.kind]}" for column in table.columns)
    place = f"{PLACE}/rollups/kind={table.kind}"
    properties = {
        "projection.enabled": "true",
        "projection.cluster.type": "enum",
        "projection.cluster.values": "prod-eu-1,prod-us-1",
        "projection.date.type": "date",
        "projection.date.format": "yyyy-MM-dd",
        "projection.date.range": "2026-01-01,NOW",
        "storage.location.template": f"{place}/cluster=${{cluster}}/date=${{date}}/",
    }
    told = ",\n".join(f"    '{name}' = '{value}'" for name, value in properties.items())
    return (
        f"CREATE EXTERNAL TABLE {table.kind} (\n{columns}\n)\n"
        "PARTITIONED BY (`cluster` string, `date` string)\n"
        f"STORED AS PARQUET\nLOCATION '{place}/'\nTBLPROPERTIES (\n{told}\n);\n"
    )


def text() -> str:
    """The whole file."""
    return "\n".join((HEAD, *(f"-- {table.says}\n{ddl(table)}" for table in TABLES)))


if __name__ == "__main__":
    sys.stdout.write(text())
