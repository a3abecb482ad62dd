"""Holidays and leave (R1.1): which sessions they touch, and which are made again once they are gone. Reads only."""

from collections import defaultdict
from collections.abc import Iterable

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from booking.models import Expert, Holiday, Leave, Session, SessionRoom
from booking.wanted import Calendar, Wanted, missing


def sessions_in(off: Holiday | Leave) -> QuerySet[Session]:
    """Sessions that are not over and that it touches, by their start."""
    return on_holiday(off) if isinstance(off, Holiday) else in_leave(off)


def on_holiday(holiday: Holiday) -> QuerySet[Session]:
    """Sessions that are not over on that day, of its department or of all."""
    return _in_order(_not_over().filter(_of(holiday)))


def in_leave(leave: Leave) -> QuerySet[Session]:
    """The expert's own sessions that are not over in these days, and the pooled ones in which they sit (R1.5)."""
    sits = SessionRoom.objects.filter(session=OuterRef("pk"), expert=leave.expert_id)
    theirs = Q(expert=leave.expert_id) | Q(Exists(sits), expert=None)
    return _in_order(_not_over().filter(theirs, date__range=(leave.first_day, leave.last_day)))


def again_if_gone(off: Holiday | Leave) -> list[Wanted]:
    """What the task would make if it were deleted, sessions that were cancelled for it among them."""
    return [each for each in missing(today=timezone.localdate(), without=off) if _concerns(off, each)]


def again_after(was: Holiday | Leave) -> list[Wanted]:
    """What the task makes now that this, as it was, has been changed or deleted."""
    return [each for each in missing(today=timezone.localdate()) if _concerns(was, each)]


def free_experts(sessions: Iterable[Session]) -> dict[int, list[Expert]]:
    """By session id: who of its department is neither on leave nor in a session at its time."""
    sessions = list(sessions)
    if not sessions:
        return {}
    days = [session.date for session in sessions]
    calendar = Calendar(min(days), max(days))
    experts = Expert.objects.filter(department__in={session.department_id for session in sessions}, active=True)
    others = _not_over().filter(date__range=(min(days), max(days))).prefetch_related("rooms")
    busy = defaultdict(list)
    for other in others:
        for expert_id in {other.expert_id, *(seat.expert_id for seat in other.rooms.all())}:
            busy[expert_id].append((other.starts_at, other.ends_at))
    return {
        session.pk: [
            expert
            for expert in experts
            if expert.department_id == session.department_id
            and not calendar.is_away(expert.pk, session.date)
            and not any(starts < session.ends_at and session.starts_at < ends for starts, ends in busy[expert.pk])
        ]
        for session in sessions
    }


def _of(holiday: Holiday) -> Q:
    whole = holiday.department_id is None
    return Q(date=holiday.date) if whole else Q(date=holiday.date, department=holiday.department_id)


def _not_over() -> QuerySet[Session]:
    return Session.objects.exclude(state__in=Session.OVER)


def _in_order(sessions: QuerySet[Session]) -> QuerySet[Session]:
    return sessions.select_related("department", "expert").prefetch_related("rooms").order_by("starts_at", "pk")


def _concerns(off: Holiday | Leave, asked: Wanted) -> bool:
    template = asked.template
    if isinstance(off, Holiday):
        return asked.day == off.date and off.department_id in (None, template.department_id)
    theirs = {template.expert_id} if template.expert_id else {seat.expert_id for seat in template.rooms.all()}
    return off.expert_id in theirs and off.first_day <= asked.day <= off.last_day
