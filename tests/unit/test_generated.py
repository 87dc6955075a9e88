"""What is generated and committed is what its source gives."""

import json
import subprocess
import sys
from pathlib import Path

from nodetally import snapshot
from paths import PACKAGE


def test_the_protobuf_module_is_what_protoc_makes_of_the_proto(tmp_path: Path) -> None:
    """`make proto` gives the committed bytes."""
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{PACKAGE.parent}", f"--python_out={tmp_path}",
               f"--pyi_out={tmp_path}", "nodetally/cluster/k8s.proto"]  # fmt: skip
    subprocess.run(command, check=True, cwd=PACKAGE.parent)
    for name in ("k8s_pb2.py", "k8s_pb2.pyi"):
        assert (tmp_path / "nodetally" / "cluster" / name).read_text() == (PACKAGE / "cluster" / name).read_text()


def test_the_published_schema_is_what_the_types_say() -> None:
    """`make schema` gives the committed file."""
    assert json.loads(snapshot.SCHEMA_FILE.read_text()) == snapshot.json_schema()
