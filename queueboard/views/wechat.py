"""Where WeChat brings what people write to the official account, and where a patient's page shows the code to scan."""

import logging

import segno
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from queueboard import wechat
from queueboard.chat import hearing
from queueboard.chat.interface import Kind, Replayed, Said
from queueboard.models import VisitCode
from queueboard.notify import delivery
from queueboard.services.sharing import is_live
from queueboard.views.address import address_of
from queueboard.views.language import in_language
from queueboard.views.own import visit_of
from queueboard.views.private import private
from queueboard.wechat import messages, scenes, signing
from queueboard.wechat.transport import WeChatError

log = logging.getLogger(__name__)

BODY_LIMIT = 64 * 1024  # bytes; a long message needs a tenth of it
FATE = "event templatesendjobfinish"  # what became of a template message that WeChat had taken
EVENTS = {
    "event click": Kind.WRITES,  # a menu's key reads as what one would have typed
    "event scan": Kind.SCANS,
    "event subscribe": Kind.FOLLOWS,
    "event unsubscribe": Kind.LEAVES,
}


# Signed by WeChat: no cookie of ours takes part. What it is answered must come within five seconds, so nothing outside
# is asked here.
@csrf_exempt
@require_http_methods(["GET", "POST"])
@never_cache
def endpoint(request: HttpRequest) -> HttpResponse:
    """GET: WeChat asks whether we are there. POST: a message or an event, and its answer. 403: WeChat never sent it."""
    if not wechat.is_set_up():
        raise Http404
    now = timezone.now()
    body = request.read(BODY_LIMIT + 1)
    if len(body) > BODY_LIMIT:
        return HttpResponse(status=413)
    try:
        if request.method == "GET":
            proof = signing.check(request.GET, "signature", now=now)
            hearing.use_up(wechat.NAME, proof, now=now)
            return HttpResponse(request.GET.get("echostr", ""), content_type="text/plain; charset=utf-8")
        incoming = messages.read(request.GET, body, now=now)
        words = _answer(incoming)
    except (signing.Forged, Replayed) as error:
        log.warning("forged message of WeChat from %s: %s", address_of(request), error)
        return HttpResponse(status=403)
    except messages.Unreadable as error:
        log.warning("unreadable message of WeChat: %s", error)
        return HttpResponse(status=400)
    return HttpResponse(messages.answer(incoming, words, now=now), content_type="application/xml; charset=utf-8")


def _answer(incoming: messages.Incoming) -> str:
    """The words; none for the events that tell of something else than a person's wish."""
    if incoming.kind.startswith("event"):
        kind = EVENTS.get(incoming.kind, Kind.HAPPENS)
    else:
        kind = Kind.WRITES if incoming.kind == "text" else Kind.SHOWS
    words = ""
    if kind is not Kind.HAPPENS or incoming.proof:
        text = incoming.text if kind is Kind.WRITES else scenes.code_in(incoming.text)
        words = hearing.answer(Said(wechat.NAME, incoming.sender, kind, text, incoming.identity, incoming.proof))
    if incoming.kind == FATE and incoming.fate != "success":
        log.warning("WeChat could not show a message: %s", incoming.fate)
        delivery.came_to_nothing(wechat.NAME, incoming.sent)
    return words


@require_http_methods(["GET", "HEAD", "POST"])
@private
@in_language
def follow(request: HttpRequest, token: str) -> HttpResponse:
    """The QR code that binds WeChat to this visit; POST makes a new one. Raises Http404 for a visit that is over."""
    if not wechat.is_set_up() or not is_live(visit_of(token)):
        raise Http404
    now = timezone.now()
    if request.method == "POST":
        try:
            scenes.make(token, now=now)
        except WeChatError as error:
            log.error("no QR code: %s", error)
            return render(request, "phone/wechat.html", {"token": token, "failed": True}, status=503)
        return redirect("phone_wechat", token=token)
    code = scenes.shown(token, now=now)
    return render(request, "phone/wechat.html", {"token": token, "code": code, "picture": code and _picture(code)})


def _picture(code: VisitCode) -> str:
    """As a data: address; of pixels, because WeChat reads no drawing on a long press."""
    return segno.make_qr(code.url, error="m").png_data_uri(scale=8, border=4)
