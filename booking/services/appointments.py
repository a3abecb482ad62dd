"""Appointments: booked, held, confirmed, moved, cancelled, expired, settled (R3.1, R3.2, R3.4, R3.5, R1.4).

Bookings share the session's lock: many book at once. All else locks the session first, for itself.
"""

import logging
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from booking.errors import BookingError
from booking.models import AddressDay, Appointment, FreedNumber, Outbox, Payment, QuotaMove, Session, Slot
from booking.models.patients import keyed_hash
from booking.services import claims, limits, numbers, refunds, sessions, suspensions
from booking.services.claims import Address, Claim, Outcome

log = logging.getLogger(__name__)

Place = QuotaMove.Place
Reason = QuotaMove.Reason
State = Appointment.State

# Of what is left elsewhere a refused patient is shown so many slots.
ELSEWHERE = 10
_random = secrets.SystemRandom()


@dataclass(frozen=True, slots=True)
class Asked:
    """Which request a booking comes from: the key that its sender chose, and a keyed hash of what it asked for."""

    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Settled:
    """How many appointments ended how when their session closed."""

    no_shows: int
    expired: int
    called_off: int = 0


def book(
    *,
    patient_id: int,
    slot_id: int,
    actor: AbstractBaseUser | None = None,
    hold: bool = False,
    first_visit: bool = True,
    asked: Asked | None = None,
    address: str = "",
    now: datetime | None = None,
) -> Appointment:
    """Books a number of a slot, or holds it until it is confirmed (R3.1, R3.2, R3.3).

    Where a prepayment is demanded it is always held, and its fee stays what it is now.

    Raises BookingError: `not_released` (with `released_at`), `booking_closed`, `suspended` (with `until`),
    `limit_per_day`, `limit_per_department` (with `limit`), `already_booked` (with `appointment`), `none_left` (with
    `elsewhere`: slots that can still be booked), `no_such_slot`, `key_used` (see `booked_before`), `limit_per_phone`,
    `limit_per_address` (where `address`, the client's, is given).
    """
    now = now or timezone.now()
    slots = Slot.objects.select_related("session__department", "session__expert").filter(pk=slot_id)
    lapsed = Appointment.objects.filter(
        Q(slot=OuterRef("pk")) | Q(session=OuterRef("session"), patient=patient_id),
        state=State.HELD,
        held_until__lte=now,
    )
    slot = slots.annotate(lapsed=Exists(lapsed)).first()
    if slot is None:
        raise _no_such_slot()
    session = slot.session
    fee = session.prepayment
    hold = hold or fee > 0
    held_until = now + timedelta(minutes=session.department.hold_minutes) if hold else None
    _can_be_booked(session, now)
    if slot.lapsed:
        # The task that expires holds may run a little late: what it has left is done by who wants the number.
        _expire_all(Q(slot=slot) | Q(session=session, patient=patient_id), now)
        slot.refresh_from_db(fields=["bookable", "booked", "withheld"])
    outcome = Outcome.RACED
    while outcome is Outcome.RACED:
        seen = limits.within(patient_id=patient_id, session=session, now=now)
        if slot.left_bookable < 1:
            outcome = Outcome.NONE_LEFT
            break
        made = Appointment(
            patient_id=patient_id,
            session=session,
            slot=slot,
            state=State.HELD if hold else State.BOOKED,
            held_until=held_until,
            fee=fee,
            first_visit=first_visit,
            request_key="" if asked is None else asked.key,
            request_hash="" if asked is None else asked.fingerprint,
            booked_at=now,
        )
        move = QuotaMove(
            slot=slot,
            source=Place.BOOKABLE,
            target=Place.BOOKED,
            count=1,
            reason=Reason.HELD if hold else Reason.BOOKED,
            actor=actor,  # type: ignore[misc]  # the stubs know the default user only
            at=now,
        )
        message = None if hold else _message("appointment_booked", made, now)
        try:
            outcome = claims.claim(
                Claim(appointment=made, seen=seen, move=move, message=message, address=_address(address, now))
            )
        except IntegrityError as error:
            refusal = _refused_by_constraint(made)
            if refusal is None:
                raise
            raise refusal from error
    if outcome is Outcome.NONE_LEFT:
        refusal = numbers.none_left(slot_id)
        refusal.extra["elsewhere"] = elsewhere(session=session, now=now)
        raise refusal
    if outcome is Outcome.CLOSED:
        raise _closed()
    if outcome is Outcome.ADDRESS_FULL:
        words = _("Too many appointments were booked from this connection today. Please try again tomorrow.")
        raise BookingError(words, code="limit_per_address", status=429)
    return made


