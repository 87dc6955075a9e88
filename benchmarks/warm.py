"""The warm cache, measured from inside one process: takes the simulator's kubeconfig and how many passes; prints JSON.

A pass is from its start to the encoded snapshot; what changed before it was followed already, as between the passes of
`run --every`. Usage is off: metrics are listed in full by every pass, whatever the cache.
"""

import json
import statistics
import sys
import time
import tracemalloc
from pathlib import Path

from nodetally.accounting.index import PodIndex
from nodetally.cluster import kept
from nodetally.cluster.connection import connected
from nodetally.cluster.watching import WatchCache
from nodetally.collect import run_pass, utc_now, warm_cache
from nodetally.settings import CACHE_IN_MEMORY, Settings, Surroundings
from simulated import Simulated

FOLLOW_SECONDS = 4  # the server's last bookmark comes 2 s before a watch ends


def main(kubeconfig: str, passes: int) -> None:
    settings = Settings(cluster="bench", kubeconfig=kubeconfig, cache=CACHE_IN_MEMORY, usage=False)
    around = Surroundings.read({})
    print(json.dumps({**speed(settings, around, Simulated(Path(kubeconfig)), passes), **sizes(settings, around)}))


def speed(settings: Settings, around: Surroundings, cluster: Simulated, passes: int) -> dict[str, float]:
    warm = warm_cache(settings)
    assert warm is not None
    started = time.perf_counter()
    pods = run_pass(settings, around, store=False, warm=warm).outline["cost"]["pods_read"]
    warmed = time.perf_counter() - started
    quiet, changed = [], []
    for _ in range(passes):
        quiet.append(_timed(settings, around, warm))
        cluster.churn(pods // 100)
        warm.follow(settings, around, FOLLOW_SECONDS)
        changed.append(_timed(settings, around, warm))
    return {
        "warm_up_seconds": warmed,
        "pass_seconds": statistics.median(quiet),
        "changed_pass_seconds": statistics.median(changed),
    }


def _timed(settings: Settings, around: Surroundings, warm: object) -> float:
    started = time.perf_counter()
    done = run_pass(settings, around, store=False, warm=warm)  # type: ignore[arg-type]  # what warm_cache gave
    seconds = time.perf_counter() - started
    assert done.outline["source"]["kind"] == "watch", done.outline["source"]
    return seconds


def sizes(settings: Settings, around: Surroundings) -> dict[str, float]:
    """Bytes a pod: of Python's memory for the index with its tallies, and of the kept file."""
    with connected(settings, around) as connection:
        filled = WatchCache(bool)
        filled.fill_by_watch(connection, utc_now)
        body = kept.encode(filled, kept.owner_of(settings, connection.access), utc_now())
    pods = filled.pods.index.pods
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    index = PodIndex()
    for key, held in pods.items():
        share = index.share(*held.share.key)
        index.hold(bytes(bytearray(key)), bytes(bytearray(held.mark)), held.place.name, share)
    index.tally()
    grown = tracemalloc.get_traced_memory()[0] - before
    return {"index_bytes_a_pod": grown / len(pods), "kept_bytes_a_pod": len(body) / len(pods)}


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
