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
from nodetally import snapshot
from nodetally.cache import Keeper
from nodetally.cli.policy import policy as command
from nodetally.dashboard.publish import publish as publish_page
from nodetally.store import read
from nodetally.store.layout import day_index_key, slot_of
from nodetally.store.policy import CACHE, PURPOSES, Rights, policy
from nodetally.store.publish import publish
from nodetally.store.s3 import S3Store

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
    """Reading through indexes, and without them."""
    assert read.clusters(store) == ["c"]
    read.latest(store, "c")
    read.at(store, "c", NOON + timedelta(minutes=7))
    read.slots(store, "c", "2026-11-23")


def keep(store: S3Store) -> None:
    keeper = Keeper(lambda: store)
    keeper.save("c", b"1")
    assert keeper.load("c") == b"1"
    keeper.save("c", b"2")


def hold(rights: Rights, store: S3Store, work: Callable[[S3Store], None], others: frozenset[str] = frozenset()) -> None:
    """Every call is allowed, and every right was needed; `others`: calls of the test's own."""
    statements = policy([(store.bucket, store.prefix.strip("/"), rights)])["Statement"]
    allowed = {(each["Action"], arn) for each in statements for arn in each["Resource"]}
    with recorded(store) as calls:
        work(store)
    made = {call for call in calls if call[0] not in others}
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


@pytest.mark.parametrize("store", ["./here", "s3://", "s3://b/../c"])
def test_what_is_no_bucket_has_no_policy(store: str) -> None:
    """A directory needs none."""
    assert CliRunner().invoke(command, ["--store", store]).exit_code != 0
