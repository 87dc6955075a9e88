"""Retention policies: what is one, and which snapshots it keeps."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodetally.errors import WrongUse
from nodetally.store.layout import slot_of
from nodetally.store.retention import OLDER, Decision, Thinning, parse_policy

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
POLICIES = (
    "all:2d,hourly:30d,daily:2y",
    "all:1h,5m:1d,15m:3d,hourly:1w,daily:30d,weekly:1y,monthly:forever",
    "hourly:2h",
    "daily:forever",
    "all:30h,weekly:3w",
    "15m:12h,monthly:10w",
)
AGES = st.lists(st.integers(-2 * 3600, 200 * 86_400), min_size=1, max_size=120, unique=True)


def slots(ages_in_seconds: list[int]) -> list[str]:
    return sorted(slot_of(NOW - timedelta(seconds=age)) for age in ages_in_seconds)


def decided(policy: str, of: list[str], now: datetime = NOW) -> list[Decision]:
    thinning = Thinning(parse_policy(policy), now)
    return [thinning.decide(slot) for slot in of]


def kept(policy: str, of: list[str], now: datetime = NOW) -> list[str]:
    return [each.slot for each in decided(policy, of, now) if each.kept]


def test_each_tier_keeps_the_first_of_its_buckets() -> None:
    """All of the last two hours, then the first of each hour, then the first of each day, then nothing."""
    days = ["2026-11-20T23:59:59Z", "2026-11-21T12:00:00Z", "2026-11-22T03:00:00Z", "2026-11-22T04:00:00Z"]
    hours = ["2026-11-23T08:59:00Z", "2026-11-23T09:00:00Z", "2026-11-23T09:30:00Z"]
    young = ["2026-11-23T10:00:00Z", "2026-11-23T10:01:00Z", "2026-11-23T12:00:01Z"]
    assert decided("all:2h,hourly:4h,daily:2d", [*days, *hours, *young]) == [
        Decision(days[0], OLDER, kept=False),
        Decision(days[1], "daily:2d", kept=True),
        Decision(days[2], "daily:2d", kept=True),
        Decision(days[3], "daily:2d", kept=False),
        Decision(hours[0], "hourly:4h", kept=True),
        Decision(hours[1], "hourly:4h", kept=True),
        Decision(hours[2], "hourly:4h", kept=False),
        *(Decision(slot, "all:2h", kept=True) for slot in young),
    ]


def test_weeks_begin_on_monday_and_months_on_the_first() -> None:
    """ISO weeks, also over a new year; all in UTC."""
    new_year = ["2026-12-27T23:00:00Z", "2026-12-28T00:00:00Z", "2027-01-01T00:00:00Z", "2027-01-04T00:00:00Z"]
    later = datetime(2027, 2, 1, tzinfo=UTC)
    assert kept("weekly:1y", new_year, later) == [new_year[0], new_year[1], new_year[3]]
    assert kept("monthly:1y", new_year, later) == [new_year[0], new_year[2]]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "all",
        "all:2",
        "all:2 d",
        "all:d",
        "all:2m",
        "all:0d",
        "all:-1d",
        "all:1.5d",
        "All:2d",
        "all:2d,",
        "all:2d;hourly:3d",
        "yearly:9y",
        "7m:1d",
        "60m:1d",
        "0m:1d",
        "m:1d",
        "hourly:2d,all:30d",
        "all:2d,all:3d",
        "all:2d,hourly:2d",
        "all:48h,hourly:2d",
        "all:forever,hourly:2d",
        "all:٢d",
        "all:9999999d",
    ],
)
def test_what_is_no_policy_is_refused_with_the_forms(text: str) -> None:
    """Nothing is guessed where a wrong guess deletes."""
    with pytest.raises(WrongUse) as caught:
        parse_policy(text)
    assert "all:2d,hourly:30d,daily:2y" in caught.value.hint


def test_spans_are_these_long() -> None:
    """A year is 365 days; `forever` reaches any age."""
    policy = parse_policy("all:36h,15m:3d,hourly:2w,daily:1y,monthly:forever")
    assert [tier.span and tier.span.total_seconds() / 3600 for tier in policy] == [36, 72, 336, 8760, None]


@given(AGES, st.sampled_from(POLICIES))
@settings(max_examples=150, deadline=None)
def test_thinning_again_takes_nothing_more(ages: list[int], policy: str) -> None:
    """The first of a bucket stays the first."""
    once = kept(policy, slots(ages))
    assert kept(policy, once) == once


@given(AGES, st.sampled_from(POLICIES), st.lists(st.integers(0, 90 * 86_400), max_size=5))
@settings(max_examples=150, deadline=None)
def test_thinning_on_the_way_leaves_what_one_thinning_leaves(ages: list[int], policy: str, moments: list[int]) -> None:
    """However often and whenever it is run before."""
    end = NOW + timedelta(days=90)
    left = slots(ages)
    for seconds in sorted(moments):
        left = kept(policy, left, NOW + timedelta(seconds=seconds))
    assert kept(policy, slots(ages), end) == kept(policy, left, end)


def test_spans_close_to_each_other_leave_no_less_on_the_way() -> None:
    """The first of a day ages out of it while a later one is still kept by the finer tier, and is the first then."""
    policy, found = "all:71h,daily:3d", ["2026-11-20T11:00:00Z", "2026-11-20T13:30:00Z"]
    later = NOW + timedelta(hours=1)
    assert kept(policy, found, later) == []
    assert kept(policy, kept(policy, found), later) == found[1:]


@given(AGES, st.sampled_from(POLICIES))
@settings(max_examples=150, deadline=None)
def test_every_slot_within_a_tier_has_one_kept_in_its_bucket(ages: list[int], policy: str) -> None:
    """Unless the bucket's first is older than the tier, there is something left of each bucket."""
    all_slots, tiers = slots(ages), parse_policy(policy)
    left = set(kept(policy, all_slots))
    for tier in tiers:
        firsts: dict[object, str] = {}
        for slot in all_slots:
            firsts.setdefault(tier.bucket(datetime.fromisoformat(slot)), slot)
        assert {slot for slot in firsts.values() if tier.reaches(NOW - datetime.fromisoformat(slot))} <= left
