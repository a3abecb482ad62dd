"""Who sits in which room of a session that has not opened yet (R1.5, R3.2b)."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from booking import touched
from booking.errors import BookingError
from booking.models import Room, Session
from booking.services import notices
from booking.services.schedules import booked, needs, not_over


def give_seat_up(
    *, session_id: int, expert_id: int, reason: str, seen: str | None = None, now: datetime | None = None
) -> None:
    """An expert leaves a pooled session before its registration opens; the others see those booked (R1.5).

    Nobody booked an expert there, so nobody is told. Twice is once. Raises BookingError `reason_missing`,
    `session_over`, `not_pooled`, `session_begun`, `last_seat`, `changed_meanwhile`.
    """
    now = now or timezone.now()
    needs(reason)
    with transaction.atomic():
        session = not_over(session_id)
        if session.expert_id is not None:
            raise BookingError(_("This is no pooled session."), code="not_pooled")
        if session.state != Session.State.PLANNED:
            raise BookingError(_("Registration has opened: pause the room instead."), code="session_begun")
        own = session.rooms.filter(expert=expert_id)
        if not own.exists():
            return
        touched.as_seen(session, seen)
        if not session.rooms.exclude(expert=expert_id).exists():
            raise BookingError(_("Nobody else sits in this session."), code="last_seat")
        own.delete()
        Session.objects.filter(pk=session_id).update(by_hand=True)


def change_room(
    *,
    session_id: int,
    room_id: int,
    to_room_id: int,
    reason: str,
    seen: str | None = None,
    now: datetime | None = None,
) -> int:
    """A session is held in another room. Who has booked its expert is told; returns how many.

    In a pooled session nobody knows the room before the call, and nobody is told. Raises BookingError
    `reason_missing`, `session_over`, `session_begun`, `wrong_room`, `room_in_use`, `changed_meanwhile`.
    """
    now = now or timezone.now()
    needs(reason)
    with transaction.atomic():
        session = not_over(session_id)
        if session.state != Session.State.PLANNED:
            words = _("Registration has opened: change the room on the expert's page.")
            raise BookingError(words, code="session_begun")
        touched.as_seen(session, seen)
        seat = session.rooms.filter(room=room_id).first()
        room = Room.objects.filter(pk=to_room_id, department=session.department_id).first()
        if seat is None or room is None:
            raise BookingError(_("That room is not one of the department's."), code="wrong_room", status=400)
        if session.rooms.filter(room=room).exists():
            raise BookingError(_("That room is in use."), code="room_in_use")
        seat.room = room
        seat.save(update_fields=["room"])
        Session.objects.filter(pk=session_id).update(by_hand=True)
        if session.expert_id is None:
            return 0
        return notices.tell("session_room_changed", booked(session), now, room=room.pk)
