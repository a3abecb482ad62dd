"""The session's life: registration opens, it runs, slots end, it is stopped, it closes (R1.2, R1.4, R3.5, R3.5b)."""

from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from booking import touched
from booking.models import Appointment, Session
from booking.services import endings, refunds, schedules, sessions
from queueboard.errors import QueueError
from queueboard.models import QueueEvent, Ticket
from queueboard.services import history
from queueboard.services.calls import end_visit
from queueboard.services.queue import Queue, change, locked_session, not_live, step

BUSY = (Ticket.State.WAITING, Ticket.State.CALLED, Ticket.State.SERVING)


def open_registration(*, session_id: int, actor: AbstractBaseUser | None = None, now: datetime | None = None) -> bool:
    """Opens walk-in registration when it is time; what is not booked goes to the pool (R3.5). Twice is once.

    Returns whether it opened now. The first check-in or registration calls this too, should the task be late.
    """
    now = now or timezone.now()
    due = Session.objects.filter(pk=session_id, state=Session.State.PLANNED, registration_opens_at__lte=now)
    if not due.exists():
        return False
    with change(session_id, actor=actor, now=now, live=False) as queue:
        if queue.session.state != Session.State.PLANNED:
            return False
        sessions.open_pool(session_id=session_id, now=now, actor=actor)
        queue.write(queue.session, state=Session.State.OPEN)
        queue.happened("registration_opened")
        return True


def start_session(*, session_id: int, now: datetime | None = None) -> bool:
    """The session runs from its start on (or from its first call). Returns whether it began now."""
    with change(session_id, actor=None, now=now, live=False) as queue:
        if queue.session.state != Session.State.OPEN or queue.session.starts_at > queue.now:
            return False
        queue.write(queue.session, state=Session.State.RUNNING)
        queue.happened("session_started")
        return True


def end_slots(*, session_id: int, now: datetime | None = None) -> bool:
    """Slots that have ended pass their walk-in numbers on (R3.5b). Returns whether a slot ended since the last look."""
    with change(session_id, actor=None, now=now, live=False) as queue:
        ended = [s for s in queue.slots.values() if s.ends_at <= queue.now and not s.passed_on]
        if queue.session.state not in Session.LIVE or not ended:
            return False
        sessions.pass_on(session_id=session_id, now=queue.now)
        queue.happened("slot_ended")
        return True


def stop_early(
    *,
    session_id: int,
    reason: str,
    seen: str | None = None,
    actor: AbstractBaseUser | None = None,
    now: datetime | None = None,
) -> Session:
    """Nobody more is called and nobody more is taken (R1.3). Twice is once.

    Who has a number and has not come is told at once and has the money back; nobody is a no-show. Who waits is told,
    and can be handed over until the session closes. `seen`: the mark of what was shown (booking.touched). Raises
    QueueError `reason_missing`, BookingError `changed_meanwhile`.
    """
    if not reason.strip():
        raise QueueError(_("Stopping a session needs a reason."), code="reason_missing", status=400)
    with change(session_id, actor=actor, now=now) as queue:
        if not queue.session.stopped_early:
            touched.as_seen(queue.session, seen)
            queue.write(queue.session, stopped_early=True)
            schedules.call_off_booked(session=queue.session, now=queue.now)
            queue.happened("stop_early", reason=reason)
        return queue.session


def close_session(
    *,
    session_id: int,
    if_idle: bool = False,
    seen: str | None = None,
    actor: AbstractBaseUser | None = None,
    now: datetime | None = None,
) -> Session:
    """Closes and settles every ticket and appointment (R1.4), and writes the session's history. Twice is once.

    In service or away: seen. Otherwise on site: not seen, told, never a no-show. Booked and never checked in: no-show,
    if the slot had ended and the session was not stopped. `if_idle`: not while somebody waits, unless it was stopped.
    `seen` as in stop_early. Raises QueueError `not_open` for a session that has not opened yet.
    """
    with change(session_id, actor=actor, now=now, live=False) as queue:
        session = queue.session
        if session.state in Session.OVER:
            return session
        if session.state == Session.State.PLANNED:
            raise not_live(session)
        touched.as_seen(session, seen)
        if if_idle and not session.stopped_early and any(ticket.state in BUSY for ticket in queue.tickets):
            return session
        _settle_tickets(queue)
        for seat in queue.rooms.values():
            queue.write(seat, paused_at=None, paused_until=None, pause_reason="")
        stopped_at = _stopped_at(session)
        endings.settle(session_id=session_id, now=queue.now, stopped=session.stopped_early)
        # Those who were handed over have their appointment in another session.
        handed = [ticket.appointment_id for ticket in queue.tickets if ticket.appointment_id is not None]
        refunds.give_back(appointment_ids=handed, now=queue.now)
        queue.write(session, state=Session.State.CLOSED, closed_at=queue.now)
        history.write(queue, stopped_at=stopped_at)
        queue.happened("close")
        return session


def stop_for_good(
    *,
    session_id: int,
    reason: str,
    seen: str | None = None,
    actor: AbstractBaseUser | None = None,
    now: datetime | None = None,
) -> Session:
    """Stops a session and closes it in one step (R1.3): who waits is not seen and has the money back. Twice is once."""
    now = now or timezone.now()
    with transaction.atomic():
        session = locked_session(session_id)
        if session.state in Session.OVER:
            return session
        stop_early(session_id=session_id, reason=reason, seen=seen, actor=actor, now=now)
        return close_session(session_id=session_id, actor=actor, now=now)


def _settle_tickets(queue: Queue) -> None:
    """Ends every ticket, and the appointments of those who are here."""
    for ticket in queue.tickets:
        if ticket.state in (Ticket.State.SERVING, Ticket.State.AWAY):
            end_visit(queue, ticket)
        elif ticket.state in (Ticket.State.WAITING, Ticket.State.CALLED, Ticket.State.MISSED):
            queue.write(ticket, state=step("not_seen", ticket), ended_at=queue.now)
            if ticket.appointment_id is not None:
                appointment = Appointment.objects.get(pk=ticket.appointment_id)
                seen = ticket.returned is not None
                state = Appointment.State.SEEN if seen else Appointment.State.NOT_SEEN
                queue.write(appointment, state=state, ended_at=queue.now)


def _stopped_at(session: Session) -> datetime | None:
    if not session.stopped_early:
        return None
    stops = QueueEvent.objects.filter(session=session, kind="stop_early", undone_by=None)
    return stops.order_by("-version").values_list("at", flat=True).first()
