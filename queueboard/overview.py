"""A day for managers: its queues, waits against what is usual, load by hour, no-shows, what is left of the pool.

Reads only. A wait is R5.2's: from check-in or the start of the slot, whichever is later, for who has booked; from
registration for walk-ins; to the call. The same number of queries for one session as for sixty.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from django.db.models import QuerySet
from django.utils import timezone

from booking.models import Appointment, Department, Session, Slot
from queueboard.models import Ticket

WEEKS = 8  # of the same weekday: what is usual
HOUR = timedelta(hours=1)
SEEN = (Ticket.State.DONE, Ticket.State.SERVING)


@dataclass(frozen=True, slots=True)
class Line:
    """One queue. Minutes; `longest` is of those who wait now, `behind` how long ago the oldest slot ended in which
    somebody who came in time still waits. `absent`: booked, not come, and the slot is over; or no-shows already."""

    session: Session
    waiting: int
    seen: int
    longest: int
    behind: int
    absent: int
    pool: int


@dataclass(frozen=True, slots=True)
class Waits:
    """Minutes until the call: median and 90th percentile of so many patients."""

    patients: int
    median: float
    p90: float


@dataclass(frozen=True, slots=True)
class Hour:
    """Of one hour of the day (0-23): who came, whose visit began, and for how many there are numbers."""

    hour: int
    came: int
    begun: int
    capacity: float


@dataclass(frozen=True, slots=True)
class Day:
    at: datetime
    lines: list[Line]
    today: Waits | None
    usual: Waits | None
    hours: list[Hour]


def day(departments: QuerySet[Department], *, now: datetime | None = None) -> Day:
    """Today, of these departments."""
    now = now or timezone.now()
    today = timezone.localdate(now)
    sessions = list(
        Session.objects.filter(department__in=departments, date=today)
        .exclude(state=Session.State.CANCELLED)
        .select_related("department", "expert")
        .order_by("department__name", "starts_at", "pk")
    )
    slots = {slot.pk: slot for slot in Slot.objects.filter(session__in=sessions)}
    tickets = list(Ticket.objects.filter(session__in=sessions).exclude(state=Ticket.State.HANDED_OVER))
    booked = Appointment.objects.filter(
        session__in=sessions, state__in=(Appointment.State.BOOKED, Appointment.State.NO_SHOW)
    ).values_list("session", "slot", "state")
    usual = Ticket.objects.filter(
        session__department__in=departments,
        session__date__in=[today - timedelta(weeks=week) for week in range(1, WEEKS + 1)],
    )
    return Day(
        at=now,
        lines=_lines(sessions, slots, tickets, list(booked), now),
        today=_waits((t.booked, t.arrived, slots[t.slot_id].starts_at, t.called_at) for t in tickets if _first(t)),
        usual=_waits(
            usual.filter(called_at__isnull=False, misses=0, returned=None)
            .order_by()
            .values_list("booked", "arrived", "slot__starts_at", "called_at")
        ),
        hours=_hours(slots.values(), tickets),
    )


def _first(ticket: Ticket) -> bool:
    """Called once, and there: a later call says nothing of the wait for the first."""
    return ticket.called_at is not None and ticket.misses == 0 and ticket.returned is None


def _lines(
    sessions: Sequence[Session],
    slots: dict[int, Slot],
    tickets: Sequence[Ticket],
    booked: Sequence[tuple[int, int, str]],
    now: datetime,
) -> list[Line]:
    own: dict[int, list[Ticket]] = defaultdict(list)
    for ticket in tickets:
        own[ticket.session_id].append(ticket)
    absent = Counter(
        session for session, slot, state in booked if state == Appointment.State.NO_SHOW or slots[slot].ends_at < now
    )
    pool: Counter[int] = Counter()
    for slot in slots.values():
        if slot.ends_at > now:
            pool[slot.session_id] += slot.left_walk_in
    lines = []
    for session in sessions:
        waiting = [t for t in own[session.pk] if t.state == Ticket.State.WAITING]
        since = [max(t.arrived, slots[t.slot_id].starts_at) if t.booked else t.arrived for t in waiting]
        ended = [slots[t.slot_id].ends_at for t in waiting if not t.late and t.turned_up is None and t.returned is None]
        lines.append(
            Line(
                session=session,
                waiting=len(waiting),
                seen=sum(t.state in SEEN for t in own[session.pk]),
                longest=_minutes(now - min(since, default=now)),
                behind=_minutes(now - min(ended, default=now)),
                absent=absent[session.pk],
                pool=pool[session.pk] if session.state != Session.State.CLOSED else 0,
            )
        )
    # What goes on comes first, then what is to come, what is over last.
    first = [*Session.LIVE, Session.State.PLANNED]
    return sorted(lines, key=lambda line: (line.session.state not in Session.LIVE, line.session.state not in first))


def _minutes(span: timedelta) -> int:
    return max(0, int(span / timedelta(minutes=1)))


def _waits(called: Iterable[tuple[bool, datetime, datetime, datetime | None]]) -> Waits | None:
    minutes = [
        max(0.0, (at - (max(arrived, slot) if booked else arrived)) / timedelta(minutes=1))
        for booked, arrived, slot, at in called
        if at is not None
    ]
    if not minutes:
        return None
    median, p90 = np.quantile(minutes, (0.5, 0.9))
    return Waits(len(minutes), float(median), float(p90))


def _hours(slots: Iterable[Slot], tickets: Sequence[Ticket]) -> list[Hour]:
    capacity: dict[int, float] = defaultdict(float)
    for slot in slots:
        begin = timezone.localtime(slot.starts_at)
        end = timezone.localtime(slot.ends_at)
        hour = begin.replace(minute=0, second=0, microsecond=0)
        while hour < end and end > begin:
            share = (min(end, hour + HOUR) - max(begin, hour)) / (end - begin)
            capacity[hour.hour] += slot.numbers * share
            hour += HOUR
    came = Counter(timezone.localtime(t.arrived).hour for t in tickets)
    started = (t.started_at or (t.called_at if t.state == Ticket.State.DONE else None) for t in tickets)
    begun = Counter(timezone.localtime(at).hour for at in started if at is not None)
    known = {*came, *begun, *capacity}
    return [
        Hour(hour, came[hour], begun[hour], round(capacity[hour], 1))
        for hour in (range(min(known), max(known) + 1) if known else ())
    ]
