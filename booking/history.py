"""The log of past sessions, read into plain values and cut into the slots of a new one (R2.1, R2.3).

All instants are minutes from the planned start of their own session, so that sessions of different days compare.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from django.db.models import Count
from django.utils import timezone

from booking.models import PastSession, PastVisit

# Two visits with a shorter break than this follow each other at once: the next patient was there already.
AT_ONCE_MINUTES = 1.0
# Somebody waits for at least this share of a slot: what was seen in it is then what can be seen, not what came.
WAITED_SHARE = 0.5

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Visit:
    """One line of the log; None where it does not say. `refused`: came, and no number was left (R2.1)."""

    arrived: float | None
    started: float | None
    minutes: float | None
    walk_in: bool
    refused: bool


@dataclass(frozen=True, slots=True)
class Past:
    """One expert's past session. `came_for` is how many experts its arrivals were meant for: more than one where a
    pooled session logged them under one of its experts, and the visits of each expert under that expert."""

    starts_at: datetime
    came_for: int
    has_arrivals: bool
    visits: tuple[Visit, ...]


def is_morning(starts_at: datetime) -> bool:
    """Mornings and afternoons are never mixed (R2.3): what starts before noon, local time, is a morning."""
    return timezone.localtime(starts_at).hour < 12


def read(
    *,
    before: datetime,
    limit: int,
    expert_ids: Iterable[int] | None = None,
    department_id: int | None = None,
    with_arrivals: bool = False,
) -> list[Past]:
    """The last `limit` sessions that started before `before`, of the same half-day, oldest first.

    Of these experts together, or of everybody in a department. `with_arrivals`: only sessions whose log says who came
    when.
    """
    sessions = PastSession.objects.filter(morning=is_morning(before), starts_at__lt=before)
    if expert_ids is not None:
        sessions = sessions.filter(expert_id__in=list(expert_ids))
    if department_id is not None:
        sessions = sessions.filter(expert__department_id=department_id)
    if with_arrivals:
        sessions = sessions.filter(has_arrivals=True)
    rows = list(
        sessions.annotate(rooms=Count("session__rooms__expert", distinct=True))
        .order_by("-starts_at", "-id")
        .values_list("id", "starts_at", "has_arrivals", "rooms")[:limit]
    )
    begin = {pk: starts_at for pk, starts_at, _, _ in rows}
    visits: dict[int, list[Visit]] = defaultdict(list)
    logged = PastVisit.objects.filter(past_session_id__in=begin).order_by("past_session_id", "position")
    columns = ("past_session_id", "arrived_at", "started_at", "seconds", "booked", "refused")
    for pk, arrived_at, started_at, seconds, booked, refused in logged.values_list(*columns):
        visits[pk].append(
            Visit(
                arrived=_offset(arrived_at, begin[pk]),
                started=_offset(started_at, begin[pk]),
                minutes=None if seconds is None else seconds / 60,
                walk_in=booked is False,
                refused=refused,
            )
        )
    return [
        Past(starts_at=starts_at, came_for=max(1, rooms), has_arrivals=has_arrivals, visits=tuple(visits[pk]))
        for pk, starts_at, has_arrivals, rooms in reversed(rows)
    ]


def _offset(instant: datetime | None, start: datetime) -> float | None:
    return None if instant is None else (instant - start) / timedelta(minutes=1)


def visit_minutes(past: Sequence[Past], spans: Sequence[Span]) -> list[list[float]]:
    """Per slot the minutes of every visit that began in it, over all sessions together."""
    return [
        [
            visit.minutes
            for session in past
            for visit in session.visits
            if visit.minutes is not None and _began_in(visit, span)
        ]
        for span in spans
    ]


def counts(past: Sequence[Past], spans: Sequence[Span], *, rooms: int = 1) -> list[list[int]]:
    """Per slot and past session the visits that began in it, as if as many had begun in each of `rooms` rooms."""
    return [[rooms * sum(_began_in(visit, span) for visit in session.visits) for session in past] for span in spans]


def waited(past: Sequence[Past], spans: Sequence[Span]) -> list[list[bool]]:
    """Per slot and past session whether patients waited in it.

    Where arrivals are known: somebody waited for at least half of the slot. Where they are not: at least half of the
    visits that began in the slot were followed by the next one at once.
    """
    return [
        [_somebody_waited(s, span) if s.has_arrivals else _without_a_break(s, span) for s in past] for span in spans
    ]


def walk_in_arrivals(past: Sequence[Past]) -> list[list[float]]:
    """Per past session when its walk-ins came, the refused ones included (R2.1)."""
    return [[v.arrived for v in session.visits if v.walk_in and v.arrived is not None] for session in past]


def _began_in(visit: Visit, span: Span) -> bool:
    # Whoever was seen before the planned start took one of the first slot's numbers.
    return visit.started is not None and span[0] <= max(0.0, visit.started) < span[1]


def _somebody_waited(session: Past, span: Span) -> bool:
    start, end = span
    waits = sorted(
        (max(start, v.arrived), min(end, v.started))
        for v in session.visits
        if v.arrived is not None and v.started is not None and v.arrived < end and v.started > start
    )
    covered, reached = 0.0, start
    for begin, until in waits:
        covered += max(0.0, until - max(begin, reached))
        reached = max(reached, until)
    return covered >= WAITED_SHARE * (end - start)


def _without_a_break(session: Past, span: Span) -> bool:
    seen = sorted((v.started, v.minutes) for v in session.visits if v.started is not None and v.minutes is not None)
    followed = [
        following[0] - (started + minutes) <= AT_ONCE_MINUTES
        for (started, minutes), following in pairwise(seen)
        if span[0] <= started < span[1]
    ]
    return bool(followed) and sum(followed) >= WAITED_SHARE * len(followed)
