"""A plan in, nodes and pods out, each computed from the seed and its index whenever it is asked for.

What is kept of a pod are ten bytes: its workload, its shape and state, its node.
"""

from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import NamedTuple, Self

import orjson

from nodetally.simulate.fleet.clouds import Cloud
from nodetally.simulate.fleet.identity import MOST_PODS, address, digest, shuffled, suffix, uuid
from nodetally.simulate.fleet.machines import Pool
from nodetally.simulate.fleet.node_documents import Condition, node_document
from nodetally.simulate.fleet.placement import UNPLACED
from nodetally.simulate.fleet.planning import Plan
from nodetally.simulate.fleet.pod_documents import MAX_CONTAINERS, pod_document
from nodetally.simulate.fleet.shapes import SHAPES
from nodetally.simulate.fleet.workloads import Workload
from nodetally.simulate.objects.item import Encoding
from nodetally.simulate.objects.stamps import Slots, Stamp, Template, time_bytes

EPOCH = int(datetime(2026, 11, 20, tzinfo=UTC).timestamp())  # all that is there was made before
OLDEST_NODE_SECONDS, OLDEST_WORKLOAD_SECONDS = 45 * 86_400, 60 * 86_400
_LENGTHS = {"ns": 8, "hash": 10, "uid": 36, "owner": 36, "version": 9, "ip": 14, "host_ip": 14}


class NodeRecord(NamedTuple):
    """What is kept of a node."""

    name: bytes
    pool: Pool
    condition: Condition
    zone: bytes
    ip: bytes
    number: int  # the one that its digest is made of


class NodePopulation:
    """The nodes, in order of their names."""

    def __init__(self, records: list[NodeRecord], cloud: Cloud, seed: int, first_version: int) -> None:
        self.records = records
        self._cloud = cloud
        self._seed = seed
        self._first_version = first_version
        self._templates: dict[tuple[Pool, Condition], Template] = {}

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> "GeneratedNode":
        return GeneratedNode(self, index, self._first_version + 1 + shuffled(index, len(self.records)))

    def key(self, index: int) -> str:
        return self.records[index].name.decode()

    def on_node(self, node: str) -> Sequence[int]:
        """No node is bound to a node."""
        return () if node else range(len(self.records))

    def template(self, index: int) -> Template:
        pool, condition = self.records[index].pool, self.records[index].condition
        if (pool, condition) not in self._templates:
            slots = self.slots
            content = node_document(pool, self._cloud, condition, slots)
            self._templates[pool, condition] = Template("Node", content, slots)
        return self._templates[pool, condition]

    @cached_property
    def slots(self) -> Slots:
        sizes = {"name": len(self.records[0].name), "zone": len(self.records[0].zone)}
        sizes |= {"uid": 36, "version": 9, "ip": 14, "instance": 17, "machine": 32, "system": 36, "boot": 36}
        return Slots(sizes, 2)

    def values(self, index: int, version: int, encoding: Encoding) -> tuple[bytes, ...]:
        """What stands in the slots, in their order."""
        record = self.records[index]
        digits = digest(self._seed, b"node", record.number)
        created = EPOCH - 3_600 - int(digits[96:104], 16) % OLDEST_NODE_SECONDS
        return (
            record.name,
            record.zone,
            uuid(digits),
            b"%d" % version,
            record.ip,
            b"0" + digits[32:48],
            b"ec2" + digits[48:77],
            uuid(digits[64:]),
            uuid(digits[88:]),
            time_bytes(created, encoding),
            time_bytes(EPOCH - int(digits[104:108], 16) % 300, encoding),
        )


