"""The page into a store: assets first, index.html last, so that whoever reads meanwhile has an old page or the new one.

Touches index.html and assets/ and nothing else. Repeating it changes nothing.
"""

from collections.abc import Iterator
from typing import NamedTuple

from nodetally.dashboard.built import MARK, File, Page
from nodetally.errors import WrongUse
from nodetally.store.base import Store
from nodetally.store.layout import ASSETS_PREFIX, PAGE_KEY

# An old index.html lives for its max-age (60 s) in browsers and for as long as a CDN was told to keep it; a day is
# what a CDN keeps by default (CloudFront's default TTL, for an origin that says nothing).
GRACE_SECONDS = 86_400


class Done(NamedTuple):
    """What became of one object: written, unchanged, deleted or left."""

    what: str
    key: str
    why: str


def publish(store: Store, page: Page, *, now: float, clean: bool = False, force: bool = False) -> Iterator[Done]:
    """Put what is not there as it should be, and tell of each object; with `clean`, drop what no page names any more.

    `force` writes all of it again (their headers too, which a comparison of bodies does not see), and over an
    index.html that is not nodetally's. `now` is in seconds since 1970.
    """
    there = store.get(PAGE_KEY)
    if there and MARK not in there.body and not force:
        raise WrongUse(
            f"{PAGE_KEY} in {store.url} is not nodetally's: it was left as it is, and nothing was written",
            hint="publish to another prefix, or write over it with --force",
        )
    for key, file in page.assets.items():
        found = None if force else store.get(key)
        yield _put(store, key, file, found.body if found else None)
    yield _put(store, PAGE_KEY, page.front, there.body if there and not force else None)
    yield from _old(store, page, now, clean=clean)


def _put(store: Store, key: str, file: File, found: bytes | None) -> Done:
    if found == file.body:
        return Done("unchanged", key, "")
    store.put(key, file.body, file.headers)
    return Done("written", key, f"{len(file.body):,} bytes, {file.headers.cache_control}")


def _old(store: Store, page: Page, now: float, *, clean: bool) -> Iterator[Done]:
    """Assets that the page does not name. A copy of the page before may: in a cache, for as long as the grace.

    So one goes only when the page that does not name it has been there for that long, and so has the asset: a
    younger one may belong to a page that is being published at this moment.
    """
    old = [entry for entry in store.list(ASSETS_PREFIX) if entry.key not in page.assets]
    if not old:
        return
    since = next((entry.modified for entry in store.list(PAGE_KEY) if entry.key == PAGE_KEY), now)
    for entry in old:
        if now - max(since, entry.modified) < GRACE_SECONDS:
            yield Done("left", entry.key, "of another page, which caches may still show: for a day")
        elif clean:
            store.delete(entry.key)
            yield Done("deleted", entry.key, "the page no longer names it")
        else:
            yield Done("left", entry.key, "the page no longer names it: --clean deletes it")
