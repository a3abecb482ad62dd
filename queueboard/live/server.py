"""uvicorn's websocket protocol, which lets the application write frames by itself:

    uvicorn queueboard.asgi:application --ws queueboard.live.server:LiveProtocol

A push to thousands of sockets is then one call of the transport's own `write` for each, of a frame that was made once.
It needs nothing else of an application: what does not know the extension is served as before. What is used here of
uvicorn's class is pinned by tests/live/test_server.py.
"""

import socket
import sys
from collections.abc import Callable
from typing import Protocol

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

EXTENSION = "queueboard.frames"
LONGEST_MESSAGE = 1024  # bytes of one message from a client; longer ends with 1009
MOST_BYTES, WINDOW = 16384, 10.0  # from a client in so many seconds: keep-alive and "ping" need a hundredth
POLICY_VIOLATION = 1008
NO_BACKLOG = 1  # bytes: what the kernel does not take at once makes a socket a slow one
UNSENT = 4096  # bytes that the kernel takes ahead of what has left; by itself it would take thousands of states
TCP_NOTSENT_LOWAT = 25  # of Linux, which Python 3.11 has no name for
GOODBYE = 5.0  # seconds that what is unsent at the end may take


class Borrower(Protocol):
    """Who was lent a socket's `write` is told when not to use it."""

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def leave(self) -> None: ...


class LiveProtocol(WebSocketsSansIOProtocol):
    """Adds one entry to the scope's extensions: {"lend": ..., "abort": ...}, the methods below.

    It never compresses: frames are made once for all, and a compressor for each socket would be most of its memory.
    """

    borrower: Borrower | None = None
    heard = 0  # bytes since the window began
    window_ends = 0.0

    def __init__(self, config, *arguments, **named) -> None:
        config.ws_per_message_deflate = False
        config.ws_max_size = LONGEST_MESSAGE
        super().__init__(config, *arguments, **named)

    async def run_asgi(self) -> None:
        self.scope["extensions"][EXTENSION] = {"lend": self.lend, "abort": self.abort}  # type: ignore[typeddict-unknown-key]
        await super().run_asgi()
        if not self.writable.is_set():
            self.loop.call_later(GOODBYE, self.transport.abort)  # to close waits for a client that may never read

    def connection_made(self, transport) -> None:
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=NO_BACKLOG)
        connection = transport.get_extra_info("socket")
        if sys.platform == "linux" and connection is not None and connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT)

    def lend(self, borrower: Borrower) -> Callable[[bytes], None] | None:
        """The transport's `write`, for whole frames, until borrower.leave(); not between pause() and resume().

        None where it cannot be used now: before the answer to the handshake, after a close frame, or behind a backlog.
        """
        is_open = self.handshake_complete and not self.close_sent and not self.transport.is_closing()
        if not is_open or not self.writable.is_set():
            return None
        self.borrower = borrower
        return self.transport.write

    def abort(self) -> None:
        """Ends the connection without waiting for what is unsent."""
        self._take_back()
        self.transport.abort()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self.borrower is not None:
            self.borrower.pause()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.borrower is not None:
            self.borrower.resume()

    def data_received(self, data: bytes) -> None:
        """Counts what a client sends, whatever it is: messages, pings, garbage, fragments without an end."""
        if self.handshake_initiated:
            now = self.loop.time()
            if now >= self.window_ends:
                self.window_ends, self.heard = now + WINDOW, 0
            self.heard += len(data)
            if self.heard > MOST_BYTES:
                self._end_flood()
                return
        super().data_received(data)

    def handle_close(self, event) -> None:
        self._take_back()
        super().handle_close(event)

    def connection_lost(self, exc: Exception | None) -> None:
        self._take_back()
        super().connection_lost(exc)

    def _take_back(self) -> None:
        borrower, self.borrower = self.borrower, None
        if borrower is not None:
            borrower.leave()

    def _end_flood(self) -> None:
        """Closes as keepalive_timeout does, and lets the application know why."""
        if not self.close_sent and self.handshake_complete:
            self._take_back()
            self.queue.put_nowait({"type": "websocket.disconnect", "code": POLICY_VIOLATION})
            self.conn.send_close(POLICY_VIOLATION)
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True
        if self.writable.is_set():
            self.transport.close()
        else:
            self.transport.abort()  # it does not read either: a close would wait for that