def booked_before(asked: Asked) -> Appointment | None:
    """What an earlier request with this key has booked, whatever has become of it; None: nothing.

    Looked for where `book` has refused, so that a request that is not a repetition costs no query more. Raises
    BookingError `key_reused` where the earlier one asked for something else.
    """
    before = Appointment.objects.filter(request_key=asked.key).first()
    if before is not None and before.request_hash != asked.fingerprint:
        words = _("This Idempotency-Key was used for another booking.")
        raise BookingError(words, code="key_reused", status=422)
    return before


def confirm(*, appointment_id: int, now: datetime | None = None) -> Appointment:
    """A hold becomes a booking (paid, or nothing to pay); a booking stays one.

    Raises BookingError `hold_expired` once its time is over, whether the task has noticed yet or not, `not_paid` before
    its fee is, and `not_active` for an appointment that has ended otherwise.
    """
    now = now or timezone.now()
    with transaction.atomic():
        paid = Q(fee=0) | Exists(Payment.objects.filter(appointment=OuterRef("pk"), state=Payment.State.PAID))
        held = Appointment.objects.filter(paid, pk=appointment_id, state=State.HELD, held_until__gt=now)
        won = held.update(state=State.BOOKED, held_until=None)
        appointment = Appointment.objects.get(pk=appointment_id)
        if won:
            _send("appointment_booked", appointment, now)
        elif appointment.state == State.HELD and appointment.held_until > now:  # type: ignore[operator]
            raise BookingError(_("This appointment is not paid yet."), code="not_paid")
        elif appointment.state in (State.HELD, State.EXPIRED):
            raise _hold_expired()
        elif appointment.state not in Appointment.ACTIVE:
            raise _not_active(appointment)
    return appointment


def move(
    *, appointment_id: int, slot_id: int, actor: AbstractBaseUser | None = None, now: datetime | None = None
) -> Appointment:
    """Moves what is held or booked to another slot of its department, in one step: it is never without a number.

    Until registration opens at the session that it leaves; the old number is then free like a cancelled one (R3.4).
    Link, hold and payment stay with the appointment. To the slot that it is in, nothing happens. Who is suspended may:
    it is no visit more. Raises BookingError as `book` does but for that, and `moving_closed`, `other_department`,
    `other_fee`, `hold_expired`, `checked_in`, `not_active`.
    """
    now = now or timezone.now()
    target = Slot.objects.filter(pk=slot_id).first()
    if target is None:
        raise _no_such_slot()
    with transaction.atomic():
        session, appointment = _locked(appointment_id, target.session_id)
        _not_begun(appointment)
        if appointment.slot_id == slot_id:
            return appointment
        if appointment.held_until is not None and appointment.held_until <= now:
            raise _hold_expired()
        if _registration_opened(session, now):
            words = _("Registration has opened: this appointment can no longer be moved, only cancelled.")
            raise BookingError(words, code="moving_closed")
        there = sessions.locked(target.session_id)
        if there.department_id != session.department_id:
            raise BookingError(_("An appointment stays in its department."), code="other_department")
        if there.prepayment != appointment.fee and there != session:
            words = _("Another fee is paid there: cancel this appointment and book anew.")
            raise BookingError(words, code="other_fee")
        _can_be_booked(there, now)
        # A booking of the patient's under way sees by the raised counts that it must look again.
        while there != session and not claims.raise_counts(
            limits.within(patient_id=appointment.patient_id, session=there, now=now, moving=appointment)
        ):
            pass
        try:
            taken = numbers.move(
                slot_id=slot_id, source=Place.BOOKABLE, target=Place.BOOKED, reason=Reason.MOVED, now=now,
                actor=actor, appointment_id=appointment.pk,
            )  # fmt: skip
        except BookingError as refusal:
            refusal.extra["elsewhere"] = elsewhere(session=there, now=now)
            raise
        _withhold(appointment, session, Reason.MOVED, now, actor)
        message = _message("appointment_moved", appointment, now, moved_from=appointment.slot_id, moved_to=slot_id)
        message.key += f"{taken.pk}"  # of this move: there may be others
        message.payload["appointment"] = appointment.pk
        message.save()
        appointment.session, appointment.slot = there, target
        appointment.save(update_fields=["session", "slot"])
    return appointment


