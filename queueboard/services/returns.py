"""Coming back: after a missed call, with a result; and going first (R4.8, R4.9)."""

from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.utils.translation import gettext_lazy as _

from booking.models import Appointment
from queueboard import rules
from queueboard.errors import QueueError
from queueboard.models import Ticket
from queueboard.services.queue import change, session_of, step


def put_back(*, ticket_id: int, actor: AbstractBaseUser | None = None, now: datetime | None = None) -> Ticket:
    """A missed patient reports back (R4.8). Twice is once: who waits already keeps the place."""
    with change(session_of(ticket_id), actor=actor, now=now) as queue:
        ticket = queue.get(ticket_id)
        if ticket.state == Ticket.State.WAITING and ticket.turned_up is not None:
            return ticket
        state = step("put_back", ticket)
        behind = rules.behind_after_miss(queue.views(), queue.policy)
        queue.write(ticket, state=state, turned_up=queue.now, behind=behind)
        queue.happened("put_back", ticket=ticket)
        return ticket


def send_for_test(*, ticket_id: int, actor: AbstractBaseUser | None = None, now: datetime | None = None) -> Ticket:
    """The patient in service goes for a test and will be back: the room is free. Twice is once."""
    with change(session_of(ticket_id), actor=actor, now=now) as queue:
        ticket = queue.get(ticket_id)
        if ticket.state == Ticket.State.AWAY:
            return ticket
        state = step("send_for_test", ticket)
        began = ticket.started_at or ticket.called_at or queue.now
        queue.write(
            ticket,
            state=state,
            started_at=began,
            ended_at=queue.now,
            served_seconds=ticket.served_seconds + int((queue.now - began).total_seconds()),
        )
        queue.happened("send_for_test", ticket=ticket)
        return ticket


def return_visit(
    *, ticket_id: int, reason: str = "", actor: AbstractBaseUser | None = None, now: datetime | None = None
) -> Ticket:
    """Back with the result: one after every so many others (R4.9). Twice is once."""
    with change(session_of(ticket_id), actor=actor, now=now) as queue:
        ticket = queue.get(ticket_id)
        if ticket.state == Ticket.State.WAITING and ticket.returned is not None:
            return ticket
        state = step("return_visit", ticket)
        if queue.has_live(ticket.patient_id, besides=ticket):
            raise QueueError(_("This patient is in the queue already."), code="in_queue")
        queue.write(ticket, state=state, returned=queue.now, returned_after=rules.calls_made(queue.views()))
        if ticket.appointment_id is not None:
            appointment = Appointment.objects.get(pk=ticket.appointment_id)
            queue.write(appointment, state=Appointment.State.ARRIVED, ended_at=None)
        queue.happened("return_visit", ticket=ticket, reason=reason)
        return ticket


def set_priority(
    *,
    ticket_id: int,
    priority: str,
    reason: str,
    actor: AbstractBaseUser | None = None,
    now: datetime | None = None,
) -> Ticket:
    """Emergency, priority or none, with a reason that is logged (R4.9)."""
    if priority not in Ticket.Priority.values:
        raise QueueError(_("There is no such priority."), code="no_priority", status=400)
    if not reason.strip():
        raise QueueError(_("A priority needs a reason."), code="reason_missing", status=400)
    with change(session_of(ticket_id), actor=actor, now=now) as queue:
        ticket = queue.get(ticket_id)
        if ticket.priority == priority:
            return ticket
        step("set_priority", ticket)
        queue.write(ticket, priority=priority, priority_reason=reason[:80])
        queue.happened("priority", ticket=ticket, reason=reason)
        return ticket
