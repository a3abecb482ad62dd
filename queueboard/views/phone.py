"""A patient's own page (R4.1): one unguessable link from booking to the end of the visit."""

import re
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from booking.models import Appointment, Patient, Session, Slot
from booking.services import suspensions
from queueboard.masking import masked
from queueboard.models import QueueEvent, Ticket
from queueboard.views import phone_face, source, when_to_come
from queueboard.views.language import in_language
from queueboard.views.texts import Texts, event_texts, phone_texts, say

SHOWN_EVENTS = 12
TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")  # what is none is not looked for: a database may refuse its characters


@require_safe
@never_cache
@in_language
def page(request: HttpRequest, token: str) -> HttpResponse:
    """The page of the newest ticket with this token, else of its appointment. Raises Http404 for any other token."""
    if not TOKEN.fullmatch(token):
        raise Http404
    tickets = Ticket.objects.select_related("session__department", "session__expert", "slot", "patient", "appointment")
    ticket = tickets.filter(token=token).order_by("-pk").first()
    texts = phone_texts()
    if ticket is not None:
        context = _of_ticket(ticket, texts)
    else:
        appointments = Appointment.objects.select_related("session__department", "session__expert", "slot", "patient")
        appointment = appointments.filter(token=token).first()
        if appointment is None:
            raise Http404
        context = _of_appointment(appointment, texts, when_to_come.way_of(request))
    suspension = suspensions.of(context.pop("patient"))
    context["suspended"] = suspension and suspensions.sentence(suspension)
    response = render(request, "phone.html", context | {"texts": texts, "refresh_seconds": 20})
    when_to_come.keep_way(request, response)
    # Keeps the token back from other sites and from logs of our own. "no-referrer" would too, but then a browser
    # sends "Origin: null" and the language switch is refused.
    response.headers["Referrer-Policy"] = "strict-origin"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _of_ticket(ticket: Ticket, texts: Texts) -> dict[str, Any]:
    session = ticket.session
    snapshot = source.phone(session)
    face = phone_face.face(snapshot, ticket.label, texts, timezone.now())
    # The snapshot may be older than the ticket just read: then the ticket is right, and the page says it without place.
    if face["state"] != ticket.state:
        face = phone_face.face(source.phone(Session.objects.get(pk=session.pk)), ticket.label, texts, timezone.now())
    happened = _events(ticket) + face.get("worse", [])
    return _common(session, ticket.slot, ticket.patient, snapshot, texts) | {
        "state": face["state"] or ticket.state,
        "number": ticket.label,
        "face": face,
        "since": ticket.arrived,
        "happened": sorted(happened, key=lambda each: each["at"], reverse=True)[:SHOWN_EVENTS],
        "called_at": ticket.called_at,
        "ended_at": ticket.ended_at,
        "live": ticket.state in ("waiting", "called", "serving", "missed", "away"),
    }


def _of_appointment(appointment: Appointment, texts: Texts, way: int | None) -> dict[str, Any]:
    session = appointment.session
    snapshot = source.phone(session)
    context = _common(session, appointment.slot, appointment.patient, snapshot, texts) | {
        "state": appointment.state,
        "number": "",
        "live": appointment.state in Appointment.ACTIVE and session.state not in ("closed", "cancelled"),
        "held_until": appointment.held_until,
        "no_show_on": session.date,
    }
    if appointment.state != "booked":
        return context
    joining = next((each for each in snapshot["joining"] if each["slot"] == appointment.slot.index), None)
    if session.state in Session.LIVE and joining is not None:
        context["joining"] = {
            "text": say(texts, "joining", joining["position"]),
            "range": phone_face.span_text(snapshot, joining, texts, timezone.now()),
        }
    return context | when_to_come.told(appointment, way, timezone.now())


def _common(session: Session, slot: Slot, patient: Patient, snapshot: dict[str, Any], texts: Texts) -> dict[str, Any]:
    return {
        "session": session,
        "slot": slot,
        "snapshot": snapshot,
        "patient": patient.pk,
        "name": masked(patient.name),
        "zone": settings.TIME_ZONE,
        "age": say(texts, "age.first", time=f"{timezone.localtime():%H:%M:%S}"),
    }


def _events(ticket: Ticket) -> list[dict[str, Any]]:
    """What happened to this ticket and to the one that it was handed over from, steps taken back left out."""
    texts = event_texts()
    own = Q(ticket_id=ticket.pk) | Q(ticket_id=ticket.handed_from_id or 0)
    events = QueueEvent.objects.filter(own, undone_by__isnull=True).order_by("-at", "-version")[:SHOWN_EVENTS]
    return [
        {"at": event.at, "text": texts[event.kind], "worse": False, "kind": event.kind}
        for event in events
        if event.kind in texts
    ]
