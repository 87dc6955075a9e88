"""The package and its locked libraries in, one zip for AWS Lambda out: the same bytes for the same commit.

    python scripts/lambda_zip.py arm64 dist

For the version of Python that runs this (compiled modules are of one version), whatever processor it runs on. Modules
are compiled, because the function's folder is read-only there: without it every cold start compiles them again.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PLATFORMS = {"arm64": "aarch64-manylinux2014", "x86_64": "x86_64-manylinux2014"}  # glibc 2.17; Lambda has 2.26 or newer
LEFT_OUT = {"simulate", "dashboard"}  # parts of the package that no call comes to
SERVICES = {"s3", "sts", "eks"}  # of botocore's 400 services, 26 MB: those that are called
HERE = "/var/task"  # where Lambda unpacks it: what tracebacks name
MOMENT = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can tell
ZIPPED_BYTES, UNPACKED_BYTES = 5_000_000, 15_000_000  # budgets; Lambda takes 50 MB, and 250 MB unpacked


def build(architecture: str, out: Path) -> Path:
    """Make the zip in the folder `out`. Raises CalledProcessError where the libraries cannot be had."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="nodetally-lambda-") as name:
        tree = Path(name) / "task"
        _install(architecture, tree)
        _trim(tree)
        shutil.copytree(ROOT / "job" / "nodetally", tree / "nodetally", ignore=_not_ours)
        _compile(tree)
        return _pack(tree, out / f"nodetally-lambda-python{_version()}-{architecture}.zip")


def _version() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def _install(architecture: str, tree: Path) -> None:
    """The locked libraries, as wheels for Lambda's machine."""
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if not uv:
        sys.exit("there is no uv: run this as make lambda-zip")
    command = [
        uv,
        "pip",
        "install",
        "-q",
        "--target",
        str(tree),
        "--require-hashes",
        "--no-deps",
        "--only-binary",
        ":all:",
    ]
    command += ["--link-mode", "copy", "--python", sys.executable, "--python-version", _version()]
    command += ["--python-platform", PLATFORMS[architecture], "-r", str(ROOT / "requirements" / "lambda.txt")]
    subprocess.run(command, check=True)


def _trim(tree: Path) -> None:
    """Keep of botocore's data what is called, of each library's metadata its name and licence."""
    for each in (tree / "botocore" / "data").iterdir():
        if each.is_dir() and each.name not in SERVICES:
            shutil.rmtree(each)
    kept = ("METADATA", "LICEN", "NOTICE")
    for each in [*tree.glob("*.dist-info/*"), tree / "bin", tree / ".lock"]:
        if each.is_dir() and each.name != "licenses":
            shutil.rmtree(each)
        elif each.is_file() and not each.name.upper().startswith(kept):
            each.unlink()


def _not_ours(folder: str, names: list[str]) -> set[str]:
    """What of our own package stays out."""
    top = Path(folder) == ROOT / "job" / "nodetally"
    return {name for name in names if name == "__pycache__" or (top and name in LEFT_OUT) or name.endswith(".proto")}


def _compile(tree: Path) -> None:
    """Believed without a look at the source: its time is not kept. In one order and one hash seed: the same bytes."""
    for each in [*tree.rglob("__pycache__")]:
        shutil.rmtree(each)
    command = [sys.executable, "-m", "compileall", "-q", "-j", "1", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(tree), "-p", HERE, str(tree)]
    subprocess.run(command, check=True, env={"PATH": os.environ["PATH"], "PYTHONHASHSEED": "0"})


def _pack(tree: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        for each in _files(tree):
            entry = zipfile.ZipInfo(each.relative_to(tree).as_posix(), MOMENT)
            entry.external_attr = 0o100644 << 16  # readable by the user that Lambda runs it as
            entry.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(entry, each.read_bytes())
    return path


def _files(tree: Path) -> Iterator[Path]:
    yield from sorted(each for each in tree.rglob("*") if each.is_file())


def sizes(path: Path) -> tuple[int, int]:
    """Bytes of the zip, and of what is in it."""
    with zipfile.ZipFile(path) as file:
        return path.stat().st_size, sum(each.file_size for each in file.infolist())


if __name__ == "__main__":
    made = build(sys.argv[1], Path(sys.argv[2]))
    zipped, unpacked = sizes(made)
    print(  # noqa: T201 -- what make shows
        f"{made}: {zipped / 1e6:.1f} MB (at most {ZIPPED_BYTES / 1e6:.0f}), "
        f"{unpacked / 1e6:.1f} MB unpacked (at most {UNPACKED_BYTES / 1e6:.0f}); runtime python{_version()}"
    )
    sys.exit(zipped > ZIPPED_BYTES or unpacked > UNPACKED_BYTES)
