"""Appointments: booked, held, confirmed, moved (R3.1, R3.2). How they end is in `endings`.

Bookings share the session's lock: many book at once. All else locks the session first, for itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from booking import kept
from booking.errors import BookingError
from booking.models import (
    Account,
    Appointment,
    Outbox,
    Patient,
    Payment,
    QuotaMove,
    Session,
    Slot,
    waited_for,
)
from booking.services import (
    changeable,
    claims,
    elsewhere,
    endings,
    freed,
    limits,
    notices,
    numbers,
    patients,
    sessions,
    sources,
)
from booking.services.claims import Claim, Outcome

Place = QuotaMove.Place
Reason = QuotaMove.Reason
State = Appointment.State


def _wanted(*, slot_id: int, patient_id: int, now: datetime) -> QuerySet[Slot]:
    lapsed = Appointment.objects.filter(
        Q(slot=OuterRef("pk")) | Q(session=OuterRef("session"), patient=patient_id),
        state=State.HELD,
        held_until__lte=now,
    )
    joined = Slot.objects.select_related("session__department", "session__expert", "session__ballot")
    slots = joined.defer("session__ballot__seed", "session__ballot__numbers").filter(pk=slot_id)
    of = {"of_session": F("session_id"), "of_day": F("session__date"), "of_department": F("session__department_id")}
    return slots.annotate(lapsed=Exists(lapsed), **of).order_by()


_WANTED = kept.Query(_wanted, slot_id=int, patient_id=int, now=datetime)


@dataclass(frozen=True, slots=True)
class Asked:
    """Which request a booking comes from: the key that its sender chose, and a keyed hash of what it asked for."""

    key: str
    fingerprint: str


def book(
    *,
    patient_id: int | None = None,
    newcomer: Patient | None = None,
    slot_id: int,
    actor: AbstractBaseUser | None = None,
    hold: bool = False,
    first_visit: bool = True,
    asked: Asked | None = None,
    account_id: int | None = None,
    device: str = "",
    address: str = "",
    now: datetime | None = None,
) -> Appointment:
    """Books a number of a slot, or holds it until it is confirmed (R3.1, R3.2, R3.3).

    For a patient, or for a `newcomer` (`patients.find_or_describe`), who is saved with the number or not at all.
    Where a prepayment is demanded it is always held, and its fee stays what it is now. Where it comes from (`address`:
    the client's) is counted, and remembered as keyed hashes, unless staff books (`actor`).

    Raises BookingError: `not_released` (with `released_at`), `ballot_open` (with `closes_at`), `booking_closed`,
    `suspended` (with `until`), `limit_per_day`, `limit_per_department` (with `limit`), `already_booked` (with
    `appointment`), `none_left` (with `elsewhere`: slots that can still be booked), `no_such_slot`, `key_used` (see
    `booked_before`), `limit_per_phone`, `limit_per_account`, `limit_per_device`, `limit_per_address` (of what is
    given).
    """
    now = now or timezone.now()
    slot, read = limits.read_beside(_WANTED, patient_id=patient_id, newcomer=newcomer, slot_id=slot_id, now=now)
    if slot is None:
        raise _no_such_slot()
    session = slot.session
    fee = session.prepayment
    hold = hold or fee > 0
    held_until = now + timedelta(minutes=session.department.hold_minutes) if hold else None
    can_be_booked(session, now)
    if slot.lapsed:  # type: ignore[attr-defined]  # annotated
        # The task that expires holds may run a little late: what it has left is done by who wants the number.
        endings.expire_in_the_way(slot=slot, patient_id=patient_id, now=now)
        slot.refresh_from_db(fields=["bookable", "booked", "withheld"])
        read = None
    origin = sources.of(account_id=account_id, device=device, address=address) if actor is None else ()
    hashes = {f"{source.kind}_hash": source.hash for source in origin if source.kind != sources.Kind.ACCOUNT}
    made = Appointment(
        **({"patient_id": patient_id} if newcomer is None else {"patient": newcomer}),
        account_id=account_id,
        session=session,
        slot=slot,
        state=State.HELD if hold else State.BOOKED,
        held_until=held_until,
        fee=fee,
        first_visit=first_visit,
        request_key="" if asked is None else asked.key,
        request_hash="" if asked is None else asked.fingerprint,
        booked_at=now,
        **hashes,
    )
    message = None if hold else notices.draft("appointment_booked", made, now)
    return take(made, message=message, origin=origin, actor=actor, read=read)


def take(
    made: Appointment,
    *,
    message: Outbox | None = None,
    origin: Sequence[sources.Source] = (),
    actor: AbstractBaseUser | None = None,
    read: limits.Read | None = None,
) -> Appointment:
    """Claims a number that is free to book for an appointment that is not saved yet (R3.2); its patient may be new too.

    `made.slot` as it was read lately, and `read` with it where the limits were. Raises BookingError as `book` does, but
    where that looks at the session alone.
    """
    slot, session, now = made.slot, made.session, made.booked_at
    outcome = Outcome.RACED
    while outcome is Outcome.RACED:
        newcomer = made.patient if made.patient_id is None else None
        seen = limits.within(patient_id=made.patient_id, newcomer=newcomer, session=session, now=now, read=read)
        read = None
        if slot.left_bookable < 1:
            outcome = Outcome.NONE_LEFT
            break
        move = QuotaMove(
            slot=slot,
            source=Place.BOOKABLE,
            target=Place.BOOKED,
            count=1,
            reason=Reason.HELD if made.state == State.HELD else Reason.BOOKED,
            actor=actor,  # type: ignore[misc]  # the stubs know the default user only
            at=now,
        )
        try:
            outcome = claims.claim(
                Claim(appointment=made, seen=seen, move=move, message=message, sources=sources.limited(origin))
            )
        except IntegrityError as error:
            found = None if newcomer is None else patients.known(newcomer)
            if found is not None:
                # Another request has saved the same newcomer at the same moment.
                made.patient = found
                continue
            refusal = _refused_by_constraint(made)
            if refusal is None:
                raise
            raise refusal from error
    if outcome is Outcome.NONE_LEFT:
        raise _none_left(slot, now)
    if outcome is Outcome.CLOSED:
        raise _closed()
    for source in origin:
        if outcome is claims.FULL[source.kind]:
            raise sources.full(source)
    return made


def look(*, slot: Slot, now: datetime | None = None) -> None:
    """Raises BookingError where nobody could book a number of this slot now: as `book`, but for what is the patient's.

    `slot` has its session and department.
    """
    now = now or timezone.now()
    can_be_booked(slot.session, now)
    if slot.left_bookable < 1:
        raise _none_left(slot, now)


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
            notices.send("appointment_booked", appointment, now)
        elif appointment.state == State.HELD and appointment.held_until > now:  # type: ignore[operator]
            raise BookingError(_("This appointment is not paid yet."), code="not_paid")
        elif appointment.state in (State.HELD, State.EXPIRED):
            raise _hold_expired()
        elif appointment.state not in Appointment.ACTIVE:
            raise changeable.not_active(appointment)
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
        session, appointment = changeable.locked(appointment_id, target.session_id)
        changeable.not_begun(appointment)
        if appointment.slot_id == slot_id:
            return appointment
        if appointment.held_until is not None and appointment.held_until <= now:
            raise _hold_expired()
        if sessions.registration_opened(session, now):
            words = _("Registration has opened: this appointment can no longer be moved, only cancelled.")
            raise BookingError(words, code="moving_closed")
        there = sessions.locked(target.session_id)
        if there.department_id != session.department_id:
            raise BookingError(_("An appointment stays in its department."), code="other_department")
        if there.prepayment != appointment.fee and there != session:
            words = _("Another fee is paid there: cancel this appointment and book anew.")
            raise BookingError(words, code="other_fee")
        can_be_booked(there, now)
        endings.expire_own(session=there, patient_id=appointment.patient_id, now=now)
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
            refusal.extra["elsewhere"] = elsewhere.left(session=there, now=now)
            raise
        freed.withhold(appointment=appointment, session=session, reason=Reason.MOVED, now=now, actor=actor)
        message = notices.draft("appointment_moved", appointment, now, moved_from=appointment.slot_id, moved_to=slot_id)
        message.key += f"{taken.pk}"  # of this move: there may be others
        message.payload["appointment"] = appointment.pk
        message.save()
        appointment.session, appointment.slot = there, target
        appointment.save(update_fields=["session", "slot"])
    return appointment


def can_be_booked(session: Session, now: datetime) -> None:
    """Whether who comes first may have a number (R3.1, R3.7).

    Raises BookingError `not_released`, `ballot_open`, `booking_closed`.
    """
    if not session.takes_bookings(now):
        raise _closed()
    if now < session.released_at:
        released_at = timezone.localtime(session.released_at).isoformat()
        raise BookingError(
            _("This session is not released for booking yet."), code="not_released", released_at=released_at
        )
    ballot = waited_for(session)
    if ballot is not None:
        words = _("These numbers are drawn: please ask for one in the draw. What is left can be booked afterwards.")
        if ballot.closes_at <= now:
            words = _("These numbers are being drawn right now. What is left can be booked in a moment.")
        closes_at = timezone.localtime(ballot.closes_at).isoformat()
        raise BookingError(words, code="ballot_open", closes_at=closes_at)


def _none_left(slot: Slot, now: datetime) -> BookingError:
    refusal = numbers.none_left(slot.pk)
    refusal.extra["elsewhere"] = elsewhere.left(session=slot.session, now=now)
    return refusal


def _closed() -> BookingError:
    return BookingError(_("This session can no longer be booked."), code="booking_closed")


def _refused_by_constraint(made: Appointment) -> BookingError | None:
    """What a violated constraint means in words, where it is one of those that race conditions lead to."""
    active = Appointment.objects.filter(
        patient_id=made.patient_id, session_id=made.session_id, state__in=Appointment.ACTIVE
    )
    present = active.values_list("pk", flat=True).first()
    if present is not None:
        return limits.already_booked(present)
    if made.account_id is not None and not Account.objects.filter(pk=made.account_id).exists():
        return limits.no_account()
    if made.request_key and Appointment.objects.filter(request_key=made.request_key).exists():
        return BookingError(_("This request has been sent before."), code="key_used")
    return None


def _no_such_slot() -> BookingError:
    return BookingError(_("There is no such slot."), code="no_such_slot", status=404)


def _hold_expired() -> BookingError:
    return BookingError(_("The time to confirm this appointment is over."), code="hold_expired")
