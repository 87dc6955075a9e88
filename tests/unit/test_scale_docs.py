"""docs/scale.md: every figure is what the benchmarks' own files give."""

import doctest
import json

import pytest

import scale
from paths import ROOT

BENCHMARKS = ROOT / "benchmarks"


def test_the_page_is_what_the_figures_give() -> None:
    """Write it again: python benchmarks/scale.py."""
    store, cluster = (json.loads((BENCHMARKS / f"{name}.json").read_text()) for name in ("store", "cluster"))
    assert (ROOT / "docs" / "scale.md").read_text() == scale.page(store, cluster)


def test_a_pass_takes_as_long_as_operations_md_says() -> None:
    """The one figure that is not computed: seconds of a whole process into S3."""
    assert f"into S3 {scale.PASS_SECONDS} s |" in (ROOT / "docs" / "operations.md").read_text()


def test_a_policy_leaves_so_many_snapshots() -> None:
    """all:2d,hourly:30d,daily:2y, counted by hand: two days of every five minutes, 28 of hours, 700 days."""
    assert scale.kept_snapshots(5) == 576 + 672 + 700


def test_a_pass_costs_its_puts_and_its_list() -> None:
    """Nine requests, at the prices that the page names: 100,000 of them are $2.66."""
    assert scale.of_requests({"GET": 4, "PUT": 4, "LIST": 1, "HEAD": 0}) * 100_000 == pytest.approx(2.66)


def test_sizes_and_dollars_read_as_their_examples_say() -> None:
    """The examples in the functions' docstrings."""
    assert doctest.testmod(scale).failed == 0
