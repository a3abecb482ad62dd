"""Booking's periodic tasks (timetable in settings). Each is safe to run twice and to be killed halfway."""

import logging

from celery import shared_task
from django.utils import timezone

from booking.services import appointments, payments, quotas, sessions

log = logging.getLogger(__name__)


@shared_task(name="booking.make_sessions")
def make_sessions() -> int:
    """R1.1."""
    made = sessions.make_sessions(today=timezone.localdate(), now=timezone.now())
    return _said("sessions made", len(made))


@shared_task(name="booking.recalculate_quotas")
def recalculate_quotas() -> int:
    """R2.6."""
    return _said("quota calculations with a new outcome", quotas.recalculate_all())


@shared_task(name="booking.expire_holds")
def expire_holds() -> int:
    """R3.3."""
    return _said("holds expired", appointments.expire_holds())


@shared_task(name="booking.free_numbers")
def free_numbers() -> int:
    """R3.4."""
    return _said("cancelled numbers free again", appointments.free_numbers())


@shared_task(name="booking.forget_addresses")
def forget_addresses() -> int:
    """R3.7: what was counted on days that are over."""
    return _said("addresses forgotten", appointments.forget_addresses())


@shared_task(name="booking.reconcile_payments")
def reconcile_payments() -> int:
    """R3.3."""
    return _said("payments that differed from the provider's record", payments.reconcile())


def _said(what: str, count: int) -> int:
    if count:
        log.info("%s: %d", what, count)
    return count
