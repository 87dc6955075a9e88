"""infra/Dockerfile without a container engine: each stage is run as written, in a root of its own over this machine's.

A stage's root is an overlay in a mount namespace, with a Python in /usr/local as the base image has it. What a stage
writes ends with it, but for what the next one copies. Needs root and Linux; says so where it cannot.
"""

import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from paths import ROOT

DOCKERFILE, IGNORED = ROOT / "infra" / "Dockerfile", ROOT / ".dockerignore"
BUILD_SECONDS = 900  # a minute on two quiet cores, most of it downloads
PASSED_ON = ("SSL_CERT_FILE", "SSL_CERT_DIR", "PIP_CERT", "PIP_INDEX_URL", "UV_INDEX_URL", "HTTPS_PROXY", "NO_PROXY")

OWN_MOUNTS = ("unshare", "--mount", "--propagation", "private")

# As in the base image, whose loader knows /usr/local/lib, too.
BASE = ("PATH=/usr/local/bin:/usr/bin:/bin", "LD_LIBRARY_PATH=/usr/local/lib")

# $1 a scratch folder, $2 the Python's folder; then a root is at $root, and `inside` runs a command there.
NEW_ROOT = """
set -eu
mount -t tmpfs none "$1" && mkdir "$1/upper" "$1/work" "$1/root" && root="$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$root"
mkdir -p "$root/usr/local" "$root/dev" "$root/proc"
mount --bind "$2" "$root/usr/local"
mount --rbind /dev "$root/dev" && mount -t proc none "$root/proc"
mount -t tmpfs none "$root/tmp" && chmod 1777 "$root/tmp"
inside() { chroot "$root" /usr/bin/env -i "$@"; }
attach() {  # a folder at a place in the root, whose links must not lead out of it: /var/run is one
    place=$(chroot "$root" /usr/bin/realpath -m "$2") && mkdir -p "$root$place" && mount --bind "$1" "$root$place"
}
"""


class CannotBuild(Exception):
    """This machine lets nobody make a root of its own: why."""


@dataclass
class Stage:
    """A FROM and what follows it, in order."""

    base: str
    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def last(self, instruction: str) -> str:
        return next(argument for word, argument in reversed(self.steps) if word == instruction)


def parse(text: str) -> list[Stage]:
    """The stages; comments are gone, continued lines are one."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    stages: list[Stage] = []
    for line in re.sub(r"\\\n", " ", "\n".join(lines)).splitlines():
        word, _, argument = line.strip().partition(" ")
        if word == "FROM":
            base, _, name = argument.partition(" AS ")
            stages.append(Stage(base, name))
        elif word and stages:
            stages[-1].steps.append((word, argument.strip()))
    return stages


def default_of(argument: str) -> str:
    """An ARG's default."""
    [line] = [each for each in DOCKERFILE.read_text().splitlines() if each.startswith(f"ARG {argument}=")]
    return line.partition("=")[2]


def labels(stage: Stage) -> dict[str, str]:
    return dict(each.split("=", 1) for each in shlex.split(stage.last("LABEL")))


def in_context(path: str, patterns: Sequence[str]) -> bool:
    """Whether .dockerignore lets a file through: the last pattern that fits it or a folder above it decides.

    >>> [in_context(path, ["*", "!job", "**/*.pyc"]) for path in ("job/a/b.py", "job/a/b.pyc", "tests/c.py")]
    [True, False, False]
    """
    parts = path.split("/")
    above = ["/".join(parts[: count + 1]) for count in range(len(parts))]
    kept = True
    for pattern in patterns:
        bare = pattern.lstrip("!")
        names = parts if bare.startswith("**/") else above
        if any(fnmatch.fnmatchcase(name, bare.removeprefix("**/")) for name in names):
            kept = pattern.startswith("!")
    return kept


def write_context(folder: Path) -> None:
    """What `docker build .` would send: this checkout's files, less what .dockerignore says."""
    patterns = [line for line in IGNORED.read_text().splitlines() if line and not line.startswith("#")]
    for path in _files(ROOT, patterns):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, target)


def _files(root: Path, patterns: Sequence[str]) -> Iterator[str]:
    for top in sorted(each.name for each in root.iterdir()):
        if not any(pattern.lstrip("!").split("/")[0] == top for pattern in patterns):
            continue
        for path in [root / top, *(root / top).rglob("*")]:
            name = str(path.relative_to(root))
            if path.is_file() and in_context(name, patterns):
                yield name


