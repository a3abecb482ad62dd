"""Numbers that are let go: withheld, offered to who waits in the order of joining, then free to all (R3.4).

Everything here runs inside a transaction with the session locked: what one step offers or frees, no other does.
"""

import secrets
from datetime import datetime, timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Q, QuerySet

from booking import quiet
from booking.errors import BookingError
from booking.models import Appointment, FreedNumber, Outbox, QuotaMove, Session, WaitlistEntry
from booking.services import families, limits, numbers

Place = QuotaMove.Place
Reason = QuotaMove.Reason
State = WaitlistEntry.State

OFFERED = "waitlist_offered"
LAPSED = "waitlist_lapsed"
_random = secrets.SystemRandom()


def withhold(
    *, appointment: Appointment, session: Session, reason: str, now: datetime, actor: AbstractBaseUser | None = None
) -> FreedNumber:
    """An appointment's number leaves it, and is offered on or free to all after a random delay."""
    numbers.move(
        slot_id=appointment.slot_id, source=Place.BOOKED, target=Place.WITHHELD, reason=reason, now=now, actor=actor,
        appointment_id=appointment.pk,
    )  # fmt: skip
    return let_go(slot_id=appointment.slot_id, session=session, appointment=appointment, now=now)


def let_go(
    *, slot_id: int, session: Session, now: datetime, appointment: Appointment | None = None
) -> FreedNumber:  # fmt: skip
    """One that has just become withheld starts on its way."""
    freed = FreedNumber.objects.create(
        slot_id=slot_id, appointment=appointment, free_at=now + _delay(session.department.free_again_minutes)
    )
    _offer(freed, session, now)
    return freed


def give(
    *,
    slot_id: int,
    session: Session,
    source: str,
    count: int,
    reason: str,
    now: datetime,
    actor: AbstractBaseUser | None = None,
    note: str = "",
) -> None:
    """Numbers come to a slot's bookable ones: offered to who waits, free to all where nobody does."""
    target = Place.WITHHELD if waited_for(slot_id, session).exists() else Place.BOOKABLE
    numbers.move(
        slot_id=slot_id, source=source, target=target, count=count, reason=reason, now=now, actor=actor, note=note
    )  # fmt: skip
    for _number in range(count if target == Place.WITHHELD else 0):
        let_go(slot_id=slot_id, session=session, now=now)


def go_on(freed: FreedNumber, session: Session, now: datetime) -> None:
    """Nobody has taken it up: it goes to the next. Where there is none, its delay begins anew, as the moment at which
    an offer ends can be known or chosen."""
    if not _offer(freed, session, now):
        FreedNumber.objects.filter(pk=freed.pk).update(free_at=now + _delay(session.department.free_again_minutes))


def free(freed: FreedNumber, session: Session, now: datetime) -> bool:
    """Free to all, once its delay is over and unless it is offered to somebody, who may have come meanwhile."""
    due = FreedNumber.objects.filter(pk=freed.pk, done_at=None, free_at__lte=now)
    offered = freed.offers.filter(state=State.OFFERED)
    if not due.exists() or offered.exists() or _offer(freed, session, now):
        return False
    due.update(done_at=now)
    numbers.move(
        slot_id=freed.slot_id, source=Place.WITHHELD, target=Place.BOOKABLE, reason=Reason.FREED, now=now,
        appointment_id=freed.appointment_id,
    )  # fmt: skip
    return True


def due(now: datetime) -> QuerySet[FreedNumber]:
    """Those whose delay is over and that nobody is offered."""
    return (
        FreedNumber.objects.filter(done_at=None, free_at__lte=now).exclude(offers__state=State.OFFERED).order_by("pk")
    )


def waited_for(slot_id: int, session: Session) -> QuerySet[WaitlistEntry]:
    """Who would take a number of this slot, in order."""
    any_or_this = Q(slot=None) | Q(slot=slot_id)
    return WaitlistEntry.objects.filter(any_or_this, session=session, state=State.WAITING).order_by("pk")


def end_list(*, session: Session, state: str, now: datetime) -> int:
    """The list and its offers end: registration opens, or there is no session. Who waits is told. Returns how many."""
    waiting = WaitlistEntry.objects.filter(session=session, state__in=WaitlistEntry.ACTIVE)
    ended = list(waiting.order_by("pk"))
    if ended:
        waiting.update(state=state, ended_at=now)
        Outbox.objects.bulk_create(message(LAPSED, entry, now) for entry in ended)
    return len(ended)


def message(kind: str, entry: WaitlistEntry, now: datetime) -> Outbox:
    """Not saved. What became of the entry is read where the message is put into words."""
    content = {"patient": entry.patient_id, "entry": entry.pk, "session": entry.session_id}
    return Outbox(kind=kind, key=f"{kind}:{entry.pk}", payload=content, made_at=now)


def _offer(freed: FreedNumber, session: Session, now: datetime) -> bool:
    """Offers it to the next, or in quiet hours has that wait for the morning; False: there is nobody."""
    entry = _next(freed, session, now) if session.takes_bookings(now) else None
    if entry is None:
        return False
    morning = _morning(session, now)
    if morning is not None:
        FreedNumber.objects.filter(pk=freed.pk).update(free_at=morning)
        return True
    until = min(now + timedelta(minutes=session.department.offer_minutes), session.registration_opens_at)
    offered = {"state": State.OFFERED, "freed": freed, "offered_at": now, "offered_until": until}
    WaitlistEntry.objects.filter(pk=entry.pk).update(**offered)
    message(OFFERED, entry, now).save()
    return True


def _morning(session: Session, now: datetime) -> datetime | None:
    """In quiet hours the moment after them at which it is offered; None: at once, as else registration opens before."""
    awake = quiet.over(now)
    if awake == now:
        return None
    at = awake + _delay(session.department.free_again_minutes)
    in_time = at + timedelta(minutes=session.department.offer_minutes) <= session.registration_opens_at
    return at if in_time else None


def _next(freed: FreedNumber, session: Session, now: datetime) -> WaitlistEntry | None:
    """The first who may and can take it: never who let it go, nor who was offered it before."""
    waiting = waited_for(freed.slot_id, session).exclude(patient__waitlist__freed=freed)
    if freed.appointment is not None:
        waiting = waiting.exclude(families.of_one(freed.appointment.patient, freed.appointment.account_id))
    return next((entry for entry in waiting.iterator(chunk_size=100) if _can_take(entry, session, now)), None)


def _can_take(entry: WaitlistEntry, session: Session, now: datetime) -> bool:
    try:
        limits.within(patient_id=entry.patient_id, session=session, now=now)
    except BookingError:
        return False
    return True


def _delay(minutes: int) -> timedelta:
    return timedelta(seconds=_random.uniform(0, 60 * minutes))
