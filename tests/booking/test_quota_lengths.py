"""R2.2 and R2.3: how long a visit takes, foretold from the visits of the past."""

import math
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.quotas import consultations as records
from bench.quotas.lengths import OURS_GAMMA, PLAIN, WEEKS, score
from booking import quota
from booking.quota import QuotaError

MONDAY = date(2019, 1, 7).toordinal()
SLOTS = 2
STATED = quota.stated_length_prior(10, SLOTS)


def raises(code):
    """A QuotaError with this code and no other."""
    return pytest.raises(QuotaError, check=lambda error: error.code == code)


def visits(days, slots, minutes):
    return quota.Visits(np.array(days, dtype=int), np.array(slots, dtype=int), minutes, SLOTS)


def weekly(minutes):
    """A session each Monday; `minutes`: (sessions, slots, visits)."""
    weeks, slots, _ = np.indices(minutes.shape)
    return visits((MONDAY + 7 * weeks).ravel(), slots.ravel(), minutes.ravel())


def drawn(seed, means, sessions=40, each=8, spread=0.4):
    """Log-normal visits with these means by slot."""
    errors = np.random.default_rng(seed).normal(0, spread, (sessions, SLOTS, each))
    return np.array(means, dtype=float)[:, None] * np.exp(errors - spread**2 / 2)


@st.composite
def histories(draw):
    visit = st.tuples(st.integers(MONDAY, MONDAY + 40), st.integers(0, SLOTS - 1), st.floats(0, 1000))
    return draw(st.lists(visit, max_size=20))


def same(one, other):
    for name in ("mean", "median", "low", "high", "log_variance", "effective_visits", "department_share"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-7, err_msg=name)
    assert one.visits == other.visits


# --- R2.2: little history


class TestPrior:
    def test_without_history_the_forecast_is_the_stated_default(self):
        told = quota.forecast_lengths(visits([], [], []), MONDAY, STATED)
        np.testing.assert_allclose(told.mean, 10, rtol=1e-12)
        np.testing.assert_allclose(told.department_share, 1)
        assert told.visits == told.scored == 0
        assert told.scores == {}

    def test_without_history_the_forecast_is_the_departments(self):
        colleagues = [weekly(drawn(seed, [8, 14])) for seed in range(4)]
        prior = quota.department_length_prior(colleagues, STATED)
        told = quota.forecast_lengths(visits([], [], []), MONDAY, prior)
        np.testing.assert_allclose(told.log_mean, prior.log_means, rtol=1e-12)
        np.testing.assert_allclose(told.mean, [8, 14], rtol=0.06)
        assert prior.experts == 4
        assert prior.visit_variance == pytest.approx(0.16, rel=0.1)

    def test_colleagues_without_a_visit_leave_the_stated_default(self):
        assert quota.department_length_prior([visits([], [], [])], STATED) is STATED

    def test_one_visit_moves_the_forecast_towards_it_but_not_all_the_way(self):
        told = quota.forecast_lengths(visits([MONDAY], [0], [30.0]), MONDAY + 7, STATED)
        assert (told.mean > 10).all()
        assert (told.mean < 30).all()
        assert 0 < told.department_share[0] < told.department_share[1] <= 1 + 1e-9

    def test_a_slot_without_visits_leans_on_the_expert(self):
        """All visits are in the first slot; the department's second slot is twice as long as its first."""
        colleagues = [weekly(drawn(seed, [8, 16])) for seed in range(4)]
        prior = quota.department_length_prior(colleagues, STATED)
        first = drawn(9, [16, 16], sessions=30)[:, :1]
        told = quota.forecast_lengths(weekly(first), MONDAY + 7 * 30, prior)
        np.testing.assert_allclose(told.mean, [16, 32], rtol=0.1)
        assert told.department_share[1] > told.department_share[0]

    def test_what_was_no_visit_is_left_out(self):
        """A slip of the hand, and a visit that nobody ended before the next day."""
        slips = visits([MONDAY] * 4, [0, 0, 1, 1], [12.0, 0.0, 0.1, 1500.0])
        same(
            quota.forecast_lengths(slips, MONDAY + 7, STATED),
            quota.forecast_lengths(visits([MONDAY], [0], [12.0]), MONDAY + 7, STATED),
        )


# --- R2.2, R2.3: the expert's own


class TestOwnHistory:
    def test_the_mean_of_each_slot_is_found(self):
        """R2.3 divides by it: 5 sigma of 400 visits that scatter by 0.4 is 0.1."""
        told = quota.forecast_lengths(weekly(drawn(1, [6, 12], sessions=50)), MONDAY + 350, STATED)
        np.testing.assert_allclose(told.mean, [6, 12], rtol=0.1)
        assert told.half_life == math.inf

    def test_the_interval_holds_four_of_five_visits(self):
        """Of 2,000 new ones: 5 sigma is 4.5%; the estimate itself adds a little."""
        told = quota.forecast_lengths(weekly(drawn(2, [6, 12], sessions=50)), MONDAY + 350, STATED)
        new = drawn(3, [6, 12], sessions=250)
        inside = (new >= told.low[:, None]) & (new <= told.high[:, None])
        assert inside.mean() == pytest.approx(0.8, abs=0.05)

    def test_the_forecast_follows_visits_that_grow_shorter(self):
        """From 16 to 8 minutes within a year: the mean of all is near 12."""
        shorter = drawn(4, [1, 1], sessions=52) * np.linspace(16, 8, 52)[:, None, None]
        told = quota.forecast_lengths(weekly(shorter), MONDAY + 7 * 52, STATED)
        assert (told.mean < 9.8).all()
        assert told.half_life <= 112
        assert told.scores["ours"].log_score < told.scores["plain_mean"].log_score
        assert told.scores["ours"].absolute_error < told.scores["plain_mean"].absolute_error


