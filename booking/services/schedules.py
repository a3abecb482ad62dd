"""Schedules that change after their sessions were made: added numbers, a substitute, a session that is cancelled."""

from collections.abc import Iterable
from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Q, QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from booking import touched
from booking.errors import BookingError
from booking.models import Appointment, Expert, Leave, QuotaMove, Session, SessionRoom, Slot, WaitlistEntry
from booking.services import ballots, freed, notices, numbers, refunds, sessions

Place = QuotaMove.Place
Reason = QuotaMove.Reason
State = Appointment.State


def add_numbers(
    *, slot_id: int, count: int, reason: str, actor: AbstractBaseUser | None = None, now: datetime | None = None
) -> Slot:
    """Adds numbers to a slot (加号, R3.2b): offered to who waits, free to book where nobody does, or for walk-ins once
    registration has opened.

    Who and why is in the ledger. Raises BookingError `reason_missing`, `no_such_slot`, `session_over`, `slot_ended`,
    `limit_added` over what the department allows for a session in all.
    """
    now = now or timezone.now()
    needs(reason)
    slot = Slot.objects.filter(pk=slot_id).first()
    if slot is None:
        raise BookingError(_("There is no such slot."), code="no_such_slot", status=404)
    with transaction.atomic():
        session = not_over(slot.session_id)
        if slot.ends_at <= now:
            raise BookingError(_("This slot has ended."), code="slot_ended")
        added = QuotaMove.objects.filter(slot__session=session, reason=Reason.ADDED).aggregate(
            n=Sum("count", default=0)
        )["n"]
        limit = session.department.added_per_session
        if added + count > limit:
            words = _("No more than %(limit)d numbers can be added to a session; %(added)d have been.")
            raise BookingError(words % {"limit": limit, "added": added}, code="limit_added", limit=limit, added=added)
        if session.pool_opened_at is None:
            freed.give(
                slot_id=slot_id, session=session, source=Place.OUTSIDE, count=count, reason=Reason.ADDED, now=now,
                actor=actor, note=reason.strip(),
            )  # fmt: skip
        else:
            numbers.move(
                slot_id=slot_id, source=Place.OUTSIDE, target=Place.POOL, count=count, reason=Reason.ADDED, now=now,
                actor=actor, note=reason.strip(),
            )  # fmt: skip
        return Slot.objects.get(pk=slot_id)


def substitute(
    *,
    session_id: int,
    away_id: int,
    expert_id: int,
    reason: str,
    seen: str | None = None,
    now: datetime | None = None,
) -> int:
    """Another expert takes a session over, or the seat of one in a pooled session: everybody keeps their number.

    Who has booked this expert is told; returns how many. `seen`: the mark of what was shown (booking.touched). Raises
    BookingError `reason_missing`, `session_over`, `not_seated`, `no_such_expert`, `expert_on_leave`, `expert_busy`,
    `changed_meanwhile`.
    """
    now = now or timezone.now()
    needs(reason)
    with transaction.atomic():
        session = not_over(session_id)
        touched.as_seen(session, seen)
        seats = SessionRoom.objects.filter(session=session, expert=away_id)
        if session.expert_id != away_id and not seats.exists():
            raise BookingError(_("This expert does not hold this session."), code="not_seated")
        expert = locked_expert(expert_id, session.department_id)
        is_free(expert, starts_at=session.starts_at, ends_at=session.ends_at)
        seats.update(expert=expert)
        Session.objects.filter(pk=session_id).update(by_hand=True)
        if session.expert_id != away_id:
            return 0
        Session.objects.filter(pk=session_id).update(expert=expert)
        return notices.tell("expert_substituted", booked(session), now, expert=expert.pk, away=away_id)


