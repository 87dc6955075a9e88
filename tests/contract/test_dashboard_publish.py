"""The page in a store of each kind: what is written when, with which headers, and what is never touched."""

import time
from dataclasses import dataclass, field
from typing import Any

import pytest

import documents
import pages
from nodetally import snapshot
from nodetally.dashboard.built import built_page
from nodetally.dashboard.publish import GRACE_SECONDS, Done, publish
from nodetally.errors import StoreError, WrongUse
from nodetally.store.base import Store
from nodetally.store.layout import INDEX_HEADERS, PAGE_HEADERS, state_key
from nodetally.store.publish import publish as publish_snapshot
from nodetally.store.s3 import S3Store
from nodetally.store.verify import verify

ONE, TWO = pages.page("one"), pages.page("two")
ONE_KEY, TWO_KEY = "assets/index-one.js", "assets/index-two.js"
DAY = 86_400.0


def put(store: Store, page: Any, *, days: float = 0, **options: bool) -> list[tuple[str, str]]:
    return [done[:2] for done in publish(store, page, now=time.time() + days * DAY, **options)]


def keys(store: Store) -> list[str]:
    return [entry.key for entry in store.list("")]


@dataclass
class Watched:
    """A store that notes what is written and deleted, and may break at one of them."""

    inner: Store
    breaks_at: str = ""
    done: list[str] = field(default_factory=list)

    def put(self, key: str, *rest: Any) -> None:
        self.done.append(key)
        if key == self.breaks_at:
            raise StoreError("the disk is full")
        self.inner.put(key, *rest)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def test_a_new_store_gets_the_page(store: Store) -> None:
    """Every file, with its bytes."""
    assert put(store, ONE) == [("written", ONE_KEY), ("written", "index.html")]
    assert keys(store) == [ONE_KEY, "index.html"]
    assert store.get(ONE_KEY).body == b"// one"  # type: ignore[union-attr]


def test_publishing_again_changes_nothing(store: Store) -> None:
    """It says so, and writes no byte."""
    put(store, ONE)
    watched: Any = Watched(store)
    assert put(watched, ONE, clean=True) == [("unchanged", ONE_KEY), ("unchanged", "index.html")]
    assert watched.done == []


def test_the_page_itself_is_written_last(store: Store) -> None:
    """A publish that breaks before has left the old page, whole."""
    put(store, ONE)
    watched: Any = Watched(store, breaks_at=TWO_KEY)
    with pytest.raises(StoreError):
        put(watched, TWO)
    assert watched.done == [TWO_KEY]
    assert store.get("index.html").body == ONE.front.body  # type: ignore[union-attr]
    assert put(store, TWO)[:2] == [("written", TWO_KEY), ("written", "index.html")]


def test_damaged_files_are_written_again(store: Store) -> None:
    """A name that carries a hash does not prove the bytes."""
    put(store, ONE)
    store.put(ONE_KEY, b"bit rot", PAGE_HEADERS)
    assert put(store, ONE)[0] == ("written", ONE_KEY)


def test_old_assets_stay_unless_told(store: Store) -> None:
    """Days later, too: a page that is open may still load them."""
    put(store, ONE)
    assert ("left", ONE_KEY) in put(store, TWO)
    assert ("left", ONE_KEY) in put(store, TWO, days=30)
    assert ONE_KEY in keys(store)


def test_clean_waits_until_no_cache_can_hold_the_page_before(store: Store) -> None:
    """A day after the page that does not name them; what the page names stays for ever."""
    put(store, ONE)
    assert ("left", ONE_KEY) in put(store, TWO, clean=True)
    assert ("left", ONE_KEY) in put(store, TWO, days=0.9, clean=True)
    assert put(store, TWO, days=1.1, clean=True) == [
        ("unchanged", TWO_KEY),
        ("unchanged", "index.html"),
        ("deleted", ONE_KEY),
    ]
    assert keys(store) == [TWO_KEY, "index.html"]


def test_clean_counts_from_the_page_not_from_its_assets(store: Store) -> None:
    """Assets of last month's page are in use until a minute ago when it is replaced only now."""
    put(store, ONE)
    now = time.time() + 30 * DAY
    watched: Any = Watched(store)
    entries = list(store.list("index.html"))
    watched.list = lambda prefix: (
        [entries[0]._replace(modified=now - 60)] if prefix == "index.html" else store.list(prefix)
    )
    done = list(publish(watched, TWO, now=now, clean=True))
    assert [each.what for each in done if each.key == ONE_KEY] == ["left"]


def test_clean_leaves_what_another_publish_is_putting_now(store: Store) -> None:
    """Assets come before the page that names them: young ones may be waiting for it."""
    put(store, TWO)
    watched: Any = Watched(store)
    put(store, ONE)
    put(store, TWO)
    now = time.time() + DAY * 1.1
    entries = [entry._replace(modified=now - 5) for entry in store.list(ONE_KEY)]
    page = list(store.list("index.html"))
    watched.list = lambda prefix: page if prefix == "index.html" else entries
    assert [each.what for each in publish(watched, TWO, now=now, clean=True)][-1] == "left"


def test_a_page_of_somebody_else_is_not_written_over(store: Store) -> None:
    """Nothing at all is written then; --force does it."""
    store.put("index.html", b"<title>our wiki</title>", PAGE_HEADERS)
    with pytest.raises(WrongUse, match=r"is not nodetally's") as caught:
        put(store, ONE)
    assert "--force" in caught.value.hint
    assert keys(store) == ["index.html"]
    assert put(store, ONE, force=True) == [("written", ONE_KEY), ("written", "index.html")]


def test_force_writes_all_again(store: Store) -> None:
    """Headers that another tool put there are set right."""
    put(store, ONE)
    assert put(store, ONE, force=True) == [("written", ONE_KEY), ("written", "index.html")]


def test_the_page_lies_beside_the_documents(store: Store) -> None:
    """It touches none of them, and `store verify` knows it."""
    document = documents.snapshot([documents.node("n1")], cluster="c")
    publish_snapshot(store, document, snapshot.encode(document))
    store.put(state_key("c", "watch"), b"kept", INDEX_HEADERS)
    before = {key: store.get(key) for key in keys(store)}
    put(store, built_page(), clean=True)
    put(store, built_page(), days=2, clean=True)
    assert {key: store.get(key) for key in before} == before
    assert list(verify(store, patience_seconds=0)) == []


def test_types_and_cache_headers_reach_the_bucket(server_store: S3Store) -> None:
    """Assets for a year, the page for a minute; no Content-Encoding, as a directory could not tell of it."""
    put(server_store, built_page())
    for entry in server_store.list(""):
        head = server_store.client.head_object(Bucket=server_store.bucket, Key=server_store.prefix + entry.key)
        kind = {"html": "text/html", "js": "text/javascript", "css": "text/css"}[entry.key.rpartition(".")[2]]
        page = entry.key == "index.html"
        assert head["ContentType"] == f"{kind}; charset=utf-8"
        assert head["CacheControl"] == ("public, max-age=60" if page else "public, max-age=31536000, immutable")
        assert "ContentEncoding" not in head


def test_what_was_left_says_why(directory_store: Store) -> None:
    """And what deletes it."""
    put(directory_store, ONE)
    put(directory_store, TWO)
    young = list(publish(directory_store, TWO, now=time.time()))[-1]
    old = list(publish(directory_store, TWO, now=time.time() + GRACE_SECONDS + 60))[-1]
    assert young == Done("left", ONE_KEY, "of another page, which caches may still show: for a day")
    assert old == Done("left", ONE_KEY, "the page no longer names it: --clean deletes it")
