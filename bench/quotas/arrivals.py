"""R2.2: walk-ins foretold by ours and by its rivals on made histories."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.quotas import drawings
from bench.quotas.histories import EXPERTS, HISTORIES, INTERVALS, MINUTES, SHAPE, History, Made
from bench.quotas.score import Paired, Uniformity, calibration, paired, table, uniformity, verdict
from booking import quota
from booking.quota import negative_binomial as nb
from booking.quota.arrivals import LEAST_RATE

DEPARTMENTS = 80
# Of a year every fifth session is scored: the study's estimator draws its samples anew for each of them.
EVERY, FEW = 5, 12
SAMPLES, CLIP, FOUR_WEEKS = 50, 4, 28
STATED = np.full(INTERVALS, 4.0)
OURS, STUDY, PLAIN, WEEKS = "ours", "the study's", "plain mean", "four weeks"
RIVALS = (STUDY, PLAIN, WEEKS)
FAIRER = ", fairer"
ESTIMATORS = (OURS, *RIVALS, *(rival + FAIRER for rival in RIVALS))

NEWLINE = "\n"

Array = np.ndarray


def section(pictures: Path) -> str:
    scored = {history.title: score(history, seed) for seed, history in enumerate(HISTORIES)}
    drawings.calibration(
        {title: each.uniformity for title, each in scored.items()}, pictures / "arrivals-calibration.svg"
    )
    _followed(pictures / "arrivals-followed.svg")
    return _text(scored)


# --- Scoring


@dataclass(frozen=True)
class Scored:
    forecasts: int
    log_score: Mapping[str, Paired]
    absolute_error: Mapping[str, Paired]
    uniformity: Uniformity


def score(history: History, seed: int, departments: int = DEPARTMENTS) -> Scored:
    logs, errors, pit = [], [], []
    forecasts = 0
    for place in range(departments):
        rng = np.random.default_rng([23, seed, place])
        department = history.department(rng)
        prior = quota.department_prior([_log(colleague) for colleague in department.colleagues], STATED)
        told = [_expert(expert, prior, rng) for expert in department.experts]
        came = np.concatenate([each.came for each in told])
        forecasts += came.size
        log, error = {}, {}
        for name in ESTIMATORS:
            mean, variance = (np.concatenate([each.told[name][part] for each in told]) for part in (0, 1))
            log[name] = -nb.log_pmf(came, mean, variance).mean()
            error[name] = np.abs(nb.quantiles(mean, variance, (0.5,))[0] - came).mean()
        logs.append(log)
        errors.append(error)
        pit.append(_pit(came, *(np.concatenate([each.told[OURS][part] for each in told]) for part in (0, 1)), rng))
    columns = [{name: np.array([row[name] for row in rows]) for name in ESTIMATORS} for rows in (logs, errors)]
    log_score, absolute_error = ({name: paired(of[name], of[OURS]) for name in ESTIMATORS} for of in columns)
    return Scored(forecasts, log_score, absolute_error, uniformity(pit))


@dataclass(frozen=True)
class Told:
    """What each estimator foretold, as mean and relative variance, of the scored sessions, and who came."""

    came: Array  # (scored, intervals)
    told: Mapping[str, tuple[Array, Array]]


def _log(made: Made) -> quota.Arrivals:
    return quota.Arrivals(made.days, made.counts, made.exposure)


def _expert(made: Made, prior: quota.ArrivalPrior, rng: np.random.Generator) -> Told:
    """From the second session on: the rivals need one."""
    scored = np.arange(1, len(made.days), 1 if len(made.days) <= FEW else EVERY)
    rolling = quota.rolling_arrivals(_log(made), prior)
    told = {OURS: (rolling.mean[scored], rolling.variance[scored])}
    rates = {rival: np.empty((scored.size, INTERVALS)) for rival in RIVALS}
    beyond = {rival: np.empty((scored.size, INTERVALS)) for rival in RIVALS}
    counts = made.counts
    for row, session in enumerate(scored):
        past = slice(0, session)
        recent = counts[past][made.days[past] >= made.days[session] - FOUR_WEEKS]
        # After a longer break there is nothing of four weeks.
        samples = {STUDY: counts[past], PLAIN: counts[past], WEEKS: recent if len(recent) else counts[past]}
        for rival, sample in samples.items():
            rates[rival][row] = sample.mean(axis=0)
            beyond[rival][row] = _beyond_chance(sample)
        rates[STUDY][row] = [
            MINUTES * quota.sampled_rate(made.minutes[past, interval], samples=SAMPLES, clip=CLIP, rng=rng)
            for interval in range(INTERVALS)
        ]
    for rival in RIVALS:
        rate = np.maximum(rates[rival], LEAST_RATE)
        told[rival] = (rate, np.zeros(rate.shape))
        told[rival + FAIRER] = (rate, beyond[rival])
    return Told(made.came[scored], told)


def _beyond_chance(sample: Array) -> float:
    """Relative variance of the days beyond a Poisson's, by moments over all intervals; 0 from a single session."""
    if len(sample) < 2:
        return 0.0
    mean = sample.mean(axis=0)
    return max(0.0, float((sample.var(axis=0, ddof=1) - mean).sum() / max(1e-12, (mean**2).sum())))


