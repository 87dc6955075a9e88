"""The command line in this process over a store in memory: exit code, stdout, stderr; an unforeseen error is raised."""

import io
import json
from collections.abc import Iterator
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from functools import partial
from hashlib import sha256
from typing import NamedTuple
from unittest import mock

from nodetally import collect
from nodetally.cli.main import main
from nodetally.store.base import Entry, Headers, Store, Stored, check_key
from nodetally.store.publish import publish
from nodetally.store.update import Pauses

URL = "s3://memory/store"


class MemoryStore:
    """A store in a dictionary; for one thread at a time that writes."""

    url = URL

    def __init__(self, objects: dict[str, bytes] | None = None) -> None:
        self.objects = dict(objects or {})

    def get(self, key: str) -> Stored | None:
        body = self.objects.get(check_key(key))
        return None if body is None else Stored(body, sha256(body).hexdigest())

    def tail(self, key: str, size: int) -> bytes | None:
        found = self.get(key)
        return found and found.body[-size:]

    def put_new(self, key: str, body: bytes, headers: Headers) -> bool:
        return self.put_if_match(key, body, None, headers)

    def put_if_match(self, key: str, body: bytes, etag: str | None, headers: Headers) -> bool:
        del headers
        found = self.get(key)
        if (found.etag if found else None) != etag:
            return False
        self.objects[key] = body
        return True

    def put(self, key: str, body: bytes, headers: Headers) -> None:
        del headers
        self.objects[check_key(key)] = body

    def list(self, prefix: str, start_after: str = "") -> Iterator[Entry]:
        for key in sorted(self.objects):
            if key.startswith(prefix) and key > start_after:
                yield Entry(key, len(self.objects[key]), None, 0.0)

    def delete(self, key: str) -> None:
        self.objects.pop(check_key(key), None)


class Ended(NamedTuple):
    """What a command came to."""

    code: int
    out: str
    said: str


def nodetally(store: Store, *arguments: str) -> Ended:
    """One command; whatever its --store names, it is this one."""
    out, said = _Text(), _Text()
    with ExitStack() as stack:
        stack.enter_context(mock.patch("nodetally.store.open.open_store", return_value=store))
        stack.enter_context(mock.patch.object(collect, "open_store", return_value=store))
        stack.enter_context(mock.patch.object(collect, "publish", partial(publish, pauses=Pauses(lambda _: None))))
        stack.enter_context(redirect_stdout(out))
        stack.enter_context(redirect_stderr(said))
        try:
            main(arguments)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
            return Ended(code, out.read_all(), said.read_all())
    raise AssertionError("the command line always exits")


class _Text(io.TextIOWrapper):
    """A text stream with bytes below, as stdout is."""

    def __init__(self) -> None:
        self.bytes = io.BytesIO()
        super().__init__(self.bytes, encoding="utf-8", newline="", write_through=True)

    def read_all(self) -> str:
        self.flush()
        return self.bytes.getvalue().decode()


def assert_harmless(end: Ended, *, is_json: bool = False) -> None:
    """Nothing said moves a cursor, starts a line that is not ours, or turns writing round.

    JSON is data, byte for byte as it is stored: there it is enough that no text leaves its quotes.
    """
    for character in end.said if is_json else end.out + end.said:
        assert character == "\n" or character.isprintable(), (repr(character), end)
    if is_json:
        for line in filter(None, end.out.split("\n")):
            assert isinstance(json.loads(line), dict)
