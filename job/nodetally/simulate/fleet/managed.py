"""A document in, the managedFields that a server keeps of it out: a good part of what a real object weighs."""

from collections.abc import Mapping
from typing import Any

import orjson

Tree = dict[str, Any]
# By which field the entries of a list are told apart (the patch merge keys of core/v1), in the order they are tried
_KEYS = (("containerPort", "protocol"), ("mountPath",), ("uid",), ("ip",), ("name",), ("type",))


def owned(value: Any) -> Tree:
    """The field set of a value: {"f:name": …} of objects, {"k:{…}": …} of lists with keys, {} of the rest."""
    if isinstance(value, Mapping):
        return {f"f:{name}": _inner(each) for name, each in sorted(value.items())}
    keys = _list_keys(value)
    return {"k:" + orjson.dumps(key).decode(): {".": {}} | owned(each) for key, each in keys} if keys else {}


def _inner(value: Any) -> Tree:
    found = owned(value)
    return {".": {}} | found if found else {}


def _list_keys(value: Any) -> list[tuple[Tree, Tree]]:
    """Each entry of a list with its key; nothing if it is no list of objects with a known key."""
    if not isinstance(value, list) or not value or not isinstance(value[0], Mapping):
        return []
    for names in _KEYS:
        if all(name in each for each in value for name in names):
            return sorted((({name: each[name] for name in names}, each) for each in value), key=_by_text)
    return []


def _by_text(entry: tuple[Tree, Tree]) -> bytes:
    return orjson.dumps(entry[0])


def managed_fields(manager: str, time: str, content: Tree, subresource: str = "") -> Tree:
    """One entry of metadata.managedFields: who wrote the fields of these parts of a document, and when."""
    fields = owned(content)
    for part in fields.values():
        del part["."]  # nobody owns metadata, spec and status themselves
    entry = {
        "manager": manager,
        "operation": "Update",
        "apiVersion": "v1",
        "time": time,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }
    return entry | {"subresource": subresource} if subresource else entry
