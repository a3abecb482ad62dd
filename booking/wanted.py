"""What the weekly templates ask for on a day (R1.1), holidays and leave considered. Reads only."""

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from django.db.models import Q, QuerySet
from django.utils import timezone

from booking.models import Expert, Holiday, Leave, Room, Session, Template

Span = tuple[datetime, datetime]


class NoSession(StrEnum):
    """Why a template asks for no session on a day."""

    INACTIVE = "inactive"  # the template, or its expert
    WEEKDAY = "weekday"
    HOLIDAY = "holiday"
    LEAVE = "leave"  # of the expert, or of all who sit in a pooled session


@dataclass(frozen=True, slots=True)
class Wanted:
    """One session that a template asks for. `spans`: its slots, in UTC; `rooms`: who sits where, who is away left out.

    The rooms are in the order of their ids.
    """

    template: Template
    day: date
    starts_at: datetime
    ends_at: datetime
    spans: tuple[Span, ...]
    rooms: tuple[tuple[Room, Expert], ...]

    @property
    def titles(self) -> tuple[str, str, str]:
        return self.template.title, self.template.title_en, self.template.title_zh_hant


class Calendar:
    """The holidays and leaves of some days, both ends included, read once; as if `without` were gone."""

    def __init__(self, first: date, last: date, *, without: Holiday | Leave | None = None) -> None:
        holidays = Holiday.objects.filter(date__range=(first, last))
        if isinstance(without, Holiday):
            holidays = holidays.exclude(pk=without.pk)
        self._off = set(holidays.values_list("department_id", "date"))
        self._leaves: dict[int, list[tuple[date, date]]] = defaultdict(list)
        leaves = Leave.objects.filter(first_day__lte=last, last_day__gte=first)
        if isinstance(without, Leave):
            leaves = leaves.exclude(pk=without.pk)
        for expert_id, begins, ends in leaves.values_list("expert_id", "first_day", "last_day"):
            self._leaves[expert_id].append((begins, ends))

    def is_off(self, department_id: int, day: date) -> bool:
        """A holiday of the department's or of the whole hospital."""
        return (None, day) in self._off or (department_id, day) in self._off

    def is_away(self, expert_id: int, day: date) -> bool:
        """On leave."""
        return any(first <= day <= last for first, last in self._leaves[expert_id])


def wanted(template: Template, day: date, calendar: Calendar) -> Wanted | NoSession:
    """What a template (with its department, expert and rooms) asks for on a day, or why nothing."""
    if not template.active or (template.expert is not None and not template.expert.active):
        return NoSession.INACTIVE
    if day.weekday() != template.weekday:
        return NoSession.WEEKDAY
    if calendar.is_off(template.department_id, day):
        return NoSession.HOLIDAY
    seats = sorted(template.rooms.all(), key=lambda seat: seat.room_id)
    rooms = tuple((seat.room, seat.expert) for seat in seats if not calendar.is_away(seat.expert_id, day))
    nobody_left = bool(seats) and not rooms
    if nobody_left if template.expert is None else calendar.is_away(template.expert.pk, day):
        return NoSession.LEAVE
    starts_at, ends_at = local(day, template.starts), local(day, template.ends)
    minutes = template.slot_minutes or template.department.slot_minutes
    spans = tuple(slot_spans(starts_at, ends_at, minutes))
    return Wanted(template=template, day=day, starts_at=starts_at, ends_at=ends_at, spans=spans, rooms=rooms)


def missing(
    *,
    today: date,
    days: int | None = None,
    template_id: int | None = None,
    without: Holiday | Leave | None = None,
) -> list[Wanted]:
    """What the templates (or this one) ask for from `today` on and what is not there yet; as if `without` were gone.

    `days` ahead: default per department.
    """
    templates = Template.objects.select_related("department", "expert").prefetch_related("rooms__room", "rooms__expert")
    if template_id is not None:
        templates = templates.filter(pk=template_id)
    chosen = list(templates.order_by("department", "starts", "pk"))
    ahead = [each.department.sessions_ahead_days if days is None else days for each in chosen]
    calendar = Calendar(today, today + timedelta(days=max(ahead, default=0)), without=without)
    found = (
        wanted(template, day, calendar)
        for template, count in zip(chosen, ahead, strict=True)
        for day in _days(template, today, today + timedelta(days=count))
    )
    return [each for each in found if isinstance(each, Wanted)]


def standing(of: QuerySet[Session]) -> QuerySet[Session]:
    """Those of these sessions in whose place no other is made: all but what was cancelled for something that passes."""
    return of.exclude(Q(state=Session.State.CANCELLED) & ~Q(cancelled_for=""))


def _days(template: Template, first: date, last: date) -> Iterator[date]:
    """The template's days that have no session yet, both ends included."""
    there = set(standing(template.sessions.filter(date__range=(first, last))).values_list("date", flat=True))
    day = first + timedelta(days=(template.weekday - first.weekday()) % 7)
    while day <= last:
        if day not in there:
            yield day
        day += timedelta(days=7)


def slot_spans(starts_at: datetime, ends_at: datetime, minutes: int) -> Iterator[Span]:
    """The slots of a session: M = ceil((end - start) / length), the last may be shorter. In UTC.

    Local times of one zone subtract as the clock on the wall does: over a change of the clocks that is an hour off.
    """
    starts_at, ends_at, length = starts_at.astimezone(UTC), ends_at.astimezone(UTC), timedelta(minutes=minutes)
    for index in range(math.ceil((ends_at - starts_at) / length)):
        begin = starts_at + index * length
        yield begin, min(begin + length, ends_at)


def local(day: date, clock: time) -> datetime:
    """A time of the hospital's clock, in UTC."""
    return timezone.make_aware(datetime.combine(day, clock)).astimezone(UTC)
