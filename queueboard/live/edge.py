"""What is answered ahead of Django: polls of queues and boards from the hub's memory, health, metrics.

A poll gets the same bytes as a websocket, with the version as ETag. Queue-Age says how many seconds ago these bytes
were known to be the database's (R6.1).
"""

import logging
import re
from http import HTTPStatus

from django.utils import timezone
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from queueboard.live import metrics, protocol, visitors
from queueboard.live.feeds import Feed
from queueboard.live.hub import Hub

log = logging.getLogger(__name__)

QUEUE = re.compile(r"/live/queues/([0-9]{1,18})")
BOARD = re.compile(r"/live/boards/([-\w]{1,50})", re.ASCII)
Headers = list[tuple[bytes, bytes]]
METRICS: Headers = [(b"content-type", CONTENT_TYPE_LATEST.encode()), (b"cache-control", b"no-store")]
PLAIN: Headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]


class Edge:
    """An ASGI application in front of another, which gets whatever is not answered here."""

    def __init__(self, behind, hub: Hub) -> None:
        self.behind = behind
        self.hub = hub

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        self.hub.start()  # for servers that speak no lifespan
        if scope["type"] == "http" and scope["path"] == "/healthz":
            await _answer(scope, send, HTTPStatus.OK, PLAIN, b"ok")
        elif scope["type"] == "http" and scope["path"] == "/metrics":
            metrics.snapshot_age.set(self.hub.age())
            await _answer(scope, send, HTTPStatus.OK, METRICS, generate_latest())
        elif scope["type"] == "http" and scope["path"].startswith("/live/"):
            await self._live(scope, send)
        else:
            await self.behind(scope, receive, send)

    async def _lifespan(self, receive, send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.hub.start()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self.hub.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _live(self, scope, send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            await _answer(scope, send, HTTPStatus.METHOD_NOT_ALLOWED, [*PLAIN, (b"allow", b"GET, HEAD")])
            return
        queue, board = QUEUE.fullmatch(scope["path"]), BOARD.fullmatch(scope["path"])
        try:
            if queue is not None:
                await self._queue(scope, send, int(queue[1]))
            elif board is not None:
                await self._board(scope, send, board[1])
            else:
                await _answer(scope, send, HTTPStatus.NOT_FOUND, PLAIN)
        except Exception:
            log.exception("a poll could not be answered")
            await _answer(scope, send, HTTPStatus.SERVICE_UNAVAILABLE, [*PLAIN, (b"retry-after", b"3")])

    async def _queue(self, scope, send, session_id: int) -> None:
        feed = await self.hub.queue(session_id)
        if feed is None:
            await _answer(scope, send, HTTPStatus.NOT_FOUND, PLAIN)
        else:
            await _answer_state(scope, send, feed, "phone", b"no-cache")

    async def _board(self, scope, send, slug: str) -> None:
        feed = await self.hub.board(slug)
        if feed is None:
            await _answer(scope, send, HTTPStatus.NOT_FOUND, PLAIN)
            return
        board = feed.setup.row
        if not board.public and not await self.hub.read(visitors.may_see_board, board, visitors.Visitor(scope)):
            await _answer(scope, send, HTTPStatus.FORBIDDEN, PLAIN)
            return
        await _answer_state(scope, send, feed, "board", b"no-cache" if board.public else b"private, no-cache")


async def _answer_state(scope, send, feed: Feed, audience: str, cache: bytes) -> None:
    tag = protocol.etag(feed.version)
    headers = [(b"etag", tag.encode()), (b"cache-control", cache)]
    if feed.read_at is not None:
        age = (timezone.now() - feed.read_at).total_seconds()
        headers.append((b"queue-age", f"{max(0.0, age):.1f}".encode()))
    wanted = next((value for name, value in scope["headers"] if name == b"if-none-match"), b"")
    if wanted and protocol.same_etag(wanted.decode("latin-1"), tag):
        await _answer(scope, send, HTTPStatus.NOT_MODIFIED, headers)
        return
    headers.append((b"content-type", b"application/json; charset=utf-8"))
    await _answer(scope, send, HTTPStatus.OK, headers, feed.message(audience).body)


async def _answer(scope, send, status: HTTPStatus, headers: Headers, body: bytes | None = None) -> None:
    if body is None and status != HTTPStatus.NOT_MODIFIED:
        body = status.phrase.encode()
    if body is not None:
        headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body or b""})
