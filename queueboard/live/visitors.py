"""Who is at the other end of a socket or poll, and what they may follow (rights: access, screens)."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import HttpRequest
from django.http.cookie import parse_cookie
from django.utils.functional import SimpleLazyObject

from queueboard import access
from queueboard.models import Board
from queueboard.screens import cookie


class Visitor:
    """The cookies of a websocket or request (ASGI scope)."""

    def __init__(self, scope: Mapping) -> None:
        headers = dict(scope.get("headers", ()))
        self.cookies = parse_cookie(headers.get(b"cookie", b"").decode("latin-1"))

    @property
    def is_screen(self) -> bool:
        """Whether it may be a screen that was connected (no queries)."""
        return cookie.COOKIE in self.cookies

    def user(self) -> AbstractBaseUser | AnonymousUser:
        """Who is logged in (queries)."""
        request = HttpRequest()
        store = import_module(settings.SESSION_ENGINE).SessionStore
        request.session = store(self.cookies.get(settings.SESSION_COOKIE_NAME))
        return get_user(request)


@dataclass(frozen=True, slots=True)
class Right:
    """Whether a board may be followed, and the id of the screen that this rests on, where it is one."""

    granted: bool
    device: int | None = None


def right_to_board(board: Board, visitor: Visitor) -> Right:
    """Whether this visitor may follow the board (cookie.may_follow); for its own screen with that screen's id."""
    device = cookie.device_of(visitor.cookies)
    user = SimpleLazyObject(visitor.user)  # a query that a public board and a screen do not need
    granted = cookie.may_follow(board, device, user)  # type: ignore[arg-type]
    return Right(granted, device.pk if device is not None and cookie.shows(device, board) else None)


def may_see_desk(session_id: int, visitor: Visitor) -> bool:
    """Whether the queue with its patients' masked names is this visitor's to see, as staff."""
    return access.sessions_of(visitor.user()).filter(pk=session_id).exists()
