"""The websockets: the whole snapshot first, then every newer one, and heartbeats. They listen to "ping" and no more."""

import asyncio
import contextlib
import logging
from abc import ABC, abstractmethod

from channels.generic.websocket import AsyncWebsocketConsumer
from django.utils import timezone

from queueboard.live import protocol, visitors
from queueboard.live.feeds import Feed, Mailbox
from queueboard.live.hub import hub

log = logging.getLogger(__name__)

STUCK_AFTER = 10.0  # seconds that a frame may wait for a client that does not read
PARTING = 5.0  # seconds that such a client then has to read why it is dropped
LONGEST_MESSAGE = 64  # characters that a client may send
TRY_AGAIN = 1013


class Refused(Exception):
    """The socket is closed with this code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class LiveConsumer(AsyncWebsocketConsumer, ABC):
    """One socket on one feed. Its own task sends, so that nobody else waits for its client."""

    channel_layer_alias = "none"  # names no layer: the hub hands out, and a layer would open a channel per socket
    audience = "phone"

    feed: Feed | None = None
    box: Mailbox | None = None
    sending: asyncio.Task | None = None
    dropped = False

    @abstractmethod
    async def feed_for(self, visitor: visitors.Visitor) -> Feed:
        """The feed that this socket may follow. Raises Refused."""

    async def __call__(self, scope, receive, send) -> None:
        self.serving = asyncio.current_task()
        try:
            await super().__call__(scope, receive, send)
        except asyncio.CancelledError:
            if not self.dropped:
                raise
        finally:
            self._leave()

    async def dispatch(self, message) -> None:
        # As AsyncConsumer, without its hop into a thread for old connections: no query runs here.
        await getattr(self, message["type"].replace(".", "_"))(message)

    async def connect(self) -> None:
        await self.accept()  # a code can only be given on an open socket
        try:
            self.feed = await self.feed_for(visitors.Visitor(self.scope))
        except Refused as refusal:
            await self.close(refusal.code)
            return
        except Exception:
            log.exception("a socket could not be served")
            await self.close(TRY_AGAIN)
            return
        self.box = self.feed.join(self.audience)
        self.sending = asyncio.create_task(self._deliver(self.box))

    async def receive(self, text_data=None, bytes_data=None) -> None:
        if len(text_data or bytes_data or "") > LONGEST_MESSAGE:
            await self.close(protocol.TOO_BIG)
        elif text_data == "ping" and self.box is not None and self.feed is not None and self.feed.read_at is not None:
            self.box.beat(protocol.heartbeat(read_at=self.feed.read_at, now=timezone.now()))

    async def disconnect(self, code) -> None:
        self._leave()

    def _leave(self) -> None:
        """At once: the hub must not put anything into the mailbox of a socket that has gone."""
        if self.feed is not None and self.box is not None:
            self.feed.leave(self.audience, self.box)
        if self.sending is not None and self.sending is not asyncio.current_task():
            self.sending.cancel()

    async def _deliver(self, box: Mailbox) -> None:
        try:
            while True:
                frames, code = await box.take()
                async with asyncio.timeout(STUCK_AFTER):
                    for frame in frames:
                        await self.send(text_data=frame)
                    if code is not None:
                        await self.close(code)
                        return
        except TimeoutError:
            await self._drop()
        except Exception:  # the client has gone in the middle of it: each server says so in its own words
            self._leave()

    async def _drop(self) -> None:
        """A client that does not read: the server holds the code back until it does, and ends the connection."""
        self._leave()
        self.dropped = True
        with contextlib.suppress(Exception):
            async with asyncio.timeout(PARTING):
                await self.close(protocol.STUCK)
        if self.serving is not None:
            self.serving.cancel()


class QueueConsumer(LiveConsumer):
    """/ws/queues/<session id>/: numbers only, for everybody."""

    async def feed_for(self, visitor: visitors.Visitor) -> Feed:
        feed = await hub.queue(self.scope["url_route"]["kwargs"]["session_id"])
        if feed is None:
            raise Refused(protocol.UNKNOWN)
        return feed


class DeskConsumer(LiveConsumer):
    """/ws/desk/<session id>/: masked names, for staff of that department."""

    audience = "desk"

    async def feed_for(self, visitor: visitors.Visitor) -> Feed:
        session_id = self.scope["url_route"]["kwargs"]["session_id"]
        if not await hub.read(visitors.may_see_desk, session_id, visitor):
            raise Refused(protocol.FORBIDDEN)
        feed = await hub.queue(session_id)
        if feed is None:
            raise Refused(protocol.UNKNOWN)
        return feed


class BoardConsumer(LiveConsumer):
    """/ws/boards/<slug>/: several queues with masked names, for who may see that board."""

    audience = "board"

    async def feed_for(self, visitor: visitors.Visitor) -> Feed:
        feed = await hub.board(self.scope["url_route"]["kwargs"]["slug"])
        if feed is None:
            raise Refused(protocol.UNKNOWN)
        board = feed.setup.row
        if not board.public and not await hub.read(visitors.may_see_board, board, visitor):
            raise Refused(protocol.FORBIDDEN)
        return feed
