"""The study's three tables for any expert and span of days, from the log of past sessions (R2.1, R2.3, R7.1).

Reads; decides nothing. Sessions of one half-day only; the intervals are those of the span's last session.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
from django.utils import timezone

from booking import history, quota
from booking.estimates import CLIP, SAMPLES
from booking.models import Expert, PastSession
from booking.wanted import slot_spans

MOST_SESSIONS = 1000  # of one expert: four years of every working day
Z95 = 1.96  # two-sided 95% of the normal distribution


@dataclass(frozen=True, slots=True)
class Days:
    """The mornings (or the afternoons) of a span of days, both ends included."""

    first: date
    last: date
    morning: bool


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of a session: minutes from the planned start, and the clock of the span's last session."""

    start: float
    end: float
    clock: str


@dataclass(frozen=True, slots=True)
class Record:
    """What is on record of an expert in a span of days. `intervals`: before the start, then each slot; none without
    sessions. `more`: the span begins before the MOST_SESSIONS latest sessions, which alone are read."""

    log: history.Log
    intervals: list[Interval]
    more: bool


@dataclass(frozen=True, slots=True)
class Frequencies:
    """One line of table 1: sampled minutes with 0, 1 .. CLIP or more walk-ins."""

    interval: Interval
    counts: list[int]
    per_minute: float

    @property
    def expected(self) -> float:
        return self.per_minute * (self.interval.end - self.interval.start)


@dataclass(frozen=True, slots=True)
class Wait:
    """Mean wait in minutes of the walk-ins who came in an interval, with the standard error of sessions as wholes
    (waits within one hang together); None where nobody came, or only one session says it."""

    walk_ins: int
    mean: float | None
    error: float | None


@dataclass(frozen=True, slots=True)
class Waits:
    """One line of table 3."""

    interval: Interval
    before: Wait
    after: Wait

    @property
    def change(self) -> float | None:
        if self.before.mean is None or self.after.mean is None:
            return None
        return self.after.mean - self.before.mean

    @property
    def margin(self) -> float | None:
        """Half of the 95% interval of the change."""
        if self.before.error is None or self.after.error is None:
            return None
        return Z95 * float(np.hypot(self.before.error, self.after.error))


def read(expert: Expert, *, morning: bool) -> history.Log:
    """The latest MOST_SESSIONS of an expert's mornings (or afternoons). Two queries."""
    return history.read(morning=morning, limit=MOST_SESSIONS, expert_ids=[expert.pk])


def record(expert: Expert, log: history.Log, days: Days) -> Record:
    """Those of the sessions read that lie within `days`. One query, for the intervals."""
    first, last = days.first.toordinal(), days.last.toordinal()
    within = log.of((log.days >= first) & (log.days <= last))
    more = len(log) == MOST_SESSIONS and bool(log.days.min() > first)
    return Record(log=within, intervals=_intervals(expert, within), more=more)


def _intervals(expert: Expert, log: history.Log) -> list[Interval]:
    if not len(log):
        return []
    department, starts_at = expert.department, datetime.fromtimestamp(int(log.starts_at[-1]), tz=UTC)
    ends = PastSession.objects.filter(expert=expert, starts_at=starts_at).values_list("ends_at", flat=True)
    opens = starts_at - timedelta(minutes=department.registration_opens_minutes)
    spans = [(opens, starts_at), *slot_spans(starts_at, max(ends), department.slot_minutes)]
    return [
        Interval(
            (start - starts_at) / timedelta(minutes=1),
            (end - starts_at) / timedelta(minutes=1),
            f"{timezone.localtime(start):%H:%M}–{timezone.localtime(end):%H:%M}",
        )
        for start, end in spans
        if end > start
    ]


def frequencies(expert: Expert, days: Days, known: Record) -> list[Frequencies]:
    """Table 1: how often so many walk-ins came in a minute drawn at random (R2.1). The same question draws the same
    minutes. Empty where no session's arrivals are on record."""
    log = known.log.with_arrivals()
    if not len(log):
        return []
    rng = np.random.default_rng([expert.pk, days.first.toordinal(), days.last.toordinal(), int(days.morning)])
    lines = []
    for interval in known.intervals:
        minutes = history.walk_ins_by_minute(log, (interval.start, interval.end))
        counts = quota.sample_frequencies(minutes, samples=SAMPLES, clip=CLIP, rng=rng)
        lines.append(Frequencies(interval, counts.tolist(), quota.rate_of_frequencies(counts)))
    return lines


def capacities(expert: Expert, known: Record) -> list[tuple[Interval, quota.SlotCapacity]]:
    """Table 2: how many visits fit in each slot, and why (R2.3). Empty where no session is on record."""
    slots = [interval for interval in known.intervals if interval.start >= 0]
    if not slots:
        return []
    spans, log, department = [(slot.start, slot.end) for slot in slots], known.log, expert.department
    visits, lengths = history.visit_minutes(log, spans), log.seconds[log.seconds > 0] / 60
    counts, waited = history.counts(log, spans), history.waited(log, spans)
    whole = history.exposure(log, spans) == 1.0  # what a session that was stopped did not see says nothing
    measured = quota.capacity(
        [end - start for start, end in spans],
        visits,
        [counts[whole[:, slot], slot] for slot in range(len(spans))],
        [waited[whole[:, slot], slot] for slot in range(len(spans))],
        default_visit=float(lengths.mean()) if len(lengths) else department.default_visit_minutes,
        late_share=department.late_start_share,
    )
    return list(zip(slots, measured, strict=True))


def waits(before: Record, after: Record) -> list[Waits]:
    """Table 3: how long walk-ins waited, by when they came, before and after (R7.1). A wait is from registration until
    the visit began (R5.2): the log has no other end of it. Empty where either span has no arrivals on record."""
    logs = [known.log.with_arrivals() for known in (before, after)]
    if not all(map(len, logs)):
        return []
    return [Waits(each, _wait(logs[0], each), _wait(logs[1], each)) for each in after.intervals]


def _wait(log: history.Log, interval: Interval) -> Wait:
    known = log.walk_in & (log.arrived != history.UNKNOWN) & (log.started != history.UNKNOWN)
    known &= (log.arrived >= 60 * interval.start) & (log.arrived < 60 * interval.end)
    count = int(known.sum())
    if not count:
        return Wait(0, None, None)
    waited = np.maximum(log.started[known] - log.arrived[known], 0) / 60
    mean, sessions = float(waited.mean()), len(log)
    apart = np.bincount(log.session[known], weights=waited - mean, minlength=sessions)
    error = float(np.sqrt((apart**2).sum() * sessions / (sessions - 1)) / count) if sessions > 1 else None
    return Wait(count, mean, error)
