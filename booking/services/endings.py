"""How appointments end: cancelled, expired, settled with their session; and what becomes of their numbers (R3.4, R3.5,
R1.4). Everything here locks the session first, for itself."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from booking.models import Appointment, FreedNumber, QuotaMove, Session, Slot, WaitlistEntry
from booking.services import changeable, freed, notices, numbers, refunds, sessions, suspensions
from booking.services.each import each

Place = QuotaMove.Place
Reason = QuotaMove.Reason
State = Appointment.State


@dataclass(frozen=True, slots=True)
class Settled:
    """How many appointments ended how when their session closed."""

    no_shows: int
    expired: int
    called_off: int = 0


def cancel(*, appointment_id: int, actor: AbstractBaseUser | None = None, now: datetime | None = None) -> Appointment:
    """Cancels what is held or booked (R3.4). Cancelling twice returns the appointment as the first call left it.

    Until registration opens the number is offered to who waits, else, after a random time, free to all. After that the
    cancellation is late, and the number goes to the walk-in pool. Raises BookingError `checked_in`, `not_active`.
    """
    now = now or timezone.now()
    with transaction.atomic():
        session, appointment = changeable.locked(appointment_id)
        if appointment.state in (State.CANCELLED, State.CANCELLED_LATE):
            return appointment
        changeable.not_begun(appointment)
        late = sessions.registration_opened(session, now)
        appointment.state = State.CANCELLED_LATE if late else State.CANCELLED
        appointment.ended_at, appointment.held_until = now, None
        appointment.save(update_fields=["state", "ended_at", "held_until"])
        if late:
            _move(appointment, Place.POOL, Reason.CANCELLED, now, actor)
            sessions.pass_on_late(slot_id=appointment.slot_id, now=now)
        else:
            freed.withhold(appointment=appointment, session=session, reason=Reason.CANCELLED, now=now, actor=actor)
        refunds.give_back(appointment_ids=[appointment.pk], now=now)
        notices.send("appointment_cancelled", appointment, now, late=late)
    return appointment


def expire_holds(*, now: datetime | None = None) -> int:
    """Frees the number of every hold whose time is over (R3.3, R3.5). Returns how many holds expired.

    Each is claimed by a conditional update in a transaction of its own: run twice or killed halfway, each number is
    freed once.
    """
    return _expire_all(Q(), now or timezone.now())


def expire_own(*, session: Session, patient_id: int, now: datetime) -> None:
    """Ends a patient's hold in the session if its time is over, before they get another number there: the task that
    expires holds may run a little late, and a hold counts as active until then. Inside a transaction, with the session
    locked."""
    _expire_all(Q(session=session, patient=patient_id), now)


def expire_in_the_way(*, slot: Slot, patient_id: int | None, now: datetime) -> None:
    """Ends the holds whose time is over that keep a patient from a number: those of the slot, and their own."""
    _expire_all(Q(slot=slot) | Q(session=slot.session_id, patient=patient_id or 0), now)


def free_numbers(*, now: datetime | None = None) -> int:
    """Numbers let go whose delay is over, and that nobody waits for, can be booked again (R3.4).

    Returns how many. Safe like expire_holds.
    """
    now = now or timezone.now()
    return each(freed.due(now).values_list("pk", flat=True), lambda pk: _free(pk, now))


def settle(*, session_id: int, now: datetime, stopped: bool = False) -> Settled:
    """What is left of a session's appointments when it closes: holds expire, who never checked in is a no-show (R1.4).

    But nobody whose slot has not ended, and nobody at all where the session was stopped: they could not come any more,
    and are called off, told and refunded as with a cancelled session (R1.3). Who has missed too many visits is
    suspended (R3.6). Inside the transaction that closes it; twice is once. Who checked in is settled with the ticket.
    """
    session = sessions.locked(session_id)
    expired = 0
    for appointment in session.appointments.filter(state=State.HELD).order_by("pk"):
        if _ended(appointment.pk, State.HELD, State.EXPIRED, now):
            _move(appointment, Place.POOL, Reason.EXPIRED, now)
            notices.send("hold_expired", appointment, now)
            expired += 1
    never_came = session.appointments.filter(state=State.BOOKED).order_by("pk")
    could_not = never_came if stopped else never_came.filter(slot__ends_at__gt=now)
    notices.tell("appointment_called_off", could_not, now)
    called_off = could_not.update(state=State.CALLED_OFF, ended_at=now)
    missing = list(never_came.values_list("patient_id", flat=True))
    no_shows = never_came.update(state=State.NO_SHOW, ended_at=now)
    refunds.give_back(appointment_ids=session.appointments.values_list("pk", flat=True), now=now)
    freed.end_list(session=session, state=WaitlistEntry.State.ENDED, now=now)
    suspensions.after_no_shows(patient_ids=missing, department=session.department, now=now)
    return Settled(no_shows=no_shows, expired=expired, called_off=called_off)


def _ended(appointment_id: int, before: str, after: str, now: datetime) -> bool:
    ending = Appointment.objects.filter(pk=appointment_id, state=before)
    return bool(ending.update(state=after, ended_at=now, held_until=None))


def _expire_all(where: Q, now: datetime) -> int:
    due = Appointment.objects.filter(where, state=State.HELD, held_until__lte=now).order_by("pk")
    return each(due.values_list("pk", flat=True), lambda pk: _expire(pk, now))


def _expire(appointment_id: int, now: datetime) -> bool:
    session, appointment = changeable.locked(appointment_id)
    if not _ended(appointment_id, State.HELD, State.EXPIRED, now):
        return False
    notices.send("hold_expired", appointment, now)
    if sessions.registration_opened(session, now):
        _move(appointment, Place.POOL, Reason.EXPIRED, now)
        sessions.pass_on_late(slot_id=appointment.slot_id, now=now)
    elif freed.waited_for(appointment.slot_id, session).exists():
        freed.withhold(appointment=appointment, session=session, reason=Reason.EXPIRED, now=now)
    else:
        _move(appointment, Place.BOOKABLE, Reason.EXPIRED, now)
    return True


def _free(freed_id: int, now: datetime) -> bool:
    number = FreedNumber.objects.select_related("slot", "appointment__patient").get(pk=freed_id)
    session = sessions.locked(number.slot.session_id)
    return freed.free(number, session, now)


def _move(
    appointment: Appointment, target: str, reason: str, now: datetime, actor: AbstractBaseUser | None = None
) -> None:
    numbers.move(
        slot_id=appointment.slot_id,
        source=Place.BOOKED,
        target=target,
        reason=reason,
        now=now,
        actor=actor,
        appointment_id=appointment.pk,
    )
