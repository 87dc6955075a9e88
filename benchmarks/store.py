"""`make bench-store`: what a pass asks of its store as history, schedule and neighbours grow; requests and bytes.

Counts, so the machine decides none of them but the times beside: passes 1 to 1,440 a day, 1 to 400 days of history, 1 to
1,000 clusters in one bucket, snapshots of 10 to 5,000 nodes; a directory, and at a few points a real S3 server, by the
requests that left the client. The store is filled by publishing, but for history and neighbours, which are written as
publishing would have left them. Prints tables; writes store.json and store.md.
"""

import argparse
import json
import math
import os
import platform
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests" / "support"))

from clusters import NOWHERE, served  # noqa: E402 -- the tests' helpers are found only now
from metered import Meter, MeteredStore, meter_s3  # noqa: E402
from nodetally.collect import run_pass  # noqa: E402
from nodetally.errors import StoreError  # noqa: E402
from nodetally.settings import Settings  # noqa: E402
from nodetally.simulate.cluster import SimulatedCluster  # noqa: E402
from nodetally.store.base import Headers, Store, Stored  # noqa: E402
from nodetally.store.directory import DirectoryStore  # noqa: E402
from nodetally.store.indexes import merge_cluster, merge_clusters, merge_day, summarise  # noqa: E402
from nodetally.store.layout import (  # noqa: E402
    INDEX_HEADERS,
    SNAPSHOT_HEADERS,
    cluster_index_key,
    clusters_key,
    day_index_key,
    snapshot_key,
)
from nodetally.store.s3 import S3Store  # noqa: E402
from nodetally.store.update import Pauses, update  # noqa: E402
from nodetally.times import format_time  # noqa: E402
from plots import COLOURS, svg, text  # noqa: E402
from servers import s3_server  # noqa: E402

Json = dict[str, Any]
SLOT = datetime(2026, 11, 23, 23, 59, tzinfo=UTC)  # the last minute of a day: its index is as long as it becomes
BASE = {"nodes": 100, "passes_a_day": 288, "days": 30, "clusters": 1}
VARIED = {
    "nodes": (10, 100, 1000, 5000),
    "passes_a_day": (1, 24, 96, 288, 1440),
    "days": (1, 30, 100, 400),
    "clusters": (1, 10, 100, 1000),
}
ON_S3: tuple[Mapping[str, int], ...] = ({}, {"passes_a_day": 1440}, {"days": 400}, {"clusters": 1000})
PODS_A_NODE = 10
PASSES = 3  # measured at each point; the first of a store is another matter, and is made before
NEWCOMERS = (1, 16, 64, 256)
GET_SECONDS, PUT_SECONDS = 0.02, 0.03  # S3 within a region, of the order of what its users report


