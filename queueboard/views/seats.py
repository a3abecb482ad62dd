"""Which queues and rooms a member of staff works in today."""

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from booking.models import Session, SessionRoom
from queueboard import access


def open_today(now: datetime) -> QuerySet[Session]:
    """Sessions that are live, and those that are still to come today."""
    to_come = Q(state=Session.State.PLANNED, date=timezone.localdate(now))
    sessions = Session.objects.filter(Q(state__in=Session.LIVE) | to_come)
    return sessions.select_related("department", "expert").order_by("department__name", "starts_at", "pk")


def seats_of(user: access.User, now: datetime) -> list[SessionRoom]:
    """The rooms where this user can call patients now or later today: an expert's own, else those of the desk."""
    seats = SessionRoom.objects.filter(session__in=open_today(now)).select_related(
        "room", "expert", "session__department", "session__expert"
    )
    seats = seats.order_by("session__department__name", "session__starts_at", "room__code")
    own = list(seats.filter(expert__user=user.pk))
    return own or list(seats.filter(session__department__in=access.departments_of(user)))


def queue_face(session: Session) -> dict[str, Any]:
    """What a desk shows of a queue before its first answer from the server."""
    return {
        "session": session.pk,
        "names": session.names,
        "department": session.department_id,
        "department_names": session.department.names,
        "state": session.state,
        "starts": timezone.localtime(session.starts_at).isoformat(),
        "ends": timezone.localtime(session.ends_at).isoformat(),
        "rooms": [
            {"id": seat.room_id, "code": seat.room.code, "names": seat.room.names}
            for seat in session.rooms.select_related("room").order_by("room__code")
        ],
    }
