"""Text that is a quantity, or nearly: read to the nano-unit as the grammar says, or refused. A second reader judges."""

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from nodetally.accounting.quantity import INT64_MAX, NANO, QuantityError, amount, parse

SUFFIXES = {
    "n": Fraction(1, 10**9),
    "u": Fraction(1, 10**6),
    "m": Fraction(1, 1000),
    "": Fraction(1),
    **{suffix: Fraction(1000 ** (at + 1)) for at, suffix in enumerate("kMGTPE")},
    **{f"{suffix}i": Fraction(1024 ** (at + 1)) for at, suffix in enumerate("KMGTPE")},
}
NEARLY = ["ki", "Kii", "i", "g", "K", "mi", "e", "E5", "e-3", "e+07", "E-", "e1.5", "e 3"]
NEARLY += ["\u0660", " ", "\n", "m m", "%", "B"]
digits = st.one_of(st.text("0123456789", max_size=25), st.sampled_from(["0" * 30, "9" * 40, "\uff11", "1_0"]))
numbers = st.one_of(digits, st.tuples(digits, digits).map(".".join), st.sampled_from([".", "..", "1.2.3", "0x10"]))
quantities = st.tuples(
    st.sampled_from(["", "", "", "+", "-", "--", " "]), numbers, st.sampled_from([*SUFFIXES, *SUFFIXES, *NEARLY])
).map("".join)


def judged(text: str) -> Fraction | None:
    """What the grammar (apimachinery, pkg/api/resource/quantity.go) says of a text: exact, or None. Slow and plain."""
    unsigned = text[1:] if text[:1] in ("+", "-") else text
    end = next((at for at, each in enumerate(unsigned) if each not in "0123456789."), len(unsigned))
    number, suffix = unsigned[:end], unsigned[end:]
    whole, _, fraction = number.partition(".")
    if number in ("", ".") or "." in fraction:
        return None if number != "." else (Fraction(0) if suffix in SUFFIXES or exponent(suffix) is not None else None)
    factor = SUFFIXES.get(suffix)
    if factor is None:
        power = exponent(suffix)
        if power is None:
            return None
        factor = Fraction(f"1e{power}")
    exact = Fraction(int(whole + fraction or "0"), int("1" + "0" * len(fraction))) * factor
    return -exact if text[:1] == "-" else exact


def exponent(suffix: str) -> int | None:
    """e3, E-2: the power of ten that it says."""
    sign = suffix[1:2] if suffix[1:2] in ("+", "-") else ""
    power = suffix[1 + len(sign) :]
    if suffix[:1] not in ("e", "E") or not power or set(power) - set("0123456789"):
        return None
    return int(sign + power)


@settings(max_examples=400, deadline=None)
@given(quantities)
def test_whatever_looks_like_a_quantity_is_read_as_its_grammar_says(text: str) -> None:
    """The same as an exact fraction gives, rounded up to nano-units; millicores and bytes rounded up once."""
    exact = judged(text)
    try:
        nanos = parse(text)
    except QuantityError:
        assert exact is None, (text, exact)
        return
    assert exact is not None, (text, nanos)
    if text.endswith("i"):
        exact = max(min(exact, Fraction(INT64_MAX)), Fraction(-INT64_MAX))
    assert nanos == away_from_zero(exact * NANO), text
    for resource, unit in (("cpu", 1000), ("memory", 1)):
        try:
            assert amount(resource, nanos) == away_from_zero(Fraction(nanos, NANO) * unit)
        except QuantityError:
            assert abs(away_from_zero(Fraction(nanos, NANO) * unit)) > INT64_MAX


def away_from_zero(exact: Fraction) -> int:
    """Rounded up, whatever the sign."""
    up = -(-abs(exact).numerator // abs(exact).denominator)
    return -up if exact < 0 else up
