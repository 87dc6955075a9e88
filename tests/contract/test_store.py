"""One contract for every store: whoever is behind `--store`, publish and readers see the same behaviour."""

import gzip
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nodetally.errors import StoreError
from nodetally.store import read
from nodetally.store.base import Headers, Store
from nodetally.store.directory import DirectoryStore
from nodetally.store.layout import past_folder, snapshot_key, snapshots_prefix

PLAIN = Headers("application/json", "public, max-age=30", None)
PRIVATE = Headers("application/octet-stream", "private, no-store", None)
ROUNDS = 10


def keys(store: Store, prefix: str = "", start_after: str = "") -> list[str]:
    return [entry.key for entry in store.list(prefix, start_after)]


def put_all(store: Store, *names: str) -> None:
    for name in names:
        store.put(name, name.encode(), PLAIN)


def test_what_is_put_is_read_back(store: Store) -> None:
    """Any bytes come back as they were, binary and empty ones too, at any depth of key."""
    for key, body in [
        ("a.json", b"{}"),
        ("x/y=1/z.gz", gzip.compress(b"z")),
        ("x/empty", b""),
        ("ü/ß b+c%20", b"\0\xff"),
    ]:
        store.put(key, body, PLAIN)
        stored = store.get(key)
        assert stored is not None
        assert stored.body == body


def test_what_is_not_there_is_none(store: Store) -> None:
    """No object is no error: in an empty store, beside others, and where only a folder would be."""
    assert store.get("a/b") is None
    store.put("a/b/c", b"1", PLAIN)
    assert [store.get(key) for key in ("a", "a/b", "a/x", "z/y/x")] == [None] * 4


def test_the_end_of_an_object_is_read_alone(store: Store) -> None:
    """As many bytes as asked for, all where there are fewer, none of an empty one; no object is no error."""
    store.put("a/b", b"0123456789", PLAIN)
    store.put("a/empty", b"", PLAIN)
    assert [store.tail("a/b", size) for size in (1, 4, 10, 11)] == [b"9", b"6789", b"0123456789", b"0123456789"]
    assert [store.tail(key, 5) for key in ("a/empty", "a", "a/c", "x/y")] == [b"", None, None, None]


def test_put_new_writes_only_where_nothing_is(store: Store) -> None:
    """The second put_new is told False, and what the first wrote stays."""
    assert store.put_new("a/b", b"first", PLAIN) is True
    assert store.put_new("a/b", b"second", PLAIN) is False
    assert store.get("a/b").body == b"first"  # type: ignore[union-attr]


def test_put_if_match_replaces_what_was_read(store: Store) -> None:
    """With the ETag that was read it writes; with one that is no longer true it does not."""
    store.put("a", b"1", PLAIN)
    first = store.get("a")
    assert first is not None
    assert store.put_if_match("a", b"2", first.etag, PLAIN) is True
    assert store.put_if_match("a", b"3", first.etag, PLAIN) is False
    assert store.get("a").body == b"2"  # type: ignore[union-attr]


def test_put_if_match_without_etag_wants_nothing_there(store: Store) -> None:
    """None as ETag is the claim that there is no object."""
    assert store.put_if_match("a/b", b"1", None, PLAIN) is True
    assert store.put_if_match("a/b", b"2", None, PLAIN) is False


def test_put_if_match_of_what_is_gone_is_a_lost_race(store: Store) -> None:
    """Somebody deleted it meanwhile: read again, like any lost race, and nothing is written."""
    store.put("a", b"1", PLAIN)
    etag = store.get("a").etag  # type: ignore[union-attr]
    store.delete("a")
    assert store.put_if_match("a", b"2", etag, PLAIN) is False
    assert store.get("a") is None


