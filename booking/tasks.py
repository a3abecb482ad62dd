"""Booking's periodic tasks (timetable in settings). Each is safe to run twice and to be killed halfway."""

import logging

from celery import shared_task
from django.utils import timezone

from booking.alone import alone
from booking.services import ballots, endings, payments, quotas, retention, sessions, sources, waitlist

log = logging.getLogger(__name__)


@shared_task(name="booking.make_sessions")
def make_sessions() -> int:
    """R1.1, and R3.7 for those that were made before their expert was marked."""
    made = sessions.make_sessions(today=timezone.localdate(), now=timezone.now())
    _said("ballots made or changed", ballots.prepare())
    return _said("sessions made", len(made))


@shared_task(name="booking.recalculate_quotas")
def recalculate_quotas() -> int:
    """R2.6."""
    return _said("quota calculations with a new outcome", quotas.recalculate_all())


@shared_task(name="booking.expire_holds")
def expire_holds() -> int:
    """R3.3."""
    return _said("holds expired", endings.expire_holds())


@shared_task(name="booking.free_numbers")
def free_numbers() -> int:
    """R3.4."""
    return _said("cancelled numbers free again", endings.free_numbers())


@shared_task(name="booking.lapse_offers")
def lapse_offers() -> int:
    """R3.4: what was offered and not taken goes to the next who waits."""
    return _said("offers lapsed", waitlist.lapse_offers())


@shared_task(name="booking.draw_ballots")
def draw_ballots() -> int:
    """R3.7."""
    return _said("ballots drawn", ballots.draw_due())


@shared_task(name="booking.forget_sources")
def forget_sources() -> int:
    """R3.7: which addresses and devices bookings came from, after some days."""
    return _said("sources of bookings forgotten", sources.forget())


@shared_task(name="booking.reconcile_payments")
@alone
def reconcile_payments() -> int:
    """R3.3."""
    return _said("payments that differed from the provider's record", payments.reconcile())


@shared_task(name="booking.expire_data")
def expire_data() -> int:
    """What is over its time is erased."""
    return sum(_said(f"{what} over their time", count) for what, count in retention.expire().items())


def _said(what: str, count: int) -> int:
    if count:
        log.info("%s: %d", what, count)
    return count
