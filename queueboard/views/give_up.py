"""Giving the own place in a queue up: first what it means, then once."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from booking.errors import BookingError
from booking.models import Payment
from booking.services import refunds
from queueboard.models import Ticket
from queueboard.services import by_phone
from queueboard.views import refusals
from queueboard.views.language import in_language
from queueboard.views.own import visit_of
from queueboard.views.phone import GIVES_UP
from queueboard.views.private import private


@require_http_methods(["GET", "HEAD", "POST"])
@private
@in_language
def give_up(request: HttpRequest, token: str) -> HttpResponse:
    """Of who is in the queue; who has not come yet cancels."""
    visit = visit_of(token)
    if not isinstance(visit, Ticket):
        return redirect("cancel", token=token)
    refused = None
    if request.method == "POST":
        try:
            by_phone.give_up(ticket_id=visit.pk)
        except BookingError as error:
            refused = error
    if refused is None and (request.method == "POST" or visit.state not in GIVES_UP):
        return redirect("phone", token=token)
    # Who was handed over, or is back from a test, has the fee treated otherwise: only the plain case is told.
    appointment = visit.appointment if visit.handed_from_id is None else None
    paid = appointment is not None and appointment.payments.filter(state=Payment.State.PAID).exists()
    context = {
        "token": token,
        "number": visit.label,
        "session": visit.session,
        "slot": visit.slot,
        "fee": appointment.fee if appointment is not None else 0,
        "paid": paid and visit.returned is None,
        "back": paid and refunds.would_go_back(visit.session.department, late=True),
        "refused": refused and refusals.told(refused),
    }
    return render(request, "phone/give_up.html", context, status=refused.status if refused else 200)
