"""R2.2: the distribution of counts, against the standard library and sums over all counts."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.quota import negative_binomial as nb

MEANS = st.floats(0.001, 200)
VARIANCES = st.floats(0, 3)


@given(st.floats(1e-9, 1e12))
def test_log_gamma_is_that_of_the_standard_library(x):
    assert nb.log_gamma(x) == pytest.approx(math.lgamma(x), rel=1e-13, abs=1e-10)


@pytest.mark.parametrize(("mean", "variance"), [(0.05, 0), (1, 0), (8, 0), (8, 0.1), (3, 0.5), (40, 0.02), (2, 2)])
def test_probabilities_sum_to_one_with_the_mean_and_variance_asked_for(mean, variance):
    counts = np.arange(5000)
    mass = np.exp(nb.log_pmf(counts, mean, variance))
    assert mass.sum() == pytest.approx(1, abs=1e-9)
    assert mass @ counts == pytest.approx(mean, rel=1e-6)
    # Without relative variance it is all but a Poisson's: LEAST_VARIANCE is left of it.
    assert mass @ (counts - mean) ** 2 == pytest.approx(mean + variance * mean**2, rel=1e-4)


@pytest.mark.parametrize("mean", [0.3, 4.0, 30.0])
def test_without_relative_variance_it_is_a_poisson(mean):
    for count in range(60):
        poisson = count * math.log(mean) - mean - math.lgamma(count + 1)
        assert nb.log_pmf(count, mean, 0) == pytest.approx(poisson, abs=2e-3)


@given(MEANS, VARIANCES)
def test_a_quantile_is_the_least_count_whose_probability_of_at_most_that_is_the_share(mean, variance):
    for share in (0.1, 0.5, 0.9):
        (found,) = nb.quantiles(mean, variance, (share,))
        assert nb.cdf(found, mean, variance) >= share
        assert nb.cdf(found - 1, mean, variance) < share


@given(MEANS, VARIANCES, st.integers(-1, 300))
def test_the_probability_of_at_most_a_count_is_the_sum_of_those_up_to_it(mean, variance, count):
    summed = np.exp(nb.log_pmf(np.arange(count + 1), mean, variance)).sum()
    assert nb.cdf(count, mean, variance) == pytest.approx(summed, abs=1e-8)


@given(st.floats(0, 1e6), st.floats(0, 100), st.integers(0, 10**6))
def test_every_count_has_a_finite_log_score_even_where_nobody_was_expected(mean, variance, count):
    assert math.isfinite(nb.log_pmf(count, mean, variance))


@pytest.mark.parametrize(("mean", "variance"), [(1e4, 0), (2e4, 0.0278), (1e4, 0.0123)])
def test_large_counts_have_quantiles_too(mean, variance):
    """Far from 0, where the probability of nobody is less than a float can hold."""
    low, median, high = nb.quantiles(mean, variance, (0.1, 0.5, 0.9))
    spread = math.sqrt(mean + variance * mean**2)
    assert median == pytest.approx(mean, abs=0.1 * spread)
    assert high - low == pytest.approx(2.56 * spread, rel=0.05)
