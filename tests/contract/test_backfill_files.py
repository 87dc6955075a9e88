"""Backfills from dumps and Velero backups, by the command: times, forms, halves of clusters, buckets, kill -9."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import clusters
import histories
import servers
from backfilled import without_terminating
from nodetally import snapshot
from nodetally.assemble import assemble
from nodetally.backfill.files import time_in
from nodetally.cli.main import main
from nodetally.cluster.dump import observe_dumps
from nodetally.errors import ClusterError
from nodetally.settings import Settings
from nodetally.store import read
from nodetally.store.base import Headers
from nodetally.store.directory import DirectoryStore
from nodetally.store.s3 import S3Store
from nodetally.store.verify import verify

FIVE = timedelta(minutes=5)
PLAIN = Headers("application/octet-stream", "no-store", None)


def command(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> dict[str, Any]:
    """The summary of a backfill."""
    with pytest.raises(SystemExit) as ended:
        main(["backfill", *map(str, arguments), "--cluster", "c", "--format", "json"])
    said = capsys.readouterr()
    assert ended.value.code == code, said.err
    return dict(json.loads(said.out)) if said.out else {"error": said.err}


def truth(folder: Path, moment: datetime, **changes: Any) -> dict[str, Any]:
    """The snapshot that a live pass would have made of the cluster at that moment, but for where it came from."""
    path = folder / "truth.json"
    path.write_bytes(histories.listed(histories.objects(moment)))
    settings = Settings(cluster="c", at=moment, trigger="backfill")
    made = snapshot.decode(assemble(observe_dumps([str(path)], moment), settings, moment, lambda: 0.0).body)
    return plain(made) | changes


def plain(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in ("cost", "source")}


@pytest.mark.parametrize("suffix", [".json", ".json.gz", ".json.zst"])
def test_a_folder_of_dumps_becomes_snapshots(tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str) -> None:
    """Every dump is the snapshot that a pass at its time would have made; taken_at is the dump's own time."""
    at = histories.moments(12, FIVE)
    late = timedelta(seconds=3)
    dumps = histories.write_dumps(tmp_path / "dumps", [*at[:6], *at[7:]], suffix, late=late)
    store = tmp_path / "store"
    said = command(capsys, "dumps", dumps, "--store", store)
    assert (said["slots"], said["filled"], said["already_there"]) == (12, 11, 0)
    assert [(each["slots"], each["first"], each["broken"]) for each in said["impossible"]] == [
        (1, "2026-11-20T00:30:00Z", False)
    ]
    for moment in (at[0], at[11]):
        made = read.at(DirectoryStore(store), "c", moment)
        assert plain(made) == truth(tmp_path, moment, taken_at=f"{moment + late:%Y-%m-%dT%H:%M:%SZ}")
        assert (made["source"]["kind"], made["source"]["consistent"], made["usage"]["status"]) == (
            "dump",
            False,
            "absent",
        )
    assert [*verify(DirectoryStore(store), patience_seconds=0)] == []


def test_the_first_whole_dump_of_a_slot_answers_for_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A broken one leaves the slot to the next; where there is no other the exit code is 3 and the rest is filled."""
    at = histories.moments(3, FIVE)
    dumps = histories.write_dumps(tmp_path / "dumps", at)
    histories.write_dumps(dumps, at, late=timedelta(minutes=1))
    broken = sorted(dumps.iterdir())
    for path in (broken[0], broken[4], broken[5]):
        path.write_bytes(path.read_bytes()[:-30])
    said = command(capsys, "dumps", dumps, "--store", tmp_path / "store", code=3)
    assert (said["filled"], [each["first"] for each in said["impossible"]]) == (2, ["2026-11-20T00:10:00Z"])
    assert "dump-20261120T001000Z.json" in said["impossible"][0]["reason"]
    store = DirectoryStore(tmp_path / "store")
    taken = [read.at(store, "c", each)["taken_at"] for each in at[:2]]
    assert taken == ["2026-11-20T00:01:00Z", "2026-11-20T00:05:00Z"]


def test_nodes_and_pods_apart_are_one_dump(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two files of one time."""
    items = histories.objects(histories.DAY)
    for name, wanted in (("nodes", "Node"), ("pods", "Pod")):
        (tmp_path / f"{name}-2026-11-20T00:00:00Z.json").write_bytes(
            histories.listed([each for each in items if each["kind"] == wanted])
        )
    said = command(capsys, "dumps", tmp_path, "--store", tmp_path / "store")
    assert (said["filled"], said["impossible"]) == (1, [])


