"""The cluster behind the server: nodes and pods, one resourceVersion for all, and the events that watches read.

Every change goes one way: a new version, the object put into its collection, an event appended, watchers woken.
Nothing here knows HTTP. Thread-safe: one lock, held for as long as a change takes.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from hashlib import blake2b
from random import Random
from threading import Condition
from typing import Any
from uuid import UUID

from nodetally.errors import WrongUse
from nodetally.simulate.errors import ApiError, not_found, too_large
from nodetally.simulate.history import Change, EventType, History
from nodetally.simulate.objects.item import Item, StoredObject, changed_copy, key_of
from nodetally.simulate.views import Collection, Population, StoredPopulation, View

RESOURCES = {"nodes": "Node", "pods": "Pod"}
FIRST_VERSION = 410_000_000  # nine digits from the first version to the last, so that objects keep their length
KEPT_VIEWS = 64  # lists that can be continued after a change; a real server keeps minutes, not a number
HISTORY = 20_000  # events kept for watches; upstream keeps 100 to 102,400 (cacher/watch_cache_history.go)


class SimulatedCluster:
    """Nodes and pods of any number, the same for the same seed; or, by `of`, the objects that are given."""

    def __init__(
        self,
        nodes: int = 3,
        pods: int = 30,
        seed: int = 1,
        *,
        cloud: str = "eks",
        history: int = HISTORY,
        warm: bool = False,
    ) -> None:
        """`warm`: take a second now, so that the first list does not have to."""
        from nodetally.simulate.fleet.fleet import Fleet

        fleet = Fleet(nodes, pods, seed, cloud, FIRST_VERSION)
        if warm:
            fleet.warm()
        self._start({"nodes": fleet.nodes, "pods": fleet.pods}, FIRST_VERSION + nodes + pods, seed, history)

    @classmethod
    def of(cls, objects: Iterable[Mapping[str, Any]], *, seed: int = 1, history: int = HISTORY) -> "SimulatedCluster":
        """A cluster of explicit Node and Pod objects; missing namespace, uid and resourceVersion are filled in."""
        stored: dict[str, list[StoredObject]] = {resource: [] for resource in RESOURCES}
        for number, content in enumerate(objects, 1):
            item = _stored(content, FIRST_VERSION + number)
            stored[_resource_of(item)].append(item)
        self = cls.__new__(cls)
        populations = {resource: StoredPopulation(items) for resource, items in stored.items()}
        highest = max((item.version for items in stored.values() for item in items), default=0)
        self._start(populations, max(highest, FIRST_VERSION), seed, history)
        return self

    def _start(self, populations: Mapping[str, Population], version: int, seed: int, history: int) -> None:
        self.seed = seed
        self.version = version
        self.changed = Condition()
        self._random = Random(f"{seed}/changes")  # noqa: S311 -- a simulation, and the same each time
        self._collections = {name: Collection(population, version) for name, population in populations.items()}
        self._histories = {name: History(version, history) for name in populations}
        self._views: dict[str, OrderedDict[int, View]] = {name: OrderedDict() for name in populations}
        self._oldest_view = 0
        self._made = 0

    # reading

    def view(self, resource: str) -> tuple[int, View]:
        """The current version and what a list sees at it; the view is kept so that the list can be continued."""
        with self.changed:
            return self.version, self._keep(resource)

    def _keep(self, resource: str) -> View:
        view = self._collections[resource].view()
        views = self._views[resource]
        views[view.since] = view
        views.move_to_end(view.since)
        if len(views) > KEPT_VIEWS:
            views.popitem(last=False)
        return view

    def view_at(self, resource: str, version: int) -> View | None:
        """What a list saw at a version, or None if that is gone (or was never listed)."""
        with self.changed:
            if version < self._oldest_view or version > self.version:
                return None
            if version >= self._collections[resource].changed_at:
                return self._keep(resource)
            return self._view_before(resource, version)

    def _view_before(self, resource: str, version: int) -> View | None:
        """The kept view that held at a version: nothing may have changed between the two."""
        starts = [since for since in self._views[resource] if since <= version]
        if not starts:
            return None
        view = self._views[resource][max(starts)]
        with suppress(ApiError):  # the events since are gone: nobody can tell
            following = self._histories[resource].after(view.since)
            return view if following and following[0].version > version else None
        return None

    def get(self, resource: str, key: str) -> Item | None:
        with self.changed:
            return self._collections[resource].get(key)

    def items(self, resource: str) -> list[Item]:
        """All of them as they are now, in key order."""
        return list(self.view(resource)[1].after())

    def count(self, resource: str) -> int:
        return len(self.view(resource)[1])

    def check_watch(self, resource: str, version: int) -> None:
        """ApiError 410 if a watch can no longer start from a version."""
        with self.changed:
            self._histories[resource].check_start(version)

    def changes_after(self, resource: str, version: int) -> tuple[int, list[Change]]:
        """The current version and the events since another; ApiError 410 if they are no longer kept."""
        with self.changed:
            return self.version, self._histories[resource].after(version)

    def reach(self, version: int, seconds: float) -> None:
        """Wait until the cluster is at a version; ApiError 504 if it is not in time."""
        self.wait_for(version, seconds, lambda: False)
        if self.version < version:
            raise too_large(version, self.version)

    def wait_for(self, version: int, seconds: float, stop: Callable[[], bool]) -> None:
        """Wait until the cluster is at a version, the time is up, or `stop` says so when woken."""
        with self.changed:
            self.changed.wait_for(lambda: self.version >= version or stop(), seconds)

    def wake(self) -> None:
        """Let everybody who waits look whether to stop."""
        with self.changed:
            self.changed.notify_all()

    # changing

    def add(self, content: Mapping[str, Any]) -> Item:
        """Create an object from its JSON; ApiError 409 if there is one of that name."""
        with self.changed:
            item = _stored(content, self.version + 1, again=True)
            if self._collections[_resource_of(item)].get(key_of(item)) is not None:
                raise ApiError(409, f'{_resource_of(item)} "{item.name}" already exists', reason="AlreadyExists")
            return self._put(item, None)

    def update(self, content: Mapping[str, Any]) -> Item:
        """Replace an object by JSON of the same name; ApiError 404 if there is none."""
        with self.changed:
            item = _stored(content, 0)
            found = self._existing(_resource_of(item), key_of(item))
            return self._put(item.at_version(self.version + 1), found)

    def change(self, resource: str, key: str, change: Callable[[dict[str, Any]], object]) -> Item:
        """Write an object after what `change` does to a copy of its document; ApiError 404 if there is none."""
        with self.changed:
            found = self._existing(resource, key)
            return self._put(changed_copy(found, change).at_version(self.version + 1), found)

    def delete(self, resource: str, key: str) -> Item:
        """Delete `namespace/name` (pods) or `name` (nodes)."""
        with self.changed:
            found = self._existing(resource, key)
            self.version += 1
            self._collections[resource].remove(key, self.version)
            return self._log(resource, "DELETED", found.at_version(self.version), found)

    def bind(self, key: str, node: str) -> Item:
        """Give a pod a node, as the scheduler does; it is then pending on that node."""
        return self.change("pods", key, lambda content: content.setdefault("spec", {}).update(nodeName=node))

    def change_pods(self, count: int) -> list[str]:
        """Write so many pods anew, chosen by the seed, and give their keys: each is one MODIFIED event."""
        with self.changed:
            chosen = self._choose(count)
            return [key_of(self._put(item.at_version(self.version + 1), item)) for item in chosen]

    def replace_pods(self, count: int) -> list[str]:
        """Delete so many pods, and create as many of the same shape, first unbound, then bound to the same node."""
        with self.changed:
            return [self._replace(item) for item in self._choose(count)]

    def compact(self) -> int:
        """Forget the past: older watches and continue tokens get 410 from now on. The version moves on by one."""
        with self.changed:
            self.version += 1
            self._oldest_view = self.version
            for history in self._histories.values():
                history.forget_all(self.version)
            for views in self._views.values():
                views.clear()
            self.changed.notify_all()
            return self.version

    def _existing(self, resource: str, key: str) -> Item:
        found = self._collections[resource].get(key)
        if found is None:
            raise not_found(resource, key.rpartition("/")[2])
        return found

    def _put(self, item: Item, previous: Item | None) -> Item:
        self.version += 1
        self._collections[_resource_of(item)].put(item, self.version)
        return self._log(_resource_of(item), "ADDED" if previous is None else "MODIFIED", item, previous)

    def _log(self, resource: str, event: EventType, item: Item, previous: Item | None) -> Item:
        self._histories[resource].append(Change(self.version, event, item, previous))
        self.changed.notify_all()
        return item

    def _choose(self, count: int) -> list[Item]:
        """So many different pods, or all there are: drawn one by one while that is quick, else from a full list."""
        view = self._collections["pods"].view()
        found: dict[str, Item] = {}
        for _ in range(2 * count if count * 4 < len(view.base) else 0):
            item = view.get(view.base.key(self._random.randrange(len(view.base))))
            if item is not None and len(found) < count:
                found[key_of(item)] = item
        rest = [] if len(found) == count else [item for item in view.after() if key_of(item) not in found]
        return [*found.values(), *self._random.sample(rest, min(count - len(found), len(rest)))]

    def _replace(self, item: Item) -> str:
        self.delete("pods", key_of(item))
        self._made += 1
        created = changed_copy(item, lambda content: _become_new(content, self._made, self.seed))
        self._put(created.at_version(self.version + 1), None)
        if item.node_name:
            self.bind(key_of(created), item.node_name)
        return key_of(created)


def _become_new(content: dict[str, Any], number: int, seed: int) -> None:
    """Make a pod's document that of its successor: another name and uid, no node, no status yet."""
    metadata = content["metadata"]
    metadata["name"] = f"{metadata['name'][:-5]}{number:05d}"
    metadata["uid"] = _uid(f"{seed}/made/{number}")
    metadata.pop("deletionTimestamp", None)
    content["spec"].pop("nodeName", None)
    content["status"] = {"phase": "Pending", "qosClass": (content.get("status") or {}).get("qosClass", "")}


def _resource_of(item: Item) -> str:
    return "nodes" if item.kind == "Node" else "pods"


def _stored(content: Mapping[str, Any], version: int, *, again: bool = False) -> StoredObject:
    """A stored object of a document; `again`: its resourceVersion is not kept, as at a create."""
    kind = content.get("kind")
    if kind not in RESOURCES.values():
        raise WrongUse(f"cannot serve an object of kind {kind!r}", hint="give objects of kind Node or Pod")
    metadata = dict(content.get("metadata") or {})
    if not metadata.get("name"):
        raise WrongUse(f"a {kind} without metadata.name", hint="give every object a name")
    if kind == "Pod":
        metadata.setdefault("namespace", "default")
    metadata.setdefault("uid", _uid(f"{kind}/{metadata.get('namespace')}/{metadata['name']}"))
    if again or not str(metadata.get("resourceVersion", "")).isdigit():
        metadata["resourceVersion"] = str(version)
    return StoredObject(str(kind), {**content, "metadata": metadata})


def _uid(text: str) -> str:
    """A uid that follows from a text; of the form of a random one."""

    return str(UUID(bytes=blake2b(text.encode(), digest_size=16).digest(), version=4))
