"""A year of ten clusters: every query of infra/analytics, on every engine, against plain Python over the snapshots."""

import json
import os
import subprocess
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import engines
import expected
import pytest
import year

from paths import NODETALLY


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store, with indexes and rollups, made by the commands that people use."""
    made = tmp_path_factory.mktemp("year") / "store"
    year.write(made)
    for command in ("repair", "rollup"):
        done = subprocess.run(
            [NODETALLY, "store", command, "--store", made], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    return made


@pytest.fixture(scope="session")
def snapshots(folder: Path) -> list[dict[str, Any]]:
    return list(year.read(folder))


@pytest.fixture(scope="session", params=["duckdb", "spark"])
def engine(request: pytest.FixtureRequest, folder: Path) -> Iterator[engines.Engine]:
    if request.param == "duckdb":
        yield engines.DuckDB(folder)
        return
    why = engines.why_no_spark()
    if why:
        assert os.environ.get("CI") != "true", why
        pytest.skip(f"not tested on Spark: {why}")
    with engines.spark(folder) as running:
        yield running


def plain(value: Any) -> Any:
    """Dates and times as texts, whichever type an engine has for them."""
    if isinstance(value, datetime):
        return value.isoformat(" ")
    return str(value) if isinstance(value, date) else value


def same(told: Any, wanted: Any) -> bool:
    if isinstance(wanted, float) and told is not None:
        return bool(told == pytest.approx(wanted, rel=1e-9, abs=1e-6))
    return type(told) is type(wanted) and bool(told == wanted)


@pytest.mark.parametrize("name", expected.QUERIES)
def test_a_query_says_what_the_snapshots_say(
    name: str, engine: engines.Engine, snapshots: list[dict[str, Any]]
) -> None:
    """Every row and every column, integers exactly, means to nine digits; and there is something to say."""
    compute, key = expected.QUERIES[name]
    wanted = {tuple(row[part] for part in key): row for row in compute(snapshots)}
    rows = [
        {column: plain(value) for column, value in row.items()}
        for row in engine.rows((engines.ANALYTICS / f"{name}.sql").read_text())
    ]
    told = {tuple(row[part] for part in key): row for row in rows}
    assert len(told) == len(rows)
    assert len(wanted) >= 10
    assert told.keys() == wanted.keys()
    for place, row in wanted.items():
        assert told[place].keys() == row.keys()
        wrong = {
            column: (told[place][column], row[column]) for column in row if not same(told[place][column], row[column])
        }
        assert not wrong, (place, wrong)


@pytest.mark.parametrize("cluster", year.CLUSTERS)
def test_history_says_the_same(cluster: str, folder: Path, snapshots: list[dict[str, Any]]) -> None:
    """Growth, its end, and each day's peak and percentile of requests and usage, by pool, in the terminal's json."""
    span = ("--since", expected.LAST_90[0], "--to", expected.LAST_90[1])
    for resource, unit in expected.UNITS.items():
        command = [NODETALLY, "history", "--store", str(folder), "--cluster", cluster, "--by", "pool", *span]
        done = subprocess.run([*command, "--resource", resource, "--format", "json"], capture_output=True, check=True)
        told = {group["name"]: group for group in json.loads(done.stdout)["groups"]}
        for row in expected.runs_out(snapshots):
            if (row["cluster"], row["resource"]) == (cluster, resource):
                assert told[row["pool"]]["growth_a_day"] == pytest.approx(row["growth_a_day"])
                assert told[row["pool"]]["runs_out"] == row["runs_out"]
        days = {(name, day["date"]): day for name, group in told.items() for day in group["days"]}
        for row in expected.peak_by_pool(snapshots):
            if row["cluster"] == cluster and row["figure"].endswith(unit):
                figure = "usage" if "usage" in row["figure"] else "requests"
                day = days[row["pool"], row["date"]]
                assert (day[f"{figure}_peak"], day[f"{figure}_p95"]) == (row["peak"], row["p95"])


def test_the_year_has_what_the_queries_are_about(snapshots: list[dict[str, Any]]) -> None:
    """Pools that run out and one that does not, quiet nodes, unknown usage, nodes that went."""
    ends = [row["runs_out"] for row in expected.runs_out(snapshots)]
    assert None in ends
    assert len(set(ends)) > 5
    assert any(row["slots_unknown"] for row in expected.quiet_nodes(snapshots))
    assert {row["still_there"] for row in expected.node_lifetimes(snapshots)} == {True, False}
    assert any(row["slots"] < row["slots_seen"] for row in expected.waste_by_pool(snapshots))


def test_every_query_is_tested() -> None:
    """And none is forgotten here."""
    setups = {"duckdb", "spark", "athena"}
    assert {path.stem for path in engines.ANALYTICS.glob("*.sql")} - setups == set(expected.QUERIES)


def test_the_year_is_rolled_up_once(folder: Path, snapshots: list[dict[str, Any]]) -> None:
    """The next run finds nothing to do; verify finds nothing wrong."""
    again = subprocess.run(
        [NODETALLY, "store", "rollup", "--store", folder, "--format", "json"], capture_output=True, check=True
    )
    told = json.loads(again.stdout)
    assert told["days"] == []
    assert told["unchanged"] == len({(each["cluster"], each["slot"][:10]) for each in snapshots})
    subprocess.run([NODETALLY, "store", "verify", "--quick", "--store", folder], check=True)
