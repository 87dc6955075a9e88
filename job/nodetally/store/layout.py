"""Every key of the store is made and read back here, with its headers. Pure; never touches a store."""

import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from nodetally.errors import StoreError, WrongUse
from nodetally.store.base import Headers
from nodetally.times import format_time

CLUSTER_NAME_LIMIT = 63  # a DNS label, so that a name also fits host names and Kubernetes labels
CLUSTER_NAME_RULE = (
    f"1 to {CLUSTER_NAME_LIMIT} of A-Z a-z 0-9 . _ -, first and last a letter or digit, no '..': "
    "it becomes part of keys and URLs"
)
_CLUSTERS_KEY = "clusters.json"
PAGE_KEY = "index.html"
ASSETS_PREFIX = "assets/"
SNAPSHOTS_PREFIX = "snapshots/"
CLUSTERS_PREFIX = "clusters/"
ROLLUPS_PREFIX = "rollups/"
STATE_PREFIX = "state/"
ROLLUP_KINDS = ("nodes", "clusters", "namespaces")
_ELSEWHERE = (ASSETS_PREFIX, STATE_PREFIX)  # what other parts of the program keep beside snapshots and indexes

# Readers ask again after half a minute; a snapshot never changes, so a year is as good as for ever (RFC 8246).
_CURRENT = "public, max-age=30"
_FOR_EVER = "public, max-age=31536000, immutable"
# .json.gz has no Content-Encoding: Athena, DuckDB and Spark unpack by name, and an HTTP client that unpacked by
# header would hand them plain JSON under a name that says gzip.
SNAPSHOT_HEADERS = Headers("application/json", _FOR_EVER, None)
LATEST_HEADERS = Headers("application/json", _CURRENT, None)
INDEX_HEADERS = Headers("application/json", _CURRENT, None)
ROLLUP_HEADERS = Headers("application/vnd.apache.parquet", "public, max-age=86400", None)
STATE_HEADERS = Headers("application/octet-stream", "private, no-store", None)
PAGE_HEADERS = Headers("text/html; charset=utf-8", "public, max-age=60", None)
# What the page may consist of. Never packed by Content-Encoding: a directory has no place for that header.
_ASSET_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "png": "image/png",
    "svg": "image/svg+xml",
    "woff2": "font/woff2",
}

_CLUSTER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?", re.ASCII)
_SLOT_FORM, _DATE_FORM = "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d"
_SLOT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
# What a key may be by its shape; it is one if what stands in it makes just this key again.
_SNAPSHOT_KEY = re.compile(rf"{SNAPSHOTS_PREFIX}cluster=([^/]+)/date=[^/]+/(\d{{8}}T\d{{6}}Z)\.json\.gz", re.ASCII)
_DAY_KEY = re.compile(rf"{CLUSTERS_PREFIX}([^/]+)/days/([^/]+)\.json")
_INDEX_KEY = re.compile(rf"{CLUSTERS_PREFIX}([^/]+)/index\.json")
_LATEST_KEY = re.compile(rf"{CLUSTERS_PREFIX}([^/]+)/latest\.json\.gz")
_ROLLUP_KEY = re.compile(rf"{ROLLUPS_PREFIX}kind=([^/]+)/cluster=([^/]+)/date=([^/]+)/part-0\.parquet")
_CLUSTER_FOLDER = re.compile(rf"(?:{SNAPSHOTS_PREFIX}cluster=|{CLUSTERS_PREFIX})([^/]+)/.")


class SnapshotName(NamedTuple):
    """What a snapshot's key says."""

    cluster: str
    slot: str


class DayName(NamedTuple):
    """What a day index's key says."""

    cluster: str
    date: str


class RollupName(NamedTuple):
    """What a rollup's key says."""

    kind: str
    cluster: str
    date: str


def validate_cluster_name(name: str) -> str:
    """The name itself; WrongUse with the rule when it cannot be part of a key.

    >>> validate_cluster_name("prod-eu-1.example")
    'prod-eu-1.example'
    """
    if not is_cluster_name(name):
        raise WrongUse(f"not a cluster name: {name[:100]!r}", hint=f"a cluster name is {CLUSTER_NAME_RULE}")
    return name


