"""What to expect of slots that can be booked: the wait, from the expert's past (R5.2). Reads only."""

from collections.abc import Sequence
from datetime import datetime

from booking import history
from booking.models import Session, SessionRoom
from queueboard import habits
from queueboard.waiting import ahead

Wait = tuple[float, float]  # median and 90th percentile, minutes


def waits(sessions: Sequence[Session]) -> dict[int, Wait]:
    """By slot id; without those of whom nothing is known yet.

    The sessions are of one expert, or of one pooled clinic, with their slots prefetched. What is known is read for the
    first one of each half-day and kept for a while, so a page costs no query more, mostly, and 18 at most.
    """
    found: dict[int, Wait] = {}
    for morning in (True, False):
        alike = [session for session in sessions if history.is_morning(session.starts_at) is morning]
        if alike:
            found |= _of_half_day(alike)
    return found


def _of_half_day(sessions: Sequence[Session]) -> dict[int, Wait]:
    first = sessions[0]
    seats = [] if first.expert else list(SessionRoom.objects.filter(session=first).select_related("expert"))
    experts = [first.expert] if first.expert else [seat.expert for seat in seats]
    known = habits.known(first, experts, max(1, len(first.slots.all())))
    if not known.late_starts:
        return {}
    rooms = max(1, len(seats))
    found: dict[int, Wait] = {}
    told: dict[tuple[ahead.Part, ...], list[Wait]] = {}  # one day is split like the other, mostly
    for session in sessions:
        slots = list(session.slots.all())
        parts = tuple(
            ahead.Part(
                start=_minutes(session.starts_at, slot.starts_at),
                end=_minutes(session.starts_at, slot.ends_at),
                bookable=slot.bookable,
                walk_in=slot.walk_in,
            )
            for slot in slots
        )
        if parts not in told:
            told[parts] = ahead.waits(parts, known, rooms=rooms)
        found |= dict(zip((slot.pk for slot in slots), told[parts], strict=True))
    return found


def _minutes(start: datetime, moment: datetime) -> float:
    return (moment - start).total_seconds() / 60
