"""The queue's periodic tasks (timetable in settings). Each is safe to run twice and to be killed halfway."""

import logging

from celery import shared_task

from booking.services import refunds
from queueboard import outbox
from queueboard.services import clock, foretold, simulations

log = logging.getLogger(__name__)


@shared_task(name="queueboard.open_registrations")
def open_registrations() -> int:
    """R1.2, R3.5."""
    return _said("registrations opened", clock.open_registrations())


@shared_task(name="queueboard.run_the_clock")
def run_the_clock() -> int:
    """Sessions start, slots end, calls go unanswered."""
    begun = _said("sessions started", clock.start_sessions())
    ended = _said("sessions with a slot ended", clock.end_slots())
    return begun + ended + _said("calls unanswered", clock.miss_unanswered())


@shared_task(name="queueboard.refresh_estimates")
def refresh_estimates() -> int:
    """R4.11: a new estimate is a new version."""
    return clock.refresh_estimates()


@shared_task(name="queueboard.note_foretold")
def note_foretold() -> int:
    """R5.2: what patients were told when they came."""
    return foretold.note()


@shared_task(name="queueboard.close_sessions")
def close_sessions() -> int:
    """R1.4."""
    return _said("sessions closed", clock.close_sessions())


@shared_task(name="queueboard.send_outbox")
def send_outbox() -> int:
    """Messages go out."""
    return _said("messages sent", outbox.send_due())


@shared_task(name="queueboard.run_simulations")
def run_simulations() -> int:
    """R7: what managers ask for, one at a time."""
    return _said("simulations played", simulations.run_next() is not None)


@shared_task(name="queueboard.send_refunds")
def send_refunds() -> int:
    """R3.3: money goes back."""
    return _said("refunds done", outbox.send_due(deliver=refunds.deliver, which=outbox.REFUNDS))


def _said(what: str, count: int) -> int:
    if count:
        log.info("%s: %d", what, count)
    return count
