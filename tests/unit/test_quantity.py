"""Quantities against upstream's own parser, and the properties that make exact sums safe."""

import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodetally.accounting.quantity import (
    INT64_MAX,
    NANO,
    QuantityError,
    amount,
    is_big_decimal,
    parse,
    parse_json,
)
from paths import VECTORS

BOOK = json.loads((VECTORS / "pods-and-quantities.json").read_text())
GOOD = [each for each in BOOK["quantities"] if "error" not in each]
BAD = [each["in"] for each in BOOK["quantities"] if "error" in each]


@pytest.mark.parametrize("vector", GOOD, ids=lambda each: each["in"])
def test_a_quantity_is_read_exactly_as_upstream_reads_it(vector: dict[str, str]) -> None:
    """The exact amount of every vector, to the nano-unit."""
    assert Fraction(parse(vector["in"]), NANO) == Fraction(vector["exact"])


@pytest.mark.parametrize("text", [*BAD, "٣", "1٣", "+", ".e", "1" * 401, "1e999999999999"])
def test_what_upstream_refuses_is_refused(text: str) -> None:
    """Also digits of other scripts, bare signs, and numbers that would only eat memory."""
    with pytest.raises(QuantityError):
        parse(text)


@pytest.mark.parametrize(("resource", "accessor"), [("cpu", "milli"), ("memory", "value")])
@pytest.mark.parametrize("vector", GOOD, ids=lambda each: each["in"])
def test_a_published_integer_is_upstreams_wherever_upstreams_is_right(
    vector: dict[str, int], resource: str, accessor: str
) -> None:
    """Upstream wraps or returns 0 beyond 64 bits; there, and only there, we refuse."""
    exact = parse(str(vector["in"]))
    unit = 10**6 if resource == "cpu" else NANO
    if abs(exact) > INT64_MAX * unit:
        with pytest.raises(QuantityError, match="64 bits"):
            amount(resource, exact)
    else:
        assert amount(resource, exact) == vector[accessor]


@pytest.mark.parametrize("vector", BOOK["adds"], ids=lambda each: f"{each['A']}+{each['B']}")
def test_sums_are_exact(vector: dict[str, str]) -> None:
    """Adding nano-units is adding quantities, whatever their formats; sums are not capped as parsing is."""
    capped = {"14Ei": (14 << 60) * NANO}
    assert parse(vector["A"]) + parse(vector["B"]) == capped.get(vector["Sum"], parse(vector["Sum"]))


@given(st.lists(st.integers(0, 10**15), max_size=30))
def test_rounding_once_never_exceeds_rounding_each(parts: list[int]) -> None:
    """Round up once at the end: at most the sum of roundings, and never less than the exact sum."""
    total = amount("memory", sum(parts))
    assert sum(parts) <= total * NANO < sum(parts) + NANO
    assert total <= sum(amount("memory", part) for part in parts)


@given(st.integers(-(10**18), 10**18), st.sampled_from(["n", "u", "m", "", "k", "M", "Ki", "Mi", "e3", "E-2"]))
def test_negation_mirrors(number: int, suffix: str) -> None:
    """Rounding is away from zero, so a sign never changes the size of a number."""
    assert parse(f"-{abs(number)}{suffix}") == -parse(f"{abs(number)}{suffix}")
    assert amount("cpu", -parse(f"{abs(number) // 10**6}m")) == -amount("cpu", parse(f"{abs(number) // 10**6}m"))


@pytest.mark.parametrize("resource", ["cpu", "memory"])
def test_the_least_amount_rounds_away_from_zero(resource: str) -> None:
    """On either side of it."""
    assert [amount(resource, nanos) for nanos in (-1, 0, 1)] == [-1, 0, 1]


@given(st.text(max_size=12))
def test_any_text_is_a_number_or_a_quantity_error(text: str) -> None:
    """No text crashes the reader, and none is guessed at."""
    try:
        assert isinstance(parse(text), int)
    except QuantityError:
        pass


