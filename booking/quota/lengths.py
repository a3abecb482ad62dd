"""R2.2 for visits: how long a visit that begins in a slot will take, from the visits of the past."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from .errors import LARGEST, QuotaError, amount, whole
from .recency import FOUR_WEEKS, HALF_LIFE_PRESUMED, HALF_LIVES, Array, Days, Score, ages, beliefs, weights

# How much whole days differ, as a part of how much single visits differ: a day of hard cases.
DAY_VARIANCES = (0.0, 0.03, 0.1)
DAY_PRESUMED = (0.4, 0.4, 0.2)
# All variances below are of the logarithm of minutes: 0.04 is about 20%.
# The last weeks may differ from the long run by so much.
RECENT_VARIANCE = 0.01
# A slot and the scatter of single visits change more slowly than the level: for each of HALF_LIVES four times as long.
MEMORIES = tuple(4.0 * half_life for half_life in HALF_LIVES)
# A stated default says little; single visits scatter by nearly half of their mean.
STATED_LEVEL, STATED_SLOT, STATED_VISIT = 0.25, 0.04, 0.2
# Colleagues, or slots, that seem all alike may be so by chance.
LEAST_VARIANCE = 0.001
# As many visits of the expert, or of the slot, say as much of the scatter as what is known from before.
SCATTER_VISITS = 30.0
LEAST_SCATTER = 1e-4
# An expert with as many visits counts half in the department's mean.
HALF_KNOWN = 50.0
SHORTEST, LONGEST = 1 / 6, 24 * 60.0  # minutes
TENTH = NormalDist().inv_cdf(0.9)

COMBINATIONS = tuple(product(HALF_LIVES, DAY_VARIANCES))
# What is presumed of an expert of whom nothing has been foretold yet.
PRESUMED = np.outer(HALF_LIFE_PRESUMED, DAY_PRESUMED).ravel()


class Visits:
    """One expert's visits, of mornings only or of afternoons only (R2.3), in any order.

    `days`: ordinals of the dates; `slots`: the slot that each visit began in, from 0 up to `slots_of_session` - 1;
    `minutes`: how long it took. All of shape (visits,). What took less than SHORTEST was a slip of the hand, and what
    took more than LONGEST was not ended when the patient left: both are left out.
    Raises QuotaError: `lengths_differ`, `no_slots`, `bad_history` (a day or a slot that is not one), `bad_visits` (a
    length that is negative or not a number).
    """

    def __init__(self, days: ArrayLike, slots: ArrayLike, minutes: ArrayLike, slots_of_session: int) -> None:
        day, slot, length = np.asarray(days), np.asarray(slots), np.asarray(minutes, dtype=float)
        if not day.shape == slot.shape == length.shape or day.ndim != 1:
            raise QuotaError(f"{day.shape} days, {slot.shape} slots, {length.shape} lengths", "lengths_differ")
        count = whole(slots_of_session, "the slots of a session", "no_slots")
        if count == 0:
            raise QuotaError("a session has at least one slot", "no_slots")
        if day.size and not day.dtype.kind == slot.dtype.kind == "i":
            raise QuotaError("days are ordinals and slots are counted from 0: whole numbers", "bad_history")
        if not ((slot >= 0) & (slot < count)).all():
            raise QuotaError(f"a slot is from 0 to {count - 1}", "bad_history")
        if not ((length >= 0) & (length <= LARGEST)).all():
            raise QuotaError("a visit's length is 0 or more minutes", "bad_visits")
        kept = np.flatnonzero((length >= SHORTEST) & (length <= LONGEST))
        kept = kept[np.argsort(day[kept], kind="stable")]
        self.day: Days = day[kept].astype(np.int64)
        self.slot: Days = slot[kept].astype(np.int64)
        self.minutes: Array = length[kept]
        # By day and slot: how many visits, and the sums of the logarithms and of their squares.
        self.days, self.session = np.unique(self.day, return_inverse=True)
        cell, shape, log = self.session * count + self.slot, (len(self.days), count), np.log(self.minutes)
        self.n = np.bincount(cell, minlength=shape[0] * count).astype(float).reshape(shape)
        self.sums = np.bincount(cell, log, shape[0] * count).reshape(shape)
        self.squares = np.bincount(cell, log**2, shape[0] * count).reshape(shape)


@dataclass(frozen=True)
class LengthPrior:
    """What is known of an expert's visits before their own history. All of the logarithm of minutes."""

    log_means: Array  # (slots,)
    level_variance: float  # of the experts' levels around the department's
    slot_variance: float  # of an expert's slots around the expert's level
    visit_variance: float  # of single visits around that
    experts: int  # how many it was computed from; 0: stated