class Bench:
    """One simulated cluster for each size, and stores with a past."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made = 0

    @contextmanager
    def cluster(self, nodes: int) -> Iterator[Settings]:
        folder = self.folder / f"cluster-{nodes}"
        folder.mkdir(exist_ok=True)
        with served(SimulatedCluster(nodes=nodes, pods=nodes * PODS_A_NODE, seed=7), folder) as (_, settings):
            yield settings

    def directory(self) -> tuple[Store, Meter]:
        self._made += 1
        meter = Meter()
        return MeteredStore(DirectoryStore(self.folder / f"store-{self._made}"), meter), meter

    def s3(self, environment: Mapping[str, str]) -> tuple[Store, Meter]:
        self._made += 1
        store = S3Store("bench", f"store-{self._made}", environment=environment)
        return store, meter_s3(store)


def a_point(settings: Settings, store: Store, meter: Meter, point: Mapping[str, int]) -> Json:
    """What a pass asks of a store with this past: means of a few at the end of the day."""
    last = with_past(settings, store, point)
    meter.take()
    found: list[tuple[Meter, float]] = []
    for number in range(PASSES):
        started = time.perf_counter()
        publish_one(settings, store, last + timedelta(seconds=number + 1))
        found.append((meter.take(), time.perf_counter() - started))
    asked = found[-1][0]
    size = {name: len(_body(store, key)) for name, key in _documents(settings.cluster, last).items()}
    return {
        **point,
        "requests": {kind: asked.requests[kind] for kind in ("GET", "PUT", "LIST", "HEAD")},
        "received_bytes": sum(asked.received.values()),
        "sent_bytes": sum(asked.sent.values()),
        "document_bytes": size,
        "seconds": round(statistics.median(each for _, each in found), 4),
    }


def publish_one(settings: Settings, store: Store, slot: datetime) -> Mapping[str, Any]:
    done = run_pass(replace(settings, at=slot), NOWHERE, opener=lambda _: store)
    assert done.published is not None
    return done.outline


def with_past(settings: Settings, store: Store, point: Mapping[str, int]) -> datetime:
    """Publish once, then write what the passes before and the neighbours would have left; gives the last slot."""
    step = timedelta(days=1) / point["passes_a_day"]
    last = SLOT.replace(hour=0, minute=0) + step * (point["passes_a_day"] - 1)
    summary = publish_one(settings, store, last)
    body = _body(store, snapshot_key(settings.cluster, str(summary["slot"])))
    today = [summarise({**summary, "slot": format_time(last - step * back)}) for back in range(point["passes_a_day"])]
    before = [
        summarise({**summary, "slot": format_time(last - timedelta(days=day))}) for day in range(1, point["days"])
    ]
    for each in (*before, *today[1:]):  # of days gone by, one snapshot is left, as a prune leaves them
        store.put(each.key, body, SNAPSHOT_HEADERS)
    for one in before:
        _put(store, day_index_key(one.cluster, one.date), merge_day(None, one.cluster, one.date, [one]))
    _put(store, day_index_key(settings.cluster, today[0].date), merge_day(None, settings.cluster, today[0].date, today))
    index = merge_cluster(None, settings.cluster, [*before, *today])
    _put(store, cluster_index_key(settings.cluster), index)
    names = [f"cluster-{number:05d}" for number in range(1, point["clusters"])]
    for name in names:
        _put(store, cluster_index_key(name), {**index, "cluster": name})
    _put(store, clusters_key(), merge_clusters(None, [settings.cluster, *names]))
    return last


def _put(store: Store, key: str, document: Json) -> None:
    store.put(key, orjson.dumps(document), INDEX_HEADERS)


def _body(store: Store, key: str) -> bytes:
    found = store.get(key)
    assert found is not None, key
    return found.body


def _documents(cluster: str, slot: datetime) -> dict[str, str]:
    """The keys of what a pass writes or reads."""
    return {
        "snapshot": snapshot_key(cluster, format_time(slot)),
        "day index": day_index_key(cluster, f"{slot:%Y-%m-%d}"),
        "cluster index": cluster_index_key(cluster),
        "list of clusters": clusters_key(),
    }


class SlowStore(MeteredStore):
    """A store in memory that takes as long as S3 for each request."""

    def get(self, key: str) -> Stored | None:
        time.sleep(GET_SECONDS)
        return super().get(key)

    def put_if_match(self, key: str, body: bytes, etag: str | None, headers: Headers) -> bool:
        time.sleep(PUT_SECONDS)
        return super().put_if_match(key, body, etag, headers)


def newcomers(folder: Path, count: int) -> Json:
    """So many clusters' first passes at one moment: all want their name in the list of clusters."""
    meter = Meter()
    store = SlowStore(DirectoryStore(folder / f"newcomers-{count}"), meter)
    _put(store, clusters_key(), merge_clusters(None, ["old"]))
    meter.take()
    begin = threading.Barrier(count)

    def join(number: int) -> bool:
        begin.wait()
        try:
            update(
                store,
                clusters_key(),
                lambda found: merge_clusters(found, [f"new-{number}"]),
                INDEX_HEADERS,
                pauses=Pauses(),
            )
        except StoreError:
            return False
        return True

    started = time.perf_counter()
    with ThreadPoolExecutor(count) as pool:
        joined = sum(pool.map(join, range(count)))
    seconds = time.perf_counter() - started
    requests = {kind: meter.requests[kind] for kind in ("GET", "PUT")}
    return {"newcomers": count, "joined": joined, "requests": requests, "seconds": round(seconds, 2)}