def test_put_replaces_whatever_is_there(store: Store) -> None:
    """put asks nothing; the ETag changes with the body."""
    store.put("a", b"1", PLAIN)
    before = store.get("a")
    store.put("a", b"2", PRIVATE)
    after = store.get("a")
    assert before is not None
    assert after is not None
    assert (after.body, after.etag == before.etag) == (b"2", False)


def test_delete_is_for_what_is_there_or_not(store: Store) -> None:
    """Deleting twice is no error, nor deleting what never was; others stay, and the key can be written anew."""
    put_all(store, "a/b/c", "a/d")
    for _ in range(2):
        store.delete("a/b/c")
    store.delete("x/y")
    assert keys(store) == ["a/d"]
    assert store.put_new("a/b/c", b"again", PLAIN) is True


def test_a_listing_tells_when_an_object_was_written(store: Store) -> None:
    """To a second or so, by the store's clock; writing again moves it on."""
    before = time.time() - 2
    store.put("a/b", b"1", PLAIN)
    (entry,) = store.list("")
    assert before <= entry.modified <= time.time() + 2


def test_list_of_nothing_is_empty(store: Store) -> None:
    """An empty store and an unknown prefix list as nothing."""
    assert keys(store) == []
    put_all(store, "a")
    assert keys(store, "b/") == []


@pytest.mark.parametrize("store", ["directory", "moto"], indirect=True)  # SeaweedFS lists folder by folder
def test_list_is_sorted_by_whole_keys(store: Store) -> None:
    """The order is that of whole keys, byte by byte: `a-b/…` and `a.b` come before `a/…`, `a0` behind it."""
    names = ["a-b/x", "a.b", "a/b.c", "a/b/c", "a0", "aé", "b/ü", "b/𝄞"]
    put_all(store, *reversed(names))
    assert keys(store) == names == sorted(names, key=str.encode)


def test_a_clusters_snapshots_list_in_the_order_of_their_slots(store: Store) -> None:
    """What healing and the readers without an index rest on, wherever one lists folder by folder, too."""
    slots = ["2026-11-22T23:59:59Z", "2026-11-23T00:00:00Z", "2026-11-23T12:00:00Z", "2027-01-01T00:00:00Z"]
    names = [snapshot_key("prod", slot) for slot in slots]
    put_all(store, *reversed(names))
    assert keys(store, snapshots_prefix("prod")) == names
    assert keys(store, snapshots_prefix("prod"), names[1]) == names[2:]


def test_list_says_sizes(store: Store) -> None:
    """Sizes are those of the bodies."""
    put_all(store, "a/1", "a/333")
    assert [(entry.key, entry.size) for entry in store.list("a/")] == [("a/1", 3), ("a/333", 5)]


def test_clusters_whose_names_begin_alike_are_all_found(store: Store) -> None:
    """From the keys alone, folder by folder: some servers sort folders by their bare names."""
    names = ["c", "c-1", "c.1", "c0", "c1", "c1-a", "c1.a", "c10", "c1a", "c2"]
    put_all(store, *(snapshot_key(name, "2026-11-23T12:00:00Z") for name in names))
    assert read.clusters(store) == names


def test_list_takes_any_prefix_and_start(store: Store) -> None:
    """A prefix may end anywhere; start_after is exclusive, need not be there, and may lie above or below all."""
    put_all(store, "c=a/d=1/x", "c=a/d=1/y", "c=a/d=2/x", "c=ab/d=1/x", "e")
    assert keys(store, "c=a") == ["c=a/d=1/x", "c=a/d=1/y", "c=a/d=2/x", "c=ab/d=1/x"]
    assert keys(store, "c=a/d=1/y") == ["c=a/d=1/y"]
    assert keys(store, "c=a/", "c=a/d=1/x") == ["c=a/d=1/y", "c=a/d=2/x"]
    assert keys(store, "c=a/", past_folder("c=a/d=1/")) == ["c=a/d=2/x"]
    assert keys(store, "c=a", past_folder("c=a/")) == ["c=ab/d=1/x"]
    assert keys(store, "", "a") == keys(store)
    assert keys(store, "c=a/", "z") == []


