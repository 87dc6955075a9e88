"""One version of one object, as lists and watches serve it. Never changes; knows no server and no other object."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Literal, Protocol, cast

import orjson

from nodetally.simulate.objects.encoding import encode

Encoding = Literal["protobuf", "json"]


class Item(Protocol):
    """What the server needs of an object; `body` is the bare message, or JSON without kind and apiVersion."""

    @property
    def kind(self) -> str: ...
    @property
    def namespace(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def node_name(self) -> str: ...
    @property
    def phase(self) -> str: ...
    @property
    def labels(self) -> Mapping[str, str]: ...
    def body(self, encoding: Encoding) -> bytes: ...
    def size(self, encoding: Encoding) -> int: ...
    def at_version(self, version: int) -> "Item": ...


def key_of(item: Item) -> str:
    """The storage key, which is also the order of lists: namespace/name, or the name alone."""
    return f"{item.namespace}/{item.name}" if item.namespace else item.name


def document(item: Item) -> dict[str, Any]:
    """The object as `kubectl get -o json` has it, a copy of its own."""
    return {"apiVersion": "v1", "kind": item.kind, **orjson.loads(item.body("json"))}


class StoredObject:
    """An object that is kept as a document: loaded from a file, made by a test, or changed in a way of its own."""

    def __init__(self, kind: str, content: Mapping[str, Any]) -> None:
        self.kind = kind
        self.content = {key: value for key, value in content.items() if key not in ("kind", "apiVersion")}

    @property
    def _metadata(self) -> Mapping[str, Any]:
        return cast("Mapping[str, Any]", self.content["metadata"])

    @property
    def namespace(self) -> str:
        return str(self._metadata.get("namespace") or "")

    @property
    def name(self) -> str:
        return str(self._metadata.get("name") or "")

    @property
    def version(self) -> int:
        return int(self._metadata.get("resourceVersion") or 0)

    @property
    def labels(self) -> Mapping[str, str]:
        return self._metadata.get("labels") or {}

    @property
    def node_name(self) -> str:
        return str((self.content.get("spec") or {}).get("nodeName") or "")

    @property
    def phase(self) -> str:
        return str((self.content.get("status") or {}).get("phase") or "")

    @cached_property
    def _protobuf(self) -> bytes:
        return encode(self.kind, self.content)

    @cached_property
    def _json(self) -> bytes:
        return orjson.dumps(self.content)

    def body(self, encoding: Encoding) -> bytes:
        return self._protobuf if encoding == "protobuf" else self._json

    def size(self, encoding: Encoding) -> int:
        return len(self.body(encoding))

    def at_version(self, version: int) -> "StoredObject":
        return changed_copy(self, lambda content: content["metadata"].update(resourceVersion=str(version)))


def changed_copy(item: Item, change: Callable[[dict[str, Any]], object]) -> StoredObject:
    """The object after a change that `change` makes to a copy of its document."""
    content = document(item)
    change(content)
    return StoredObject(item.kind, content)
