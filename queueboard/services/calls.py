"""Calling: next, a chosen one, again; start, finish, missed (R4.4, R4.10)."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from booking.models import Appointment, Session, SessionRoom
from queueboard import rules
from queueboard.errors import QueueError
from queueboard.models import Ticket
from queueboard.services.queue import Queue, change, session_of, step

ANY = object()


def call_next(
    *,
    session_id: int,
    room_id: int,
    actor: AbstractBaseUser | None = None,
    seen: Any = ANY,
    now: datetime | None = None,
) -> Ticket | None:
    """Finishes who is in the room and calls the first in order; None where nobody waits (who was in is finished).

    `seen` is the id of the ticket that the presser saw in the room (None: an empty room). Where the room has moved on
    since, nothing happens and the present occupant is returned: pressed twice is pressed once.
    """
    with change(session_id, actor=actor, now=now) as queue:
        seat = queue.room(room_id)
        present = queue.occupant(room_id)
        if seen is not ANY and (present.pk if present else None) != seen:
            return present
        _refuse_where_nobody_is_called(queue, seat)
        if present is not None:
            end_visit(queue, present)
        first = queue.first_to_call()
        if first is not None:
            _call(queue, first, room_id, "call")
            queue.happened("call", ticket=first)
        elif present is not None:
            queue.happened("finish", ticket=present)
        return first


def call_ticket(
    *, ticket_id: int, room_id: int, actor: AbstractBaseUser | None = None, now: datetime | None = None
) -> Ticket:
    """Calls a chosen patient out of turn; who is in the room is finished first. The same one twice is a no-op."""
    with change(session_of(ticket_id), actor=actor, now=now) as queue:
        seat = queue.room(room_id)
        ticket, present = queue.get(ticket_id), queue.occupant(room_id)
        if present is not None and present.pk == ticket.pk:
            return ticket
        _refuse_where_nobody_is_called(queue, seat)
        step("call_chosen", ticket)
        if present is not None:
            end_visit(queue, present)
        _call(queue, ticket, room_id, "call_chosen")
        queue.happened("call", ticket=ticket, reason="chosen")
        return ticket


def recall(
    *, ticket_id: int, seen: int | None = None, actor: AbstractBaseUser | None = None, now: datetime | None = None
) -> Ticket:
    """Calls the called patient once more. `seen`: how many calls the presser saw; where there were more, a no-op."""
    with change(session_of(ticket_id), actor=actor, now=now) as queue:
        ticket = queue.get(ticket_id)
        step("recall", ticket)
        if seen is not None and ticket.calls != seen:
            return ticket
        queue.write(ticket, calls=ticket.calls + 1, called_at=queue.now)
        queue.happened("recall", ticket=ticket)
        return ticket


def start(*, ticket_id: int, actor: AbstractBaseUser | None = None, now: datetime | None = None) -> Ticket:
    """The called patient is in: the visit starts. Twice is once."""
    with change(session_of(ticket_id), actor=actor, now=now) as queue:
        ticket = queue.get(ticket_id)
        if ticket.state == Ticket.State.SERVING:
            return ticket
        queue.write(ticket, state=step("start", ticket), started_at=queue.now)
        queue.happened("start", ticket=ticket)
        return ticket


def finish(*, ticket_id: int, actor: AbstractBaseUser | None = None, now: datetime | None = None) -> Ticket:
    """The visit is over, nobody is called. Twice is once."""
    with change(session_of(ticket_id), actor=actor, now=now) as queue:
        ticket = queue.get(ticket_id)
        if ticket.state == Ticket.State.DONE:
            return ticket
        end_visit(queue, ticket)
        queue.happened("finish", ticket=ticket)
        return ticket


def miss(
    *, ticket_id: int, seen: int | None = None, actor: AbstractBaseUser | None = None, now: datetime | None = None
) -> Ticket:
    """The call was not answered (R4.4). Twice is once: it never counts two misses for one call. `seen` as in recall."""
    with change(session_of(ticket_id), actor=actor, now=now) as queue:
        ticket = queue.get(ticket_id)
        if ticket.state == Ticket.State.MISSED:
            return ticket
        state = step("miss", ticket)
        if seen is not None and ticket.calls != seen:
            return ticket
        queue.write(ticket, state=state, misses=ticket.misses + 1)
        queue.happened("miss", ticket=ticket)
        return ticket


def _refuse_where_nobody_is_called(queue: Queue, seat: SessionRoom) -> None:
    if seat.paused_at is not None:
        raise QueueError(_("This room is paused: resume first."), code="paused")
    if queue.session.stopped_early:
        raise QueueError(_("This session was stopped: nobody more is called."), code="stopped")


def _call(queue: Queue, ticket: Ticket, room_id: int, action: str) -> None:
    into_room(
        queue,
        ticket,
        room_id,
        state=step(action, ticket),
        called_no=rules.calls_made(queue.views()) + 1,
        return_call=ticket.returned is not None,
        calls=1,
        called_at=queue.now,
        started_at=None,
    )
    if queue.session.state == Session.State.OPEN:
        queue.write(queue.session, state=Session.State.RUNNING)


def into_room(queue: Queue, ticket: Ticket, room_id: int, **fields: Any) -> None:
    """Of two sessions that use a room, also at the same moment, the database lets one have a patient in it."""
    try:
        with transaction.atomic():
            queue.write(ticket, room_id=room_id, **fields)
    except IntegrityError as error:
        raise QueueError(_("A patient of another session is still in this room."), code="room_in_use") from error


def end_visit(queue: Queue, ticket: Ticket) -> None:
    """Ends the visit of who was called, is in service or away: a visit nobody started began when called (R4.4)."""
    state = step("finish", ticket)
    began = ticket.started_at or (ticket.called_at if ticket.state == Ticket.State.CALLED else None)
    fields: dict[str, Any] = {"state": state, "ended_at": queue.now}
    if ticket.state != Ticket.State.AWAY and began is not None:
        fields["started_at"] = began
        fields["served_seconds"] = ticket.served_seconds + int((queue.now - began).total_seconds())
    queue.write(ticket, **fields)
    if ticket.appointment_id is not None:
        appointment = Appointment.objects.get(pk=ticket.appointment_id)
        queue.write(appointment, state=Appointment.State.SEEN, ended_at=queue.now)
