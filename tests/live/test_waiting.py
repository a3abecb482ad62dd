"""R5.2: waiting times as sums of visit lengths, against theory and simulation."""

import numpy as np
import pytest

from queueboard.waiting import gamma_quantile, predict, remaining

RNG_SEED = 20261123


def test_nobody_ahead_and_a_free_room_is_no_wait():
    assert predict([0], visit_minutes=6, visit_sd=4, serving_for=None) == [(0.0, 0.0)]


@pytest.mark.parametrize(("n", "sd"), [(1, 6.0), (3, 6.0), (10, 3.0), (30, 6.0)])
def test_so_many_visits_take_as_long_as_their_sum(n, sd):
    """The sum of n gamma lengths is gamma with n times the mean and variance: drawn, not computed by the code."""
    rng = np.random.default_rng(RNG_SEED)
    sums = rng.gamma((6 / sd) ** 2, sd**2 / 6, size=(200_000, n)).sum(axis=1)
    [(median, p90)] = predict([n], visit_minutes=6, visit_sd=sd, serving_for=None)
    assert median == pytest.approx(np.quantile(sums, 0.5), rel=0.03)
    assert p90 == pytest.approx(np.quantile(sums, 0.9), rel=0.03)


def test_the_exponential_distribution_forgets_how_long_it_has_lasted():
    """A gamma length with sd = mean is exponential: what is left has mean and sd of the whole, whatever has passed."""
    for elapsed in (0.0, 5.0, 200.0):
        left, variance = remaining(elapsed, 6.0, 6.0)
        assert left == pytest.approx(6.0, rel=0.02)
        assert variance == pytest.approx(36.0, rel=0.05)


def test_a_regular_visit_that_has_lasted_long_is_soon_over():
    early, _ = remaining(1.0, 6.0, 2.0)
    late, _ = remaining(8.0, 6.0, 2.0)
    assert early == pytest.approx(5.0, abs=0.2)
    assert 0 < late < 2


def test_what_is_left_agrees_with_drawn_visits_that_lasted_so_long():
    rng = np.random.default_rng(RNG_SEED)
    visits = rng.gamma(4, 1.5, size=400_000)
    beyond = visits[visits > 7] - 7
    left, variance = remaining(7.0, 6.0, 3.0)
    assert left == pytest.approx(beyond.mean(), rel=0.03)
    assert variance == pytest.approx(beyond.var(), rel=0.06)


def test_waits_grow_with_the_place_and_the_range_holds_the_median():
    waits = predict(range(20), visit_minutes=5, visit_sd=3, serving_for=2)
    medians, p90s = zip(*waits, strict=True)
    assert list(medians) == sorted(medians)
    assert list(p90s) == sorted(p90s)
    assert all(median < p90 for median, p90 in waits)


def test_two_rooms_halve_a_long_wait():
    [(one, _)] = predict([20], visit_minutes=6, visit_sd=3, serving_for=3)
    [(two, _)] = predict([20], visit_minutes=6, visit_sd=3, serving_for=3, rooms=2)
    assert two == pytest.approx(one / 2, rel=0.02)


def test_lengths_that_never_vary_are_added_up():
    [(median, p90)] = predict([10], visit_minutes=6, visit_sd=0, serving_for=None)
    assert median == pytest.approx(60, rel=0.01)
    assert p90 == pytest.approx(60, rel=0.05)


def test_a_quantile_of_nothing_is_nothing():
    assert gamma_quantile(0.0, 0.0, 1.28) == 0.0


@pytest.mark.parametrize("wrong", [{"visit_minutes": 0}, {"rooms": 0}])
def test_nonsense_is_refused(wrong):
    with pytest.raises(ValueError, match="positive"):
        predict([1], **({"visit_minutes": 5, "visit_sd": 1, "serving_for": None, "rooms": 1} | wrong))
