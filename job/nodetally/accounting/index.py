"""Pods by name, counted on their nodes: what a watch changes and a pass over a warm cache reads. Pure.

A pod is its name, 8 bytes of its uid, and two references: to its node, and to its share, which is all of it that counts
and which pods of one template have in common. A node's tally is summed again only when its pods have changed.
"""

from hashlib import blake2b
from typing import NamedTuple

from nodetally.accounting.facts import TERMINAL_PHASES, PodAmounts, PodFacts
from nodetally.accounting.kite import KiteNode, KiteTally
from nodetally.accounting.nodes import ClusterTally, Tally

UNSCHEDULED = ""  # the place of pods without a node


class Share:
    """What a pod adds to the tallies of its node and namespace; equal ones are one object."""

    __slots__ = ("amounts", "namespace", "phase", "pods", "terminating")

    def __init__(self, namespace: str, phase: str, terminating: bool, amounts: PodAmounts) -> None:
        self.namespace = namespace
        self.phase = phase
        self.terminating = terminating
        self.amounts = amounts
        self.pods = 0  # how many pods have it

    @property
    def key(self) -> tuple[str, str, bool, PodAmounts]:
        return self.namespace, self.phase, self.terminating, self.amounts


class Place:
    """A node or namespace: how many pods of each share are there, and what they come to (None: not summed yet)."""

    __slots__ = ("name", "shares", "tally")

    def __init__(self, name: str) -> None:
        self.name = name
        self.shares: dict[Share, int] = {}
        self.tally: Tally | None = None

    def change(self, share: Share, by: int) -> None:
        count = self.shares.get(share, 0) + by
        if count:
            self.shares[share] = count
        else:
            del self.shares[share]
        self.tally = None

    def sum(self) -> Tally:
        if self.tally is None:
            self.tally = Tally()
            for share, count in self.shares.items():
                self.tally.add(share, count)
        return self.tally


class HeldPod(NamedTuple):
    """One pod of the index."""

    mark: bytes  # 8 bytes that stand for its uid
    place: Place
    share: Share


class PodIndex:
    """All pods of a cluster, kept up to date one event at a time. Raises nothing; amounts were checked when read."""

    def __init__(self) -> None:
        self.pods: dict[bytes, HeldPod] = {}  # namespace/name in UTF-8
        self._nodes: dict[str, Place] = {}
        self._namespaces: dict[str, Place] = {}
        self._shares: dict[tuple[str, str, bool, PodAmounts], Share] = {}

    def __len__(self) -> int:
        return len(self.pods)

    def put(self, pod: PodFacts) -> None:
        """Take in a pod that was added or modified, whatever was held under its name."""
        self.hold(pod_key(pod), mark_of(pod.uid), pod.node, self.share(*_share_key(pod)))

    def hold(self, key: bytes, mark: bytes, node: str, share: Share) -> None:
        """Put a pod by what the index keeps of it; `share` is one of this index."""
        held = self.pods.get(key)
        if held is not None and held.place.name == node and held.share is share:
            if held.mark != mark:
                self.pods[key] = held._replace(mark=mark)
            return
        place = self._nodes.get(node)
        if place is None:
            place = self._nodes[node] = Place(node)
        self.pods[key] = HeldPod(mark, place, share)
        share.pods += 1
        place.change(share, 1)
        if node and share.phase not in TERMINAL_PHASES:
            namespace = self._namespaces.get(share.namespace)
            if namespace is None:
                namespace = self._namespaces[share.namespace] = Place(share.namespace)
            namespace.change(share, 1)
        if held is not None:
            self._leave(held)  # last, so that what both have in common is not dropped and made again

    def drop(self, pod: PodFacts) -> None:
        """Forget a pod that was deleted; one of the same name and another uid has taken its place, and stays."""
        key = pod_key(pod)
        held = self.pods.get(key)
        if held is not None and held.mark == mark_of(pod.uid):
            del self.pods[key]
            self._leave(held)

    def holds(self, pod: PodFacts) -> bool:
        """Whether this very pod, by name and uid, is here."""
        held = self.pods.get(pod_key(pod))
        return held is not None and held.mark == mark_of(pod.uid)

    def share(self, namespace: str, phase: str, terminating: bool, amounts: PodAmounts) -> Share:
        """The one share of these values; it lives as long as a pod has it."""
        key = (namespace, phase, terminating, amounts)
        share = self._shares.get(key)
        if share is None:
            share = self._shares[key] = Share(*key)
        return share

    def nodes_named(self) -> set[str]:
        """The nodes that pods are bound to."""
        return self._nodes.keys() - {UNSCHEDULED}

    def tally(self) -> ClusterTally:
        """The whole cluster's tally, as adding up every pod would give it; the tallies in it stay the index's own."""
        result = ClusterTally()
        result.pods = len(self.pods)
        result.nodes = {name: place.sum() for name, place in self._nodes.items()}
        result.unscheduled = result.nodes.pop(UNSCHEDULED, Tally())
        result.namespaces = {name: place.sum() for name, place in self._namespaces.items()}
        return result

    def kite(self) -> KiteTally:
        """kite's counting of the same pods."""
        result = KiteTally()
        for name, place in self._nodes.items():
            if name:
                result.nodes[name] = KiteNode(
                    sum(place.shares.values()),
                    sum(count * share.amounts.kite_cpu_millicores for share, count in place.shares.items()),
                    sum(count * share.amounts.kite_memory_bytes for share, count in place.shares.items()),
                )
        return result

    def _leave(self, held: HeldPod) -> None:
        """Take a pod out of the places that counted it; nothing is kept of a place or share that nobody is in."""
        share, place = held.share, held.place
        place.change(share, -1)
        if not place.shares:
            del self._nodes[place.name]
        if place.name and share.phase not in TERMINAL_PHASES:
            namespace = self._namespaces[share.namespace]
            namespace.change(share, -1)
            if not namespace.shares:
                del self._namespaces[share.namespace]
        share.pods -= 1
        if not share.pods:
            del self._shares[share.key]


def pod_key(pod: PodFacts) -> bytes:
    """A pod's key in the API server's own order."""
    return f"{pod.namespace}/{pod.name}".encode()


def mark_of(uid: str) -> bytes:
    """8 bytes that tell apart two pods of one name, whatever their uids look like."""
    return blake2b(uid.encode(), digest_size=8).digest()


def _share_key(pod: PodFacts) -> tuple[str, str, bool, PodAmounts]:
    return pod.namespace, pod.phase, pod.terminating, pod.amounts
