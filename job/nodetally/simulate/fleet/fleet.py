"""A plan in, nodes and pods out, each computed from the seed and its index whenever it is asked for.

What is kept of a pod are ten bytes: its workload, its shape and state, its node.
"""

from array import array
from binascii import hexlify
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from hashlib import blake2b
from random import Random
from typing import NamedTuple, cast

import orjson

from nodetally.errors import WrongUse
from nodetally.simulate.fleet.machines import Cloud, Machine
from nodetally.simulate.fleet.node_documents import Condition, Pool, node_document
from nodetally.simulate.fleet.planning import UNPLACED, Plan, Workload, make_plan
from nodetally.simulate.fleet.pod_documents import MAX_CONTAINERS, pod_document
from nodetally.simulate.fleet.shapes import SHAPES, State
from nodetally.simulate.objects.encoding import time_text
from nodetally.simulate.objects.item import Encoding
from nodetally.simulate.objects.stamps import Slots, Stamp, Template

EPOCH = int(datetime(2026, 11, 20, tzinfo=UTC).timestamp())  # all that is there was made before
OLDEST_NODE_SECONDS, OLDEST_WORKLOAD_SECONDS = 45 * 86_400, 60 * 86_400
MOST_NODES = 156**2  # as many as have addresses of one length: octets from 100 to 255
_OCTETS = 156
_STEP = 7_919  # a prime larger than 156: steps through addresses and versions in an order that looks like none
_ALPHABET = b"2456789bcdfghjklmnpqrstvwxz"
_TRIPLES = [bytes((a, b, c)) for a in _ALPHABET for b in _ALPHABET for c in _ALPHABET]
_PAIRS = [bytes((a, b)) for a in _ALPHABET for b in _ALPHABET]
_SUFFIXES = len(_TRIPLES) * len(_PAIRS)
_LENGTHS = {"ns": 8, "hash": 10, "uid": 36, "owner": 36, "version": 9, "ip": 14, "host_ip": 14}
REGIONS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "eks": ("eu-west-1", ("eu-west-1a", "eu-west-1b", "eu-west-1c")),
    "gke": ("europe-west4", ("europe-west4-a", "europe-west4-b", "europe-west4-c")),
    "aks": ("westeurope", ("westeurope-1", "westeurope-2", "westeurope-3")),
}


class NodeRecord(NamedTuple):
    """What is kept of a node."""

    name: bytes
    pool: Pool
    condition: Condition
    zone: bytes
    ip: bytes
    number: int  # the one that its digest is made of


class Fleet:
    """Nodes and pods of a simulated cluster; versions count from `first_version` on."""

    def __init__(self, nodes: int, pods: int, seed: int, cloud: str, first_version: int) -> None:
        if cloud not in REGIONS:
            raise WrongUse(f"no such cloud: {cloud!r}", hint=f"choose one of {', '.join(REGIONS)}")
        if not 0 <= nodes <= MOST_NODES or pods < 0:
            raise WrongUse(f"cannot simulate {nodes} nodes and {pods} pods", hint=f"at most {MOST_NODES} nodes")
        known_cloud = cast("Cloud", cloud)
        random = Random(f"{seed}/{nodes}/{pods}")  # noqa: S311 -- a simulation, and the same each time
        plan = make_plan(nodes, pods, random)
        records = _records(plan.machines, known_cloud, random)
        order = sorted(range(nodes), key=lambda index: records[index].name)
        position = {index: place for place, index in enumerate(order)} | {UNPLACED: UNPLACED}
        plan.node_of = array("i", map(position.__getitem__, plan.node_of))
        self.nodes = NodePopulation([records[index] for index in order], known_cloud, seed, first_version)
        self.pods = PodPopulation(plan, self.nodes, seed, first_version + nodes)

    def warm(self) -> None:
        """Do now what the first list would have to wait for."""
        self.pods.warm()
        self.pods.on_node("")
        for index in range(len(self.nodes)):
            self.nodes[index].size("protobuf")


def _records(machines: Sequence[Machine], cloud: Cloud, random: Random) -> list[NodeRecord]:
    zones, pools = REGIONS[cloud][1], dict[tuple[object, ...], Pool]()
    found = []
    for number, machine in enumerate(machines):
        spot, karpenter = random.random() < 0.25, cloud == "eks" and random.random() < 0.4
        pool = pools.setdefault((machine, spot, karpenter), Pool(f"pool{len(pools):02d}", machine, spot, karpenter))
        ip = _address(number * _STEP % MOST_NODES)
        name = _node_name(cloud, pool, ip, random)
        condition = _condition(number, random)
        found.append(NodeRecord(name, pool, condition, random.choice(zones).encode(), ip, number))
    return found


