"""The benchmarks' own arithmetic and machinery, in small; their figures are `make bench`'s."""

import doctest
import json
import sys
from importlib import import_module
from pathlib import Path

import pytest

import flames
import report
import sizes
from measuring import HERE, Command, interleaved, measure
from simulated import latest, output, python, simulated

MODULES = ("alternatives", "flames", "importtime", "plots", "report", "sizes")


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_hold(module: str) -> None:
    """Of every function that computes something."""
    done = doctest.testmod(import_module(module))
    assert done.attempted
    assert not done.failed


def test_a_pass_and_an_alternative_come_to_the_same(tmp_path: Path) -> None:
    """Measured from the launcher on: the smallest run of what make bench does, and its check of the others' tally."""
    with simulated(tmp_path, 2, 40) as cluster:
        point = sizes.point(cluster, tmp_path, 2, 40, repeats=1)
        found = output(python("alternatives.py", "raw", str(cluster.kubeconfig)))
    nodes = latest(tmp_path / "store-2-40")["nodes"]
    assert found == {node["name"]: node["resources"]["cpu"]["containers"] for node in nodes}
    assert any(found.values())
    assert point.requests == 4
    assert point.bytes_written > 2 * point.snapshot_bytes  # the snapshot, latest and the indexes
    assert point.peak_mb > point.limit_mb > 0


def test_peaks_of_small_processes_are_their_own() -> None:
    """A child of this process would start with its peak; a launcher stands between them."""
    held = bytes(200_000_000)
    small = measure(Command([sys.executable, "-I", "-S", "-c", "pass"]))
    assert 1 < small.peak_mb < len(held) / 2e6


def test_a_failure_is_never_a_fast_run() -> None:
    """It ends the benchmark, with what the command said; where it may fail, its exit code is a figure."""
    command = Command([sys.executable, "-c", "raise SystemExit('broken')"])
    with pytest.raises(SystemExit, match="broken"):
        interleaved({"it": command}, 1)
    assert measure(command, may_fail=True).exit_code == 1


def test_memory_is_limited_where_that_is_asked() -> None:
    """A process that wants more fails by itself."""
    command = Command([sys.executable, "-c", "bytes(300_000_000)"])
    assert measure(command, may_fail=True, data_bytes=128 << 20).exit_code == 1
    assert measure(command).exit_code == 0


def test_slopes_find_what_was_put_in() -> None:
    """A quantity that is exactly linear gives its own parts back."""
    points = [
        sizes.Point(nodes, pods, 0.1 + 2e-5 * nodes + 3e-5 * pods, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)
        for nodes, pods in sizes.grid(150_000)
    ]
    found = sizes.slope("wall", points, lambda point: point.wall)
    assert found[1:] == pytest.approx((0.1, 2e-5, 3e-5, 0))


def test_pictures_are_small_and_tell_nothing_of_the_machine() -> None:
    """Flame graphs are cut until they fit, and name modules, not files."""
    stack = tuple(
        flames.frames("<module> (/home/me/.venv/bin/nodetally:1);main (/home/me/job/nodetally/cli/main.py:8)")
    )
    assert stack == ("nodetally", "nodetally.cli.main: main")
    wide: flames.Stacks = {(*stack, f"{'name' * 50}{number}"): 1 for number in range(5000)}
    assert len(flames.bounded(wide)) <= flames.MOST_BYTES
    assert "nodetally.cli.main: main: 100.0 %" in flames.bounded(wide)


def test_the_readme_says_what_was_measured() -> None:
    """README and plots are what report.py makes of results.json, to the byte."""
    for name, content in report.files(json.loads((HERE / "results.json").read_text())).items():
        assert (HERE / name).read_text() == content
