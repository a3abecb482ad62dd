"""uvicorn's http protocol, which does not wait for ever for a request:

    uvicorn queueboard.asgi:application --http queueboard.live.http:PromptProtocol

uvicorn itself counts from the end of the first answer on. A connection that never asks anything, or a header a minute,
would be kept until all files that a process may open are used up.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

PATIENCE = 15.0  # seconds from the connection, or from the first byte of a later request, to the end of its headers


class PromptProtocol(HttpToolsProtocol):
    """Closes the connection of who takes longer than PATIENCE to ask."""

    _asked: asyncio.TimerHandle | None = None

    def connection_made(self, transport) -> None:
        super().connection_made(transport)
        self._wait()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._asked is None:
            self._wait()

    def on_headers_complete(self) -> None:
        self._heard()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._heard()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._asked = self.loop.call_later(PATIENCE, self.transport.abort)

    def _heard(self) -> None:
        if self._asked is not None:
            self._asked.cancel()
            self._asked = None