def _pit(came: Array, mean: Array, variance: Array, rng: np.random.Generator) -> Array:
    """Randomised, as a count has a chance of its own: uniform between the probabilities of less and of at most that."""
    below = nb.cdf(came - 1, mean, variance)
    return (below + rng.random(came.shape) * (nb.cdf(came, mean, variance) - below)).ravel()


# --- Showing


def _followed(file: Path) -> None:
    """A drifting expert with many sessions: who came before the start, and what had been foretold."""
    history = next(each for each in HISTORIES if each.title == "drifting")
    rng = np.random.default_rng([23, HISTORIES.index(history), 0])
    department = history.department(rng)
    made = max(department.experts, key=lambda expert: len(expert.days))
    prior = quota.department_prior([_log(colleague) for colleague in department.colleagues], STATED)
    rolling = quota.rolling_arrivals(_log(made), prior)
    mean, variance = rolling.mean[1:, 0], rolling.variance[1:, 0]
    low, median, high = nb.quantiles(mean, variance, (0.1, 0.5, 0.9))
    count = made.counts[:, 0]
    plain = count.cumsum()[:-1] / np.arange(1, count.size)
    drawings.followed(made.days[1:] - made.days[0], count[1:], low, median, high, plain, file)


def _text(scored: Mapping[str, Scored]) -> str:
    log_score = {title: each.log_score for title, each in scored.items()}
    absolute_error = {title: each.absolute_error for title, each in scored.items()}
    forecasts = sum(each.forecasts for each in scored.values())
    return f"""## Walk-ins (R2.2)

Each made history is {DEPARTMENTS} departments of {EXPERTS} experts with {INTERVALS} intervals, in which about
{", ".join(f"{rate:g}" for rate in SHAPE)} walk-ins come. Every estimator foretells a session from the earlier ones of
the same expert; ours also knows the year before of seven colleagues. Scored are the second session and every {EVERY}th
after it (of a new expert: all), against everybody who came: {forecasts:,} forecasts. The log score is minus the
logarithm of the probability given to what came, the error is from the predictive median; both by interval, lower is
better. In brackets: how much more than ours, with the 95% interval of that paired difference, departments being the
independent units.

The rivals get a Poisson distribution with their rate, {LEAST_RATE:g} at least. *Fairer* gives the same rate a negative
binomial with the scatter of the days that it was computed from.

{NEWLINE.join(f"- **{history.title}**: {history.about}." for history in HISTORIES)}

### Log score

{NEWLINE.join(table("history", log_score))}

### Absolute error (walk-ins)

{NEWLINE.join(table("history", absolute_error))}

{verdict(log_score=log_score, absolute_error=absolute_error)}

### Calibration of ours

Randomised probability integral transform: uniform where the distribution foretold is the true one. Distance is
Kolmogorov and Smirnov's, with the value that a calibrated forecast stays under in 95 of 100 cases; covered is how often
the central 80% was right. Intervals are from how departments scatter, as the forecasts of one session share its luck,
and those of one department its prior.

{NEWLINE.join(calibration("history", {title: each.uniformity for title, each in scored.items()}))}

![Histograms of the transform](quotas/arrivals-calibration.svg)

A drifting expert's walk-ins before the start, each as foretold from the sessions before it:

![One expert followed](quotas/arrivals-followed.svg)
"""
