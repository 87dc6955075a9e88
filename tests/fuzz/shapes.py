"""Strategies: JSON of any shape, and a good document with some things in it changed, swapped or taken away."""

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

HOSTILE = (
    "../../etc/passwd",
    "a\nError: all is well",
    "\r\n\x00\x07\x1b[2J\x1b]0;title\x07",
    "‮gnp.exe⁦\u200b\ufeff",
    "<script>alert(1)</script>[red]markup[/red]",
    "=cmd|' /C calc'!A0",
    "＝SUM(A1)",
    "@x",
    "東京 – мир – مرحبا",
    "x" * 4096,
    "",
    "\u2028\u2029\x85\x9b31m",
    "%s{0}%n$(id)`id`",
    "9" * 4400,
)
"""Texts that want to leave their place."""

NUMBERS = (0, -1, 1, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 2**64, 10**30, 0.5, -0.0, 1e300, 1e-300)
texts = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=12), st.text(st.characters(codec="utf-8"), max_size=12))
scalars = st.one_of(st.none(), st.booleans(), st.sampled_from(NUMBERS), st.integers(-5, 5), texts)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=8,
)
depths = st.sampled_from([3, 60, 250, 300, 900, 990, 1000, 1100, 5000])


@st.composite
def nested(draw: st.DrawFn) -> bytes:
    """JSON that is nothing but depth."""
    depth = draw(depths)
    return draw(st.sampled_from([b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth, b"[" * depth]))


@st.composite
def changed(draw: st.DrawFn, document: Any) -> Any:
    """The document with one to three things changed: a value replaced, taken away, doubled, or another's instead."""
    made = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(made))
        if not places:
            return made
        holder, name = draw(st.sampled_from(places))
        act = draw(st.sampled_from(("replace", "replace", "take away", "rename", "another's", "double")))
        if act == "replace":
            holder[name] = draw(values)
        elif act == "take away":
            del holder[name]
        elif act == "another's":
            other, at = draw(st.sampled_from(places))
            holder[name] = copy.deepcopy(other[at])
        elif isinstance(holder, list):
            holder.insert(name, copy.deepcopy(holder[name]))
        else:
            holder[draw(texts)] = holder.pop(name) if act == "rename" else copy.deepcopy(holder[name])
    return made


@st.composite
def bodies(draw: st.DrawFn, document: Any) -> bytes:
    """What stands where the document's JSON should: a changed one, any JSON, a deep one, a cut one, or noise."""
    kind = draw(st.sampled_from(("changed", "changed", "changed", "any", "grafted", "deep", "cut", "bytes")))
    if kind == "changed":
        return dumped(draw(changed(document)))
    if kind == "any":
        return dumped(draw(values))
    if kind == "deep":
        return draw(nested())
    if kind == "grafted":  # a good document, but for one value that is nothing but depth, or another number
        places = list(_places(mark := copy.deepcopy(document)))
        holder, name = draw(st.sampled_from(places))
        holder[name] = "GRAFT"
        graft = draw(st.one_of(nested(), st.sampled_from([b"1e999", b"-1e999", b"NaN", b"1" * 5000, b'"\\ud800"'])))
        return dumped(mark).replace(b'"GRAFT"', graft)
    whole = dumped(document)
    return whole[: draw(st.integers(0, len(whole)))] if kind == "cut" else draw(st.binary(max_size=60))


def dumped(document: Any) -> bytes:
    """The document as JSON, numbers of any size and halves of characters included."""
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a value: what holds it, and its name or index there."""
    if isinstance(document, dict | list):
        for name in list(document) if isinstance(document, dict) else range(len(document)):
            yield document, name
            yield from _places(document[name])
