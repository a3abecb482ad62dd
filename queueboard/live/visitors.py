"""Who is at the other end of a socket or poll, and what they may follow (rights: queueboard.access, board_keys)."""

from collections.abc import Mapping
from importlib import import_module

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import HttpRequest
from django.http.cookie import parse_cookie

from queueboard import access, board_keys
from queueboard.models import Board

KEY_HEADER = b"x-board-key"  # for devices that keep no cookies


class Visitor:
    """Cookies and headers of a websocket or request (ASGI scope)."""

    def __init__(self, scope: Mapping) -> None:
        headers = dict(scope.get("headers", ()))
        self.cookies = parse_cookie(headers.get(b"cookie", b"").decode("latin-1"))
        self.board_key = headers.get(KEY_HEADER, b"").decode("latin-1")

    def user(self) -> AbstractBaseUser | AnonymousUser:
        """Who is logged in (queries)."""
        request = HttpRequest()
        store = import_module(settings.SESSION_ENGINE).SessionStore
        request.session = store(self.cookies.get(settings.SESSION_COOKIE_NAME))
        return get_user(request)


def may_see_board(board: Board, visitor: Visitor) -> bool:
    """A public board needs nothing; another its key (cookie or header), or staff who may view boards."""
    if board_keys.may_see(board, visitor.cookies):
        return True
    if visitor.board_key and board_keys.fits(board, visitor.board_key):
        return True
    user = visitor.user()
    return access.may(user, "queueboard.view_board") or access.may(user, access.DESK)


def may_see_desk(session_id: int, visitor: Visitor) -> bool:
    """Whether the queue with its patients' masked names is this visitor's to see, as staff."""
    return access.sessions_of(visitor.user()).filter(pk=session_id).exists()
