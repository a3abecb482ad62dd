"""R2.2: how many walk-ins will come in each interval of a session, from every arrival of the past."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from . import negative_binomial as nb
from .errors import QuotaError
from .recency import FOUR_WEEKS, HALF_LIFE_PRESUMED, HALF_LIVES, Array, Days, Score, ages, beliefs, weights

# How far an expert's weekdays may differ from the department's: not at all; one factor for the whole session, by so
# much relative variance; and every interval by as much again.
WEEKDAYS = ("alike", "session", "interval")
WEEKDAY_VARIANCE = 0.04
WEEKDAY_PRESUMED = (0.75, 0.2, 0.05)
# Relative variance from one day to the next beyond chance, in that of the department's experts.
DISPERSIONS = (0.0, 1.0, 3.0)
DISPERSION_PRESUMED = (0.2, 0.75, 0.05)
# A stated default says little: experts differ from it by as much as its own size, their intervals by half of it.
STATED_LEVEL, STATED_INTERVAL, STATED_DISPERSION = 1.0, 0.25, 0.1
# Colleagues, and weekdays, that seem all alike may be so by chance.
LEAST_VARIANCE, LEAST_WEEKDAY_VARIANCE, LEAST_DISPERSION = 0.01, 0.0001, 0.001
PAIRS = 20
# An expert with as many sessions counts half in the department's mean.
HALF_KNOWN = 10.0
# The last weeks may differ from the long run by so much relative variance.
RECENT_VARIANCE = 0.1
# An expert's intervals change more slowly than the level: for each of HALF_LIVES four times as long.
INTERVAL_MEMORIES = tuple(4.0 * half_life for half_life in HALF_LIVES)
LEAST_EXPECTED = 1e-6
# What is expected before is never so sure that a few walk-ins could not tell otherwise: it may be off by so many at
# least, and is this many where the expert has had any though nobody else has.
LEAST_SPREAD, LEAST_PRIOR = 0.3, 0.1
BLOCK = 25  # sessions scored at a time: their candidates fit into the processor's cache, which is three times as fast
MOST = 10_000  # walk-ins in one interval; more is a fault in the log
LEAST_RATE = 0.05  # for the rivals: what "nobody ever came" is taken for, as a Poisson of 0 forbids anybody to come


class Arrivals:
    """One expert's log of walk-ins.

    `days`: (sessions,) ordinals of the dates, in any order. `counts`: (sessions, intervals) walk-ins who came, the
    refused included (R2.1); the first interval is the time before the start. `exposure`: of the same shape, the share
    of the interval that the log covers, from 0 (nothing is known: its count is ignored) to 1; default 1.
    Raises QuotaError: `lengths_differ`, `bad_history` (days or counts that are not whole, negative or endless values).
    """

    def __init__(self, days: ArrayLike, counts: ArrayLike, exposure: ArrayLike | None = None) -> None:
        day, count = np.asarray(days), np.asarray(counts, dtype=float)
        share = np.ones(count.shape) if exposure is None else np.asarray(exposure, dtype=float)
        if day.ndim != 1 or count.ndim != 2 or len(day) != len(count) or count.shape != share.shape:
            raise QuotaError(f"{day.shape} days, {count.shape} counts, {share.shape} shares", "lengths_differ")
        if day.size and day.dtype.kind not in "iu":
            raise QuotaError("a day is an ordinal, a whole number", "bad_history")
        if not ((share >= 0) & (share <= 1)).all():
            raise QuotaError("the share of an interval that is known is from 0 to 1", "bad_history")
        count = np.where(share > 0, count, 0.0)
        if not ((count >= 0) & (count <= MOST) & (count == np.floor(count))).all():
            raise QuotaError(f"walk-ins are whole numbers from 0 to {MOST}", "bad_history")
        order = np.argsort(day, kind="stable")
        self.days: Days = day.astype(np.int64)[order]
        self.counts: Array = count[order]
        self.exposure: Array = share[order]


@dataclass(frozen=True)
class ArrivalPrior:
    """What is known of an expert before their own history: the department's walk-ins, or a stated default."""

    rates: Array  # (intervals,) walk-ins per interval of an average session
    weekdays: Array  # (7,) Monday first: how much more come on that weekday
    level_variance: float  # relative variance of the experts' levels around the department's
    interval_variance: float  # relative variance of an expert's intervals around the expert's level
    dispersion: float  # relative variance of an interval from day to day beyond chance
    experts: int  # how many it was computed from; 0: stated


