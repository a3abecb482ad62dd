"""A browser that is known again: by a random cookie, of which the database holds a keyed hash and no more (R3.7)."""

import secrets
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

COOKIE = "device"
KEPT = timedelta(days=365)
YOUNG = timedelta(seconds=30)  # who has come as a person has taken longer, from the first page to the button


def device_of(request: HttpRequest) -> str:
    """What tells this browser from others; "": it has no cookie of ours."""
    return _opened(request, KEPT)


def known_for_a_while(request: HttpRequest) -> bool:
    """Whether the browser had its cookie before this visit's last half minute."""
    return bool(device_of(request)) and not _opened(request, YOUNG)


class DeviceCookie:
    """Middleware: pages of booking give the cookie to a browser that has none."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        _signer()  # without a secret key the site does not start
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.path_info.startswith("/book/") and not device_of(request):
            response.set_cookie(
                COOKIE,
                _signer().sign(secrets.token_urlsafe(16)),
                max_age=KEPT,
                secure=settings.SECURE_COOKIES,
                httponly=True,
                samesite="Lax",
            )
        return response


def _signer() -> signing.TimestampSigner:
    return signing.TimestampSigner(salt=__name__)


def _opened(request: HttpRequest, not_older: timedelta) -> str:
    try:
        return _signer().unsign(request.COOKIES.get(COOKIE, ""), max_age=not_older)
    except signing.BadSignature:
        return ""
