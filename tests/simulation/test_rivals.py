"""Whether any split beats another for walk-ins and for booked patients at once: the bound excludes none that does."""

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueboard.simulation import mornings, optimise, policies, rivals
from queueboard.simulation.optimise import Limits
from queueboard.simulation.scenario import Order, Scenario

MINUTE = 60
SMALL = Scenario(
    slots=((0, 30 * MINUTE), (30 * MINUTE, 60 * MINUTE)), opens=-10 * MINUTE, numbers=7, capacities=(4, 3),
    walk_ins=(2.0, 1.0, 1.0), bookings=4, visit_minutes=(7.0, 7.0), start_delay=(5.0, 2.0),
)  # fmt: skip
ORDERS = (Order(booked_first=True), Order(booked_first=False))


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(rivals, "PLAYED", 200)
    monkeypatch.setattr(rivals, "CONFIRMED", 600)


@given(st.integers(0, 6), st.integers(1, 4))
def test_all_ways_to_put_numbers_into_slots(count, slots):
    found = list(rivals.parts(count, slots))
    assert len(set(found)) == len(found) == comb(count + slots - 1, slots - 1)
    assert all(len(each) == slots and sum(each) == count and min(each) >= 0 for each in found)


@pytest.mark.parametrize("start", [((4, 0), (0, 3)), ((0, 4), (3, 0)), ((2, 2), (2, 1))])
@pytest.mark.parametrize("limited", [False, True])
def test_what_the_bound_leaves_out_does_not_beat_it(start, limited):
    """Everything is played here, on mornings of its own: no placing of bookings that was left out has a split that is
    better for both."""
    plan = policies.plan(SMALL.slots, *start)
    limits = Limits(plan) if limited else None
    found = rivals.rivals(SMALL, plan, limits=limits, orders=ORDERS)
    drawn = mornings.draw(SMALL, 600, np.random.default_rng(77))
    mine = optimise.judge(SMALL, plan, drawn)
    for bookable in rivals.parts(4, 2):
        for walk_in in rivals.parts(3, 2):
            for order in ORDERS:
                other = optimise.ordered(policies.plan(SMALL.slots, bookable, walk_in), order)
                judged = optimise.judge(SMALL, other, drawn)
                saved = [judged.walk_in - mine.walk_in, judged.booked - mine.booked]
                far = all(each.value + 2 * each.margin < 0 for each in saved)
                if far and (not limited or optimise.breach(judged, mine, booked=False, tolerance=0) == 0):
                    assert bookable in found.possible
    for each in found.better:
        again = optimise.judge(SMALL, each.plan, drawn)
        assert again.walk_in.value < mine.walk_in.value
        assert again.booked.value < mine.booked.value


def test_bookings_that_crowd_a_late_start_are_beaten():
    late = Scenario(
        slots=SMALL.slots, opens=-600, numbers=7, capacities=(4, 3), walk_ins=(3.0, 0.0, 0.0), bookings=4,
        visit_minutes=(4.0, 4.0), start_delay=(20.0, 2.0),
    )  # fmt: skip
    plan = policies.plan(late.slots, (4, 0), (0, 3))
    assert rivals.rivals(late, plan, limits=None).better
