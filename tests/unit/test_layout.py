"""Every key is made and read back in one place; names that could leave it are refused."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodetally.errors import StoreError, WrongUse
from nodetally.store import layout
from nodetally.store.base import Headers, check_key

NAMES = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", fullmatch=True).filter(
    lambda name: ".." not in name
)
MOMENTS = st.datetimes(timezones=st.just(UTC))


def test_the_keys_are_those_of_the_design() -> None:
    """The whole table: other programs read these keys, so none may move."""
    assert [
        layout.snapshot_key("C", "2026-11-23T12:00:00Z"),
        layout.day_index_key("C", "2026-11-23"),
        layout.cluster_index_key("C"),
        layout.latest_key("C"),
        layout.clusters_key(),
        layout.rollup_key("nodes", "C", "2026-11-23"),
        layout.state_key("C", "watch"),
    ] == [
        "snapshots/cluster=C/date=2026-11-23/20261123T120000Z.json.gz",
        "clusters/C/days/2026-11-23.json",
        "clusters/C/index.json",
        "clusters/C/latest.json.gz",
        "clusters.json",
        "rollups/kind=nodes/cluster=C/date=2026-11-23/part-0.parquet",
        "state/C/watch",
    ]


def test_headers_say_how_long_each_may_be_kept() -> None:
    """Snapshots a year and immutable, derived documents 30 s, state nowhere; gzip never as Content-Encoding."""
    caches = {
        layout.SNAPSHOT_HEADERS: "public, max-age=31536000, immutable",
        layout.LATEST_HEADERS: "public, max-age=30",
        layout.INDEX_HEADERS: "public, max-age=30",
        layout.ROLLUP_HEADERS: "public, max-age=86400",
        layout.STATE_HEADERS: "private, no-store",
    }
    for headers, cache_control in caches.items():
        assert (headers.cache_control, headers.content_encoding) == (cache_control, None)
    types = [layout.SNAPSHOT_HEADERS, layout.LATEST_HEADERS, layout.INDEX_HEADERS, layout.ROLLUP_HEADERS]
    assert [headers.content_type for headers in types] == ["application/json"] * 3 + ["application/vnd.apache.parquet"]
    assert layout.STATE_HEADERS.content_type == "application/octet-stream"
    assert Headers("text/html; charset=utf-8", "public, max-age=60", None) == layout.PAGE_HEADERS


@pytest.mark.parametrize(
    ("kind", "content_type"),
    [
        ("css", "text/css; charset=utf-8"),
        ("js", "text/javascript; charset=utf-8"),
        ("json", "application/json"),
        ("png", "image/png"),
        ("svg", "image/svg+xml"),
        ("woff2", "font/woff2"),
    ],
)
def test_a_file_of_the_page_is_told_by_its_ending(kind: str, content_type: str) -> None:
    """Its name holds a hash, so it may be kept for ever."""
    key = layout.asset_key(f"index-1.2.{kind}")
    assert layout.asset_headers(key) == Headers(content_type, "public, max-age=31536000, immutable", None)
    assert layout.is_of_another_part(key)
    with pytest.raises(StoreError, match=r"no type is known for assets/index\.exe"):
        layout.asset_headers("assets/index.exe")


@pytest.mark.parametrize(
    ("key", "headers"),
    [
        ("snapshots/cluster=a/date=2026-11-23/20261123T120000Z.json.gz", layout.SNAPSHOT_HEADERS),
        ("clusters.json", layout.INDEX_HEADERS),
        ("clusters/a/index.json", layout.INDEX_HEADERS),
        ("clusters/a/days/2026-11-23.json", layout.INDEX_HEADERS),
        ("clusters/a/latest.json.gz", layout.LATEST_HEADERS),
        ("clusters/a..b/latest.json.gz", None),
        ("clusters/a/latest.json.gz2", None),
        ("state/a/watch-cache", None),
        ("rollups/kind=nodes/cluster=a/date=2026-11-23/part-0.parquet", None),
        ("index.html", None),
        ("notes.txt", None),
    ],
)
def test_the_page_is_shown_what_it_reads_and_nothing_else(key: str, headers: Headers | None) -> None:
    """Whoever serves the store asks this."""
    assert layout.public_headers(key) == headers


@pytest.mark.parametrize(
    ("key", "cluster"),
    [
        ("clusters/a/latest.json.gz", "a"),
        ("clusters/a/x", "a"),
        ("snapshots/cluster=a/x", "a"),
        ("clusters/a/", None),
        ("clusters/a..b/x", None),
        ("state/a/x", None),
    ],
)
def test_a_cluster_is_known_by_its_folders(key: str, cluster: str | None) -> None:
    """Of snapshots and of derived documents; what lies in them may be anything."""
    assert layout.parse_cluster_folder(key) == cluster


@pytest.mark.parametrize(
    ("key", "another"),
    [("index.html", True), ("assets/a.js", True), ("state/a/x", True), ("clusters.json", False), ("assets", False)],
)
def test_the_page_and_kept_state_are_of_another_part(key: str, another: bool) -> None:
    """What is checked and made anew are snapshots and what is made of them."""
    assert layout.is_of_another_part(key) is another


@given(NAMES, MOMENTS)
def test_keys_read_back_as_what_made_them(cluster: str, moment: datetime) -> None:
    """Any valid name and any second: round trips, keys that both stores take, slots in order of time."""
    slot = layout.slot_of(moment)
    date = layout.date_of(slot)
    assert layout.moment_of(slot) == moment.replace(microsecond=0)
    assert layout.parse_snapshot_key(layout.snapshot_key(cluster, slot)) == (cluster, slot)
    assert layout.parse_day_index_key(layout.day_index_key(cluster, date)) == (cluster, date)
    assert layout.parse_cluster_index_key(layout.cluster_index_key(cluster)) == cluster
    assert layout.parse_rollup_key(layout.rollup_key("nodes", cluster, date)) == ("nodes", cluster, date)
    for key in (layout.snapshot_key(cluster, slot), layout.latest_key(cluster), layout.state_key(cluster, "watch")):
        assert check_key(key) == key


@given(NAMES, MOMENTS, MOMENTS)
def test_keys_sort_as_their_slots(cluster: str, one: datetime, other: datetime) -> None:
    """Listing a cluster's snapshots lists them in time."""
    slots = [layout.slot_of(one), layout.slot_of(other)]
    keys = [layout.snapshot_key(cluster, slot) for slot in slots]
    assert (keys[0] < keys[1]) == (slots[0] < slots[1])


