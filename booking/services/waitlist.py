"""The waitlist, as who waits sees it: join, take what is offered, give up (R3.4, R3.5).

Numbers are offered by `booking.services.freed`. The session is locked by everything here that changes an offer, so
that a number is taken, passed on or opened to walk-ins, and never two of these.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from booking.errors import BookingError
from booking.models import Appointment, FreedNumber, QuotaMove, Session, Slot, WaitlistEntry
from booking.services import appointments, claims, endings, families, freed, limits, notices, numbers, sessions
from booking.services.each import each

Place = QuotaMove.Place
Reason = QuotaMove.Reason
State = WaitlistEntry.State


def join(
    *,
    session_id: int,
    patient_id: int,
    slot_id: int | None = None,
    account_id: int | None = None,
    first_visit: bool = True,
    now: datetime | None = None,
) -> WaitlistEntry:
    """Waits for a freed number of the session, in one slot or (None) in any, behind all who wait already.

    Raises BookingError `no_session`, `no_such_slot`, `numbers_left` (book one instead), `waits_already` (with `entry`),
    `limit_waiting` for too many of one account or phone, and what `appointments.book` refuses but `none_left`.
    """
    now = now or timezone.now()
    with transaction.atomic():
        session = sessions.shared(session_id)
        appointments.can_be_booked(session, now)
        _nothing_left(session, slot_id)
        seen = limits.within(patient_id=patient_id, session=session, now=now)
        families.lock(patient_id, account_id, seen)
        active = WaitlistEntry.objects.filter(session=session, state__in=WaitlistEntry.ACTIVE)
        own = active.filter(patient=patient_id).first()
        if own is not None:
            words = _("This patient waits for a number of this session already.")
            raise BookingError(words, code="waits_already", entry=own.pk)
        families.within_limit(active, patient_id, account_id, session, code="limit_waiting")
        return enrol(
            session=session, slot_id=slot_id, patient_id=patient_id, account_id=account_id, first_visit=first_visit,
            now=now,
        )  # fmt: skip


def look(*, session: Session, now: datetime | None = None) -> None:
    """Raises BookingError where nobody could wait for a number of the session now: `numbers_left`, and as
    `appointments.look` but for `none_left`. `session` has its department and draw."""
    appointments.can_be_booked(session, now or timezone.now())
    if not full(session):
        raise _numbers_left()


def full(session: Session) -> list[Slot]:
    """The slots of which nothing is left to book: those that one can wait for."""
    return [slot for slot in session.slots.all() if slot.left_bookable < 1]


def accept(*, entry_id: int, now: datetime | None = None) -> Appointment:
    """Takes the number that is offered: booked, or held until its fee is paid. Twice is once.

    Raises BookingError `nothing_offered`, `offer_over` once its time is, and as the limits of `appointments.book` do:
    the offer stays then, to its end.
    """
    now = now or timezone.now()
    with transaction.atomic():
        session, entry = _locked(entry_id)
        if entry.appointment is not None:
            return entry.appointment
        _offered_still(entry, now)
        offered = _number(entry)
        endings.expire_own(session=session, patient_id=entry.patient_id, now=now)
        # A booking of the patient's under way sees by the raised counts that it must look again.
        while not claims.raise_counts(limits.within(patient_id=entry.patient_id, session=session, now=now)):
            pass
        fee = session.prepayment
        made = Appointment.objects.create(
            patient_id=entry.patient_id, account_id=entry.account_id, session=session, slot_id=offered.slot_id,
            state=Appointment.State.HELD if fee else Appointment.State.BOOKED, fee=fee,
            held_until=now + timedelta(minutes=session.department.hold_minutes) if fee else None,
            first_visit=entry.first_visit, booked_at=now,
        )  # fmt: skip
        numbers.move(
            slot_id=offered.slot_id, source=Place.WITHHELD, target=Place.BOOKED, now=now, appointment_id=made.pk,
            reason=Reason.HELD if fee else Reason.BOOKED,
        )  # fmt: skip
        FreedNumber.objects.filter(pk=offered.pk).update(done_at=now)
        _end(entry, State.ACCEPTED, now, appointment=made)
        if not fee:
            notices.send("appointment_booked", made, now)
    return made


def leave(*, entry_id: int, now: datetime | None = None) -> WaitlistEntry:
    """Gives up: the place in the list, or the number that is offered, which goes to the next. Twice is once."""
    now = now or timezone.now()
    with transaction.atomic():
        session, entry = _locked(entry_id)
        if entry.state == State.WAITING:
            _end(entry, State.LEFT, now)
        elif entry.state == State.OFFERED:
            _end(entry, State.DECLINED, now)
            freed.go_on(_number(entry), session, now)
    return entry


def lapse_offers(*, session_id: int | None = None, now: datetime | None = None) -> int:
    """Offers whose time is over go to the next (of all sessions, or of one). Returns how many.

    Each in a transaction of its own, which looks again: run twice or killed halfway, each lapses once.
    """
    now = now or timezone.now()
    over = WaitlistEntry.objects.filter(state=State.OFFERED, offered_until__lte=now).order_by("pk")
    if session_id is not None:
        over = over.filter(session=session_id)
    return each(over.values_list("pk", flat=True), lambda pk: _lapse(pk, now))


def before(entry: WaitlistEntry) -> int:
    """How many wait or are offered a number before this one, for a slot that this one would take."""
    ahead = WaitlistEntry.objects.filter(session=entry.session_id, state__in=WaitlistEntry.ACTIVE, pk__lt=entry.pk)
    if entry.slot_id is not None:
        ahead = ahead.exclude(slot__isnull=False) | ahead.filter(slot=entry.slot_id)
    return ahead.count()


def enrol(
    *, session: Session, slot_id: int | None, patient_id: int, account_id: int | None, first_visit: bool, now: datetime
) -> WaitlistEntry:
    """Puts somebody at the end of the list: also who was not drawn, in the transaction that says so (R3.7)."""
    return WaitlistEntry.objects.create(
        session=session, slot_id=slot_id, patient_id=patient_id, account_id=account_id, first_visit=first_visit,
        joined_at=now,
    )  # fmt: skip


def _nothing_left(session: Session, slot_id: int | None) -> None:
    slots = list(session.slots.all() if slot_id is None else session.slots.filter(pk=slot_id))
    if not slots:
        raise BookingError(_("There is no such slot."), code="no_such_slot", status=404)
    if any(slot.left_bookable > 0 for slot in slots):
        raise _numbers_left()


def _numbers_left() -> BookingError:
    return BookingError(_("There are numbers left: please book one, nobody needs to wait."), code="numbers_left")


def _offered_still(entry: WaitlistEntry, now: datetime) -> None:
    if entry.state == State.OFFERED and now < entry.offered_until:  # type: ignore[operator]
        return
    if entry.freed_id is None:
        raise BookingError(_("No number is offered to you at the moment."), code="nothing_offered")
    raise BookingError(_("The time to take this number is over."), code="offer_over")


def _lapse(entry_id: int, now: datetime) -> bool:
    session, entry = _locked(entry_id)
    if entry.state != State.OFFERED or entry.offered_until > now:  # type: ignore[operator]
        return False
    _end(entry, State.LAPSED, now)
    freed.message(freed.LAPSED, entry, now).save()
    freed.go_on(_number(entry), session, now)
    return True


def _locked(entry_id: int) -> tuple[Session, WaitlistEntry]:
    session_id = WaitlistEntry.objects.values_list("session_id", flat=True).get(pk=entry_id)
    session = sessions.locked(session_id)
    return session, WaitlistEntry.objects.select_related("appointment").get(pk=entry_id)


def _number(entry: WaitlistEntry) -> FreedNumber:
    return FreedNumber.objects.get(offers=entry)


def _end(entry: WaitlistEntry, state: str, now: datetime, appointment: Appointment | None = None) -> None:
    entry.state, entry.ended_at, entry.appointment = state, now, appointment
    entry.save(update_fields=["state", "ended_at", "appointment"])
