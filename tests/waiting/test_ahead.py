"""The wait that is shown before booking, against simulated mornings that know more (R5.2)."""

import pytest

from bench.prediction import beforehand
from queueboard.waiting import ahead
from queueboard.waiting.coming import Habits
from queueboard.waiting.known import Known
from queueboard.waiting.lengths import Lengths


@pytest.mark.parametrize("name", beforehand.SCENARIOS)
def test_of_ten_booked_patients_about_nine_wait_less_than_was_said(name):
    """Nobody knows how many walk-ins come: it may be more than nine, and is never far below (docs/prediction.md)."""
    found = beforehand.booked(beforehand.SCENARIOS[name])
    below_median, below_p90 = (found.waited[:, None] <= found.told).mean(axis=0)
    assert below_p90 >= 0.85
    assert below_median >= 0.4


def known(late: float = 0.0) -> Known:
    """Visits of six minutes, everybody comes, on the minute."""
    habits = Habits(absent=0.0, punctuality=(0.0, 0.0))
    return Known(lengths=Lengths(minutes=((6.0, 6.0, 6.0),) * 2), habits=habits, late_starts=(late,))


def test_who_is_alone_in_a_slot_waits_for_the_expert_only():
    """R5.2: a wait counts from the start of the slot."""
    ((median, p90),) = ahead.waits([ahead.Part(0, 60, 1, 0)], known())
    assert (median, p90) == (0, 0)
    ((median, _),) = ahead.waits([ahead.Part(0, 60, 1, 0)], known(late=20))
    assert median == pytest.approx(20, abs=1)


def test_ten_at_once_wait_for_half_of_the_others_at_the_median():
    ((median, p90),) = ahead.waits([ahead.Part(0, 60, 5, 5)], known())
    assert median == pytest.approx(9 * 6 / 2, rel=0.1)
    assert 9 * 6 * 0.8 < p90 < 9 * 6 * 1.1


def test_what_a_slot_leaves_over_is_waited_for_in_the_next_and_more_rooms_share_it():
    crowded = [ahead.Part(0, 60, 10, 10), ahead.Part(60, 120, 1, 0)]
    (_, (over, _)) = ahead.waits(crowded, known())
    assert over == pytest.approx(60, rel=0.1)
    (_, (shared, _)) = ahead.waits(crowded, known(), rooms=2)
    assert shared == pytest.approx(0, abs=2)
    with pytest.raises(ValueError, match="room"):
        ahead.waits(crowded, known(), rooms=0)
