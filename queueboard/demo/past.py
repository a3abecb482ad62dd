"""The demonstration's past: half-days before the first one, so that quotas come from a history (R2.1, R2.3)."""

from datetime import datetime, timedelta
from random import Random

from booking.models import Expert, PastSession, PastVisit
from queueboard.demo import people

SOURCE = "demonstration"


def write(expert: Expert, *, starts_at: datetime, length: timedelta, morning: bool, rng: Random) -> None:
    """One past session of an expert: who came when, and was seen when and for how long, in the order of arrival."""
    scale = length / timedelta(minutes=people.HALF_DAY_MINUTES)
    past = PastSession.objects.create(
        expert=expert, source=SOURCE, starts_at=starts_at, ends_at=starts_at + length, morning=morning
    )
    free = 0.0
    visits: list[PastVisit] = []
    for minute, booked in sorted(_arrivals(rng)):
        first = people.is_first_visit(rng)
        begun, minutes = max(minute, free), people.visit(rng, first=first)
        free = begun + minutes
        visits.append(
            PastVisit(
                past_session=past,
                position=len(visits) + 1,
                booked=booked,
                first_visit=first,
                slot_index=min(int(begun // people.SLOT_MINUTES), people.HALF_DAY_MINUTES // people.SLOT_MINUTES - 1),
                arrived_at=starts_at + timedelta(minutes=minute) * scale,
                started_at=starts_at + timedelta(minutes=begun) * scale,
                seconds=max(1, round(60 * minutes * scale)),
            )
        )
    PastVisit.objects.bulk_create(visits)


def _arrivals(rng: Random) -> list[tuple[float, bool]]:
    """Minutes from the start, and whether booked; nobody is let in before registration opens."""
    numbers = people.numbers_of(1)
    came = [(minute, False) for minute in people.walk_ins(rng, numbers)]
    for place in range(numbers - len(came)):
        minutes = people.arrival(rng, people.Rates())
        if minutes is not None:
            slot = people.SLOT_MINUTES * (place * 4 // max(1, numbers - len(came)))
            came.append((max(-60.0, slot + minutes), True))
    return came
