"""The optimiser keeps what must be kept, does the same twice, and misses nothing on worlds small enough to try all."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queueboard.simulation import mornings, optimise, policies, study
from queueboard.simulation.optimise import Limits
from queueboard.simulation.scenario import Order, Plan, Scenario

MINUTE = 60


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(optimise, "SEARCHED", 100)
    monkeypatch.setattr(optimise, "CHECKED", 100)
    monkeypatch.setattr(optimise, "FINALISTS", 5)
    monkeypatch.setattr(optimise, "MOST_TRIED", 80)
    monkeypatch.setattr(optimise, "LEVELS", 3)


@st.composite
def tasks(draw):
    """A scenario of one to four slots, a plan to start from, what is booked and locked in it, limits or none."""
    edges = sorted(draw(st.sets(st.integers(1, 12), min_size=1, max_size=4)))
    slots = tuple((10 * MINUTE * a, 10 * MINUTE * b) for a, b in pairwise([0, *edges]))
    few = st.lists(st.integers(0, 4), min_size=len(slots), max_size=len(slots)).map(tuple)
    bookable, walk_in = draw(few), draw(few)
    scenario = Scenario(
        slots=slots,
        opens=-10 * MINUTE,
        numbers=sum(bookable) + sum(walk_in),
        capacities=tuple(map(sum, zip(bookable, walk_in, strict=True))),
        walk_ins=(draw(st.sampled_from([0.0, 2.0])), *([draw(st.sampled_from([0.0, 1.0, 3.0]))] * len(slots))),
        bookings=draw(st.integers(0, 8)),
        visit_minutes=(draw(st.sampled_from([1.0, 7.5, 30.0])),) * len(slots),
        start_delay=draw(st.sampled_from([(0.0, 0.0), (12.0, 3.0)])),
        absent=draw(st.sampled_from([0.0, 0.3])),
        missed=draw(st.sampled_from([0.0, 0.2])),
        never_back=0.5,
        punctuality=study.PUNCTUALITY,
    )
    start = policies.plan(slots, bookable, walk_in)
    held = tuple(draw(st.integers(0, most)) for most in bookable)
    locks = [draw(st.sampled_from([None, pair])) for pair in zip(bookable, walk_in, strict=True)]
    limits = draw(st.sampled_from([None, Limits(start), Limits(policies.today(scenario))]))
    return scenario, start, {"held": held, "locked": locks, "limits": limits}


def kept(start: Plan, plan: Plan, *, held, locked, **_) -> None:
    """R2.4, R2.5."""
    assert (sum(plan.bookable), sum(plan.walk_in)) == (sum(start.bookable), sum(start.walk_in))
    assert min(*plan.bookable, *plan.walk_in) >= 0
    assert all(here >= booked for here, booked in zip(plan.bookable, held, strict=True))
    pairs = zip(plan.bookable, plan.walk_in, strict=True)
    assert all(lock in (None, pair) for pair, lock in zip(pairs, locked, strict=True))
    assert plan.appointed == policies.plan(plan.slots, plan.bookable, plan.walk_in).appointed


@settings(max_examples=40, deadline=None)
@given(tasks(), st.sampled_from([0.0, 0.4, 1.0]))
def test_numbers_are_kept_never_under_booked_and_locked_slots_stay(task, weight):
    scenario, start, terms = task
    found = optimise.optimise(scenario, start, weight=weight, **terms)
    kept(start, found.plan, **terms)
    assert found.better or found.plan == start


@settings(max_examples=10, deadline=None)
@given(tasks())
def test_every_point_of_the_front_keeps_them_too_and_none_beats_another(task):
    scenario, start, terms = task
    front = optimise.front(scenario, start, **terms)
    for each in front:
        kept(start, each.plan, **terms)
    for one, other in pairwise(front):
        assert one.walk_in.value < other.walk_in.value
        assert one.booked.value > other.booked.value


@settings(max_examples=10, deadline=None)
@given(tasks())
def test_the_same_twice(task):
    """R2.6"""
    scenario, start, terms = task
    first, second = (optimise.optimise(scenario, start, **terms) for _ in range(2))
    assert (first.plan, first.better, first.tried) == (second.plan, second.better, second.tried)
    np.testing.assert_array_equal(first.judged.walk_in.groups, second.judged.walk_in.groups)


@pytest.mark.parametrize("limited", [False, True])
@pytest.mark.parametrize("weight", [0.1, 0.5, 0.9])
def test_on_a_small_world_trying_all_finds_nothing_better(monkeypatch, weight, limited):
    """Two slots, 5 numbers to book and 4 for walk-ins: 6 x 5 splits. On other mornings than those of the search none of
    the 30 that keep the limits is better than the one found, beyond what noise and the tolerance allow."""
    monkeypatch.setattr(optimise, "SEARCHED", 1000)
    monkeypatch.setattr(optimise, "CHECKED", 1000)
    scenario = Scenario(
        slots=((0, 30 * MINUTE), (30 * MINUTE, 60 * MINUTE)), opens=-10 * MINUTE, numbers=9, capacities=(5, 4),
        walk_ins=(2.0, 1.0, 1.0), bookings=5, visit_minutes=(7.0, 7.0), start_delay=(5.0, 2.0),
    )  # fmt: skip
    start = policies.plan(scenario.slots, (3, 2), (2, 2))
    limits = Limits(start) if limited else None
    found = optimise.optimise(scenario, start, weight=weight, limits=limits)
    drawn = mornings.draw(scenario, 4000, np.random.default_rng(99))
    limit = optimise.judge(scenario, start, drawn) if limited else None
    mine = optimise.judge(scenario, found.plan, drawn)
    assert optimise.breach(mine, limit) == 0
    for booked in range(6):
        for walk_ins in range(5):
            plan = policies.plan(scenario.slots, (booked, 5 - booked), (walk_ins, 4 - walk_ins))
            other = optimise.judge(scenario, plan, drawn)
            if optimise.breach(other, limit, tolerance=0) == 0:
                better = mine.cost(weight) - other.cost(weight)
                assert better.value - better.margin < optimise.TOLERANCE


def test_where_another_split_is_far_better_it_is_found():
    """The booked all in the first slot, whom the expert's late start keeps waiting: later they wait less, and so do the
    walk-ins."""
    scenario = study.scenario()
    start = policies.today(scenario)
    found = optimise.optimise(scenario, start)
    assert found.better
    saved = found.start.cost(0.5) - found.judged.cost(0.5)
    assert saved.value - saved.margin > 30


def test_the_limits_are_kept():
    """The study's split lets the booked wait longer than today; under today's limits another is chosen."""
    scenario = study.scenario()
    today, start = policies.today(scenario), policies.study(scenario)
    limits = Limits(today)
    found = optimise.optimise(scenario, start, limits=limits)
    drawn = mornings.draw(scenario, 4000, np.random.default_rng(99))
    limit = optimise.judge(scenario, today, drawn)
    assert optimise.breach(optimise.judge(scenario, start, drawn), limit) > 5
    assert optimise.breach(optimise.judge(scenario, found.plan, drawn), limit) < 1.5  # of 100 mornings' search


def test_the_order_is_searched_where_asked():
    """All that is locked is the split: only who goes first in a slot is left to choose (R4.2)."""
    scenario = study.scenario()
    start = policies.study(scenario)
    locked = tuple(zip(start.bookable, start.walk_in, strict=True))
    orders = optimise.orders_around(optimise.order_of(start))
    assert Order(booked_first=False) in orders
    found = optimise.optimise(scenario, start, weight=1.0, locked=locked, orders=orders)
    assert (found.plan.bookable, found.plan.booked_first) == (start.bookable, False)
    assert optimise.optimise(scenario, start, weight=1.0, locked=locked).plan == start


def test_a_lost_patient_is_a_breach():
    scenario = study.scenario()
    plan = policies.study(scenario)
    judged = optimise.judge(scenario, plan, mornings.draw(scenario, 20, np.random.default_rng(1)))
    worse = replace(judged, lost=optimise.Figure(judged.lost.groups + 1))
    assert optimise.breach(judged, judged) == 0
    assert optimise.breach(worse, judged) == pytest.approx(60)


@pytest.mark.parametrize("terms", [{"weight": 1.5}, {"held": (5, 0, 0, 0)}, {"locked": ((1, 1), None, None, None)}])
def test_what_cannot_be_is_refused(terms):
    scenario = study.scenario()
    with pytest.raises(ValueError, match=r"weight|booked or locked"):
        optimise.optimise(scenario, policies.study(scenario), **terms)
