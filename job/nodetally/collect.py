"""One pass, from the cluster to the stored snapshot: the only place that knows the whole line."""

import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from nodetally.accounting import kite as kites
from nodetally.accounting.quantity import QuantityError
from nodetally.assemble import assemble
from nodetally.cluster.observation import Observation
from nodetally.errors import NodetallyError, ObjectUnreadable, StoreError, WrongUse, isolated
from nodetally.settings import CACHE_IN_MEMORY, CACHE_OFF, Settings, Surroundings
from nodetally.store.base import Store
from nodetally.store.layout import validate_cluster_name
from nodetally.store.open import open_store
from nodetally.store.publish import Published, publish

if TYPE_CHECKING:
    from nodetally.cache import Warm

Clock = Callable[[], datetime]
Opener = Callable[[str], Store]


@dataclass(frozen=True)
class Pass:
    """What one pass made, and where it is stored (None: it was not to be)."""

    outline: Mapping[str, Any]  # the document without its nodes and namespaces
    body: bytes  # the document as it is stored
    published: Published | None
    kite: dict[str, Any] | None
    not_kept: str | None = None  # why the warm cache could not be kept for the next run


class Outcome(NamedTuple):
    """What a cluster's pass came to."""

    cluster: str
    came_to: Pass | NodetallyError


def utc_now() -> datetime:
    return datetime.now(UTC)


def run_pass(
    settings: Settings,
    around: Surroundings,
    *,
    clock: Clock = utc_now,
    store: bool = True,
    with_kite: bool = False,
    warm: "Warm | None" = None,
    opener: Opener = open_store,
) -> Pass:
    """Read the cluster, tally it, publish the snapshot. Raises NodetallyError; then nothing was published.

    The store is opened while the cluster is read: loading an S3 client takes longer than a small cluster's list.
    `warm`: the cache of the passes before; without it, one is made as the settings say. `opener`: of the store, where
    passes share one.
    """
    validate_cluster_name(settings.cluster)
    if store and (settings.nodes or settings.selector):
        raise WrongUse(
            "a snapshot is about the whole cluster: --node and --selector are for looking, not for storing",
            hint="add --dry-run, or use: nodetally show --live",
        )
    start = clock()
    time.sleep(share_of_jitter(settings.cluster, settings.jitter_seconds))
    started = time.monotonic()
    with _opening(settings.store if store else None, opener) as opened:
        warm = warm or warm_cache(settings, opener)
        observation = observe(settings, around, clock, keep_nodes=with_kite, warm=warm)
        kite = kite_view(observation) if with_kite else None
        outline, body = assemble(observation, settings, start, lambda: time.monotonic() - started)
        published = publish(opened.result(), outline, body) if opened is not None else None
    return Pass(outline, body, published, kite, _keep(warm, clock))


def run_each(
    clusters: Sequence[Settings],
    around: Surroundings,
    *,
    clock: Clock = utc_now,
    warm: Mapping[str, "Warm | None"] | None = None,
    opener: Opener | None = None,
    **options: Any,
) -> Iterator[Outcome]:
    """A pass for each cluster, one after the other; one that fails is its error, and the next goes on.

    All answer for the slot in which the first began, however long they take. `warm` and `options` are run_pass's.
    """
    opener = opener or cache(open_store)  # an S3 client takes half a second to make
    begun = clock() if len(clusters) > 1 else None
    for at, each in enumerate(clusters):
        settings = replace(each, at=each.at or begun, jitter_seconds=0.0 if at else each.jitter_seconds)
        try:
            own = warm.get(each.cluster) if warm else None
            with isolated(several=len(clusters) > 1):
                done: Pass | NodetallyError = run_pass(
                    settings, around, clock=clock, warm=own, opener=opener, **options
                )
        except NodetallyError as error:
            done = error
        yield Outcome(each.cluster, done)


