"""The present state of queues for a first paint: the stored snapshot of the version just read, else a new one."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from booking.models import Department, Room, Session
from queueboard.live import truth
from queueboard.models import Board, Ticket
from queueboard.snapshots import Snapshot
from queueboard.views import phone_face
from queueboard.views.texts import Texts


def snapshot(session: Session) -> Snapshot:
    """The snapshot of the version that `session` was read with, or of a newer one."""
    return truth.read_snapshot(session.pk, session.version)


def phone(session: Session) -> dict[str, Any]:
    """The queue with numbers only."""
    return json.loads(snapshot(session).phone)


def ticket(of: Ticket, texts: Texts, now: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
    """A ticket's queue with numbers only, and what its page says of it (phone_face)."""
    snapshot, near = phone(of.session), of.session.department.tell_when_ahead
    face = phone_face.face(snapshot, of.label, texts, now, near=near)
    # The snapshot may be older than the ticket just read: then the ticket is right, and the page says it without place.
    if face["state"] != of.state:
        snapshot = phone(Session.objects.select_related("department", "expert").get(pk=of.session_id))
        face = phone_face.face(snapshot, of.label, texts, now, near=near)
    return snapshot, face


def live_sessions() -> QuerySet[Session]:
    """The sessions open or running, in the order of departments and starts."""
    sessions = Session.objects.filter(state__in=Session.LIVE).select_related("department", "expert")
    return sessions.order_by("department__name", "starts_at", "pk")


def of_board(board: Board) -> list[dict[str, Any]]:
    """The queues of a board with masked names, by room."""
    return of_places(board.departments.all(), board.rooms.all())


def of_places(departments: Iterable[Department], of_rooms: Iterable[Room]) -> list[dict[str, Any]]:
    """The queues of these departments, or of these of their rooms where any is given, as a board shows them."""
    sessions = live_sessions().filter(department__in=departments)
    rooms = {room.pk for room in of_rooms}
    found: Iterable[Snapshot] = (snapshot(session) for session in sessions)
    shown = [each for each in found if not rooms or rooms & set(each.rooms)]
    return [json.loads(each.board) for each in sorted(shown, key=lambda each: each.sort)]
