"""The built image as a pod runs it: its folder in a read-only root, its user, and what a test mounts."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dockerfile import Stage, command_in_image, entrypoint, in_namespace

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
