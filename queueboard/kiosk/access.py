"""Who may use a kiosk: a machine that a manager connected, as who checks in must be on site (R4.1); else who wants."""

from queueboard.kiosk.models import Kiosk
from queueboard.models import Device
from queueboard.screens import cookie


def may_use(kiosk: Kiosk, device: Device | None) -> bool:
    """Whether this machine, or a browser that is none of ours, may check people in here."""
    return kiosk.public or cookie.shows(device, kiosk)
