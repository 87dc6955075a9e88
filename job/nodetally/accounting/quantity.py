"""Text of a Kubernetes quantity → exact integer of nano-units → millicores or bytes. Never a float, never a guess.

Every quantity is a whole number of nano-units: upstream rounds anything finer up, away from zero, when it parses
(apimachinery v0.37 pkg/api/resource/quantity.go:369-375). So exact sums are sums of Python integers.
"""

import re
from functools import lru_cache

NANO = 10**9  # nano-units in a unit
MILLICORE = 10**6  # nano-units in a thousandth
INT64_MAX = 2**63 - 1  # upstream's accessors hold an int64 and wrap or return 0 beyond it: we refuse instead
MAX_TEXT = 400  # longer than any number that fits an int64 with nano fractions; bounds the work on hostile text
MAX_EXPONENT = 400  # of nano-units; beyond it a number other than 0 overflows

_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_GRAMMAR = re.compile(r"([+-]?)(?=[0-9.])([0-9]*)(?:\.([0-9]*))?(?:([KMGTPE]i|[numkMGTPE]?)|[eE]([+-]?[0-9]+))")


class QuantityError(ValueError):
    """The text is not a quantity, or its amount does not fit the int64 that Kubernetes itself counts in."""


@lru_cache(maxsize=4096)
def parse(text: str) -> int:
    """Read a quantity as nano-units, by upstream's grammar (quantity.go:147-392, suffix.go:108-198).

    >>> parse("100m"), parse("1500u"), parse("0.1n"), parse("1Ki")
    (100000000, 1500000, 1, 1024000000000)

    Raises QuantityError. Binary suffixes are capped at 2^63-1 units, decimal ones are not, as upstream.
    """
    match = _GRAMMAR.fullmatch(text) if len(text) <= MAX_TEXT else None
    if match is None:
        raise QuantityError(f"not a quantity: {text[:MAX_TEXT]!r}")
    sign, whole, fraction, suffix, exponent = match.groups("")
    digits = int(whole + fraction or "0")
    if suffix in _BINARY:
        amount = _ceil_div((digits << _BINARY[suffix]) * NANO, 10 ** len(fraction))
        amount = min(amount, INT64_MAX * NANO)
    else:
        power = (int(exponent) if exponent else _DECIMAL[suffix]) - len(fraction)
        amount = _scaled(digits, power + 9, text)
    return -amount if sign == "-" else amount


def is_big_decimal(text: str) -> bool:
    """Whether upstream holds this quantity as a big decimal rather than an int64 (quantity.go:285-320).

    It matters to one figure only: see accounting.pods.scheduled_spec. `text` must have passed `parse`.

    >>> is_big_decimal("1.5Gi"), is_big_decimal("1536Mi"), is_big_decimal("100Ti")
    (True, False, True)
    """
    match = _GRAMMAR.fullmatch(text)
    if match is None:
        return False
    _, whole, fraction, suffix, exponent = match.groups("")
    digits, places = len(whole.lstrip("0")) or 1, len(fraction)
    if suffix in _BINARY:
        return places > 0 or 15 - digits - _BINARY[suffix] * 3 // 10 - 1 < 0
    scale = int(exponent) if exponent else _DECIMAL[suffix]
    return digits + places > 18 or scale - places < -9


def parse_json(value: object) -> int:
    """Read a quantity as JSON may carry it: text, a bare number, or null (UnmarshalJSON, quantity.go:733-752).

    A number with a fraction must come as its text: a float may not hold it exactly.
    """
    if isinstance(value, str):
        return parse(value.strip(" \t\r\n"))
    if value is None:
        return 0
    if isinstance(value, int):  # True is one, and no quantity's text
        return parse(str(value))
    raise QuantityError(f"not a quantity: {value!r}")


def amount(resource: str, nanos: int) -> int:
    """The integer that is published for a resource: millicores for cpu, else the resource's own unit (bytes, count).

    Rounded up, away from zero, once: Quantity.MilliValue() and Value() (quantity.go:813-835).

    >>> amount("cpu", parse("1500u")), amount("memory", parse("1.5"))
    (2, 2)

    Raises QuantityError where upstream's int64 would wrap or turn to 0.
    """
    unit = MILLICORE if resource == "cpu" else NANO
    value = -(-nanos // unit) if nanos >= 0 else nanos // unit
    return value if 0 <= value <= INT64_MAX else fitting(resource, value)


def fitting(what: str, value: int) -> int:
    """A published integer itself. Raises QuantityError when it does not fit the int64 that Kubernetes counts in."""
    if not -INT64_MAX - 1 <= value <= INT64_MAX:
        raise QuantityError(f"{what}: the amount does not fit 64 bits")
    return value


def _ceil_div(dividend: int, divisor: int) -> int:
    return -(-dividend // divisor)


def _scaled(digits: int, power: int, text: str) -> int:
    """digits × 10^power, rounded up; hostile exponents are refused before they become huge integers."""
    if digits == 0:
        return 0
    if power > MAX_EXPONENT:
        raise QuantityError(f"does not fit 64 bits: {text!r}")
    if power >= 0:
        return int(digits * 10**power)
    return _ceil_div(digits, 10 ** min(-power, MAX_TEXT))  # beyond so many places whatever the text can say is 1
