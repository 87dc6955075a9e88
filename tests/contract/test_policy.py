"""The IAM policy against the calls that are really made: every one is allowed, and no right is there for none."""

import fnmatch
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner

import documents
import pages
from fuzz.commands import nodetally
from nodetally import snapshot
from nodetally.cache import Keeper
from nodetally.cli.policy import policy as command
from nodetally.dashboard.publish import publish as publish_page
from nodetally.store import batch, read
from nodetally.store.layout import (
    INDEX_HEADERS,
    clusters_key,
    day_index_key,
    latest_key,
    rollup_key,
    slot_of,
    snapshot_day_prefix,
    snapshot_key,
)
from nodetally.store.policy import CACHE, PURPOSES, Rights, policy
from nodetally.store.publish import publish
from nodetally.store.s3 import S3Store
from nodetally.store.update import Pauses

ACTIONS = {
    "GetObject": "s3:GetObject",
    "HeadObject": "s3:GetObject",  # HEAD has no action of its own
    "PutObject": "s3:PutObject",
    "DeleteObject": "s3:DeleteObject",
    "ListObjectsV2": "s3:ListBucket",
}
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
Calls = set[tuple[str, str]]


@contextmanager
def recorded(store: S3Store) -> Iterator[Calls]:
    """(action, ARN) of every request that the client sends."""
    calls: Calls = set()

    def note(params: dict[str, Any], model: Any, **_: Any) -> None:
        action = ACTIONS[model.name]
        key = "" if action == "s3:ListBucket" else f"/{params['Key']}"
        calls.add((action, f"arn:aws:s3:::{params['Bucket']}{key}"))

    store.client.meta.events.register("provide-client-params.s3", note)
    try:
        yield calls
    finally:
        store.client.meta.events.unregister("provide-client-params.s3", note)


def put(store: S3Store, minute: int) -> None:
    slot = slot_of(NOON + timedelta(minutes=minute))
    document = documents.snapshot([documents.node("n1")], slot=slot, taken_at=slot, cluster="c")
    publish(store, document, snapshot.encode(document))


def run(store: S3Store) -> None:
    """Passes into a store that is new, one that is not, and one that lost an index; a slot that is there already."""
    for minute in (0, 5, 5):
        put(store, minute)
    store.delete(day_index_key("c", "2026-11-23"))
    put(store, 10)


def look(store: S3Store) -> None:
    """Reading through indexes, and without them; a rollup."""
    assert store.get(rollup_key("nodes", "c", "2026-11-23")) is None
    assert read.clusters(store) == ["c"]
    read.latest(store, "c")
    read.at(store, "c", NOON + timedelta(minutes=7))
    read.slots(store, "c", "2026-11-23")


def keep(store: S3Store) -> None:
    keeper = Keeper(lambda: store)
    keeper.save("c", b"1")
    assert keeper.load("c") == b"1"
    keeper.save("c", b"2")


def hold(
    rights: Rights,
    store: S3Store,
    work: Callable[[S3Store], None],
    others: frozenset[str] = frozenset(),
    own: tuple[str, ...] = (),
) -> None:
    """Every call is allowed, and every right was needed.

    `others`: actions of the test's own; `own`: where it deletes what is not the command's to delete.
    """
    statements = policy([(store.bucket, store.prefix.strip("/"), rights)])["Statement"]
    allowed = {(each["Action"], arn) for each in statements for arn in each["Resource"]}
    with recorded(store) as calls:
        work(store)
    ours = tuple(f"arn:aws:s3:::{store.bucket}/{store.prefix}{prefix}" for prefix in own)
    made = {
        call
        for call in calls
        if call[0] not in others and not (call[0] == "s3:DeleteObject" and call[1].startswith(ours))
    }
    for action, arn in made:
        assert any(action == right and fnmatch.fnmatchcase(arn, pattern) for right, pattern in allowed), (action, arn)
    idle = {
        (right, pattern)
        for right, pattern in allowed
        if not any(action == right and fnmatch.fnmatchcase(arn, pattern) for action, arn in made)
    }
    assert idle == set(), "rights that nothing uses"