@dataclass(frozen=True)
class ArrivalForecast:
    """Walk-ins expected on a day, each array by interval, and what they were computed from (R2.2, R2.5).

    The predictive distribution is the negative binomial of `mean` and `variance` (the relative variance of the rate).
    """

    mean: Array
    median: Array
    low: Array  # with `high`, an interval that at least 80% of sessions fall into
    high: Array
    variance: Array
    sessions: int  # past sessions of the expert with anything known
    effective_sessions: Array  # of what weight they are together, by interval, after forgetting
    department_share: Array  # from 0 (the expert's own history alone) to 1 (the department's alone)
    half_life: float  # days; infinity: all history alike. This and the next two are those believed most
    weekday: str  # of WEEKDAYS
    dispersion: float  # relative variance of days beyond chance
    belief: float  # how much of the forecast is from those three
    scored: int  # held-out intervals behind the scores
    scores: dict[str, Score]  # `ours`, `plain_mean`, `four_weeks`; empty without held-out sessions

    def of_a_share(self, share: float) -> "ArrivalForecast":
        """The same of a session with `share` times as many experts at work: the rates alone change."""
        mean = self.mean * share
        low, median, high = nb.quantiles(mean, self.variance, (0.1, 0.5, 0.9))
        return replace(self, mean=mean, low=low, median=median, high=high)


def stated_prior(rates: ArrayLike) -> ArrivalPrior:
    """A prior for a department without history: `rates` walk-ins by interval, which any history soon outweighs."""
    level = np.asarray(rates, dtype=float)
    if level.ndim != 1 or not ((level >= 0) & (level <= MOST)).all():
        raise QuotaError(f"stated walk-ins are numbers from 0 to {MOST}, one for each interval", "bad_setting")
    return ArrivalPrior(level, np.ones(7), STATED_LEVEL, STATED_INTERVAL, STATED_DISPERSION, experts=0)


def department_prior(colleagues: Sequence[Arrivals], stated: ArrayLike) -> ArrivalPrior:
    """The prior for an expert from the logs of colleagues (not the expert's own), by moments.

    `stated`: walk-ins by interval for what no colleague has a log of. The mean is over colleagues, who count more the
    more sessions they have; how much they differ from it, beyond chance, is how little they say of another expert
    (Buehlmann and Straub's credibility).
    """
    prior = stated_prior(stated)
    known = [log for log in colleagues if log.exposure.any()]
    if any(log.counts.shape[1] != prior.rates.size for log in known):
        raise QuotaError("colleagues have the same intervals as the stated walk-ins", "lengths_differ")
    if not known:
        return prior
    came = np.array([log.counts.sum(axis=0) for log in known])
    sessions = np.array([log.exposure.sum(axis=0) for log in known])
    own = came / np.maximum(sessions, 1e-12)
    trust = sessions / (sessions + HALF_KNOWN)
    there = trust.sum(axis=0) > 0
    rates = np.where(there, (trust * own).sum(axis=0) / np.maximum(trust.sum(axis=0), 1e-12), prior.rates)
    expected = sessions * rates
    levels = came.sum(axis=1) / np.maximum(expected.sum(axis=1), 1e-12)
    within = expected * levels[:, None]
    return ArrivalPrior(
        rates=rates,
        weekdays=_weekdays(known, own),
        level_variance=_beyond_chance(levels, expected.sum(axis=1), prior.level_variance),
        interval_variance=_beyond_chance(came / np.maximum(within, 1e-12), within, prior.interval_variance),
        dispersion=_dispersion(known, prior.dispersion),
        experts=len(known),
    )


def _beyond_chance(ratios: Array, expected: Array, default: float) -> float:
    """Variance around 1 of true ratios whose counts are Poisson; the default with fewer than three of them."""
    seen = expected > 1.0
    if seen.sum() < 3:
        return default
    noise = 1.0 / expected[seen]
    return max(LEAST_VARIANCE, float(np.mean((ratios[seen] - 1.0) ** 2 - noise)))


