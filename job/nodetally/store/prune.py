"""Thins a store by age: first the indexes forget, then the snapshots go. Never the newest of a cluster.

Killed in between it leaves snapshots that no index names: the next prune of the same policy deletes them, `repair`
adds them again; both leave a store that verifies. There is no list of what is to go, so nothing can be wrong with it.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby, islice
from typing import NamedTuple

from nodetally.store import rollups, walk
from nodetally.store.base import Entry, Store
from nodetally.store.layout import date_of
from nodetally.store.parallel import READERS
from nodetally.store.retention import OLDER, Decision, Thinning, Tier
from nodetally.store.settle import change_day, settle_cluster, settle_day
from nodetally.store.update import Pauses
from nodetally.store.wanted import day_summaries, last_slot

DAYS_IN_ONE_GO = 32  # whose keys are held: at one snapshot a minute, 46,000


@dataclass
class Count:
    """How many snapshots, and their bytes as stored."""

    snapshots: int = 0
    stored_bytes: int = 0

    def add(self, entry: Entry) -> None:
        self.snapshots += 1
        self.stored_bytes += entry.size


class TierRow(NamedTuple):
    """What becomes of the snapshots of one cluster that are as old as one tier says."""

    cluster: str
    tier: str
    kept: int
    kept_bytes: int
    gone: int
    gone_bytes: int


@dataclass
class Thinned:
    """What a policy comes to in one cluster; by tier, as `retention.Decision` names them."""

    cluster: str
    kept: defaultdict[str, Count] = field(default_factory=lambda: defaultdict(Count))
    gone: defaultdict[str, Count] = field(default_factory=lambda: defaultdict(Count))

    def rows(self, policy: list[Tier]) -> list[TierRow]:
        """A row a tier, and one for what is older than all of them."""
        pairs = [(name, self.kept[name], self.gone[name]) for name in (*(tier.text for tier in policy), OLDER)]
        return [
            TierRow(self.cluster, name, kept.snapshots, kept.stored_bytes, gone.snapshots, gone.stored_bytes)
            for name, kept, gone in pairs
        ]


def prune(
    store: Store,
    cluster: str,
    policy: list[Tier],
    now: datetime,
    *,
    delete: bool = False,
    pauses: Pauses | None = None,
) -> Thinned:
    """Thin one cluster to what the policy keeps at `now`, or without `delete` only count. Oldest days come first.

    What is not older than the cluster index's last slot stays: a publisher may be at it, and `latest` copies it.
    StoreError when the store cannot be read or written, or an index that it needs is damaged: then repair first.
    """
    pauses, thinned = pauses or Pauses(), Thinned(cluster)
    by_day = groupby(_going(store, thinned, policy, now), key=lambda each: date_of(each[0]))
    while batch := {date: dict(of_day) for date, of_day in islice(by_day, DAYS_IN_ONE_GO)}:
        if delete:
            _delete(store, cluster, batch, pauses)
    return thinned


def _going(store: Store, thinned: Thinned, policy: list[Tier], now: datetime) -> Iterator[tuple[str, Entry]]:
    """What no tier keeps, by slot, in order; everything is counted."""
    last = last_slot(store, thinned.cluster)
    for entry, decision in _decided(store, thinned.cluster, policy, now):
        if decision.kept or (last is not None and decision.slot >= last):
            thinned.kept[decision.tier].add(entry)
        else:
            thinned.gone[decision.tier].add(entry)
            yield decision.slot, entry


def _decided(store: Store, cluster: str, policy: list[Tier], now: datetime) -> Iterator[tuple[Entry, Decision]]:
    """Every snapshot with what becomes of it; the newest is kept, whatever the policy says."""
    thinning, held = Thinning(policy, now), None
    for day in walk.days(store, cluster):
        for slot, entry in day.snapshots.items() if isinstance(day, walk.Day) else ():
            if held:
                yield held
            held = entry, thinning.decide(slot)
    if held:
        yield held[0], held[1]._replace(kept=True)


def _delete(store: Store, cluster: str, batch: Mapping[str, Mapping[str, Entry]], pauses: Pauses) -> None:
    """Day indexes, cluster index, rollups, snapshots; then all but those again, for what was put back meanwhile."""
    for date, going in batch.items():
        day_summaries(store, cluster, date)  # a damaged index would look like one of nothing
        change_day(store, cluster, date, dict.fromkeys(going), pauses=pauses)
    settle_cluster(store, cluster, pauses=pauses)
    rollups.drop(store, cluster, batch)
    with ThreadPoolExecutor(READERS) as pool:
        list(pool.map(store.delete, [entry.key for going in batch.values() for entry in going.values()]))
    for date, going in batch.items():
        settle_day(store, cluster, date, slots=going.keys(), pauses=pauses)
    settle_cluster(store, cluster, pauses=pauses)
    rollups.drop(store, cluster, batch)