def call_off(
    *,
    session_id: int,
    reason: str,
    cause: str = "",
    seen: str | None = None,
    now: datetime | None = None,
) -> int:
    """Cancels a session before its registration opens (R1.3): whoever booked is told and has their money
    back, and nobody gets a no-show.

    With a `cause` (Session.CancelledFor) it is made again once that is gone. Returns how many had booked; twice is
    once. `seen` as in `substitute`. Raises BookingError `reason_missing`, `session_begun`, `changed_meanwhile`.
    """
    now = now or timezone.now()
    needs(reason)
    with transaction.atomic():
        session = sessions.locked(session_id)
        if session.state == Session.State.CANCELLED:
            return 0
        if session.state != Session.State.PLANNED:
            raise BookingError(_("Registration has opened: stop the session instead."), code="session_begun")
        touched.as_seen(session, seen)
        told = call_off_booked(session=session, now=now)
        Session.objects.filter(pk=session_id).update(
            state=Session.State.CANCELLED, closed_at=now, cancelled_for=cause
        )  # fmt: skip
        freed.end_list(session=session, state=WaitlistEntry.State.CALLED_OFF, now=now)
        ballots.call_off(session_id=session_id, now=now)
        return told


def call_off_booked(*, session: Session, now: datetime) -> int:
    """Whoever holds or has booked a number and has not checked in is told and has their money back (R1.3).

    Inside the transaction that ends the session, with its row locked. Returns how many.
    """
    to_come = session.appointments.filter(state__in=(State.HELD, State.BOOKED)).order_by("pk")
    ended = list(to_come)
    told = notices.tell("appointment_called_off", ended, now)
    to_come.update(state=State.CALLED_OFF, ended_at=now, held_until=None)
    refunds.give_back(appointment_ids=[each.pk for each in ended], now=now)
    return told


def booked(session: Session) -> QuerySet[Appointment]:
    """Those who are touched by what becomes of the session: held, booked, or here already."""
    return session.appointments.filter(state__in=Appointment.ACTIVE).order_by("pk")


def needs(reason: str) -> None:
    """Raises BookingError `reason_missing`."""
    if not reason.strip():
        raise BookingError(_("This needs a reason."), code="reason_missing", status=400)


def not_over(session_id: int) -> Session:
    """The session, locked. Raises BookingError `session_over`."""
    session = sessions.locked(session_id)
    if session.state in Session.OVER:
        raise BookingError(_("This session is over."), code="session_over")
    return session


def locked_expert(expert_id: int, department_id: int) -> Expert:
    """An expert of the department who sees patients, locked after the session, so that two sessions at once do not
    both find them free. Raises BookingError `no_such_expert`."""
    found = Expert.objects.select_for_update(no_key=True).filter(pk=expert_id, department=department_id, active=True)
    expert = found.first()
    if expert is None:
        raise BookingError(_("There is no such expert in this department."), code="no_such_expert", status=404)
    return expert


def is_free(expert: Expert, *, starts_at: datetime, ends_at: datetime) -> None:
    """Raises BookingError `expert_on_leave`, `expert_busy` where an expert cannot hold a session at that time."""
    day = timezone.localtime(starts_at).date()
    if Leave.objects.filter(expert=expert, first_day__lte=day, last_day__gte=day).exists():
        raise BookingError(_("This expert is on leave on that day."), code="expert_on_leave")
    is_not_busy([expert.pk], starts_at=starts_at, ends_at=ends_at)


def is_not_busy(
    expert_ids: Iterable[int], *, starts_at: datetime, ends_at: datetime, besides: Session | None = None
) -> None:
    """Raises BookingError `expert_busy` where one of these experts holds a session (but this one) at that time."""
    ids = list(expert_ids)
    theirs = Q(expert__in=ids) | Q(rooms__expert__in=ids)
    at_the_time = Session.objects.filter(theirs, starts_at__lt=ends_at, ends_at__gt=starts_at)
    if besides is not None:
        at_the_time = at_the_time.exclude(pk=besides.pk)
    if at_the_time.exclude(state__in=Session.OVER).exists():
        raise BookingError(_("This expert holds a session at that time."), code="expert_busy")