def slot_of(moment: datetime) -> str:
    """A moment (with its zone), cut down to the second, as documents write slots.

    >>> slot_of(datetime(2026, 11, 23, 12, tzinfo=UTC))
    '2026-11-23T12:00:00Z'
    """
    if moment.tzinfo is None:
        raise WrongUse(f"a time without a zone: {moment.isoformat()}", hint="give it one, such as a final Z")
    return format_time(moment)


def moment_of(slot: str) -> datetime:
    """A slot as a moment in UTC; StoreError when it is none.

    >>> moment_of("2026-11-23T12:00:00Z").hour
    12
    """
    try:
        if _SLOT.fullmatch(slot):
            return datetime.strptime(slot, _SLOT_FORM).replace(tzinfo=UTC)
    except ValueError:
        pass
    raise StoreError(f"not a slot: {slot!r}", hint="slots are written 2026-11-23T12:00:00Z, in UTC")


def date_of(slot: str) -> str:
    """The day that a slot belongs to.

    >>> date_of("2026-11-23T12:00:00Z")
    '2026-11-23'
    """
    moment_of(slot)
    return slot[:10]


def snapshots_prefix(cluster: str) -> str:
    """Where all snapshots of a cluster are."""
    return f"{SNAPSHOTS_PREFIX}cluster={validate_cluster_name(cluster)}/"


def snapshot_day_prefix(cluster: str, date: str) -> str:
    """Where a day's snapshots are."""
    return f"{snapshots_prefix(cluster)}date={_checked_date(date)}/"


def snapshot_key(cluster: str, slot: str) -> str:
    """The key of the snapshot that answers for a slot.

    >>> snapshot_key("prod", "2026-11-23T12:00:00Z")
    'snapshots/cluster=prod/date=2026-11-23/20261123T120000Z.json.gz'
    """
    return f"{snapshot_day_prefix(cluster, date_of(slot))}{slot.replace('-', '').replace(':', '')}.json.gz"


def parse_snapshot_key(key: str) -> SnapshotName | None:
    """Cluster and slot of a snapshot's key; None for any other key.

    >>> parse_snapshot_key("snapshots/cluster=prod/date=2026-11-23/20261123T120000Z.json.gz")
    SnapshotName(cluster='prod', slot='2026-11-23T12:00:00Z')
    """
    found = _SNAPSHOT_KEY.fullmatch(key)
    if not found:
        return None
    cluster, digits = found.groups()
    slot = f"{digits[:4]}-{digits[4:6]}-{digits[6:11]}:{digits[11:13]}:{digits[13:]}"
    return SnapshotName(cluster, slot) if _makes(key, snapshot_key, cluster, slot) else None


def cluster_prefix(cluster: str) -> str:
    """Where a cluster's day indexes, index and latest are."""
    return f"{CLUSTERS_PREFIX}{validate_cluster_name(cluster)}/"


def day_index_key(cluster: str, date: str) -> str:
    """The key of a day index.

    >>> day_index_key("prod", "2026-11-23")
    'clusters/prod/days/2026-11-23.json'
    """
    return f"{cluster_prefix(cluster)}days/{_checked_date(date)}.json"


def parse_day_index_key(key: str) -> DayName | None:
    """Cluster and date of a day index's key; None for any other key."""
    found = _DAY_KEY.fullmatch(key)
    return DayName(*found.groups()) if found and _makes(key, day_index_key, *found.groups()) else None


def cluster_index_key(cluster: str) -> str:
    """The key of a cluster index."""
    return f"{cluster_prefix(cluster)}index.json"


def parse_cluster_index_key(key: str) -> str | None:
    """The cluster of a cluster index's key; None for any other key."""
    found = _INDEX_KEY.fullmatch(key)
    return found[1] if found and _makes(key, cluster_index_key, found[1]) else None


def latest_key(cluster: str) -> str:
    """The key of the copy of the newest snapshot."""
    return f"{cluster_prefix(cluster)}latest.json.gz"


def clusters_key() -> str:
    """The key of the list of clusters."""
    return _CLUSTERS_KEY


def rollups_prefix(kind: str, cluster: str) -> str:
    """Where a cluster's rollups of one kind are."""
    return f"{ROLLUPS_PREFIX}kind={_checked_name(kind)}/cluster={validate_cluster_name(cluster)}/"


def rollup_key(kind: str, cluster: str, date: str) -> str:
    """The key of a day's rollup (Hive style)."""
    return f"{rollups_prefix(kind, cluster)}date={_checked_date(date)}/part-0.parquet"


