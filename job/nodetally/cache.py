"""One cluster's warm cache as passes use it: in memory from pass to pass, and kept in a store from run to run.

A cache that cannot be used is never an error and never a guess: the pass reads the lists, and says why.
"""

from collections.abc import Callable
from contextlib import closing, suppress
from datetime import datetime, timedelta

from nodetally.cluster.connection import Connection, connected
from nodetally.cluster.deadline import Deadline
from nodetally.cluster.kept import Owner, UnusableError, decode, encode, owner_of
from nodetally.cluster.listing import Lister, list_nodes, server_version, wanted_labels
from nodetally.cluster.observation import Cost, Observation
from nodetally.cluster.usage import USAGE_OFF, read_usage
from nodetally.cluster.watching import NotOfferedError, WatchCache
from nodetally.errors import ClusterError, StoreError
from nodetally.settings import Settings, Surroundings
from nodetally.store.base import Store
from nodetally.store.layout import STATE_HEADERS, state_key

KEY_NAME = "watch-cache"
GRACE_SECONDS = 5.0  # what a watch between passes may take beyond the time that the server was told

Clock = Callable[[], datetime]


class Keeper:
    """Where the cache of a cluster lies between runs: one object, replaced only if it is still the one we know."""

    def __init__(self, open_store: Callable[[], Store]) -> None:
        self._open_store = open_store
        self._store: Store | None = None
        self._known: tuple[str, str | None] | None = None  # key and ETag (None: there is none) as last read

    def load(self, cluster: str) -> bytes | None:
        """What was kept, or None. Raises StoreError."""
        key = state_key(cluster, KEY_NAME)
        found = self._opened().get(key)
        self._known = key, found.etag if found else None
        return found.body if found else None

    def save(self, cluster: str, body: bytes) -> None:
        """Replace what was kept, unless another run was quicker: its cache is as good. Raises StoreError."""
        key = state_key(cluster, KEY_NAME)
        if self._known is None or self._known[0] != key:
            self.load(cluster)
        known, self._known = self._known, None  # what we write has an ETag that only reading would tell
        self._opened().put_if_match(key, body, known and known[1], STATE_HEADERS)

    def _opened(self) -> Store:
        if self._store is None:
            self._store = self._open_store()
        return self._store


class Warm:
    """The cache of one cluster; made once, used for every pass of a process. Not for two passes at a time."""

    def __init__(self, settings: Settings, keeper: Keeper | None = None) -> None:
        """`keeper`: where it lies between runs; without one, it lives as long as this object."""
        self._cache = WatchCache(wanted_labels(settings))
        self._between = Cost()  # what was asked since the last pass
        self._keeper = keeper
        self._owner: Owner | None = None

    def observe(
        self, connection: Connection, settings: Settings, clock: Clock, *, keep_nodes: bool = False
    ) -> Observation:
        """Read the cluster through the cache, or by lists if it cannot be used. Raises ClusterError as `listing` does.

        `keep_nodes`: nodes are listed whole beside it, for kite's view.
        """
        self._charge(connection.cost)
        owner = owner_of(settings, connection.access)
        self._belong_to(owner, settings)
        version = server_version(connection)
        kind, taken_at, reason = self._read(connection, settings, owner, clock)
        cache = self._cache
        nodes = sorted(cache.nodes.index.nodes.values(), key=lambda node: node.name.encode())
        tally, raw, nodes_version = cache.pods.index.tally(), None, cache.nodes.resource_version
        if keep_nodes:
            tally.kite = cache.pods.index.kite()
            raw, listed = list_nodes(Lister(connection, clock, settings.page_size), {}, keep=True)
            nodes_version = listed.resource_version
            nodes = sorted((node for node, _ in raw), key=lambda node: node.name.encode())
        usage = read_usage(connection, [node.name for node in nodes], clock()) if settings.usage else USAGE_OFF
        return Observation(
            kind=kind,
            taken_at=taken_at,
            nodes=nodes,
            tally=tally,
            usage=usage,
            cost=connection.cost,
            pods_read=cache.take_pods_read(),
            consistent=True,
            reason=reason,
            server_version=version,
            pods_resource_version=cache.pods.resource_version,
            nodes_resource_version=nodes_version,
            raw_nodes=raw,
        )

    def keep(self, clock: Clock) -> None:
        """Write the cache to where it is kept, if anywhere. Raises StoreError."""
        if self._keeper is None or self._owner is None or not self._cache.filled:
            return
        try:
            body = encode(self._cache, self._owner, clock())
        except UnusableError as error:
            raise StoreError(str(error)) from error
        self._keeper.save(self._owner.cluster, body)

    def follow(self, settings: Settings, around: Surroundings, seconds: float) -> None:
        """Between two passes: apply what changes, so that the next one finds little to read up. Raises nothing."""
        if not self._cache.filled or seconds < 1:
            return
        deadline = Deadline(seconds + GRACE_SECONDS, "following the cluster")
        with (
            suppress(ClusterError),  # the next pass meets it again, and says so
            connected(settings, around, deadline, self._between) as connection,
        ):
            self._cache.follow(connection, seconds)

    def _read(
        self, connection: Connection, settings: Settings, owner: Owner, clock: Clock
    ) -> tuple[str, datetime, str | None]:
        """(source kind, when it was answered, why not from the cache)."""
        seconds = min(settings.cache_timeout_seconds, connection.deadline.left())
        deadline = Deadline(seconds, "warming the cache")
        try:
            with closing(connection.another(deadline)) as warm:
                return *self._warm_up(warm, settings, owner, clock), None
        except NotOfferedError:
            reason = None  # list, then watch: as good
        except (ClusterError, StoreError) as error:
            reason = str(error)
        finally:
            deadline.cancel()
        lister = Lister(connection, clock, settings.page_size, self._cache.wants)
        return "list", self._cache.fill_by_list(lister), reason

    def _warm_up(self, connection: Connection, settings: Settings, owner: Owner, clock: Clock) -> tuple[str, datetime]:
        cache = self._cache
        if cache.filled:
            return "watch", cache.catch_up(connection, clock)
        if self._keeper is not None:
            body = self._keeper.load(owner.cluster)
            if body is None:
                raise UnusableError("no cache was kept yet")
            decode(body, owner, clock(), timedelta(seconds=settings.cache_ttl_seconds), cache)
            return "resume", cache.catch_up(connection, clock)
        return "watch", cache.fill_by_watch(connection, clock)

    def _belong_to(self, owner: Owner, settings: Settings) -> None:
        """Start anew when another cluster, or other labels, are asked for than before, or than it was made for."""
        if self._owner != owner:
            self._cache = WatchCache(wanted_labels(settings))
        self._owner = owner

    def _charge(self, cost: Cost) -> None:
        """What was read between two passes is the second one's cost."""
        cost.api_requests += self._between.api_requests
        cost.bytes_read += self._between.bytes_read
        self._between = Cost()
