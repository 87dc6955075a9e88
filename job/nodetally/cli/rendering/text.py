"""Values in, short texts out: harmless names, fixed widths, amounts with units. Knows no colour and no layout."""

import unicodedata
from fractions import Fraction

UNKNOWN = "?"  # a figure that the snapshot does not know; never 0
ABSENT = "–"  # a thing that is not there, such as a GPU on a node without one

_WIDE = frozenset("WF")
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_GIB = 1 << 30
BYTE_RESOURCES = ("memory", "ephemeral-storage", "storage")
_ASCII = str.maketrans({"…": "~", "–": "-", "→": ">", "·": "-", "−": "-"})


def harmless(text: str, *, ascii_only: bool = False) -> str:
    """The text with all that could move a cursor, change a colour or turn writing round spelled out.

    >>> harmless("node-1"), harmless("a" + chr(27) + "[31mb")
    ('node-1', 'a\\\\x1b[31mb')
    """
    if text.isascii() and text.isprintable():
        return text
    text = text.translate(_ASCII) if ascii_only else text
    return "".join(_spelled(character, ascii_only) for character in text)


def _spelled(character: str, ascii_only: bool) -> str:
    if unicodedata.category(character) in _INVISIBLE or (ascii_only and not character.isascii()):
        return character.encode("unicode_escape").decode("ascii")
    return character


def to_ascii(text: str) -> str:
    """Our own few signs in ASCII, one column each; anything else is spelled out."""
    return text if text.isascii() else text.translate(_ASCII).encode("ascii", "backslashreplace").decode("ascii")


def width_of(text: str) -> int:
    """Columns that the text takes on a terminal."""
    return len(text) if text.isascii() else sum(map(_character_width, text))


def _character_width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in _WIDE else 1


def fit(text: str, width: int, *, right: bool = False, middle: bool = False) -> str:
    """The text in exactly `width` columns: padded, or cut with an … at its end (or in its `middle`)."""
    if len(text) > width or not text.isascii():
        text = shorten(text, width, middle=middle)
    padding = " " * (width - width_of(text))
    return padding + text if right else text + padding


def shorten(text: str, width: int, *, middle: bool = False) -> str:
    """The text in at most `width` columns.

    >>> shorten("gke-prod-pool-1-9f3a", 11, middle=True), shorten("DiskPressure", 6)
    ('gke-pr…9f3a', 'DiskP…')
    """
    if width_of(text) <= width:
        return text
    tail = (width - 1) * 2 // 5 if middle else 0
    return _head(text, width - 1 - tail) + "…" + _head(text[::-1], tail)[::-1] if width > 0 else ""


def _head(text: str, width: int) -> str:
    if text.isascii():
        return text[: max(width, 0)]
    taken, used = [], 0
    for character in text:
        used += _character_width(character)
        if used > width:
            break
        taken.append(character)
    return "".join(taken)


def percentage(part: int | None, whole: int | None) -> str:
    """How much of the whole, in whole percent: cut down below 100, up above it. 0% and 100% mean exactly that.

    >>> percentage(996, 1000), percentage(1001, 1000), percentage(None, 5), percentage(0, 0), percentage(1, 0)
    ('99%', '101%', '?', '–', 'over')
    """
    if part is None or whole is None:
        return UNKNOWN
    if whole <= 0:
        return "over" if part > 0 else ABSENT
    if part > whole:
        return f"{-(-part * 100 // whole)}%"
    return "<1%" if 0 < part * 100 < whole else f"{part * 100 // whole}%"


def is_bytes(resource: str) -> bool:
    return resource in BYTE_RESOURCES or resource.startswith("hugepages-")


def unit_of(resource: str) -> str:
    """The unit that amounts are shown in: cores, GiB, or none for a count."""
    return "cores" if resource == "cpu" else "GiB" if is_bytes(resource) else ""


def amount(resource: str, value: int | None) -> str:
    """A published integer in the unit of its resource, without it, so that columns align.

    >>> amount("cpu", 12_400), amount("memory", 3 << 30), amount("cpu", 3), amount("nvidia.com/gpu", 8)
    ('12.4', '3.0', '<0.1', '8')
    """
    if value is None:
        return UNKNOWN
    return rate(resource, Fraction(value)) if unit_of(resource) else f"{value:,}"


def rate(resource: str, value: Fraction) -> str:
    """A growth in the unit of its resource; unlike an amount, part of a thing is one, too.

    >>> rate("cpu", Fraction(1_500)), rate("nvidia.com/gpu", Fraction(3, 4)), rate("nvidia.com/gpu", Fraction(1, 90))
    ('1.5', '0.8', '<0.1')
    """
    return _decimal(value / {"cores": 1_000, "GiB": _GIB}.get(unit_of(resource), 1))


def _decimal(value: Fraction) -> str:
    """One decimal, none from 1,000 up; what is not 0 is never written as 0."""
    if value and abs(value) < Fraction(1, 20):
        return "<0.1" if value > 0 else ">−0.1"
    said = f"{float(value):,.1f}" if abs(value) < 1_000 else f"{float(value):,.0f}"
    return said.replace("-", "−")


def amount_with_unit(resource: str, value: int | None) -> str:
    """The amount and its unit.

    >>> amount_with_unit("cpu", 1500), amount_with_unit("nvidia.com/gpu", 2)
    ('1.5 cores', '2')
    """
    return f"{amount(resource, value)} {unit_of(resource)}".rstrip()


def signed(resource: str, value: int | None) -> str:
    """A difference with its sign and unit.

    >>> signed("cpu", 1500), signed("memory", -(1 << 30)), signed("pods", 0), signed("pods", None)
    ('+1.5 cores', '−1.0 GiB', '0', 'unknown')
    """
    if value is None:
        return "unknown"
    sign = "+" if value > 0 else "−" if value < 0 else ""
    return sign + amount_with_unit(resource, abs(value))


def count(value: int, noun: str) -> str:
    """A number of things.

    >>> count(1, "node"), count(1200, "pod")
    ('1 node', '1,200 pods')
    """
    return f"{value:,} {noun}{'' if value == 1 else 's'}"


def size(stored_bytes: int) -> str:
    """Bytes in the unit that makes a short number of them.

    >>> size(812), size(24_700), size(3 << 30)
    ('812 B', '24.1 KiB', '3.0 GiB')
    """
    value, units = Fraction(stored_bytes), ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
    while value >= 1_024 and len(units) > 1:
        value, _ = value / 1_024, units.pop(0)
    return f"{stored_bytes} B" if units[0] == "B" else f"{float(value):,.1f} {units[0]}"