@dataclass(frozen=True)
class LengthForecast:
    """Minutes of a visit on a day, each array by slot, and what they were computed from (R2.2, R2.3, R2.5).

    The predictive distribution is the log-normal of `log_mean` and `log_variance`.
    """

    mean: Array  # what a capacity divides by (R2.3); without what is not known of the expert
    median: Array
    low: Array  # with `high`, an interval that 80% of visits fall into
    high: Array
    log_mean: Array
    log_variance: Array
    visits: int  # past visits of the expert
    effective_visits: Array  # of what weight they are together, by slot, after forgetting
    department_share: Array  # from 0 (the expert's own history alone) to 1 (the department's alone)
    half_life: float  # days; infinity: all history alike. This and the next are those believed most
    day_variance: float  # of DAY_VARIANCES
    belief: float  # how much of the forecast is from those two
    scored: int  # held-out visits behind the scores
    scores: dict[str, Score]  # `ours`, `plain_mean`, `four_weeks`; empty without held-out visits


def stated_length_prior(minutes: float, slots_of_session: int) -> LengthPrior:
    """A prior for a department without history: visits of so many minutes on average, which any history outweighs."""
    count, mean = (
        whole(slots_of_session, "the slots of a session", "no_slots"),
        amount(minutes, "minutes", "bad_setting"),
    )
    if count == 0 or mean == 0:
        raise QuotaError("a default visit takes some minutes, a session has a slot", "bad_setting")
    log_mean = math.log(mean) - STATED_VISIT / 2
    return LengthPrior(np.full(count, log_mean), STATED_LEVEL, STATED_SLOT, STATED_VISIT, experts=0)


def department_length_prior(colleagues: Sequence[Visits], stated: LengthPrior) -> LengthPrior:
    """The prior for an expert from the visits of colleagues (not the expert's own), by moments.

    `stated` stands in for what no colleague has a visit of. As with walk-ins, how much colleagues differ beyond chance
    is how little they say of another expert.
    """
    known = [visits for visits in colleagues if len(visits.day)]
    if any(visits.n.shape[1] != stated.log_means.size for visits in known):
        raise QuotaError("colleagues have the same slots as the stated prior", "lengths_differ")
    if not known:
        return stated
    n, sums, squares = (
        np.array([getattr(visits, part).sum(axis=0) for visits in known]) for part in ("n", "sums", "squares")
    )
    own = sums / np.maximum(n, 1.0)
    freedom = np.maximum(n - 1.0, 0.0).sum()
    scatter = float((squares - n * own**2).sum() + SCATTER_VISITS * stated.visit_variance) / (freedom + SCATTER_VISITS)
    trust = n / (n + HALF_KNOWN)
    means = np.where(n.any(axis=0), (trust * own).sum(axis=0) / np.maximum(trust.sum(axis=0), 1e-12), stated.log_means)
    levels = (n * (own - means)).sum(axis=1) / n.sum(axis=1)
    return LengthPrior(
        log_means=means,
        level_variance=_beyond_chance(levels, n.sum(axis=1), scatter, stated.level_variance),
        slot_variance=_beyond_chance(own - means - levels[:, None], n, scatter, stated.slot_variance),
        visit_variance=max(LEAST_SCATTER, scatter),
        experts=len(known),
    )


def _beyond_chance(deviations: Array, n: Array, scatter: float, default: float) -> float:
    """Variance of true means whose measured ones scatter by chance too; the default with fewer than three of them."""
    seen = n > 1.0
    if seen.sum() < 3:
        return default
    return max(LEAST_VARIANCE, float(np.mean(deviations[seen] ** 2 - scatter / n[seen])))


@dataclass(frozen=True)
class _Candidates:
    """What every combination foretells of the logarithm: (days looked at, candidates, slots)."""

    mean: Array
    variance: Array
    scatter: Array  # of the last day looked at, the part that single visits differ by: (candidates, slots)
    visits: Array  # likewise, of what weight the past visits are
    share: Array  # likewise


