"""Whom a change of a session touches: how many hold or have booked a number, in which slots, and what they paid.

Shown before a change is confirmed (R3.2b, R1.3). Reads only.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, Sum
from django.utils.translation import gettext_lazy as _

from booking.errors import BookingError
from booking.models import Appointment, BallotEntry, Payment, Session, WaitlistEntry

State = Appointment.State


@dataclass(slots=True)
class TouchedSlot:
    """One slot's patients by state. `paid`: the prepayments of those who have not come; `paid_here`: of those who
    have checked in; in fen."""

    starts_at: datetime
    ends_at: datetime
    held: int = 0
    booked: int = 0
    arrived: int = 0
    paid: int = 0
    paid_here: int = 0

    @property
    def count(self) -> int:
        return self.held + self.booked + self.arrived

    @property
    def paid_in_all(self) -> int:
        return self.paid + self.paid_here


@dataclass(frozen=True, slots=True)
class Touched:
    """All of a session's patients who would notice. `slots`: those with anybody, in order; `waiting`: how many wait for
    a number, on its waitlist or in its draw.

    `mark` stands for exactly this: who confirms hands it back, and learns so that it has changed meanwhile.
    """

    slots: tuple[TouchedSlot, ...]
    waiting: int
    mark: str

    @property
    def nobody(self) -> bool:
        """Neither booked nor waiting."""
        return not self.slots and not self.waiting

    @property
    def count(self) -> int:
        return sum(slot.count for slot in self.slots)

    @property
    def to_come(self) -> int:
        """How many have not checked in."""
        return sum(slot.held + slot.booked for slot in self.slots)

    @property
    def paid(self) -> int:
        """In fen: what goes back to those who have not checked in if the session does not take place."""
        return sum(slot.paid for slot in self.slots)

    @property
    def paid_in_all(self) -> int:
        return sum(slot.paid_in_all for slot in self.slots)


def of(sessions: Iterable[Session]) -> dict[int, Touched]:
    """By session id. `sessions` as they are in the database now, with their rooms. Three queries besides."""
    sessions = list(sessions)
    paid = Sum("payments__balance", filter=Q(payments__state=Payment.State.PAID), default=0)
    active = Appointment.objects.filter(session__in=sessions, state__in=Appointment.ACTIVE).annotate(paid=paid)
    slots: dict[int, dict[int, TouchedSlot]] = defaultdict(dict)
    seen: dict[int, list[tuple]] = defaultdict(list)
    rows = active.order_by("slot__index", "pk").values_list(
        "session_id", "slot_id", "slot__starts_at", "slot__ends_at", "pk", "state", "paid"
    )
    for session_id, slot_id, starts_at, ends_at, pk, state, fen in rows:
        slot = slots[session_id].setdefault(slot_id, TouchedSlot(starts_at, ends_at))
        here = state == State.ARRIVED
        setattr(slot, state, getattr(slot, state) + 1)
        slot.paid += 0 if here else fen
        slot.paid_here += fen if here else 0
        seen[session_id].append((slot_id, pk, state, fen))
    waiting = _waiting(sessions)
    return {
        session.pk: Touched(
            slots=tuple(slots[session.pk].values()),
            waiting=waiting[session.pk],
            mark=_mark(session, seen[session.pk], waiting[session.pk]),
        )
        for session in sessions
    }


def one(session: Session) -> Touched:
    """Of one session."""
    return of([session])[session.pk]


def as_seen(session: Session, mark: str | None) -> None:
    """Raises BookingError `changed_meanwhile` where a locked session is not what `mark` stands for (None: anything).

    Once it is over it cannot be, which the caller looks at first: pressed twice is pressed once.
    """
    if mark is not None and one(session).mark != mark:
        raise changed_meanwhile()


def changed_meanwhile() -> BookingError:
    """The refusal of what rests on what is so no more."""
    words = _("This has changed since it was shown, so nothing was done. Please look at it again.")
    return BookingError(words, code="changed_meanwhile")


def _waiting(sessions: list[Session]) -> Counter[int]:
    """By session id, how many wait for a freed number or have asked in the draw."""
    listed = WaitlistEntry.objects.filter(session__in=sessions, state__in=WaitlistEntry.ACTIVE)
    asking = BallotEntry.objects.filter(ballot__session__in=sessions, state=BallotEntry.State.ASKED)
    on_list = listed.order_by().values_list("session_id").annotate(n=Count("pk"))
    in_draw = asking.order_by().values_list("ballot__session_id").annotate(n=Count("pk"))
    return Counter(dict(on_list)) + Counter(dict(in_draw))


def _mark(session: Session, rows: list[tuple], waiting: int) -> str:
    seats = sorted((seat.room_id, seat.expert_id) for seat in session.rooms.all())
    times = (session.starts_at.timestamp(), session.ends_at.timestamp())
    about = (session.pk, session.state, session.expert_id, times, seats, rows, waiting)
    return hashlib.sha256(repr(about).encode()).hexdigest()[:24]
