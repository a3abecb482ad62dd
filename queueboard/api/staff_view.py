"""The whole queue as staff sees it, and the one shape in which a ticket is answered."""

import json
from operator import itemgetter
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from rest_framework.request import Request
from rest_framework.response import Response

from booking.models import Appointment, Session, SessionRoom
from queueboard import access, on_site
from queueboard.api.public import snapshot
from queueboard.api.staff_shapes import StaffQueueSerializer, StaffRoomSerializer, StaffTicketSerializer
from queueboard.models import Ticket
from queueboard.services import undo

READS = 3


def shown(request: Request, ticket: Ticket, *, status: int = 200) -> Response:
    """A ticket after an action, as it is in the database now."""
    fresh = Ticket.objects.select_related("session", "patient", "slot", "room").get(pk=ticket.pk)
    context = {"desk": access.may_desk(request.user, fresh.session)}
    return Response(StaffTicketSerializer(fresh, context=context).data, status=status)


def staff_queue(request: Request, session: Session) -> dict[str, Any]:
    """Names, order and rooms of a queue, of one version (the newest, should it change faster than it can be read)."""
    for _read in range(READS):
        queue = json.loads(snapshot(session).desk)
        tickets = list(session.tickets.select_related("patient", "slot", "room").order_by("number"))
        seats = list(session.rooms.select_related("room", "expert").order_by("room__code"))
        session.refresh_from_db(fields=["version", "state", "stopped_early", "numbers"])
        if session.version == queue["version"]:
            break
    for ticket in tickets:
        ticket.session = session
    by_label = {ticket.label: ticket for ticket in tickets}
    present = {ticket.room_id: ticket.pk for ticket in tickets if ticket.state in ("called", "serving")}
    desk = access.may_desk(request.user, session)
    to_come = session.appointments.filter(state=Appointment.State.BOOKED).count()
    seen = {
        "session": session,
        "version": queue["version"],
        "at": parse_datetime(queue["at"]),
        "stopped_early": session.stopped_early,
        "to_come": to_come,
        "on_site": _on_site(session) if desk and to_come and session.state in Session.LIVE else None,
        "behind_all": max(queue["joining"], key=itemgetter("position"), default=None),
        "slots": session.slots.order_by("index"),
        "rooms": [_room(request, session, seat, present.get(seat.room_id)) for seat in seats],
        "waiting": [
            {**each, "ticket": by_label[each["number"]].pk, "position": position}
            for position, each in enumerate(queue["waiting"])
        ],
        "tickets": tickets,
        "late": _late(session),
        "undo": undo.undoable(session_id=session.pk),
    }
    return dict(StaffQueueSerializer(seen, context={"desk": desk}).data)


def _on_site(session: Session) -> dict[str, Any]:
    now = timezone.now()
    return {"code": on_site.code(session.department_id, now), "until": on_site.valid_until(now)}


def one_room(request: Request, session: Session, seat_id: int) -> dict[str, Any]:
    """A room after an action, as it is in the database now."""
    seat = SessionRoom.objects.select_related("room", "expert").get(pk=seat_id)
    present = session.tickets.filter(room=seat.room_id, state__in=("called", "serving")).first()
    seen = _room(request, session, seat, present.pk if present else None)
    return dict(StaffRoomSerializer(seen).data)


def _late(session: Session) -> list[Appointment]:
    """Who is booked, is not here, and said to be on the way and late."""
    saying = session.appointments.filter(state=Appointment.State.BOOKED, late_said_at__isnull=False)
    return list(saying.filter(late_unsaid_at=None).select_related("patient", "slot").order_by("slot", "pk"))


def _room(request: Request, session: Session, seat: SessionRoom, ticket_id: int | None) -> dict[str, Any]:
    paused = {"since": seat.paused_at, "until": seat.paused_until, "reason": seat.pause_reason}
    return {
        "id": seat.room_id,
        "code": seat.room.code,
        "names": seat.room.names,
        "ways": seat.room.ways,
        "expert": seat.expert.names,
        "paused": paused if seat.paused_at is not None else None,
        "ticket": ticket_id,
        "mine": access.may_call(request.user, session, seat.room_id),
        "undo": undo.undoable(session_id=session.pk, room_id=seat.room_id),
    }
