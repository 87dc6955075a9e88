"""Read, merge, compare-and-swap, again: how every derived document is changed. Never touches a snapshot."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import random as any_fraction
from typing import NamedTuple

import orjson

from nodetally.errors import StoreError
from nodetally.store.base import Headers, Store
from nodetally.store.indexes import SCHEMA, Document

ATTEMPTS = 16  # each round of a race has a winner, so 16 writers at one key all get through even in lockstep
FIRST_PAUSE_SECONDS = 0.05  # about one read and one write
LONGEST_PAUSE_SECONDS = 2.0  # full jitter: half of it on average, so some 12 s in all before giving up


class DamagedDocument(StoreError):
    """A derived document that cannot be used: it was made from the snapshots, and can be again."""


class Pauses:
    """How long to wait after a lost race: full jitter, doubling up to a limit."""

    def __init__(self, sleep: Callable[[float], None] = time.sleep, random: Callable[[], float] = any_fraction) -> None:
        self._sleep = sleep
        self._random = random

    def after(self, attempt: int) -> None:
        """Wait after the attempt with this number, from 0."""
        self._sleep(self._random() * min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**attempt))


class Loaded(NamedTuple):
    """A derived document as it was read, with the ETag to replace it; two None when there is none."""

    document: Document | None
    etag: str | None
    damage: str = ""  # why what is there is no document; then `document` is None


def look(store: Store, key: str) -> Loaded:
    """Read a derived document, damaged or not. StoreError when it is newer than this program."""
    stored = store.get(key)
    if stored is None:
        return Loaded(None, None)
    try:
        document = orjson.loads(stored.body)
        orjson.dumps(document)  # fields that we do not know are written back, and may be nested too deeply for that
    except orjson.JSONDecodeError as error:
        return Loaded(None, stored.etag, f"not JSON: {error}")
    except TypeError as error:
        return Loaded(None, stored.etag, f"not JSON that can be written again: {error}")
    if not isinstance(document, dict) or not isinstance(document.get("schema"), int):
        return Loaded(None, stored.etag, "no schema number")
    if document["schema"] > SCHEMA:
        raise StoreError(
            f"{key} in {store.url} has schema {document['schema']}, this nodetally knows up to {SCHEMA}",
            hint="install a newer nodetally",
        )
    return Loaded(document, stored.etag)


def load(store: Store, key: str) -> Loaded:
    """Read a derived document. StoreError when it is damaged or newer than this program."""
    loaded = look(store, key)
    if loaded.damage:
        raise damaged(store, key, loaded.damage)
    return loaded


def damaged(store: Store, key: str, what: str) -> DamagedDocument:
    """The error for a derived document, with the way to a whole one."""
    return DamagedDocument(
        f"damaged: {key} in {store.url}: {what}",
        hint=f"snapshots are not affected; make it from them again: nodetally store repair --store {store.url}",
    )


@contextmanager
def damage_told(store: Store, key: str) -> Iterator[None]:
    """Whatever cannot be made of a derived document is damage to it."""
    try:
        yield
    except (KeyError, TypeError, AttributeError, StoreError) as error:
        raise damaged(store, key, f"{type(error).__name__}: {error}") from error


def update(
    store: Store,
    key: str,
    merge: Callable[[Document | None], Document],
    headers: Headers,
    *,
    pauses: Pauses,
    known: Loaded | None = None,
) -> Document:
    """Bring a derived document to what `merge` makes of it; nothing is written when that is what is there.

    `merge` must not change its argument, and may be called again after a lost race. `known` saves the first read where
    something is to be written; that nothing is can only be said of what is there now.
    """
    for attempt in range(ATTEMPTS):
        loaded = known if known and attempt == 0 else load(store, key)
        with damage_told(store, key):
            wanted = merge(loaded.document)
        if wanted == loaded.document:
            if loaded is known:
                continue
            return wanted
        if store.put_if_match(key, orjson.dumps(wanted), loaded.etag, headers):
            return wanted
        pauses.after(attempt)
    raise lost_every_race(store, key)


def lost_every_race(store: Store, key: str, attempts: int = ATTEMPTS) -> StoreError:
    """The error after the last attempt."""
    return StoreError(
        f"cannot write {key} in {store.url}: other writers were faster, {attempts} times",
        hint="fewer writers at a time for this cluster (concurrencyPolicy: Forbid); the same slot can be run again",
    )