def test_a_run_needs_what_its_policy_says(moto_store: S3Store) -> None:
    """A pass reads and writes snapshots and what is derived from them; it deletes nothing."""
    hold(PURPOSES["run"], moto_store, run, frozenset({"s3:DeleteObject"}))


def test_reading_needs_what_its_policy_says(moto_store: S3Store) -> None:
    """show, diff and status write nothing."""
    run(moto_store)
    moto_store.delete(day_index_key("c", "2026-11-23"))
    hold(PURPOSES["read"], moto_store, look)


def show_page(store: S3Store) -> None:
    """The page is put, a day and a half later another one, then what only the first named is deleted."""
    now = time.time()
    for page, days in ((pages.page("one"), 0.0), (pages.page("two"), 0.0), (pages.page("two"), 1.5)):
        assert [*publish_page(store, page, now=now + days * 86_400, clean=True)]


def test_publishing_the_page_needs_what_its_policy_says(moto_store: S3Store) -> None:
    """index.html and assets/, no document; it deletes assets only."""
    hold(PURPOSES["dashboard"], moto_store, show_page)


def test_the_kept_cache_needs_what_its_policy_says(moto_store: S3Store) -> None:
    """Its own prefix, and no more; listing is what tells 404 from 403."""
    statements = policy([(moto_store.bucket, moto_store.prefix.strip("/"), CACHE)])["Statement"]
    assert [each["Action"] for each in statements] == ["s3:GetObject", "s3:PutObject", "s3:ListBucket"]
    with recorded(moto_store) as calls:
        keep(moto_store)
    assert {action for action, _ in calls} == {"s3:GetObject", "s3:PutObject"}
    assert all(fnmatch.fnmatchcase(arn, statements[0]["Resource"][0]) for _, arn in calls)


LATE = "2026-11-24T13:30:00Z"
PRUNE = ("store", "prune", "--keep", "all:1d", "--now", LATE, "--yes")


def two_days(store: S3Store) -> None:
    """Snapshots of two days; the first day is one that a prune empties."""
    for minute in (0, 5, 24 * 60, 24 * 60 + 5):
        put(store, minute)


def of_store(store: S3Store, *arguments: str, code: int = 0) -> None:
    """A command as it is typed."""
    end = nodetally(store, *arguments, "--store", store.url)
    assert end.code == code, end


def test_looking_needs_what_its_policy_says(server_store: S3Store) -> None:
    """show, diff, history, status, store verify and ls, a repair and a prune that are only tried: none writes."""
    two_days(server_store)
    of_store(server_store, "store", "rollup")

    def look_at_everything(store: S3Store) -> None:
        for arguments in (
            ("show",),
            ("show", "--cluster", "c", "--at", "2026-11-23T12:06:00Z"),
            ("diff", "2026-11-23T12:06:00Z", "latest"),
            ("history", "--since", "2026-11-23", "--to", "2026-11-24"),
            ("history", "--since", "2026-11-23", "--to", "2026-11-24", "--by", "pool"),
            ("store", "verify", "--patience", "0s"),
            ("store", "ls"),
            ("store", "ls", "--cluster", "c"),
            ("store", "ls", "--cluster", "c", "--day", "2026-11-23"),
            ("store", "repair", "--dry-run"),
            ("store", "prune", "--keep", "all:1h", "--now", LATE),
        ):
            of_store(store, *arguments)
        of_store(store, "status", code=7)  # too old

    hold(PURPOSES["read"], server_store, look_at_everything)


def test_pruning_needs_what_its_policy_says(server_store: S3Store) -> None:
    """It deletes snapshots, the index of a day that it emptied, and its rollups; it writes no latest and no list."""
    two_days(server_store)
    of_store(server_store, "store", "rollup")
    hold(PURPOSES["prune"], server_store, lambda store: of_store(store, *PRUNE))
    assert read.days(server_store, "c") == ["2026-11-24"]


