"""Who may use a kiosk: a machine that a manager connected, as who checks in must be on site (R4.1); else who wants."""

from django.http import HttpRequest

from queueboard.kiosk.models import Kiosk
from queueboard.screens import cookie


def may_use(kiosk: Kiosk, request: HttpRequest) -> bool:
    """Whether this browser may check people in here."""
    return kiosk.public or cookie.shows(cookie.device_of(request.COOKIES), kiosk)
