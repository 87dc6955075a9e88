"""The built image as a pod runs it: its folder in a read-only root, its user, and what a test mounts."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dockerfile import OWN_MOUNTS, Stage, command_in_image, entrypoint, in_namespace

MADE = "/opt/nodetally"  # what the last stage takes over
BUCKET = "nodetally-image"


@dataclass(frozen=True)
class Image:
    """The folder that the image adds to its base, and the Python that stands for the base's."""

    tree: Path
    python: Path
    stage: Stage

    @property
    def site(self) -> Path:
        [found] = self.tree.glob("lib/python3*/site-packages")
        return found

    def run(
        self,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        mounts: Mapping[str, Path] | None = None,
        scratch: Path,
    ) -> subprocess.CompletedProcess[str]:
        """As a pod would: the image's user, a read-only root, no HOME, these variables and mounts and no others."""
        return self.execute([*entrypoint(self.stage), *arguments], environment, mounts, scratch=scratch)

    @contextmanager
    def first_process(
        self, *arguments: str, environment: Mapping[str, str], mounts: Mapping[str, Path], scratch: Path
    ) -> Iterator["subprocess.Popen[str]"]:
        """As `run`, under way, and with process ids of its own, as in a container: it is number 1 there."""
        (scratch / "root").mkdir(exist_ok=True)
        script = command_in_image(self.tree, MADE, environment, mounts)
        inside = ["/bin/sh", "-c", script, "sh", str(scratch / "root"), str(self.python), *entrypoint(self.stage)]
        command = [*OWN_MOUNTS, "--pid", "--fork", "--kill-child", *inside, *arguments]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            try:
                yield process
            finally:
                process.kill()

    def execute(
        self,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        mounts: Mapping[str, Path] | None = None,
        *,
        scratch: Path,
        stdout: int = subprocess.PIPE,
    ) -> subprocess.CompletedProcess[str]:
        (scratch / "root").mkdir(exist_ok=True)
        script = command_in_image(self.tree, MADE, environment or {}, mounts or {})
        return in_namespace(script, [str(scratch / "root"), str(self.python), *command], 120, stdout)
