"""Times and durations as people type them."""

import contextlib
import doctest
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodetally import times
from nodetally.errors import WrongUse
from nodetally.times import format_age, format_time, parse_duration, parse_time

NOW = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)


def test_the_docstrings_examples_hold() -> None:
    """Every example in the module gives what it says."""
    assert doctest.testmod(times).failed == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23T12:00:00Z", "2026-11-23T12:00:00Z"),
        ("2026-11-23t12:00:00z", "2026-11-23T12:00:00Z"),
        ("2026-11-23T13:00:00+01:00", "2026-11-23T12:00:00Z"),
        ("2026-11-23T12:00:00.123456789Z", "2026-11-23T12:00:00Z"),
        ("2026-11-23 12:00", "2026-11-23T12:00:00Z"),
        ("2026-11-23 12:00 -05:30", "2026-11-23T17:30:00Z"),
        ("2026-11-23T12:00:09", "2026-11-23T12:00:09Z"),
        ("2026-11-23", "2026-11-23T00:00:00Z"),
        (" now ", "2026-11-23T12:30:00Z"),
        ("90m", "2026-11-23T11:00:00Z"),
        ("24h", "2026-11-22T12:30:00Z"),
        ("7d", "2026-11-16T12:30:00Z"),
        ("1d12h", "2026-11-22T00:30:00Z"),
    ],
)
def test_every_form_of_a_time_is_read_as_utc(text: str, expected: str) -> None:
    """A zone is heeded; without one the time is UTC; a duration counts back from now."""
    assert format_time(parse_time(text, NOW)) == expected


@pytest.mark.parametrize(
    ("decimals", "microsecond"),
    [("5", 500_000), ("05", 50_000), ("123456", 123_456), ("1234567", 123_456), ("999999999", 999_999)],
)
@pytest.mark.parametrize("zone", ["", "Z", "z", "+00:00"])
def test_a_moment_is_held_to_the_microsecond(decimals: str, microsecond: int, zone: str) -> None:
    """Any decimals up to nine; what is finer is dropped, never rounded into the next second."""
    assert parse_time(f"2026-11-23T12:00:00.{decimals}{zone}", NOW) == datetime(
        2026, 11, 23, 12, 0, 0, microsecond, UTC
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-13-01",
        "2026-02-30",
        "2026-11-23T25:00Z",
        "20261123",
        "2026-W47-1",
        "12:00",
        "24",
        "-2h",
        "9999999999w",
        "2026-11-23T12:00:00+99:00",
        "0001-01-01T00:00:00+01:00",
        "٢٠٢٦-11-23",
        "5y",
        "1h 2",
    ],
)
def test_what_is_not_a_time_is_wrong_use_that_names_the_forms(text: str) -> None:
    """No guess: the message quotes what was typed, the hint lists what can be."""
    with pytest.raises(WrongUse, match="not a time") as caught:
        parse_time(text, NOW)
    assert repr(text) in str(caught.value)
    assert "2026-11-23 12:00" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("15m", 900), ("1.5h", 5_400), ("1h30m", 5_400), ("2w", 1_209_600), ("250ms", 0.25)],
)
def test_durations_are_read_with_their_units(text: str, seconds: float) -> None:
    """Numbers and units, one after the other."""
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "5", "m", "1h30", "-5m", "1 h", "1e3s", "inf", "9" * 400 + "w"])
def test_a_duration_without_a_unit_or_with_a_sign_is_wrong_use(text: str) -> None:
    """A bare number would be a guess."""
    with pytest.raises(WrongUse, match="duration"):
        parse_duration(text)


@given(st.datetimes(datetime(1970, 1, 2), datetime(2199, 1, 1)), st.integers(-14 * 60, 14 * 60))  # noqa: DTZ001
def test_a_time_survives_being_written_and_read(moment: datetime, offset_minutes: int) -> None:
    """parse_time undoes format_time, and isoformat in any zone."""
    whole = moment.replace(microsecond=0, tzinfo=UTC)
    assert parse_time(format_time(whole), NOW) == whole
    local = whole.astimezone(timezone(timedelta(minutes=offset_minutes)))
    assert parse_time(local.isoformat(), NOW) == whole


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_wrong_use(text: str) -> None:
    """Nothing that can be typed ends in another error."""
    with contextlib.suppress(WrongUse):
        assert parse_time(text, NOW).tzinfo is UTC


@pytest.mark.parametrize(
    ("seconds", "age"),
    [
        (0, "0 s"),
        (119.9, "119 s"),
        (120, "2 min"),
        (119 * 60 + 59, "119 min"),
        (120 * 60, "2 h"),
        (48 * 3_600 - 1, "47 h"),
        (48 * 3_600, "2 d"),
        (3 * 86_400 - 1, "2 d"),
    ],
)
def test_an_age_is_in_the_unit_that_matters(seconds: float, age: str) -> None:
    """Two of a unit are the first that are told in it."""
    assert format_age(timedelta(seconds=seconds)) == age


def test_an_age_never_turns_negative() -> None:
    """A clock that is behind the store's shows 0, not -3."""
    assert format_age(timedelta(seconds=-3)) == "0 s"
    assert format_age(timedelta(hours=47)) == "47 h"
    assert format_age(timedelta(days=1_500)) == "1,500 d"
