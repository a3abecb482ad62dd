"""What a screen is known by: a random secret in a cookie that scripts cannot read. The database holds its hash."""

import hashlib
import secrets
from collections.abc import Mapping

from django.conf import settings
from django.http import HttpResponse

from queueboard import access
from queueboard.models import Board, Device, Kiosk

COOKIE = "screen"
KEPT_SECONDS = 400 * 24 * 3600  # the longest that browsers keep a cookie


def new_secret() -> str:
    return secrets.token_urlsafe(32)


def hash_of(secret: str) -> str:
    """What the database holds of it: hex SHA-256, as it is too long to be guessed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def device_of(cookies: Mapping[str, str]) -> Device | None:
    """The screen whose browser or socket has these cookies; None where none is connected, or not any more."""
    device = device_with(cookies.get(COOKIE, ""))
    return None if device is None or device.revoked_at is not None else device


def device_with(secret: str) -> Device | None:
    """The screen that has this secret, or had it until it was disconnected."""
    if not secret:
        return None
    return Device.objects.select_related("board", "kiosk").filter(secret_hash=hash_of(secret)).first()


def shows(device: Device | None, place: Board | Kiosk | None) -> bool:
    """Whether this screen was connected to this board or kiosk."""
    return device is not None and device.place == place


def belongs_elsewhere(device: Device | None, place: Board | Kiosk | None, user: access.User) -> bool:
    """Whether this screen was sent to another place, public or not. Staff look at any place from any machine."""
    return device is not None and not shows(device, place) and not access.may_see_boards(user)


def may_follow(board: Board, device: Device | None, user: access.User) -> bool:
    """A public board is everybody's; another its screens', and that of staff who may view boards."""
    return board.public or shows(device, board) or access.may_see_boards(user)


def keep(response: HttpResponse, secret: str) -> None:
    """Into the browser's cookies. Done anew whenever a screen is heard of, so that it lasts as long as the screen."""
    response.set_cookie(
        COOKIE, secret, max_age=KEPT_SECONDS, httponly=True, samesite="Lax", secure=settings.SECURE_COOKIES
    )