@pytest.mark.parametrize("store", ["directory", "server"], indirect=True)
def test_list_goes_on_behind_a_page(store: Store) -> None:
    """1,005 keys are more than one page of S3: none is missing, none twice."""
    names = [f"n/{number:04}" for number in range(1005)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: store.put(name, b"", PLAIN), names))
    assert keys(store, "n/") == names


UNFIT = ("", "/a", "a//b", "a/", "../a", "a/../../b", "a/./b", "a/.hidden", "a\\b", "a\0", "a\nb", "k" * 256, "\ud800")


def test_unfit_keys_are_refused(store: Store) -> None:
    """A key that could leave the directory, hide in it, or be read differently elsewhere is an error everywhere."""
    for key in UNFIT:
        for act in (store.get, store.delete):
            with pytest.raises(StoreError, match="unfit"):
                act(key)
        for write in (store.put, store.put_new):
            with pytest.raises(StoreError, match="unfit"):
                write(key, b"", PLAIN)
    assert keys(store) == []


def writers_of(store: Store) -> int:
    """A directory takes eight; the S3 server makes more than three at one key wait for seconds."""
    return 8 if isinstance(store, DirectoryStore) else 3


def test_of_racing_put_news_one_wins(shared_store: Store) -> None:
    """Many writers put_new one key at once: one is told True, and its bytes are there, round after round."""
    writers = writers_of(shared_store)
    barrier = Barrier(writers)

    def race(writer: int) -> list[bool]:
        wins = []
        for number in range(ROUNDS):
            barrier.wait()
            wins.append(shared_store.put_new(f"race/{number}", str(writer).encode(), PLAIN))
        return wins

    with ThreadPoolExecutor(writers) as pool:
        wins = list(pool.map(race, range(writers)))
    for number in range(ROUNDS):
        winners = [writer for writer in range(writers) if wins[writer][number]]
        assert [str(writer).encode() for writer in winners] == [shared_store.get(f"race/{number}").body]  # type: ignore[union-attr]


def test_no_increment_is_lost_by_compare_and_swap(shared_store: Store) -> None:
    """Writers who count up by read and put_if_match lose none of what they were told was written."""
    writers = writers_of(shared_store)

    def count_up(_: int) -> None:
        done = 0
        while done < ROUNDS:
            stored = shared_store.get("counter")
            value = int(stored.body) if stored else 0
            done += shared_store.put_if_match(
                "counter", str(value + 1).encode(), stored.etag if stored else None, PLAIN
            )

    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(count_up, range(writers)))
    assert shared_store.get("counter").body == str(writers * ROUNDS).encode()  # type: ignore[union-attr]


PARTS = st.text(
    st.characters(codec="utf-8", exclude_characters="/\\", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=5
)
KEYS = st.lists(PARTS.filter(lambda part: not part.startswith(".")), min_size=1, max_size=3).map("/".join)


@given(names=st.sets(KEYS, max_size=6), prefix=st.text("ab/.", max_size=3), data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_directory_lists_like_a_sorted_set(
    tmp_path_factory: pytest.TempPathFactory, names: set[str], prefix: str, data: st.DataObject
) -> None:
    """For any keys: those with the prefix and behind start_after, in order of their bytes, as S3 would say."""
    kept = {name for name in names if not any(other.startswith(f"{name}/") for other in names)}
    start_after = data.draw(st.sampled_from(["", *sorted(kept)]))
    if prefix:
        prefix = data.draw(st.sampled_from(["", *(name[: len(prefix)] for name in sorted(kept))]))
    store = DirectoryStore(tmp_path_factory.mktemp("any"))
    put_all(store, *kept)
    expected = [name for name in kept if name.startswith(prefix) and name > start_after]
    assert keys(store, prefix, start_after) == sorted(expected, key=str.encode)
