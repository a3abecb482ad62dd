"""The ways out to sockets. Those that take at once are written to in one loop; the others wait aside for the newest.

Nothing here awaits a client. A socket whose client does not read leaves the loop when its transport says so, or when
`send` does not finish at once; it comes back with the newest state, or is dropped after STUCK_AFTER.
"""

import asyncio
from collections.abc import Awaitable, Callable, Generator, Iterator
from typing import Any, Generic, TypeVar

from queueboard.live import metrics, protocol
from queueboard.live.server import EXTENSION

STUCK_AFTER = 10.0  # seconds that a client may leave unread what it was sent
Form = TypeVar("Form", bytes, str)


class Message:
    """The same for many sockets, made once: `frame` for those that are written to, `text` for a server's `send`."""

    __slots__ = ("_frame", "_text", "body", "polled")

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.polled: Any = None  # what edge.py has made of it for polls
        self._frame: bytes | None = None
        self._text: str | None = None

    @property
    def frame(self) -> bytes:
        if self._frame is None:
            self._frame = protocol.frame(self.body)
        return self._frame

    @property
    def text(self) -> str:
        if self._text is None:
            self._text = self.body.decode()
        return self._text


class Ready(Generic[Form]):
    """The sockets that take a message at once, in one form. The loop over them touches nothing but their functions."""

    def __init__(self) -> None:
        self._by_outlet: dict[Outlet, Callable[[Form], None]] = {}
        self._functions: list[Callable[[Form], None]] | None = None  # made anew after a change, never changed

    def __len__(self) -> int:
        return len(self._by_outlet)

    def __iter__(self) -> Iterator["Outlet"]:
        return iter(self._by_outlet)

    def add(self, outlet: "Outlet", function: Callable[[Form], None]) -> None:
        self._by_outlet[outlet] = function
        self._functions = None

    def discard(self, outlet: "Outlet") -> None:
        if self._by_outlet.pop(outlet, None) is not None:
            self._functions = None

    def push(self, message: Form) -> None:
        """One call for each. A function may find its socket slow, which takes that out of here."""
        if self._functions is None:
            self._functions = list(self._by_outlet.values())
        failed = []
        for function in self._functions:
            try:
                function(message)
            except Exception:  # gone in the middle of it: each server says so in its own words
                failed.append(function)
        if failed:
            for outlet in [each for each, function in self._by_outlet.items() if function in failed]:
                outlet.leave()


class Crowd:
    """The sockets that get the same: one audience of a feed."""

    def __init__(self, audience: str) -> None:
        self.sockets = metrics.sockets.labels(audience)
        self.newest: Message | None = None
        self.states = 0  # pushed so far
        self.written: Ready[bytes] = Ready()
        self.sent: Ready[str] = Ready()
        self.late: set[Outlet] = set()

    def __len__(self) -> int:
        return len(self.written) + len(self.sent) + len(self.late)

    def __iter__(self) -> Iterator["Outlet"]:
        return iter([*self.written, *self.sent, *self.late])

    def show(self, state: Message) -> None:
        """A newer state, for all of them; the late get it when they can take it."""
        self.newest = state
        self.states += 1
        self.push(state)

    def push(self, message: Message) -> None:
        """To every socket that can take it now."""
        metrics.pushes.inc(len(self.written) + len(self.sent))
        if self.written:
            self.written.push(message.frame)
        if self.sent:
            self.sent.push(message.text)


