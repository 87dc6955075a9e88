"""`nodetally history` against plain sums over the snapshots, and what it says where there is nothing to say."""

import csv
import io
import json
import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from functools import partial
from os import environ
from pathlib import Path
from typing import Any

import expected
import pytest
import year

import documents
import golden
import rollups
from nodetally import snapshot
from nodetally.cli.rendering.past import WIDEST, sparkline
from nodetally.store.directory import DirectoryStore
from nodetally.store.layout import SNAPSHOT_HEADERS, rollup_key, slot_of, snapshot_key
from nodetally.store.publish import publish
from nodetally.store.repair import repair
from paths import NODETALLY

CLEAN = {"PATH": environ["PATH"], "HOME": "/nonexistent", "COLUMNS": "160", "PYTHONIOENCODING": "utf-8"}
START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS, GAP = 20, 7
SPAN = ("--since", "2026-01-01", "--to", "2026-01-20")
Json = dict[str, Any]


def made() -> list[Json]:
    """Twenty days of two snapshots each, with a day that has none."""
    chance, found = random.Random(4), []
    for at in range(DAYS):
        for hour in (0, 12) if at != GAP else ():
            slot = slot_of(START + timedelta(days=at, hours=hour))
            nodes = year.nodes(4, at * 5, hour, chance)
            extra = {"namespaces": year.namespaces(chance), "cluster": "c"}
            found.append(documents.snapshot(nodes, slot=slot, taken_at=slot, **extra))
    return found


SNAPSHOTS = made()


def rolled_up(root: Path, stored: list[Json]) -> Path:
    """A store of these, all derived documents and rollups in it."""
    store = DirectoryStore(root)
    for document in stored:
        store.put_new(snapshot_key("c", document["slot"]), snapshot.encode(document), SNAPSHOT_HEADERS)
    list(repair(store))
    rollups.make(store, "c")
    return root


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rolled_up(tmp_path_factory.mktemp("history") / "store", SNAPSHOTS)


