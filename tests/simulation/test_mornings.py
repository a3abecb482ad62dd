"""Mornings as they are drawn: what was asked for, and the same people under every policy (R7)."""

from dataclasses import replace

import numpy as np
import pytest

from queueboard.simulation import mornings, policies, study
from queueboard.simulation.scenario import NEVER, Mornings

MANY = 4000
HOUR = 3600


def draw(count=MANY, seed=3, **assumptions):
    return mornings.draw(study.scenario(**assumptions), count, np.random.default_rng(seed))


def about(values, expected, sd=None):
    """Whether the mean is the expected one, within 4 standard errors."""
    values = np.asarray(values, dtype=float)
    error = (values.std(ddof=1) if sd is None else sd) / np.sqrt(values.size)
    return abs(values.mean() - expected) < 4 * error


def same(one, other):
    return [name for name in Mornings.__slots__ if not np.array_equal(getattr(one, name), getattr(other, name))] == []


def test_a_seed_gives_the_same_mornings_and_another_seed_others():
    assert same(draw(50), draw(50))
    assert not same(draw(50), draw(50, seed=4))


def test_walk_ins_come_at_the_rates_asked_for():
    """A Poisson number in each interval: its mean and its variance are the expected count."""
    expected = (9.0, 6.0, 4.0, 2.0, 0.0)
    at = draw(walk_ins=expected).walk_in_at
    for interval, count in enumerate(expected):
        begin = (interval - 1) * HOUR
        came = ((at >= begin) & (at < begin + HOUR)).sum(axis=1)
        assert about(came, count) or count == came.max() == 0
        assert came.var() == pytest.approx(count, rel=0.12)


def test_walk_ins_come_in_order_and_while_registration_is_open():
    at = draw().walk_in_at
    assert (np.diff(at, axis=1) >= 0).all()
    came = at[at < NEVER]
    assert came.min() >= -HOUR
    assert came.max() < 4 * HOUR


def test_walk_ins_are_spread_evenly_within_an_interval():
    at = draw(walk_ins=(0.0, 8.0, 0.0, 0.0, 0.0)).walk_in_at
    came = at[at < NEVER] / HOUR
    assert about(came, 0.5)
    assert came.var() == pytest.approx(1 / 12, rel=0.05)


def test_booked_patients_come_early_on_time_late_or_never_as_measured():
    """The shares of check-ins between the quantiles given are the quantiles' own."""
    offset = draw(absent=0.1).booked_offset
    assert about(offset == NEVER, 0.1)
    minutes = offset[offset < NEVER] / 60
    points = study.PUNCTUALITY
    for place, quantile in enumerate(points[1:-1], start=1):
        assert about(minutes < quantile, place / (len(points) - 1))
    assert minutes.min() >= points[0]
    assert minutes.max() <= points[-1]


def test_visits_have_the_mean_and_the_spread_asked_for():
    drawn = draw(visit_cv=0.7)
    lengths = np.concatenate([drawn.walk_in_length, drawn.booked_length], axis=1)
    assert about(lengths, 1.0)
    assert lengths.std() == pytest.approx(0.7, rel=0.03)
    assert (draw(10, visit_cv=0.0).booked_length == 1.0).all()


def test_the_expert_is_late_as_measured():
    delay = draw(start_delay=(48.0, 6.0)).delay / 60
    assert about(delay, 48.0)
    assert delay.std() == pytest.approx(6.0, rel=0.1)
    assert (draw(10, start_delay=(15.0, 0.0)).delay == 15 * 60).all()
    assert (draw(10, start_delay=(0.0, 0.0)).delay == 0).all()


def test_calls_are_missed_and_reported_back_from_as_asked_for():
    back = draw(missed=0.2, never_back=0.3, back_minutes=10.0).booked_back
    missed = back >= 0
    assert about(missed, 0.2)
    assert about(back[missed] == NEVER, 0.3)
    assert about(back[missed & (back < NEVER)] / 60, 10.0)
    assert (draw(10, missed=0.0).walk_in_back == mornings.ANSWERS).all()


def test_nobody_comes_where_nobody_is_expected():
    drawn = draw(5, walk_ins=(0.0,) * 5, bookings=0)
    assert drawn.walk_in_at.shape == drawn.booked_offset.shape == (5, 0)


@pytest.fixture(scope="module")
def scenario():
    return study.scenario(absent=0.1, missed=0.1, never_back=0.3, instead=0.5)


@pytest.fixture(scope="module")
def drawn(scenario):
    return mornings.draw(scenario, 50, np.random.default_rng(3))


class TestCommonRandomNumbers:
    """The j-th walk-in and the k-th who would like to book are the same person under every policy."""

    @pytest.mark.parametrize("policy", policies.POLICIES.values(), ids=policies.POLICIES)
    def test_walk_ins_and_lengths_and_the_delay_do_not_depend_on_the_policy(self, scenario, drawn, policy):
        who = mornings.patients(scenario, policy(scenario), drawn)
        np.testing.assert_array_equal(who.at[:, scenario.bookings :], drawn.walk_in_at)
        np.testing.assert_array_equal(who.length, np.hstack([drawn.booked_length, drawn.walk_in_length]))
        np.testing.assert_array_equal(who.back, np.hstack([drawn.booked_back, drawn.walk_in_back]))
        np.testing.assert_array_equal(who.delay, drawn.delay)

    @pytest.mark.parametrize("policy", policies.POLICIES.values(), ids=policies.POLICIES)
    def test_who_books_is_as_early_or_late_as_under_any_other(self, scenario, drawn, policy):
        plan = policy(scenario)
        who = mornings.patients(scenario, plan, drawn)
        taken = int(who.booked.sum())
        assert taken == min(scenario.bookings, sum(plan.bookable))
        comes = drawn.booked_offset[:, :taken] < NEVER
        np.testing.assert_array_equal(who.at[:, :taken] < NEVER, comes)
        expected = np.maximum(np.array(plan.appointed[:taken]) + drawn.booked_offset[:, :taken], scenario.opens)
        np.testing.assert_array_equal(who.at[:, :taken][comes], expected[comes])

    def test_who_finds_nothing_to_book_comes_as_a_walk_in_or_stays_away(self, scenario, drawn):
        who = mornings.patients(scenario, policies.none_booked(scenario), drawn)
        assert not who.booked.any()
        instead = who.at[:, : scenario.bookings]
        assert about(instead < NEVER, scenario.instead)
        there = instead[instead < NEVER]
        assert scenario.opens <= there.min()
        assert there.max() < scenario.ends

    def test_a_booked_patients_slot_is_the_one_of_the_number(self, scenario, drawn):
        plan = policies.split(scenario, (2, 0, 5, 4))
        who = mornings.patients(scenario, plan, drawn)
        assert who.slot[who.booked].tolist() == [0] * 2 + [2] * 5 + [3] * 4
        assert (who.slot[~who.booked] == -1).all()

    def test_nobody_checks_in_before_the_doors_open(self, scenario, drawn):
        early = replace(scenario, punctuality=(-600.0, -500.0))
        who = mornings.patients(early, policies.all_booked(early), draw(20, punctuality=early.punctuality))
        assert (who.at[:, who.booked] == scenario.opens).any()
        assert (who.at[:, who.booked] >= scenario.opens).all()
