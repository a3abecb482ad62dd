"""Sessions before their registration opens, for the tests of booking."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from booking.errors import BookingError
from booking.models import Appointment, PastSession, PastVisit, QuotaMove, Session, Slot
from booking.services import appointments
from tests import factories
from tests.factories import at

WEEK_BEFORE = at("12:00") - timedelta(days=5)
MONTH_BEFORE = at("12:00") - timedelta(days=30)
NO_WALK_INS = {"default_walk_ins_per_hour": 0}


def planned(split=((2, 1), (3, 2)), **fields) -> Session:
    """A session that can be booked from 7 days before until 07:00 on its day."""
    return factories.session(split=split, **{"state": "planned", "pool_opened_at": None} | fields)


def book(session: Session, index=0, who=None, now=WEEK_BEFORE, **kwargs) -> Appointment:
    return appointments.book(
        patient_id=(who or factories.patient()).pk, slot_id=slots(session)[index].pk, now=now, **kwargs
    )


def refused(code: str):
    return pytest.raises(BookingError, check=lambda error: error.code == code)


def slots(session: Session) -> list[Slot]:
    return list(session.slots.order_by("index"))


def counts(session: Session) -> list[tuple[int, int, int, int, int]]:
    """Per slot: free to book, booked, withheld, walk-in pool, registered."""
    return [(s.left_bookable, s.booked, s.withheld, s.left_walk_in, s.registered) for s in slots(session)]


def split_of(session: Session) -> list[tuple[int, int]]:
    return [(s.bookable, s.walk_in) for s in slots(session)]


def moves(session: Session, reason: str) -> list[tuple[int, str, str, int]]:
    """The ledger's rows of one reason: slot index, from, to, how many."""
    found = QuotaMove.objects.filter(slot__session=session, reason=reason).order_by("pk")
    return list(found.values_list("slot__index", "source", "target", "count"))


def past(expert, day: datetime, *visits: dict, hours=("08:00", "12:00"), arrivals=True, source="test") -> PastSession:
    """A past session; each visit has `start` and `seconds` (or None), and may have `arrived`, `booked`, `refused`."""
    starts_at = at(hours[0], day)
    made = PastSession.objects.create(
        expert=expert,
        source=source,
        starts_at=starts_at,
        ends_at=at(hours[1], day),
        morning=timezone.localtime(starts_at).hour < 12,
        has_arrivals=arrivals,
    )
    for position, visit in enumerate(visits, start=1):
        PastVisit.objects.create(
            past_session=made,
            position=position,
            started_at=at(visit["start"], day) if visit.get("start") else None,
            seconds=visit.get("seconds"),
            arrived_at=at(visit["arrived"], day) if visit.get("arrived") else None,
            booked=visit.get("booked"),
            refused=visit.get("refused", False),
        )
    return made


def weeks(expert, *visits, weeks=(1, 2, 3), **kwargs):
    """The same past session on the same weekday of some weeks before."""
    return [past(expert, at("00:00") - timedelta(weeks=n), *visits, **kwargs) for n in weeks]


def every(minutes, seconds, start="08:00", count=1, **visit):
    """Visits at regular times."""
    first = at(start)
    return [
        {"start": f"{first + timedelta(minutes=minutes * n):%H:%M}", "seconds": seconds, **visit} for n in range(count)
    ]
