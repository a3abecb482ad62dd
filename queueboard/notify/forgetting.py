"""Browsers that were told of a visit, or of a wish for one, links that were shared, and how long the patient's way
takes are forgotten once it is well over."""

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef
from django.utils import timezone

from booking.models import Appointment, BallotEntry, WaitlistEntry
from queueboard.models import SharedLink, Ticket
from queueboard.notify.models import Address

KEPT = timedelta(days=7)  # a fee may still go back
# What a link may lead to, and where its session is found.
SESSIONS = {Appointment: "session", Ticket: "session", WaitlistEntry: "session", BallotEntry: "ballot__session"}


def forget_visits(*, now: datetime | None = None) -> int:
    """Deletes what hangs on links whose session was a week ago, or that lead nowhere any more. Returns how many."""
    now = now or timezone.now()
    since = timezone.localdate(now - KEPT)
    of_now = [
        Exists(model._default_manager.filter(**{"token": OuterRef("token"), f"{session}__date__gte": since}))
        for model, session in SESSIONS.items()
    ]
    hanging = (Address.objects.exclude(token=""), SharedLink.objects.all())
    old = [rows.filter(*(~each for each in of_now), made_at__lt=now - KEPT) for rows in hanging]
    dead = Address.objects.filter(dead_at__lt=now - KEPT)
    Appointment.objects.filter(way_minutes__isnull=False, session__date__lt=since).update(way_minutes=None)
    return sum(rows.delete()[0] for rows in (*old, dead))