def _weekdays(logs: Sequence[Arrivals], own: Array) -> Array:
    """How much more come on each weekday than the experts' means, shrunk towards 1 by what its sessions scatter."""
    totals = [log.counts.sum(axis=1) for log in logs]
    dues = [log.exposure @ rates for log, rates in zip(logs, own, strict=True)]
    weekday, total, due = _weekday(np.concatenate([log.days for log in logs])), np.hstack(totals), np.hstack(dues)
    came, expected = np.bincount(weekday, total, 7), np.bincount(weekday, due, 7)
    seen = expected > 1.0
    if not seen.any():
        return np.ones(7)
    factors = came / np.maximum(expected, 1e-12)
    # By one at least, as by chance: a weekday on which nobody ever came does not scatter, and would be impossible.
    scatter = np.maximum(1.0, np.bincount(weekday, (total - factors[weekday] * due) ** 2, 7))
    factor, noise = factors[seen], scatter[seen] / expected[seen] ** 2
    variance = max(LEAST_WEEKDAY_VARIANCE, float(np.mean((factor - 1.0) ** 2 - noise)))
    shrunk = np.ones(7)
    shrunk[seen] = 1.0 + (factor - 1.0) * variance / (variance + noise)
    return shrunk


def _dispersion(logs: Sequence[Arrivals], default: float) -> float:
    """From pairs of sessions of the same weekday that follow each other: a level that moves, or weekdays that differ,
    do not look like days that differ. A few pairs say little: the default weighs as much as PAIRS of them."""
    beyond = squared = count = 0.0
    for log in logs:
        order = np.lexsort((log.days, _weekday(log.days)))
        first, second = order[:-1], order[1:]
        pairs = (_weekday(log.days[first]) == _weekday(log.days[second]))[:, None]
        pairs = pairs & (log.exposure[first] == 1) & (log.exposure[second] == 1)
        a, b = log.counts[first][pairs], log.counts[second][pairs]
        beyond += float(((a - b) ** 2 - (a + b)).sum() / 2)
        squared += float((a * b).sum())
        count += a.size
    if not squared:
        return default
    return max(LEAST_DISPERSION, (PAIRS * default + count * beyond / squared) / (PAIRS + count))


def _weekday(days: Days) -> Days:
    return (days - 1) % 7  # Monday is 0: the ordinal 1 was one


@dataclass(frozen=True)
class _Candidates:
    """What every combination foretells of a whole interval: (days looked at, candidates, intervals)."""

    mean: Array
    variance: Array
    sessions: Array  # of the last day looked at: (candidates, intervals)
    share: Array  # likewise


COMBINATIONS = tuple(product(WEEKDAYS, HALF_LIVES, DISPERSIONS))
# What is presumed of an expert of whom nothing has been foretold yet: most likely steady, weekdays alike.
PRESUMED = np.einsum("w,h,d->whd", WEEKDAY_PRESUMED, HALF_LIFE_PRESUMED, DISPERSION_PRESUMED).ravel()


