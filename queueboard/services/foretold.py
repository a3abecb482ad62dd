"""What patients were told when they came, beside what came true: an expert's page says how good it was (R5.2)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from django.db.models import F, Q
from django.utils import timezone

from booking.models import Expert, Session
from queueboard import snapshots
from queueboard.models import Ticket

LAST = timedelta(days=30)


def note(*, now: datetime | None = None) -> int:
    """Once a minute: for everybody who has come since, when they are expected to be called. Returns for how many."""
    now = now or timezone.now()
    new = Ticket.objects.filter(
        session__state__in=Session.LIVE, state=Ticket.State.WAITING, called_no=0, foretold_median=None
    )
    count = 0
    for session_id in set(new.order_by().values_list("session_id", flat=True)):
        waits = snapshots.foretell(session_id, now=now)
        for ticket in new.filter(session_id=session_id):
            if ticket.number in waits:
                median, p90 = (now + timedelta(minutes=minutes) for minutes in waits[ticket.number])
                count += new.filter(pk=ticket.pk).update(foretold_median=median, foretold_p90=p90)
    return count


@dataclass(frozen=True, slots=True)
class Foretold:
    """How good the predictions of some patients were: how far off the median was, share called before the p90.

    error_minutes  on average
    half_within    half of the patients were called within so many minutes of it
    """

    patients: int
    error_minutes: float
    half_within: float
    before_p90: float


def last_month(expert: Expert, *, now: datetime | None = None) -> Foretold | None:
    """Of those of the last 30 days who answered their first call; None where there were none.

    They are the patients of the expert's own sessions, and of the pooled ones in which the expert sat.
    """
    now = now or timezone.now()
    sessions = Session.objects.filter(Q(expert=expert) | Q(expert=None, rooms__expert=expert))
    called = Ticket.objects.filter(
        session__in=sessions, called_at__gte=now - LAST, foretold_median__isnull=False, misses=0, returned=None
    ).annotate(off=F("called_at") - F("foretold_median"), over=F("called_at") - F("foretold_p90"))
    rows = list(called.order_by().values_list("off", "over"))
    if not rows:
        return None
    minutes = np.array([[off.total_seconds(), over.total_seconds()] for off, over in rows]) / 60
    off = np.abs(minutes[:, 0])
    return Foretold(len(rows), float(off.mean()), float(np.median(off)), float(np.mean(minutes[:, 1] <= 0)))
