"""`nodetally store` from outside: what each command prints where, what it changes, and how it ends."""

import csv
import io
import json
import pty
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from os import close, environ, read
from pathlib import Path
from typing import Any

import orjson
import pytest

import documents
import golden
from nodetally import snapshot
from nodetally.store.directory import DirectoryStore
from nodetally.store.layout import INDEX_HEADERS, SNAPSHOT_HEADERS, day_index_key, latest_key, slot_of, snapshot_key
from nodetally.store.publish import publish
from paths import NODETALLY

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
CLEAN = {"PATH": environ["PATH"], "HOME": "/nonexistent", "TERM": "xterm", "COLUMNS": "120"}
KEEP = ("prune", "--keep", "all:2h,daily:2d", "--now", "2026-11-23T12:01:00Z")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two clusters, one of them over two days."""
    store = DirectoryStore(tmp_path / "store")
    for hours, cluster in ((-30, "prod"), (-20, "prod"), (-1, "prod"), (0, "prod"), (0, "stage")):
        slot = slot_of(NOON + timedelta(hours=hours))
        document = documents.snapshot([documents.node("n1")], slot=slot, taken_at=slot, cluster=cluster)
        publish(store, document, snapshot.encode(document))
    return tmp_path / "store"


def nodetally(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [NODETALLY, "store", *arguments, "--store", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, env=CLEAN | variables, check=False)


def printed(folder: Path, *arguments: str) -> str:
    done = nodetally(folder, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def damage(folder: Path) -> None:
    """One breach of several kinds."""
    store = DirectoryStore(folder)
    store.delete(snapshot_key("prod", "2026-11-22T16:00:00Z"))
    store.delete(latest_key("stage"))
    store.put(day_index_key("stage", "2026-11-23"), b"{", INDEX_HEADERS)
    store.put(snapshot_key("prod", "2026-11-23T11:30:00Z"), b"bit rot", SNAPSHOT_HEADERS)
    store.put("clusters/prod/notes\u202e.txt", b"", INDEX_HEADERS)


def test_a_clean_store_is_told_as_such(folder: Path) -> None:
    """Exit code 0, one line, nothing on stderr: it is no terminal."""
    done = nodetally(folder, "verify")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Nothing is wrong: 2 clusters, 3 days, 5 snapshots, ")


def test_verify_lists_every_breach_and_what_to_do(folder: Path) -> None:
    """Exit code 6; the table is data, the sentence for people is on stderr with the next step."""
    damage(folder)
    done = nodetally(folder, "verify", "--patience", "0s")
    assert done.returncode == 6
    golden.check("store-verify.txt", done.stdout)
    assert done.stderr.startswith(f"Error: 5 breaches in {folder}\nHint: nodetally store repair")


def test_verify_as_json_says_the_same(folder: Path) -> None:
    """For a monitor: kinds, keys, and what was checked."""
    damage(folder)
    done = nodetally(folder, "verify", "--patience", "0s", "--format", "json")
    found = json.loads(done.stdout)
    assert done.returncode == 6
    assert found["store"] == str(folder)
    assert found["checked"]["deep"] is True
    assert [(each["kind"], each["cluster"]) for each in found["breaches"]] == [
        ("missing-snapshot", "prod"),
        ("unknown-file", "prod"),
        ("unreadable-snapshot", "prod"),
        ("damaged-index", "stage"),
        ("wrong-latest", "stage"),
    ]
    assert all(each["key"] and each["what"] and each["to_do"] for each in found["breaches"])


def test_repair_tells_first_and_then_changes(folder: Path) -> None:
    """A dry run changes no byte; what is left is listed, with exit code 6; then only that is found."""
    damage(folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    dry = nodetally(folder, "repair", "--dry-run")
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert dry.stdout.splitlines()[0].split() == ["KEY", "CHANGE"]
    done = nodetally(folder, "repair")
    assert (dry.returncode, done.returncode) == (6, 6)
    golden.check("store-repair.txt", done.stdout)
    assert "1 breach in" in done.stderr
    left = json.loads(nodetally(folder, "verify", "--patience", "0s", "--format", "json").stdout)["breaches"]
    assert [each["kind"] for each in left] == ["unknown-file", "unreadable-snapshot"]
    again = json.loads(nodetally(folder, "repair", "--format", "json").stdout)
    assert (again["changes"], len(again["left"])) == ([], 1)


def test_prune_only_counts_until_it_is_told_to_delete(folder: Path) -> None:
    """The same table both times; without --yes it says on stderr that nothing was deleted."""
    dry = nodetally(folder, *KEEP)
    assert dry.returncode == 0
    assert "add --yes" in dry.stderr
    assert len(list(folder.glob("snapshots/*/*/*"))) == 5
    done = nodetally(folder, *KEEP, "--yes")
    assert (done.stdout, done.stderr) == (dry.stdout, "")
    assert len(list(folder.glob("snapshots/*/*/*"))) == 4
    assert "Nothing is wrong" in printed(folder, "verify")
    tiers = json.loads(printed(folder, *KEEP, "--format", "json", "--cluster", "prod"))["tiers"]
    assert [(row["tier"], row["kept"], row["gone"]) for row in tiers] == [
        ("all:2h", 2, 0),
        ("daily:2d", 1, 0),
        ("older", 0, 0),
    ]


def test_no_variable_can_make_a_prune_delete(folder: Path) -> None:
    """--yes is typed or it is not."""
    nodetally(folder, *KEEP, NODETALLY_YES="1")
    assert len(list(folder.glob("snapshots/*/*/*"))) == 5


def test_a_damaged_cluster_keeps_no_other_from_being_thinned(folder: Path) -> None:
    """It is named, with what to do, behind the table of those that were; the exit code is 5."""
    store = DirectoryStore(folder)
    store.put(day_index_key("prod", "2026-11-22"), b"{", INDEX_HEADERS)
    slot = slot_of(NOON + timedelta(minutes=5))
    document = documents.snapshot([documents.node("n1")], slot=slot, taken_at=slot, cluster="stage")
    publish(store, document, snapshot.encode(document))
    done = nodetally(folder, "prune", "--keep", "all:1h", "--now", "2026-11-24T12:00:00Z", "--yes")
    assert done.returncode == 5
    assert "Error: not thinned: prod; damaged: " in done.stderr
    assert "store repair" in done.stderr
    assert not (folder / snapshot_key("stage", slot_of(NOON))).exists()
    assert (folder / snapshot_key("prod", slot_of(NOON + timedelta(hours=-1)))).exists()
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["CLUSTER", "stage", "stage"]


def test_ls_lists_clusters_days_and_snapshots(folder: Path) -> None:
    """From the whole to the single, sizes rounded for people."""
    listings = [(), ("--cluster", "prod"), ("--cluster", "prod", "--day", "2026-11-23")]
    text = "\n".join(printed(folder, "ls", *place) for place in listings)
    sizes = [path.stat().st_size for path in folder.glob("snapshots/*/*/*")]
    assert all(500 < size < 1_000 for size in sizes)
    golden.check("store-ls.txt", _without_sizes(text))


def _without_sizes(text: str) -> str:
    """The size of a gzip body depends on the zlib that wrote it."""
    lines = (line.rsplit("  ", 1)[0].rstrip() if line.endswith(("B", "SIZE")) else line for line in text.splitlines())
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("place", "name"),
    [((), "clusters"), (("--cluster", "prod"), "days"), (("--cluster", "prod", "--day", "2026-11-23"), "snapshots")],
)
def test_csv_and_json_hold_the_same_rows(folder: Path, place: tuple[str, ...], name: str) -> None:
    """Under the same names, with numbers as they are."""
    rows: list[dict[str, Any]] = json.loads(printed(folder, "ls", *place, "--format", "json"))[name]
    read_back = list(csv.DictReader(io.StringIO(printed(folder, "ls", *place, "--format", "csv"))))
    assert read_back == [{key: "" if value is None else str(value) for key, value in row.items()} for row in rows]
    assert len(rows) == 2


def test_rollup_makes_what_changed_and_ls_tells(folder: Path) -> None:
    """A table of the days that are made, then one line; the second time only that line."""
    dry = printed(folder, "rollup", "--dry-run")
    assert (dry.splitlines()[0].split()[:3], dry.splitlines()[-1]) == (
        ["CLUSTER", "DAY", "ROLLUP"],
        "3 days to make, 0 unchanged.",
    )
    done = json.loads(printed(folder, "rollup", "--format", "json", "--cluster", "prod", "--day", "2026-11-22"))
    assert [(day["cluster"], day["day"], day["what"], day["rows"]) for day in done["days"]] == [
        ("prod", "2026-11-22", "made", 2 * (1 + 1 + 0))
    ]
    assert (done["unchanged"], done["left_out"], done["dry_run"]) == (0, {}, False)
    states = {
        row["day"]: row["rollup"]
        for row in json.loads(printed(folder, "ls", "--cluster", "prod", "--format", "json"))["days"]
    }
    assert states == {"2026-11-22": "fresh", "2026-11-23": None}
    assert printed(folder, "rollup").splitlines()[-1] == "2 days made, 1 unchanged."
    assert printed(folder, "rollup") == "0 days made, 3 unchanged.\n"
    assert "Nothing is wrong" in printed(folder, "verify")


def test_rollup_leaves_damage_out_and_says_so(folder: Path) -> None:
    """Exit code 6 at the end, when all else is done."""
    DirectoryStore(folder).put(snapshot_key("prod", "2026-11-23T11:30:00Z"), b"bit rot", SNAPSHOT_HEADERS)
    done = nodetally(folder, "rollup")
    assert done.returncode == 6
    assert done.stdout.splitlines()[-1] == "3 days made, 0 unchanged."
    assert "left out: snapshots/cluster=prod/date=2026-11-23/20261123T113000Z.json.gz: not a snapshot" in done.stderr


def test_without_the_library_rollup_says_how_to_get_it(folder: Path) -> None:
    """Exit code 2; and nothing else of the program needs it."""
    script = "import sys; sys.modules['pyarrow'] = None; from nodetally.cli.main import main; main(sys.argv[1:])"
    for arguments, code in ((("rollup",), 2), (("verify",), 0), (("ls",), 0), (("repair",), 0)):
        command = [sys.executable, "-c", script, "store", *arguments, "--store", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, env=CLEAN, check=False)
        assert done.returncode == code, done.stderr
        assert ("pip install 'nodetally[rollup]'" in done.stderr) == (code == 2)


def test_a_snapshot_that_no_index_names_is_listed_with_what_is_known(folder: Path) -> None:
    """Its key and size; the rest is "?"."""
    store = DirectoryStore(folder)
    key = day_index_key("prod", "2026-11-23")
    stored = store.get(key)
    assert stored is not None
    index = orjson.loads(stored.body)
    index["snapshots"].pop()
    store.put(key, orjson.dumps(index), INDEX_HEADERS)
    last = printed(folder, "ls", "--cluster", "prod", "--day", "2026-11-23").splitlines()[-1]
    assert last.split()[:5] == ["2026-11-23T12:00:00Z", "?", "?", "?", "?"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("verify", "--cluster", "prdo"), "no cluster prdo"),
        (("repair", "--cluster", "../x"), "not a cluster name"),
        (("prune", "--keep", "all:2"), "not a tier of a retention policy: 'all:2'"),
        (("prune", "--keep", "all:2d", "--now", "yesterday"), "not a time"),
        (("prune",), "--keep"),
        (("ls", "--day", "2026-11-23"), "--day is of one cluster"),
        (("ls", "--cluster", "prod", "--day", "noon"), "not a time"),
        (("verify", "--patience", "10"), "not a duration"),
        (("rollup", "--day", "2026-11-23", "--from", "2d"), "--day is one day"),
        (("rollup", "--from", "2026-11-23", "--to", "2026-11-22"), "there is no day"),
        (("rollup", "--from", "soon"), "not a time"),
    ],
)
def test_wrong_use_is_told_with_the_way_out(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    """Exit code 2, nothing on stdout, nothing read or written for it."""
    done = nodetally(folder, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


@pytest.mark.parametrize("command", ["verify", "repair", "ls"])
def test_a_store_that_holds_nothing_is_not_called_clean(tmp_path: Path, command: str) -> None:
    """A typing error in --store must not keep a monitor green; and nothing is made there."""
    done = nodetally(tmp_path / "typo", command)
    assert (done.returncode, done.stdout) == (2, "")
    assert "nothing is stored in" in done.stderr
    assert not (tmp_path / "typo").exists()


def test_a_terminal_is_shown_how_far_it_is(folder: Path) -> None:
    """On stderr; stdout stays data."""
    parent, child = pty.openpty()
    command = [NODETALLY, "store", "verify", "--store", str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=child, env=CLEAN, check=True)
    close(child)
    assert b"verifying" in read(parent, 100_000)
    assert done.stdout.startswith(b"Nothing is wrong")
    close(parent)
