"""A server's address in, a kubeconfig out: JSON, which is YAML too and loads ten times faster."""

import base64
import os
import tempfile
from pathlib import Path
from typing import Any

import orjson

from nodetally.errors import WrongUse

NAME = "simulated"


def kubeconfig(url: str, authority: bytes | None, token: str | None) -> dict[str, Any]:
    """A kubeconfig with one context; `authority` is the CA's certificate in PEM."""
    cluster = {"server": url}
    if authority:
        cluster["certificate-authority-data"] = base64.b64encode(authority).decode()
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": NAME,
        "clusters": [{"name": NAME, "cluster": cluster}],
        "users": [{"name": NAME, "user": {"token": token} if token else {}}],
        "contexts": [{"name": NAME, "context": {"cluster": NAME, "user": NAME}}],
    }


def write_private(path: Path, content: dict[str, Any]) -> Path:
    """Write JSON for the owner's eyes only; whoever sees the file sees all of it."""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    except OSError as error:
        raise WrongUse(f"cannot write {path}: {error.strerror}", hint="choose a folder that exists") from error
    with os.fdopen(handle, "wb") as file:
        file.write(orjson.dumps(content) + b"\n")
    return Path(temporary).replace(path)
