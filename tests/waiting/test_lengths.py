"""R5.2: what a visit takes, from the expert's past, and how today differs."""

import numpy as np
import pytest

from queueboard.waiting.lengths import FIRST, MOST, NOTHING, RETURN, UNKNOWN, Lengths, Past, learn, todays


def past(minutes, *, slot=0, kind=UNKNOWN, alike=True, age=0.0) -> Past:
    """So many visits, each argument one value for all or one for each."""
    full = {
        name: np.broadcast_to(np.asarray(value), len(minutes)) for name, value in locals().items() if name != "minutes"
    }
    return Past(minutes=np.asarray(minutes, dtype=float), **full | {"age": full["age"].astype(float)})


def test_without_a_past_a_visit_takes_what_the_department_says():
    assert learn(NOTHING, slots=3, department_minutes=7.0).minutes == ((7.0, 7.0, 7.0),) * 3


def test_few_visits_lean_on_the_department_and_many_do_not():
    two, many = (learn(past([5.0] * visits), slots=1, department_minutes=10.0) for visits in (2, 5000))
    assert 7.5 < two.expected(0, UNKNOWN) < 10
    assert many.expected(0, UNKNOWN) == pytest.approx(5, abs=0.1)


def test_first_visits_and_returns_are_told_apart():
    learnt = learn(past([9.0, 3.0] * 500, kind=[FIRST, RETURN] * 500), slots=1, department_minutes=6.0)
    assert learnt.expected(0, FIRST) == pytest.approx(9, abs=0.3)
    assert learnt.expected(0, RETURN) == pytest.approx(3, abs=0.3)
    assert learnt.expected(0, UNKNOWN) == pytest.approx(6, abs=0.3)


def test_slots_are_told_apart_and_one_never_seen_is_as_the_others():
    learnt = learn(past([4.0, 8.0] * 500, slot=[0, 1] * 500), slots=3, department_minutes=6.0)
    assert [learnt.expected(slot, UNKNOWN) for slot in range(3)] == pytest.approx([4, 8, 6], abs=0.5)


def test_the_same_weekday_and_half_day_count_more_than_others_and_the_newest_most():
    kinds_of_day = past([4.0] * 400 + [8.0] * 400, age=[np.nan] * 400 + [0.0] * 400)
    assert learn(kinds_of_day, slots=1, department_minutes=6.0).expected(0, UNKNOWN) > 7
    changed = past([4.0] * 400 + [8.0] * 400, age=[20.0] * 400 + [0.0] * 400)
    assert learn(changed, slots=1, department_minutes=6.0).expected(0, UNKNOWN) > 7


def test_mornings_and_afternoons_are_not_mixed():
    """R2.3: where both are on record in plenty."""
    both = past([4.0] * 500 + [8.0] * 500, alike=[True] * 500 + [False] * 500, age=np.nan)
    assert learn(both, slots=1, department_minutes=6.0).expected(0, UNKNOWN) == pytest.approx(4, abs=0.2)


def test_a_break_that_was_logged_as_a_visit_does_not_stand_for_many():
    learnt = learn(past([6.0] * 99 + [600.0]), slots=1, department_minutes=6.0)
    assert learnt.expected(0, UNKNOWN) < 7


def test_a_slot_that_the_session_does_not_have_is_its_nearest():
    learnt = Lengths(minutes=((4.0,) * 3, (8.0,) * 3))
    assert [learnt.expected(slot, FIRST) for slot in (-1, 0, 1, 9)] == [4.0, 4.0, 8.0, 8.0]


SIX = Lengths(minutes=((6.0,) * 3,), typical=1.0)


def test_today_as_ever_has_no_excess_and_a_slow_today_a_small_one():
    """Today's pace is shrunk: five visits of double length are no day of double length."""
    assert todays(SIX, [(0, UNKNOWN, 6.0)] * 5).excess == pytest.approx(0)
    slow = todays(SIX, [(0, UNKNOWN, 12.0)] * 5).excess
    assert 0 < slow < 0.4
    assert todays(SIX, [(0, UNKNOWN, 12.0)] * 20).excess > slow


def test_one_long_break_counts_as_no_more_than_the_longest_that_counts():
    usual = [(0, UNKNOWN, 6.0)] * 5
    assert todays(SIX, [*usual, (0, UNKNOWN, 90.0)]) == todays(SIX, [*usual, (0, UNKNOWN, 6 * MOST)])


def test_what_was_long_ago_is_forgotten():
    slow, usual = [(0, UNKNOWN, 12.0)] * 5, [(0, UNKNOWN, 6.0)] * 20
    assert abs(todays(SIX, [*slow, *usual]).excess) < 0.02 < todays(SIX, [*usual, *slow]).excess


@pytest.mark.parametrize("wrong", [{"slots": 0}, {"department_minutes": 0.0}])
def test_nonsense_is_refused(wrong):
    with pytest.raises(ValueError, match="positive"):
        learn(NOTHING, **{"slots": 1, "department_minutes": 6.0} | wrong)
