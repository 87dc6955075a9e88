"""A field of a node is shown wherever nodes are, what was stored before it is read: who adds one learns it here."""

from pathlib import Path
from typing import Any, NotRequired, TypedDict

import orjson
import pytest

import documents
import golden
from nodetally import snapshot
from nodetally.accounting.facts import NodeFacts
from nodetally.cli.main import main
from nodetally.cli.rendering import sheet
from nodetally.cluster import kept
from nodetally.compare import STATES
from nodetally.rollup.columns import NODES
from nodetally.snapshot import Node
from nodetally.store.directory import DirectoryStore
from nodetally.store.publish import publish

NODE = set(Node.__annotations__)
WHO_IT_IS = {"name", "uid", "created_at"}  # another node, not another state of one
AMOUNTS = {"pods", "resources"}  # compared, and in columns, figure by figure
MANY = {"taints", "labels"}  # no one cell holds them: --format json does


def test_diff_compares_every_field_of_a_node() -> None:
    """STATES of compare.py holds all that is neither identity nor amount."""
    assert set(STATES) == NODE - WHO_IT_IS - AMOUNTS


def test_csv_has_a_column_for_every_field_of_a_node() -> None:
    """The lists at the top of cli/rendering/sheet.py hold all that fits into a cell."""
    columns = {*sheet.TEXTS, *sheet.STATES, *sheet.LISTS, *sheet.FIELDS}
    assert columns == NODE - AMOUNTS - MANY


def test_a_rollup_has_a_column_for_every_field_of_a_node() -> None:
    """NODES of rollup/columns.py, where the name is the column `node`."""
    columns = {column.name for column in NODES.own} | {"name"}
    assert columns >= NODE - {"pods"}


def test_a_kept_cache_has_a_shape_for_every_fact_of_a_node() -> None:
    """NODE of cluster/kept.py, in their order: what is written by one length and read by another is no cache."""
    assert len(kept.NODE) == len(NodeFacts._fields)


FIRST = orjson.loads((golden.FOLDER / "snapshot-0.1.json").read_bytes())  # schema 1 as first released: never made anew
BESIDE_IT = ["--cluster", FIRST["cluster"], "--store"]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """One snapshot of the first release, and the next of today's."""
    today = documents.mixed() | {"slot": "2026-11-23T13:00:00Z", "taken_at": "2026-11-23T13:00:03Z"}
    for document in (FIRST, today):
        publish(DirectoryStore(tmp_path / "store"), document, snapshot.encode(document))
    return tmp_path / "store"


@pytest.mark.parametrize(
    "reader",
    [
        ["store", "verify", "--patience", "0s"],
        ["store", "repair"],
        ["store", "rollup"],
        ["show", "--at", FIRST["slot"], "--wide"],
        ["show", "--at", FIRST["slot"], "--format", "csv"],
        ["diff", FIRST["slot"], "latest", "--all"],
        ["history", "--since", "2026-11-23", "--to", "2026-11-23"],
    ],
    ids=" ".join,
)
def test_what_the_first_release_stored_is_whole_and_read(store: Path, reader: list[str]) -> None:
    """A store holds years: a new field is NotRequired in snapshot.py, and unknown where it is missing."""
    with pytest.raises(SystemExit) as end:
        main([*reader, *BESIDE_IT, str(store)])
    assert end.value.code == 0


def test_a_field_that_came_later_may_be_missing() -> None:
    """The schema has it, as what it is where it is there, and does not ask for it."""

    class Grown(TypedDict):
        """Made up."""

        name: str
        kernel: NotRequired[str | None]

    parts: dict[str, Any] = {}
    snapshot._schema_of(Grown, parts)
    assert parts["Grown"]["properties"]["kernel"] == {"type": ["string", "null"]}
    assert parts["Grown"]["required"] == ["name"]
