"""`nodetally policy --for backfill` against the calls that a backfill really makes."""

import fnmatch
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import documents
import histories
from nodetally import snapshot
from nodetally.backfill.fill import fill
from nodetally.backfill.filling import Filling
from nodetally.backfill.plan import Plan
from nodetally.settings import Settings
from nodetally.store.layout import day_index_key, snapshot_key
from nodetally.store.policy import PURPOSES, policy
from nodetally.store.publish import publish
from nodetally.store.s3 import S3Store

ACTIONS = {
    "GetObject": "s3:GetObject",
    "HeadObject": "s3:GetObject",  # HEAD has no action of its own
    "PutObject": "s3:PutObject",
    "DeleteObject": "s3:DeleteObject",
    "ListObjectsV2": "s3:ListBucket",
}


@contextmanager
def recorded(store: S3Store) -> Iterator[set[tuple[str, str]]]:
    """(action, ARN) of every request that the client sends."""
    calls: set[tuple[str, str]] = set()

    def note(params: dict[str, Any], model: Any, **_: Any) -> None:
        action = ACTIONS[model.name]
        key = "" if action == "s3:ListBucket" else f"/{params['Key']}"
        calls.add((action, f"arn:aws:s3:::{params['Bucket']}{key}"))

    store.client.meta.events.register("provide-client-params.s3", note)
    yield calls
    store.client.meta.events.unregister("provide-client-params.s3", note)


def test_a_backfill_needs_what_its_policy_says(moto_store: S3Store, tmp_path: Path) -> None:
    """Every call is allowed and every right used: into a store that lost an index, and all snapshots of another day."""
    for slot in ("2026-11-21T12:07:00Z", "2026-11-22T12:07:00Z"):
        live = documents.snapshot([documents.node("n")], slot=slot, cluster="c")
        publish(moto_store, live, snapshot.encode(live))
    moto_store.delete(day_index_key("c", "2026-11-21"))
    moto_store.delete(snapshot_key("c", "2026-11-22T12:07:00Z"))
    plan = Plan(histories.DAY, histories.DAY + timedelta(days=4), 6 * 3_600)
    gaps = [histories.DAY + timedelta(days=2, hours=6 * each) for each in range(4)]
    with recorded(moto_store) as made:
        for cluster in ("c", "new"):
            fill(moto_store, Settings(cluster=cluster), histories.Remembered(tmp_path, gaps=gaps), plan, Filling())
    statements = policy([(moto_store.bucket, moto_store.prefix.strip("/"), PURPOSES["backfill"])])["Statement"]
    allowed = {(each["Action"], arn) for each in statements for arn in each["Resource"]}

    def fits(call: tuple[str, str], right: tuple[str, str]) -> bool:
        return call[0] == right[0] and fnmatch.fnmatchcase(call[1], right[1])

    assert {call for call in made if not any(fits(call, right) for right in allowed)} == set()
    assert {right for right in allowed if not any(fits(call, right) for call in made)} == set()