def slopes(found: Mapping[str, Sequence[Json]]) -> Json:
    """Bytes of one pass for each more of what is varied, between the two largest points."""
    made: Json = {}
    for what, points in found.items():
        first, last = points[-2], points[-1]
        more = last[what] - first[what]
        made[what] = {
            figure: round((last[figure] - first[figure]) / more, 1) for figure in ("received_bytes", "sent_bytes")
        } | {
            f"{name} bytes": round((last["document_bytes"][name] - first["document_bytes"][name]) / more, 1)
            for name in first["document_bytes"]
        }
    return made


def run() -> Json:
    with tempfile.TemporaryDirectory() as made, ExitStack() as stack:
        bench, folder = Bench(Path(made)), Path(made)
        clusters = {nodes: stack.enter_context(bench.cluster(nodes)) for nodes in VARIED["nodes"]}

        def at(changes: Mapping[str, int], make: Callable[[], tuple[Store, Meter]]) -> Json:
            point = {**BASE, **changes}
            return a_point(clusters[point["nodes"]], *make(), point)

        varied = {what: [at({what: value}, bench.directory) for value in VARIED[what]] for what in VARIED}
        environment = stack.enter_context(s3_server(folder / "s3")).environment
        S3Store("bench", environment=environment).client.create_bucket(Bucket="bench")
        on_s3 = [at(changes, lambda: bench.s3(environment)) for changes in ON_S3]
        joining = [newcomers(folder, count) for count in NEWCOMERS]
    machine = {"system": f"{platform.system()} {platform.machine()}", "processors": os.cpu_count()}
    return {"machine": machine, "directory": varied, "s3": on_s3, "slopes": slopes(varied), "newcomers": joining}


DRAWN = ("received_bytes", "sent_bytes")
HEAD = ["| | GET | PUT | LIST | HEAD | KB received | KB sent | ms |", "|---|---|---|---|---|---|---|---|"]


def report(found: Json) -> str:
    lines = [
        "# What a pass asks of its store",
        "",
        "Written by `make bench-store`. Requests and bytes of one pass at the end of a day, the same on every machine; times",
        "are of the whole pass over a simulated cluster, on this one. One thing is varied at a time, beside",
        "{nodes} nodes, {passes_a_day} passes a day, {days} days of history, {clusters} cluster.".format(**BASE),
        "",
        "![Bytes of a pass as history, schedule, neighbours and nodes grow](store.svg)",
        "",
    ]
    for what, points in found["directory"].items():
        lines += [f"## {_words(what).capitalize()}", "", *HEAD, *(_line(f"{each[what]:,}", each) for each in points)]
        slope = found["slopes"][what]
        lines += [
            "",
            f"One more is {slope['received_bytes']:,} bytes received and {slope['sent_bytes']:,} bytes sent a pass.",
            "",
        ]
    lines += ["## On S3", "", "A SeaweedFS on the same machine, by the requests that left the client.", "", *HEAD]
    lines += [_line(_named(each), each) for each in found["s3"]]
    lines += ["", "## First passes at one moment", ""]
    lines += [
        f"Each adds its name to the list of clusters by compare-and-swap; a read takes {GET_SECONDS * 1000:.0f} ms here and a write {PUT_SECONDS * 1000:.0f} ms.",
        "Later passes only read it. One that gives up has its snapshot stored, and its next pass, or `store repair`, adds it.",
        "",
        "| new clusters | in the list | gave up | GET | PUT | s |",
        "|---|---|---|---|---|---|",
        *(
            f"| {each['newcomers']} | {each['joined']} | {each['newcomers'] - each['joined']} "
            f"| {each['requests']['GET']} | {each['requests']['PUT']} | {each['seconds']} |"
            for each in found["newcomers"]
        ),
    ]
    return "\n".join([*lines, "", *GROWS, ""])


