"""Finds a patient of today for the desk: by booking code, ticket, phone, ID, or the start of the name."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from booking.models import Appointment, Department, Session
from booking.models.patients import lookup_hash
from queueboard import rules
from queueboard.models import Ticket

SHOWN = 20
CODE = re.compile(r"^[\w-]{16,32}$")
LINK = re.compile(r"/t/([\w-]{1,64})")
LABEL = re.compile(r"^([A-Za-z]{1,2})(\d{1,6})$")
JOINS = ("patient", "slot", "session__department", "session__expert")


@dataclass
class Found:
    """What the desk may see, and whether there is more, or something that is not for this desk today."""

    results: list[dict[str, Any]]
    more: bool = False
    elsewhere: list[str] = field(default_factory=list)


def find(text: str, departments: QuerySet[Department], *, now: datetime | None = None) -> Found:
    """Visits of today in these departments; of others only that there are some (`elsewhere`), for exact words."""
    now = now or timezone.now()
    today = timezone.localdate(now)
    text = text.strip()
    exact = _exactly(text)
    label = LABEL.match(text)
    today_or_live = Q(session__date=today) | Q(session__state__in=Session.LIVE)
    here = today_or_live & Q(session__department__in=departments)
    of_ticket = exact | (Q(session__prefix__iexact=label[1], number=int(label[2])) if label else Q(pk__in=[]))
    name = Q(patient__name__istartswith=text) if not LINK.search(text) else Q(pk__in=[])
    issued = Ticket.objects.filter(here, of_ticket | name).select_related(*JOINS, "room", "appointment")
    # A check-in that was taken back leaves a ticket behind, and an appointment that can be checked in again.
    issued = issued.exclude(state=Ticket.State.LEFT, appointment__state=Appointment.State.BOOKED)
    tickets = list(issued.order_by("-pk")[: SHOWN + 1])
    seen = {ticket.appointment_id for ticket in tickets if ticket.appointment_id is not None}
    booked = Appointment.objects.filter(here, exact | name).exclude(pk__in=seen)
    appointments = list(booked.select_related(*JOINS).order_by("slot__starts_at", "pk")[: SHOWN + 1])
    # Somebody handed over has several tickets: the newest is the one to act on.
    newest = {ticket.token: ticket for ticket in reversed(tickets)}
    results = [_of_ticket(ticket) for ticket in newest.values()]
    results += [_of_appointment(each, now) for each in appointments]
    results.sort(key=lambda each: (each["slot"].starts_at, each["name"]))
    elsewhere = [] if results else _elsewhere(exact, departments, today)
    return Found(results=results[:SHOWN], more=len(results) > SHOWN, elsewhere=elsewhere)


def _exactly(text: str) -> Q:
    """What names one patient or one visit: a token, the address in a QR code, a phone or ID number."""
    link = LINK.search(text)
    if link:
        return Q(token=link[1])
    hashes = [lookup_hash(each) for each in _written(text)]
    exact = Q(patient__id_hash__in=hashes) | Q(patient__phone_hash__in=hashes)
    return exact | Q(token=text) if CODE.match(text) else exact


def _written(text: str) -> Iterable[str]:
    """The ways in which a number may have been noted: as typed, without marks, with and without the country's code."""
    plain = re.sub(r"[^0-9A-Za-z+]", "", text)
    if not plain:
        return set()
    local = plain.removeprefix("+86").removeprefix("0086")
    return {text, plain, local, f"+86{local}"}


def _elsewhere(exact: Q, departments: QuerySet[Department], today: date) -> list[str]:
    open_ones = Appointment.objects.filter(exact, Q(state__in=Appointment.ACTIVE) | Q(session__date=today))
    own = set(departments.values_list("pk", flat=True))
    found = set()
    for day, department in open_ones.values_list("session__date", "session__department")[: SHOWN * 5]:
        if day != today:
            found.add("other_day")
        if department not in own:
            found.add("other_department")
    return sorted(found)


def _of_ticket(ticket: Ticket) -> dict[str, Any]:
    state = ticket.appointment.state if ticket.appointment is not None else None
    return _row(ticket) | {"appointment": state, "ticket": ticket, "late": ticket.late, "can_check_in": False}


def _of_appointment(appointment: Appointment, now: datetime) -> dict[str, Any]:
    session = appointment.session
    grace = timedelta(minutes=session.department.late_grace_minutes)
    opened = session.state in Session.LIVE or (
        session.state == Session.State.PLANNED and now >= session.registration_opens_at
    )
    booked = appointment.state == Appointment.State.BOOKED
    return _row(appointment) | {
        "appointment": appointment.state,
        "ticket": None,
        "late": booked and rules.is_late(now, appointment.slot.ends_at, grace),
        "can_check_in": booked and opened and not session.stopped_early,
    }


def _row(of: Ticket | Appointment) -> dict[str, Any]:
    return {
        "patient": of.patient_id,
        "name": of.patient.name,
        "phone_end": (of.patient.phone or "")[-4:],
        "session": of.session,
        "slot": of.slot,
        "token": of.token,
    }
