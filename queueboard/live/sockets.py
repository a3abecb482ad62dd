"""A websocket: the whole snapshot first, then every newer one, and heartbeats. It listens to "ping" and no more.

Plain ASGI: a consumer of Channels makes tasks and channels of its own, which nothing here needs.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from django.utils import timezone

from queueboard.live import limits, metrics, protocol
from queueboard.live.feeds import Feed
from queueboard.live.outlets import Outlet, outlet
from queueboard.live.server import EXTENSION

log = logging.getLogger(__name__)

PARTING = 5.0  # seconds that a client which does not read has to read why it is dropped
REASONS = {
    1000: "left", 1001: "left", 1002: "garbage", 1003: "garbage", 1007: "garbage", 1011: "silent",
    protocol.FLOOD: "flood", protocol.TOO_BIG: "too big", protocol.RESTART: "restart", protocol.TRY_AGAIN: "error",
    protocol.FORBIDDEN: "forbidden", protocol.UNKNOWN: "unknown", protocol.STUCK: "stuck", protocol.CHANGED: "changed",
}  # fmt: skip
Find = Callable[[dict[str, Any]], Awaitable[Feed]]


class Refused(Exception):
    """The socket is closed with this code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Socket:
    """One websocket on one feed."""

    __slots__ = ("_code", "_parting", "_patience", "_scope", "_send", "_serving")

    def __init__(self, scope: dict[str, Any], send) -> None:
        self._scope, self._send = scope, send
        self._serving = asyncio.current_task()
        self._code: int | None = None
        self._parting: asyncio.Task | None = None
        self._patience: limits.Patience | None = None

    async def serve(self, receive, feed: Feed, audience: str) -> int:
        """Until it ends: the code that it ended with."""
        way = outlet(self._scope, self._send, self._drop)
        feed.join(audience, way, self._scope.get("device"))
        try:
            while True:
                message = await receive()
                if message["type"] == "websocket.disconnect":
                    return self._code or message.get("code") or 1005
                self._hear(message, feed, way)
        except asyncio.CancelledError:
            if self._code is None:
                raise
            return self._code
        finally:
            way.leave()

    def _hear(self, message: dict[str, Any], feed: Feed, way: Outlet) -> None:
        said = message.get("text") or message.get("bytes") or ""
        self._patience = self._patience or limits.Patience()
        if len(said) > limits.LONGEST_MESSAGE:
            way.close(protocol.TOO_BIG)
        elif self._patience.over():
            way.close(protocol.FLOOD)
        elif said == "ping":
            heartbeat = feed.heartbeat(timezone.now())
            if heartbeat is not None:
                way.give(heartbeat)

    def _drop(self, code: int) -> None:
        self._code = code
        self._parting = asyncio.create_task(self._part(code))

    async def _part(self, code: int) -> None:
        """A server holds the code back until the client has read what is before it; not for ever."""
        with contextlib.suppress(Exception):
            async with asyncio.timeout(PARTING):
                await self._send({"type": "websocket.close", "code": code})
                return
        extension = self._scope.get("extensions", {}).get(EXTENSION)
        if extension is not None:
            extension["abort"]()
        elif self._serving is not None:
            self._serving.cancel()


def serving(audience: str, find: Find):
    """The ASGI application of one kind of socket. `find` gives its feed or raises Refused."""

    async def application(scope, receive, send) -> None:
        await receive()  # websocket.connect
        try:
            with limits.places.one(scope):
                await send({"type": "websocket.accept"})  # first: a code can only be given on an open socket
                code = await _serve(scope, receive, send, audience, find)
        except limits.Full as full:
            await _refuse(scope, send, full.status)
        else:
            metrics.closed.labels(REASONS.get(code, "lost")).inc()

    return application


async def _serve(scope, receive, send, audience: str, find: Find) -> int:
    try:
        feed = await find(scope)
    except Refused as refusal:
        code = refusal.code
    except Exception:
        log.exception("a socket could not be served")
        code = protocol.TRY_AGAIN
    else:
        return await Socket(scope, send).serve(receive, feed, audience)
    await send({"type": "websocket.close", "code": code})
    return code


async def _refuse(scope, send, status: HTTPStatus) -> None:
    """Not accepted at all: nothing of it is kept. Its page polls, and tries again later."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close"})
        return
    await send({"type": "websocket.http.response.start", "status": int(status), "headers": [(b"retry-after", b"60")]})
    await send({"type": "websocket.http.response.body", "body": status.phrase.encode()})
