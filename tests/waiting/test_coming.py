"""R5.2: who is booked but not here, with what chance, and where the rules would put them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from queueboard import rules
from queueboard.waiting.coming import LOOKED_AHEAD, Habits, expected

EIGHT = datetime(2026, 11, 16, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
# Everybody who comes does so evenly between half an hour before and after the start of the slot.
EVENLY = Habits(absent=0.2, punctuality=(-30.0, 30.0), back=0.5)
POLICY = rules.Policy(last_slot=1)


def ticket(number, **fields):
    made = {"slot": 0, "slot_start": EIGHT, "booked": False, "arrived": EIGHT - HOUR + timedelta(minutes=number)}
    return rules.Ticket(number=number, **made | fields)


def of_slots(now, absent=(1, 0), tickets=(), out_since=None):
    return expected(
        tickets, POLICY, EVENLY, places=[0, 0], slot_starts=[EIGHT, EIGHT + HOUR], absent=list(absent),
        out_since=out_since or {}, now=now,
    )  # fmt: skip


def test_before_anybody_can_have_come_the_chance_is_that_of_keeping_the_appointment():
    [group] = of_slots(EIGHT - HOUR)
    assert group.chance[0] == 0
    assert group.chance[-1] == pytest.approx(0.8)
    assert group.chance[LOOKED_AHEAD.index(60.0)] == pytest.approx(0.4)


def test_the_longer_somebody_has_not_come_the_less_likely_it_is():
    """Bayes: half of those who come have come; of five, two are still to come and one never does."""
    chances = [of_slots(EIGHT + timedelta(minutes=late))[0].chance[-1] for late in (-30, 0, 15, 30, 90)]
    assert chances == pytest.approx([0.8, 2 / 3, 0.5, 0.0, 0.0])


def test_a_slot_of_which_everybody_is_here_expects_nobody():
    assert of_slots(EIGHT, absent=(0, 0)) == []
    assert [group.count for group in of_slots(EIGHT, absent=(0, 3))] == [3]


def test_a_missed_patient_may_report_back_where_the_rules_would_put_them():
    """R4.8: a booked one next, a walk-in behind the next three; who has been gone for long hardly comes."""
    line = [ticket(number) for number in range(3, 9)]
    for booked, place in ((True, 0), (False, 3)):
        missed = ticket(1, booked=booked, state=rules.State.MISSED, misses=1, called_no=1)
        [group] = of_slots(EIGHT, (0, 0), [missed, *line], {1: EIGHT})
        assert (group.place, group.count) == (place, 1)
        assert group.chance[-1] == pytest.approx(0.5, abs=0.01)
        [gone] = of_slots(EIGHT, (0, 0), [missed, *line], {1: EIGHT - HOUR})
        assert gone.chance[-1] < 0.01


def test_who_was_sent_for_a_test_comes_back_as_a_return_visit():
    """R4.9: one after every two others."""
    line = [ticket(number) for number in range(3, 9)]
    away = replace(ticket(1), state=rules.State.AWAY, called_no=1)
    [group] = of_slots(EIGHT, (0, 0), [away, *line], {1: EIGHT})
    assert group.place == 2
