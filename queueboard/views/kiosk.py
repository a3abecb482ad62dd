"""The kiosk's one address (R4.1): each screen is sent to it, and it shows where the flow stands then.

So going back and loading again show the present screen, after the end the start, and no address tells anything.
"""

from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone, translation
from django.views.decorators.http import require_http_methods

from queueboard.build import build_id
from queueboard.kiosk import access, flow
from queueboard.kiosk.models import Kiosk
from queueboard.screens import cookie
from queueboard.views import kiosk_screens, kiosk_steps
from queueboard.views.address import address_of, site_of
from queueboard.views.language import CODES
from queueboard.views.private import private
from queueboard.views.screens import ask_for_code


@require_http_methods(["GET", "HEAD", "POST"])
@private
def kiosk(request: HttpRequest, slug: str) -> HttpResponse:
    """The screen where the flow stands, or the code of a machine that is not connected. A POST is a step of the flow.

    `?start` begins anew, for browsers without script.
    """
    shown = Kiosk.objects.filter(slug=slug).first()
    asked = request.GET.get("lang", "").lower()
    own = asked if asked in CODES else settings.LANGUAGE_CODE
    device = cookie.device_of(request.COOKIES)
    elsewhere = cookie.belongs_elsewhere(device, shown, request.user)
    if elsewhere or shown is None or not access.may_use(shown, device):
        with translation.override(own):
            return ask_for_code(request)
    at = flow.read(request, shown)
    here = request.path + (f"?{urlencode({'lang': asked})}" if asked in CODES else "")
    with translation.override(at.language or own):
        if request.method == "POST":
            _step(request, shown, at)
        elif "start" in request.GET:
            flow.forget(request)
        else:
            return _screen(request, shown, at, cookie.shows(device, shown))
    return HttpResponseRedirect(here)


def _step(request: HttpRequest, shown: Kiosk, at: flow.Flow) -> None:
    place = f"{shown.slug} {address_of(request)}"
    kiosk_steps.take(at, kiosk_steps.Press(shown, request.POST, place, timezone.now()))
    if at.step == "start" and not at.language:
        flow.forget(request)
    else:
        flow.keep(request, at)


def _screen(request: HttpRequest, shown: Kiosk, at: flow.Flow, connected: bool) -> HttpResponse:
    template, context = kiosk_screens.screen(at, shown, site_of(request), timezone.now())
    context |= {"kiosk": shown, "step": at.step, "flow": at, "zone": settings.TIME_ZONE, "now": timezone.now()}
    context |= {"version": build_id(), "connected": connected}
    response = render(request, template, context)
    response.headers["Content-Language"] = translation.get_language() or ""
    return response