def nodetally(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [NODETALLY, "history", "--store", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=CLEAN, check=False)


def told(folder: Path, *arguments: str) -> Json:
    done = nodetally(folder, *SPAN, "--format", "json", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    found: Json = json.loads(done.stdout)
    return found


def groups_of(document: Json, by: str, resource: str) -> dict[str | None, tuple[int | None, int | None, int | None]]:
    """Requests, usage and allocatable of each group at one slot, summed once more."""
    if by == "namespace":
        asked = {each["name"]: each["resources"].get(resource, {"requests": 0}) for each in document["namespaces"]}
        return {name: (of["requests"], None, None) for name, of in asked.items()}
    groups: dict[str | None, list[Json]] = {}
    for node in document["nodes"]:
        if resource in node["resources"]:
            key = {"cluster": "c", "pool": node["pool"], "node": node["name"]}[by]
            groups.setdefault(key, []).append(node)
    total = partial(expected.total, resource=resource)
    return {
        name: (total(nodes, figure="requests"), total(nodes, figure="usage"), total(nodes, figure="allocatable"))
        for name, nodes in groups.items()
    }


@pytest.mark.parametrize(
    ("by", "resource"),
    [
        ("cluster", "cpu"),
        ("cluster", "nvidia.com/gpu"),
        ("pool", "cpu"),
        ("pool", "memory"),
        ("pool", "nvidia.com/gpu"),
        ("node", "cpu"),
        ("namespace", "cpu"),
    ],
)
def test_figures_are_those_of_the_snapshots(folder: Path, by: str, resource: str) -> None:
    """Each group's each day: peaks, percentiles, allocatable; null on the day that has no snapshot."""
    found = {
        group["name"]: {day["date"]: day for day in group["days"]}
        for group in told(folder, "--by", by, "--resource", resource)["groups"]
    }
    slots = [(document["slot"][:10], groups_of(document, by, resource)) for document in SNAPSHOTS]
    names = {name for _, groups in slots for name in groups}
    assert found.keys() == names
    for name, days in found.items():
        assert len(days) == DAYS
        for date, day in days.items():
            values = [groups[name] for on, groups in slots if on == date and name in groups]
            assert day["slots"] == len(values)
            for index, figure in enumerate(("requests", "usage", "allocatable")):
                known = sorted(each[index] for each in values if each[index] is not None)  # type: ignore[type-var]
                peak = known[-1] if known else None
                assert day[figure if figure == "allocatable" else f"{figure}_peak"] == peak
                if figure != "allocatable":
                    assert day[f"{figure}_p95"] == peak, "of two values it is the higher one"
    gap = next(iter(found.values()))["2026-01-08"]
    assert (gap["slots"], gap["requests_peak"]) == (0, None)


def test_growth_leads_to_a_day(folder: Path) -> None:
    """The line through the days' peaks, exact; none for a group of too few days."""
    group = next(each for each in told(folder, "--by", "pool")["groups"] if each["name"] == "ng")
    points = [
        (at - DAYS + 1, day["requests_peak"])
        for at, day in enumerate(group["days"])
        if day["requests_peak"] is not None
    ]
    slope, now = expected.least_squares(points)
    assert group["growth_a_day"] == pytest.approx(float(slope))
    assert group["runs_out"] == expected.end("2026-01-20", slope, now, group["days"][-1]["allocatable"], len(points))
    assert group["runs_out"] is not None
    short = json.loads(nodetally(folder, "--since", "2026-01-10", "--to", "2026-01-20", "--format", "json").stdout)
    assert [(each["growth_a_day"], each["runs_out"]) for each in short["groups"]] == [(None, None)]


def test_the_table_is_for_people(folder: Path) -> None:
    """A sign a day, a gap where there is nothing, amounts in cores."""
    done = nodetally(folder, *SPAN, "--by", "pool")
    assert (done.returncode, done.stderr) == (0, "")
    golden.check("history.txt", done.stdout)


def test_csv_has_a_row_a_group_and_day(folder: Path) -> None:
    """With the unit in the names; a gap has no row."""
    rows = list(csv.DictReader(io.StringIO(nodetally(folder, *SPAN, "--by", "pool", "--format", "csv").stdout)))
    days = {
        (group["name"] or "", day["date"]): day
        for group in told(folder, "--by", "pool")["groups"]
        for day in group["days"]
    }
    assert len(rows) == sum(day["slots"] > 0 for day in days.values())
    for row in rows:
        peak = days[row["pool"], row["date"]]["requests_peak"]
        assert row["requests_peak_millicores"] == ("" if peak is None else str(peak))


def test_the_cluster_needs_no_rollup_and_pools_say_how_to_make_one(tmp_path: Path) -> None:
    """Exit code 2 with the command; that command then makes it work."""
    store = DirectoryStore(tmp_path / "store")
    for document in SNAPSHOTS[:4]:
        publish(store, document, snapshot.encode(document))
    assert len(told(store.root)["groups"]) == 1
    done = nodetally(store.root, *SPAN, "--by", "pool")
    assert (done.returncode, done.stdout) == (2, "")
    hint = done.stderr.splitlines()[-1]
    assert hint == f"Hint: nodetally store rollup --store {store.root} --cluster c --from 2026-01-01 --to 2026-01-02"
    made = subprocess.run([NODETALLY, *hint.split()[2:]], env=CLEAN, check=False, capture_output=True)
    assert made.returncode == 0
    assert len(told(store.root, "--by", "pool")["groups"]) == 4


def test_days_that_cannot_be_told_are_gaps_and_named(tmp_path: Path) -> None:
    """A rollup that contradicts the snapshots is not believed; one that is behind is, and said to be."""
    store = DirectoryStore(tmp_path / "store")
    for document in SNAPSHOTS[:5]:
        publish(store, document, snapshot.encode(document))
    rollups.make(store, "c")
    publish(store, SNAPSHOTS[5], snapshot.encode(SNAPSHOTS[5]))
    store.delete(snapshot_key("c", SNAPSHOTS[1]["slot"]))
    done = nodetally(store.root, *SPAN, "--by", "pool", "--format", "json")
    found = json.loads(done.stdout)
    assert (found["not_rolled_up"], found["behind"]) == ({"2026-01-01": "stale"}, ["2026-01-03"])
    assert [day["slots"] for day in found["groups"][0]["days"][:4]] == [0, 2, 1, 0]
    assert "1 day not rolled up, shown as gaps (2026-01-01 to 2026-01-01): nodetally store rollup" in done.stderr
    assert "2026-01-03 has later snapshots than are rolled up" in done.stderr


def test_a_rollup_whose_rows_are_damaged_is_an_error_by_its_name(tmp_path: Path) -> None:
    """Its end still says that it is fresh: no figure is made up from what is left; exit code 5 with the way out."""
    store = DirectoryStore(tmp_path / "store")
    publish(store, SNAPSHOTS[0], snapshot.encode(SNAPSHOTS[0]))
    rollups.make(store, "c")
    key = rollup_key("nodes", "c", "2026-01-01")
    with (store.root / key).open("r+b") as file:
        file.seek(4)
        file.write(b"\xff" * 2000)
    done = nodetally(store.root, *SPAN, "--by", "pool")
    assert (done.returncode, done.stdout) == (5, "")
    assert f"Error: not a rollup: {key} in {store.root}: " in done.stderr
    assert "Hint: delete it, and make it again: nodetally store rollup" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--resource", "cup"), "c has no cup"),
        (("--resource", "cup", "--by", "pool"), "c has no cup"),
        (("--since", "2025-01-01", "--to", "2025-02-01"), "no snapshot of c from 2025-01-01"),
        (("--since", "2026-01-02", "--to", "2026-01-01"), "--to is before --since"),
        (("--since", "soon"), "not a time"),
        (("--cluster", "d"), "no snapshot of d"),
    ],
)
def test_wrong_use_is_told_with_the_way_out(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    """Exit code 2, nothing on stdout."""
    done = nodetally(folder, *SPAN, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Hint: " in done.stderr


TOLD_THREADS = """
import os, pyarrow, sys
from nodetally.rollup.read import sums
pyarrow.cpu_count() > 1 or pyarrow.set_cpu_count(4)
for resource in ("cpu", "nvidia.com/gpu"):
    list(sums(open(sys.argv[1], "rb").read(), "here", "pool", resource, ("requests", "usage")))
names = [open(f"/proc/self/task/{each}/comm").read().strip() for each in os.listdir("/proc/self/task")]
print(len([each for each in names if not each.startswith("jemalloc")]))
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted in /proc: run it on Linux")
def test_a_rollup_is_read_without_threads_of_the_librarys(folder: Path) -> None:
    """One that is still being started when the process ends aborts it: one run in fifty, on a busy machine."""
    nodes = next(each for each in (folder / "rollups").rglob("*.parquet") if "kind=nodes" in str(each))
    done = subprocess.run([sys.executable, "-c", TOLD_THREADS, str(nodes)], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "1", done.stderr


def test_a_long_stretch_fits_on_a_line() -> None:
    """Several days share a sign then: the highest of them; all must be gaps to be one."""
    values = [None, None, 1, 8, *[None] * (WIDEST * 2 - 4)]
    line = sparkline(values, 8)
    assert (len(line), line[:3]) == (WIDEST, "·█·")


def uneven(days: int = 20, gpu_days: int = 16) -> list[Json]:
    """Days of one to 24 slots each; a pool of one GPU node that is gone on the last days, and asks for more slowly."""
    chance, found = random.Random(11), []
    for at in range(days):
        for hour in sorted(chance.sample(range(24), chance.choice([1, 2, 19, 20, 21, 24]))):
            slot = slot_of(START + timedelta(days=at, hours=hour))
            usage = None if chance.random() < 0.1 else chance.randrange(9_000)
            nodes = [documents.node("n", pool="web", cpu=(chance.randrange(9_000), 9_000, usage))]
            spaces = [documents.namespace("ns", chance.randrange(1, 90), 100, documents.GIB)]
            if at < gpu_days:
                gpu = {"nvidia.com/gpu": documents.figures(8, 8, 1 + at // 8, 1, None)}
                nodes.append(documents.node("g", pool="gpu", resources=gpu))
            found.append(documents.snapshot(nodes, slot=slot, taken_at=slot, cluster="c", namespaces=spaces))
    return found


UNEVEN = uneven()


@pytest.fixture(scope="module")
def uneven_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rolled_up(tmp_path_factory.mktemp("uneven") / "store", UNEVEN)


@pytest.mark.parametrize(("by", "name", "resource"), [("pool", "web", "cpu"), ("cluster", "c", "memory")])
def test_percentiles_are_values_that_were_there(uneven_folder: Path, by: str, name: str, resource: str) -> None:
    """The smallest that 95 % of the slots with a known value do not exceed, of days with few slots and with many."""
    (group,) = (
        each for each in told(uneven_folder, "--by", by, "--resource", resource)["groups"] if each["name"] == name
    )
    for day in group["days"]:
        groups = [groups_of(of, by, resource)[name] for of in UNEVEN if of["slot"].startswith(day["date"])]
        assert day["slots"] == len(groups)
        for index, figure in enumerate(("requests", "usage")):
            known = [value for of in groups if (value := of[index]) is not None]
            enough = [each for each in known if 20 * sum(other <= each for other in known) >= 19 * len(known)]
            assert (day[f"{figure}_p95"], day[f"{figure}_peak"]) == (
                min(enough, default=None),
                max(known, default=None),
            )
    assert group["requests_p95"] == max(day["requests_p95"] for day in group["days"])
    assert group["allocatable"] == group["days"][-1]["allocatable"]


@pytest.mark.parametrize(("by", "name"), [("cluster", "c"), ("pool", "web"), ("node", "g"), ("namespace", "ns")])
def test_pods_are_counted_against_their_slots(uneven_folder: Path, by: str, name: str) -> None:
    """A pod takes one without requesting it: not 0 of 110."""
    (group,) = (
        each for each in told(uneven_folder, "--by", by, "--resource", "pods")["groups"] if each["name"] == name
    )
    for day in group["days"]:
        counted, slots = [], []
        for document in UNEVEN:
            if document["slot"].startswith(day["date"]):
                rows = document["namespaces"] if by == "namespace" else document["nodes"]
                pods = [row["pods"] for row in rows if by == "cluster" or name in (row["name"], row.get("pool"))]
                counted += [sum(each["counted"] for each in pods)] if pods else []
                slots += [sum(each["allocatable"] for each in pods)] if pods and by != "namespace" else []
        peaks = max(counted, default=None), max(slots, default=None), None
        assert (day["requests_peak"], day["allocatable"], day["usage_peak"]) == peaks
    assert group["requests_peak"] > 0


@pytest.mark.parametrize("by", ["cluster", "pool"])
def test_what_is_gone_on_the_last_day_runs_out_on_none(uneven_folder: Path, by: str) -> None:
    """Nobody has a GPU any more: a line through the days when there were some leads nowhere."""
    gpu = "--by", by, "--resource", "nvidia.com/gpu"
    (group,) = told(uneven_folder, *gpu)["groups"]
    assert sum(day["slots"] > 0 for day in group["days"]) == 16
    assert (group["growth_a_day"], group["runs_out"], group["allocatable"]) == (None, None, None)
    until = nodetally(uneven_folder, "--since", "2026-01-01", "--to", "2026-01-16", *gpu).stdout.split()
    assert until[-2:] == ["0.1", "2026-03-19"], "32/340 a day, 2.2 now, 8 there are"


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_a_line_of_the_table_fits(folder: Path, width: int) -> None:
    """The sparkline gives way first, then figures; the day it runs out is last to go."""
    done = subprocess.run(
        [NODETALLY, "history", "--store", str(folder), *SPAN, "--by", "pool"],
        capture_output=True, text=True, check=True, env={**CLEAN, "COLUMNS": str(width)},
    )  # fmt: skip
    assert max(map(len, done.stdout.splitlines())) <= width
    assert "RUNS OUT" in done.stdout
    header = done.stdout.splitlines()[1]
    assert ("REQUESTS BY DAY" in header, "USAGE PEAK" in header) == (width >= 80, width >= 100)
    assert ("no room for: " in done.stdout) == (width < 100)
