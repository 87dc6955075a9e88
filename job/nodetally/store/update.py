"""Read, merge, compare-and-swap, again: how every derived document is changed. Never touches a snapshot."""

import time
from collections.abc import Callable
from random import random as any_fraction
from typing import Any, NamedTuple

import orjson

from nodetally.errors import StoreError
from nodetally.store.base import Headers, Store
from nodetally.store.indexes import SCHEMA
from nodetally.store.layout import DERIVED_DAMAGE_HINT

Document = dict[str, Any]
ATTEMPTS = 16  # each round of a race has a winner, so 16 writers at one key all get through even in lockstep
FIRST_PAUSE_SECONDS = 0.05  # about one read and one write
LONGEST_PAUSE_SECONDS = 2.0  # full jitter: half of it on average, so some 12 s in all before giving up


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


def load(store: Store, key: str) -> Loaded:
    """Read a derived document. StoreError when it is damaged or newer than this program."""
    stored = store.get(key)
    if stored is None:
        return Loaded(None, None)
    try:
        document = orjson.loads(stored.body)
    except orjson.JSONDecodeError as error:
        raise StoreError(f"damaged: {key} in {store.url}: {error}", hint=DERIVED_DAMAGE_HINT) from error
    if not isinstance(document, dict) or not isinstance(document.get("schema"), int):
        raise StoreError(f"damaged: {key} in {store.url}: no schema number", hint=DERIVED_DAMAGE_HINT)
    if document["schema"] > SCHEMA:
        raise StoreError(
            f"{key} in {store.url} has schema {document['schema']}, this nodetally knows up to {SCHEMA}",
            hint="install a newer nodetally",
        )
    return Loaded(document, stored.etag)


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

    `merge` must not change its argument, and may be called again after a lost race. `known` saves the first read.
    """
    for attempt in range(ATTEMPTS):
        loaded = known if known and attempt == 0 else load(store, key)
        try:
            wanted = merge(loaded.document)
        except (KeyError, TypeError, AttributeError) as error:
            raise StoreError(
                f"damaged: {key} in {store.url}: {type(error).__name__}: {error}",
                hint=DERIVED_DAMAGE_HINT,
            ) from error
        if wanted == loaded.document or store.put_if_match(key, orjson.dumps(wanted), loaded.etag, headers):
            return wanted
        pauses.after(attempt)
    raise lost_every_race(store, key)


def lost_every_race(store: Store, key: str) -> StoreError:
    """The error after the last attempt."""
    return StoreError(
        f"cannot write {key} in {store.url}: other writers were faster, {ATTEMPTS} times",
        hint="fewer writers at a time for this cluster (concurrencyPolicy: Forbid); the same slot can be run again",
    )