def cancel(*, appointment_id: int, actor: AbstractBaseUser | None = None, now: datetime | None = None) -> Appointment:
    """Cancels what is held or booked (R3.4). Cancelling twice returns the appointment as the first call left it.

    Until registration opens the number is withheld for a random time, then free to all. After that the cancellation is
    late, and the number goes to the walk-in pool. Raises BookingError `checked_in`, `not_active`.
    """
    now = now or timezone.now()
    with transaction.atomic():
        session, appointment = _locked(appointment_id)
        if appointment.state in (State.CANCELLED, State.CANCELLED_LATE):
            return appointment
        _not_begun(appointment)
        late = _registration_opened(session, now)
        appointment.state = State.CANCELLED_LATE if late else State.CANCELLED
        appointment.ended_at, appointment.held_until = now, None
        appointment.save(update_fields=["state", "ended_at", "held_until"])
        if late:
            _move(appointment, Place.POOL, Reason.CANCELLED, now, actor)
            sessions.pass_on_late(slot_id=appointment.slot_id, now=now)
        else:
            _withhold(appointment, session, Reason.CANCELLED, now, actor)
        refunds.give_back(appointment_ids=[appointment.pk], now=now)
        _send("appointment_cancelled", appointment, now, late=late)
    return appointment


def expire_holds(*, now: datetime | None = None) -> int:
    """Frees the number of every hold whose time is over (R3.3, R3.5). Returns how many holds expired.

    Each is claimed by a conditional update in a transaction of its own: run twice or killed halfway, each number is
    freed once.
    """
    return _expire_all(Q(), now or timezone.now())


def free_numbers(*, now: datetime | None = None) -> int:
    """Cancelled numbers whose delay is over can be booked again (R3.4). Returns how many. Safe like expire_holds."""
    now = now or timezone.now()
    due = FreedNumber.objects.filter(done_at=None, free_at__lte=now).order_by("pk")
    return _each(due.values_list("pk", flat=True), lambda pk: _free(pk, now))


def settle(*, session_id: int, now: datetime, check_in_until: datetime | None = None) -> Settled:
    """What is left of a session's appointments when it closes: holds expire, who never checked in is a no-show (R1.4).

    But nobody whose slot ends after the last moment for a check-in (default: now): they could not come any more, and
    are called off as with a cancelled session (R1.3). Who has missed too many visits is suspended (R3.6). Inside the
    transaction that closes it; twice is once. Who checked in is settled with the ticket.
    """
    session = sessions.locked(session_id)
    expired = 0
    for appointment in session.appointments.filter(state=State.HELD).order_by("pk"):
        if _ended(appointment.pk, State.HELD, State.EXPIRED, now):
            _move(appointment, Place.POOL, Reason.EXPIRED, now)
            expired += 1
    never_came = session.appointments.filter(state=State.BOOKED)
    could_not = never_came.filter(slot__ends_at__gt=check_in_until or now)
    called_off = could_not.update(state=State.CALLED_OFF, ended_at=now)
    missing = list(never_came.values_list("patient_id", flat=True))
    no_shows = never_came.update(state=State.NO_SHOW, ended_at=now)
    refunds.give_back(appointment_ids=session.appointments.values_list("pk", flat=True), now=now)
    suspensions.after_no_shows(patient_ids=missing, department=session.department, now=now)
    return Settled(no_shows=no_shows, expired=expired, called_off=called_off)