def _condition(number: int, random: Random) -> Condition:
    """One in 50 is cordoned, one in 100 is lost, one in 200 has a full disk; the fourth and the eighth always."""
    chance = random.random()
    if number in (3, 7):
        return Condition.CORDONED if number == 3 else Condition.NOT_READY
    bounds = ((0.02, Condition.CORDONED), (0.03, Condition.NOT_READY), (0.035, Condition.DISK_PRESSURE))
    return next((condition for bound, condition in bounds if chance < bound), Condition.READY)


def _node_name(cloud: Cloud, pool: Pool, ip: bytes, random: Random) -> bytes:
    if cloud == "gke":
        return f"gke-prod-{pool.name}-{random.getrandbits(32):08x}-{ip[-3:].decode()}x".encode()
    if cloud == "aks":
        return f"aks-{pool.name}-{random.randrange(10**7, 10**8)}-vmss{ip.decode()[-7:].replace('.', '')}".encode()
    return b"ip-" + ip.replace(b".", b"-") + b".eu-west-1.compute.internal"


def _address(number: int, network: int = 10) -> bytes:
    """The address of that number: always 14 characters."""
    rest, last = divmod(number, _OCTETS)
    second, third = divmod(rest, _OCTETS)
    return b"%d.%d.%d.%d" % (network, 100 + second % _OCTETS, 100 + third, 100 + last)


def _digest(seed: int, what: bytes, number: int) -> bytes:
    """128 hexadecimal digits: the source of all that is random about one object."""
    return hexlify(blake2b(b"%d/%b/%d" % (seed, what, number)).digest())


def _uuid(digits: bytes) -> bytes:
    return b"%b-%b-4%b-a%b-%b" % (digits[:8], digits[8:12], digits[13:16], digits[17:20], digits[20:32])


def _time(seconds: int, encoding: Encoding) -> bytes:
    """A time as it stands in a stamp: five bytes, or RFC 3339."""
    if encoding == "json":
        return time_text(seconds).encode()
    low = (seconds & 127 | 128, seconds >> 7 & 127 | 128, seconds >> 14 & 127 | 128, seconds >> 21 & 127 | 128)
    return bytes((*low, seconds >> 28))


def _order(number: int, count: int) -> int:
    """A place for each number below count, each place once."""
    return number * _STEP % count if count % _STEP else number


class NodePopulation:
    """The nodes, in order of their names."""

    kind = "Node"

    def __init__(self, records: list[NodeRecord], cloud: Cloud, seed: int, first_version: int) -> None:
        self.records = records
        self._cloud = cloud
        self._seed = seed
        self._first_version = first_version
        self._templates: dict[tuple[Pool, Condition], Template] = {}

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> "GeneratedNode":
        return GeneratedNode(self, index, self._first_version + 1 + _order(index, len(self.records)))

    def key(self, index: int) -> str:
        return self.records[index].name.decode()

    def on_node(self, node: str) -> Sequence[int]:
        """No node is bound to a node."""
        return () if node else range(len(self.records))

    def template(self, index: int) -> Template:
        pool, condition = self.records[index].pool, self.records[index].condition
        if (pool, condition) not in self._templates:
            slots = self.slots
            content = node_document(pool, self._cloud, REGIONS[self._cloud][0], condition, slots)
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
        digits = _digest(self._seed, b"node", record.number)
        created = EPOCH - 3_600 - int(digits[96:104], 16) % OLDEST_NODE_SECONDS
        return (
            record.name,
            record.zone,
            _uuid(digits),
            b"%d" % version,
            record.ip,
            b"0" + digits[32:48],
            b"ec2" + digits[48:77],
            _uuid(digits[64:]),
            _uuid(digits[88:]),
            _time(created, encoding),
            _time(EPOCH - int(digits[104:108], 16) % 300, encoding),
        )


