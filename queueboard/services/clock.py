"""What time alone brings about. Every function may run twice, or be killed halfway and run again."""

import contextlib
import logging
from datetime import datetime, timedelta

from django.db import DatabaseError, transaction
from django.db.models import Exists, F, OuterRef
from django.utils import timezone

from booking.errors import BookingError
from booking.models import Session, SessionRoom
from booking.services.each import each
from queueboard.errors import QueueError
from queueboard.live import news
from queueboard.models import Ticket
from queueboard.services import calls, lifecycle, paper

ON_PAPER = timedelta(hours=12)  # that a session stays open after its end for what is still on paper

log = logging.getLogger(__name__)


def open_registrations(*, now: datetime | None = None) -> int:
    """Opens every session whose registration is due (R1.2, R3.5). Returns how many opened."""
    now = now or timezone.now()
    due = Session.objects.filter(state=Session.State.PLANNED, registration_opens_at__lte=now)
    return each(due.values_list("pk", flat=True), lambda pk: lifecycle.open_registration(session_id=pk, now=now))


def start_sessions(*, now: datetime | None = None) -> int:
    """Sessions whose start has come run. Returns how many began."""
    now = now or timezone.now()
    due = Session.objects.filter(state=Session.State.OPEN, starts_at__lte=now)
    return each(due.values_list("pk", flat=True), lambda pk: lifecycle.start_session(session_id=pk, now=now))


def end_slots(*, now: datetime | None = None) -> int:
    """Slots that have ended pass their walk-in numbers on (R3.5b). Returns in how many sessions."""
    now = now or timezone.now()
    due = Session.objects.filter(state__in=Session.LIVE, slots__ends_at__lte=now, slots__passed_on=False).distinct()
    return each(due.values_list("pk", flat=True), lambda pk: lifecycle.end_slots(session_id=pk, now=now))


def close_sessions(*, now: datetime | None = None) -> int:
    """Sessions close after their end once nobody waits (R1.4), a stopped one at its end. Returns how many closed."""
    now = now or timezone.now()
    busy = Ticket.objects.filter(session=OuterRef("pk"), state__in=lifecycle.BUSY)
    ended = Session.objects.filter(state__in=(Session.State.PLANNED, *Session.LIVE), ends_at__lte=now)
    # Who came on paper is not here yet: nobody is made a no-show before it is entered, or somebody closes the session.
    on_paper = paper.gone_on().filter(ends_at__gt=now - ON_PAPER).values("pk")
    due = (ended.filter(stopped_early=True) | ended.filter(~Exists(busy))).exclude(pk__in=on_paper)
    return each(due.values_list("pk", flat=True), lambda pk: _close_if_idle(pk, now))


def _close_if_idle(session_id: int, now: datetime) -> bool:
    lifecycle.open_registration(session_id=session_id, now=now)
    return lifecycle.close_session(session_id=session_id, now=now, if_idle=True).closed_at == now


def miss_unanswered(*, now: datetime | None = None) -> int:
    """R4.4, where the department sets it: a call is repeated, then missed, and the next patient is called."""
    now = now or timezone.now()
    pausing = SessionRoom.objects.filter(session=OuterRef("session"), room=OuterRef("room"), paused_at__isnull=False)
    called = Ticket.objects.filter(
        ~Exists(pausing),
        state=Ticket.State.CALLED,
        session__state__in=Session.LIVE,
        session__department__auto_miss=True,
    ).select_related("session__department")
    count = 0
    for ticket in called:
        department = ticket.session.department
        if ticket.called_at is None or ticket.called_at + timedelta(seconds=department.call_gap_seconds) > now:
            continue
        try:
            if ticket.calls < department.miss_after_calls:
                calls.recall(ticket_id=ticket.pk, seen=ticket.calls, now=now)
            else:
                _miss_and_call_next(ticket, now)
            count += 1
        except (BookingError, DatabaseError) as error:
            # Staff were quicker: what they did stands.
            log.info("call of ticket %s left alone: %s", ticket.pk, getattr(error, "code", error))
    return count


def _miss_and_call_next(ticket: Ticket, now: datetime) -> None:
    """Both or neither, should the process die in between; a stopped session has no next."""
    with transaction.atomic():
        missed = calls.miss(ticket_id=ticket.pk, seen=ticket.calls, now=now)
        if missed.state == Ticket.State.MISSED and missed.room_id is not None:
            with contextlib.suppress(QueueError):
                calls.call_next(session_id=missed.session_id, room_id=missed.room_id, seen=None, now=now)


def refresh_estimates() -> int:
    """Once a minute what is shown of a queue is computed anew, under a new version (R4.11)."""
    live = list(Session.objects.filter(state__in=Session.LIVE).values_list("pk", flat=True))
    for pk in live:
        with transaction.atomic():
            Session.objects.filter(pk=pk, state__in=Session.LIVE).update(version=F("version") + 1)
        news.announce(pk)
    return len(live)
