"""A patient's own page (R4.1): one unguessable link from booking to the end of the visit."""

from typing import Any

from django.conf import settings
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from booking import payments as providers
from booking.errors import BookingError
from booking.models import Appointment, Patient, Payment, Session, Slot
from booking.services import sessions, suspensions
from queueboard import snapshots, wechat
from queueboard.masking import masked
from queueboard.models import QueueEvent, Ticket
from queueboard.notify.push import keys
from queueboard.services import sharing
from queueboard.services.sharing import is_live
from queueboard.views import coming, keepsake, phone_face, phone_past, source, watch, when_to_come
from queueboard.views.language import in_language
from queueboard.views.own import visit_of
from queueboard.views.private import private
from queueboard.views.texts import Texts, event_texts, phone_texts, say

SHOWN_EVENTS = 12
GIVES_UP = (Ticket.State.WAITING, Ticket.State.CALLED, Ticket.State.MISSED)


# Compressed: whoever could have somebody fetch this page, and look at its length, has its secret already.
@require_safe
@gzip_page
@private
@in_language
def page(request: HttpRequest, token: str) -> HttpResponse:
    """The page of the newest ticket with this token, else of its appointment; what a shared link shows of them. Raises
    Http404 for any other token."""
    try:
        return shown(request, token)
    except sharing.OnlyLooks as looking:
        return watch.shown(request, looking.link)


def shown(request: HttpRequest, token: str, *, refused: BookingError | None = None) -> HttpResponse:
    """That page, with what was refused of what was asked on it."""
    visit, texts = visit_of(token), phone_texts()
    if isinstance(visit, Ticket):
        context = _of_ticket(visit, texts)
    else:
        context = _of_appointment(visit, texts, when_to_come.way_of(request, visit))
    context |= {"token": token, "follow": context["live"] and wechat.is_set_up()}
    context["links"] = sharing.shared(visit).count() if context["live"] else 0
    suspension = suspensions.of(context.pop("patient"))
    context["suspended"] = suspension and suspensions.sentence(suspension)
    context |= {"texts": texts, "refresh_seconds": 20, "tell_key": keys.public(), "refused": refused}
    response = render(request, "phone.html", context, status=refused.status if refused else 200)
    if isinstance(visit, Appointment):
        when_to_come.keep_way(request, response, visit)
    return response


def _of_ticket(ticket: Ticket, texts: Texts) -> dict[str, Any]:
    session = ticket.session
    snapshot, face = source.ticket(ticket, texts, timezone.now())
    happened = _events(ticket) + face.get("worse", [])
    return _common(session, ticket.slot, ticket.patient, snapshot, texts) | {
        "state": face["state"] or ticket.state,
        "number": ticket.label,
        "face": face,
        "since": ticket.arrived,
        "happened": sorted(happened, key=lambda each: each["at"], reverse=True)[:SHOWN_EVENTS],
        "called_at": ticket.called_at,
        "ended_at": ticket.ended_at,
        "live": is_live(ticket),
        "may_give_up": ticket.state in GIVES_UP,
    }


def _of_appointment(appointment: Appointment, texts: Texts, way: int | None) -> dict[str, Any]:
    session, now = appointment.session, timezone.now()
    snapshot = source.phone(session)
    context = _common(session, appointment.slot, appointment.patient, snapshot, texts) | {
        "state": appointment.state,
        "number": "",
        "live": is_live(appointment),
        "held_until": appointment.held_until,
        "fee": appointment.fee,
        "happened": phone_past.happened(appointment),
        "again": again(session),
    }
    if appointment.state == "held":
        labels = dict(Payment.Provider.choices)
        context["providers"] = [(name, labels[name]) for name in providers.enabled()]
    if appointment.state in ("held", "booked"):
        context["may_move"] = not sessions.registration_opened(session, now)
    if appointment.state != "booked":
        return context
    foreseen = snapshots.coming(appointment, now=now)
    context["joining"] = phone_face.joining(snapshot, appointment.slot.index, texts, now)
    context["code"] = keepsake.code(appointment)
    context |= coming.told(appointment, foreseen, now)
    return context | when_to_come.told(appointment, foreseen, way, now)


def again(session: Session) -> str:
    """Where another number with the same expert, or of the same clinic, can be booked."""
    if session.expert is None:
        return reverse("book_session", args=[session.pk])
    return reverse("book_expert", args=[session.expert.code]) if session.expert.active else reverse("book")


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