@given(NAMES, NAMES, MOMENTS)
def test_past_folder_skips_one_cluster_exactly(one: str, other: str, moment: datetime) -> None:
    """Behind a cluster's folder begin exactly those that sort after it."""
    slot = layout.slot_of(moment)
    behind = layout.past_folder(layout.snapshots_prefix(one))
    assert layout.snapshot_key(one, slot) < behind
    if one != other:
        key = layout.snapshot_key(other, slot)
        assert (key > behind) == (key > layout.snapshot_key(one, slot))


@given(st.text(max_size=80))
def test_whatever_passes_as_a_name_is_one_harmless_part_of_a_key(name: str) -> None:
    """For any text: refused with the rule, or made of the allowed letters and safe as one part."""
    try:
        layout.validate_cluster_name(name)
    except WrongUse as error:
        assert "letter or digit" in error.hint
    else:
        assert 1 <= len(name) <= 63
        assert name.isascii()
        assert not set(name) & set("/\\%?#&=+ \r\n\0<>\"'")
        assert check_key(layout.latest_key(name)).split("/") == ["clusters", name, "latest.json.gz"]


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "a..b",
        "-a",
        "a-",
        ".a",
        "a.",
        "a/b",
        "../a",
        "a\\b",
        "a b",
        "a\n",
        "a\0",
        "ä",
        "٣",
        "a%2fb",
        "a=b",
        "a" * 64,
    ],
)
def test_hostile_cluster_names_are_refused_everywhere(name: str) -> None:
    """By the validator and by every function that makes a key of a cluster."""
    for make in (
        layout.validate_cluster_name,
        layout.snapshots_prefix,
        layout.cluster_index_key,
        layout.latest_key,
        lambda cluster: layout.snapshot_key(cluster, "2026-11-23T12:00:00Z"),
        lambda cluster: layout.day_index_key(cluster, "2026-11-23"),
        lambda cluster: layout.state_key(cluster, "watch"),
        lambda cluster: layout.rollup_key("nodes", cluster, "2026-11-23"),
    ):
        with pytest.raises(WrongUse, match="not a cluster name"):
            make(name)


