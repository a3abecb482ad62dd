"""What a split of numbers is computed from: visit lengths, capacities and walk-ins, each with where it came from.

Reads the log; decides nothing. The expert's own history counts as far as there is any, then the department's, then the
department's stated defaults; the basis says how far (R2.2, R2.5).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from django.utils import timezone

from booking import history, quota
from booking.cuts import Cut, Cuts
from booking.history import Flags
from booking.models import Department

# R2.1, the study's: 50 one-minute windows per past session and interval, a count over 4 counts as 4.
SAMPLES = 50
CLIP = 4
# What is shown and compared: enough for any report, and the same after a trip through JSON.
DIGITS = 6
# One walk-in in two hundred sessions is none: a number kept for them would be left over in all the others.
WALK_IN_DIGITS = 2


@dataclass(frozen=True, slots=True)
class Period:
    """The session that numbers are split for, whether saved yet or not.

    `spans`: its slots. `expert_ids`: one, or those of a pooled session; `rooms`: how many of them work side by side.
    """

    department: Department
    expert_ids: tuple[int, ...]
    rooms: int
    opens_at: datetime
    spans: tuple[tuple[datetime, datetime], ...]

    @property
    def starts_at(self) -> datetime:
        return self.spans[0][0]

    @property
    def minutes(self) -> list[history.Span]:
        """The slots in minutes from the start."""
        return [(_minutes(self.starts_at, a), _minutes(self.starts_at, b)) for a, b in self.spans]

    @property
    def day(self) -> int:
        """The local date as an ordinal."""
        return timezone.localtime(self.starts_at).toordinal()


@dataclass(frozen=True, slots=True)
class Estimate:
    """The inputs of R2.4 but for N, and the basis that a manager can open (JSON values only)."""

    capacities: list[quota.SlotCapacity]
    before_start: float
    walk_ins: list[float]
    basis: dict[str, Any]


def estimate(period: Period, cuts: Cuts | None = None) -> Estimate:
    """Reads the history of the period's department and estimates capacities (R2.3) and walk-ins (R2.2).

    `cuts`: what was read for the periods before this one. The study's frequency table (R2.1) is drawn by a generator
    seeded with department, experts and start: the same session and the same history always give the same (R2.6).
    """
    opening = (_minutes(period.starts_at, period.opens_at), 0.0)
    morning = history.is_morning(period.starts_at)
    cut = (cuts or Cuts()).of(period.department, (opening, *period.minutes), morning=morning)
    whose = cut.whose(period.expert_ids)
    colleagues = [known for pk, known in cut.by_expert.items() if pk not in period.expert_ids]
    capacities, visits = _capacities(period, cut, whose, [visits for _, visits in colleagues])
    intervals, walk_ins = _walk_ins(period, cut, whose, [arrivals for arrivals, _ in colleagues])
    return Estimate(
        capacities=capacities,
        before_start=intervals[0]["expected"],
        walk_ins=[interval["expected"] for interval in intervals[1:]],
        basis={
            "half_day": "morning" if morning else "afternoon",
            "rooms": period.rooms,
            "visits": visits,
            "walk_ins": walk_ins | {"intervals": intervals},
        },
    )


def _capacities(
    period: Period, cut: Cut, whose: Flags, colleagues: list[quota.Visits]
) -> tuple[list[quota.SlotCapacity], dict[str, Any]]:
    department, spans = period.department, period.minutes
    stated = quota.stated_length_prior(department.default_visit_minutes, len(spans))
    own, prior = cut.visits(whose), quota.department_length_prior(colleagues, stated)
    foretold = quota.forecast_lengths(own, period.day, prior)
    # The expert's own log says when visits begin and whether patients wait; without one the department's does.
    log, source = cut.log.of(whose), "expert"
    if not foretold.visits:
        log, source = cut.log, "department" if prior.experts else "default"
    # As many would have begun in each of the rooms. What a session that was stopped did not see says nothing.
    counts, waited = period.rooms * history.counts(log, spans), history.waited(log, spans)
    whole = history.exposure(log, spans) == 1.0
    lengths = log.seconds[log.seconds > 0] / 60
    capacities = quota.capacity(
        [(end - start) * period.rooms for start, end in spans],
        history.visit_minutes(log, spans),
        [counts[whole[:, slot], slot] for slot in range(len(spans))],
        [waited[whole[:, slot], slot] for slot in range(len(spans))],
        default_visit=department.default_visit_minutes,
        foretold=foretold.mean,
        late_share=department.late_start_share,
    )
    return capacities, _used(log, source) | {
        "visits": len(lengths),
        "mean_minutes": round(float(lengths.mean()) if len(lengths) else department.default_visit_minutes, DIGITS),
        "late_start_share": department.late_start_share,
        "waiting_seen_by": _waiting_seen_by(log),
        "estimator": "weighted" if source != "default" else "stated",
        "effective_visits": round(float(foretold.effective_visits.sum()), DIGITS),
        "department_share": round(float(foretold.department_share.mean()), DIGITS),
    } | _learnt(foretold)


def _walk_ins(
    period: Period, cut: Cut, whose: Flags, colleagues: list[quota.Arrivals]
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """One entry for the time before the start and one for each slot: what is expected, and the study's table 1."""
    per_minute = period.department.default_walk_ins_per_hour / 60
    lengths = np.array([max(0.0, end - start) for start, end in cut.intervals])
    prior = quota.department_prior(colleagues, per_minute * lengths * cut.unit)
    foretold = quota.forecast_arrivals(cut.arrivals(whose), period.day, prior).of_a_share(period.rooms / cut.unit)
    log, source = cut.log.of(whose & cut.log.has_arrivals), "expert"
    if not foretold.sessions:
        log, source = cut.log.with_arrivals(), "department" if prior.experts else "default"
    tables = _frequencies(period, log, cut.intervals)
    intervals = [
        {
            "from": round(start, DIGITS),
            "to": round(end, DIGITS),
            "per_minute": round(float(foretold.mean[index]) / length if length else 0.0, DIGITS),
            "expected": round(float(foretold.mean[index]) if length else 0.0, WALK_IN_DIGITS),
            "low": float(foretold.low[index]),
            "median": float(foretold.median[index]),
            "high": float(foretold.high[index]),
            "frequencies": tables[index],
        }
        for index, ((start, end), length) in enumerate(zip(cut.intervals, lengths.tolist(), strict=True))
    ]
    return intervals, _used(log, source) | {
        "estimator": "weighted" if source != "default" else "stated",
        "samples": SAMPLES,
        "clip": CLIP,
        "default_per_hour": period.department.default_walk_ins_per_hour,
        "effective_sessions": round(float(foretold.effective_sessions.mean()), DIGITS),
        "department_share": round(float(foretold.department_share.mean()), DIGITS),
        "weekday": foretold.weekday,
        "dispersion": round(foretold.dispersion, DIGITS),
    } | _learnt(foretold)


