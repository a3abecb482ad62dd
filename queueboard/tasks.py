"""The queue's periodic tasks (timetable in settings). Each is safe to run twice and to be killed halfway."""

import logging

from celery import shared_task
from django.contrib.sessions.models import Session
from django.utils import timezone

from booking.alone import alone
from booking.services import refunds
from queueboard import notify, outbox
from queueboard.challenge import gate
from queueboard.chat import hearing
from queueboard.notify import delivery, forgetting, times
from queueboard.screens import pairing
from queueboard.services import by_phone, clock, foretold, lookup, simulations

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
    """What patients are told is fanned out, and each way that has something to send gets a task of its own."""
    fanned = outbox.send_due()
    for name in notify.enabled():
        if delivery.due(name, timezone.now()).exists():
            send_by.apply_async((name,), expires=5)
    return _said("messages fanned out", fanned)


@shared_task(name="queueboard.send_by")
def send_by(name: str) -> int:
    """R5.4: notices go out by one way, whatever the others do."""
    return _said(f"notices sent by {name}", delivery.send_due(name))


@shared_task(name="queueboard.forget_chats")
def forget_chats() -> int:
    """R6.2: what was answered in chats, once it cannot be delivered again."""
    return _said("answers in chats forgotten", hearing.forget())


@shared_task(name="queueboard.remind")
def remind() -> int:
    """R5.4: of tomorrow's appointments."""
    return _said("reminders written", times.remind())


@shared_task(name="queueboard.forget_visits")
def forget_visits() -> int:
    """Where notices of visits that are over went."""
    return _said("addresses of visits that are over forgotten", forgetting.forget_visits())


@shared_task(name="queueboard.tell_changes")
def tell_changes() -> int:
    """R5.3, R5.4: times that have moved much, and the time to set out."""
    changed = _said("changes of time to be told", times.tell_changes())
    return changed + _said("patients to be told to set out", times.tell_to_set_out())


@shared_task(name="queueboard.forget_sessions")
def forget_sessions() -> int:
    """Those of browsers that have not been back in time."""
    ended, _models = Session.objects.filter(expire_date__lt=timezone.now()).delete()
    return _said("sessions of browsers over their time", ended)


@shared_task(name="queueboard.forget_tries")
def forget_tries() -> int:
    """R6.2, R4.1: tries of a look-up, and of the code shown on site, that count no more."""
    return _said("tries forgotten", lookup.forget() + by_phone.forget())


@shared_task(name="queueboard.forget_challenges")
def forget_challenges() -> int:
    """R3.7: what was solved, or waited to be."""
    return _said("challenges forgotten", gate.forget())


@shared_task(name="queueboard.forget_codes")
def forget_codes() -> int:
    """Codes of screens that nobody connected."""
    return _said("codes of screens forgotten", pairing.forget_codes())


@shared_task(name="queueboard.run_simulations")
def run_simulations() -> int:
    """R7: what managers ask for, one at a time."""
    return _said("simulations played", simulations.run_next() is not None)


@shared_task(name="queueboard.send_refunds")
@alone
def send_refunds() -> int:
    """R3.3: money goes back."""
    done = outbox.send_due(deliver=refunds.deliver, which=outbox.REFUNDS, claim=outbox.REFUND_CLAIM)
    return _said("refunds done", done)


def _said(what: str, count: int) -> int:
    if count:
        log.info("%s: %d", what, count)
    return count
