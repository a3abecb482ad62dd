"""The town put together: a database, news, live processes on hosts of their own, a clinic that calls, and screens."""

import asyncio
import json
import os
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.push.machine import free_port, many_files
from bench.town import parts
from bench.town.network import Host, network
from bench.town.screens import Screen

QUEUES = 4  # two of them by each server of news
WAITING = 12  # in each
SETTLED = 30.0  # seconds that screens are given at most to be right


class Clinic:
    """The process that calls (bench/town/clinic.py), and what it last said of the queues' versions."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.versions: dict[int, int] = {}
        self.since: dict[int, float] = {}  # by queue, when it came to its present version
        self.calls = self.errors = 0
        self._asked = asyncio.Lock()

    async def ask(self, what: str) -> object:
        async with self._asked:
            assert self.process.stdin
            self.process.stdin.write(f"{what}\n".encode())
            return await self.answer()

    async def answer(self) -> object:
        assert self.process.stdout
        answer = json.loads(await self.process.stdout.readline())
        if isinstance(answer, dict) and "error" not in answer:
            for session, version in answer.items():
                if self.versions.get(int(session)) != version:
                    self.versions[int(session)], self.since[int(session)] = version, time.monotonic()
        return answer

    async def call_on(self, every: float) -> None:
        """A call in every queue, again and again."""
        while True:
            # Ended between question and answer, the answer would be taken for that of the next question.
            answer = await asyncio.shield(self.ask("call"))
            failed = isinstance(answer, dict) and "error" in answer
            self.errors += failed
            self.calls += not failed
            await asyncio.sleep(every)


@dataclass
class Town:
    postgres: parts.Postgres
    news: list[parts.Part]
    news_host: Host
    live: list[parts.Part]
    clinic: Clinic
    screens: list[Screen] = field(default_factory=list)
    _tasks: deque[tuple[Screen, asyncio.Task]] = field(default_factory=deque)

    def wrong(self) -> list[Screen]:
        return [screen for screen in self.screens if screen.version < self.clinic.versions[screen.session]]

    async def settle(self, seconds: float = SETTLED) -> float:
        """Seconds until every screen shows what is now in the database, and fresh. Raises TimeoutError."""
        started, left = time.monotonic(), self.screens
        due = dict(self.clinic.versions)
        while left:
            if time.monotonic() > started + seconds:
                raise TimeoutError(f"{len(left)} of {len(self.screens)} screens are not right after {seconds} s")
            await asyncio.sleep(0.02)
            left = [screen for screen in left if screen.version < due[screen.session] or screen.stale]
        return time.monotonic() - started

    @contextmanager
    def watched(self, address: tuple[str, int], screens: int) -> Iterator[None]:
        """So many screens at this address, the queues dealt out to them."""
        queues = sorted(self.clinic.versions)
        self.screens = [Screen(address, queues[n % len(queues)]) for n in range(screens)]
        self._tasks = deque((screen, asyncio.create_task(screen.run())) for screen in self.screens)
        try:
            yield
        finally:
            for _screen, task in self._tasks:
                task.cancel()

    def renew(self, count: int) -> None:
        """So many screens go away, those who came first, and others come in their place."""
        for _ in range(count):
            screen, task = self._tasks.popleft()
            task.cancel()
            other = Screen(screen.address, screen.session)
            self.screens[self.screens.index(screen)] = other
            self._tasks.append((other, asyncio.create_task(other.run())))

    @contextmanager
    def calling(self, every: float) -> Iterator[None]:
        task = asyncio.create_task(self.clinic.call_on(every))
        try:
            yield
        finally:
            task.cancel()


@asynccontextmanager
async def town(processes: Sequence[int], queues: int = QUEUES) -> AsyncIterator[Town]:
    """A host for each of `processes`, with so many live processes behind its port."""
    many_files()
    with ExitStack() as stack:
        folder = stack.enter_context(parts.folder())
        net = stack.enter_context(network())
        postgres = parts.Postgres(folder, net.address)
        postgres.create()
        stack.callback(postgres.stop)
        news_host = net.host()
        news, urls = zip(*(parts.news_server(news_host, folder, free_port()) for _ in range(2)), strict=True)
        env = _environment(folder, postgres.url, urls)
        live = [parts.live_process(net.host(), env, count) for count in processes]
        for part in (*news, *live):
            stack.callback(part.end)
        for part in news:
            part.start()
        clinic = Clinic(await _clinic(env, queues))
        stack.callback(clinic.process.kill)
        await clinic.answer()
        for part in live:
            part.launch()
        for part in live:
            await asyncio.to_thread(parts.until, part.ready)
        yield Town(postgres, list(news), news_host, live, clinic)


def _environment(folder: Path, database: str, urls: tuple[str, ...]) -> dict[str, str]:
    (folder / "static").mkdir()
    return os.environ | {
        "DATABASE_URL": database, "REDIS_URL": urls[0], "NEWS_URLS": ",".join(urls), "REDIS_PREFIX": "town",
        "QUEUEBOARD_VAR": str(folder), "LOG_LEVEL": "CRITICAL", "TRUST_PROXY": "true",
        "LIVE_SOCKETS": "100000", "LIVE_SOCKETS_PER_ADDRESS": "100000", "SECRET_KEY": "town" * 12,
        "DJANGO_SETTINGS_MODULE": "queueboard.settings",
    }  # fmt: skip


async def _clinic(env: dict[str, str], queues: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.town.clinic", str(queues), str(WAITING), env=env, cwd=parts.ROOT,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