def elsewhere(*, session: Session, now: datetime) -> list[dict[str, Any]]:
    """What can be booked instead: other slots of the session first, then of the department's others by time."""
    slots = Slot.objects.filter(
        session__department_id=session.department_id,
        session__state=Session.State.PLANNED,
        session__pool_opened_at=None,
        session__released_at__lte=now,
        session__registration_opens_at__gt=now,
        bookable__gt=F("booked") + F("withheld"),
    ).select_related("session__expert")
    own = slots.filter(session=session).order_by("index")[:ELSEWHERE]
    others = slots.exclude(session=session).order_by("starts_at", "pk")[: ELSEWHERE - len(own)]
    return [
        {
            "session": slot.session_id,
            "slot": slot.pk,
            "names": slot.session.names,
            "starts_at": timezone.localtime(slot.starts_at).isoformat(),
            "left": slot.left_bookable,
        }
        for slot in (*own, *others)
    ]


def _can_be_booked(session: Session, now: datetime) -> None:
    if session.state != Session.State.PLANNED or _registration_opened(session, now):
        raise _closed()
    if now < session.released_at:
        released_at = timezone.localtime(session.released_at).isoformat()
        raise BookingError(
            _("This session is not released for booking yet."), code="not_released", released_at=released_at
        )


def _closed() -> BookingError:
    return BookingError(_("This session can no longer be booked."), code="booking_closed")


def _registration_opened(session: Session, now: datetime) -> bool:
    """By the clock or by hand: the task that opens the pool may run a little late, or staff may open it early."""
    return session.pool_opened_at is not None or now >= session.registration_opens_at


def forget_addresses(*, now: datetime | None = None) -> int:
    """Deletes the counts of addresses on days that are over. Returns how many."""
    return AddressDay.objects.filter(day__lt=timezone.localdate(now)).delete()[0]


def _address(address: str, now: datetime) -> Address | None:
    if not address or not settings.BOOKINGS_PER_ADDRESS:
        return None
    return Address(hash=keyed_hash(address), day=timezone.localdate(now), limit=settings.BOOKINGS_PER_ADDRESS)


def _refused_by_constraint(made: Appointment) -> BookingError | None:
    """What a violated constraint means in words, where it is one of those that race conditions lead to."""
    active = Appointment.objects.filter(
        patient_id=made.patient_id, session_id=made.session_id, state__in=Appointment.ACTIVE
    )
    present = active.values_list("pk", flat=True).first()
    if present is not None:
        return limits.already_booked(present)
    if made.request_key and Appointment.objects.filter(request_key=made.request_key).exists():
        return BookingError(_("This request has been sent before."), code="key_used")
    return None


def _no_such_slot() -> BookingError:
    return BookingError(_("There is no such slot."), code="no_such_slot", status=404)


def _hold_expired() -> BookingError:
    return BookingError(_("The time to confirm this appointment is over."), code="hold_expired")


def _not_begun(appointment: Appointment) -> None:
    """Raises BookingError `checked_in`, `not_active` for what is neither held nor booked."""
    if appointment.state == State.ARRIVED:
        raise BookingError(_("The patient has checked in already."), code="checked_in")
    if appointment.state not in (State.HELD, State.BOOKED):
        raise _not_active(appointment)


