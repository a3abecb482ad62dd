"""Counts that vary more than a Poisson's: the negative binomial in numpy, by its mean and relative variance.

A count that is Poisson given its rate, with a rate that is gamma distributed, has the variance m + r m^2: m is its mean
and r the relative variance (variance / mean^2) of the rate. r = 0 is the Poisson itself.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

# Below this a negative binomial and a Poisson cannot be told apart, and its gamma functions lose digits.
LEAST_VARIANCE = 1e-6
# A mean of nothing would make one walk-in impossible: its log score is then low, but finite.
LEAST_MEAN = 1e-9
# Below the mean by so many standard deviations less than 1e-9 is left, and probabilities that a float can hold begin.
TAIL = 6.0


def log_gamma(x: ArrayLike) -> Array:
    """ln of the gamma function, for x > 0, elementwise; good to 1e-10 up to 100 and to 1e-14 of itself beyond.

    Stirling's series (Abramowitz and Stegun 6.1.41) at x + 8, and back by the recurrence gamma(x + 1) = x gamma(x).
    """
    low = np.asarray(x, dtype=float)
    pairs = low * (low + 7.0)  # then (x+1)(x+6), (x+2)(x+5) and (x+3)(x+4) are this and 6, 10 and 12 more
    steps = pairs * (pairs + 6.0) * (pairs + 10.0) * (pairs + 12.0)
    z = low + 8.0
    inverse = 1.0 / z
    square = inverse * inverse
    series = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680)))
    return (z - 0.5) * np.log(z) - z + 0.5 * np.log(2 * np.pi) + series - np.log(steps)


def log_pmf(counts: ArrayLike, mean: ArrayLike, variance: ArrayLike) -> Array:
    """ln of the probability of each count. `variance`: the relative variance of the rate. Broadcasts; always finite."""
    n, m = np.asarray(counts, dtype=float), np.maximum(mean, LEAST_MEAN)
    r = np.maximum(variance, LEAST_VARIANCE)
    size = 1.0 / r
    spread = np.log1p(m * r)
    ways = log_gamma(n + size) - log_gamma(size) - log_gamma(n + 1.0)
    return ways - size * spread + n * (np.log(m * r) - spread)


def cdf(counts: ArrayLike, mean: ArrayLike, variance: ArrayLike) -> Array:
    """The probability of at most this count, elementwise; 0 below a count of 0."""
    n, m, r = np.broadcast_arrays(np.asarray(counts), np.asarray(mean, float), np.asarray(variance, float))
    total = np.zeros(n.shape)
    for at, cumulated in _from_the_tail(m, r):
        total = np.where(at <= n, cumulated, total)
        if (at >= n).all():
            break
    return total


def quantiles(mean: ArrayLike, variance: ArrayLike, shares: tuple[float, ...]) -> Array:
    """The least count that at most a share of outcomes stay under: shape (shares, *shape of mean)."""
    m, r = np.broadcast_arrays(np.asarray(mean, float), np.asarray(variance, float))
    levels = np.array(shares).reshape(-1, *([1] * m.ndim))
    found = np.full((len(shares), *m.shape), -1.0)
    for at, cumulated in _from_the_tail(m, r):
        found = np.where((found < 0) & (cumulated >= levels), at, found)
        if (found >= 0).all():
            break
    return found


def _from_the_tail(mean: Array, variance: Array) -> Iterator[tuple[Array, Array]]:
    """Counts in order from where the lower tail ends, with the probability of at most that count.

    Raises ValueError for what is no number: it would never come to an end.
    """
    if not (np.isfinite(mean).all() and np.isfinite(variance).all()):
        raise ValueError("a mean or a variance is no number")
    m, r = np.maximum(mean, LEAST_MEAN), np.maximum(variance, LEAST_VARIANCE)
    at = np.floor(np.maximum(0.0, m - TAIL * np.sqrt(m + r * m * m)))
    size, odds = 1.0 / r, m * r / (1.0 + m * r)
    mass = np.exp(log_pmf(at, m, r))
    cumulated = mass
    while True:
        yield at, cumulated
        mass = mass * (at + size) / (at + 1.0) * odds
        at = at + 1.0
        cumulated = np.minimum(1.0, cumulated + mass)
