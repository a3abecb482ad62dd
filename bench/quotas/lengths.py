"""R2.2, R2.3: visit lengths foretold by ours and by its rivals on the real consultations of one expert."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

import numpy as np

from bench.quotas import consultations, drawings
from bench.quotas.score import Paired, Uniformity, calibration, paired, table, uniformity, verdict
from booking import quota
from booking.quota.negative_binomial import log_gamma

TITLE = "## Visit lengths (R2.2, R2.3)"
# The default of a department (minutes), as there are no colleagues on record.
STATED = 6.0
FOUR_WEEKS = 28
OURS, OURS_GAMMA = "ours", "ours, as a gamma"
PLAIN, WEEKS, GAMMA = "plain mean", "four weeks", ", gamma"
ESTIMATORS = (OURS, PLAIN, WEEKS, PLAIN + GAMMA, WEEKS + GAMMA, OURS_GAMMA)

NEWLINE = "\n"

Array = np.ndarray


def section(pictures: Path) -> str:
    file = consultations.path()
    if file is None:
        return (
            "## Visit lengths (R2.2, R2.3)\n\nNot measured: QUEUEBOARD_DATA names no folder with consultations.csv.\n"
        )
    scored = {half_day: score(consultations.read(file, half_day)) for half_day in consultations.STARTS}
    drawings.calibration(
        {half_day: each.uniformity for half_day, each in scored.items()}, pictures / "lengths-calibration.svg"
    )
    return _text(scored)


# --- Scoring


@dataclass(frozen=True)
class Scored:
    visits: int
    sessions: int
    skewness: float  # of the logarithm of minutes
    log_score: Mapping[str, Paired]
    absolute_error: Mapping[str, Paired]
    uniformity: Uniformity
    next_session: quota.LengthForecast
    means: Array  # of all visits, by slot


@dataclass(frozen=True)
class Told:
    """Mean and variance of minutes that each visit was foretold with."""

    mean: Array
    variance: Array

    def log_normal(self, minutes: Array) -> tuple[Array, Array]:
        """Minus the log density, and the median."""
        spread = np.log1p(self.variance / self.mean**2)
        middle = np.log(self.mean) - spread / 2
        error = (np.log(minutes) - middle) ** 2 / spread
        return 0.5 * (np.log(2 * np.pi * spread) + error) + np.log(minutes), np.exp(middle)

    def gamma(self, minutes: Array) -> tuple[Array, Array]:
        """Minus the log density, and the median by Wilson and Hilferty's cube root."""
        shape, scale = self.mean**2 / self.variance, self.variance / self.mean
        density = (shape - 1) * np.log(minutes) - minutes / scale - log_gamma(shape) - shape * np.log(scale)
        return -density, self.mean * (1 - 1 / (9 * shape)) ** 3


def score(of: consultations.Consultations) -> Scored:
    visits = quota.Visits(of.days, of.slots, of.minutes, consultations.SLOTS)
    prior = quota.stated_length_prior(STATED, consultations.SLOTS)
    rolling = quota.rolling_lengths(visits, prior)
    ours = Told(
        np.exp(rolling.log_mean + rolling.log_variance / 2),
        np.exp(2 * rolling.log_mean + rolling.log_variance) * np.expm1(rolling.log_variance),
    )
    plain, weeks = _mean_of(visits, None), _mean_of(visits, FOUR_WEEKS)
    # After a longer break there is nothing of four weeks.
    gap = np.isnan(weeks.variance)
    weeks = Told(np.where(gap, plain.mean, weeks.mean), np.where(gap, plain.variance, weeks.variance))
    with np.errstate(invalid="ignore"):
        told = {
            OURS: ours.log_normal(visits.minutes),
            PLAIN: plain.log_normal(visits.minutes),
            WEEKS: weeks.log_normal(visits.minutes),
            PLAIN + GAMMA: plain.gamma(visits.minutes),
            WEEKS + GAMMA: weeks.gamma(visits.minutes),
            OURS_GAMMA: ours.gamma(visits.minutes),
        }
    kept = ~np.isnan(plain.variance)
    by_session = [kept & (visits.session == session) for session in np.unique(visits.session[kept])]

    def means(values: Array) -> Array:
        return np.array([values[session].mean() for session in by_session])

    log = {name: means(score) for name, (score, _) in told.items()}
    error = {name: means(np.abs(median - visits.minutes)) for name, (_, median) in told.items()}
    apart = (np.log(visits.minutes) - rolling.log_mean) / np.sqrt(rolling.log_variance)
    pit = np.array([NormalDist().cdf(each) for each in apart])
    logs = np.log(visits.minutes)
    return Scored(
        visits=int(kept.sum()),
        sessions=len(by_session),
        skewness=float(((logs - logs.mean()) ** 3).mean() / logs.std() ** 3),
        log_score={name: paired(log[name], log[OURS]) for name in ESTIMATORS},
        absolute_error={name: paired(error[name], error[OURS]) for name in ESTIMATORS},
        uniformity=uniformity([pit[session] for session in by_session]),
        next_session=quota.forecast_lengths(visits, int(visits.days[-1]) + 1, prior),
        means=np.array([visits.minutes[visits.slot == slot].mean() for slot in range(consultations.SLOTS)]),
    )


