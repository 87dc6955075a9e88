"""Label selectors: kubectl's grammar, and nothing that is silently read as something else."""

import contextlib
import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodetally import selectors
from nodetally.errors import WrongUse
from nodetally.selectors import Requirement, Selector, parse_selector

LABELS = {"pool": "ng-1", "zone": "a", "empty": ""}
WORDS = st.text("abcxyz019-_./", min_size=1, max_size=8).filter(lambda word: word not in ("in", "notin"))
REQUIREMENTS = st.builds(Requirement, WORDS, st.frozensets(WORDS | st.just(""), max_size=3), st.booleans())


def test_the_docstrings_examples_hold() -> None:
    """Every example in the module gives what it says."""
    assert doctest.testmod(selectors).failed == 0


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        ("", True),
        ("pool=ng-1", True),
        ("pool==ng-1", True),
        ("pool = ng-2", False),
        ("pool!=ng-2", True),
        ("other!=x", True),
        ("zone in (a, b)", True),
        ("zone in(b)", False),
        ("zone notin (b,c)", True),
        ("other notin (b)", True),
        ("pool", True),
        ("!pool", False),
        ("! other", True),
        ("empty", True),
        ("empty=", True),
        ("empty in (,x)", True),
        ("pool=", False),
        ("pool=ng-1,zone=b", False),
        (" pool = ng-1 , zone in ( a ) , !gpu ", True),
    ],
)
def test_selectors_select_as_kubectl_does(text: str, selected: bool) -> None:
    """Negations hold for a key that is not there; commas mean and."""
    assert parse_selector(text).matches(LABELS) is selected


@pytest.mark.parametrize(
    "text",
    [
        ",",
        "a,",
        ",a",
        "a,,b",
        "a b",
        "a=b c",
        "a=b=c",
        "=b",
        "!",
        "!!a",
        "a in",
        "a in ()",
        "a in (b",
        "a in b",
        "a in (b c)",
        "a notin )",
        "a!b",
        "(a)",
        "a>1",
        "a<1",
        "a!==b",
        "!a=b",
    ],
)
def test_what_is_not_a_selector_is_wrong_use_that_names_the_forms(text: str) -> None:
    """A selector that is half understood would select the wrong nodes."""
    with pytest.raises(WrongUse, match="not a selector") as caught:
        parse_selector(text)
    assert "KEY in (A,B)" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a,", "at its end"),
        ("!", "at its end"),
        ("a in (b", "at its end"),
        ("a b", "at 'b'"),
        ("a  <=1", "at '<'"),
        ("a in ()", "at ')'"),
        ("a in b", "at 'b'"),
        ("a=b=c", "at '='"),
        ("a in (b c)", "at 'c'"),
        ("!!a", "at '!'"),
    ],
)
def test_what_is_not_a_selector_is_shown_where_it_breaks(text: str, where: str) -> None:
    """The token that does not belong, or the end where one is missing."""
    with pytest.raises(WrongUse) as caught:
        parse_selector(text)
    assert str(caught.value) == f"not a selector: {text!r}, {where}"


@pytest.mark.parametrize("text", ["", "a", "!a", "a=x", "a!=x", "a=", "a in (,x,y,z)", "a notin (x,y)", "a,!b,c=d"])
def test_a_selector_is_written_in_its_shortest_form(text: str) -> None:
    """Values in order: one selector has one text."""
    assert str(parse_selector(text)) == text


def test_a_selector_knows_its_keys() -> None:
    """What must be read of the labels to tell."""
    assert parse_selector("a,!b,c in (d)").keys == {"a", "b", "c"}


@given(st.lists(REQUIREMENTS, max_size=4))
def test_a_selector_survives_being_written_and_read(requirements: list[Requirement]) -> None:
    """str() and parse_selector undo each other, whatever the keys and values."""
    selector = Selector(tuple(requirements))
    assert parse_selector(str(selector)) == selector


@given(REQUIREMENTS, st.dictionaries(WORDS, WORDS | st.just(""), max_size=4))
def test_a_negated_requirement_selects_exactly_the_rest(requirement: Requirement, labels: dict[str, str]) -> None:
    """No object is in both a set and its complement, none in neither."""
    negated = Requirement(requirement.key, requirement.values, not requirement.negated)
    assert Selector((requirement,)).matches(labels) is not Selector((negated,)).matches(labels)


@given(st.text(max_size=40))
def test_any_text_is_a_selector_or_wrong_use(text: str) -> None:
    """Nothing that can be typed ends in another error or runs on."""
    with contextlib.suppress(WrongUse):
        parse_selector(text)
