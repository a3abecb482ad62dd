"""To a provider and back, where providers tell of payments (R3.3), and the page on which the demonstration pays."""

import logging

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from booking import payments as providers
from booking.errors import BookingError
from booking.models import Appointment, Payment
from booking.payments import Forged, Told
from booking.services import payments
from queueboard.views import refusals
from queueboard.views.address import address_of, written_address
from queueboard.views.language import in_language
from queueboard.views.own import appointment_of
from queueboard.views.private import private

log = logging.getLogger(__name__)

BODY_LIMIT = 64 * 1024  # bytes; a notice needs a tenth of it


@require_http_methods(["GET", "HEAD", "POST"])
@private
@in_language
def pay(request: HttpRequest, token: str) -> HttpResponse:
    """Starts the prepayment of the appointment with this token, and leads to the provider that was chosen."""
    appointment = appointment_of(token)
    if request.method != "POST":
        return redirect("phone", token=token)
    try:
        started = payments.start(
            appointment_id=appointment.pk,
            provider=request.POST.get("provider", ""),
            return_url=settings.SITE_URL + reverse("phone", args=[token]),
            address=written_address(request),
        )
    except BookingError as error:
        if error.code in ("paid_already", "nothing_to_pay"):
            return redirect("phone", token=token)
        context = {"refused": refusals.told(error), "token": token}
        return render(request, "pay_refused.html", context, status=error.status)
    if started.url.startswith("/"):
        return redirect(started.url)
    # Not a redirect: the policy of the page that the form was on lets a form lead to this site alone.
    return render(request, "pay_leave.html", {"url": started.url})


# Signed by the provider over the very bytes of the body: no cookie of ours takes part.
@csrf_exempt
@require_POST
@never_cache
def notice(request: HttpRequest, provider: str) -> HttpResponse:
    """A provider's notice. 200 once it is known, whatever it brought about; 401 for one that is not the provider's.

    Anything else (a fault of ours) makes the provider send it again.
    """
    if provider not in providers.enabled():
        raise Http404
    if len(request.body) > BODY_LIMIT:
        return HttpResponse(status=413)
    try:
        payments.confirm(provider=provider, headers=request.headers, body=request.body)
    except Forged as error:
        log.warning("forged notice of %s from %s: %s", provider, address_of(request), error)
        return JsonResponse({"code": "FAIL", "message": "signature"}, status=401)
    # What Alipay wants to read; WeChat Pay looks at the status alone.
    return HttpResponse("success", content_type="text/plain")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@in_language
def demo(request: HttpRequest, number: str) -> HttpResponse:
    """Pays or refuses; then back to the patient's page."""
    if Payment.Provider.DEMO not in providers.enabled():
        raise Http404
    joins = ("appointment__session__expert", "appointment__slot")
    payment = get_object_or_404(Payment.objects.select_related(*joins), number=number, provider=Payment.Provider.DEMO)
    appointment = payment.appointment
    if request.method == "POST":
        if "pay" in request.POST:
            told = Told(number=number, amount=payment.amount, provider_number=f"demo-{number}")
            payments.receive(provider=payment.provider, told=told)
        return redirect("phone", token=appointment.token)
    held = appointment.state == Appointment.State.HELD and payment.until > timezone.now()
    context = {
        "payment": payment,
        "appointment": appointment,
        "can_pay": held and payment.state == Payment.State.OPEN,
    }
    return render(request, "pay_demo.html", context)