def _candidates(log: Visits, at: Days, prior: LengthPrior) -> _Candidates:
    """Department -> expert -> these weeks -> slot, each a normal prior updated by the mean of logarithms."""
    days = np.array(DAY_VARIANCES)
    sums = log.sums - log.n * prior.log_means
    squares = log.squares - 2.0 * prior.log_means * log.sums + log.n * prior.log_means**2
    n_all, sum_all = log.n.sum(axis=1, keepdims=True), sums.sum(axis=1, keepdims=True)
    tells = 1.0 / (1.0 + days * n_all)  # (sessions, day variances): visits of one day are no independent witnesses
    # Of a slot it is asked how it differed from its own day, so that neither hard days nor a moving level blur it.
    apart = sums - log.n * (sum_all / n_all)
    age = ages(log.days, at)
    recent = np.moveaxis(weights(age, HALF_LIVES) @ np.hstack([tells * sum_all, tells * n_all, log.n]), 0, 1)
    slow = np.moveaxis(weights(age, MEMORIES) @ np.hstack([apart, log.n, sums, squares]), 0, 1)
    total, due, seen = np.split(recent[:, :, None], [days.size, 2 * days.size], axis=3)
    total, due = total.swapaxes(2, 3), due.swapaxes(2, 3)  # (at, half-lives, day variances, 1)
    apart, n, sums, squares = np.split(slow[:, :, None], 4, axis=3)  # (at, half-lives, 1, slots)

    # The expert's level of all the past (the last half-life is endless), and of the weeks that count.
    strength = prior.visit_variance / prior.level_variance
    long_run, share = total[:, -1:] / (strength + due[:, -1:]), strength / (strength + due[:, -1:])
    strength = prior.visit_variance / RECENT_VARIANCE
    level, old = (strength * long_run + total) / (strength + due), strength / (strength + due)
    level[:, -1:], old[:, -1:] = long_run, 1.0
    moved = np.append(np.full(len(HALF_LIVES) - 1, RECENT_VARIANCE), 0.0)[:, None, None]
    unsure = old**2 * share * prior.level_variance + old * moved * (1.0 - share)
    share = old * share

    # The slot.
    strength = prior.visit_variance / prior.slot_variance
    own = strength / (strength + n)
    centre = level + apart / (strength + n)
    unsure, share = unsure + own * prior.slot_variance, share + own - share * own

    # How single visits scatter: of the expert, then of the slot.
    around = np.maximum(0.0, squares - 2.0 * centre * sums + centre**2 * n)
    expert = SCATTER_VISITS * prior.visit_variance + around.sum(axis=3, keepdims=True)
    expert = expert / (SCATTER_VISITS + n.sum(axis=3, keepdims=True))
    scatter = (SCATTER_VISITS * expert + around) / (SCATTER_VISITS + n)

    flat = (len(at), len(COMBINATIONS), prior.log_means.size)
    return _Candidates(
        (prior.log_means + centre).reshape(flat),
        np.maximum(scatter + unsure, LEAST_SCATTER).reshape(flat),
        scatter[-1].reshape(flat[1:]),
        np.broadcast_to(seen, centre.shape)[-1].reshape(flat[1:]),
        share[-1].reshape(flat[1:]),
    )


@dataclass(frozen=True)
class RollingLengths:
    """Every past visit as it was foretold from the days before it only: (visits,), in the order of `Visits.day`."""

    log_mean: Array
    log_variance: Array


@dataclass(frozen=True)
class _Told:
    """The past days foretold, and after them the day asked for: (days + 1, slots)."""

    each: _Candidates
    belief: Array  # (days + 1, candidates)
    mean: Array
    variance: Array


def _tell(log: Visits, day: int, prior: LengthPrior) -> _Told:
    if log.n.shape[1] != prior.log_means.size:
        raise QuotaError(f"{log.n.shape[1]} slots, {prior.log_means.size} in the prior", "lengths_differ")
    at = np.append(log.days, day)
    each = _candidates(log, at, prior)
    n, sums, squares = (part[:, None] for part in (log.n, log.sums, log.squares))
    mean, variance = each.mean[:-1], each.variance[:-1]
    # Normal log density of all visits of a day and slot together; what all candidates share is left out.
    scores = -0.5 * (n * np.log(variance) + (squares - 2.0 * mean * sums + n * mean**2) / variance)
    belief = beliefs(scores.sum(axis=2), log.days, at, PRESUMED)
    # Of the mixture of all candidates the mean and the variance are kept, as a normal again.
    mixed = np.einsum("tk,tkj->tj", belief, each.mean)
    apart = np.einsum("tk,tkj->tj", belief, each.variance + (each.mean - mixed[:, None]) ** 2)
    return _Told(each, belief, mixed, apart)