def test_repairing_needs_what_its_policy_says(server_store: S3Store) -> None:
    """It makes documents again and deletes those that nothing is left for; it never writes or deletes a snapshot."""
    two_days(server_store)
    of_store(server_store, "store", "rollup")
    first_day, last = day_index_key("c", "2026-11-23"), latest_key("c")
    keys = [entry.key for entry in server_store.list(snapshot_day_prefix("c", "2026-11-23"))]

    def mend(store: S3Store) -> None:
        of_store(store, "store", "repair")
        assert (store.get(first_day), store.get(last) is not None) == (None, True)
        for entry in list(store.list("snapshots/")):
            store.delete(entry.key)
        store.put(clusters_key(), b"?", INDEX_HEADERS)
        of_store(store, "store", "repair")
        assert list(store.list("")) == []

    for key in (*keys, last, clusters_key()):
        server_store.delete(key)
    hold(PURPOSES["repair"], server_store, mend, others=frozenset(), own=("snapshots/",))


def test_rolling_up_needs_what_its_policy_says(server_store: S3Store) -> None:
    """It reads snapshots and writes rollups, and deletes those of a day that has no snapshots left."""
    two_days(server_store)

    def roll_up(store: S3Store) -> None:
        of_store(store, "store", "rollup")
        for minute in (0, 5):
            store.client.delete_object(
                Bucket=store.bucket, Key=store.prefix + snapshot_key("c", slot_of(NOON + timedelta(minutes=minute)))
            )
        of_store(store, "store", "rollup")
        assert len(list(store.list("rollups/"))) == 3

    hold(PURPOSES["rollup"], server_store, roll_up, own=("snapshots/",))


def test_a_backfill_needs_what_its_policy_says(moto_store: S3Store) -> None:
    """It puts many, then indexes them; what a prune took meanwhile it takes out again, with the index of its day."""

    def fill(store: S3Store) -> None:
        pauses = Pauses(lambda _: None)
        for minutes in ((0, 5), (24 * 60,)):
            known = []
            for minute in minutes:
                slot = slot_of(NOON + timedelta(minutes=minute))
                document = documents.snapshot([documents.node("n1")], slot=slot, taken_at=slot, cluster="c")
                known += [batch.put(store, document, snapshot.encode(document))[0] for _ in range(2)]
            if minutes == (24 * 60,):
                store.client.delete_object(Bucket=store.bucket, Key=store.prefix + known[0].key)
            batch.index(store, "c", known, pauses)
            batch.complete(store, "c", pauses)
        assert read.days(store, "c") == ["2026-11-23"]

    hold(PURPOSES["backfill"], moto_store, fill, own=("snapshots/",))


@pytest.mark.parametrize("purpose", PURPOSES)
def test_the_command_prints_a_policy_for_every_purpose(purpose: str) -> None:
    """JSON that IAM takes: version, statements, ARNs under the prefix."""
    done = CliRunner().invoke(command, ["--store", "s3://bkt/p", "--for", purpose, "--cache", "s3://private/q"])
    printed = json.loads(done.output)
    assert printed["Version"] == "2012-10-17"
    assert {each["Effect"] for each in printed["Statement"]} == {"Allow"}
    arns = {arn for each in printed["Statement"] for arn in each["Resource"]}
    buckets = {"arn:aws:s3:::bkt", "arn:aws:s3:::private"}
    assert buckets < arns
    assert all(arn.startswith(("arn:aws:s3:::bkt/p/", "arn:aws:s3:::private/q/state/")) for arn in arns - buckets)
    assert "*" not in {each["Action"] for each in printed["Statement"]}


def test_another_partitions_buckets_have_its_arns() -> None:
    """GovCloud and China: IAM there takes no arn:aws."""
    done = CliRunner().invoke(command, ["--store", "s3://bkt/p", "--partition", "aws-us-gov"])
    arns = {arn for each in json.loads(done.output)["Statement"] for arn in each["Resource"]}
    assert {arn.split(":s3:::")[0] for arn in arns} == {"arn:aws-us-gov"}


@pytest.mark.parametrize("store", ["./here", "s3://", "s3://b/../c"])
def test_what_is_no_bucket_has_no_policy(store: str) -> None:
    """A directory needs none."""
    assert CliRunner().invoke(command, ["--store", store]).exit_code != 0
