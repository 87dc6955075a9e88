"""A day of two simulated clusters, told to a store by real passes: for people who want to see what it is like.

Slots are of the past, clusters are on loopback; everything between them is what the job does.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from nodetally.collect import run_pass
from nodetally.settings import Settings, Surroundings
from nodetally.simulate.cluster import SimulatedCluster
from nodetally.simulate.objects.item import document, key_of
from nodetally.simulate.server import serving
from nodetally.store.base import Store

CLUSTERS = {"demo-eu": (24, 520), "demo-us": (9, 150)}  # nodes, pods
EVERY = timedelta(minutes=10)
QUIET, BUSY = 0.65, 1.0  # of its pods, at four in the morning and at four in the afternoon
JITTER = 0.03  # no two slots are alike
CORDON_CHANCE = 0.02  # a slot: some three times a day


@dataclass
class Town:
    """A cluster that lives: pods come and go with the hour, a node is cordoned now and then."""

    cluster: SimulatedCluster
    settings: Settings
    chance: Random
    away: list[dict[str, Any]] = field(default_factory=list)  # pods that are not there at night
    starting: list[str] = field(default_factory=list)  # keys of pods that were made a slot ago

    def live_until(self, moment: datetime) -> None:
        """Bring the cluster to what it is like at that time of the day."""
        pods = self.cluster.items("pods")
        all_there_are = len(pods) + len(self.away)
        wanted = min(
            all_there_are, round(share_at(moment) * all_there_are * self.chance.uniform(1 - JITTER, 1 + JITTER))
        )
        for pod in self.chance.sample(pods, max(0, len(pods) - wanted)):
            self.away.append(document(pod))
            self.cluster.delete("pods", key_of(pod))
        for _ in range(max(0, wanted - len(pods))):
            self.cluster.add(self.away.pop(self.chance.randrange(len(self.away))))
        self._start()
        self.starting = self.cluster.replace_pods(self.chance.randrange(4))
        if self.chance.random() < CORDON_CHANCE:
            self.cluster.change("nodes", self.chance.choice(self.cluster.items("nodes")).name, _cordon)

    def _start(self) -> None:
        for key in self.starting:
            if self.cluster.get("pods", key):
                self.cluster.change("pods", key, lambda pod: pod["status"].update(phase="Running"))


def _cordon(node: dict[str, Any]) -> None:
    """Or take the cordon back."""
    node["spec"]["unschedulable"] = not node["spec"].get("unschedulable")


def share_at(moment: datetime) -> float:
    """How much of its pods a cluster has at a time of the day.

    >>> share_at(datetime(2026, 11, 23, 4)), share_at(datetime(2026, 11, 23, 16))
    (0.65, 1.0)
    """
    hours = moment.hour + moment.minute / 60 - 4
    return round(QUIET + (BUSY - QUIET) * (1 - math.cos(hours / 24 * math.tau)) / 2, 3)


@contextmanager
def towns(store: Store, folder: Path) -> Iterator[list[Town]]:
    """Both clusters behind their APIs, on free ports of loopback; `folder` is for their kubeconfigs."""
    with ExitStack() as stack:
        made = []
        for number, (name, (nodes, pods)) in enumerate(CLUSTERS.items(), 1):
            cluster = SimulatedCluster(nodes, pods, seed=number, cloud="gke" if number == 2 else "eks")
            server = stack.enter_context(serving(cluster))
            server.write_kubeconfig(folder / name)
            settings = Settings(cluster=name, store=store.url, kubeconfig=str(folder / name), trigger="schedule")
            made.append(Town(cluster, settings, Random(name)))  # noqa: S311 -- a simulation
        yield made


def pass_over(town: Town, store: Store, slot: datetime) -> None:
    """Let the cluster live until the slot, and make its pass."""
    town.live_until(slot)
    run_pass(replace(town.settings, at=slot), Surroundings.read(), clock=lambda: slot, opener=lambda _: store)


def slots(until: datetime, hours: int) -> list[datetime]:
    """The slots of the last hours, oldest first."""
    last = until - timedelta(seconds=until.timestamp() % EVERY.total_seconds())
    return [last - EVERY * back for back in reversed(range(hours * 3_600 // int(EVERY.total_seconds()) + 1))]


def record(made: list[Town], store: Store, until: datetime, hours: int, done: Callable[[], object]) -> None:
    """Every slot of every cluster; `done` is called after each."""
    for slot in slots(until, hours):
        for town in made:
            pass_over(town, store, slot)
            done()