# --- Properties


class TestProperties:
    @given(histories(), st.integers(0, 100))
    @settings(max_examples=25, deadline=None)
    def test_a_forecast_is_finite_and_its_interval_holds_the_median(self, history, later):
        log = visits(*zip(*history, strict=True)) if history else visits([], [], [])
        told = quota.forecast_lengths(log, MONDAY + later, STATED)
        for values in (told.mean, told.low, told.high, told.log_variance):
            assert np.isfinite(values).all()
            assert (values > 0).all()
        assert (told.low < told.median).all()
        assert (told.median < told.high).all()
        assert (told.department_share >= 0).all()
        assert (told.department_share <= 1 + 1e-12).all()
        assert all(math.isfinite(each.log_score) for each in told.scores.values())

    @given(histories().filter(bool), st.randoms(use_true_random=False))
    @settings(max_examples=25, deadline=None)
    def test_the_order_of_visits_does_not_matter(self, history, random):
        shuffled = list(history)
        random.shuffle(shuffled)
        one, other = (visits(*zip(*each, strict=True)) for each in (history, shuffled))
        same(quota.forecast_lengths(one, MONDAY + 41, STATED), quota.forecast_lengths(other, MONDAY + 41, STATED))

    @given(histories().filter(bool), st.integers(MONDAY, MONDAY + 41), st.floats(1, 300))
    @settings(max_examples=25, deadline=None)
    def test_what_comes_later_changes_no_earlier_forecast(self, history, day, minutes):
        changed = [(at, slot, minutes if at >= day and length >= 1 else length) for at, slot, length in history]
        one, other = (visits(*zip(*each, strict=True)) for each in (history, changed))
        before, after = quota.rolling_lengths(one, STATED), quota.rolling_lengths(other, STATED)
        until = one.day <= day
        np.testing.assert_array_equal(before.log_mean[until], after.log_mean[until])
        np.testing.assert_array_equal(before.log_variance[until], after.log_variance[until])
        then = quota.forecast_lengths(one, day, STATED), quota.forecast_lengths(other, day, STATED)
        same(*then)
        assert then[0].scores == then[1].scores


# --- Bad input


@pytest.mark.parametrize(
    ("code", "days", "slots", "minutes"),
    [
        ("bad_history", [1.5], [0], [5]),
        ("bad_history", [1], [2], [5]),
        ("bad_history", [1], [-1], [5]),
        ("bad_visits", [1], [0], [-5]),
        ("bad_visits", [1], [0], [math.nan]),
        ("bad_visits", [1], [0], [math.inf]),
        ("lengths_differ", [1, 2], [0], [5]),
    ],
)
def test_visits_that_are_none_are_refused(code, days, slots, minutes):
    with raises(code):
        quota.Visits(days, slots, minutes, SLOTS)


def test_priors_with_other_slots_or_no_length_are_refused():
    with raises("no_slots"):
        quota.Visits([1], [0], [5], 0)
    with raises("lengths_differ"):
        quota.forecast_lengths(visits([MONDAY], [0], [5]), MONDAY + 7, quota.stated_length_prior(10, 3))
    with raises("lengths_differ"):
        quota.department_length_prior([visits([MONDAY], [0], [5])], quota.stated_length_prior(10, 3))
    for minutes, slots in ((0, 2), (-1, 2), (math.nan, 2), (10, 0)):
        with raises("bad_setting"):
            quota.stated_length_prior(minutes, slots)


# --- R2.2 on the real consultations


@pytest.fixture(scope="module", params=list(records.STARTS))
def scored(request, consultations):
    return score(records.read(consultations, request.param))


class TestRealConsultations:
    def test_ours_foretells_better_than_the_plain_mean_and_four_weeks(self, scored):
        for rival in (PLAIN, WEEKS):
            assert scored.log_score[rival].more > 0, rival
            assert scored.absolute_error[rival].more > 0, rival

    def test_it_is_calibrated(self, scored):
        assert scored.uniformity.distance < scored.uniformity.critical
        assert abs(scored.uniformity.covered - 0.8) < scored.uniformity.margin

    def test_log_normal_foretells_better_than_gamma(self, scored):
        assert scored.log_score[OURS_GAMMA].more > scored.log_score[OURS_GAMMA].margin

    def test_the_mean_that_a_capacity_divides_by_is_near_that_of_all_visits(self, scored):
        """R2.3: this expert hardly changes over the year and a half."""
        np.testing.assert_allclose(scored.next_session.mean, scored.means, rtol=0.05)


def test_mornings_and_afternoons_are_read_apart(consultations):
    """R2.3. The counts are those of the file's own description: 4,531 visits in 266 half-days."""
    mornings, afternoons = (records.read(consultations, half_day) for half_day in records.STARTS)
    assert len(mornings.minutes) + len(afternoons.minutes) == 4531
    assert len(set(mornings.days)) + len(set(afternoons.days)) == 266
