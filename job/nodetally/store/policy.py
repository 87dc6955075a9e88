"""The IAM policy that a command needs for its bucket, and nothing more: what the code calls, by key. Pure.

A test holds it against the calls that are really made.
"""

from typing import Any, NamedTuple

from nodetally.store.layout import (
    ASSETS_PREFIX,
    CLUSTERS_PREFIX,
    PAGE_KEY,
    ROLLUPS_PREFIX,
    SNAPSHOTS_PREFIX,
    STATE_PREFIX,
    clusters_key,
)

OF_CLUSTERS = (f"{CLUSTERS_PREFIX}*",)
DAYS = (f"{CLUSTERS_PREFIX}*/days/*",)  # an index of a day that has no snapshot left is deleted
DERIVED = (*OF_CLUSTERS, clusters_key())
SNAPSHOTS = (f"{SNAPSHOTS_PREFIX}*",)
ROLLUPS = (f"{ROLLUPS_PREFIX}*",)
ASSETS = (f"{ASSETS_PREFIX}*",)
PAGE = (PAGE_KEY, *ASSETS)


class Rights(NamedTuple):
    """Which keys may be read, written, deleted."""

    get: tuple[str, ...]
    put: tuple[str, ...] = ()
    delete: tuple[str, ...] = ()


PURPOSES = {
    "run": Rights(get=(*SNAPSHOTS, *DERIVED), put=(*SNAPSHOTS, *DERIVED)),
    "backfill": Rights(get=(*SNAPSHOTS, *DERIVED), put=(*SNAPSHOTS, *DERIVED), delete=DAYS),
    "read": Rights(get=(*SNAPSHOTS, *DERIVED, *ROLLUPS)),
    "repair": Rights(get=(*SNAPSHOTS, *DERIVED, *ROLLUPS), put=DERIVED, delete=(*DERIVED, *ROLLUPS)),
    "prune": Rights(get=(*SNAPSHOTS, *DERIVED), put=OF_CLUSTERS, delete=(*SNAPSHOTS, *DAYS, *ROLLUPS)),
    "rollup": Rights(get=(*SNAPSHOTS, clusters_key(), *ROLLUPS), put=ROLLUPS, delete=ROLLUPS),
    "dashboard": Rights(get=PAGE, put=PAGE, delete=ASSETS),
}
CACHE = Rights(get=(f"{STATE_PREFIX}*",), put=(f"{STATE_PREFIX}*",))


def policy(places: list[tuple[str, str, Rights]], partition: str = "aws") -> dict[str, Any]:
    """The policy for (bucket, prefix, rights), one or several; `partition`: aws, aws-cn, aws-us-gov, ….

    ListBucket has no condition on a prefix: without the right to list, S3 answers 403 for an object that is not there,
    and that check has no prefix to compare (S3 API reference, GetObject, Permissions).
    """
    statements: list[dict[str, Any]] = []
    for action, of in (("s3:GetObject", 0), ("s3:PutObject", 1), ("s3:DeleteObject", 2)):
        resources = [
            f"arn:{partition}:s3:::{bucket}/{prefix}/{key}" if prefix else f"arn:{partition}:s3:::{bucket}/{key}"
            for bucket, prefix, rights in places
            for key in rights[of]
        ]
        if resources:
            statements.append({"Effect": "Allow", "Action": action, "Resource": resources})
    buckets = sorted({f"arn:{partition}:s3:::{bucket}" for bucket, _, _ in places})
    statements.append({"Effect": "Allow", "Action": "s3:ListBucket", "Resource": buckets})
    return {"Version": "2012-10-17", "Statement": statements}
