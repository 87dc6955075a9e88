"""A field of a node is shown wherever nodes are: who adds one learns here what else to change."""

from nodetally.cli.rendering import sheet
from nodetally.compare import STATES
from nodetally.snapshot import Node

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