def _mean_of(visits: quota.Visits, span: int | None) -> Told:
    """Of the slot's visits of earlier days, within `span` days; NaN where there were fewer than two."""
    mean, variance = np.full((2, len(visits.days), consultations.SLOTS), np.nan)
    for row, day in enumerate(visits.days):
        past = (visits.day < day) & (visits.day >= day - (span or day))
        for slot in range(consultations.SLOTS):
            minutes = visits.minutes[past & (visits.slot == slot)]
            if minutes.size > 1:
                mean[row, slot], variance[row, slot] = minutes.mean(), max(0.01, minutes.var(ddof=1))
    return Told(mean[visits.session, visits.slot], variance[visits.session, visits.slot])


# --- Showing


def _text(scored: Mapping[str, Scored]) -> str:
    log_score = {half_day: each.log_score for half_day, each in scored.items()}
    absolute_error = {half_day: each.absolute_error for half_day, each in scored.items()}
    counted = " and ".join(f"{of.sessions} {half_day}s ({of.visits:,} visits)" for half_day, of in scored.items())
    skewness = ", ".join(f"{each.skewness:+.2f} of {half_day}s" for half_day, each in scored.items())
    return f"""{TITLE}

Every visit of a real expert's {counted}, foretold from the sessions of earlier days; mornings and afternoons apart. The
rivals are the mean of all past visits of the slot (the study's, R2.3) and of those of four weeks, as log-normal
distributions with the variance of the same visits, and as gamma distributions. Scored are visits in a slot with two
earlier ones. Ours starts from a stated {STATED:g} minutes, as no colleague is on record. Score and error (minutes, from
the predictive median) as above, by session, the sessions being the independent units.

Ours is log-normal because the logarithm of these visits is symmetric (skewness {skewness}); the last column gives what
ours foretold a gamma distribution of the same mean and variance.

### Log score

{NEWLINE.join(table("half-day", log_score))}

### Absolute error (minutes)

{NEWLINE.join(table("half-day", absolute_error))}

{verdict(log_score=log_score, absolute_error=absolute_error)}

### Calibration of ours

{NEWLINE.join(calibration("half-day", {half_day: each.uniformity for half_day, each in scored.items()}))}

![Histograms of the transform](quotas/lengths-calibration.svg)

### What a capacity would be computed from after the last session

| half-day | slot | mean of all (min) | ours, mean | 80% of visits | visits an hour | of the stated default |
| --- | --- | --- | --- | --- | --- | --- |
{NEWLINE.join(_slots(scored))}

{NEWLINE.join(f"- {half_day}s: {_used(each.next_session)}" for half_day, each in scored.items())}
"""


def _slots(scored: Mapping[str, Scored]) -> list[str]:
    lines = []
    for half_day, each in scored.items():
        told = each.next_session
        for slot in range(consultations.SLOTS):
            hour = f"{consultations.STARTS[half_day] // 60 + slot:02}:00"
            until = " on" if slot == consultations.SLOTS - 1 else ""
            lines.append(
                f"| {half_day} | {hour}{until} | {each.means[slot]:.2f} | {told.mean[slot]:.2f} "
                f"| {told.low[slot]:.1f} to {told.high[slot]:.1f} | {60 / told.mean[slot]:.2f} "
                f"| {told.department_share[slot]:.1%} |"
            )
    return lines


def _used(told: quota.LengthForecast) -> str:
    memory = "all history alike" if np.isinf(told.half_life) else f"a half-life of {told.half_life:g} days"
    return (
        f"{memory} and a day's own variance of {told.day_variance:g} of that of visits are believed most "
        f"({told.belief:.0%}); {told.effective_visits.sum():,.0f} of {told.visits:,} visits count."
    )
