"""The fan-out of one process: news in, the same bytes to every local socket. It never waits for a socket.

A slow socket waits aside for the newest state (outlets.py), so it delays nobody.
What Redis does not bring, the sweep does: every 2 s one query compares the versions of what is served here with the
database. A feed's heartbeat carries when that last agreed (R6.1): a heartbeat alone is no proof.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import TypeVar

from django.utils import timezone

from booking.models import Session
from queueboard.live import carriers, news, protocol, truth
from queueboard.live.feeds import BoardFeed, Feed, QueueFeed
from queueboard.live.link import Link
from queueboard.snapshots import Snapshot

log = logging.getLogger(__name__)
Answer = TypeVar("Answer")

SWEEP_EVERY = 2.0
BEAT_EVERY = 4.0  # a screen must have word every 5 s
WORD_ENOUGH = 1.0  # seconds: a state so new is word enough, and spares a burst the heartbeats in it
POLLED_FOR = 30.0  # a feed that was polled is kept so long
SETUP_EVERY = 10.0  # how long a board goes on after its rooms were changed or its screen was disconnected
BUILDERS = 2


class Hub:
    """One per process. Everything but `hear` runs on its event loop."""

    def __init__(self) -> None:
        self.queues: dict[int, QueueFeed] = {}
        self.boards: dict[str, BoardFeed] = {}
        self.swept_at: datetime | None = None
        self._running = False

    # --- life

    def start(self) -> None:
        """Starts listening and sweeping on the running loop; a second call does nothing."""
        if self._running:
            return
        self._running = True
        self._loop = asyncio.get_running_loop()
        # The sweep has a thread of its own: builds that hang must not keep it from noticing.
        self._readers = ThreadPoolExecutor(BUILDERS, "live-read")
        self._sweeper = ThreadPoolExecutor(1, "live-sweep")
        self._loading: dict[object, asyncio.Task] = {}
        self._setup_at = 0.0
        self.links = {url: Link(url, self._on_message) for url in carriers.urls()}
        self._tasks = [
            *(self._loop.create_task(link.run()) for link in self.links.values()),
            self._loop.create_task(self._each(SWEEP_EVERY, self._sweep)),
            self._loop.create_task(self._each(BEAT_EVERY, self._beat)),
        ]
        news.listeners.append(self.hear)

    async def stop(self) -> None:
        """Tells every socket to reconnect elsewhere, and ends the tasks."""
        if not self._running:
            return
        self._running = False
        news.listeners.remove(self.hear)
        for feed in self._feeds():
            feed.close(protocol.RESTART)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._readers.shutdown(wait=False, cancel_futures=True)
        self._sweeper.shutdown(wait=False, cancel_futures=True)
        self.queues.clear()
        self.boards.clear()

    async def _each(self, seconds: float, work: Callable) -> None:
        failing = False
        while True:
            started = self._loop.time()
            try:
                await work()
                failing = False
            except Exception as error:
                # Once per spell: a database that is down for an hour is one line with its reason, not 1,800.
                level = logging.DEBUG if failing else logging.ERROR
                log.log(level, "%s: %s", work.__name__, error, exc_info=not failing)
                failing = True
            await asyncio.sleep(max(0.0, started + seconds - self._loop.time()))

    async def read(self, function: Callable[..., Answer], *arguments: object) -> Answer:
        """A read of the database in one of the hub's threads."""
        return await self._loop.run_in_executor(self._readers, truth.with_connection, function, *arguments)

    # --- what is served

    async def queue(self, session_id: int) -> QueueFeed | None:
        """The feed of a session, read first where it is not served here yet; None where there is no such session."""
        if session_id not in self.queues:
            with contextlib.suppress(Session.DoesNotExist):
                await self._once(session_id, partial(self._load_queue, session_id))
        return self.polled(session_id)

    def polled(self, session_id: int) -> QueueFeed | None:
        """The feed of a session that is served here already."""
        feed = self.queues.get(session_id)
        if feed is not None:
            feed.wanted_until = self._loop.time() + POLLED_FOR
        return feed

    async def board(self, slug: str) -> BoardFeed | None:
        """The feed of a board, read first where it is not served here yet; None where there is no such board."""
        feed = self.boards.get(slug) or await self._once(slug, partial(self._load_board, slug))
        if feed is not None:
            feed.wanted_until = self._loop.time() + POLLED_FOR
        return feed

    async def _once(self, key: object, load: Callable) -> Answer:
        """Single flight: who asks while a load is under way waits for that one."""
        task = self._loading.get(key)
        if task is None:
            task = self._loading[key] = self._loop.create_task(load())
            task.add_done_callback(lambda _: self._loading.pop(key, None))
        return await asyncio.shield(task)

    async def _load_queue(self, session_id: int) -> QueueFeed:
        link = self.links[carriers.url_of(session_id)]
        link.want(news.topic(session_id))
        read_at = timezone.now()
        try:
            snapshot = await self.read(truth.read_snapshot, session_id, None)
        except BaseException:
            link.drop(news.topic(session_id))
            raise
        feed = self.queues[session_id] = QueueFeed(snapshot)
        feed.read_at = read_at
        feed.wanted_until = self._loop.time() + POLLED_FOR
        return feed

    async def _load_board(self, slug: str) -> BoardFeed | None:
        setup = await self.read(truth.read_board, slug)
        if setup is None:
            return None
        feed = BoardFeed(setup)
        read_at = timezone.now()
        versions = await self.read(truth.read_versions, (), setup.departments)
        for error in await self._have(set().union(*versions.live.values())):
            raise error
        feed.follow(versions, self.queues, read_at)
        feed.read_at = read_at
        feed.wanted_until = self._loop.time() + POLLED_FOR
        self.boards[slug] = feed
        return feed

    async def _have(self, session_ids: Collection[int]) -> list[BaseException]:
        return await _all(self.queue(session_id) for session_id in session_ids)

    def _feeds(self) -> list[Feed]:
        return [*self.queues.values(), *self.boards.values()]

    def age(self) -> float:
        """Seconds since the oldest feed with sockets on it was last known to be the database's; 0 without any."""
        read = [feed.read_at for feed in self._feeds() if feed.read_at is not None and not feed.idle]
        return (timezone.now() - min(read)).total_seconds() if read else 0.0

    # --- news

    def hear(self, snapshot: Snapshot) -> None:
        """News from a thread of this process: handed to the loop, so that they need no Redis."""
        with contextlib.suppress(RuntimeError):  # the loop is closing
            self._loop.call_soon_threadsafe(self._take, snapshot)

    def _on_message(self, message: bytes) -> None:
        try:
            self._take(protocol.unpack(message))
        except Exception:  # whatever it is, the next ones must be heard
            log.exception("a message was ignored")

    def _take(self, snapshot: Snapshot) -> None:
        feed = self.queues.get(snapshot.session)
        # Another database behind the same Redis (a demonstration started anew) is none of ours.
        if feed is None or feed.snapshot.mark != snapshot.mark or not feed.take(snapshot):
            return
        now = timezone.now()
        for board in self.boards.values():
            if snapshot.session in board.tracked:
                board.compose(self.queues, now)

    # --- the sweep

    async def _sweep(self) -> None:
        await self._look_at_setups()
        self._forget_unwanted()
        if not self.queues and not self.boards:
            return
        boards = list(self.boards.values())
        departments = {department for board in boards for department in board.setup.departments}
        served = list(self.queues)
        read_at = timezone.now()
        versions = await self._loop.run_in_executor(
            self._sweeper, truth.with_connection, truth.read_versions, served, departments
        )
        errors = await self._have(set().union(*versions.live.values()))
        behind = [pk for pk in served if self.queues[pk].version < versions.sessions.get(pk, -1)]
        errors += await _all(self._catch_up(pk, versions.sessions[pk]) for pk in behind)
        for pk in served:
            if pk not in versions.sessions:
                self.queues.pop(pk).close(protocol.UNKNOWN)
            elif self.queues[pk].version >= versions.sessions[pk]:
                self.queues[pk].read_at = read_at
        for board in boards:
            self._follow(board, versions, read_at)
        self.swept_at = read_at
        if errors:
            raise errors[0]

    def _follow(self, board: BoardFeed, versions: truth.Versions, read_at: datetime) -> None:
        live = frozenset().union(*(versions.live[department] for department in board.setup.departments))
        if not live <= self.queues.keys():
            return  # one could not be read: the board stays as it is, and its heartbeat old
        board.follow(versions, self.queues, read_at)
        if all(self.queues[pk].version >= versions.sessions[pk] for pk in live):
            board.read_at = read_at

    async def _catch_up(self, session_id: int, version: int) -> None:
        load = partial(self.read, truth.read_snapshot, session_id, version)
        self._take(await self._once(("behind", session_id), load))

    async def _look_at_setups(self) -> None:
        """A board that was set up anew is dropped, and a screen that was disconnected; who still may comes back."""
        if not self.boards or self._loop.time() < self._setup_at + SETUP_EVERY:
            return
        self._setup_at = self._loop.time()
        for slug, setup in (await self.read(truth.read_boards, list(self.boards))).items():
            if setup is None or setup.identity != self.boards[slug].setup.identity:
                self.boards.pop(slug).close(protocol.UNKNOWN if setup is None else protocol.CHANGED)
            else:
                self.boards[slug].let_go(setup.devices)

    def _forget_unwanted(self) -> None:
        now = self._loop.time()
        for slug in [slug for slug, board in self.boards.items() if board.idle and board.wanted_until < now]:
            del self.boards[slug]
        on_boards = frozenset().union(*(board.tracked for board in self.boards.values()))
        for pk in [pk for pk, feed in self.queues.items() if feed.idle and feed.wanted_until < now]:
            if pk not in on_boards:
                del self.queues[pk]
                self.links[carriers.url_of(pk)].drop(news.topic(pk))

    async def _beat(self) -> None:
        now = timezone.now()
        for feed in self._feeds():
            if not feed.pushed_within(WORD_ENOUGH):
                feed.beat(now)


async def _all(work: Iterable[Awaitable[object]]) -> list[BaseException]:
    """Awaits them side by side: what went wrong, so that one session's trouble stays its own."""
    return [error for error in await asyncio.gather(*work, return_exceptions=True) if isinstance(error, BaseException)]


hub = Hub()