def _candidates(log: Arrivals, at: Days, prior: ArrivalPrior) -> _Candidates:
    """Department -> expert -> these weeks -> interval -> weekday, each a gamma prior updated by Poisson counts.

    Everything is a ratio of what came to what was expected (indirect standardisation), so that a weekday, a short
    interval and a stopped session weigh as much as they tell. A day's dispersion makes its count tell less: by
    1 / (1 + dispersion x expected).
    """
    rates = np.maximum(prior.rates, np.where(log.counts.any(axis=0), LEAST_PRIOR, LEAST_EXPECTED))
    usual = rates * prior.weekdays[_weekday(log.days)][:, None]
    expected = usual * log.exposure
    came_all, due_all = log.counts.sum(axis=1, keepdims=True), expected.sum(axis=1, keepdims=True)
    noise = prior.dispersion * np.array(DISPERSIONS)
    tells_all = 1.0 / (1.0 + noise * due_all)  # (sessions, dispersions)
    # Of an interval it is asked what part of its session it had: so neither good days nor a moving level blur it.
    table = np.hstack([tells_all * came_all, tells_all * due_all, log.exposure])
    parts = np.hstack([log.counts, expected * (came_all / np.maximum(due_all, LEAST_EXPECTED))])
    age = ages(log.days, at)
    halved = weights(age, HALF_LIVES)
    recent = np.moveaxis(halved @ table, 0, 1)  # (at, half-lives, columns)
    slow = np.moveaxis(weights(age, INTERVAL_MEMORIES) @ parts, 0, 1)
    came_all, due_all, seen = np.split(recent[:, :, None], [noise.size, 2 * noise.size], axis=3)
    came_all, due_all = came_all.swapaxes(2, 3), due_all.swapaxes(2, 3)  # (at, half-lives, dispersions, 1)
    came, due = np.split(slow[:, :, None], 2, axis=3)  # (at, half-lives, 1, intervals)

    # The expert's level of all the past (the last half-life is endless), and of the weeks that count.
    level_variance = max(prior.level_variance, (LEAST_SPREAD / rates.sum()) ** 2)
    strength = 1.0 / level_variance
    long_run = (strength + came_all[:, -1:]) / (strength + due_all[:, -1:])
    share = strength / (strength + due_all[:, -1:])
    strength = 1.0 / RECENT_VARIANCE
    level = (strength + came_all) / (strength / long_run + due_all)
    old = strength / (strength + long_run * due_all)
    level[:, -1:], old[:, -1:] = long_run, 1.0
    moved = np.append(np.full(len(HALF_LIVES) - 1, RECENT_VARIANCE), 0.0)[:, None, None]
    variance = old**2 * share * level_variance + old * moved * (1.0 - share)
    share = old * share
    trust = 1.0 - share

    interval_variance = np.maximum(prior.interval_variance, (LEAST_SPREAD / rates) ** 2)
    strength = 1.0 / interval_variance
    ratio, own = level * (strength + came) / (strength + due), strength / (strength + due)
    share, variance = share + own - share * own, variance + own * interval_variance

    tells = trust[: len(log.days)] / (1.0 + noise[:, None] * expected[:, None, None])
    told = expected[:, None, None] * ratio[: len(log.days)]
    factors = _weekday_factors(log, at, age, told, tells, trust[: len(log.days)] * tells_all[:, None, :, None])
    usual_at = (rates * prior.weekdays[_weekday(at)][:, None])[:, None, None]
    means, variances = np.empty((2, len(at), len(factors), *ratio.shape[1:]))
    for place, (factor, extra) in enumerate(factors):
        spread = variance + extra
        means[:, place] = usual_at * ratio * factor
        variances[:, place] = spread + noise[:, None] * (1.0 + spread)
    flat = (len(at), -1, prior.rates.size)
    seen = np.broadcast_to(seen[:, None], means.shape)
    share = np.broadcast_to(share[:, None], means.shape)
    return _Candidates(
        means.reshape(flat), variances.reshape(flat), seen[-1].reshape(flat[1:]), share[-1].reshape(flat[1:])
    )


def _weekday_factors(
    log: Arrivals, at: Days, age: Array, told: Array, tells: Array, tells_all: Array
) -> list[tuple[Array | float, Array | float]]:
    """For each of WEEKDAYS the factor on the rate and its relative variance.

    A weekday is known by what came on it against what had been foretold for that very day without it, so it is
    remembered for good although the level moves. What was foretold from the department tells as little as it knew.
    """
    same = (np.isfinite(age) & (_weekday(at)[:, None] == _weekday(log.days))).astype(float)

    def past(values: Array) -> Array:
        return np.tensordot(same, values, axes=1)

    strength = 1.0 / WEEKDAY_VARIANCE
    counts = log.counts[:, None, None]
    due = past(tells_all * told.sum(axis=3, keepdims=True))
    came = past(tells_all * counts.sum(axis=3, keepdims=True))
    session, session_variance = (strength + came) / (strength + due), 1.0 / (strength + due)
    due, came = past(tells * told), past(tells * counts)
    share = strength / (strength + session * due)
    interval = (strength + came) / (strength / session + due)
    interval_variance = share * WEEKDAY_VARIANCE + share**2 * session_variance
    return [(1.0, 0.0), (session, session_variance), (interval, interval_variance)]


@dataclass(frozen=True)
class RollingArrivals:
    """Every past session as it was foretold from the sessions of earlier days only: (sessions, intervals)."""

    mean: Array  # of whole intervals, also where the log covers less
    variance: Array
    log_score: Array  # minus ln of the probability of what came while it was logged; NaN where nothing is known


@dataclass(frozen=True)
class _Told:
    """The past sessions foretold, and after them the day asked for."""

    each: _Candidates
    belief: Array  # (sessions + 1, candidates)
    mean: Array  # (sessions + 1, intervals)
    variance: Array
    log_score: Array  # (sessions, intervals)


