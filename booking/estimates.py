"""What a split of numbers is computed from: visit lengths, capacities and walk-ins, each with where it came from.

Reads the log; decides nothing. The expert's own history is used where there is any, else the department's, else the
department's stated defaults; the basis says which (R2.5).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from booking import history, quota
from booking.models import Department

# R2.1, the study's: 50 one-minute windows per past session and interval, a count over 4 counts as 4.
SAMPLES = 50
CLIP = 4
# What is shown and compared: enough for any report, and the same after a trip through JSON.
DIGITS = 6


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


@dataclass(frozen=True, slots=True)
class Estimate:
    """The inputs of R2.4 but for N, and the basis that a manager can open (JSON values only)."""

    capacities: list[quota.SlotCapacity]
    before_start: float
    walk_ins: list[float]
    basis: dict[str, Any]


class Logs:
    """The log of one department's half-days at a time, read once for all that are estimated in a row."""

    def __init__(self) -> None:
        self._key: tuple[int, bool] | None = None
        self._log: history.Log | None = None

    def of(self, period: Period) -> history.Log:
        """The period's department: the last sessions of each expert before the period, of the same half-day."""
        department, morning = period.department, history.is_morning(period.starts_at)
        if self._log is None or self._key != (department.pk, morning):
            self._log = None
            self._key = (department.pk, morning)
            self._log = history.read(morning=morning, limit=department.history_sessions, department_id=department.pk)
        return self._log.of(self._log.starts_at < period.starts_at.timestamp())


def estimate(period: Period, logs: Logs | None = None) -> Estimate:
    """Reads the history of the period's department and estimates capacities (R2.3) and walk-ins (R2.1).

    `logs`: what was read for the periods before this one. The windows are drawn by a generator seeded with department,
    experts and start: the same session and the same history always give the same rates (R2.6).
    """
    everybody = (logs or Logs()).of(period)
    own = everybody.of_experts(period.expert_ids)
    capacities, visits = _capacities(period, own, everybody)
    intervals, walk_ins = _walk_ins(period, own.with_arrivals(), everybody.with_arrivals())
    return Estimate(
        capacities=capacities,
        before_start=intervals[0]["expected"],
        walk_ins=[interval["expected"] for interval in intervals[1:]],
        basis={
            "half_day": "morning" if history.is_morning(period.starts_at) else "afternoon",
            "rooms": period.rooms,
            "visits": visits,
            "walk_ins": walk_ins | {"intervals": intervals},
        },
    )


def _capacities(
    period: Period, own: history.Log, everybody: history.Log
) -> tuple[list[quota.SlotCapacity], dict[str, Any]]:
    department, spans = period.department, period.minutes
    log, source = _first_known(own, everybody, lambda log: bool((log.seconds > 0).any()))
    by_slot = history.visit_minutes(log, spans)
    lengths = np.concatenate(by_slot)
    # A slot in which no visit is on record takes the mean of the others before the department's default.
    stand_in = float(lengths.mean()) if lengths.sum() > 0 else department.default_visit_minutes
    # As many would have begun in each of the rooms. What a session that was stopped did not see says nothing.
    counts, waited = period.rooms * history.counts(log, spans), history.waited(log, spans)
    whole = history.exposure(log, spans) == 1.0
    capacities = quota.capacity(
        [(end - start) * period.rooms for start, end in spans],
        by_slot,
        [counts[whole[:, slot], slot] for slot in range(len(spans))],
        [waited[whole[:, slot], slot] for slot in range(len(spans))],
        default_visit=stand_in,
        late_share=department.late_start_share,
    )
    return capacities, _used(log, source) | {
        "visits": len(lengths),
        "mean_minutes": round(stand_in, DIGITS),
        "late_start_share": department.late_start_share,
        "waiting_seen_by": _waiting_seen_by(log),
    }


def _walk_ins(period: Period, own: history.Log, everybody: history.Log) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """One entry for the time before the start and one for each slot: frequencies (the study's table 1), rate, count."""
    log, source = _first_known(own, everybody, lambda log: len(log) > 0)
    # The log may be of single experts' sessions or of pooled ones: rates are per room.
    share = period.rooms * len(log) / int(log.came_for.sum()) if len(log) else float(period.rooms)
    seed = [period.department.pk, *sorted(period.expert_ids), int(period.starts_at.timestamp())]
    rng = np.random.default_rng(seed)
    intervals = []
    for start, end in [(_minutes(period.starts_at, period.opens_at), 0.0), *period.minutes]:
        entry: dict[str, Any] = {"from": round(start, DIGITS), "to": round(end, DIGITS)}
        per_minute = period.department.default_walk_ins_per_hour / 60
        if end <= start:
            per_minute = 0.0
        elif len(log):
            windows = history.walk_ins_by_minute(log, (start, end))
            frequencies = quota.sample_frequencies(windows, samples=SAMPLES, clip=CLIP, rng=rng)
            per_minute = quota.rate_of_frequencies(frequencies)
            entry["frequencies"] = frequencies.tolist()
        entry["per_minute"] = round(per_minute * share, DIGITS)
        entry["expected"] = round(per_minute * share * max(0.0, end - start), DIGITS)
        intervals.append(entry)
    return intervals, _used(log, source) | {
        "estimator": "sampled" if len(log) else "stated",
        "samples": SAMPLES,
        "clip": CLIP,
        "default_per_hour": period.department.default_walk_ins_per_hour,
    }


def _first_known(
    own: history.Log, everybody: history.Log, says: Callable[[history.Log], bool]
) -> tuple[history.Log, str]:
    """The experts' history where it says something, else the department's, else none; and which of the three it is."""
    for log, source in ((own, "expert"), (everybody, "department")):
        if says(log):
            return log, source
    return own.of(np.zeros(len(own), dtype=np.bool_)), "default"


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
