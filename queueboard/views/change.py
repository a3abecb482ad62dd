"""Cancelling and moving one's own appointment: first what it means, then once (R3.4)."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from booking import offers
from booking.errors import BookingError
from booking.models import Appointment, Payment, Slot, waited_for
from booking.services import appointments, endings, refunds, sessions
from queueboard.challenge import gate
from queueboard.views import refusals
from queueboard.views.language import in_language
from queueboard.views.own import appointment_of
from queueboard.views.private import private

OPEN = (Appointment.State.HELD, Appointment.State.BOOKED)
LATE = "late"  # what the form said would happen


@require_http_methods(["GET", "HEAD", "POST"])
@private
@in_language
def cancel(request: HttpRequest, token: str) -> HttpResponse:
    """Says what cancelling means now; a POST cancels, unless that has changed since the page was read."""
    appointment, now = appointment_of(token), timezone.now()
    late = sessions.registration_opened(appointment.session, now)
    if request.method == "POST" and late == (LATE in request.POST):
        try:
            endings.cancel(appointment_id=appointment.pk, now=now)
        except BookingError as error:
            return _page(request, "book/cancel.html", appointment, refused=error)
        return redirect("phone", token=token)
    if appointment.state not in OPEN:
        return redirect("phone", token=token)
    paid = appointment.payments.filter(state=Payment.State.PAID).exists()
    changed = request.method == "POST"
    return _page(
        request,
        "book/cancel.html",
        appointment,
        status=409 if changed else 200,
        late=late,
        paid=paid,
        back=paid and refunds.would_go_back(appointment.session.department, late=late),
        changed=changed,
    )


@require_safe
@private
@in_language
def move(request: HttpRequest, token: str) -> HttpResponse:
    """The times to which the appointment can be moved."""
    appointment, now = appointment_of(token), timezone.now()
    if appointment.state not in OPEN or sessions.registration_opened(appointment.session, now):
        return redirect("phone", token=token)
    return _page(request, "book/move.html", appointment, days=_targets(appointment, now))


@require_http_methods(["GET", "HEAD", "POST"])
@private
@in_language
def move_to(request: HttpRequest, token: str, slot_id: int) -> HttpResponse:
    """From when to when; a POST moves, in one step. Sent twice, the second finds it moved."""
    appointment = appointment_of(token)
    target = get_object_or_404(Slot.objects.select_related("session__department", "session__expert"), pk=slot_id)
    if request.method == "POST":
        answer = gate.Answer.of_form(request.POST)
        try:
            with gate.guarded(request, "book", answer=answer, slot_id=slot_id):
                appointments.move(appointment_id=appointment.pk, slot_id=slot_id)
        except BookingError as error:
            return _page(request, "book/move_to.html", appointment, refused=error, target=target)
        return redirect("phone", token=token)
    if appointment.slot_id == slot_id or appointment.state not in OPEN:
        return redirect("phone", token=token)
    return _page(request, "book/move_to.html", appointment, target=target)


def _targets(appointment: Appointment, now: datetime) -> list[dict[str, Any]]:
    """Sessions with free slots where the same fee is paid: first of the same expert, then of the department."""
    session = appointment.session
    own = offers.of_pooled(session, now=now) if session.expert is None else offers.of_expert(session.expert, now=now)
    same = {each.pk for each in own}
    others = [each for each in offers.of_department(session.department, now=now) if each.pk not in same]
    found = []
    for each in [*own, *others]:
        slots = [slot for slot in each.slots.all() if slot.left_bookable and slot.pk != appointment.slot_id]
        fits = each.prepayment == appointment.fee or each.pk == session.pk
        if slots and fits and each.released_at <= now and waited_for(each) is None:
            found.append({"session": each, "slots": slots, "same": each.pk in same})
    return found


def _page(
    request: HttpRequest,
    template: str,
    appointment: Appointment,
    *,
    refused: BookingError | None = None,
    status: int = 200,
    **context: object,
) -> HttpResponse:
    context |= {
        "appointment": appointment,
        "session": appointment.session,
        "slot": appointment.slot,
        "token": appointment.token,
        "refused": refused and refusals.told(refused, move=appointment.token),
    }
    return render(request, template, context, status=refused.status if refused else status)
