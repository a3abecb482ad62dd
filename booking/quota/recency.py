"""R2.2: how much of the past to use: weights that halve with age, and candidates judged by what they foretold."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Days = NDArray[np.int64]

# The ages in days at which a session counts half; the last forgets nothing.
HALF_LIVES = (7.0, 14.0, 28.0, 56.0, 112.0, math.inf)
HALF_LIFE_PRESUMED = (0.02, 0.04, 0.06, 0.1, 0.18, 0.6)
# "The last four weeks" of the rival that goes by this name.
FOUR_WEEKS = 28
# What comes in one session shares its good and its bad luck, so its parts are not so many independent witnesses.
CAUTION = 0.5


@dataclass(frozen=True, slots=True)
class Score:
    """Mean error of held-out forecasts; lower is better."""

    log_score: float  # minus ln of the probability (or density by minute) that was given to what came
    absolute_error: float  # of the predictive median, in walk-ins or minutes


def ages(days: Days, at: Days) -> Array:
    """How old a session is on each day it is looked at from: (at, days); infinite where it is not past by then.

    A session of the same day is not past: what is computed in the evening before does not know it.
    """
    age = (at[:, None] - days[None, :]).astype(float)
    return np.where(age > 0, age, np.inf)


def weights(age: Array, half_lives: tuple[float, ...]) -> Array:
    """1 for what is new, half of it after each half-life, 0 for what is not past: (half-lives, *shape of age).

    `half_lives`: each twice the one before, the last infinite; so all are squares of the longest, which is quick.
    """
    weight = np.empty((len(half_lives), *age.shape))
    weight[-1] = np.isfinite(age)
    np.exp2(age * (-1.0 / half_lives[-2]), out=weight[-2])
    for shorter in range(len(half_lives) - 3, -1, -1):
        np.square(weight[shorter + 1], out=weight[shorter])
    return weight


def beliefs(scores: Array, days: Days, at: Days, presumed: ArrayLike) -> Array:
    """How much each candidate is believed on each day: (at, candidates); sums to 1 over the candidates.

    `scores`: (sessions, candidates), the log score of each held-out session; `days`: of these, in order; `presumed`:
    what is believed without any. Bayes' rule: a candidate gains by the probability that it gave to all that came
    before that day, here to the power of CAUTION.
    """
    told = np.zeros((scores.shape[0] + 1, scores.shape[1]))
    np.cumsum(CAUTION * scores, axis=0, out=told[1:])
    seen = told[np.searchsorted(days, at, side="left")] + np.log(presumed)
    odds = np.exp(seen - seen.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)
