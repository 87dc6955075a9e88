"""The published JSON Schema in, a check of documents out: just the keywords that the format uses. Pure.

A general validator would be one more thing to install with the job, and takes seconds for a large snapshot; this one
takes about as long as parsing it. The tests hold it against such a validator.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from nodetally import snapshot
from nodetally.errors import StoreError
from nodetally.store.layout import moment_of

Check = Callable[[Any], str | None]  # None, or where and what is wrong: ".nodes[3].uid is not a string"
_KNOWN = {"$ref", "type", "enum", "const", "pattern", "minimum", "items", "additionalProperties", "properties"}
_SAYS_NOTHING = {"required", "description", "$schema", "$id", "title", "$defs"}  # required: read with properties
_MISSING: Any = object()


@cache
def snapshot_check() -> Check:
    """The check of a snapshot."""
    schema = snapshot.json_schema()
    return compile_check(schema, schema["$defs"], {})


def wrong_with_snapshot(document: Any) -> str | None:
    """What a reader would stumble over: where and what is wrong, or None. Times must be in the calendar, too."""
    wrong = snapshot_check()(document)
    if wrong:
        return wrong
    for name, text in (("taken_at", document["taken_at"]), ("slot", document["slot"])):
        try:
            moment_of(text)
        except StoreError:
            return f".{name} is no time"
    return None


def compile_check(schema: Mapping[str, Any], definitions: Mapping[str, Any], made: dict[str, Check]) -> Check:
    """The check for one schema; `made` holds those of definitions. TypeError for a keyword that the format lacks."""
    unknown = schema.keys() - _KNOWN - _SAYS_NOTHING
    if unknown:
        raise TypeError(f"keywords that nothing here checks: {sorted(unknown)}")
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/")
        if name not in made:
            made[name] = compile_check(definitions[name], definitions, made)
        return made[name]
    if "enum" in schema or "const" in schema:
        return _one_of(schema["enum"] if "enum" in schema else [schema["const"]])
    if schema["type"] == "array":
        return _array(compile_check(schema["items"], definitions, made))
    if schema["type"] == "object":
        if "properties" not in schema:
            return _map(compile_check(schema["additionalProperties"], definitions, made))
        inner = {name: compile_check(each, definitions, made) for name, each in schema["properties"].items()}
        return _object([(name, check, name in schema["required"]) for name, check in inner.items()])
    return _plain(schema)


def _one_of(values: list[Any]) -> Check:
    def check(value: Any) -> str | None:
        fits = any(value == each and isinstance(value, bool) == isinstance(each, bool) for each in values)
        return None if fits else f" is none of {', '.join(map(repr, values))}"

    return check


def _array(check_item: Check) -> Check:
    def check(value: Any) -> str | None:
        if not isinstance(value, list):
            return " is not an array"
        for at, item in enumerate(value):
            wrong = check_item(item)
            if wrong:
                return f"[{at}]{wrong}"
        return None

    return check


def _map(check_value: Check) -> Check:
    def check(value: Any) -> str | None:
        if not isinstance(value, dict):
            return " is not an object"
        for name, item in value.items():
            wrong = check_value(item)
            if wrong:
                return f"[{name!r}]{wrong}"
        return None

    return check


def _object(properties: list[tuple[str, Check, bool]]) -> Check:
    def check(value: Any) -> str | None:
        if not isinstance(value, dict):
            return " is not an object"
        for name, check_value, required in properties:
            item = value.get(name, _MISSING)
            wrong = check_value(item) if item is not _MISSING else " is missing" if required else None
            if wrong:
                return f".{name}{wrong}"
        return None

    return check


def _plain(schema: Mapping[str, Any]) -> Check:
    kinds = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    what = " or ".join(kinds)
    nullable = "null" in kinds
    fits = _FITS[kinds[0]]
    minimum, pattern = schema.get("minimum"), schema.get("pattern")
    matches = re.compile(pattern).search if pattern else None

    def check(value: Any) -> str | None:
        if value is None:
            return None if nullable else f" is not {what}"
        if not fits(value):
            return f" is not {what}"
        if minimum is not None and value < minimum:
            return f" is below {minimum}"
        if matches and not matches(value):
            return " is not of the form that it should have"
        return None

    return check


_FITS: Mapping[str, Callable[[Any], bool]] = {
    "string": lambda value: type(value) is str,
    "boolean": lambda value: type(value) is bool,
    "integer": lambda value: type(value) is int or (type(value) is float and value.is_integer()),
    "number": lambda value: type(value) in (int, float),
}