def _tell(log: Arrivals, day: int, prior: ArrivalPrior) -> _Told:
    if log.counts.shape[1] != prior.rates.size:
        raise QuotaError(f"{log.counts.shape[1]} intervals, {prior.rates.size} in the prior", "lengths_differ")
    at = np.append(log.days, day)
    sessions, known = len(log.days), log.exposure > 0
    each = _candidates(log, at, prior)
    scores = np.empty((sessions, len(COMBINATIONS)))
    for first in range(0, sessions, BLOCK):
        some = slice(first, min(first + BLOCK, sessions))
        means = each.mean[some] * log.exposure[some, None]
        foretold = nb.log_pmf(log.counts[some, None], means, each.variance[some])
        scores[some] = np.where(known[some, None], foretold, 0.0).sum(axis=2)
    belief = beliefs(scores, log.days, at, PRESUMED)
    # Of the mixture of all candidates the mean and the variance are kept, as a negative binomial again.
    mean = np.einsum("tk,tki->ti", belief, each.mean)
    second = np.einsum("tk,tki->ti", belief, each.mean**2 * (1.0 + each.variance))
    variance = np.maximum(0.0, second / np.maximum(mean, nb.LEAST_MEAN) ** 2 - 1.0)
    score = -nb.log_pmf(log.counts, mean[:sessions] * log.exposure, variance[:sessions])
    return _Told(each, belief, mean, variance, np.where(known, score, np.nan))


def rolling_arrivals(log: Arrivals, prior: ArrivalPrior) -> RollingArrivals:
    """Foretells every past session as `forecast_arrivals` would have on its day."""
    told = _tell(log, 1, prior)
    return RollingArrivals(told.mean[:-1], told.variance[:-1], told.log_score)


def forecast_arrivals(log: Arrivals, day: int, prior: ArrivalPrior) -> ArrivalForecast:
    """Walk-ins by interval on the day of the ordinal `day`, from the sessions of earlier days (R2.2).

    A gamma-Poisson model in steps, each leaning on the one before as far as its own history is short: the department's
    rates, the expert's level of all the past, that of the last weeks, what part of it comes in which interval, and what
    more on which weekday. Steps do better than one estimate by interval, as a busy month shows in all intervals at
    once. Three choices are open in it: after how many days a session counts half (HALF_LIVES), whether weekdays
    differ (WEEKDAYS) and how much days differ beyond chance (DISPERSIONS). All combinations foretell each past session
    from those before it; the more probable a combination has made what then came, the more it is believed, and the
    forecast is their mean by belief. Averaging does better than taking the best one, as nothing has to be settled while
    the history is too short for it. Without any history the forecast is the prior.
    Raises QuotaError `lengths_differ` where log and prior have different intervals.
    """
    told = _tell(log, day, prior)
    belief = told.belief[-1]
    best = int(belief.argmax())
    weekday, half_life, times = COMBINATIONS[best]
    mean, variance = told.mean[-1], told.variance[-1]
    low, median, high = nb.quantiles(mean, variance, (0.1, 0.5, 0.9))
    scored, scores = _scores(log, day, told)
    return ArrivalForecast(
        mean=mean,
        median=median,
        low=low,
        high=high,
        variance=variance,
        sessions=int(((log.exposure > 0).any(axis=1) & (log.days < day)).sum()),
        effective_sessions=belief @ told.each.sessions,
        department_share=belief @ told.each.share,
        half_life=half_life,
        weekday=weekday,
        dispersion=prior.dispersion * times,
        belief=float(belief[best]),
        scored=scored,
        scores=scores,
    )


def _scores(log: Arrivals, day: int, told: _Told) -> tuple[int, dict[str, Score]]:
    """Ours and its rivals, on every interval of which an earlier day was logged: none of them has a prior."""
    age = ages(log.days, log.days)
    means = []
    for past in (np.isfinite(age), age <= FOUR_WEEKS):
        came, seen = past @ log.counts, past @ log.exposure
        means.append(np.divide(came, seen, out=np.full(came.shape, np.nan), where=seen > 0))
    plain, weeks = means
    # Nobody has a mean of four weeks after a longer break.
    rivals = {"plain_mean": plain, "four_weeks": np.where(np.isnan(weeks), plain, weeks)}
    cells = (log.exposure > 0) & ~np.isnan(plain) & (log.days < day)[:, None]
    if not cells.any():
        return 0, {}
    count, share = log.counts[cells], log.exposure[cells]
    scores = {}
    foretold = {"ours": (told.mean[:-1][cells], told.variance[:-1][cells])}
    foretold |= {name: (np.maximum(rate[cells], LEAST_RATE), np.zeros(count.size)) for name, rate in rivals.items()}
    for name, (mean, variance) in foretold.items():
        scores[name] = Score(
            log_score=-float(nb.log_pmf(count, mean * share, variance).mean()),
            absolute_error=float(np.abs(nb.quantiles(mean * share, variance, (0.5,))[0] - count).mean()),
        )
    return int(cells.sum()), scores