class Outlet:
    """One socket's way out. `drop(code)` is called once, when it must go: the crowd has forgotten it by then."""

    __slots__ = ("__weakref__", "_crowd", "_drop", "_seen", "_stuck")

    def __init__(self, drop: Callable[[int], None]) -> None:
        self._drop = drop
        self._crowd: Crowd | None = None
        self._seen = 0  # states of the crowd when it became late
        self._stuck: asyncio.TimerHandle | None = None

    def join(self, crowd: Crowd, present: Message) -> None:
        """Into the crowd, with the present state."""
        self._crowd = crowd
        crowd.sockets.inc()
        self._ready(crowd)
        self.give(present)

    def leave(self) -> None:
        """At once: a socket that has closed must not be written to. A second time does nothing."""
        crowd, self._crowd = self._crowd, None
        if crowd is None:
            return
        self._unready(crowd)
        crowd.late.discard(self)
        crowd.sockets.dec()
        if self._stuck is not None:
            self._stuck.cancel()

    def close(self, code: int) -> None:
        """Leaves, and has the socket closed with this code."""
        if self._crowd is not None:
            self.leave()
            self._drop(code)

    def give(self, message: Message) -> None:
        """To this socket alone, unless it is late."""
        crowd = self._crowd
        if crowd is None or self in crowd.late:
            return
        try:
            self._write(message)
        except Exception:
            self.leave()

    def pause(self) -> None:
        """Its client does not keep up. May be called by a write in the middle of a push."""
        crowd = self._crowd
        if crowd is None or self in crowd.late:
            return
        self._unready(crowd)
        crowd.late.add(self)
        self._seen = crowd.states
        self._stuck = asyncio.get_running_loop().call_later(STUCK_AFTER, self.close, protocol.STUCK)

    def resume(self) -> None:
        """Its client has read all."""
        crowd = self._crowd
        if crowd is None or self not in crowd.late:
            return
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None
        crowd.late.remove(self)
        self._ready(crowd)
        if self._seen != crowd.states and crowd.newest is not None:
            self.give(crowd.newest)

    def _ready(self, crowd: Crowd) -> None:
        raise NotImplementedError

    def _unready(self, crowd: Crowd) -> None:
        raise NotImplementedError

    def _write(self, message: Message) -> None:
        raise NotImplementedError


class Writing(Outlet):
    """Through the server's extension: the transport's own `write`, and its word on who is slow."""

    __slots__ = ("_out",)

    def __init__(self, drop: Callable[[int], None]) -> None:
        super().__init__(drop)
        self._out: Callable[[bytes], None]

    def borrow(self, extension: dict[str, Any]) -> bool:
        """Whether the server lends its `write`."""
        out = extension["lend"](self)
        if out is not None:
            self._out = out
        return out is not None

    def _ready(self, crowd: Crowd) -> None:
        crowd.written.add(self, self._out)

    def _unready(self, crowd: Crowd) -> None:
        crowd.written.discard(self)

    def _write(self, message: Message) -> None:
        self._out(message.frame)


class Sending(Outlet):
    """Through ASGI's `send`: its first step is taken here, which for a client that reads is all there is to it."""

    __slots__ = ("_rest", "_send")

    def __init__(self, drop: Callable[[int], None], send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
        super().__init__(drop)
        self._send = send
        self._rest: asyncio.Task | None = None

    def _ready(self, crowd: Crowd) -> None:
        crowd.sent.add(self, self._out)

    def _unready(self, crowd: Crowd) -> None:
        crowd.sent.discard(self)

    def _write(self, message: Message) -> None:
        self._out(message.text)

    def _out(self, text: str) -> None:
        steps = self._send({"type": "websocket.send", "text": text}).__await__()
        try:
            first = next(steps)
        except StopIteration:
            return
        self.pause()
        self._rest = asyncio.get_running_loop().create_task(self._finish(_Rest(first, steps)))

    async def _finish(self, rest: "_Rest") -> None:
        try:
            await rest
        except Exception:
            self.leave()
        else:
            self.resume()


class _Rest:
    """What is left of something awaitable after its first step, which a task can go on with."""

    def __init__(self, first: Any, steps: Generator[Any, Any, None]) -> None:
        self._first, self._steps = first, steps

    def __await__(self) -> Generator[Any, Any, None]:
        yield self._first
        yield from self._steps


def outlet(scope: dict[str, Any], send, drop: Callable[[int], None]) -> Outlet:
    """The best way out that the server offers to an accepted socket."""
    extension = scope.get("extensions", {}).get(EXTENSION)
    if extension is not None:
        writing = Writing(drop)
        if writing.borrow(extension):
            return writing
    return Sending(drop, send)
