"""Snapshots made for tests: small clusters with everything that a reader must get right. Pure; no package code."""

import copy
import gzip
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

GIB = 1 << 30
MIB = 1 << 20
SLOT = datetime(2026, 11, 23, 12, tzinfo=UTC)
NOW = datetime(2026, 11, 23, 12, 3, 30, tzinfo=UTC)
FIGURES = ("capacity", "allocatable", "requests", "limits", "scheduled", "containers", "usage")
HOSTILE = "evil\x1b[31m[red]bold[/red]\r\n\u202egnp.exe\x9b2J<script>"


def figures(
    capacity: int | None,
    allocatable: int | None,
    requests: int | None,
    limits: int | None,
    usage: int | None,
) -> dict[str, int | None]:
    """One resource's figures; scheduled and containers as requests."""
    values = (capacity, allocatable, requests, limits, requests, requests, usage)
    return dict(zip(FIGURES, values, strict=True))


def slots(count: int | None) -> dict[str, int | None]:
    """The pod slots: pods request none of them."""
    return figures(count, count, 0, 0, None)


def node(name: str, **changes: Any) -> dict[str, Any]:
    """One node of 16 cores and 64 GiB; `cpu` and `memory` as (requests, limits, usage), others as snapshot fields."""
    cpu = changes.pop("cpu", (6_100, 15_400, 2_210))
    memory = changes.pop("memory", (24 * GIB, 40 * GIB, 30 * GIB))
    counted = changes.pop("counted", 58)
    resources = {
        "cpu": figures(16_000, 15_890, *cpu),
        "ephemeral-storage": figures(100 * GIB, 90 * GIB, 0, 0, None),
        "memory": figures(64 * GIB, 58_700 * MIB, *memory),
        "pods": slots(110),
    } | changes.pop("resources", {})
    return {
        "name": name,
        "uid": f"uid-of-{name}",
        "created_at": "2026-11-01T08:00:00Z",
        "ready": True,
        "schedulable": True,
        "cordoned": False,
        "conditions": [],
        "taints": [],
        "roles": ["worker"],
        "pool": "ng-1",
        "capacity_type": "on-demand",
        "instance_type": "m6i.4xlarge",
        "region": "eu-west-1",
        "zone": "eu-west-1a",
        "architecture": "amd64",
        "os_image": "Bottlerocket OS 1.30.0",
        "kubelet_version": "v1.37.2",
        "labels": {},
        "pods": {"counted": counted, "pending": 0, "terminating": 0, "terminal": 3, "allocatable": 110},
        "resources": resources,
        **changes,
    }


def add(rows: list[dict[str, Any]]) -> dict[str, dict[str, int | None]]:
    """Figures added over nodes; unknown in one makes the sum unknown."""
    totals: dict[str, dict[str, int | None]] = {}
    for name in sorted({name for row in rows for name in row["resources"]}):
        values = [row["resources"][name] for row in rows if name in row["resources"]]
        totals[name] = {
            part: None if any(value[part] is None for value in values) else sum(value[part] for value in values)
            for part in FIGURES
        }
    return totals


def slots_of(nodes: list[dict[str, Any]]) -> int | None:
    values = [row["pods"]["allocatable"] for row in nodes]
    return None if None in values else sum(values)


def totals(nodes: list[dict[str, Any]]) -> dict[str, Any]:
    counts = ("counted", "pending", "terminating", "terminal")
    return {
        "nodes": {
            "count": len(nodes),
            "ready": sum(row["ready"] is True for row in nodes),
            "schedulable": sum(row["ready"] is True and row["schedulable"] is True for row in nodes),
        },
        "pods": {name: sum(row["pods"][name] for row in nodes) for name in counts} | {"allocatable": slots_of(nodes)},
        "resources": add(nodes),
    }


