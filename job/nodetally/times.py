"""Texts in, moments and durations out, and back; slots cut from moments. Never reads a clock."""

import re
from datetime import UTC, datetime, timedelta

from nodetally.errors import WrongUse

UNIT_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])", re.ASCII)
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?) ?([Zz]|[+-]\d\d:\d\d)?)?", re.ASCII)
DURATION_FORMS = "90s, 15m, 24h, 7d, 2w or 1h30m"
TIME_FORMS = (
    "2026-11-23T12:00:00Z, 2026-11-23T13:00:00+01:00, 2026-11-23 12:00 (UTC), 2026-11-23 (its start, UTC), now, "
    f"or a duration ago such as {DURATION_FORMS}"
)


def parse_duration(text: str) -> timedelta:
    """Read a duration; every number needs its unit.

    >>> parse_duration("90m"), parse_duration("1h30m"), parse_duration("7d").days
    (datetime.timedelta(seconds=5400), datetime.timedelta(seconds=5400), 7)
    """
    cleaned = text.strip()
    parts = _PART.findall(cleaned)
    if not parts or "".join(number + unit for number, unit in parts) != cleaned:
        raise WrongUse(f"not a duration: {text!r}", hint=f"write {DURATION_FORMS}")
    try:
        return timedelta(seconds=sum(float(number) * UNIT_SECONDS[unit] for number, unit in parts))
    except OverflowError as error:
        raise WrongUse(f"too long a duration: {text!r}", hint=f"write {DURATION_FORMS}") from error


def parse_time(text: str, now: datetime) -> datetime:
    """Read a moment as UTC; `now` (with a zone) is what durations count back from.

    >>> format_time(parse_time("24h", datetime(2026, 11, 23, 12, tzinfo=UTC)))
    '2026-11-22T12:00:00Z'
    """
    cleaned = text.strip()
    if cleaned == "now":
        return now.astimezone(UTC)
    try:
        found = _MOMENT.fullmatch(cleaned)
        if found:
            return _moment(*found.groups())
        return now.astimezone(UTC) - parse_duration(cleaned)
    except (WrongUse, ValueError, OverflowError) as error:
        raise WrongUse(f"not a time: {text!r}", hint=f"write {TIME_FORMS}") from error


def _moment(date: str, time: str | None, zone: str | None) -> datetime:
    """RFC 3339 allows nine decimals and a small z; datetime drops what is finer than it holds."""
    return datetime.fromisoformat(f"{date}T{time or '00:00'}{(zone or 'Z').upper()}").astimezone(UTC)


def format_time(moment: datetime) -> str:
    """RFC 3339 in UTC to the second, as snapshots write it.

    >>> format_time(datetime(2026, 11, 23, 12, 0, 3, tzinfo=UTC))
    '2026-11-23T12:00:03Z'
    """
    return f"{moment.astimezone(UTC).replace(tzinfo=None, microsecond=0).isoformat()}Z"


def cut_down(moment: datetime, every_seconds: int) -> datetime:
    """The slot that a moment answers for: cut down to a multiple of the period, counted from midnight UTC.

    >>> format_time(cut_down(datetime(2026, 11, 23, 12, 34, 56, tzinfo=UTC), 300))
    '2026-11-23T12:30:00Z'
    """
    moment = moment.astimezone(UTC)
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    seconds = int((moment - midnight).total_seconds())
    return midnight + timedelta(seconds=seconds - seconds % every_seconds)


def format_age(age: timedelta) -> str:
    """A duration as people say it, cut down to the unit that matters; never negative.

    >>> format_age(timedelta(seconds=40)), format_age(timedelta(minutes=119)), format_age(timedelta(days=3))
    ('40 s', '119 min', '3 d')
    """
    seconds = max(0, int(age.total_seconds()))
    for unit, size, limit in (("s", 1, 120), ("min", 60, 120 * 60), ("h", 3_600, 48 * 3_600)):
        if seconds < limit:
            return f"{seconds // size} {unit}"
    return f"{seconds // 86_400:,} d"


def format_ago(age: timedelta) -> str:
    """How long ago something was; or from now, where a clock is ahead: that must be seen.

    >>> format_ago(timedelta(minutes=5)), format_ago(timedelta(hours=-3))
    ('5 min ago', '3 h from now')
    """
    return f"{format_age(-age)} from now" if int(age.total_seconds()) < 0 else f"{format_age(age)} ago"
