"""The addresses of the websockets, and what each may follow."""

from typing import Any

from channels.routing import URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.urls import path

from queueboard.live import visitors
from queueboard.live.feeds import Feed
from queueboard.live.hub import hub
from queueboard.live.protocol import FORBIDDEN, UNKNOWN
from queueboard.live.sockets import Refused, serving


async def queue(scope: dict[str, Any]) -> Feed:
    """/ws/queues/<session id>/: numbers only, for everybody."""
    feed = await hub.queue(scope["url_route"]["kwargs"]["session_id"])
    if feed is None:
        raise Refused(UNKNOWN)
    return feed


async def desk(scope: dict[str, Any]) -> Feed:
    """/ws/desk/<session id>/: masked names, for staff of that department."""
    session_id = scope["url_route"]["kwargs"]["session_id"]
    if not await hub.read(visitors.may_see_desk, session_id, visitors.Visitor(scope)):
        raise Refused(FORBIDDEN)
    return await queue(scope)


async def board(scope: dict[str, Any]) -> Feed:
    """/ws/boards/<slug>/: several queues with masked names, for who may see that board.

    To others it is as unknown as one that does not exist.
    """
    feed = await hub.board(scope["url_route"]["kwargs"]["slug"])
    if feed is None:
        raise Refused(UNKNOWN)
    visitor = visitors.Visitor(scope)
    if visitor.is_screen or not feed.setup.row.public:
        right = await hub.read(visitors.right_to_board, feed.setup.row, visitor)
        if not right.granted:
            raise Refused(UNKNOWN)
        scope["device"] = right.device
    return feed


async def nowhere(scope: dict[str, Any]) -> Feed:
    """Any other address: closed with a code, where a router's own error would be a traceback in the log."""
    raise Refused(UNKNOWN)


websockets = AllowedHostsOriginValidator(
    URLRouter(
        [
            path("ws/queues/<int:session_id>/", serving("phone", queue)),
            path("ws/boards/<slug:slug>/", serving("board", board)),
            path("ws/desk/<int:session_id>/", serving("desk", desk)),
            path("<path:elsewhere>", serving("none", nowhere)),
        ]
    )
)
