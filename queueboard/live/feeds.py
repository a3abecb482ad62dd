"""What one process holds of a queue or a board, and the sockets on it, told of a newer state at a bounded pace."""

import asyncio
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from weakref import WeakKeyDictionary

from django.utils import timezone

from queueboard.live import metrics, protocol
from queueboard.live.outlets import Crowd, Message, Outlet
from queueboard.live.truth import BoardSetup, Versions
from queueboard.snapshots import Snapshot

OLD = timedelta(seconds=3)  # an age that a new socket is told of at once: the sweep looks every two
PACE = 0.25  # seconds between two states to a socket: of a burst the first goes at once, and the last always


class Feed:
    """State at one version, per audience, and who is on it. `read_at`: when it was last known to be the database's."""

    def __init__(self) -> None:
        self.version = -1
        self.read_at: datetime | None = None
        self.wanted_until = 0.0  # by the loop's clock: polls keep a feed for a while
        self._messages: dict[str, Message] = {}
        self._crowds: dict[str, Crowd] = {}
        self._pushed_at = -PACE  # by the loop's clock
        self._held: asyncio.TimerHandle | None = None  # a state waits for its turn
        self._committed: float | None = None  # when the first change was that no socket has been told of

    def message(self, audience: str) -> Message:
        return self._messages[audience]

    @property
    def tag(self) -> str:
        """The ETag of its state."""
        return protocol.etag(self.version)

    @property
    def idle(self) -> bool:
        return not any(self._crowds.values())

    def join(self, audience: str, outlet: Outlet, device: int | None = None) -> None:
        """A new socket, which gets the present state; `device`: the connected screen that it is."""
        if audience not in self._crowds:
            self._crowds[audience] = Crowd(audience)
        outlet.join(self._crowds[audience], self._messages[audience])
        now = timezone.now()
        beat = self.heartbeat(now) if self.read_at is not None and now - self.read_at > OLD else None
        if beat is not None:
            outlet.give(beat)

    def heartbeat(self, now: datetime) -> Message | None:
        """What tells a socket how old its state is; None before the first read."""
        return None if self.read_at is None else Message(protocol.heartbeat(read_at=self.read_at, now=now))

    def beat(self, now: datetime) -> None:
        """A heartbeat for every socket."""
        message = self.heartbeat(now)
        if message is not None:
            for crowd in self._crowds.values():
                crowd.push(message)

    def pushed_within(self, seconds: float) -> bool:
        """Whether every socket has had a state lately."""
        return asyncio.get_running_loop().time() < self._pushed_at + seconds

    def close(self, code: int) -> None:
        """Closes every socket with this code."""
        if self._held is not None:
            self._held.cancel()
        for crowd in self._crowds.values():
            for outlet in crowd:
                outlet.close(code)

    def _show(self, version: int, bodies: dict[str, bytes], committed: float | None = None) -> bool:
        """Takes a newer state, for every socket now or when their pace allows; whether it is newer."""
        if version <= self.version:
            return False
        self.version = version
        self._messages = {audience: Message(body) for audience, body in bodies.items()}
        if self.idle:
            return True
        if self._committed is None:
            self._committed = committed
        if self._held is not None:
            metrics.coalesced.inc()
            return True
        loop = asyncio.get_running_loop()
        if loop.time() >= self._pushed_at + PACE:
            self._push()
        else:
            self._held = loop.call_at(self._pushed_at + PACE, self._push)
        return True

    def _push(self) -> None:
        self._held = None
        self._pushed_at = asyncio.get_running_loop().time()
        for audience, crowd in self._crowds.items():
            crowd.show(self._messages[audience])
        if self._committed is not None:
            metrics.commit_to_socket.observe(time.time() - self._committed)
            self._committed = None


class QueueFeed(Feed):
    """One session's queue, for the audiences of a snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__()
        self.snapshot = snapshot
        self.take(snapshot)

    def take(self, snapshot: Snapshot) -> bool:
        """Whether this snapshot was news."""
        bodies = {part: getattr(snapshot, part) for part in protocol.PARTS}
        if not self._show(snapshot.version, bodies, snapshot.committed):
            return False
        self.snapshot = snapshot
        return True


class BoardFeed(Feed):
    """A board: its queues' board-audience bytes, joined.

    Its version is the sum of the versions of all sessions of its departments, shown or not: it rises with each of
    them, does not fall when a session leaves the board, and is the same in every process. `base` is the part of those
    that are not tracked, which do not change until the next sweep sees it.
    """

    AUDIENCE = "board"

    def __init__(self, setup: BoardSetup) -> None:
        super().__init__()
        self.setup = setup
        self.devices: WeakKeyDictionary[Outlet, int] = WeakKeyDictionary()  # sockets that are connected screens
        self.tracked: frozenset[int] = frozenset()
        self._base = 0

    @property
    def tag(self) -> str:
        return protocol.etag(self.version, self.setup.digest)

    def join(self, audience: str, outlet: Outlet, device: int | None = None) -> None:
        if device is not None:
            self.devices[outlet] = device
        super().join(audience, outlet)

    def let_go(self, connected: frozenset[int]) -> None:
        """Closes the sockets of screens that were disconnected, or sent elsewhere, and of no others."""
        for outlet, device in list(self.devices.items()):
            if device not in connected:
                outlet.close(protocol.CHANGED)

    def follow(self, versions: Versions, queues: Mapping[int, QueueFeed], now: datetime) -> None:
        """Takes over from a sweep which sessions there are. Every live one must be in `queues` by now."""
        live = [versions.live[department] for department in self.setup.departments]
        self.tracked = frozenset().union(*live)
        total = sum(versions.totals.get(department, 0) for department in self.setup.departments)
        self._base = total - sum(versions.sessions[session_id] for session_id in self.tracked)
        self.compose(queues, now)

    def compose(self, queues: Mapping[int, QueueFeed], now: datetime) -> bool:
        """Builds the message anew; whether it was news."""
        tracked = [queues[session_id].snapshot for session_id in self.tracked]
        version = self._base + sum(snapshot.version for snapshot in tracked)
        if version <= self.version:
            return False
        rooms = self.setup.rooms
        shown = [snap for snap in tracked if snap.live and (not rooms or not rooms.isdisjoint(snap.rooms))]
        message = protocol.board_message(
            slug=self.setup.row.slug,
            version=version,
            at=timezone.localtime(now),
            titles=self.setup.row.titles,
            queues=[snapshot.board for snapshot in sorted(shown, key=lambda snapshot: snapshot.sort)],
        )
        return self._show(version, {self.AUDIENCE: message})
