"""docs/install.md on a real API server: its commands, as they stand there and in their order."""

import os
import re
import subprocess
from pathlib import Path

from control_plane import ADMIN_TOKEN, PROGRAMS, ControlPlane
from paths import ROOT

BLOCKS = re.findall(r"```sh\n(.*?)```", (ROOT / "docs/install.md").read_text(), re.DOTALL)
NOT_HERE = ("aws ", "docker ", "until kubectl logs ", "nodetally ")  # no engine, no kubelet; ours: tests/unit/test_docs
TRUE = "Warning: deleting cluster-scoped resources, not scoped to the provided namespace\n"  # and meant


def test_every_command_of_the_install_docs_does_what_it_says(own_control_plane: ControlPlane, tmp_path: Path) -> None:
    """From an empty cluster; what kubectl and helm say is no error and no warning."""
    lines = [line for block in BLOCKS for line in block.splitlines() if not line.startswith(NOT_HERE)]
    assert {line.split()[0] for line in lines} == {"kubectl", "sed", "helm"}
    assert len([line for line in lines if " apply -k " in line]) == 1  # a second one would take the first one's rights
    environment = {
        "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}",
        "KUBECONFIG": str(own_control_plane.kubeconfig(ADMIN_TOKEN, "kubeconfig-docs")),
        "HOME": str(tmp_path),
    }
    for line in lines:
        command = ["bash", "-o", "pipefail", "-c", line]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert (done.returncode, done.stderr.replace(TRUE, "")) == (0, ""), line
    # What is left is kustomize's, in two namespaces; what was in `ops` was taken away, by kubectl and by helm.
    for space in ("default", "ops", "nodetally"):
        found = own_control_plane.kubectl("get", "serviceaccounts,cronjobs", "-n", space, "-o", "name")
        expected = {"serviceaccount/nodetally", "cronjob.batch/nodetally"}
        assert set(found.stdout.split()) == (set() if space == "ops" else expected), space
