"""What is answered ahead of Django: polls of queues and boards from the hub's memory, health, metrics.

A poll gets the same bytes as a websocket, with the version as ETag. Queue-Age says how many seconds ago these bytes
were known to be the database's (R6.1).
"""

import gc
import logging
import re
import time
from functools import lru_cache
from http import HTTPStatus

from django.utils import timezone
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from queueboard.live import metrics, protocol, visitors
from queueboard.live.feeds import Feed
from queueboard.live.hub import Hub

log = logging.getLogger(__name__)

QUEUE = re.compile(r"/live/queues/([0-9]{1,18})")
BOARD = re.compile(r"/live/boards/([-\w]{1,50})", re.ASCII)
AGE_STEP = 0.5  # seconds that a Queue-Age is used for; it is then too large by as much, never too small
Headers = list[tuple[bytes, bytes]]
METRICS: Headers = [(b"content-type", CONTENT_TYPE_LATEST.encode()), (b"cache-control", b"no-store")]
PLAIN: Headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
EMPTY = {"type": "http.response.body", "body": b""}
PUBLIC, PRIVATE = b"no-cache", b"private, no-cache"


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
        path = scope["path"]
        if scope["type"] != "http":
            await self.behind(scope, receive, send)
        elif path.startswith("/live/"):
            await self._live(scope, send)
        elif path == "/healthz":
            await _answer(scope, send, HTTPStatus.OK, PLAIN, b"ok")
        elif path == "/metrics":
            metrics.snapshot_age.set(self.hub.age())
            await _answer(scope, send, HTTPStatus.OK, METRICS, generate_latest())
        else:
            await self.behind(scope, receive, send)

    async def _lifespan(self, receive, send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.hub.start()
                _keep_what_is_loaded()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self.hub.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _live(self, scope, send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            await _answer(scope, send, HTTPStatus.METHOD_NOT_ALLOWED, [*PLAIN, (b"allow", b"GET, HEAD")])
            return
        try:
            session_id = session_of(scope["path"])
            if session_id is not None:
                feed = self.hub.polled(session_id) or await self.hub.queue(session_id)
                await _answer_state(scope, send, feed, "phone", PUBLIC)
            else:
                await self._board(scope, send)
        except Exception:
            log.exception("a poll could not be answered")
            await _answer(scope, send, HTTPStatus.SERVICE_UNAVAILABLE, [*PLAIN, (b"retry-after", b"3")])

    async def _board(self, scope, send) -> None:
        slug = BOARD.fullmatch(scope["path"])
        feed = await self.hub.board(slug[1]) if slug is not None else None
        if feed is None or feed.setup.row.public:
            await _answer_state(scope, send, feed, "board", PUBLIC)
        else:
            right = await self.hub.read(visitors.right_to_board, feed.setup.row, visitors.Visitor(scope))
            await _answer_state(scope, send, feed if right.granted else None, "board", PRIVATE)


def _keep_what_is_loaded() -> None:
    """Garbage is looked for less often, and not among what stays: it took a third of the time to accept a socket.

    But all of it after some thousands of sockets have gone: the server leaves each as a ring of references, 15 KB.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 1)


@lru_cache(maxsize=4096)
def session_of(path: str) -> int | None:
    """The session of a queue's address; None for any other address."""
    found = QUEUE.fullmatch(path)
    return int(found[1]) if found else None


class Polled:
    """What a poll of one state gets, made anew when the age in it has grown by a step."""

    __slots__ = ("body", "same", "start", "tag", "until")

    def __init__(self, feed: Feed, body: bytes, cache: bytes) -> None:
        self.until = time.monotonic() + AGE_STEP
        self.tag = feed.tag
        headers = [(b"etag", self.tag.encode()), (b"cache-control", cache)]
        if feed.read_at is not None:
            age = max(0.0, (timezone.now() - feed.read_at).total_seconds()) + AGE_STEP
            headers.append((b"queue-age", f"{age:.1f}".encode()))
        shown = [*headers, (b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        self.same = {"type": "http.response.start", "status": 304, "headers": headers}
        self.start = {"type": "http.response.start", "status": 200, "headers": shown}
        self.body = {"type": "http.response.body", "body": body}


async def _answer_state(scope, send, feed: Feed | None, audience: str, cache: bytes) -> None:
    if feed is None:
        await _answer(scope, send, HTTPStatus.NOT_FOUND, PLAIN)
        return
    message = feed.message(audience)
    polled = message.polled
    if polled is None or time.monotonic() > polled.until:
        polled = message.polled = Polled(feed, message.body, cache)
    for name, value in scope["headers"]:
        if name == b"if-none-match" and protocol.same_etag(value.decode("latin-1"), polled.tag):
            await send(polled.same)
            await send(EMPTY)
            return
    await send(polled.start)
    await send(EMPTY if scope["method"] == "HEAD" else polled.body)


async def _answer(scope, send, status: HTTPStatus, headers: Headers, body: bytes | None = None) -> None:
    if body is None:
        body = status.phrase.encode()
    headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