def test_dumps_of_two_clusters_at_one_time_are_not_added_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nodes in two files of one time are no dump in parts."""
    for name in ("prod", "staging"):
        items = [clusters.node(f"{name}-1", cpu="8"), clusters.pod(name, f"{name}-1", cpu="1")]
        (tmp_path / f"{name}-2026-11-20T00:00:00Z.json").write_bytes(histories.listed(items))
    said = command(capsys, "dumps", tmp_path, "--store", tmp_path / "store", code=3)
    assert (said["filled"], "two clusters?" in said["impossible"][0]["reason"]) == (0, True)


def test_the_time_may_be_the_objects(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """When no name has one, or when asked; a mixture is refused."""
    path = tmp_path / "d" / "dump.json"
    path.parent.mkdir()
    path.write_bytes(histories.listed(histories.objects(histories.DAY)))
    os.utime(path, (histories.DAY.timestamp() + 7, histories.DAY.timestamp() + 7))
    assert command(capsys, "dumps", path.parent, "--store", tmp_path / "one")["from"] == "2026-11-20T00:00:00Z"
    histories.write_dumps(path.parent, [histories.DAY])
    refused = command(capsys, "dumps", path.parent, "--store", tmp_path / "two", code=2)
    assert "no time in the name of dump.json" in refused["error"]
    command(capsys, "dumps", path.parent, "--store", tmp_path / "two", "--time-from", "object", "--every", "1h")


@pytest.mark.parametrize("name", ["20261120T070000.json", "20261120T130000.json", "20261120T121600Z.json"])
def test_a_dump_of_another_time_than_its_name_says_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """A ready node reports every five minutes, so a local time without its zone shows, and the time of a copy."""
    ready, lost = clusters.node("n1", cpu="8"), clusters.node("n2", ready=False, cpu="8")
    ready["status"]["conditions"][0]["lastHeartbeatTime"] = "2026-11-20T11:58:03Z"
    lost["status"]["conditions"][0]["lastHeartbeatTime"] = "2026-11-20T03:00:00Z"
    dump = tmp_path / "dumps" / name
    dump.parent.mkdir()
    dump.write_bytes(histories.listed([ready, lost, clusters.pod("p", "n1", cpu="1")]))
    said = command(capsys, "dumps", dump.parent, "--store", tmp_path / "one", code=3)
    assert "the last report of a ready node in it is of 2026-11-20T11:58:03Z" in said["impossible"][0]["reason"]
    assert command(capsys, "dumps", dump, "--store", tmp_path / "two", "--time-from", "name")["filled"] == 1
    zoned = dump.rename(dump.with_name("20261120T130000+0100.json"))
    assert command(capsys, "dumps", dump.parent, "--store", tmp_path / "three")["filled"] == 1
    os.utime(zoned, (1_763_700_000 + 31_536_000,) * 2)  # a day later
    assert command(capsys, "dumps", dump.parent, "--store", tmp_path / "four", "--time-from", "object", code=3)


@pytest.mark.parametrize(
    ("name", "moment"),
    [
        ("dump-20261120T120003Z.json", "2026-11-20T12:00:03"),
        ("2026-11-20T12:00:03Z.json", "2026-11-20T12:00:03"),
        ("2026-11-20T13:00:03+01:00.json", "2026-11-20T12:00:03"),
        ("2026-11-20T13:00:03+0100.json", "2026-11-20T12:00:03"),
        ("20261120T130003+0100.json", "2026-11-20T12:00:03"),
        ("2026-11-20T07:00-05:00.json", "2026-11-20T12:00:00"),
        ("2026-11-20T07:00-0500.json", "2026-11-20T12:00:00"),
        ("2026-11-20T13:00:03.123456+01:00.json", "2026-11-20T12:00:03"),
        ("2026-11-20T12:00:03.123456Z.json", "2026-11-20T12:00:03"),
        ("2026-11-20T12:00:03.123456.json", "2026-11-20T12:00:03"),
        ("2026-11-20T12:00:03-nodes.json", "2026-11-20T12:00:03"),
        ("20261120-1200-1.json", "2026-11-20T12:00:00"),
        ("prod_2026-11-20_12-00-03.json.gz", "2026-11-20T12:00:03"),
        ("2026-11-20/12-00.json", "2026-11-20T12:00:00"),
        ("daily-20261120120003.tar.gz", "2026-11-20T12:00:03"),
        ("dump-1795176003.json", "2026-11-20T12:00:03"),
        ("20251120T120003Z/20261120T120003Z.json", "2026-11-20T12:00:03"),
        ("2026-11-20.json", None),
        ("20261320T120003Z.json", None),
        ("v1.37.2.json", None),
    ],
)
def test_times_in_names(name: str, moment: str | None) -> None:
    """UTC unless it says otherwise; a date alone is not a time."""
    found = time_in(name)
    assert (found and found.replace(tzinfo=None).isoformat()) == moment


def test_dumps_in_a_bucket_are_streamed_into_another_prefix(
    s3_server: servers.S3Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Source and store in S3, with the credentials of the environment."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    source = S3Store("nodetally-tests", "backfill/source")
    at = histories.moments(3, FIVE)
    for path in sorted(histories.write_dumps(tmp_path / "d", at, ".json.zst").iterdir()):
        source.put(path.name, path.read_bytes(), PLAIN)
    said = command(
        capsys, "dumps", "s3://nodetally-tests/backfill/source", "--store", "s3://nodetally-tests/backfill/store"
    )
    assert said["filled"] == 3
    made = read.at(S3Store("nodetally-tests", "backfill/store"), "c", at[1])
    assert plain(made) == truth(tmp_path, at[1])


@pytest.mark.parametrize("versions", [False, True])
def test_velero_backups_become_snapshots(tmp_path: Path, capsys: pytest.CaptureFixture[str], *, versions: bool) -> None:
    """By their own time; the versioned layout holds each object twice, and counts once."""
    moment = histories.DAY + timedelta(hours=5, minutes=2)
    histories.write_backup(tmp_path / "b", moment, versions=versions, includedNamespaces=["*"])
    said = command(capsys, "velero", tmp_path / "b", "--store", tmp_path / "store", "--every", "1h")
    assert (said["filled"], said["from"]) == (1, "2026-11-20T05:00:00Z")
    made = read.latest(DirectoryStore(tmp_path / "store"), "c")
    wanted = truth(tmp_path, moment, slot="2026-11-20T05:00:00Z", taken_at="2026-11-20T05:02:00Z", usage=made["usage"])
    assert plain(made) == without_terminating(wanted)
    assert (made["source"]["kind"], made["source"]["consistent"]) == ("velero", False)


def test_backups_of_two_clusters_in_one_location_are_not_one_history(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A storage location may be shared; each cluster has its own kube-system, for as long as it is there."""
    for hour, uid in enumerate(("old", "new", "new")):
        moment = histories.DAY + timedelta(hours=hour)
        made = {"kind": "Namespace", "metadata": {"name": "kube-system", "uid": uid}}
        histories.write_backup(tmp_path / "b", moment, items=[*histories.objects(moment), made], versions=hour == 2)
    place = ["velero", tmp_path / "b", "--every", "1h", "--store", tmp_path / "store"]
    said = command(capsys, *place, code=3)
    [refused] = said["impossible"]
    assert (said["filled"], refused["first"], "of another cluster" in refused["reason"]) == (
        2,
        "2026-11-20T00:00:00Z",
        True,
    )
    assert command(capsys, *place, "--to", "2026-11-20T01:00:00Z")["filled"] == 1


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"phase": "PartiallyFailed"}, "PartiallyFailed"),
        ({"phase": "FinalizingPartiallyFailed"}, "FinalizingPartiallyFailed"),
        ({"phase": "WaitingForPluginOperations"}, "WaitingForPluginOperations"),
        ({"includedNamespaces": ["default"]}, "includedNamespaces"),
        ({"excludedNamespaces": ["kube-system"]}, "excludedNamespaces"),
        ({"labelSelector": {"matchLabels": {"a": "b"}}}, "labelSelector"),
        ({"includedResources": ["pods"]}, "includedResources"),
        ({"excludedResources": ["nodes"]}, "excludedResources"),
        ({"includeClusterResources": False}, "includeClusterResources"),
    ],
)
def test_half_a_backup_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], why: str
) -> None:
    """A backup of some namespaces would be a wrong number."""
    histories.write_backup(tmp_path / "b", histories.DAY, **changes)
    said = command(capsys, "velero", tmp_path / "b", "--store", tmp_path / "store", code=3)
    assert said["filled"] == 0
    assert why in said["impossible"][0]["reason"]


