"""A live process that is killed and started again under thousands of screens: how they come back (R6.1)."""

import asyncio
import time

import psycopg

from bench.town.town import town

AWAY = 3.0  # seconds until it is started again
COUNTED = 5.0  # seconds within which PostgreSQL adds to its counts what was read
OPENED = 240.0  # seconds for all to come at first, and to come back


async def run(screens: int, queues: int) -> dict[str, object]:
    """How the screens came back, as plain values.

    `fullest` is the most websockets that were opened in any one second, `reads` how often the queues' tickets were read
    meanwhile: once a queue and no more, whatever the number of screens.
    """
    async with town([1], queues) as made:
        (live,) = made.live
        with made.watched((live.host.address, 8000), screens):
            await _all_open(made.screens, since=0.0)
            await made.settle()
            live.end()
            ended = time.monotonic()
            await asyncio.sleep(AWAY)
            before = _reads(made.postgres.url)
            await asyncio.to_thread(live.start)
            started = time.monotonic()
            await _all_open(made.screens, since=ended)
            await asyncio.sleep(COUNTED)
            reads = _reads(made.postgres.url) - before
            await made.clinic.ask("call")
            right = await made.settle()
            came = sorted(screen.opened_at - started for screen in made.screens)
            polls = sum(screen.polled for screen in made.screens)
    seconds = [int(each) for each in came]
    return {
        "screens": screens, "queues": queues, "median": came[len(came) // 2], "last": came[-1],
        "fullest": max(seconds.count(second) for second in set(seconds)), "polls": polls, "reads": reads,
        "right": right,
    }  # fmt: skip


async def _all_open(screens: list, since: float) -> None:
    deadline = time.monotonic() + OPENED
    while any(screen.opened_at <= since for screen in screens):
        if time.monotonic() > deadline:
            raise TimeoutError("not every screen came back")
        await asyncio.sleep(0.1)


def _reads(url: str) -> int:
    """How often the table of tickets has been read, by PostgreSQL's own count."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_stat_clear_snapshot()")
        (count,) = connection.execute(
            "SELECT seq_scan + idx_scan FROM pg_stat_user_tables WHERE relname = 'queueboard_ticket'"
        ).fetchone() or (0,)
    return count
