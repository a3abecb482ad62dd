"""What somebody sees who has a shared link: the queue and the place in it. Neither who it is, nor anything to press."""

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from booking.models import Appointment
from queueboard import snapshots
from queueboard.models import SharedLink, Ticket
from queueboard.services.sharing import is_live
from queueboard.views import phone_face, source, when_to_come
from queueboard.views.own import visit_of
from queueboard.views.texts import Texts, say, watch_texts


def shown(request: HttpRequest, link: SharedLink) -> HttpResponse:
    """The page behind a shared link; 410 once it was ended, or the visit is over."""
    visit = _visit_of(link)
    if visit is None:
        return render(request, "phone/shared_over.html", status=410)
    texts = watch_texts()
    context = _of_ticket(visit, texts) if isinstance(visit, Ticket) else _of_appointment(visit, texts)
    context |= {
        "session": visit.session,
        "slot": visit.slot,
        "texts": texts,
        "zone": settings.TIME_ZONE,
        "age": say(texts, "age.first", time=f"{timezone.localtime():%H:%M:%S}"),
        "refresh_seconds": 20,
    }
    return render(request, "phone/watch.html", context)


def _visit_of(link: SharedLink) -> Ticket | Appointment | None:
    if link.ended_at is not None:
        return None
    try:
        visit = visit_of(link.token)
    except Http404:
        return None
    return visit if is_live(visit) else None


def _of_ticket(ticket: Ticket, texts: Texts) -> dict[str, Any]:
    snapshot, face = source.ticket(ticket, texts, timezone.now())
    return {"snapshot": snapshot, "state": face["state"] or ticket.state, "number": ticket.label, "face": face}


def _of_appointment(appointment: Appointment, texts: Texts) -> dict[str, Any]:
    """Whether it is paid is nobody else's: held is as good as booked."""
    snapshot, now = source.phone(appointment.session), timezone.now()
    joining = phone_face.joining(snapshot, appointment.slot.index, texts, now)
    context = {"snapshot": snapshot, "state": "booked", "number": "", "joining": joining}
    return context | when_to_come.told(appointment, snapshots.coming(appointment, now=now), None, now)
