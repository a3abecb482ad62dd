"""Schedules that change after their sessions were made: added numbers, a substitute, a session that is cancelled."""

from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Q, QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from booking.errors import BookingError
from booking.models import Appointment, Expert, Leave, Outbox, QuotaMove, Session, SessionRoom, Slot
from booking.services import numbers, refunds, sessions

Place = QuotaMove.Place
Reason = QuotaMove.Reason
State = Appointment.State
OVER = (Session.State.CLOSED, Session.State.CANCELLED)


def add_numbers(
    *, slot_id: int, count: int, reason: str, actor: AbstractBaseUser | None = None, now: datetime | None = None
) -> Slot:
    """Adds numbers to a slot (加号, R3.2b): free to book, or for walk-ins once registration has opened.

    Who and why is in the ledger. Raises BookingError `reason_missing`, `no_such_slot`, `session_over`, `slot_ended`,
    `limit_added` over what the department allows for a session in all.
    """
    now = now or timezone.now()
    _needs(reason)
    slot = Slot.objects.filter(pk=slot_id).first()
    if slot is None:
        raise BookingError(_("There is no such slot."), code="no_such_slot", status=404)
    with transaction.atomic():
        session = _not_over(slot.session_id)
        if slot.ends_at <= now:
            raise BookingError(_("This slot has ended."), code="slot_ended")
        added = QuotaMove.objects.filter(slot__session=session, reason=Reason.ADDED).aggregate(
            n=Sum("count", default=0)
        )["n"]
        limit = session.department.added_per_session
        if added + count > limit:
            words = _("No more than %(limit)d numbers can be added to a session; %(added)d have been.")
            raise BookingError(words % {"limit": limit, "added": added}, code="limit_added", limit=limit, added=added)
        numbers.move(
            slot_id=slot_id,
            source=Place.OUTSIDE,
            target=Place.BOOKABLE if session.pool_opened_at is None else Place.POOL,
            count=count,
            reason=Reason.ADDED,
            note=reason.strip(),
            actor=actor,
            now=now,
        )
        return Slot.objects.get(pk=slot_id)


def substitute(
    *, session_id: int, away_id: int, expert_id: int, reason: str, now: datetime | None = None
) -> int:  # fmt: skip
    """Another expert takes a session over, or the seat of one in a pooled session: everybody keeps their number.

    Who has booked this expert is told; returns how many. Raises BookingError `reason_missing`, `session_over`,
    `not_seated`, `no_such_expert`, `expert_on_leave`, `expert_busy`.
    """
    now = now or timezone.now()
    _needs(reason)
    with transaction.atomic():
        session = _not_over(session_id)
        seats = SessionRoom.objects.filter(session=session, expert=away_id)
        if session.expert_id != away_id and not seats.exists():
            raise BookingError(_("This expert does not hold this session."), code="not_seated")
        expert = Expert.objects.filter(pk=expert_id, department=session.department_id, active=True).first()
        if expert is None:
            raise BookingError(_("There is no such expert in this department."), code="no_such_expert", status=404)
        _is_free(expert, session)
        seats.update(expert=expert)
        if session.expert_id != away_id:
            return 0
        Session.objects.filter(pk=session_id).update(expert=expert)
        return _tell("expert_substituted", booked(session), now, expert=expert.pk, away=away_id)


def call_off(*, session_id: int, reason: str, now: datetime | None = None) -> int:
    """Cancels a session before its registration opens (R1.3): whoever booked is told and has their money
    back, and nobody gets a no-show.

    Returns how many had booked; twice is once. Raises BookingError `reason_missing`, `session_begun`.
    """
    now = now or timezone.now()
    _needs(reason)
    with transaction.atomic():
        session = sessions.locked(session_id)
        if session.state == Session.State.CANCELLED:
            return 0
        if session.state != Session.State.PLANNED:
            words = _("Registration has opened: stop the session and close it instead.")
            raise BookingError(words, code="session_begun")
        told = _tell("appointment_called_off", booked(session), now)
        ended = list(booked(session).values_list("pk", flat=True))
        booked(session).update(state=State.CALLED_OFF, ended_at=now, held_until=None)
        refunds.give_back(appointment_ids=ended, now=now)
        Session.objects.filter(pk=session_id).update(state=Session.State.CANCELLED, closed_at=now)
        return told


def booked(session: Session) -> QuerySet[Appointment]:
    """Those who are touched by what becomes of the session: held, booked, or here already."""
    return session.appointments.filter(state__in=Appointment.ACTIVE).order_by("pk")


def covered(leave: Leave) -> QuerySet[Session]:
    """The sessions that a leave calls off: the expert's own, made already and not begun; pooled ones go on."""
    own = Session.objects.filter(expert=leave.expert_id, state=Session.State.PLANNED)
    return own.filter(date__range=(leave.first_day, leave.last_day)).order_by("starts_at", "pk")


def _needs(reason: str) -> None:
    if not reason.strip():
        raise BookingError(_("This needs a reason."), code="reason_missing", status=400)


def _not_over(session_id: int) -> Session:
    session = sessions.locked(session_id)
    if session.state in OVER:
        raise BookingError(_("This session is over."), code="session_over")
    return session


def _is_free(expert: Expert, session: Session) -> None:
    if Leave.objects.filter(expert=expert, first_day__lte=session.date, last_day__gte=session.date).exists():
        raise BookingError(_("This expert is on leave on that day."), code="expert_on_leave")
    theirs = Q(expert=expert) | Q(rooms__expert=expert)
    at_the_time = Session.objects.filter(theirs, starts_at__lt=session.ends_at, ends_at__gt=session.starts_at)
    if at_the_time.exclude(state__in=OVER).exists():
        raise BookingError(_("This expert holds a session at that time."), code="expert_busy")


def _tell(kind: str, whom: QuerySet[Appointment], now: datetime, **content: object) -> int:
    """Writes a message to each; one of this kind may have gone to them before."""
    rows = [
        Outbox(
            kind=kind,
            key=f"{kind}:{pk}:{now.isoformat()}",
            payload={"patient": patient, "appointment": pk} | content,
            made_at=now,
        )
        for pk, patient in whom.values_list("pk", "patient_id")
    ]
    return len(Outbox.objects.bulk_create(rows))