def script_of(stage: Stage) -> Iterator[str]:
    """A stage's steps as shell, to be run after NEW_ROOT; $context is what may be copied from."""
    folder = "/"
    for word, argument in stage.steps:
        if word == "WORKDIR":
            folder = argument
            yield f'mkdir -p "$root{folder}"'
        elif word == "COPY":
            *sources, target = argument.split()
            place = f"$root{target}" if target.startswith("/") else f"$root{folder}/{target}"
            yield f'mkdir -p "{place}"'
            for source in sources:
                whole = f'"$context/{source}"'
                yield f'[ ! -d {whole} ] || cp -R {whole}/. "{place}"'
                yield f'[ -d {whole} ] || cp {whole} "{place}"'
        elif word == "RUN":
            command = f"cd {folder} && {argument}"
            yield f'inside {" ".join(BASE)} HOME=/root "$@" /bin/sh -c {shlex.quote(command)}'
        else:
            raise AssertionError(f"{word} is not known here")


def build(stage: Stage, python: Path, made: str, into: Path) -> None:
    """Run a stage; the folder that it makes at `made` is then `into`."""
    with tempfile.TemporaryDirectory(prefix="image-") as scratch:
        context, root = Path(scratch, "context"), Path(scratch, "stage")
        root.mkdir()
        write_context(context)
        settings = [f"{name}={os.environ[name]}" for name in PASSED_ON if name in os.environ]
        lines = [NEW_ROOT, f"context={shlex.quote(str(context))}", "shift 2", *script_of(stage)]
        lines.append(f'cp -a "$root{made}" {shlex.quote(str(into))}')
        _in_namespace("\n".join(lines), [str(root), str(python), *settings])


def command_in_image(tree: Path, made: str, environment: Mapping[str, str], mounts: Mapping[str, Path]) -> str:
    """A shell script that makes a read-only root with the built folder in it, and runs "$@" there as the image's user.

    `mounts`: folders of this machine by their place in the pod.
    """
    stage = parse(DOCKERFILE.read_text())[-1]
    places = {made: tree, **mounts}
    lines = [NEW_ROOT, "shift 2"]
    lines += [f"attach {shlex.quote(str(folder))} {place}" for place, folder in places.items()]
    lines += [
        'mount -o remount,ro "$root"',
        'mount -o remount,ro,bind "$root/usr/local"',
        'mount -o remount,ro "$root/tmp"',
    ]
    lines.append(f'mount -o remount,ro,bind "$root{made}"')
    user, group = stage.last("USER").split(":")
    known = dict(each.split("=", 1) for each in BASE) | environment_of(stage) | dict(environment)
    given = " ".join(shlex.quote(f"{name}={value}") for name, value in known.items())
    lines.append(
        f'exec chroot "$root" /usr/bin/setpriv --reuid {user} --regid {group} --clear-groups --no-new-privs '
        f'--bounding-set=-all --inh-caps=-all /usr/bin/env -i -C / {given} "$@"'
    )
    return "\n".join(lines)


def environment_of(stage: Stage) -> dict[str, str]:
    """ENV, over the base image's PATH."""
    pairs = (each.split("=", 1) for each in shlex.split(stage.last("ENV")))
    return {name: value.replace("$PATH", "/usr/local/bin:/usr/bin:/bin") for name, value in pairs}


def entrypoint(stage: Stage) -> list[str]:
    found: list[str] = json.loads(stage.last("ENTRYPOINT"))
    return found


def in_namespace(
    script: str, arguments: Iterable[str], seconds: float, stdout: int = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    """Run a shell script that may mount what it likes; nothing of that is seen outside, and it ends with the script."""
    command = [*OWN_MOUNTS, "/bin/sh", "-c", script, "sh", *arguments]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=seconds, check=False)


def _in_namespace(script: str, arguments: Iterable[str]) -> None:
    done = in_namespace(script, arguments, BUILD_SECONDS)
    if done.returncode:
        raise AssertionError(f"the stage failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")


def check_it_can_be_built(python: Path) -> None:
    """Raises CannotBuild, with what the system said."""
    if not shutil.which("unshare") or not shutil.which("setpriv"):
        raise CannotBuild("no unshare and setpriv (Linux, util-linux)")
    with tempfile.TemporaryDirectory(prefix="image-") as scratch:
        done = in_namespace(NEW_ROOT + f"inside {BASE[1]} /usr/local/bin/python3 -V", [scratch, str(python)], 60)
    if done.returncode:
        raise CannotBuild(done.stderr.strip())