def test_a_tarball_that_is_cut_off_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Wherever the cut is: an archive that ends between two objects would pass for a smaller cluster."""
    whole = histories.tarball(histories.objects(histories.DAY))
    (tmp_path / "b").mkdir()
    path = tmp_path / "b" / "daily-20261120000000.tar.gz"
    for length in range(len(whole) - 1, 20, -len(whole) // 15):
        path.write_bytes(whole[:length])
        said = command(capsys, "velero", tmp_path / "b", "--store", tmp_path / "store", code=3)
        assert said["filled"] == 0
    path.write_bytes(whole)
    assert command(capsys, "velero", tmp_path / "b", "--store", tmp_path / "store")["filled"] == 1


def test_a_tarball_without_nodes_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As a backup without cluster resources holds none."""
    (tmp_path / "b").mkdir()
    pods = [each for each in histories.objects(histories.DAY) if each["kind"] == "Pod"]
    (tmp_path / "b" / "x-20261120000000.tar.gz").write_bytes(histories.tarball(pods))
    said = command(capsys, "velero", tmp_path / "b", "--store", tmp_path / "store", code=3)
    assert "no nodes" in said["impossible"][0]["reason"]


def test_kill_9_leaves_a_store_that_the_same_command_completes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Killed again and again at whatever moment; at the end nothing is damaged and nothing is missing."""
    dumps = histories.write_dumps(tmp_path / "dumps", histories.moments(60, FIVE))
    store = tmp_path / "store"
    arguments = ["backfill", "dumps", str(dumps), "--store", str(store), "--cluster", "c"]
    for kills in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", "from nodetally.cli.main import main; main()", *arguments],
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        while process.poll() is None and len([*store.rglob("*Z.json.gz")]) < 12 * (kills + 1):
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.wait()
    said = command(capsys, *arguments[1:5])
    assert said["filled"] + said["already_there"] == 60
    assert said["already_there"] >= 12
    assert [*verify(DirectoryStore(store), patience_seconds=0)] == []


def test_ctrl_c_indexes_what_was_filled(tmp_path: Path) -> None:
    """Exit code 130, and the store is in order at once."""
    dumps = histories.write_dumps(tmp_path / "dumps", histories.moments(150, FIVE))
    store = tmp_path / "store"
    arguments = ["backfill", "dumps", str(dumps), "--store", str(store), "--cluster", "c"]
    process = subprocess.Popen(
        [sys.executable, "-c", "from nodetally.cli.main import main; main()", *arguments],
        stderr=subprocess.PIPE,
    )
    while process.poll() is None and len([*store.rglob("*Z.json.gz")]) < 5:
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    said = process.communicate()[1].decode()
    assert process.returncode == 130, said
    stored = len([*store.rglob("*Z.json.gz")])
    assert f"{stored} slots of 150 filled until then: " in said
    assert "the same command goes on from there" in said
    assert [*verify(DirectoryStore(store), patience_seconds=0)] == []


def test_a_dump_of_a_pod_that_cannot_be_read_names_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And the other dumps are filled."""
    at = histories.moments(2, FIVE)
    dumps = histories.write_dumps(tmp_path / "dumps", at)
    bad = [*histories.objects(at[0]), clusters.pod("bad", "n1", cpu="many")]
    sorted(dumps.iterdir())[0].write_bytes(histories.listed(bad))
    said = command(capsys, "dumps", dumps, "--store", tmp_path / "store", code=3)
    assert said["filled"] == 1
    assert "default/bad" in said["impossible"][0]["reason"]


def test_the_job_does_not_load_backfill() -> None:
    """Nothing of it is on a pass's path."""
    said = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "import nodetally.cli.run, nodetally.collect"],
        capture_output=True,
        check=True,
        text=True,
    ).stderr
    assert "nodetally.collect" in said
    assert "nodetally.backfill" not in said


def test_zstd_without_the_extra_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra: the job reads no file."""
    [path] = histories.write_dumps(tmp_path / "d", [histories.DAY], ".json.zst").iterdir()
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(Exception, match="packed with zstd"):
        observe_dumps([str(path)], None)


def test_zstd_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    """Wherever the cut is; several frames are one body."""
    [path] = histories.write_dumps(tmp_path / "d", [histories.DAY], ".json.zst").iterdir()
    whole = path.read_bytes()
    for length in range(8, len(whole), max(1, len(whole) // 20)):
        path.write_bytes(whole[:length])
        with pytest.raises(ClusterError):
            observe_dumps([str(path)], None)
    body = histories.listed(histories.objects(histories.DAY))
    path.write_bytes(b"".join(histories.pack(body[at : at + 500], ".json.zst") for at in range(0, len(body), 500)))
    assert observe_dumps([str(path)], None).tally.pods == 1
