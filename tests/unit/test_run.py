"""The command line from outside: what it prints where, what it stores, how it ends."""

import gzip
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from clusters import node, pod, served
from nodetally.collect import run_pass, share_of_jitter
from nodetally.settings import Settings, Surroundings
from nodetally.simulate.cluster import SimulatedCluster
from paths import NODETALLY, VECTORS

CLUSTER = str(VECTORS / "cluster.json.gz")


def nodetally(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The installed program, in an environment without a cluster."""
    clean = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **environment}
    return subprocess.run([NODETALLY, *arguments], capture_output=True, text=True, env=clean, check=False)


def run_dump(store: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return nodetally("run", "--dump", CLUSTER, "--cluster", "c", "--store", str(store), *arguments, **environment)


def test_a_pass_stores_what_json_prints_and_show_gives_it_back(tmp_path: Path) -> None:
    """One document: on stdout, in the store, and from show."""
    done = run_dump(tmp_path, "--format", "json", "--at", "2026-11-23T12:00:00Z")
    assert done.returncode == 0, done.stderr
    stored = tmp_path / "snapshots/cluster=c/date=2026-11-23/20261123T120000Z.json.gz"
    assert gzip.decompress(stored.read_bytes()).decode() == done.stdout
    shown = nodetally("show", "--cluster", "c", "--store", str(tmp_path), "--format", "json")
    assert json.loads(shown.stdout) == json.loads(done.stdout)
    assert "20261123T120000Z.json.gz" in done.stderr


def test_a_slot_that_is_there_is_success(tmp_path: Path) -> None:
    """A retried job does no harm, and says that it did nothing."""
    first = run_dump(tmp_path, "--at", "2026-11-23T12:00:00Z")
    again = run_dump(tmp_path, "--at", "2026-11-23T12:00:59Z", "--slot-every", "1m")
    assert (first.returncode, again.returncode) == (0, 0)
    assert "stored already" in again.stderr
    assert len(list(tmp_path.glob("snapshots/*/*/*"))) == 1


def test_a_pass_that_waits_answers_for_when_it_was_started(tmp_path: Path) -> None:
    """--jitter is no part of the slot, nor of what the pass cost."""
    moments = count(datetime(2026, 11, 23, 11, 59, 59, tzinfo=UTC).timestamp())
    settings = Settings(cluster="prod", store=str(tmp_path), dumps=(CLUSTER,), jitter_seconds=0.5)
    before = time.monotonic()
    done = run_pass(settings, Surroundings.read({}), clock=lambda: datetime.fromtimestamp(next(moments), UTC))
    whole = time.monotonic() - before
    assert done.outline["slot"] == "2026-11-23T11:59:59Z"
    assert whole - done.outline["cost"]["seconds"] >= share_of_jitter("prod", 0.5) > 0


def test_a_variable_that_no_option_reads_is_told(tmp_path: Path) -> None:
    """A misspelt line of a ConfigMap; those of another command may stand in the same one."""
    others = {"NODETALLY_FROM": "3d", "NODETALLY_SHOW_FORMAT": "csv", "NODETALLY_GZIP": "true"}
    done = run_dump(tmp_path, **others, NODETALLY_PAGESIZE="500")
    assert done.returncode == 0, done.stderr
    assert "NODETALLY_PAGESIZE is set, and no option reads it" in done.stderr
    assert done.stderr.count("no option reads it") == 1


def test_stdout_is_empty_unless_something_is_asked_for(tmp_path: Path) -> None:
    """In a pipe or a job's log; what happened is on stderr."""
    done = run_dump(tmp_path)
    assert done.stdout == ""
    assert "40 nodes, 1147 pods" in done.stderr


def test_log_lines_can_be_json(tmp_path: Path) -> None:
    """For whoever collects a job's logs."""
    done = run_dump(tmp_path, NODETALLY_LOG_FORMAT="json")
    levels = [json.loads(line)["level"] for line in done.stderr.splitlines()]
    assert levels == ["info", "warning", "warning"]


def closed_pipe() -> int:
    """The end to write to, of a pipe that nobody reads any more."""
    reading, writing = os.pipe()
    os.close(reading)
    return writing


@pytest.mark.parametrize(("target", "code"), [(closed_pipe, 141), (lambda: os.open("/dev/full", os.O_WRONLY), 5)])
@pytest.mark.parametrize("format_", ["json", "kite", "table"])
def test_an_output_that_ends_is_no_bug(tmp_path: Path, format_: str, target: Callable[[], int], code: int) -> None:
    """A reader that has seen enough, a disk that is full: no traceback."""
    command = [NODETALLY, "run", "--dump", CLUSTER, "--cluster", "c", "--store", str(tmp_path), "--format", format_]
    with os.fdopen(target(), "wb") as output:
        done = subprocess.run(command, stdout=output, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize(("target", "code"), [(closed_pipe, 141), (lambda: os.open("/dev/full", os.O_WRONLY), 5)])
@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["policy", "--store", "s3://bucket/prefix"]])
def test_a_short_output_that_ends_is_no_bug(arguments: list[str], target: Callable[[], int], code: int) -> None:
    """The interpreter holds it back until the end, unless it is told not to."""
    buffered = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    with os.fdopen(target(), "wb") as output:
        command = [NODETALLY, *arguments]
        done = subprocess.run(command, env=buffered, stdout=output, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize("arguments", [["run", "--help"], ["explain", "node/a", "--dump", "dump.json"]])
def test_an_encoding_without_our_signs_is_no_bug(tmp_path: Path, arguments: list[str]) -> None:
    """A terminal of ISO 8859-1 has no … and no –."""
    dump = {"kind": "List", "items": [node("a", cpu="4"), pod("p", "a", cpu="1")]}
    (tmp_path / "dump.json").write_text(json.dumps(dump))
    environment = {**os.environ, "PYTHONIOENCODING": "iso8859-1"}
    done = subprocess.run([NODETALLY, *arguments], capture_output=True, env=environment, cwd=tmp_path, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (b"LABEL,\\u2026" if "run" in arguments else b"1000m           -") in done.stdout


def test_a_closed_stdout_is_nowhere(tmp_path: Path) -> None:
    """As some supervisors start a job: it stores its snapshot, and nothing of it is a bug."""
    command = (
        f"exec {NODETALLY} run --dump {CLUSTER} --cluster c --store {tmp_path} --format table >&- 2>{tmp_path}/said"
    )
    assert subprocess.run(["sh", "-c", command], check=False).returncode == 0, (tmp_path / "said").read_text()
    assert "stored as" in (tmp_path / "said").read_text()


def test_a_dry_run_stores_nothing(tmp_path: Path) -> None:
    """And still prints."""
    done = run_dump(tmp_path / "store", "--dry-run", "--format", "json")
    assert json.loads(done.stdout)["source"]["kind"] == "dump"
    assert not (tmp_path / "store").exists()


def test_some_nodes_are_not_called_all(tmp_path: Path) -> None:
    """A dry run of a part of the cluster: its table must not read as the whole."""
    objects = [node("a", {"pool": "x"}, cpu="4"), node("b", cpu="4")]
    with served(SimulatedCluster.of(objects), tmp_path) as (_, settings):
        part = "run", "--cluster", "c", "--dry-run", "--format", "table", "--kubeconfig", str(settings.kubeconfig)
        for option, said in (
            ("--node=a", "\n1 node "),
            ("--selector=pool=x", "\n1 node "),
            ("--selector=y", "\nNo node"),
        ):
            done = nodetally(*part, option)
            assert done.returncode == 0, done.stderr
            assert said in done.stdout
        assert "\nall 2 nodes " in nodetally(*part).stdout


def test_kite_prints_kites_list(tmp_path: Path) -> None:
    """Items with metadata, spec, status and metrics, by name; a figure that is 0 is a missing key."""
    listed = json.loads(run_dump(tmp_path, "--format", "kite").stdout)
    assert list(listed) == ["items", "metadata"]
    items: list[dict[str, Any]] = listed["items"]
    assert [list(item) for item in items] == [["metadata", "spec", "status", "metrics"]] * 40
    names = [item["metadata"]["name"] for item in items]
    assert names == sorted(names)
    assert "cpuUsage" not in items[0]["metrics"]


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "text"),
    [
        (["run"], {}, 2, "--cluster"),
        (["run", "--cluster", "../x", "--dump", CLUSTER], {}, 2, "not a cluster name"),
        (["run", "--cluster", "c"], {}, 2, "--dump FILE"),
        (["run", "--cluster", "c", "--dump", "/none.json"], {}, 2, "kubectl get nodes,pods -A -o json"),
        (["run", "--cluster", "c", "--dump", CLUSTER, "--slot-every", "7m"], {}, 2, "do not fill a day"),
        (["run", "--cluster", "c", "--every", "7m"], {}, 2, "--every: slots of 7m do not fill a day"),
        (["run", "--cluster", "c", "--dump", CLUSTER, "--node", "a"], {}, 2, "--dry-run"),
        (["run", "--cluster", "c", "--dump", CLUSTER, "--store", "ftp://x"], {}, 2, "not a store"),
        (["run", "--cluster", "c", "--dump", CLUSTER, "--store", "/proc/none"], {}, 5, "/proc/none"),
        (["run", "--cluster", "c", "--dump", sys.executable], {}, 3, "not a JSON list"),
        (["run", "--cluster", "c"], {"KUBERNETES_SERVICE_HOST": "127.0.0.1"}, 3, "serviceaccount"),
        (["run", "--cluster", "c", "--dump", CLUSTER, "--timeout", "9999d"], {}, 2, "a day"),
        (["run", "--cluster", "c", "--dump", CLUSTER, "--at", "0001-01-01"], {}, 2, "that old"),
        (["run", "--cluster", "c", "--kubeconfig", "/tmp"], {}, 2, "kubeconfig /tmp"),  # noqa: S108 -- any folder
        (["run", "--cluster", "c", "--jitter", "5m", "--slot-every", "5m"], {}, 2, "no less than the time between"),
        (["run", "--cluster", "c", "--every", "1m", "--slot-every", "5m"], {}, 2, "all but the first pass of a slot"),
        (["frobnicate"], {}, 2, "No such command"),
    ],
)
def test_every_failure_has_its_exit_code_and_a_way_out(
    arguments: list[str], environment: dict[str, str], code: int, text: str
) -> None:
    """An error and, where there is one, a hint; never a traceback, never anything on stdout."""
    done = nodetally(*arguments, **environment)
    assert done.returncode == code, done.stderr
    assert text in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("command", ["run", "show", "explain", "diff", "simulate"])
def test_every_option_says_what_it_does_and_its_variable(command: str) -> None:
    """Help worth reading: no option without a sentence, none without NODETALLY_…, but for a few switches."""
    import importlib

    module = importlib.import_module(f"nodetally.cli.{command}")
    for parameter in getattr(module, command).params:
        if parameter.param_type_name == "option":
            assert parameter.help, parameter.name
            assert parameter.envvar or parameter.name in ("no_color",), parameter.name