GROWS = [
    "## What grows, and whether it should",
    "",
    "- No request: neither with history, nor with the schedule, nor with neighbours.",
    "- The day index is read and written whole by each pass, so bytes grow with the passes of the day so far and begin anew",
    "  each midnight. S3 charges for requests and not for bytes within a region; a page that draws a day needs them all.",
    "- The cluster index lists its days: 13 bytes for each, read and written by each pass.",
    "- The list of clusters is read by each pass, to see that its own cluster is in it: a name for each neighbour.",
    "- A snapshot is stored twice, under its key and as `latest`, and the `latest` before it is read: 105 bytes a node for each.",
    "- A directory's listing looks at the names of the cluster's day folders, and into none that is older than the last pass.",
]


def _words(what: str) -> str:
    return {"passes_a_day": "passes a day", "days": "days of history", "clusters": "clusters in the store"}.get(
        what, what
    )


def _named(point: Json) -> str:
    other = [f"{point[what]:,} {_words(what)}" for what in BASE if point[what] != BASE[what]]
    return ", ".join(other) or "as above"


def _line(what: str, point: Json) -> str:
    requests = " | ".join(str(point["requests"][kind]) for kind in ("GET", "PUT", "LIST", "HEAD"))
    return f"| {what} | {requests} | {point['received_bytes'] / 1e3:,.1f} | {point['sent_bytes'] / 1e3:,.1f} | {point['seconds'] * 1000:.0f} |"


def plot(found: Json) -> str:
    """Four small charts side by side, both axes logarithmic: received and sent bytes of a pass."""
    parts: list[str] = []
    for at, (what, points) in enumerate(found["directory"].items()):
        parts += _chart(what, points, 50 + at * 220)
    for at, name in enumerate(DRAWN):
        parts.append(f'<circle class="dot" cx="{50 + at * 130}" cy="226" r="4" fill="{COLOURS[at]}"/>')
        parts.append(text(59 + at * 130, 230, name.replace("_", " ")))
    return svg(900, 245, parts)


def _chart(what: str, points: Sequence[Json], left: int) -> list[str]:
    width, top, height = 160, 40, 140
    low, high = 3.0, 7.0  # 1 KB to 10 MB
    across = math.log10(points[-1][what] / points[0][what])

    def x(value: int) -> float:
        return left + width * math.log10(value / points[0][what]) / across

    def y(value: float) -> float:
        return top + height * (high - math.log10(value)) / (high - low)

    made = [text(left, 22, _words(what), "head")]
    for power, name in ((3, "1 KB"), (4, "10 KB"), (5, "100 KB"), (6, "1 MB"), (7, "10 MB")):
        made.append(f'<path class="grid" d="M{left} {y(10**power):.1f}h{width}"/>')
        made.append(text(left - 5, y(10**power) + 4, name, "quiet end"))
    for figure, colour in zip(DRAWN, COLOURS, strict=False):
        line = " ".join(f"{x(each[what]):.1f},{y(each[figure]):.1f}" for each in points)
        made.append(f'<polyline class="line" stroke="{colour}" points="{line}"/>')
    return made + [text(x(each[what]), 200, f"{each[what]:,}", "quiet middle") for each in points]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=HERE / "store.json")
    given = parser.parse_args()
    found = run()
    given.output.write_text(json.dumps(found, indent=2) + "\n")
    given.output.with_suffix(".svg").write_text(plot(found))
    written = report(found)
    given.output.with_suffix(".md").write_text(written)
    print(written)


if __name__ == "__main__":
    main()
