"""A queue that is open now, for benchmarks that call from it. Django must be set up."""

from datetime import timedelta

from booking.models import Session


def make(numbers: int) -> Session:
    """A running session of one slot with so many walk-in numbers, from now on for ten hours."""
    from django.utils import timezone

    from tests import factories

    now = timezone.now()
    session = factories.session(split=((0, numbers),), day=timezone.localtime(now), start="08:00", minutes=600)
    session.starts_at, session.ends_at = now, now + timedelta(hours=10)
    session.state = "running"
    session.save()
    session.slots.update(starts_at=now, ends_at=session.ends_at)
    return session
