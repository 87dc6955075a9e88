"""`nodetally status`: what an alert is told, and by which exit code."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import documents
from nodetally import snapshot
from nodetally.cli.status import status
from nodetally.errors import StatusFound, WrongUse
from nodetally.store.directory import DirectoryStore
from nodetally.store.layout import latest_key, slot_of
from nodetally.store.publish import publish


def put(folder: Path, cluster: str, age: timedelta, **changes: Any) -> None:
    slot = slot_of(datetime.now(UTC) - age)
    document = documents.snapshot([documents.node("n1")], slot=slot, taken_at=slot, cluster=cluster) | changes
    publish(DirectoryStore(folder), document, snapshot.encode(document))


def ask(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(status, ["--store", str(folder), *arguments])


def test_recent_and_whole_is_ok(tmp_path: Path) -> None:
    """Exit 0, a line a cluster."""
    put(tmp_path, "a", timedelta(minutes=1))
    put(tmp_path, "longer-name", timedelta(minutes=14))
    done = ask(tmp_path)
    assert done.exit_code == 0
    assert [line.split()[0] for line in done.output.splitlines()] == ["a", "longer-name"]
    assert all(line.endswith("  ok") for line in done.output.splitlines())


@pytest.mark.parametrize(
    ("age", "changes", "problem"),
    [
        (timedelta(minutes=18), {}, "stale: taken 18 min ago, 3 min more than 15 min"),
        (timedelta(minutes=15, seconds=40), {}, "stale: taken 15 min ago, 40 s more than 15 min"),
        (timedelta(minutes=-20), {}, "of the future"),
        (timedelta(), {"usage": {"status": "partial", "reason": "no measurement of 1 of 2 nodes"}}, "usage is partial"),
        (timedelta(), {"source": {"kind": "dump", "consistent": False}}, "not of one point in time: a dump"),
    ],
)
def test_each_problem_is_named_and_exits_with_7(
    tmp_path: Path, age: timedelta, changes: dict[str, Any], problem: str
) -> None:
    """Beside a cluster that is well."""
    plain = documents.snapshot([documents.node("n1")])
    put(tmp_path, "well", timedelta())
    put(tmp_path, "ill", age, **{name: plain[name] | value for name, value in changes.items()})
    done = ask(tmp_path, "--format", "json")
    assert isinstance(done.exception, StatusFound)
    assert done.exception.exit_code == 7
    ill, well = map(json.loads, done.output.splitlines())
    assert well["problems"] == []
    assert len(ill["problems"]) == 1
    assert problem in ill["problems"][0]
    assert "ill" in str(done.exception)
    assert "well" not in str(done.exception)


def test_a_clock_that_is_ahead_is_seen(tmp_path: Path) -> None:
    """Within --max-age it is no problem, and no age of 0 either."""
    put(tmp_path, "a", -timedelta(minutes=9, seconds=30))
    done = ask(tmp_path)
    assert done.exit_code == 0
    assert done.output.split()[1:5] == ["9", "min", "from", "now"]


def test_a_damaged_latest_is_its_clusters_problem_alone(tmp_path: Path) -> None:
    """The others are still told."""
    put(tmp_path, "a", timedelta())
    put(tmp_path, "b", timedelta())
    (tmp_path / latest_key("a")).write_bytes(b"not gzip")
    done = ask(tmp_path)
    assert isinstance(done.exception, StatusFound)
    assert "damaged" in done.output.splitlines()[0]
    assert done.output.splitlines()[1].endswith("  ok")


def test_a_cluster_that_is_not_there_is_not_well(tmp_path: Path) -> None:
    """Asked for by name, or an empty store: nobody may take silence for health."""
    empty = ask(tmp_path)
    assert isinstance(empty.exception, StatusFound)
    assert "no snapshot" in str(empty.exception)
    put(tmp_path, "a", timedelta())
    other = ask(tmp_path, "--cluster", "b")
    assert other.exit_code != 0
    assert ask(tmp_path, "--cluster", "a").exit_code == 0


def test_an_age_of_nothing_is_wrong_use(tmp_path: Path) -> None:
    """Every snapshot is older."""
    assert isinstance(ask(tmp_path, "--max-age", "0s").exception, WrongUse)
