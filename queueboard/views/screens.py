"""What a screen shows until it is connected, and what it and the server say to each other."""

import json
import re
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from queueboard.build import build_id
from queueboard.errors import QueueError
from queueboard.models import Device
from queueboard.screens import cookie, pairing
from queueboard.views.address import address_of
from queueboard.views.language import in_language

SECRET = re.compile(r"[-\w]{43}", re.ASCII)
VERSION = re.compile(r"[0-9a-f]{0,16}")
LONGEST = 1024  # bytes
LARGEST = 20_000  # pixels


@require_safe
@never_cache
@in_language
def anywhere(request: HttpRequest) -> HttpResponse:
    """/board/: the place that this screen was connected to, or a code: nobody types a name on a television."""
    return ask_for_code(request)


def ask_for_code(request: HttpRequest) -> HttpResponse:
    """The page with the code, at whatever address: it tells a stranger nothing of what there is.

    A screen that is connected is sent to its place, and keeps its secret.
    """
    secret, device = _known(request)
    if device is not None:
        return redirect(device.address)
    context: dict[str, Any] = {"every": 5}
    try:
        context["waiting"] = pairing.code_for(secret=secret, address=address_of(request))
        context["seconds"] = _seconds_left(context["waiting"].expires_at)
    except QueueError as refusal:
        context["refused"] = str(refusal)
    response = render(request, "board/code.html", context)
    response.headers["X-Robots-Tag"] = "noindex"
    cookie.keep(response, secret)
    return response


@require_safe
@never_cache
def waiting(request: HttpRequest) -> HttpResponse:
    """What the page with the code asks every few seconds: `shows`, the address to go to, or the `code` as it is now."""
    secret, device = _known(request)
    if device is not None:
        return JsonResponse({"shows": device.address})
    try:
        code = pairing.code_for(secret=secret, address=address_of(request))
    except QueueError as refusal:
        response = JsonResponse({"code": refusal.code, "detail": str(refusal)}, status=refusal.status)
    else:
        response = JsonResponse({"digits": code.code, "seconds": _seconds_left(code.expires_at)})
    cookie.keep(response, secret)
    return response


@csrf_exempt  # it grants and changes nothing but when a screen was last seen, and the cookie stays at home (SameSite)
@require_POST
@never_cache
def here(request: HttpRequest) -> HttpResponse:
    """A screen says every minute that it is on: {"page", "version", "width", "height"}.

    It learns the `version` that is served now, and what it `shows` if it is connected (null if it is not).
    """
    device = cookie.device_of(request.COOKIES)
    try:
        said = _read(request)
    except ValueError:
        return JsonResponse(
            {"code": "bad_screen", "detail": _("This is not what a screen says of itself.")}, status=400
        )
    response = JsonResponse({"version": build_id(), "shows": device.address if device is not None else None})
    if device is not None:
        if said["page"] == device.address:
            pairing.note_seen(
                device=device, version=said["version"], width=said["width"], height=said["height"], now=timezone.now()
            )
        cookie.keep(response, request.COOKIES[cookie.COOKIE])
    return response


def _known(request: HttpRequest) -> tuple[str, Device | None]:
    """The secret of this browser, and the screen that it is if it is connected.

    Of one read, as a manager may connect it in this moment. A screen that was disconnected gets another secret.
    """
    secret = request.COOKIES.get(cookie.COOKIE, "")
    if not SECRET.fullmatch(secret):
        return cookie.new_secret(), None
    device = cookie.device_with(secret)
    if device is not None and device.revoked_at is not None:
        return cookie.new_secret(), None
    return secret, device


def _seconds_left(until: datetime) -> int:
    return max(0, int((until - timezone.now()).total_seconds()))


def _read(request: HttpRequest) -> dict[str, Any]:
    if int(request.META.get("CONTENT_LENGTH") or 0) > LONGEST:
        raise ValueError("too long")
    said = json.loads(request.body)
    if not isinstance(said, dict) or not VERSION.fullmatch(str(said.get("version", ""))):
        raise ValueError("not of a screen")
    for side in ("width", "height"):
        if type(said.get(side)) is not int or not 0 < said[side] <= LARGEST:
            raise ValueError("not a size")
    return {key: said.get(key, "") for key in ("page", "version", "width", "height")}
