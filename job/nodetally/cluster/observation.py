"""What a pass saw of the cluster, whichever way it was read: the value between reading and the snapshot."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from nodetally.accounting.facts import NodeFacts, Usage
from nodetally.accounting.nodes import ClusterTally


@dataclass
class Cost:
    """What a pass asked of the API server."""

    api_requests: int = 0
    bytes_read: int = 0


@dataclass(frozen=True)
class UsageReading:
    """What metrics.k8s.io said. A node that is not in `nodes` has unknown usage; `status` and `reason` say why."""

    status: str  # ok | partial | absent | forbidden | stale | off
    reason: str | None = None
    oldest: datetime | None = None
    nodes: Mapping[str, Usage] = field(default_factory=dict)
    missing_nodes: tuple[str, ...] = ()


@dataclass
class Observation:
    """A cluster at (nearly) one time."""

    kind: str  # list | watch | resume | dump | …: the snapshot's source.kind
    taken_at: datetime
    nodes: list[NodeFacts]
    tally: ClusterTally
    usage: UsageReading
    cost: Cost
    pods_read: int
    consistent: bool
    reason: str | None = None  # why the cache that was asked for did not answer
    whole: bool = True  # False: only some nodes were asked for; never published
    server_version: str | None = None
    pods_resource_version: str | None = None
    nodes_resource_version: str | None = None
    raw_nodes: list[tuple[NodeFacts, Mapping[str, Any]]] | None = None  # kept only for kite's view
