"""Our own check of the snapshot's schema against a general validator: the same documents pass both."""

import copy
import json
from typing import Any

import jsonschema
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import documents
from nodetally import snapshot
from nodetally.store.schema import compile_check, snapshot_check

REFERENCE = jsonschema.Draft202012Validator(json.loads(json.dumps(snapshot.json_schema())))
VALUES = st.sampled_from(
    [
        None,
        True,
        False,
        0,
        1,
        -1,
        1.0,
        1.5,
        1 << 70,
        "",
        "x",
        "ok",
        "list",
        "2026-11-23T12:00:00Z",
        [],
        {},
        [1],
        {"a": 1},
    ]
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of everything in a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, each in inner for found in places(each, (*path, key)))]


DOCUMENT = orjson.loads(orjson.dumps(documents.mixed()))
PLACES = [path for path in places(DOCUMENT) if path]


def changed(path: tuple[Any, ...], value: Any, *, remove: bool) -> Any:
    document = copy.deepcopy(DOCUMENT)
    holder = document
    for key in path[:-1]:
        holder = holder[key]
    if remove:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return document


def test_a_whole_snapshot_passes() -> None:
    """With nodes in every state."""
    assert snapshot_check()(DOCUMENT) is None
    assert REFERENCE.is_valid(DOCUMENT)


@given(st.sampled_from(PLACES), VALUES, st.booleans())
@settings(max_examples=400, deadline=None)
def test_both_refuse_the_same(path: tuple[Any, ...], value: Any, remove: bool) -> None:
    """Any one value of a document exchanged or left out."""
    document = changed(path, value, remove=remove)
    assert (snapshot_check()(document) is None) == REFERENCE.is_valid(document)


@pytest.mark.parametrize("document", [None, [], "x", 1, True])
def test_what_is_no_object_is_refused(document: Any) -> None:
    """Whatever JSON holds."""
    assert snapshot_check()(document) == " is not an object"


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (
            ("nodes", 2, "resources", "cpu", "requests"),
            "1",
            ".nodes[2].resources['cpu'].requests is not integer or null",
        ),
        (("totals", "nodes", "count"), -1, ".totals.nodes.count is below 0"),
        (("trigger",), "cron", ".trigger is none of 'schedule', 'manual', 'backfill'"),
        (("slot",), "noon", ".slot is not of the form that it should have"),
    ],
)
def test_the_message_says_where_and_what(path: tuple[Any, ...], value: Any, message: str) -> None:
    """So that a damaged snapshot can be looked at."""
    assert snapshot_check()(changed(path, value, remove=False)) == message


def test_a_keyword_that_is_not_checked_is_refused() -> None:
    """The format cannot grow one that nothing checks."""
    with pytest.raises(TypeError, match="maxLength"):
        compile_check({"type": "string", "maxLength": 3}, {}, {})
