"""Which slots a backfill fills: those that live passes answer for, of its shard, and none that is not over."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodetally.backfill.plan import SETTLED_SECONDS, WHOLE, Plan, Shard, make_plan, parse_shard
from nodetally.errors import WrongUse
from nodetally.times import cut_down

START = datetime(2026, 1, 1, tzinfo=UTC)
MOMENTS = st.timedeltas(timedelta(), timedelta(days=3)).map(lambda each: START + each)
NOW = datetime(2026, 6, 1, tzinfo=UTC)


@given(MOMENTS, MOMENTS, st.sampled_from([300, 3_600, 7_200, 86_400]), st.booleans())
def test_slots_are_those_of_live_passes(start: datetime, end: datetime, every: int, newest: bool) -> None:
    """Each slot is the one of a pass that starts in it; every one in the range is there, once, in order."""
    plan = Plan(min(start, end), max(start, end), every, newest)
    slots = [slot for day in plan.days() for slot in plan.slots(day)]
    assert slots == sorted(set(slots), reverse=newest)
    assert all(cut_down(slot, every) == slot for slot in slots)
    first = cut_down(plan.start, every)
    wanted = {first + timedelta(seconds=every * at) for at in range(4 * 86_400 // every)}
    assert set(slots) == {slot for slot in wanted if plan.start <= slot < plan.end}
    assert plan.total() == len(slots)


@given(MOMENTS, MOMENTS, st.integers(1, 5))
def test_shards_share_the_days_among_them(start: datetime, end: datetime, of: int) -> None:
    """Each day is of exactly one, so that no two processes change one day index."""
    start, end = min(start, end), max(start, end)
    days = [day for number in range(of) for day in Plan(start, end, 3_600, True, Shard(number, of)).days()]  # noqa: FBT003
    assert sorted(days) == [*Plan(start, end, 3_600, newest_first=False).days()]


def test_a_slot_that_a_live_pass_may_answer_for_is_left_to_it() -> None:
    """The last slot to be filled is over, and so is the time that its pass may take."""
    plan = make_plan(NOW - timedelta(days=1), NOW, NOW, 300, newest_first=True, shard=WHOLE)
    newest = plan.slots(next(plan.days()))[0]
    assert newest + timedelta(seconds=300 + SETTLED_SECONDS) < NOW
    assert newest + timedelta(seconds=600 + SETTLED_SECONDS) >= NOW


@pytest.mark.parametrize(("start", "end"), [(NOW, NOW + timedelta(days=1)), (NOW, NOW - timedelta(days=1))])
def test_a_range_without_a_past_is_wrong_use(start: datetime, end: datetime) -> None:
    """The future, and an end before its start."""
    with pytest.raises(WrongUse):
        make_plan(start, end, NOW, 300, newest_first=True, shard=WHOLE)


@pytest.mark.parametrize("text", ["", "1", "4/4", "-1/4", "1/0", "a/b", "1/2/3", "1/99999"])
def test_what_is_no_shard_is_wrong_use(text: str) -> None:
    """Counted from 0, as JOB_COMPLETION_INDEX is."""
    with pytest.raises(WrongUse, match="not a shard"):
        parse_shard(text)
