"""The visit of whoever has its link. Nobody can guess one."""

import re
from typing import TypeVar

from django.db.models import Model, QuerySet
from django.http import Http404

from booking.models import Appointment
from queueboard.models import Ticket
from queueboard.services import sharing

TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")  # what is none is not looked for: a database may refuse its characters
Row = TypeVar("Row", bound=Model)


def newest(rows: QuerySet[Row], token: str) -> Row:
    """The newest of these rows with this token. Raises Http404, and OnlyLooks for a link that was shared."""
    found = rows.filter(token=token).order_by("-pk").first() if TOKEN.fullmatch(token) else None
    if found is None:
        sharing.refuse(token)
        raise Http404
    return found


def appointment_of(token: str) -> Appointment:
    """With patient, slot, session, expert and department. Raises as `newest`."""
    joins = ("session__department", "session__expert", "slot", "patient")
    return newest(Appointment.objects.select_related(*joins), token)


def visit_of(token: str) -> Ticket | Appointment:
    """The newest ticket with this token, else the appointment, each with the same. Raises as `newest`."""
    if not TOKEN.fullmatch(token):
        raise Http404
    joins = ("session__department", "session__expert", "slot", "patient", "appointment")
    ticket = Ticket.objects.select_related(*joins).filter(token=token).order_by("-pk").first()
    return ticket or appointment_of(token)