def _not_active(appointment: Appointment) -> BookingError:
    return BookingError(_("This appointment has ended."), code="not_active", state=appointment.state)


def _locked(appointment_id: int, *also: int) -> tuple[Session, Appointment]:
    """Its session, then the appointment, locked in the order that everybody keeps; sessions `also`, by their ids."""
    while True:
        with transaction.atomic():
            own = Appointment.objects.values_list("session_id", flat=True).get(pk=appointment_id)
            locked = {session_id: sessions.locked(session_id) for session_id in sorted({own, *also})}
            appointment = Appointment.objects.select_for_update(no_key=True).get(pk=appointment_id)
            if appointment.session_id == own:
                return locked[own], appointment
            # It was moved meanwhile. The rollback gives these locks back before others are taken.
            transaction.set_rollback(True)


def _ended(appointment_id: int, before: str, after: str, now: datetime) -> bool:
    ending = Appointment.objects.filter(pk=appointment_id, state=before)
    return bool(ending.update(state=after, ended_at=now, held_until=None))


def _expire_all(where: Q, now: datetime) -> int:
    due = Appointment.objects.filter(where, state=State.HELD, held_until__lte=now).order_by("pk")
    return _each(due.values_list("pk", flat=True), lambda pk: _expire(pk, now))


def _expire(appointment_id: int, now: datetime) -> bool:
    session, appointment = _locked(appointment_id)
    if not _ended(appointment_id, State.HELD, State.EXPIRED, now):
        return False
    if _registration_opened(session, now):
        _move(appointment, Place.POOL, Reason.EXPIRED, now)
        sessions.pass_on_late(slot_id=appointment.slot_id, now=now)
    else:
        _move(appointment, Place.BOOKABLE, Reason.EXPIRED, now)
    return True


def _free(freed_id: int, now: datetime) -> bool:
    freed = FreedNumber.objects.select_related("slot").get(pk=freed_id)
    sessions.locked(freed.slot.session_id)
    # The opening of the pool takes what is withheld, and marks it as done.
    if not FreedNumber.objects.filter(pk=freed_id, done_at=None).update(done_at=now):
        return False
    numbers.move(
        slot_id=freed.slot_id,
        source=Place.WITHHELD,
        target=Place.BOOKABLE,
        reason=Reason.FREED,
        now=now,
        appointment_id=freed.appointment_id,
    )
    return True


def _withhold(
    appointment: Appointment, session: Session, reason: str, now: datetime, actor: AbstractBaseUser | None
) -> None:
    """Lets its number go, to be free to all after a random delay (R3.4)."""
    _move(appointment, Place.WITHHELD, reason, now, actor)
    delay = timedelta(seconds=_random.uniform(0, 60 * session.department.free_again_minutes))
    FreedNumber.objects.create(slot_id=appointment.slot_id, appointment=appointment, free_at=now + delay)


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


def _send(kind: str, appointment: Appointment, now: datetime, **payload: object) -> None:
    message = _message(kind, appointment, now, **payload)
    message.key += str(appointment.pk)
    message.payload["appointment"] = appointment.pk
    message.save()


def _message(kind: str, appointment: Appointment, now: datetime, **payload: object) -> Outbox:
    """Not saved, and without the appointment's id, which may not be known yet, in its key and payload."""
    return Outbox(kind=kind, key=f"{kind}:", payload={"patient": appointment.patient_id} | payload, made_at=now)


def _each(ids: Iterable[int], act: Callable[[int], bool]) -> int:
    """Runs `act` on each in a transaction of its own; one that fails does not keep the others from their turn."""
    done = 0
    for pk in list(ids):
        try:
            with transaction.atomic():
                done += act(pk)
        except (BookingError, DatabaseError):
            log.exception("%s failed for %s", getattr(act, "__name__", "task"), pk)
    return done
