"""Rooms: pause with a reason, resume, move next door (R4.10)."""

from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.utils.translation import gettext_lazy as _

from booking.models import Room, SessionRoom
from queueboard.errors import QueueError
from queueboard.models import Ticket
from queueboard.services.calls import into_room
from queueboard.services.queue import change


def pause(
    *,
    session_id: int,
    room_id: int,
    until: datetime | None = None,
    reason: str = "",
    actor: AbstractBaseUser | None = None,
    now: datetime | None = None,
) -> SessionRoom:
    """No calls to this room for now; screens show the reason and the time of return. A second press says it anew."""
    with change(session_id, actor=actor, now=now) as queue:
        seat = queue.room(room_id)
        if until is not None and until <= queue.now:
            raise QueueError(_("The time of return is past."), code="until_past", status=400)
        was = (seat.paused_at, seat.paused_until, seat.pause_reason)
        queue.write(seat, paused_at=seat.paused_at or queue.now, paused_until=until, pause_reason=reason[:80])
        if was != (seat.paused_at, seat.paused_until, seat.pause_reason):
            queue.happened("pause", room_id=room_id, reason=reason)
        return seat


def resume(
    *, session_id: int, room_id: int, actor: AbstractBaseUser | None = None, now: datetime | None = None
) -> SessionRoom:
    """Calls go on. Twice is once."""
    with change(session_id, actor=actor, now=now) as queue:
        seat = queue.room(room_id)
        if seat.paused_at is not None:
            queue.write(seat, paused_at=None, paused_until=None, pause_reason="")
            queue.happened("resume", room_id=room_id)
        return seat


def change_room(
    *,
    session_id: int,
    room_id: int,
    to_room_id: int,
    actor: AbstractBaseUser | None = None,
    now: datetime | None = None,
) -> SessionRoom:
    """The expert moves to another room, and whoever is called to or in service in the old one with them."""
    with change(session_id, actor=actor, now=now) as queue:
        if to_room_id in queue.rooms and room_id not in queue.rooms:
            return queue.rooms[to_room_id]
        seat = queue.room(room_id)
        if to_room_id == room_id:
            return seat
        room = Room.objects.filter(pk=to_room_id, department=queue.session.department).first()
        if room is None:
            raise QueueError(_("That room is not one of the department's."), code="wrong_room", status=400)
        busy = Ticket.objects.filter(room_id=to_room_id, state__in=("called", "serving")).exists()
        if to_room_id in queue.rooms or busy:
            raise QueueError(_("That room is in use."), code="room_in_use")
        present = queue.occupant(room_id)
        queue.write(seat, room_id=to_room_id)
        queue.rooms = {to_room_id if key == room_id else key: value for key, value in queue.rooms.items()}
        if present is not None:
            into_room(queue, present, to_room_id)
        queue.happened("change_room", room_id=to_room_id)
        return seat
