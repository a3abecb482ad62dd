"""Ways to split the numbers: none is lost or made up, and each orders the queue as its rule says (R2.4, R7.2)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booking import quota
from queueboard.simulation import events, policies, study
from queueboard.simulation.scenario import Patients, Scenario

HOUR = 3600


@st.composite
def scenarios(draw):
    count = draw(st.integers(1, 5))
    length = draw(st.sampled_from([20 * 60, HOUR]))
    rate = st.floats(0, 30, allow_nan=False)
    return Scenario(
        slots=tuple((length * i, length * (i + 1)) for i in range(count)),
        numbers=draw(st.integers(0, 60)),
        capacities=tuple(draw(st.lists(st.integers(0, 20), min_size=count, max_size=count))),
        walk_ins=tuple(draw(st.lists(rate, min_size=count + 1, max_size=count + 1))),
        bookings=draw(st.integers(0, 60)),
        visit_minutes=(5.0,) * count,
    )


@settings(deadline=None)
@given(scenarios(), st.sampled_from(sorted(policies.POLICIES)))
def test_every_policy_gives_out_the_sessions_numbers_and_no_more(scenario, name):
    plan = policies.POLICIES[name](scenario)
    assert sum(plan.bookable) + sum(plan.walk_in) == scenario.numbers
    assert min(*plan.bookable, *plan.walk_in) >= 0
    assert len(plan.slots) == len(plan.bookable) == len(plan.walk_in)
    assert len(plan.appointed) == sum(plan.bookable)


@settings(deadline=None)
@given(scenarios(), st.sampled_from(sorted(policies.POLICIES)))
def test_every_policy_calls_patients_into_the_session(scenario, name):
    """Slots follow one another; who books is told a time within the session, never earlier than who booked before."""
    plan = policies.POLICIES[name](scenario)
    assert all(start < end for start, end in plan.slots)
    assert all(one[1] <= two[0] for one, two in zip(plan.slots, plan.slots[1:], strict=False))
    assert list(plan.appointed) == sorted(plan.appointed)
    assert all(0 <= at < scenario.ends for at in plan.appointed)


@settings(deadline=None)
@given(scenarios())
def test_the_studys_split_and_ours_are_the_rules_and_differ_in_the_order_only(scenario):
    """R2.4, R4.2"""
    before_start, *walk_ins = scenario.walk_ins
    rule = quota.allocate(scenario.capacities, walk_ins, before_start, scenario.numbers)
    theirs, ours = policies.study(scenario), policies.ours(scenario)
    assert list(zip(theirs.bookable, theirs.walk_in, strict=True)) == rule
    assert list(zip(ours.bookable, ours.walk_in, strict=True)) == rule
    assert (theirs.booked_first, ours.booked_first) == (True, False)


@settings(deadline=None)
@given(scenarios())
def test_today_bookings_fill_the_first_slots(scenario):
    plan = policies.today(scenario)
    assert sum(plan.bookable) == min(scenario.bookings, scenario.numbers)
    full = [walk_in == 0 for walk_in in plan.walk_in]
    begun = [booked > 0 for booked in plan.bookable]
    # Whoever books a later slot found the earlier ones full.
    assert all(all(full[:slot]) for slot, some in enumerate(begun) if some)


@settings(deadline=None)
@given(scenarios())
def test_all_booked_and_none_booked_are_what_they_say(scenario):
    assert sum(policies.all_booked(scenario).walk_in) == sum(policies.none_booked(scenario).bookable) == 0


@settings(deadline=None)
@given(scenarios())
def test_fixed_times_are_a_slot_for_each_number_and_keep_the_split(scenario):
    """R7.2: the time is fixed when booking, each within the hour of the study's split."""
    plan = policies.fixed_time(scenario)
    assert set(plan.bookable) | set(plan.walk_in) <= {0, 1}
    for (start, end), (booked, walk_in) in zip(scenario.slots, policies.allocated(scenario), strict=True):
        inside = [place for place, (begin, _) in enumerate(plan.slots) if start <= begin < end]
        assert sum(plan.bookable[place] for place in inside) == booked
        assert sum(plan.walk_in[place] for place in inside) == walk_in


def test_the_studys_numbers():
    """R2.4's example: bookable 0, 0, 3, 18 and walk-in 2, 12, 7, 0."""
    plan = policies.study(study.scenario())
    assert (plan.bookable, plan.walk_in) == ((0, 0, 3, 18), (2, 12, 7, 0))


def test_a_split_of_more_than_a_slot_has_is_refused():
    with pytest.raises(ValueError, match="fewer"):
        policies.split(study.scenario(), (3, 0, 0, 0))


# --- the order that they make, seen on one morning (R7.2)

SCENARIO = Scenario(
    slots=((0, HOUR), (HOUR, 2 * HOUR)), numbers=8, capacities=(4, 4), walk_ins=(0.0, 2.0, 2.0), bookings=4,
    visit_minutes=(15.0, 15.0),
)  # fmt: skip


def order(policy, arrivals):
    """Who is called when everybody is there before the expert, first to last. `arrivals` (minutes): booked 0 to 3 in
    the order of their times, then walk-ins 4 to 7; the expert comes at 1:30."""
    plan = policy(SCENARIO)
    taken = sum(plan.bookable)
    slot = [place for place, booked in enumerate(plan.bookable) for _ in range(booked)]
    who = Patients(
        booked=np.arange(8) < taken,
        slot=np.array(slot + [-1] * (8 - taken), dtype=np.int32),
        at=60 * np.array([arrivals], dtype=np.int32),
        length=np.ones((1, 8)),
        back=np.full((1, 8), -1, dtype=np.int32),
        delay=np.array([90 * 60], dtype=np.int32),
    )
    return np.argsort(events.play(SCENARIO, plan, who).called[0]).tolist()


def test_with_times_fixed_when_booking_the_own_time_decides_and_not_the_check_in():
    """R7.2: two booked and two walk-ins an hour, in turn. Booked ones are called by their times though they check in
    in the opposite order; walk-ins have the times between, by registration."""
    plan = policies.fixed_time(SCENARIO)
    assert plan.bookable == (0, 1, 0, 1, 0, 1, 0, 1)
    assert plan.appointed == (15 * 60, 45 * 60, 75 * 60, 105 * 60)
    assert order(policies.fixed_time, [-1, -2, -3, -4, -20, -19, -18, -17]) == [4, 0, 5, 1, 6, 2, 7, 3]


def test_with_the_place_fixed_at_check_in_arrival_alone_decides():
    """R7.2: whatever was booked, for whichever hour, however early."""
    arrivals = [-1, -2, -13, -55, -50, -29, -8, -17]
    assert order(policies.at_check_in, arrivals) == np.argsort(arrivals).tolist()


def test_the_studys_order_is_slot_by_slot_booked_first_and_ours_by_arrival():
    """R4.2: two booked of the first slot came after its walk-ins."""
    arrivals = [-1, -2, -13, -44, -20, -29, -8, -7]
    assert order(policies.study, arrivals) == [1, 0, 5, 4, 3, 2, 6, 7]
    assert order(policies.ours, arrivals)[:4] == [5, 4, 1, 0]
