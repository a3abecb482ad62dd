"""What one process holds of a queue or a board, and the mailboxes of the sockets on it. No I/O."""

import asyncio
from collections.abc import Mapping
from datetime import datetime

from django.utils import timezone

from queueboard.live import protocol
from queueboard.live.truth import BoardSetup, Versions
from queueboard.snapshots import Snapshot


class Mailbox:
    """One socket's: the newest state and the newest heartbeat, each replaced where the socket has not taken it yet."""

    __slots__ = ("_beat", "_code", "_state", "_wake")

    def __init__(self) -> None:
        self._state: str | None = None
        self._beat: str | None = None
        self._code: int | None = None
        self._wake = asyncio.Event()

    def put(self, state: str) -> None:
        self._state = state
        self._wake.set()

    def beat(self, heartbeat: str) -> None:
        self._beat = heartbeat
        self._wake.set()

    def close(self, code: int) -> None:
        self._code = code
        self._wake.set()

    async def take(self) -> tuple[list[str], int | None]:
        """Waits for something to send: the frames, then the code to close with, if any."""
        await self._wake.wait()
        self._wake.clear()
        frames = [frame for frame in (self._state, self._beat) if frame is not None]
        self._state = self._beat = None
        return frames, self._code


class Feed:
    """State at one version, per audience, and who is on it. `read_at`: when it was last known to be the database's."""

    def __init__(self) -> None:
        self.version = -1
        self.read_at: datetime | None = None
        self.wanted_until = 0.0  # by the loop's clock: polls keep a feed for a while
        self._bodies: dict[str, bytes] = {}
        self._texts: dict[str, str] = {}
        self._boxes: dict[str, set[Mailbox]] = {}

    def body(self, audience: str) -> bytes:
        return self._bodies[audience]

    @property
    def idle(self) -> bool:
        return not any(self._boxes.values())

    def join(self, audience: str) -> Mailbox:
        """A mailbox for a new socket, the present state in it."""
        box = Mailbox()
        self._boxes.setdefault(audience, set()).add(box)
        box.put(self._text(audience))
        return box

    def leave(self, audience: str, box: Mailbox) -> None:
        self._boxes.get(audience, set()).discard(box)

    def beat(self, now: datetime) -> None:
        """A heartbeat for every socket."""
        if self.read_at is None:
            return
        frame = protocol.heartbeat(read_at=self.read_at, now=now)
        for boxes in self._boxes.values():
            for box in boxes:
                box.beat(frame)

    def close(self, code: int) -> None:
        """Tells every socket to close."""
        for boxes in self._boxes.values():
            for box in boxes:
                box.close(code)

    def _show(self, version: int, bodies: dict[str, bytes]) -> bool:
        """Hands a newer state to every socket: the same text to all of an audience, decoded once."""
        if version <= self.version:
            return False
        self.version, self._bodies, self._texts = version, bodies, {}
        for audience, boxes in self._boxes.items():
            if boxes:
                text = self._text(audience)
                for box in boxes:
                    box.put(text)
        return True

    def _text(self, audience: str) -> str:
        if audience not in self._texts:
            self._texts[audience] = self._bodies[audience].decode()
        return self._texts[audience]


class QueueFeed(Feed):
    """One session's queue, for the audiences of a snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__()
        self.snapshot = snapshot
        self.take(snapshot)

    def take(self, snapshot: Snapshot) -> bool:
        """Whether this snapshot was news."""
        if not self._show(snapshot.version, {part: getattr(snapshot, part) for part in protocol.PARTS}):
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
        self.tracked: frozenset[int] = frozenset()
        self._base = 0

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