@pytest.mark.parametrize(
    ("value", "nanos"), [(2, 2 * NANO), (" 1Gi\n", NANO << 30), (None, 0), ("1.5", 1_500_000_000), (-1, -NANO)]
)
def test_json_may_carry_bare_numbers_null_and_white_space(value: object, nanos: int) -> None:
    """As upstream's UnmarshalJSON; the decoder hands fractions over as their text."""
    assert parse_json(value) == nanos


@pytest.mark.parametrize("value", [True, 1.5, [], {}, "1_000"])
def test_json_of_other_kinds_is_refused(value: object) -> None:
    """A boolean is not 1, and a float may already have lost digits."""
    with pytest.raises(QuantityError):
        parse_json(value)


@pytest.mark.parametrize(
    ("text", "big"),
    [("1.5Gi", True), ("1536Mi", False), ("100Ti", True), ("16384Gi", False), ("105984m", False), ("0.3Mi", True)],
)
def test_big_decimals_are_known_by_their_text(text: str, big: bool) -> None:
    """The form in which upstream holds a quantity decides one figure of the scheduler's."""
    assert is_big_decimal(text) is big


@pytest.mark.parametrize(
    ("text", "big"),
    [
        ("9" * 18, False),
        ("9" * 19, True),
        ("0" * 30 + "9" * 18, False),  # zeros in front are no digits
        ("999999999999999.999", False),
        ("9999999999999999.999", True),
        ("1n", False),
        ("0.1n", True),  # finer than a nano-unit
        ("1.5e-8", False),
        ("1.5e-9", True),
        ("9" * 11 + "Ki", False),  # 15 digits less 3 for 2^10, less one
        ("9" * 12 + "Ki", True),
        ("99Ti", False),
        ("0100Ti", True),
        ("0Pi", True),
        ("0." + "0" * 17 + "E", False),  # the 0 before the point is a digit
        ("0." + "0" * 18 + "E", True),
        ("1.0Gi", True),
        ("None", False),
    ],
)
def test_a_big_decimal_is_what_does_not_fit_18_digits_or_9_places(text: str, big: bool) -> None:
    """Each bound of upstream's fast path from both sides (quantity.go:285-320); text that is no quantity is none."""
    assert is_big_decimal(text) is big


def test_the_longest_text_and_the_largest_exponent_are_read() -> None:
    """The bounds on hostile text, from their inner side: what fits them is exact, whatever it is good for."""
    assert parse("0" * 399 + "7") == 7 * NANO
    assert parse("." + "0" * 398 + "7") == 1
    assert parse("1e391") == 10**400
    assert parse("12.5e-400") == parse("1e-999999999") == 1
    assert parse("0e999999999") == 0
    with pytest.raises(QuantityError, match="does not fit 64 bits: '1e392'"):
        parse("1e392")


@pytest.mark.parametrize("resource", ["cpu", "memory"])
def test_the_last_integer_of_64_bits_is_published_and_the_next_is_not(resource: str) -> None:
    """From -2^63 to 2^63-1, the error naming the resource; a nano-unit more is rounded up, and so is too much."""
    unit = 10**6 if resource == "cpu" else NANO
    assert amount(resource, INT64_MAX * unit) == 2**63 - 1
    assert amount(resource, -(INT64_MAX + 1) * unit) == -(2**63)
    for nanos in (INT64_MAX * unit + 1, -(INT64_MAX + 1) * unit - 1):
        with pytest.raises(QuantityError, match=f"{resource}: the amount does not fit 64 bits"):
            amount(resource, nanos)


@pytest.mark.parametrize("at", range(10))
def test_every_suffix_and_exponent_is_its_power(at: int) -> None:
    """n to E by thousands, Ki to Ei by 1024, e-9 to e18 by tens; and a lone point is upstream's 0."""
    assert parse(f"3{('n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E')[at]}") == 3 * 1000**at
    assert parse(f"3e{3 * at - 9}") == parse(f"3E{3 * at - 9}") == 3 * 1000**at
    if at < 6:
        assert parse(f"3{'KMGTPE'[at]}i") == 3 * 1024 ** (at + 1) * NANO
    assert parse(".") == parse(".k") == 0
