"""What a split of numbers is computed from: visit lengths, capacities and walk-ins, each with where it came from.

Reads the log; decides nothing. The expert's own history is used where there is any, else the department's, else the
department's stated defaults; the basis says which (R2.5).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.utils import timezone

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


def estimate(period: Period) -> Estimate:
    """Reads the history of the period's experts and estimates capacities (R2.3) and walk-ins (R2.1).

    The windows are drawn by a generator seeded with department, experts and start: the same session and the same
    history always give the same rates (R2.6).
    """
    capacities, visits = _capacities(period)
    intervals, walk_ins = _walk_ins(period)
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


def _capacities(period: Period) -> tuple[list[quota.SlotCapacity], dict[str, Any]]:
    department, spans = period.department, period.minutes
    past, source = _first_known(period, with_arrivals=False)
    by_slot = history.visit_minutes(past, spans)
    lengths = [minutes for slot in by_slot for minutes in slot]
    # A slot in which no visit is on record takes the mean of the others before the department's default.
    stand_in = sum(lengths) / len(lengths) if sum(lengths) else department.default_visit_minutes
    capacities = quota.capacity(
        [(end - start) * period.rooms for start, end in spans],
        by_slot,
        history.counts(past, spans, rooms=period.rooms),
        history.waited(past, spans),
        default_visit=stand_in,
        late_share=department.late_start_share,
    )
    return capacities, _used(past, source) | {
        "visits": len(lengths),
        "mean_minutes": round(stand_in, DIGITS),
        "late_start_share": department.late_start_share,
        "waiting_seen_by": _waiting_seen_by(past),
    }


def _walk_ins(period: Period) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """One entry for the time before the start and one for each slot: frequencies (the study's table 1), rate, count."""
    past, source = _first_known(period, with_arrivals=True)
    arrivals = history.walk_in_arrivals(past)
    # The log may be of single experts' sessions or of pooled ones: rates are per room.
    share = period.rooms * len(past) / sum(session.came_for for session in past) if past else float(period.rooms)
    seed = [period.department.pk, *sorted(period.expert_ids), int(period.starts_at.timestamp())]
    rng = np.random.default_rng(seed)
    intervals = []
    for start, end in [(_minutes(period.starts_at, period.opens_at), 0.0), *period.minutes]:
        entry: dict[str, Any] = {"from": round(start, DIGITS), "to": round(end, DIGITS)}
        per_minute = period.department.default_walk_ins_per_hour / 60
        if end <= start:
            per_minute = 0.0
        elif past:
            windows = quota.minute_counts(arrivals, start, max(1, round(end - start)))
            frequencies = quota.sample_frequencies(windows, samples=SAMPLES, clip=CLIP, rng=rng)
            per_minute = quota.rate_of_frequencies(frequencies)
            entry["frequencies"] = frequencies.tolist()
        entry["per_minute"] = round(per_minute * share, DIGITS)
        entry["expected"] = round(per_minute * share * max(0.0, end - start), DIGITS)
        intervals.append(entry)
    return intervals, _used(past, source) | {
        "estimator": "sampled" if past else "stated",
        "samples": SAMPLES,
        "clip": CLIP,
        "default_per_hour": period.department.default_walk_ins_per_hour,
    }


def _first_known(period: Period, *, with_arrivals: bool) -> tuple[list[history.Past], str]:
    """The experts' history, else the department's, else none; and which of the three it is."""
    limit = period.department.history_sessions * period.rooms
    whose: list[tuple[str, dict[str, Any]]] = [
        ("expert", {"expert_ids": period.expert_ids}),
        ("department", {"department_id": period.department.pk}),
    ]
    for source, of in whose:
        past = history.read(before=period.starts_at, limit=limit, with_arrivals=with_arrivals, **of)
        if past if with_arrivals else any(v.minutes for session in past for v in session.visits):
            return past, source
    return [], "default"


def _used(past: Sequence[history.Past], source: str) -> dict[str, Any]:
    days = [timezone.localtime(session.starts_at).date().isoformat() for session in past]
    return {
        "source": source,
        "sessions": len(past),
        "first_day": days[0] if days else None,
        "last_day": days[-1] if days else None,
    }


def _waiting_seen_by(past: Sequence[history.Past]) -> str | None:
    """`arrivals`, `no_break` (visits that follow at once), `both`, or None without history."""
    kinds = {"arrivals" if session.has_arrivals else "no_break" for session in past}
    return kinds.pop() if len(kinds) == 1 else "both" if kinds else None


def _minutes(start: datetime, instant: datetime) -> float:
    return (instant - start) / timedelta(minutes=1)