def rolling_lengths(log: Visits, prior: LengthPrior) -> RollingLengths:
    """Foretells every past visit as `forecast_lengths` would have on its day."""
    told = _tell(log, 1, prior)
    return RollingLengths(told.mean[log.session, log.slot], told.variance[log.session, log.slot])


def forecast_lengths(log: Visits, day: int, prior: LengthPrior) -> LengthForecast:
    """Minutes of a visit by slot on the day of the ordinal `day`, from the visits of earlier days (R2.2, R2.3).

    Visits are taken as log-normal: on real consultations the logarithm of minutes is symmetric (its skewness is 0.0),
    and a gamma distribution of the same mean and variance foretells them worse (docs/quotas.md). As with walk-ins, two
    choices are open, the half-life of a visit's weight (HALF_LIVES) and how much whole days differ (DAY_VARIANCES);
    all combinations foretell each past day from those before it, and the forecast is their mean by belief. That
    slots differ is no choice: each leans on the expert's level as far as its own visits are few. Without any history
    the forecast is the prior.
    Raises QuotaError `lengths_differ` where log and prior have different slots.
    """
    told = _tell(log, day, prior)
    belief, log_mean, log_variance = told.belief[-1], told.mean[-1], told.variance[-1]
    best = int(belief.argmax())
    half_life, day_variance = COMBINATIONS[best]
    reach = TENTH * np.sqrt(log_variance)
    scored, scores = _scores(log, day, told)
    return LengthForecast(
        # Of an expert as foretold: that somebody unknown may be slower still is no reason to expect fewer visits.
        mean=np.exp(log_mean + belief @ told.each.scatter / 2),
        median=np.exp(log_mean),
        low=np.exp(log_mean - reach),
        high=np.exp(log_mean + reach),
        log_mean=log_mean,
        log_variance=log_variance,
        visits=int((log.day < day).sum()),
        effective_visits=belief @ told.each.visits,
        department_share=belief @ told.each.share,
        half_life=half_life,
        day_variance=day_variance,
        belief=float(belief[best]),
        scored=scored,
        scores=scores,
    )


def _scores(log: Visits, day: int, told: _Told) -> tuple[int, dict[str, Score]]:
    """Ours and its rivals, on every visit in a slot with two past visits: none of them has a prior.

    The rivals are the mean minutes of all past visits of the slot (the study's, R2.3) and of those of four weeks, as
    log-normals with the variance of the same visits.
    """
    age, cell = ages(log.days, log.days), (log.session, log.slot)
    minutes = np.zeros(log.n.shape)
    np.add.at(minutes, cell, log.minutes)
    squares = np.zeros(log.n.shape)
    np.add.at(squares, cell, log.minutes**2)
    rivals = {}
    kept = np.zeros(len(log.day), dtype=bool)
    for name, past in (("plain_mean", np.isfinite(age)), ("four_weeks", age <= FOUR_WEEKS)):
        n, total, square = (past @ part for part in (log.n, minutes, squares))
        mean = total / np.maximum(n, 1.0)
        variance = np.maximum(square - n * mean**2, 0.0) / np.maximum(n - 1.0, 1.0)
        if name == "plain_mean":
            kept = (n > 1.0)[cell] & (log.day < day)
            plain = mean, variance
        else:
            # Nobody has a mean of four weeks after a longer break.
            mean, variance = np.where(n > 1.0, (mean, variance), plain)
        spread = np.log1p(variance / np.maximum(mean, 1e-12) ** 2)
        rivals[name] = (np.log(np.maximum(mean, 1e-12)) - spread / 2, spread)
    if not kept.any():
        return 0, {}
    lengths = log.minutes[kept]
    scores = {}
    for name, (mean, variance) in {"ours": (told.mean[:-1], told.variance[:-1]), **rivals}.items():
        m, v = mean[cell][kept], np.maximum(variance[cell][kept], LEAST_SCATTER)
        density = -0.5 * (np.log(2 * np.pi * v) + (np.log(lengths) - m) ** 2 / v) - np.log(lengths)
        scores[name] = Score(-float(density.mean()), float(np.abs(np.exp(m) - lengths).mean()))
    return int(kept.sum()), scores
