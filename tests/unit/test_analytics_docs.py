"""docs/analytics.md and infra/analytics against the schema of the rollups."""

import re
from hashlib import sha256
from itertools import product

import pytest

from nodetally.rollup.athena import text
from nodetally.rollup.columns import SHARED, TABLES, Column
from nodetally.store.layout import rollup_key
from nodetally.store.rollups import FORMAT
from paths import DATA, ROOT

DOCS = (ROOT / "docs/analytics.md").read_text()
SAID = {
    "array of string": {"strings"},
    "array of struct": {"taints"},
    "map of string": {"labels"},
    "map of struct": {"resources", "asked"},
    "bigint": {"bigint"},
    "boolean": {"boolean"},
    "string": {"string"},
    "timestamp": {"timestamp"},
}


def expanded(pattern: str) -> list[str]:
    """cpu_{a,b}_c → cpu_a_c, cpu_b_c."""
    parts = [each.split(",") for each in re.split(r"[{}]", pattern)]
    return ["".join(each) for each in product(*parts)]


def told(name: str) -> list[tuple[str, str]]:
    """Name and type of every column that a table of the docs tells."""
    table = re.search(rf"<!-- columns: {name} -->\n(?:\|.*\n)+", DOCS)
    assert table, name
    found = []
    for line in table[0].splitlines()[3:]:
        names, kind = line.split("|")[1:3]
        found += [(each, kind.strip()) for pattern in re.findall(r"`([^`]+)`", names) for each in expanded(pattern)]
    return found


@pytest.mark.parametrize(
    ("name", "columns"), [("shared", SHARED), *((table.kind, table.columns[len(SHARED) :]) for table in TABLES)]
)
def test_the_docs_tell_every_column(name: str, columns: tuple[Column, ...]) -> None:
    """Each once, with its type, and none that does not exist."""
    said = told(name)
    assert sorted(each for each, _ in said) == sorted(column.name for column in columns)
    kinds = dict(said)
    assert all(column.kind in SAID[kinds[column.name]] for column in columns)


def test_other_columns_have_another_format_number() -> None:
    """So that files of the old columns are made again: with a change below, FORMAT goes up by one."""
    columns = "\n".join(f"{table.kind} {each.name} {each.kind}" for table in TABLES for each in table.columns)
    assert (FORMAT, sha256(columns.encode()).hexdigest()[:16]) == (1, "dad2e8f2b8f0c077")


def test_athenas_tables_are_the_columns() -> None:
    """`make proto` writes the file; partitions are where the store has them."""
    kept = (ROOT / "infra/analytics/athena.sql").read_text()
    assert kept == text()
    for table in TABLES:
        key = rollup_key(table.kind, "CLUSTER", "2026-11-23").replace("CLUSTER", "${cluster}")
        folder = key.replace("2026-11-23", "${date}").removesuffix("part-0.parquet")
        assert f"/bucket/prefix/{folder}'" in kept


def test_every_query_is_told() -> None:
    """By its name, in the docs."""
    names = {path.name for path in (ROOT / "infra/analytics").glob("*.sql")}
    assert set(re.findall(r"`([a-z-]+\.sql)`", DOCS)) == names


def test_the_table_in_the_docs_is_what_history_prints() -> None:
    """The one that the tests of `history` keep."""
    assert f"```\n{(DATA / 'golden/history.txt').read_text()}```" in DOCS
