"""Who may follow what. Queues by number are everybody's; boards by board_keys or role; the desk's names are staff's."""

from collections.abc import Mapping
from importlib import import_module

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import HttpRequest
from django.http.cookie import parse_cookie

from booking.models import Session
from queueboard import board_keys
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
    return user.has_perm("queueboard.view_board") or user.has_perm("queueboard.work_desk")


def may_see_desk(session_id: int, visitor: Visitor) -> bool:
    """Managers, the clerks of the session's department, and its experts."""
    user = visitor.user()
    if not user.is_active or not (user.has_perm("queueboard.work_desk") or user.has_perm("queueboard.call_patients")):
        return False
    if user.has_perm("queueboard.manage_queues"):
        return True
    sessions = Session.objects.filter(pk=session_id)
    own = sessions.filter(department__staff=user) | sessions.filter(department__experts__user=user)
    return own.exists()