class PodPopulation:
    """The pods, in order of namespace and name."""

    def __init__(self, plan: Plan, nodes: NodePopulation, seed: int, first_version: int) -> None:
        self._plan = plan
        self._nodes = nodes
        self._seed = seed
        self._first_version = first_version
        self._templates: dict[int, Template] = {}

    def __len__(self) -> int:
        return len(self._plan.workload_of)

    def __getitem__(self, index: int) -> "GeneratedPod":
        return GeneratedPod(self, index, self._first_version + 1 + _order(index, len(self._plan.workload_of)))

    def key(self, index: int) -> str:
        return f"{self.workload(index).namespace}/{self.name(index).decode()}"

    def workload(self, index: int) -> Workload:
        return self._plan.workloads[self._plan.workload_of[index]]

    def name(self, index: int) -> bytes:
        """The owner's name and a suffix that grows with the index, so that names are in order."""
        workload = self.workload(index)
        ordinal = index - workload.first
        if SHAPES[workload.shape].owner == "StatefulSet":
            return b"%b%d" % (workload.prefix.encode(), ordinal)
        step = _SUFFIXES // workload.count
        number = ordinal * step + (index * 2_654_435_761 + self._seed * 40_503) % step
        return workload.prefix.encode() + _TRIPLES[number // len(_PAIRS)] + _PAIRS[number % len(_PAIRS)]

    def node(self, index: int) -> NodeRecord | None:
        at = self._plan.node_of[index]
        return None if at == UNPLACED else self._nodes.records[at]

    def state(self, index: int) -> State:
        return State(self._plan.kind_of[index] % len(State))

    def on_node(self, node: str) -> Sequence[int]:
        if not node:
            return self._by_node.get(UNPLACED, ())
        at = bisect_left(self._nodes.records, node.encode(), key=lambda record: record.name)
        known = at < len(self._nodes) and self._nodes.records[at].name == node.encode()
        return self._by_node.get(at, ()) if known else ()

    @cached_property
    def _by_node(self) -> "dict[int, array[int]]":
        found: dict[int, array[int]] = {}
        for index, node in enumerate(self._plan.node_of):
            found.setdefault(node, array("i")).append(index)
        return found

    def template(self, index: int) -> Template:
        kind = self._plan.kind_of[index]
        if kind not in self._templates:
            shape, state = divmod(kind, len(State))
            slots = self._slots(len(self.name(index)))
            self._templates[kind] = Template("Pod", pod_document(SHAPES[shape], State(state), slots), slots)
        return self._templates[kind]

    def warm(self) -> None:
        """Encode every template now (protobuf), so that the first list is as fast as the others."""
        first = {kind: index for index, kind in enumerate(self._plan.kind_of)}
        for index in first.values():
            self[index].size("protobuf")

    def _slots(self, name_length: int) -> Slots:
        node = self._nodes.records[0] if len(self._nodes) else None
        sizes = {"name": name_length, "node": len(node.name) if node else 6, "zone": len(node.zone) if node else 6}
        return Slots(sizes | _LENGTHS | {f"id{number}": 64 for number in range(MAX_CONTAINERS)}, 3)

    def values(self, index: int, version: int, encoding: Encoding) -> tuple[bytes, ...]:
        """What stands in the slots, in their order."""
        workload, node = self.workload(index), self.node(index)
        digits = _digest(self._seed, b"pod", index)
        owner, created = _ownership(self._seed, workload.namespace, workload.prefix)
        chance = int(digits[32:40], 16)
        created += chance % (EPOCH - created)
        started = created + 1 + chance % 4
        return (
            self.name(index),
            node.name if node else b"",
            node.zone if node else b"",
            workload.namespace.encode(),
            workload.hash.encode(),
            _uuid(digits),
            owner,
            b"%d" % version,
            _address(index * _STEP % _OCTETS**3),
            node.ip if node else b"",
            *(digits[start : start + 64] for start in range(0, 9 * MAX_CONTAINERS, 9)),
            _time(created, encoding),
            _time(started, encoding),
            _time(started + 3 + chance % 37, encoding),
        )


@lru_cache(maxsize=32_768)  # as many workloads as the largest cluster has
def _ownership(seed: int, namespace: str, prefix: str) -> tuple[bytes, int]:
    """The uid of a workload and when it was made."""
    digits = _digest(seed, f"{namespace}/{prefix}".encode(), 0)
    return _uuid(digits), EPOCH - 600 - int(digits[40:48], 16) % OLDEST_WORKLOAD_SECONDS


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


class GeneratedNode(_Generated):
    """A node of a simulated cluster."""

    __slots__ = ()
    kind = "Node"
    namespace = node_name = phase = ""
    _population: NodePopulation

    @property
    def name(self) -> str:
        return self._population.key(self._index)

    def at_version(self, version: int) -> "GeneratedNode":
        return GeneratedNode(self._population, self._index, version)


class GeneratedPod(_Generated):
    """A pod of a simulated cluster."""

    __slots__ = ()
    kind = "Pod"
    _population: PodPopulation

    @property
    def namespace(self) -> str:
        return self._population.workload(self._index).namespace

    @property
    def name(self) -> str:
        return self._population.name(self._index).decode()

    @property
    def node_name(self) -> str:
        node = self._population.node(self._index)
        return node.name.decode() if node else ""

    @property
    def phase(self) -> str:
        return self._population.state(self._index).phase

    def at_version(self, version: int) -> "GeneratedPod":
        return GeneratedPod(self._population, self._index, version)