class PodPopulation:
    """The pods, in order of namespace and name."""

    def __init__(self, plan: Plan, nodes: NodePopulation, seed: int, first_version: int) -> None:
        self.plan = plan
        self._nodes = nodes
        self._seed = seed
        self._first_version = first_version
        self._templates: dict[int, Template] = {}

    def __len__(self) -> int:
        return len(self.plan.workload_of)

    def __getitem__(self, index: int) -> "GeneratedPod":
        return GeneratedPod(self, index, self._first_version + 1 + shuffled(index, len(self.plan.workload_of)))

    def key(self, index: int) -> str:
        return f"{self.plan.workload(index).namespace}/{self.name(index).decode()}"

    def name(self, index: int) -> bytes:
        return self._name(index, self.plan.workload(index))

    def _name(self, index: int, workload: Workload) -> bytes:
        """The owner's name and a suffix that grows with the index, so that names are in order."""
        ordinal = index - workload.first
        if SHAPES[workload.shape].owner == "StatefulSet":
            return b"%b%d" % (workload.prefix.encode(), ordinal)
        jitter = index * 2_654_435_761 + self._seed * 40_503
        return workload.prefix.encode() + suffix(ordinal, workload.count, jitter)

    def node(self, index: int) -> NodeRecord | None:
        at = self.plan.node_of[index]
        return None if at == UNPLACED else self._nodes.records[at]

    def on_node(self, node: str) -> Sequence[int]:
        if not node:
            return self._by_node.get(UNPLACED, ())
        at = bisect_left(self._nodes.records, node.encode(), key=lambda record: record.name)
        known = at < len(self._nodes) and self._nodes.records[at].name == node.encode()
        return self._by_node.get(at, ()) if known else ()

    @cached_property
    def _by_node(self) -> "dict[int, array[int]]":
        found: dict[int, array[int]] = {}
        for index, node in enumerate(self.plan.node_of):
            found.setdefault(node, array("i")).append(index)
        return found

    def template(self, index: int) -> Template:
        kind = self.plan.kind_of[index]
        if kind not in self._templates:
            shape, slots = SHAPES[self.plan.workload(index).shape], self._slots(len(self.name(index)))
            self._templates[kind] = Template("Pod", pod_document(shape, self.plan.state(index), slots), slots)
        return self._templates[kind]

    def warm(self) -> None:
        """Encode every template now (protobuf), so that the first list is as fast as the others."""
        first = {kind: index for index, kind in enumerate(self.plan.kind_of)}
        for index in first.values():
            self[index].size("protobuf")

    def _slots(self, name_length: int) -> Slots:
        node = self._nodes.records[0] if len(self._nodes) else None
        sizes = {"name": name_length, "node": len(node.name) if node else 6, "zone": len(node.zone) if node else 6}
        return Slots(sizes | _LENGTHS | {f"id{number}": 64 for number in range(MAX_CONTAINERS)}, 3)

    def values(self, index: int, version: int, encoding: Encoding) -> tuple[bytes, ...]:
        """What stands in the slots, in their order."""
        workload, node = self.plan.workload(index), self.node(index)
        digits = digest(self._seed, b"pod", index)
        owner, created = _ownership(self._seed, workload.namespace, workload.prefix)
        chance = int(digits[32:40], 16)
        created += chance % (EPOCH - created)
        started = created + 1 + chance % 4
        return (
            self._name(index, workload),
            node.name if node else b"",
            node.zone if node else b"",
            workload.namespace.encode(),
            workload.hash.encode(),
            uuid(digits),
            owner,
            b"%d" % version,
            address(index, MOST_PODS),
            node.ip if node else b"",
            *(digits[start : start + 64] for start in range(0, 9 * MAX_CONTAINERS, 9)),
            time_bytes(created, encoding),
            time_bytes(started, encoding),
            time_bytes(started + 3 + chance % 37, encoding),
        )


@lru_cache(maxsize=32_768)  # as many workloads as the largest cluster has
def _ownership(seed: int, namespace: str, prefix: str) -> tuple[bytes, int]:
    """The uid of a workload and when it was made."""
    digits = digest(seed, f"{namespace}/{prefix}".encode(), 0)
    return uuid(digits), EPOCH - 600 - int(digits[40:48], 16) % OLDEST_WORKLOAD_SECONDS


class _Generated:
    """An object that is computed; it holds where it comes from, its index and its version."""

    __slots__ = ("_index", "_population", "version")

    def __init__(self, population: "NodePopulation | PodPopulation", index: int, version: int) -> None:
        self._population = population
        self._index = index
        self.version = version

    def body(self, encoding: Encoding) -> bytes:
        population, index = self._population, self._index
        return self._stamp(encoding).stamp(population.values(index, self.version, encoding))

    def size(self, encoding: Encoding) -> int:
        return self._stamp(encoding).size

    def _stamp(self, encoding: Encoding) -> Stamp:
        template = self._population.template(self._index)
        return template.protobuf if encoding == "protobuf" else template.json

    @property
    def labels(self) -> Mapping[str, str]:
        population, index = self._population, self._index
        values = population.values(index, self.version, "json")
        found: dict[str, str] = orjson.loads(population.template(index).labels.stamp(values))
        return found

    def at_version(self, version: int) -> Self:
        return type(self)(self._population, self._index, version)


class GeneratedNode(_Generated):
    """A node of a simulated cluster."""

    __slots__ = ()
    kind = "Node"
    namespace = node_name = phase = ""
    _population: NodePopulation

    @property
    def name(self) -> str:
        return self._population.key(self._index)


class GeneratedPod(_Generated):
    """A pod of a simulated cluster."""

    __slots__ = ()
    kind = "Pod"
    _population: PodPopulation

    @property
    def namespace(self) -> str:
        return self._population.plan.workload(self._index).namespace

    @property
    def name(self) -> str:
        return self._population.name(self._index).decode()

    @property
    def node_name(self) -> str:
        node = self._population.node(self._index)
        return node.name.decode() if node else ""

    @property
    def phase(self) -> str:
        return self._population.plan.state(self._index).phase
