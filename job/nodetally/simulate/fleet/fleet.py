"""Numbers and a seed in, a simulated cluster's nodes and pods out: a plan, and a record of each node."""

from array import array
from collections.abc import Sequence
from random import Random

from nodetally.errors import WrongUse
from nodetally.simulate.fleet.clouds import CLOUDS, Cloud
from nodetally.simulate.fleet.generated import NodePopulation, NodeRecord, PodPopulation
from nodetally.simulate.fleet.identity import MOST_NODES, address
from nodetally.simulate.fleet.machines import Machine, Pool
from nodetally.simulate.fleet.node_documents import Condition
from nodetally.simulate.fleet.placement import UNPLACED
from nodetally.simulate.fleet.planning import make_plan

SPOT_SHARE = 0.25  # of the pools


class Fleet:
    """Nodes and pods, in key order; versions count from `first_version` on."""

    def __init__(self, nodes: int, pods: int, seed: int, cloud: str, first_version: int) -> None:
        """WrongUse for more nodes than there are addresses, and for a cloud that is not known."""
        if cloud not in CLOUDS:
            raise WrongUse(f"no such cloud: {cloud!r}", hint=f"choose one of {', '.join(CLOUDS)}")
        if not 0 <= nodes <= MOST_NODES or pods < 0:
            raise WrongUse(f"cannot simulate {nodes} nodes and {pods} pods", hint=f"at most {MOST_NODES} nodes")
        random = Random(f"{seed}/{nodes}/{pods}")  # noqa: S311 -- a simulation, and the same each time
        plan = make_plan(nodes, pods, random)
        records = _records(plan.machines, CLOUDS[cloud], random)
        order = sorted(range(nodes), key=lambda index: records[index].name)
        position = {index: place for place, index in enumerate(order)} | {UNPLACED: UNPLACED}
        plan.node_of = array("i", map(position.__getitem__, plan.node_of))
        self.nodes = NodePopulation([records[index] for index in order], CLOUDS[cloud], seed, first_version)
        self.pods = PodPopulation(plan, self.nodes, seed, first_version + nodes)

    def warm(self) -> None:
        """Do now what the first list would have to wait for."""
        self.pods.warm()
        self.pods.on_node("")
        for index in range(len(self.nodes)):
            self.nodes[index].size("protobuf")


def _records(machines: Sequence[Machine], cloud: Cloud, random: Random) -> list[NodeRecord]:
    pools = dict[tuple[Machine, bool, bool], Pool]()
    found = []
    for number, machine in enumerate(machines):
        spot = random.random() < SPOT_SHARE
        karpenter = cloud.karpenter_share > 0 and random.random() < cloud.karpenter_share
        pool = pools.setdefault((machine, spot, karpenter), Pool(f"pool{len(pools):02d}", machine, spot, karpenter))
        ip = address(number, MOST_NODES)
        name = cloud.node_name(pool, ip.decode(), random).encode()
        condition = _condition(number, random)
        found.append(NodeRecord(name, pool, condition, random.choice(cloud.zones).encode(), ip, number))
    return found


def _condition(number: int, random: Random) -> Condition:
    """One in 50 is cordoned, one in 100 is lost, one in 200 has a full disk; the fourth and the eighth always."""
    chance = random.random()
    if number in (3, 7):
        return Condition.CORDONED if number == 3 else Condition.NOT_READY
    bounds = ((0.02, Condition.CORDONED), (0.03, Condition.NOT_READY), (0.035, Condition.DISK_PRESSURE))
    return next((condition for bound, condition in bounds if chance < bound), Condition.READY)
