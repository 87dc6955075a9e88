"""What is in the image, and that it runs as a restricted pod: read-only, without a home, rights or a stray package."""

import json
import re
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from referencing import Registry, Resource

from dockerfile import DOCKERFILE, Stage, labels
from images import Image
from nodetally import __version__
from paths import ROOT

BUDGET_MEGABYTES = 25  # 17 measured; more means that something has come in that the job does not import
HADOLINT = str(Path(sys.executable).parent / "hadolint")
PINNED = re.compile(r"^([a-z0-9-]+)==([^ ;]+)", re.MULTILINE)
LOCKED = dict(PINNED.findall((ROOT / "requirements/image.txt").read_text()))


def installed(image: Image) -> dict[str, str]:
    """Every package in the image, by its normal name."""
    folders = [each.name.removesuffix(".dist-info") for each in image.site.glob("*.dist-info")]
    return {name.replace("_", "-").lower(): version for name, _, version in (each.partition("-") for each in folders)}


def lint(text: str) -> str:
    done = subprocess.run([HADOLINT, "--no-color", "-"], input=text, capture_output=True, text=True, check=False)
    return done.stdout


def test_the_linter_has_nothing_to_say() -> None:
    """And it would say something."""
    text = DOCKERFILE.read_text()
    assert lint(text) == ""
    assert "DL3004" in lint(f"{text}RUN sudo true\n")


def test_the_user_is_a_number_and_not_root(stages: list[Stage]) -> None:
    """The kubelet can only hold a number against runAsNonRoot; the CronJob's is the same."""
    assert stages[-1].last("USER") == "65532:65532"


def test_the_labels_name_this_version(stages: list[Stage]) -> None:
    """As an image's users look for them."""
    found = labels(stages[-1])
    assert ("ARG", f"VERSION={__version__}") in stages[-1].steps
    assert found["org.opencontainers.image.version"] == "${VERSION}"
    assert {"title", "description", "licenses", "revision"} <= {name.rpartition(".")[2] for name in found}


def test_what_is_installed_is_what_the_lock_names(image: Image) -> None:
    """And the program; no installer, no test's package, nothing that the job does not import."""
    assert installed(image) == {**LOCKED, "nodetally": __version__}
    assert not {"kubernetes", "rich", "boto3", "pip", "pytest", "pyarrow"} & LOCKED.keys()


def test_its_versions_are_those_that_the_tests_ran_with() -> None:
    """The image's lock is a part of the package's."""
    whole = dict(PINNED.findall((ROOT / "requirements/run.txt").read_text()))
    assert LOCKED.items() <= whole.items()
    assert "--hash=sha256:" in (ROOT / "requirements/image.txt").read_text()
    [bound] = re.findall(r"^botocore(\S+)", (ROOT / "requirements/image.in").read_text())
    assert f'"boto3{bound}"' in (ROOT / "pyproject.toml").read_text()


def test_it_is_small(image: Image) -> None:
    """What every node must pull, besides the base image."""
    size = sum(each.lstat().st_size for each in image.tree.rglob("*") if not each.is_symlink())
    assert size < BUDGET_MEGABYTES * 1e6, f"{size / 1e6:.1f} MB"


def test_every_module_is_compiled_for_good(image: Image) -> None:
    """Unchecked hashes (PEP 552): right whatever times a builder gives to files; a read-only root cannot mend them."""
    sources = [each for each in image.site.rglob("*.py") if "lib2to3" not in each.parts]
    missing = [each for each in sources if not list((each.parent / "__pycache__").glob(f"{each.stem}.cpython-*.pyc"))]
    flags = {each.read_bytes()[4:8] for each in image.site.rglob("*.pyc")}
    assert len(sources) > 300
    assert missing == []
    assert flags == {b"\x01\0\0\0"}


def test_the_bill_of_materials_is_whole_and_valid(image: Image) -> None:
    """By CycloneDX' own schema; every package, and no other."""
    bill: dict[str, Any] = json.loads((image.tree / "share/sbom.cdx.json").read_text())
    folder = resources.files("cyclonedx.schema") / "_res"
    schemas = {
        name: json.loads((folder / f"{name}.SNAPSHOT.schema.json").read_text())
        for name in ("spdx", "jsf-0.82", "bom-1.6")
    }
    known = [(schema["$id"], Resource.from_contents(schema)) for schema in schemas.values()]
    validator = Draft7Validator(schemas["bom-1.6"], registry=Registry().with_resources(known))
    assert [error.message for error in validator.iter_errors(bill)] == []
    named = {each["name"]: each["version"] for each in [*bill["components"], bill["metadata"]["component"]]}
    assert named == installed(image)
    assert [each["name"] for each in bill["components"] if "licenses" not in each] == []


def test_it_runs_without_rights_home_or_a_place_to_write(image: Image, tmp_path: Path) -> None:
    """As the restricted pod: the image's user, no capability, a root that refuses every write."""
    code = (
        "import os, pathlib, sys\n"
        "assert (os.getuid(), os.getgid(), os.getgroups()) == (65532, 65532, []), os.getgroups()\n"
        "assert 'HOME' not in os.environ and sys.prefix == '/opt/nodetally'\n"
        "for place in ('/', '/tmp', '/opt/nodetally', '/usr/local'):\n"
        "    try:\n        pathlib.Path(place, 'x').touch()\n        sys.exit(place)\n"
        "    except OSError as error:\n        assert error.errno == 30, error\n"
    )
    done = image.execute(["python3", "-c", code], scratch=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    done = image.run("--version", scratch=tmp_path)
    assert (done.stdout, done.stderr) == (f"nodetally, version {__version__}\n", "")


@pytest.mark.parametrize("command", [["run", "--help"], ["simulate", "--help"], ["dashboard", "publish", "--help"]])
def test_every_command_is_there(image: Image, tmp_path: Path, command: list[str]) -> None:
    """The image is the whole program."""
    done = image.run(*command, scratch=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
