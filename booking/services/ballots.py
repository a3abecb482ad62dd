"""Ballots: asked for while they are open, drawn when they have closed (R3.7).

Requests share the session's lock, as bookings do: many ask at once. Closing and each drawing lock it for themselves.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, transaction
from django.db.models import Count, F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from booking import draws
from booking.errors import BookingError
from booking.models import Appointment, Ballot, BallotEntry, Outbox, Session
from booking.services import appointments, families, limits, sessions, waitlist
from booking.services.each import each

log = logging.getLogger(__name__)

State = BallotEntry.State

WON = "ballot_won"
LOST = "ballot_lost"
BOOKING_CLOSED = "booking_closed"  # why who asked got none: registration had opened
# A booking under way when a ballot is made has read that there is none: not so close to the release.
BEFORE_RELEASE = timedelta(minutes=1)
# The task runs every few seconds; so long after the close it is not at work.
LATE = timedelta(minutes=1)


def prepare(*, now: datetime | None = None) -> int:
    """Gives every session that is not released yet the ballot that its expert is marked for, or takes it away.

    Returns how many were made, changed or taken away; twice is once.
    """
    now = now or timezone.now()
    ahead = Session.objects.filter(state=Session.State.PLANNED, released_at__gt=now + BEFORE_RELEASE)
    differing = ahead.exclude(Q(ballot__minutes=F("expert__ballot_minutes")), ballot__isnull=False)
    differing = differing.filter(Q(ballot__isnull=False) | Q(expert__ballot_minutes__gt=0))
    return each(differing.order_by("pk").values_list("pk", flat=True), lambda pk: _prepare(pk, now))


def ask(
    *,
    session_id: int,
    patient_id: int,
    wishes: Sequence[int] = (),
    any_slot: bool = True,
    on_waitlist: bool = False,
    account_id: int | None = None,
    first_visit: bool = True,
    now: datetime | None = None,
) -> BallotEntry:
    """Asks for a number in the draw: of a slot of `wishes`, the first liked best, or (`any_slot`) of any.

    Raises BookingError `no_session`, as `open_of`, `no_such_slot`, `no_wish`, `asked_already` (with `entry`),
    `limit_asking` for too many of one account or phone, and what the limits of `appointments.book` refuse.
    """
    now = now or timezone.now()
    with transaction.atomic():
        session = sessions.shared(session_id)
        ballot = open_of(session, now)
        _sensible(session, wishes, any_slot)
        seen = limits.within(patient_id=patient_id, session=session, now=now)
        families.lock(patient_id, account_id, seen)
        present = ballot.entries.exclude(state=State.WITHDRAWN)
        own = present.filter(patient=patient_id).first()
        if own is not None:
            raise BookingError(_("This patient is in the draw already."), code="asked_already", entry=own.pk)
        families.within_limit(present, patient_id, account_id, session, code="limit_asking")
        return BallotEntry.objects.create(
            ballot=ballot, patient_id=patient_id, account_id=account_id, wishes=list(wishes), any_slot=any_slot,
            waitlist=on_waitlist, first_visit=first_visit, asked_at=now,
        )  # fmt: skip


def open_of(session: Session, now: datetime) -> Ballot:
    """The draw of a session in which one can ask now.

    Raises BookingError `no_ballot`, `booking_closed`, `not_released` (with `released_at`), `ballot_closed`.
    """
    ballot = getattr(session, "ballot", None)
    if ballot is None:
        raise BookingError(_("The numbers of this session are not drawn."), code="no_ballot")
    if not session.takes_bookings(now):
        raise BookingError(_("This session can no longer be booked."), code=BOOKING_CLOSED)
    if now < session.released_at:
        words = _("This session is not released for booking yet.")
        raise BookingError(words, code="not_released", released_at=_local(session.released_at))
    if ballot.closed_at is not None or ballot.closes_at <= now:
        raise _closed()
    return ballot


def withdraw(*, entry_id: int, now: datetime | None = None) -> BallotEntry:
    """Takes a request back while the ballot is open; twice is once. Raises BookingError `ballot_closed`."""
    now = now or timezone.now()
    entry = BallotEntry.objects.select_related("ballot").get(pk=entry_id)
    with transaction.atomic():
        session = sessions.shared(entry.ballot.session_id)
        entry.refresh_from_db(fields=["state"])
        if entry.state == State.ASKED:
            open_of(session, now)
            BallotEntry.objects.filter(pk=entry_id, state=State.ASKED).update(state=State.WITHDRAWN, ended_at=now)
        elif entry.state != State.WITHDRAWN:
            raise _closed()
    entry.refresh_from_db()
    return entry


def draw_due(*, session_id: int | None = None, now: datetime | None = None) -> int:
    """Draws every ballot whose time to ask is over (or that of one session). Returns how many were drawn to the end.

    The order is fixed when a ballot is closed; then each request is drawn in a transaction of its own, in that order:
    killed halfway, the next run goes on where this one was, and two at once do each request once.
    """
    now = now or timezone.now()
    waiting = Ballot.objects.filter(drawn_at=None, session__released_at__lte=now).order_by("pk")
    waiting = waiting.exclude(session__state=Session.State.CANCELLED).select_related("session")
    if session_id is not None:
        waiting = waiting.filter(session=session_id)
    drawn = 0
    for ballot in waiting:
        try:
            drawn += ballot.closes_at <= now and _draw(ballot.session_id, now)
        except (BookingError, DatabaseError):
            log.exception("the draw of session %s stopped", ballot.session_id)
    return drawn


def look(*, session_id: int, now: datetime | None = None) -> bool:
    """Draws what should have been drawn a while ago, for who comes to see how it ended. Returns whether it did."""
    now = now or timezone.now()
    ballot = Ballot.objects.filter(session=session_id, drawn_at=None).select_related("session").first()
    late = ballot is not None and ballot.closes_at + LATE <= now
    return late and draw_due(session_id=session_id, now=now) > 0


def call_off(*, session_id: int, now: datetime) -> int:
    """There is nothing to draw: the session is cancelled. Inside that transaction. Returns how many are told."""
    asking = BallotEntry.objects.filter(ballot__session=session_id, state=State.ASKED)
    left = list(asking.select_related("ballot").order_by("pk"))
    asking.update(state=State.CALLED_OFF, ended_at=now)
    Outbox.objects.bulk_create(_message(LOST, entry, now) for entry in left)
    return len(left)


def record(ballot: Ballot) -> dict[str, Any]:
    """What is published of a draw, and what `booking.draws.faults` checks: codes only, the seed once all is drawn."""
    drawn = ballot.drawn_at is not None
    entries = ballot.entries.filter(state__in=(State.WON, State.LOST)).order_by("place") if drawn else ()
    return {
        "session": ballot.session_id,
        "opens_at": _local(ballot.session.released_at),
        "closes_at": _local(ballot.closes_at),
        "commitment": ballot.commitment,
        "seed": ballot.seed if drawn else None,
        "slots": ballot.numbers,
        "entries": [
            {
                "place": entry.place,
                "code": entry.code,
                "rank": draws.rank(ballot.seed, entry.code),
                "wishes": entry.wishes,
                "any_slot": entry.any_slot,
                "won": entry.slot_id,
                # Which limit it was, if it was one, is the patient's own affair.
                "lost": entry.lost_because if entry.lost_because in ("", draws.NONE_LEFT) else "not_possible",
            }
            for entry in entries
        ],
    }


def _prepare(session_id: int, now: datetime) -> bool:
    session = sessions.locked(session_id)
    if session.state != Session.State.PLANNED or session.released_at <= now + BEFORE_RELEASE:
        return False
    minutes = 0 if session.expert is None else session.expert.ballot_minutes
    if not minutes:
        return bool(Ballot.objects.filter(session=session).delete()[0])
    Ballot.objects.update_or_create(session=session, defaults={"minutes": minutes})
    return True


def _closed() -> BookingError:
    return BookingError(_("The time to ask for a number in this draw is over."), code="ballot_closed")


def _sensible(session: Session, wishes: Sequence[int], any_slot: bool) -> None:
    if len(set(wishes)) != len(wishes) or not set(wishes) <= set(session.slots.values_list("pk", flat=True)):
        raise BookingError(_("There is no such slot."), code="no_such_slot", status=404)
    if not wishes and not any_slot:
        raise BookingError(_("Please choose a slot, or any."), code="no_wish", status=400)


def _draw(session_id: int, now: datetime) -> bool:
    _close(session_id, now)
    left = BallotEntry.objects.filter(ballot__session=session_id, state=State.ASKED, place__isnull=False)
    # One that fails stays in its place, and nobody behind it is drawn before it.
    for pk in list(left.order_by("place").values_list("pk", flat=True)):
        with transaction.atomic():
            _draw_one(session_id, pk, now)
    done = Ballot.objects.filter(session=session_id, drawn_at=None, closed_at__isnull=False)
    return bool(done.exclude(entries__state=State.ASKED).update(drawn_at=now))


def _close(session_id: int, now: datetime) -> None:
    """Fixes who is drawn, in which order, and for how many numbers."""
    with transaction.atomic():
        session = sessions.locked(session_id)
        ballot = Ballot.objects.get(session=session)
        if ballot.closed_at is not None:
            return
        if draws.commitment(ballot.seed) != ballot.commitment:
            raise BookingError(_("The seed of this draw cannot be read."), code="seed_lost", status=500)
        asked = {entry.code: entry for entry in ballot.entries.filter(state=State.ASKED)}
        for place, code in enumerate(draws.order(ballot.seed, asked), start=1):
            asked[code].place = place
        BallotEntry.objects.bulk_update(asked.values(), ["place"], batch_size=500)
        ballot.numbers = [
            {"slot": slot.pk, "starts_at": _local(slot.starts_at), "numbers": slot.left_bookable}
            for slot in session.slots.order_by("index")
        ]
        ballot.closed_at = now
        ballot.save(update_fields=["numbers", "closed_at"])


def _draw_one(session_id: int, entry_id: int, now: datetime) -> None:
    session = sessions.locked(session_id)
    entry = BallotEntry.objects.select_related("ballot").get(pk=entry_id)
    if entry.state != State.ASKED:
        return
    if not session.takes_bookings(now):
        # Late, or stopped and gone on with later: what there was to draw is for walk-ins now (R3.5).
        _lost(entry, session, BOOKING_CLOSED, now)
        return
    slot_id = draws.choose(entry.wishes, entry.any_slot, _left(entry.ballot))
    if slot_id is None:
        _lost(entry, session, draws.NONE_LEFT, now)
        return
    try:
        with transaction.atomic():
            _won(entry, session, slot_id, now)
    except BookingError as refusal:
        _lost(entry, session, refusal.code, now)


def _left(ballot: Ballot) -> dict[int, int]:
    """What is left of the numbers of the closing: what has been freed or added since is not for the draw."""
    won = dict(ballot.entries.filter(state=State.WON).order_by().values_list("slot").annotate(n=Count("pk")))
    return {each["slot"]: each["numbers"] - won.get(each["slot"], 0) for each in ballot.numbers}


def _won(entry: BallotEntry, session: Session, slot_id: int, now: datetime) -> None:
    fee = session.prepayment
    hold = timedelta(minutes=session.department.ballot_hold_minutes)
    made = appointments.take(
        Appointment(
            patient_id=entry.patient_id,
            account_id=entry.account_id,
            session=session,
            slot=session.slots.get(pk=slot_id),
            state=Appointment.State.HELD if fee else Appointment.State.BOOKED,
            held_until=now + hold if fee else None,
            fee=fee,
            first_visit=entry.first_visit,
            booked_at=now,
        )
    )
    _end(entry, State.WON, now, appointment=made, slot_id=slot_id)
    _message(WON, entry, now, appointment=made.pk).save()


def _lost(entry: BallotEntry, session: Session, why: str, now: datetime) -> None:
    _end(entry, State.LOST, now, lost_because=why)
    _message(LOST, entry, now).save()
    if entry.waitlist and session.takes_bookings(now):
        one_slot = entry.wishes[0] if len(entry.wishes) == 1 and not entry.any_slot else None
        waitlist.enrol(
            session=session, slot_id=one_slot, patient_id=entry.patient_id, account_id=entry.account_id,
            first_visit=entry.first_visit, now=now,
        )  # fmt: skip


def _end(entry: BallotEntry, state: str, now: datetime, **outcome: Any) -> None:
    entry.state, entry.ended_at = state, now
    for name, value in outcome.items():
        setattr(entry, name, value)
    entry.save(update_fields=["state", "ended_at", *outcome])


def _message(kind: str, entry: BallotEntry, now: datetime, **content: object) -> Outbox:
    content |= {"patient": entry.patient_id, "entry": entry.pk, "session": entry.ballot.session_id}
    return Outbox(kind=kind, key=f"{kind}:{entry.pk}", payload=content, made_at=now)


def _local(moment: datetime) -> str:
    return timezone.localtime(moment).isoformat()
