"""A year of ten clusters in a directory store, made up: pools that grow, nodes that come and go, gaps, unknown usage.

Three clusters have a snapshot every six hours, the others two every third day, so that it takes a minute. Straight
into files, for speed; the indexes are then made by `store repair`, as after a disaster.
"""

import gzip
import json
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import documents
from documents import GIB, figures
from nodetally import snapshot
from nodetally.store.layout import slot_of, snapshot_key

FIRST, DAYS, HOURS = date(2026, 1, 1), 365, (0, 6, 12, 18)
CLUSTERS = ("2026", *(f"c{number}" for number in range(1, 10)))  # a name that engines would take for a number
GAPS = {("c1", 100), ("c1", 101), ("c2", 340), ("2026", 200)}  # days without any snapshot
Json = dict[str, Any]


def write(folder: Path) -> None:
    """All snapshots."""
    for number, cluster in enumerate(CLUSTERS):
        chance = random.Random(number)
        for at in range(DAYS):
            for hour in HOURS if number < 3 else (0, 12) if at % 3 == 0 else ():
                if (cluster, at) in GAPS or chance.random() < 0.01:
                    continue
                slot = slot_of(datetime(2026, 1, 1, hour, tzinfo=UTC) + timedelta(days=at))
                document = documents.snapshot(
                    nodes(number, at, hour, chance),
                    cluster=cluster,
                    slot=slot,
                    taken_at=slot,
                    namespaces=namespaces(chance),
                )
                path = folder / snapshot_key(cluster, slot)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(snapshot.encode(document))


def read(folder: Path) -> Iterator[Json]:
    """All snapshots, read without the package; sorted."""
    for path in sorted(folder.glob("snapshots/*/*/*.json.gz")):
        yield json.loads(gzip.decompress(path.read_bytes()))


def nodes(cluster: int, at: int, hour: int, chance: random.Random) -> list[Json]:
    """A pool that grows by a node every 120 days, spot nodes of a few days each, a quiet node, one without a pool.

    The last cluster is scaled to nothing on its last days.
    """
    made: list[Json] = []
    if cluster == len(CLUSTERS) - 1 and at > DAYS - 5:
        return made
    for index in range(2 + at // 120):
        requests = 3_000 + at * (10 + cluster) + chance.randrange(500) + hour * 20
        made.append(one(f"ng-{index}", "ng", requests, chance, created=0))
    for index in range(1 + (at // 7 + cluster) % 3):
        born = at - at % 7
        made.append(one(f"spot-{index}", "spot", chance.randrange(16_000), chance, created=born, capacity_type="spot"))
    made.append(one("quiet", "quiet", 1_000 - at, chance, created=0, quiet=True))
    if cluster % 4 == 0:
        made.append(one("alone", None, 2_000, chance, created=0) | {"zone": None})
    return made


def one(
    name: str, pool: str | None, cpu: int, chance: random.Random, *, created: int, quiet: bool = False, **changes: Any
) -> Json:
    usage = None if chance.random() < 0.02 else chance.randrange(3_000 if quiet else max(cpu, 1))
    memory = cpu * (GIB // 1_000)
    gpu = {"nvidia.com/gpu": figures(8, 8, 2, 2, None)} if pool == "spot" else {}
    return documents.node(
        name,
        pool=pool,
        uid=f"{name}-{created}",
        created_at=f"{FIRST + timedelta(days=created)}T00:00:00Z",
        cpu=(cpu, cpu * 2, usage),
        memory=(memory, memory, None if usage is None else usage * (GIB // 1_000)),
        resources=gpu,
        **changes,
    )


def namespaces(chance: random.Random) -> list[Json]:
    found = [
        documents.namespace(f"team-{index}", 10, chance.randrange(9_000), chance.randrange(9) * GIB)
        for index in range(3)
    ]
    found[1]["resources"].pop("cpu")  # its pods ask for none: that is known, and 0
    if chance.random() < 0.05:
        found[2]["resources"]["cpu"]["requests"] = None
    return found
