"""Where the torture happens: a directory store and a store on a real S3 server, and the small dump that is read."""

import gzip
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import servers
from nodetally.store.base import Store
from nodetally.store.open import open_store
from nodetally.store.s3 import S3Store
from paths import VECTORS

BUCKET = "torture"


class Place(NamedTuple):
    """A store by its URL; `kind` is what the figures call it."""

    kind: str
    url: str

    def open(self) -> Store:
        """The store, with a connection of its own."""
        return open_store(self.url)


@contextmanager
def places(folder: Path) -> Iterator[list[Place]]:
    """Both kinds of store, empty; the S3 server's address and keys are in the environment meanwhile."""
    with servers.s3_server(folder / "s3") as server:
        before = dict(os.environ)
        os.environ |= server.environment
        try:
            S3Store(BUCKET).client.create_bucket(Bucket=BUCKET)
            yield [Place("directory", str(folder / "store")), Place("weed mini", f"s3://{BUCKET}/store")]
        finally:
            os.environ.clear()
            os.environ.update(before)


def write_dump(path: Path) -> Path:
    """Three nodes and thirty pods, as kubectl prints them: a pass of milliseconds."""
    with gzip.open(VECTORS / "cluster.json.gz") as file:
        items = json.load(file)["items"]
    some = [[item for item in items if item["kind"] == kind] for kind in ("Node", "Pod")]
    path.write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": [*some[0][:3], *some[1][:30]]}))
    return path
