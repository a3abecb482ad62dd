"""Waiting times: the median and the 90th percentile of how long until a patient is called (R5.2). Pure.

Visit lengths are taken as independent and gamma distributed, so their sums are gamma distributed too. Who is in
service has been there for a while: what is left of that visit is what is left of a gamma variable that has lasted so
long. With several rooms the work is shared evenly: the wait is the same sum divided by the number of rooms. Who may
still check in ahead is not counted here.
"""

import math
from collections.abc import Sequence

import numpy as np

Z90 = 1.2815515655446004  # the normal distribution's 90th percentile
SMALLEST_CV = 0.05  # lengths that hardly vary: keeps the shape of the gamma distribution within reach of floats


def predict(
    ahead: Sequence[int],
    *,
    visit_minutes: float,
    visit_sd: float,
    serving_for: float | None,
    rooms: int = 1,
) -> list[tuple[float, float]]:
    """Minutes until called, as (median, 90th percentile), for patients with so many to be seen before them.

    ahead          patients waiting who are called before, one number per prediction
    visit_minutes  mean length of a visit, > 0
    visit_sd       its standard deviation, >= 0
    serving_for    minutes that the present visit has lasted (of several rooms: the mean); None where a room is free
    rooms          rooms in which this queue is served

    Raises ValueError for a length or a number of rooms that is not positive.
    """
    if visit_minutes <= 0 or rooms < 1:
        raise ValueError("visit_minutes and rooms must be positive")
    visit_sd = max(visit_sd, SMALLEST_CV * visit_minutes)
    left, left_variance = (0.0, 0.0) if serving_for is None else remaining(serving_for, visit_minutes, visit_sd)
    waits = []
    for patients in ahead:
        # With a room free, the first patient ahead goes in at once: of n, the last is called after n visits' time
        # shared by the rooms, of which `rooms - 1` begin without a wait.
        visits = patients if serving_for is not None else max(0, patients - rooms + 1)
        mean = (left + visits * visit_minutes) / rooms
        variance = (left_variance + visits * visit_sd**2) / rooms**2
        waits.append((gamma_quantile(mean, variance, 0.0), gamma_quantile(mean, variance, Z90)))
    return waits


def gamma_quantile(mean: float, variance: float, z: float) -> float:
    """The quantile of a gamma distribution where the normal one has z, by Wilson and Hilferty (1931).

    The cube root of a gamma variable is nearly normal; within 2% for the shapes of sums of visits.
    """
    if mean <= 0:
        return 0.0
    if variance <= 0:
        return mean
    ninth = variance / (9 * mean**2)  # 1 / (9 * shape)
    return mean * max(0.0, 1 - ninth + z * math.sqrt(ninth)) ** 3


def remaining(elapsed: float, mean: float, sd: float) -> tuple[float, float]:
    """Mean and variance of what is left of a gamma distributed visit that has lasted `elapsed` (minutes).

    By sums over a grid of the density beyond `elapsed`; on a logarithmic scale, so that a visit of any length has
    a remainder (it tends to sd ** 2 / mean).
    """
    elapsed = max(0.0, elapsed)
    shape, scale = (mean / sd) ** 2, sd**2 / mean
    reach = max(mean, scale) + 8 * sd
    further = (np.arange(400) + 0.5) * (reach / 400)
    lengths = elapsed + further
    log_density = (shape - 1) * np.log(lengths) - lengths / scale
    weights = np.exp(log_density - log_density.max())
    weights /= weights.sum()
    left = float((weights * further).sum())
    return left, float((weights * (further - left) ** 2).sum())
