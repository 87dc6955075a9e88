"""What each query must say, computed in plain Python from the snapshots. Pure; knows no rollup and no SQL."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import groupby
from math import ceil
from typing import Any

Json = dict[str, Any]
Row = dict[str, Any]
DECEMBER = ("2026-12-01", "2026-12-31")
OCTOBER = ("2026-10-01", "2026-10-31")
LAST_90 = ("2026-10-03", "2026-12-31")
YEAR = ("2026-01-01", "2026-12-31")
UNITS = {"cpu": "millicores", "memory": "bytes"}


def within(snapshots: Iterable[Json], days: tuple[str, str]) -> Iterator[Json]:
    return (each for each in snapshots if days[0] <= each["slot"][:10] <= days[1])


def pools(document: Json) -> dict[str | None, list[Json]]:
    found: dict[str | None, list[Json]] = defaultdict(list)
    for node in document["nodes"]:
        found[node["pool"]].append(node)
    return found


def total(nodes: Sequence[Json], resource: str, figure: str) -> int | None:
    values = [node["resources"][resource][figure] for node in nodes]
    return None if None in values else sum(values)


def mean(values: Iterable[int | Fraction | None]) -> float | None:
    known = [Fraction(each) for each in values if each is not None]
    return float(sum(known) / len(known)) if known else None


def most(values: Iterable[int | None]) -> int | None:
    return max((each for each in values if each is not None), default=None)


def by_day(snapshots: Iterable[Json], days: tuple[str, str]) -> dict[tuple[Any, ...], list[tuple[Json, list[Json]]]]:
    """(cluster, date, pool) → its nodes at each slot."""
    found: dict[tuple[Any, ...], list[tuple[Json, list[Json]]]] = defaultdict(list)
    for document in within(snapshots, days):
        for pool, nodes in pools(document).items():
            found[document["cluster"], document["slot"][:10], pool].append((document, nodes))
    return found


def peak_by_pool(snapshots: Sequence[Json]) -> Iterator[Row]:
    for (cluster, day, pool), slots in by_day(snapshots, DECEMBER).items():
        for resource, unit in UNITS.items():
            for figure in ("requests", "usage"):
                values = sorted(value for _, nodes in slots if (value := total(nodes, resource, figure)) is not None)
                if values:
                    place = ceil(Fraction(95, 100) * len(values))
                    row: Row = {"cluster": cluster, "date": day, "pool": pool, "slots": len(values)}
                    row |= {"figure": f"{resource}_{figure}_{unit}", "p95": values[place - 1], "peak": values[-1]}
                    yield row


def waste_by_pool(snapshots: Sequence[Json]) -> Iterator[Row]:
    for (cluster, day, pool), slots in by_day(snapshots, DECEMBER).items():
        row: Row = {"cluster": cluster, "date": day, "pool": pool, "slots_seen": len(slots)}
        for resource, unit in UNITS.items():
            pairs = [(total(nodes, resource, "requests"), total(nodes, resource, "usage")) for _, nodes in slots]
            known = [(requests, used) for requests, used in pairs if requests is not None and used is not None]
            if resource == "cpu":
                row["slots"] = len(known)
            row[f"{resource}_requests_{unit}"] = mean(requests for requests, _ in known)
            row[f"{resource}_usage_{unit}"] = mean(used for _, used in known)
            row[f"{resource}_waste_{unit}"] = mean(requests - used for requests, used in known)
        yield row


def requests_by_namespace(snapshots: Sequence[Json]) -> Iterator[Row]:
    seen: dict[tuple[str, str, str], list[dict[str, tuple[int | None, int | None]]]] = defaultdict(list)
    for document in within(snapshots, DECEMBER):
        asked = {
            name: {
                each["name"]: each["resources"].get(name, {"requests": 0})["requests"]
                for each in document["namespaces"]
            }
            for name in UNITS
        }
        sums = {name: None if None in of.values() else sum(of.values()) for name, of in asked.items()}
        for each in document["namespaces"]:
            key = document["cluster"], document["slot"][:10], each["name"]
            seen[key].append({name: (asked[name][each["name"]], sums[name]) for name in UNITS})
    for (cluster, day, namespace), slots in seen.items():
        row: Row = {"cluster": cluster, "date": day, "namespace": namespace, "slots_seen": len(slots)}
        for name, unit in UNITS.items():
            values = [slot[name] for slot in slots]
            row[f"{name}_requests_{unit}"] = mean(value for value, _ in values)
            row[f"{name}_requests_peak_{unit}"] = most(value for value, _ in values)
            row[f"{name}_part"] = mean(Fraction(value, whole) for value, whole in values if value is not None and whole)
        yield row


def by_node(snapshots: Iterable[Json], days: tuple[str, str]) -> dict[tuple[str, str, str], list[tuple[str, Json]]]:
    found: dict[tuple[str, str, str], list[tuple[str, Json]]] = defaultdict(list)
    for document in within(snapshots, days):
        for node in document["nodes"]:
            found[document["cluster"], node["name"], node["uid"]].append((document["slot"], node))
    return found


def quiet_nodes(snapshots: Sequence[Json]) -> Iterator[Row]:
    for (cluster, name, uid), seen in by_node(snapshots, DECEMBER).items():
        percents: dict[tuple[str, str], list[Fraction | None]] = {
            (resource, figure): [
                None if (value := node["resources"][resource][figure]) is None
                else Fraction(value * 100, node["resources"][resource]["allocatable"])
                for _, node in seen
            ]
            for resource in UNITS for figure in ("usage", "requests")
        }  # fmt: skip
        used = list(zip(percents["cpu", "usage"], percents["memory", "usage"], strict=True))
        unknown = sum(None in pair for pair in used)
        known = [value for pair in used for value in pair if value is not None]
        if unknown < len(seen) and all(value <= 20 for value in known):
            row: Row = {"cluster": cluster, "node": name, "uid": uid, "pool": seen[0][1]["pool"]}
            row |= {"slots_seen": len(seen), "slots_unknown": unknown}
            for (resource, figure), values in percents.items():
                told = [float(value) for value in values if value is not None]
                row[f"{resource}_{figure}_peak_percent"] = max(told, default=None)
            yield row


def runs_out(snapshots: Sequence[Json]) -> Iterator[Row]:
    last_day: dict[str, str] = {}
    days: dict[tuple[str, str | None], dict[str, list[list[Json]]]] = defaultdict(lambda: defaultdict(list))
    for document in within(snapshots, LAST_90):
        last_day[document["cluster"]] = max(document["slot"][:10], last_day.get(document["cluster"], ""))
        for pool, nodes in pools(document).items():
            days[document["cluster"], pool][document["slot"][:10]].append(nodes)
    for (cluster, pool), slots in days.items():
        last = last_day[cluster]
        for resource in UNITS if last in slots else ():
            peaks = {day: most(total(nodes, resource, "requests") for nodes in each) for day, each in slots.items()}
            line = {day: peak for day, peak in peaks.items() if peak is not None}
            slope, now = least_squares(
                [((date.fromisoformat(day) - date.fromisoformat(last)).days, peak) for day, peak in line.items()]
            )
            allocatable = most(total(nodes, resource, "allocatable") for nodes in slots[last])
            yield {
                "cluster": cluster, "pool": pool, "resource": resource, "days": len(line), "growth_a_day": float(slope),
                "requests_by_the_line": float(now), "allocatable": allocatable,
                "runs_out": end(last, slope, now, allocatable, len(line)),
            }  # fmt: skip


def end(last: str, slope: Fraction, now: Fraction, allocatable: int | None, days: int) -> str | None:
    if allocatable is None or days < 14 or slope <= 0 or (allocatable - now) / slope > 3_650:
        return None
    return str(date.fromisoformat(last) + timedelta(days=ceil(max((allocatable - now) / slope, Fraction(0)))))


def least_squares(points: Sequence[tuple[int, int]]) -> tuple[Fraction, Fraction]:
    """Slope, and the value at 0; exact."""
    count = len(points)
    x, y = Fraction(sum(x for x, _ in points), count), Fraction(sum(y for _, y in points), count)
    slope = sum(((a - x) * (b - y) for a, b in points), Fraction(0)) / sum(
        ((a - x) * (a - x) for a, _ in points), Fraction(0)
    )
    return slope, y - slope * x


def naive(text: str) -> str:
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None).isoformat(" ")


def node_lifetimes(snapshots: Sequence[Json]) -> Iterator[Row]:
    ends = {
        cluster: max(each["slot"] for each in of) for cluster, of in groupby(snapshots, lambda each: each["cluster"])
    }
    for (cluster, name, uid), seen in by_node(snapshots, YEAR).items():
        slots = [slot for slot, _ in seen]
        first, last = datetime.fromisoformat(min(slots)), datetime.fromisoformat(max(slots))
        node = seen[0][1]
        yield {
            "cluster": cluster, "node": name, "uid": uid, "pool": node["pool"], "capacity_type": node["capacity_type"],
            "created_at": naive(node["created_at"]), "first_seen": naive(min(slots)), "last_seen": naive(max(slots)),
            "slots_seen": len(slots), "hours_seen": (last - first).total_seconds() / 3_600,
            "still_there": max(slots) == ends[cluster],
        }  # fmt: skip


def months_compared(snapshots: Sequence[Json]) -> Iterator[Row]:
    found: dict[tuple[str, str | None], tuple[list[list[Json]], list[list[Json]]]] = defaultdict(lambda: ([], []))
    for month, days in enumerate((OCTOBER, DECEMBER)):
        for document in within(snapshots, days):
            for pool, nodes in pools(document).items():
                found[document["cluster"], pool][month].append(nodes)
    for (cluster, pool), months in found.items():
        row: Row = {"cluster": cluster, "pool": pool}
        for number, slots in enumerate(months, 1):
            sums = {
                name: [total(nodes, "cpu", name) for nodes in slots] for name in ("allocatable", "requests", "usage")
            }
            row[f"nodes_{number}"] = mean(len(nodes) for nodes in slots)
            row |= {f"cpu_{name}_{number}_millicores": mean(values) for name, values in sums.items()}
            row[f"cpu_requests_peak_{number}_millicores"] = most(sums["requests"])
            row[f"usage_slots_{number}"] = sum(value is not None for value in sums["usage"])
        yield row


QUERIES: dict[str, tuple[Callable[[Sequence[Json]], Iterator[Row]], tuple[str, ...]]] = {
    "peak-by-pool": (peak_by_pool, ("cluster", "date", "pool", "figure")),
    "waste-by-pool": (waste_by_pool, ("cluster", "date", "pool")),
    "requests-by-namespace": (requests_by_namespace, ("cluster", "date", "namespace")),
    "quiet-nodes": (quiet_nodes, ("cluster", "node", "uid")),
    "runs-out": (runs_out, ("cluster", "pool", "resource")),
    "node-lifetimes": (node_lifetimes, ("cluster", "node", "uid")),
    "months-compared": (months_compared, ("cluster", "pool")),
}