def parse_rollup_key(key: str) -> RollupName | None:
    """Kind, cluster and date of a rollup's key; None for any other key."""
    found = _ROLLUP_KEY.fullmatch(key)
    return RollupName(*found.groups()) if found and _makes(key, rollup_key, *found.groups()) else None


def state_key(cluster: str, name: str) -> str:
    """The key of something kept between runs; holds pod names, so never made public."""
    return f"{STATE_PREFIX}{validate_cluster_name(cluster)}/{_checked_name(name)}"


def parse_cluster_folder(key: str) -> str | None:
    """The cluster in whose folder of snapshots or of derived documents a key lies; None for any other key.

    >>> parse_cluster_folder("clusters/prod/index.json"), parse_cluster_folder("clusters/notes.txt")
    ('prod', None)
    """
    found = _CLUSTER_FOLDER.match(key)
    return found[1] if found and is_cluster_name(found[1]) else None


def is_of_another_part(key: str) -> bool:
    """Whether a key is the page's or a kept state's: nothing that is made from snapshots and checked here.

    >>> is_of_another_part("index.html"), is_of_another_part("notes.txt")
    (True, False)
    """
    return key == PAGE_KEY or key.startswith(_ELSEWHERE)


def asset_key(name: str) -> str:
    """The key of a file of the page; its name carries a hash of what is in it.

    >>> asset_key("index-Bq1zXw3_.js")
    'assets/index-Bq1zXw3_.js'
    """
    return ASSETS_PREFIX + _checked_name(name)


def asset_headers(key: str) -> Headers:
    """Type and cache of a file of the page; StoreError for a kind that the page has not.

    >>> asset_headers("assets/index-Bq1zXw3_.css").content_type
    'text/css; charset=utf-8'
    """
    kind = key.rpartition(".")[2]
    if kind not in _ASSET_TYPES:
        raise StoreError(f"no type is known for {key}", hint="add it to nodetally.store.layout")
    return Headers(_ASSET_TYPES[kind], _FOR_EVER, None)


def public_headers(key: str) -> Headers | None:
    """The headers of a document that the page reads; None for all that it must not be shown, state/ above all.

    >>> public_headers("clusters.json").content_type, public_headers("state/prod/watch-cache")
    ('application/json', None)
    """
    if parse_snapshot_key(key):
        return SNAPSHOT_HEADERS
    if key == _CLUSTERS_KEY or parse_day_index_key(key) or parse_cluster_index_key(key):
        return INDEX_HEADERS
    found = _LATEST_KEY.fullmatch(key)
    return LATEST_HEADERS if found and _makes(key, latest_key, found[1]) else None


def past_folder(prefix: str) -> str:
    r"""For `start_after`: sorts behind every key under a folder (given with its slash), before all that follow.

    Not the folder's name with the character after the slash, which is shorter: SeaweedFS leaves out a folder that has
    the name that it is to start after, and `a0` is a cluster, too.

    >>> past_folder("snapshots/cluster=a/")
    'snapshots/cluster=a/\U0010ffff'
    """
    return prefix + chr(sys.maxunicode)


def is_cluster_name(name: str) -> bool:
    """Whether a name can be part of a key."""
    return len(name) <= CLUSTER_NAME_LIMIT and ".." not in name and _CLUSTER.fullmatch(name) is not None


def is_date(text: str) -> bool:
    """Whether a text is a day as keys have it, such as 2026-11-23."""
    try:
        return _DATE.fullmatch(text) is not None and bool(datetime.strptime(text, _DATE_FORM).replace(tzinfo=UTC))
    except ValueError:
        return False


def _makes(key: str, make: Callable[..., str], *parts: str) -> bool:
    """Whether these parts make just this key: so what is read back is what is made, and nothing else."""
    try:
        return make(*parts) == key
    except (StoreError, WrongUse):
        return False


def _checked_date(date: str) -> str:
    if not is_date(date):
        raise StoreError(f"not a date: {date!r}", hint="dates are written 2026-11-23")
    return date


def _checked_name(name: str) -> str:
    if ".." in name or len(name) > CLUSTER_NAME_LIMIT or not _NAME.fullmatch(name):
        raise StoreError(f"unfit as part of a key: {name!r}", hint="use letters, digits, '.', '_' and '-'")
    return name
