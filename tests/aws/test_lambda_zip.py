"""The zip as Lambda runs it: unpacked into an empty folder, and nothing else to import but the runtime client."""

import hashlib
import importlib.util
import json
import platform
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import servers
from functions import SCHEDULED, Outcome, deployed
from nodetally.simulate.cluster import SimulatedCluster
from nodetally.simulate.server import serving
from nodetally.store.s3 import S3Store
from paths import PACKAGE

ARCHITECTURE = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]
SCRIPT = PACKAGE.parent.parent / "scripts" / "lambda_zip.py"


def build(folder: Path, architecture: str = ARCHITECTURE) -> Path:
    command = [sys.executable, str(SCRIPT), architecture, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr  # it ends badly above its budgets
    [made] = folder.iterdir()
    return made


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip for this machine."""
    return build(tmp_path_factory.mktemp("zip"))


@pytest.fixture(scope="module")
def task(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Lambda calls /var/task."""
    folder = tmp_path_factory.mktemp("task")
    with zipfile.ZipFile(made) as file:
        file.extractall(folder)
    return folder


def test_a_zip_for_another_python_than_the_environments_is_refused(tmp_path: Path) -> None:
    """`make run` made .venv before, and `make lambda-zip PYTHON=…` would give what PYTHON does not say."""
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 3.99\n")
    python.chmod(0o700)
    command = ["make", "--no-print-directory", "lambda-zip", f"PYTHON={python}"]
    done = subprocess.run(command, cwd=SCRIPT.parent.parent, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "PYTHON is 3.99, but .venv was made with 3.1" in done.stdout


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    """Lambda's own runtime client, by itself."""
    folder = tmp_path / "runtime"
    folder.mkdir()
    for name in ("awslambdaric", "simplejson", "runtime_client", "snapshot_restore_py"):
        found = importlib.util.find_spec(name)
        assert found is not None
        assert found.origin is not None
        origin = Path(found.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (folder / source.name).symlink_to(source)
    return folder


def test_the_same_source_gives_the_same_bytes(made: Path, tmp_path: Path) -> None:
    """Compiled modules included: built again, in another folder, at another time."""
    again = build(tmp_path)
    assert again.name == made.name
    assert hashlib.sha256(again.read_bytes()).digest() == hashlib.sha256(made.read_bytes()).digest()


def test_it_holds_what_calls_need_and_no_more(made: Path) -> None:
    """No Kubernetes client, no page, no simulator, none of botocore's other services; every module is compiled."""
    with zipfile.ZipFile(made) as file:
        names = file.namelist()
    tops = {name.partition("/")[0] for name in names if ".dist-info/" not in name}
    libraries = {"botocore", "click", "dateutil", "google", "jmespath", "orjson", "six.py", "urllib3"}
    assert tops - {"__pycache__"} == {"nodetally", *libraries}
    assert not [name for name in names if name.startswith(("nodetally/simulate", "nodetally/dashboard"))]
    services = {name.split("/")[2] for name in names if name.startswith("botocore/data/") and name.count("/") > 2}
    assert services == {"s3", "sts", "eks"}
    tag = f".{sys.implementation.cache_tag}.pyc"
    compiled = {name.replace("__pycache__/", "").removesuffix(tag) for name in names if name.endswith(tag)}
    assert {name.removesuffix(".py") for name in names if name.endswith(".py")} == compiled
    licences = {name.partition("-")[0] for name in names if "LICEN" in name.upper()}
    assert licences >= {"botocore", "click", "jmespath", "orjson", "python_dateutil", "six", "urllib3"}


def called(task: Path, runtime: Path, folder: Path, environment: dict[str, str]) -> tuple[Outcome, str]:
    """One call with the zip's folder and the runtime client to import from, and no site-packages."""
    path = f"{runtime}:{task}"
    with deployed(folder, "-S", "-B", PYTHONPATH=path, **environment) as function:
        return function(SCHEDULED), function.said()


def test_it_runs_with_nothing_else_from_an_eks_cluster_into_a_bucket(
    task: Path, runtime: Path, tmp_path: Path, s3_server: servers.S3Server
) -> None:
    """By endpoint and authority: any call of another AWS API would fail, because there is none."""
    before = set(task.rglob("*"))
    with serving(SimulatedCluster(nodes=3, pods=30, seed=3), tls=True) as server:
        kubeconfig = json.loads(server.write_kubeconfig(tmp_path / "kubeconfig").read_text())
        authority = kubeconfig["clusters"][0]["cluster"]["certificate-authority-data"]
        environment = {
            **s3_server.environment,
            "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
            "NODETALLY_STORE": "s3://nodetally-tests/zipped",
            "NODETALLY_CLUSTER": "prod",
            "NODETALLY_EKS": "prod",
            "NODETALLY_EKS_ENDPOINT": server.url,
            "NODETALLY_EKS_CA": authority,
            "NODETALLY_CACHE": "memory",
        }
        done, said = called(task, runtime, tmp_path, environment)
    assert done.kind == "response", said
    told = done.body["passes"][0]
    assert (told["nodes"], told["created"], told["source"]) == (3, True, "watch")
    assert S3Store("nodetally-tests", "zipped", environment=s3_server.environment).get(told["key"]) is not None
    assert set(task.rglob("*")) == before


def test_what_it_leaves_out_is_an_error_with_the_way_round(task: Path, runtime: Path, tmp_path: Path) -> None:
    """A kubeconfig that needs the Kubernetes client: no traceback of an import."""
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        '{"current-context": "x", "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],'
        '"clusters": [{"name": "x", "cluster": {"server": "https://127.0.0.1:9"}}],'
        '"users": [{"name": "x", "user": {"exec": {"command": "aws"}}}]}'
    )
    environment = {"NODETALLY_CLUSTER": "c", "NODETALLY_KUBECONFIG": str(kubeconfig)}
    done, said = called(task, runtime, tmp_path, environment)
    assert (done.kind, done.body["errorType"]) == ("error", "WrongUse"), said
    assert "package `kubernetes`" in done.body["errorMessage"]
