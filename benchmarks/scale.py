"""What one job, one bucket and one page carry: docs/scale.md, computed from store.json, cluster.json and prices.

python benchmarks/scale.py      writes docs/scale.md again; a test holds the two together
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "scale.md"

Json = dict[str, Any]
SCHEDULES = (1, 5, 15)  # minutes between two passes
MONTH_MINUTES = 30 * 24 * 60
SIZES = (100, 1000, 5000)  # nodes of a cluster
FLEETS = (10, 100, 1000, 10_000)  # clusters in one bucket

# S3 Standard, us-east-1, dollars, as of November 2026; from memory of the public list, not looked up: check them.
PUT_OR_LIST = 0.005 / 1000
GET = 0.0004 / 1000
GB_MONTH = 0.023
GB_OUT = 0.09  # to the internet; within the region nothing
PUTS_A_SECOND = 3500  # for each prefix: "Best practices design patterns", Amazon S3 user guide

PASS_SECONDS = 0.7  # 10,000 pods into S3, whole process: docs/operations.md
DAY_INDEXES_OF_A_QUARTER = 90
KEEP = "all:2d,hourly:30d,daily:2y"  # the policy of docs/operations.md


def passes_a_month(minutes: int) -> int:
    return MONTH_MINUTES // minutes


def kept_snapshots(minutes: int) -> int:
    """How many snapshots KEEP leaves after two years: two days whole, 28 days hourly, the rest daily."""
    return 2 * 24 * 60 // minutes + 28 * 24 + (730 - 30)


def of_requests(requests: Mapping[str, int]) -> float:
    """Dollars of one pass."""
    return (requests["PUT"] + requests["LIST"]) * PUT_OR_LIST + (requests["GET"] + requests["HEAD"]) * GET


def point(store: Json, what: str, value: int) -> Json:
    found: Json = next(each for each in store["directory"][what] if each[what] == value)
    return found


def document(store: Json, what: str, value: int, name: str) -> int:
    return int(point(store, what, value)["document_bytes"][name])


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [
        "| " + " | ".join(head) + " |",
        "|" + "---|" * len(head),
        *("| " + " | ".join(row) + " |" for row in rows),
        "",
    ]


def size(count: float) -> str:
    """Bytes for people.

    >>> size(1234), size(2_500_000), size(3.2e9)
    ('1 KB', '2.5 MB', '3.2 GB')
    """
    for unit, name in ((1e9, "GB"), (1e6, "MB")):
        if count >= unit:
            return f"{count / unit:,.1f} {name}"
    return f"{count / 1e3:,.0f} KB"


def dollars(amount: float) -> str:
    """Dollars for people.

    >>> dollars(2298.4), dollars(0.2298), dollars(0.004)
    ('$2,298', '$0.23', '< $0.01')
    """
    if amount < 0.005:
        return "< $0.01"
    return f"${amount:,.0f}" if amount >= 100 else f"${amount:,.2f}"


def every(minutes: int) -> str:
    return f"every {minutes} min"


def jobs(cluster: Json) -> list[str]:
    """What a schedule costs the API server of the largest cluster."""
    named = {
        "one list (--cache off)": "one list (`--cache off`)",
        "resumed, 1 % changed": "resumed from a kept cache, 1 % changed between two passes",
        "warm, 1 % changed": "warm (`--every`), 1 % changed between two passes",
    }
    hours = cluster["cpu_seconds_an_hour_at_150000"]
    rows = [
        [name, *(f"{hours[what][str(each)]:,.1f} s, {hours[what][str(each)] / 36:.2f} %" for each in SCHEDULES)]
        for what, name in named.items()
    ]
    return table(["server CPU an hour, share of a processor", *map(every, SCHEDULES)], rows)


def costs(store: Json) -> list[str]:
    """Dollars of one cluster and month."""
    a_pass = of_requests(point(store, "days", 30)["requests"])
    rows = [
        [
            f"{nodes:,} nodes",
            every(minutes),
            f"{passes_a_month(minutes):,}",
            dollars(a_pass * passes_a_month(minutes)),
            size(document(store, "nodes", nodes, "snapshot")),
            dollars(document(store, "nodes", nodes, "snapshot") * passes_a_month(minutes) / 1e9 * GB_MONTH),
            dollars(document(store, "nodes", nodes, "snapshot") * kept_snapshots(minutes) / 1e9 * GB_MONTH),
        ]
        for nodes in SIZES
        for minutes in SCHEDULES
    ]
    head = [
        "a cluster of",
        "passes",
        "a month",
        "requests",
        "a snapshot",
        "storing a month of them, a month",
        "storing two years, pruned",
    ]
    return table(head, rows)


def fleets(store: Json) -> list[str]:
    """A bucket with so many clusters of 100 nodes, each with a pass every five minutes."""
    requests = point(store, "days", 30)["requests"]
    writes = requests["PUT"] + requests["LIST"]
    a_month = of_requests(requests) * passes_a_month(5)
    index, name = document(store, "days", 30, "cluster index"), store["slopes"]["clusters"]["list of clusters bytes"]
    rows = [
        [
            f"{fleet:,}",
            f"{fleet * writes / 300:,.1f}",
            f"{fleet * writes / PUTS_A_SECOND:,.1f} s",
            size(fleet * name),
            f"{fleet + 1:,}, {size(fleet * (index + name))}",
            dollars(fleet * a_month),
            f"{fleet * PASS_SECONDS / 300:,.1f}",
        ]
        for fleet in FLEETS
    ]
    head = [
        "clusters", "writes a second, on average", "jitter, at least", "list of clusters, read by each pass",
        "fleet page: requests, bytes", "requests a month", "processes, if they are central",
    ]  # fmt: skip
    return table(head, rows)


def received_a_month(store: Json, minutes: int) -> float:
    """Bytes that the passes of a month receive: the day's index grows from nothing to its midnight size."""
    morning, midnight = (point(store, "passes_a_day", each)["received_bytes"] for each in (1, 24 * 60 // minutes))
    return float((morning + midnight) / 2 * passes_a_month(minutes))


def outside(store: Json, minutes: int) -> str:
    received = received_a_month(store, minutes)
    return f"{size(received)}, {dollars(received / 1e9 * GB_OUT)}"


def days(store: Json) -> list[str]:
    """What a page loads to draw a cluster's last day, and its last 90."""
    rows = [
        [
            every(24 * 60 // passes),
            size(document(store, "passes_a_day", passes, "day index")),
            size(document(store, "passes_a_day", passes, "day index") * DAY_INDEXES_OF_A_QUARTER),
        ]
        for passes in (96, 288, 1440)
    ]
    return table(["passes", "a day's index, by midnight", "90 of them"], rows)


def newcomers(store: Json) -> list[str]:
    rows = [
        [
            f"{each['newcomers']:,}",
            f"{each['newcomers'] - each['joined']:,}",
            f"{each['requests']['PUT'] / each['newcomers']:.1f}",
            f"{each['seconds']} s",
        ]
        for each in store["newcomers"]
    ]
    return table(["first passes at one moment", "gave up", "writes for each", "until all were done"], rows)


def intro() -> str:
    """What this page rests on."""
    return f"""\
# How far it goes

What one job, one bucket and one page carry, and what takes over where they end. Every figure here is computed by `python benchmarks/scale.py` from what `make bench-store` and `make bench-cluster` measured ([store.md](../benchmarks/store.md), [cluster.md](../benchmarks/cluster.md)), and a test holds this page to it. Dollars are S3 Standard's in us-east-1 as of November 2026: ${PUT_OR_LIST * 1000:.3f} for 1,000 PUT or LIST, ${GET * 1000:.4f} for 1,000 GET, ${GB_MONTH} for a GB and month; check them against your price list.
"""


def one_job(cluster: Json) -> str:
    """A cluster of any size, and its API server."""
    small, large = cluster["clusters"]
    return f"""\
## One job

A pass carries any cluster that Kubernetes supports: 5,000 nodes and 150,000 pods are one streaming list, in seconds and in memory that grows with the nodes ([benchmarks](../benchmarks/README.md), [sizes](operations.md)). What ends first is not the job but what a schedule costs the API server. At 150,000 pods, on the line through {small["pods"]:,} and {large["pods"]:,} pods that were measured on a real kube-apiserver {large["server_version"]}:

{block(jobs(cluster))}
Below five minutes, or with a server that has little to spare, keep a cache: `--cache s3://…`, or `--every 60s --for 15m`.
"""


def one_bucket(store: Json) -> str:
    """Requests, bytes, dollars; and what clusters share."""
    requests, slope = point(store, "days", 30)["requests"], store["slopes"]
    return f"""\
## One bucket

A pass makes {sum(requests.values())} requests: {requests["GET"]} GET, {requests["PUT"]} PUT, {requests["LIST"]} LIST; neither history, nor schedule, nor neighbours add one. Bytes grow by {slope["days"]["sent_bytes"]:.0f} each way for a day of history, by {slope["passes_a_day"]["sent_bytes"]:,.0f} for each earlier pass of the same day, and are received by {slope["clusters"]["received_bytes"]:.0f} for each other cluster. Within a region S3 charges for none of these. A job outside AWS pays ${GB_OUT:.2f} for a GB that it receives: {outside(store, 1)} a month with a pass a minute over 100 nodes, {outside(store, 5)} with one every five.

{block(costs(store))}
So requests are what it costs, not bytes: a schedule three times as long is a third of it. `pruned` is `store prune --keep {KEEP}`.

Writers of one cluster are one job and its backfills; writers of different clusters share one object, the list of clusters, and write to it in their first pass only. When many begin at one moment, on a store that takes 20 ms to read and 30 to write:

{block(newcomers(store))}
One that gives up exits with 5; its snapshot is stored, and its next pass, or `store repair`, puts it into the list.
"""


def one_page(store: Json) -> str:
    """What a browser loads."""
    return f"""\
## One page

The page of a cluster reads the cluster's documents alone, so it is the same in any fleet. Its charts read a day's index for each day that they show:

{block(days(store))}
The view of the fleet reads the list of clusters and each one's index, {size(document(store, "days", 30, "cluster index"))} before compression. That is where a fleet ends first.
"""


def a_fleet(store: Json) -> str:
    """Many clusters side by side."""
    return f"""\
## A fleet in one bucket

Clusters of 100 nodes, a pass every five minutes each; the jitter is the shortest that keeps their writes, if all begin together, under the {PUTS_A_SECOND:,} a second that S3 promises for one prefix (it splits busy ones by itself, but not within a minute). Central processes are for passes of {PASS_SECONDS} s, one after the other.

{block(fleets(store))}
"""


def walls(store: Json) -> str:
    """What ends first, and what goes on from there."""
    requests, index = point(store, "days", 30)["requests"], document(store, "days", 30, "cluster index")
    a_month, together = of_requests(requests) * passes_a_month(5), PUTS_A_SECOND // (requests["PUT"] + requests["LIST"])
    lists, central = requests["LIST"] * PUT_OR_LIST * passes_a_month(5), math.ceil(10_000 * PASS_SECONDS / 300)
    return f"""\
## The walls, in the order in which 10,000 clusters meet them

| wall | from where | what takes over |
|---|---|---|
| the fleet page: an index for each cluster | some hundreds of clusters: {size(300 * index)} for 300 | a store for each team or region, `--store s3://bucket/TEAM`: its own list, page and rights; compression by the CDN. Questions about all of them go to Parquet: `store rollup` for each store, then Athena, DuckDB or Spark over their `rollups/` ([analytics.md](analytics.md)) |
| all passes at one moment | {together:,} clusters in the same second | `--jitter`, as long as the table says; stores with prefixes of their own, which S3 splits apart |
| first passes at one moment | the table above | roll out in waves, as one does; nothing is lost |
| one process for many clusters | {300 / PASS_SECONDS:,.0f} of them, with `--context` or an event with `clusters`, every five minutes | a job in each cluster (a CronJob carries one, whatever the fleet); or an Indexed Job, each index with its part of the contexts (below); or a Step Functions map over `{{"cluster": …}}` events, which is a Lambda call for each ([aws.md](aws.md)). AWS allows 300 rules to an event bus unless asked for more: beyond that EventBridge Scheduler, or the map (by its documentation; not tried) |
| requests | {dollars(a_month)} for a cluster and month, {dollars(10_000 * a_month)} for 10,000 | a longer schedule where nobody looks: every 15 minutes is a third. The LIST that finds what a crashed pass left is {dollars(10_000 * lists)} of it, and worth that |
| files for engines to open | {288 * 10_000:,} snapshots a day | rollups: a file for a cluster and day, {10_000:,} of them; Athena finds them by partition projection, without a catalogue to fill |

An index of an Indexed Job with {central} completions takes its part of a file with a context a line:

```sh
export NODETALLY_CONTEXT="$(sed -n "$((JOB_COMPLETION_INDEX + 1))~{central}p" contexts | xargs)"
nodetally run --store s3://bucket/prefix --slot-every 5m
```

Nothing in the list needs another format: a store that was split, or a fleet that was joined, is the same keys under another prefix, copied as they are, then `store repair`.
"""


def page(store: Json, cluster: Json) -> str:
    """The whole of docs/scale.md."""
    parts = (intro(), one_job(cluster), one_bucket(store), one_page(store), a_fleet(store), walls(store))
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def block(lines: Sequence[str]) -> str:
    return "\n".join(lines)


def main() -> None:
    PAGE.write_text(page(*measured()))


def measured() -> tuple[Json, Json]:
    """What the two benchmarks wrote."""
    return json.loads((HERE / "store.json").read_text()), json.loads((HERE / "cluster.json").read_text())


if __name__ == "__main__":
    main()
