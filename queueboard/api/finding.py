"""Finds a patient for the desk: by a code, a ticket, a phone, an ID, or the start of the name. Reads only.

Visits of today come first (`results`). Where there is none, whoever has exactly this ID, card or phone is known by name
(`known`), so that a walk-in needs no typing.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from booking import phones
from booking.models import Appointment, Department, Patient, Session
from booking.models.hashes import lookup_hashes
from queueboard import readers, rules
from queueboard.api import minding
from queueboard.models import Ticket
from queueboard.readers import Reading

SHOWN = 20
TOKEN = re.compile(r"^[\w-]{16,32}$", re.ASCII)
LABEL = re.compile(r"([A-Za-z]{1,2})(\d{1,6})")
JOINS = ("patient", "slot", "session__department", "session__expert")
NOBODY = Q(pk__in=[])


@dataclass
class Found:
    """What the desk may see, and whether there is more, or something that is not for this desk today.

    `reading`: what the code said, for the form of who is new.
    """

    results: list[dict[str, Any]]
    more: bool = False
    elsewhere: list[str] = field(default_factory=list)
    known: list[dict[str, Any]] = field(default_factory=list)
    reading: Reading | None = None


def find(text: str, departments: QuerySet[Department], *, now: datetime | None = None) -> Found:
    """Visits of today in these departments; of others only that there are some (`elsewhere`), for exact words."""
    now = now or timezone.now()
    today = timezone.localdate(now)
    text = text.strip()
    reading = readers.read(text) or _typed(text)
    exact = _exactly(text, reading)
    label = LABEL.fullmatch(reading.ticket)
    today_or_live = Q(session__date=today) | Q(session__state__in=Session.LIVE)
    here = today_or_live & Q(session__department__in=departments)
    of_ticket = exact | (Q(session__prefix__iexact=label[1], number=int(label[2])) if label else NOBODY)
    name = Q(patient__name__istartswith=text)
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
    minding.warn(results, now)
    found = Found(results=results[:SHOWN], more=len(results) > SHOWN, reading=reading)
    if not results:
        found.elsewhere = _elsewhere(exact, departments, today)
        found.known = minding.people(_people(text, reading, departments), reading.token, departments, now)
    return found


def _typed(text: str) -> Reading:
    """What no reader knew: digits are some phone number, with a name nothing can be done but to look for it."""
    return Reading(phone=text) if phones.plain(text) and not re.search(r"[^\W\d]", text) else Reading()


def _exactly(text: str, reading: Reading) -> Q:
    """What names one patient or one visit, of tickets and appointments."""
    if reading.token:
        return Q(token=reading.token)
    if reading.patient is not None:
        return Q(patient=reading.patient)
    hashes = _hashes(reading.id_number or text)
    exact = Q(patient__id_hash__in=hashes) | Q(patient__phone_hash__in=_hashes(reading.phone))
    return exact | Q(token=text) if TOKEN.match(text) else exact


def _people(text: str, reading: Reading, departments: QuerySet[Department]) -> Q:
    """The same of patients. By a phone, which others may have read somewhere, only who has been in these departments:
    whose ID or card is there is there too."""
    if reading.token:
        return Q(appointments__token=reading.token)
    if reading.patient is not None:
        return Q(pk=reading.patient)
    own = Q(appointments__session__department__in=departments) | Q(tickets__session__department__in=departments)
    return Q(id_hash__in=_hashes(reading.id_number or text)) | Q(phone_hash__in=_hashes(reading.phone)) & own


def _hashes(number: str) -> list[str]:
    return [each for written in _written(number) for each in lookup_hashes(written)]


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
        "booked": appointment,
        "appointment": appointment.state,
        "ticket": None,
        "late": booked and rules.is_late(now, appointment.slot.ends_at, grace),
        "can_check_in": booked and opened and not session.stopped_early,
    }


def _row(of: Ticket | Appointment) -> dict[str, Any]:
    patient: Patient = of.patient
    return {
        "patient": of.patient_id,
        "name": patient.name,
        "phone_end": (patient.phone or "")[-4:],
        "session": of.session,
        "slot": of.slot,
        "token": of.token,
    }