def _frequencies(period: Period, log: history.Log, intervals: Sequence[history.Span]) -> list[list[int] | None]:
    """The study's table 1 (R2.1), a line an interval; None where no session is on record, or the interval is empty."""
    seed = [period.department.pk, *sorted(period.expert_ids), int(period.starts_at.timestamp())]
    rng = np.random.default_rng(seed)
    return [
        quota.sample_frequencies(history.walk_ins_by_minute(log, span), samples=SAMPLES, clip=CLIP, rng=rng).tolist()
        if len(log) and span[1] > span[0]
        else None
        for span in intervals
    ]


def _learnt(foretold: quota.ArrivalForecast | quota.LengthForecast) -> dict[str, Any]:
    """How much history was used and how good such forecasts were (R2.2, R2.5)."""
    ours = foretold.scores.get("ours")
    return {
        "half_life_days": None if math.isinf(foretold.half_life) else foretold.half_life,
        "belief": round(foretold.belief, DIGITS),
        "scored": foretold.scored,
        "log_score": None if ours is None else round(ours.log_score, DIGITS),
        "absolute_error": None if ours is None else round(ours.absolute_error, DIGITS),
        "rivals": {
            name: {"log_score": round(score.log_score, DIGITS), "absolute_error": round(score.absolute_error, DIGITS)}
            for name, score in foretold.scores.items()
            if name != "ours"
        },
    }


def _used(log: history.Log, source: str) -> dict[str, Any]:
    days = [date.fromordinal(int(day)).isoformat() for day in (log.days.min(), log.days.max())] if len(log) else []
    return {
        "source": source,
        "sessions": len(log),
        "first_day": days[0] if days else None,
        "last_day": days[-1] if days else None,
    }


def _waiting_seen_by(log: history.Log) -> str | None:
    """`arrivals`, `no_break` (visits that follow at once), `both`, or None without history."""
    if not len(log):
        return None
    return "arrivals" if log.has_arrivals.all() else "both" if log.has_arrivals.any() else "no_break"


def _minutes(start: datetime, instant: datetime) -> float:
    return (instant - start) / timedelta(minutes=1)