def snapshot(nodes: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    """A whole document around these nodes."""
    nodes = sorted(nodes, key=lambda row: str(row["name"]).encode())
    usable = [row for row in nodes if row["ready"] is True and row["schedulable"] is True]
    return {
        "schema": 1,
        "cluster": "prod-eu-1",
        "taken_at": "2026-11-23T12:00:03Z",
        "slot": "2026-11-23T12:00:00Z",
        "trigger": "schedule",
        "source": {
            "kind": "list",
            "server_version": "v1.37.2",
            "pods_resource_version": "4100",
            "nodes_resource_version": "4099",
            "consistent": True,
            "reason": None,
        },
        "cost": {
            "api_requests": 4,
            "bytes_read": 1_014_626,
            "pods_read": 100,
            "seconds": 0.84,
            "max_rss_bytes": 41_943_040,
        },
        "usage": {"status": "ok", "reason": None, "oldest": "2026-11-23T11:59:41Z", "missing_nodes": []},
        "totals": totals(nodes),
        "schedulable_totals": totals(usable),
        "nodes": nodes,
        "namespaces": [],
        "unscheduled": {"pods": {"counted": 0}, "resources": {}},
        "unknown_nodes": [],
        **changes,
    }


def mixed() -> dict[str, Any]:
    """Nine nodes: full, over-committed, empty, cordoned, not ready, unknown, with GPU, without usage, hostile."""
    domain = "eu-west-1.compute.internal"
    gpu = {"nvidia.com/gpu": figures(8, 8, 6, 6, None)}
    gpu_over = {"nvidia.com/gpu": figures(8, 4, 6, 6, None)}
    nodes = [
        node(f"ip-10-0-1-17.{domain}"),
        node(
            f"ip-10-0-1-18.{domain}",
            cpu=(15_800, 48_000, 9_300),
            memory=(50 * GIB, 58 * GIB, 41 * GIB),
            counted=98,
        ),
        node(
            f"ip-10-0-2-4.{domain}",
            cpu=(20_800, 20_800, 14_000),
            counted=110,
            zone="eu-west-1b",
            conditions=["DiskPressure"],
        ),
        node(f"ip-10-0-2-5.{domain}", cpu=(0, 0, 55), memory=(0, 0, GIB), counted=0, zone="eu-west-1b"),
        node(
            f"ip-10-0-3-9.{domain}",
            cpu=(8_000, 16_000, None),
            memory=(60 * GIB, 90 * GIB, None),
            counted=112,
            ready=False,
            schedulable=False,
            cordoned=True,
            zone="eu-west-1c",
            labels={"team": "storage"},
        ),
        node(
            f"ip-10-0-9-1.{domain}",
            resources=gpu,
            pool="gpu",
            instance_type="p5.48xlarge",
            capacity_type="spot",
            schedulable=False,
            cordoned=True,
        ),
        node(
            f"ip-10-0-9-2.{domain}",
            resources=gpu_over,
            pool="gpu",
            instance_type="p5.48xlarge",
            capacity_type="spot",
            roles=["gpu", "worker"],
        ),
        _unreported(f"ip-10-0-9-3.{domain}"),
        node(HOSTILE, pool=HOSTILE, zone="東京\u200b-1", labels={"team": HOSTILE}, roles=[]),
    ]
    return snapshot(
        nodes,
        usage={
            "status": "partial",
            "reason": "metrics.k8s.io said nothing of them",
            "oldest": "2026-11-23T11:58:00Z",
            "missing_nodes": [f"ip-10-0-3-9.{domain}", f"ip-10-0-9-3.{domain}"],
        },
        source={
            "kind": "list",
            "server_version": "v1.37.2",
            "pods_resource_version": None,
            "nodes_resource_version": None,
            "consistent": False,
            "reason": None,
        },
        namespaces=[
            namespace("team-00", 330, 40_000, 90 * GIB),
            namespace("team-01", 12, 1_500, 3 * GIB),
            namespace(HOSTILE, 1, 0, 0),
        ],
        unscheduled=place(3, 1_500, 4 * GIB),
        unknown_nodes=[unknown_node(f"gone-{HOSTILE}", 2, 250, 512 * MIB)],
    )


def _unreported(name: str) -> dict[str, Any]:
    """A node whose kubelet has said nothing yet: what it can give is unknown."""
    unknown = {part: figures(None, None, 100, 0, None) for part in ("cpu", "memory")}
    row = node(
        name, ready=False, schedulable=False, pool=None, zone=None, instance_type=None, created_at=None, counted=1
    )
    row["resources"] = unknown
    row["pods"]["allocatable"] = None
    return row


def place(counted: int, cpu: int, memory: int) -> dict[str, Any]:
    """Pods that are on no listed node; limits are twice the requests."""
    amounts = {"cpu": cpu, "memory": memory}
    return {
        "pods": {"counted": counted},
        "resources": {name: {"requests": value, "limits": 2 * value} for name, value in amounts.items()},
    }


def namespace(name: str, counted: int, cpu: int, memory: int) -> dict[str, Any]:
    return {"name": name, **place(counted, cpu, memory)}


def unknown_node(name: str, counted: int, cpu: int, memory: int) -> dict[str, Any]:
    """Pods bound to a node that is not listed."""
    row = namespace(name, counted, cpu, memory)
    row["pods"] |= {"pending": 0, "terminating": 0, "terminal": 0}
    for asked in row["resources"].values():
        asked |= {"scheduled": asked["requests"], "containers": asked["requests"]}
    return row


def many(count: int, seed: int = 7) -> dict[str, Any]:
    """A large cluster, the same at every call."""
    chance = random.Random(seed)
    nodes = []
    for index in range(count):
        name = f"ip-10-{index >> 16}-{index >> 8 & 255}-{index & 255}.eu-west-1.compute.internal"
        cpu = chance.randrange(0, 17_000)
        memory = chance.randrange(0, 60) * GIB
        nodes.append(
            node(
                name,
                cpu=(cpu, cpu * 2, cpu // 3),
                memory=(memory, memory, memory // 2),
                counted=chance.randrange(111),
                pool=f"ng-{index % 7}",
                zone=f"eu-west-1{'abc'[index % 3]}",
            )
        )
    return snapshot(nodes)


def later(document: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The same cluster an hour later."""
    times = {"slot": "2026-11-23T13:00:00Z", "taken_at": "2026-11-23T13:00:02Z"}
    return copy.deepcopy(document) | times | changes


def save(document: dict[str, Any], path: Path) -> Path:
    """The document as a store keeps it: one line, gzip where the name says so."""
    body = orjson.dumps(document)
    path.write_bytes(gzip.compress(body, mtime=0) if path.suffix == ".gz" else body)
    return path


def changed() -> dict[str, Any]:
    """`mixed` an hour later: nodes came, went and came back under the same name; others moved in every way."""
    document = later(mixed())
    nodes = {row["name"].partition(".")[0]: row for row in document["nodes"]}
    moved = nodes["ip-10-0-1-17"]
    moved["pods"]["counted"] += 3
    moved["resources"]["cpu"] |= {"requests": 7_300, "limits": 12_000, "usage": 4_900}
    moved["resources"]["memory"] |= {"requests": 20 * GIB, "usage": None}
    nodes["ip-10-0-2-4"] |= {"conditions": ["PIDPressure"], "kubelet_version": "v1.37.3"}
    nodes["ip-10-0-3-9"] |= {"ready": True, "taints": [{"key": "drain", "value": "", "effect": "NoExecute"}]}
    nodes["ip-10-0-9-1"] |= {"uid": "another-uid", "schedulable": True, "cordoned": False}
    nodes["ip-10-0-9-2"]["resources"]["nvidia.com/gpu"]["requests"] = 2
    nodes["ip-10-0-2-5"]["resources"]["cpu"]["usage"] = 60
    kept = [row for row in document["nodes"] if row["name"] != nodes["ip-10-0-1-18"]["name"]]
    kept.append(node("ip-10-0-4-1.eu-west-1.compute.internal", zone="eu-west-1c", counted=12, cpu=(900, 1_000, 80)))
    return later(
        snapshot(kept, namespaces=[namespace("team-00", 300, 36_000, 80 * GIB), namespace("team-02", 4, 400, GIB)])
    )