def run_every(
    clusters: Sequence[Settings],
    around: Surroundings,
    every_seconds: int,
    for_seconds: float | None,
    *,
    clock: Clock = utc_now,
    **options: Any,
) -> Iterator[Outcome]:
    """A pass now and one at every multiple of the period, over warm caches; for several clusters, of each.

    Raises what no later pass can mend: wrong use, if it is all that came of a round. `options` are run_pass's.
    """
    opener = cache(open_store)
    warm = {each.cluster: warm_cache(each, opener) for each in clusters}
    begun = time.monotonic()
    while True:
        useless = []
        for outcome in run_each(clusters, around, clock=clock, warm=warm, opener=opener, **options):
            if isinstance(outcome.came_to, WrongUse):
                useless.append(outcome.came_to)
                if len(useless) == len(clusters):
                    raise useless[0]
            yield outcome
        now = clock().timestamp()
        due = now - now % every_seconds + every_seconds
        if for_seconds is not None and time.monotonic() + due - now - begun >= for_seconds:
            return
        _follow(clusters, warm, around, due - now)
        while (left := due - clock().timestamp()) > 0:  # never a moment early: that would be the slot before
            time.sleep(left)


def share_of_jitter(cluster: str, jitter_seconds: float) -> float:
    """How long this cluster's passes wait: clusters differ, and one cluster's passes keep their distance in time.

    >>> [round(share_of_jitter(name, 20.0), 1) for name in ("prod-us-1", "staging", "prod-us-1")]
    [6.6, 14.8, 6.6]
    """
    return jitter_seconds * zlib.crc32(cluster.encode()) / 2**32


def _follow(
    clusters: Sequence[Settings], warm: Mapping[str, "Warm | None"], around: Surroundings, seconds: float
) -> None:
    """Between passes, follow the cluster; one of several is caught up with at its next pass, as a kept cache is."""
    own = warm[clusters[0].cluster]
    if own is not None and len(clusters) == 1:
        own.follow(clusters[0], around, seconds)


def warm_cache(settings: Settings, opener: Opener = open_store) -> "Warm | None":
    """The cache that the settings ask for; None where they ask for none, or read what has none."""
    if settings.cache == CACHE_OFF or settings.dumps or settings.nodes or settings.selector:
        return None
    from nodetally.cache import Keeper, Warm  # not on the path of a pass without one

    return Warm(settings, None if settings.cache == CACHE_IN_MEMORY else Keeper(lambda: opener(settings.cache)))


def _keep(warm: "Warm | None", clock: Clock) -> str | None:
    """The snapshot is stored by now: a cache that cannot be kept costs the next run its time, and nothing else."""
    try:
        if warm is not None:
            warm.keep(clock)
    except StoreError as error:
        return str(error)
    except MemoryError:
        return "no memory was left to write it: raise the job's limit"
    return None


def observe(
    settings: Settings,
    around: Surroundings,
    clock: Clock = utc_now,
    *,
    keep_nodes: bool = False,
    warm: "Warm | None" = None,
) -> Observation:
    """Read the cluster, or the dumps that stand for it."""
    if settings.dumps:
        if settings.nodes or settings.selector:
            raise WrongUse("--node and --selector ask an API server; a dump is read whole")
        from nodetally.cluster.dump import observe_dumps

        return observe_dumps(settings.dumps, settings.at, keep_nodes=keep_nodes)
    from nodetally.cluster.connection import connected  # and TLS; dumps need neither

    with connected(settings, around) as connection:
        if warm is not None:
            return warm.observe(connection, settings, clock, keep_nodes=keep_nodes)
        from nodetally.cluster.listing import observe as observe_list

        return observe_list(connection, settings, clock, keep_nodes=keep_nodes)


def kite_view(observation: Observation) -> dict[str, Any]:
    """The observation as kite's node list shows it; it must have been made with keep_nodes."""
    try:
        return kites.node_list(
            observation.raw_nodes or [],
            observation.tally.kite or kites.KiteTally(),
            observation.usage.nodes,
            observation.nodes_resource_version or "",
        )
    except QuantityError as error:
        raise ObjectUnreadable(str(error), hint="look for a pod with an absurd request") from error


@contextmanager
def _opening(url: str | None, opener: Opener) -> Iterator[Future[Store] | None]:
    """The store, being opened in a thread of its own."""
    if url is None:
        yield None
        return
    with ThreadPoolExecutor(1, "store") as pool:
        yield pool.submit(opener, url)
