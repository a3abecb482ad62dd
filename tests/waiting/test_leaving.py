"""R5.3: when to be there and when to set out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueboard.simulation import events, foresight, mornings, policies, study
from queueboard.waiting.leaving import BEFORE_END, be_there, set_out

SLOT = {"slot_start": 60.0, "slot_end": 120.0}


def test_with_nobody_before_one_is_there_when_the_slot_starts():
    assert be_there(now=0.0, turn=(0.0, 0.0), **SLOT) == 60.0


def test_behind_a_long_queue_one_comes_when_the_turn_can_come():
    """The 10th percentile of a lognormal wait is as far below its median as the 90th is above it."""
    assert be_there(now=0.0, turn=(100.0, 125.0), **SLOT) == pytest.approx(80.0)


def test_nobody_is_told_to_come_late():
    assert be_there(now=0.0, turn=(300.0, 400.0), **SLOT) == 120.0 - BEFORE_END


@given(st.floats(-100, 300), st.floats(0, 300), st.floats(1, 3))
def test_one_is_never_told_a_time_that_has_passed(now, median, spread):
    assert be_there(now=now, turn=(median, median * spread), **SLOT) >= now


def test_the_longer_the_way_the_earlier_one_leaves():
    assert set_out(540.0, 60.0) < set_out(540.0, 20.0) < 540.0 - 20.0


def test_nine_of_ten_who_do_as_told_are_there_in_time_and_wait_less():
    """In simulated mornings, against the same patients coming as they are used to."""
    scenario = study.scenario(absent=0.1, missed=0.05, never_back=0.3, punctuality=study.STUDY_PUNCTUALITY)
    plan, rng = policies.ours(scenario), np.random.default_rng(5)
    people = mornings.patients(scenario, plan, mornings.draw(scenario, 4, rng))
    used = events.play(scenario, plan, people)
    known = foresight.known(scenario, plan, people, used)
    told = events.play(scenario, plan, people, morning=foresight.advised(known, 1.0, rng))
    stays, in_time = [], []
    for outcome in (used, told):
        booked = people.booked & (outcome.called < 2**30)
        stays.append((outcome.called - outcome.arrived)[booked].mean())
        in_time.append(1 - (outcome.late | outcome.passed)[booked].mean())
    assert in_time[1] >= 0.9
    assert stays[1] < 0.8 * stays[0]
