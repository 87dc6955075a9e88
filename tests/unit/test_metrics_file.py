"""`run --metrics-file`: what node-exporter reads after a good pass, a failed one, and one after the other."""

import os
import re
import subprocess
from pathlib import Path

from paths import NODETALLY, VECTORS

CLUSTER = str(VECTORS / "cluster.json.gz")


def run(folder: Path, dump: str = CLUSTER, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [NODETALLY, "run", "--dump", dump, "--cluster", "c", "--store", str(folder / "store")]
    command += ["--metrics-file", str(folder / "nodetally.prom"), *arguments]
    clean = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    return subprocess.run(command, capture_output=True, text=True, env=clean, check=False)


def metrics(folder: Path) -> dict[str, str]:
    """Name and labels → value; every line is a comment or a sample, every sample has a type."""
    text = (folder / "nodetally.prom").read_text()
    assert text.endswith("# EOF\n")
    lines = text.splitlines()
    typed = {line.split()[2] for line in lines if line.startswith("# TYPE ")}
    samples = [line for line in lines if not line.startswith("#")]
    found = dict(line.rsplit(" ", 1) for line in samples)
    assert len(found) == len(samples)
    assert {name.partition("{")[0] for name in found} == typed
    assert all(re.fullmatch(r"-?\d+(\.\d+)?", value) for value in found.values())
    return found


def test_a_good_pass_tells_what_it_did(tmp_path: Path) -> None:
    """The figures of its summary; readable by others, since node-exporter is another user."""
    assert run(tmp_path).returncode == 0
    found = metrics(tmp_path)
    assert found['nodetally_last_pass_success{cluster="c"}'] == "1"
    assert found['nodetally_nodes{cluster="c"}'] == "40"
    assert found['nodetally_nodes_without_usage{cluster="c"}'] == "40"
    assert found['nodetally_pods_counted{cluster="c"}'] == "1147"
    assert found['nodetally_pass_source_info{cluster="c",kind="dump"}'] == "1"
    path = tmp_path / "nodetally.prom"
    assert path.stat().st_mode & 0o777 == 0o644
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["nodetally.prom"]


def test_a_failed_pass_says_so_beside_the_last_good_one(tmp_path: Path) -> None:
    """When the last success was stays; its figures, which would be taken for new ones, do not."""
    assert run(tmp_path).returncode == 0
    success = metrics(tmp_path)['nodetally_last_success_timestamp_seconds{cluster="c"}']
    half = tmp_path / "half.json"
    half.write_text('{"kind": "List", "items": [')
    assert run(tmp_path, str(half)).returncode == 3
    found = metrics(tmp_path)
    assert found['nodetally_last_pass_success{cluster="c"}'] == "0"
    assert found['nodetally_last_pass_exit_code{cluster="c"}'] == "3"
    assert found['nodetally_last_success_timestamp_seconds{cluster="c"}'] == success
    assert 'nodetally_nodes{cluster="c"}' not in found


def test_a_first_pass_that_fails_knows_of_no_success(tmp_path: Path) -> None:
    """Unknown is left out, not 0, which would be 1970."""
    half = tmp_path / "half.json"
    half.write_text("{")
    assert run(tmp_path, str(half)).returncode == 3
    assert 'nodetally_last_success_timestamp_seconds{cluster="c"}' not in metrics(tmp_path)


def test_a_file_that_cannot_be_written_is_told_and_the_snapshot_is_stored(tmp_path: Path) -> None:
    """The option is wrong, and the pass was good."""
    done = run(tmp_path, CLUSTER, "--metrics-file", str(tmp_path / "no" / "such" / "folder"))
    assert done.returncode == 2
    assert "--metrics-file" in done.stderr
    assert len(list((tmp_path / "store").glob("snapshots/*/*/*"))) == 1
