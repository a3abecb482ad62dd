"""Where providers tell of payments (R3.3), and the page on which the demonstration pays."""

import logging

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from booking import payments as providers
from booking.models import Appointment, Payment
from booking.payments import Forged, Told
from booking.services import payments
from queueboard.views.address import address_of
from queueboard.views.language import in_language

log = logging.getLogger(__name__)

BODY_LIMIT = 64 * 1024  # bytes; a notice needs a tenth of it


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
        "yuan": f"{payment.amount // 100}.{payment.amount % 100:02}",
        "can_pay": held and payment.state == Payment.State.OPEN,
    }
    return render(request, "pay_demo.html", context)
