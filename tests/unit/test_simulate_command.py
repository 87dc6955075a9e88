"""`nodetally simulate`: what it serves, how it ends, and the files that it reads."""

import gzip
import http.client
import json
import signal
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner

from clusters import node, pod
from nodetally.cli.simulate import load_objects, simulate
from nodetally.errors import WrongUse
from nodetally.simulate.faults import Fault
from paths import NODETALLY
from simulate_client import JSON

OBJECTS = [node("n1"), node("n2"), pod("a", "n1"), pod("b")]


def started(tmp_path: Path, *arguments: str) -> tuple[subprocess.Popen[bytes], Path]:
    """The command in a process of its own, once it answers (it says so on stderr, after the kubeconfig is there)."""
    path = tmp_path / "kubeconfig"
    command = [NODETALLY, "simulate", *arguments, "--write-kubeconfig", str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stderr is not None
    assert process.stderr.readline().startswith(b"Serving ")
    return process, path


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_the_command_serves_until_a_signal(tmp_path: Path, ending: signal.Signals) -> None:
    """It answers when the kubeconfig is there, prints nothing to stdout, and exits with 0, open watches or not."""
    process, path = started(tmp_path, "--nodes", "2", "--pods", "9", "--seed", "5")
    url = json.loads(path.read_bytes())["clusters"][0]["cluster"]["server"]
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    connection.request("GET", "/api/v1/pods?watch=true", headers={"Accept": JSON})
    assert b"ADDED" in connection.getresponse().readline()
    process.send_signal(ending)
    output, _ = process.communicate(timeout=10)
    connection.close()
    assert (process.returncode, output) == (0, b"")


def test_the_command_serves_a_file_of_kubectls(tmp_path: Path) -> None:
    """Compressed or not, nodes and pods are read, other kinds are passed over."""
    content = json.dumps({"kind": "List", "items": [*OBJECTS, {"kind": "Service", "metadata": {"name": "s"}}]}).encode()
    (tmp_path / "dump.json.gz").write_bytes(gzip.compress(content))
    (tmp_path / "dump.json").write_bytes(content)
    assert load_objects(tmp_path / "dump.json.gz") == load_objects(tmp_path / "dump.json") == OBJECTS


@pytest.mark.parametrize("content", [None, b"not json", b'{"items": [1]}', b"\x1f\x8bbroken"])
def test_files_that_cannot_be_served_are_wrong_use(tmp_path: Path, content: bytes | None) -> None:
    """Not there, not JSON, not a list of objects, broken gzip: named, with the command that writes a good one."""
    path = tmp_path / "dump"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WrongUse) as refused:
        load_objects(path)
    assert "kubectl get nodes,pods" in refused.value.hint


def test_the_help_tells_about_faults() -> None:
    """Every field of a fault is in the help text."""
    text = CliRunner().invoke(simulate, ["--help"]).output
    assert all(name in text for name in Fault.__dataclass_fields__)
