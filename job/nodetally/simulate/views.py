"""Objects in, what a list sees at one resourceVersion out: in key order, indexed by node. A view never changes."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property
from heapq import merge
from typing import Protocol

from nodetally.simulate.objects.item import Item, StoredObject, key_of


class Population(Protocol):
    """The objects that a cluster starts with, in key order; they may be computed each time they are asked for."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> Item: ...
    def key(self, index: int) -> str: ...
    def on_node(self, node: str) -> Sequence[int]: ...


class StoredPopulation:
    """A population that is simply there, as documents."""

    def __init__(self, items: Sequence[StoredObject]) -> None:
        self._items = sorted(items, key=key_of)
        self._keys = [key_of(item) for item in self._items]

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> StoredObject:
        return self._items[index]

    def key(self, index: int) -> str:
        return self._keys[index]

    @cached_property
    def _by_node(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for index, item in enumerate(self._items):
            found.setdefault(item.node_name, []).append(index)
        return found

    def on_node(self, node: str) -> Sequence[int]:
        return self._by_node.get(node, ())


class Overlay:
    """A population with what was replaced (by index; None: deleted) and added (by key) since."""

    def __init__(self, base: Population, replaced: dict[int, Item | None], added: dict[str, Item]) -> None:
        self.base = base
        self._replaced = replaced
        self._added = added

    def get(self, key: str) -> Item | None:
        if key in self._added:
            return self._added[key]
        index = self._find(key)
        return None if index is None else self._at(index)

    def _find(self, key: str) -> int | None:
        """The index of a key in the population, or None."""
        at = bisect_left(range(len(self.base)), key, key=self.base.key)
        return at if at < len(self.base) and self.base.key(at) == key else None

    def _at(self, index: int) -> Item | None:
        return self._replaced[index] if index in self._replaced else self.base[index]


class View(Overlay):
    """What a list sees; good from version `since` on, and the same for ever."""

    def __init__(self, base: Population, replaced: dict[int, Item | None], added: dict[str, Item], since: int) -> None:
        super().__init__(base, replaced, added)
        self.since = since
        self._added_keys = sorted(added)

    def __len__(self) -> int:
        return self.count_after("")

    def after(self, key: str = "") -> Iterator[Item]:
        """The objects behind a key, in key order."""
        start = bisect_right(range(len(self.base)), key, key=self.base.key) if key else 0
        kept = self._kept(range(start, len(self.base)))
        added = [self._added[name] for name in self._added_keys[bisect_right(self._added_keys, key) :]]
        return merge(kept, added, key=key_of) if added else kept

    def count_after(self, key: str) -> int:
        """How many objects `after` would give, counted without looking at them."""
        start = bisect_right(range(len(self.base)), key, key=self.base.key)
        deleted = sum(item is None and index >= start for index, item in self._replaced.items())
        added = len(self._added_keys) - bisect_right(self._added_keys, key)
        return len(self.base) - start - deleted + added

    def _kept(self, indices: Sequence[int]) -> Iterator[Item]:
        if not self._replaced:
            return map(self.base.__getitem__, indices)
        return (item for index in indices if (item := self._at(index)) is not None)

    def on_node(self, node: str) -> list[Item]:
        """The pods bound to a node ("": to none), in key order, from the index."""
        untouched = [self.base[index] for index in self.base.on_node(node) if index not in self._replaced]
        return sorted(untouched + self._overlay_by_node.get(node, []), key=key_of)

    @cached_property
    def _overlay_by_node(self) -> dict[str, list[Item]]:
        found: dict[str, list[Item]] = {}
        for item in (*self._replaced.values(), *self._added.values()):
            if item is not None:
                found.setdefault(item.node_name, []).append(item)
        return found


class Collection(Overlay):
    """The objects of one resource as they are now; every change goes through `put` or `remove`."""

    def __init__(self, base: Population, version: int) -> None:
        super().__init__(base, {}, {})
        self._view: View | None = None
        self.changed_at = version

    def view(self) -> View:
        """What a list sees now; the same object until something changes."""
        if self._view is None:
            self._view = View(self.base, dict(self._replaced), dict(self._added), self.changed_at)
        return self._view

    def put(self, item: Item, version: int) -> None:
        index = self._find(key_of(item))
        if index is None:
            self._added[key_of(item)] = item
        else:
            self._replaced[index] = item
        self._touch(version)

    def remove(self, key: str, version: int) -> None:
        index = self._find(key)
        if index is None:
            del self._added[key]
        else:
            self._replaced[index] = None
        self._touch(version)

    def _touch(self, version: int) -> None:
        self._view, self.changed_at = None, version