@pytest.mark.parametrize("name", ["a", "A1", "prod-eu-1", "prod.example_2", "0" * 63])
def test_ordinary_names_pass(name: str) -> None:
    """One letter is enough, 63 are the most."""
    assert layout.validate_cluster_name(name) == name
    assert layout.parse_cluster_index_key(layout.cluster_index_key(name)) == name


@pytest.mark.parametrize(
    "slot",
    [
        "",
        "2026-11-23",
        "2026-11-23T12:00:00",
        "2026-11-23T12:00:00+00:00",
        "2026-11-23T12:00:00.5Z",
        "2026-02-30T00:00:00Z",
        "2026-11-23T24:00:00Z",
        "2026-11-23T12:00:00Z\n",
        "٢٠٢٦-11-23T12:00:00Z",
        "../../x",
    ],
)
def test_what_is_no_slot_makes_no_key(slot: str) -> None:
    """Only whole seconds in UTC that exist."""
    with pytest.raises(StoreError, match="not a slot"):
        layout.snapshot_key("a", slot)


@pytest.mark.parametrize("date", ["", "2026-11-31", "2026-1-1", "20261123", "../x"])
def test_what_is_no_date_makes_no_key(date: str) -> None:
    """Only days that exist, written with all their digits."""
    with pytest.raises(StoreError, match="not a date"):
        layout.day_index_key("a", date)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "snapshots/cluster=a/date=2026-11-23/20261123T120000Z.json",
        "snapshots/cluster=a/date=2026-11-24/20261123T120000Z.json.gz",  # another day's folder
        "snapshots/cluster=a/date=2026-11-23/20261123T250000Z.json.gz",
        "snapshots/cluster=../date=2026-11-23/20261123T120000Z.json.gz",
        "snapshots/cluster=a/date=2026-11-23/20261123T120000Z.json.gz\n",
        "clusters/a/days/2026-11-31.json",
        "clusters/a..b/index.json",
        "clusters/a/index.jsonx",
        f"clusters/{'a' * 64}/index.json",
        "clusters/a..b/days/2026-11-23.json",
        "rollups/kind=/cluster=a/date=2026-11-23/part-0.parquet",
        "rollups/kind=.nodes/cluster=a/date=2026-11-23/part-0.parquet",
        "rollups/kind=nodes/cluster=a..b/date=2026-11-23/part-0.parquet",
        "rollups/kind=nodes/cluster=a/date=2026-11-31/part-0.parquet",
    ],
)
def test_foreign_keys_are_nobodys(key: str) -> None:
    """What layout did not make reads back as None, never as an error: buckets hold other things too."""
    assert layout.parse_snapshot_key(key) is None
    assert layout.parse_day_index_key(key) is None
    assert layout.parse_cluster_index_key(key) is None
    assert layout.parse_rollup_key(key) is None


def test_slots_are_in_utc_and_need_a_zone() -> None:
    """12:00 at +02:00 is the slot of 10:00; without a zone a moment is none."""
    moment = datetime(2026, 11, 23, 12, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=2)))
    assert layout.slot_of(moment) == "2026-11-23T10:00:00Z"
    with pytest.raises(WrongUse, match="without a zone"):
        layout.slot_of(moment.replace(tzinfo=None))


@pytest.mark.parametrize("name", ["", "..", "a..b", "a/b", ".hidden", "a b", "a" * 64])
def test_names_in_keys_are_plain(name: str) -> None:
    """State, rollups and the page's files have names of their own in their keys."""
    for make, parts in (
        (layout.state_key, ("a", name)),
        (layout.rollup_key, (name, "a", "2026-11-23")),
        (layout.rollups_prefix, (name, "a")),
        (layout.asset_key, (name,)),
    ):
        with pytest.raises(StoreError, match="unfit"):
            make(*parts)
    assert layout.state_key("a", "b" * 63) == f"state/a/{'b' * 63}"
    assert layout.rollups_prefix("nodes", "a") == "rollups/kind=nodes/cluster=a/"
