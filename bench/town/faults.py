"""What goes wrong in the town, one thing after the other, while the clinic calls and many screens look on (R6.1)."""

import asyncio
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from bench.town import parts
from bench.town.screens import QUIET, Screen
from bench.town.town import Town, town

CALL_EVERY = 0.5
SAID_BY = QUIET + 3.0  # seconds: a state older than this is one that a screen must have said to be old


@dataclass(frozen=True)
class Fault:
    """`behind`: screens that showed an old state when the fault ended; `stale`: that said so at some time;
    `unsaid`: that did not although it was old; `right`: seconds from the repair until all were right and fresh."""

    what: str
    lasted: float
    behind: int
    stale: int
    unsaid: int
    right: float


async def run(screens: int, seconds: float) -> dict[str, object]:
    """All faults as plain values, and what the clinic did meanwhile. Each lasts so many seconds.

    One live process on one host, two behind one port on another, nginx before both. Raises TimeoutError where screens
    do not come right.
    """
    async with town([1, 2]) as made:
        hosts = [part.host for part in made.live]
        with parts.proxy(hosts) as port, made.watched(("127.0.0.1", port), screens), made.calling(CALL_EVERY):
            faults = [asdict(await each) for each in _faults(made, seconds)]
        breaches = await made.clinic.ask("breaches")
    return {
        "screens": screens, "faults": faults, "calls": made.clinic.calls, "failed": made.clinic.errors,
        "breaches": breaches, "opened": sum(each.opened for each in made.screens),
        "polls": sum(each.polled for each in made.screens),
    }  # fmt: skip


def _faults(made: Town, seconds: float) -> Iterator[Coroutine[Any, Any, Fault]]:
    one, two = made.live

    def every(group: list[parts.Part]) -> Callable[[], None]:
        def start() -> None:
            for part in group:
                part.launch()
            for part in group:
                parts.until(part.ready)

        return start

    def none(group: list[parts.Part]) -> Callable[[], None]:
        return lambda: [part.end() for part in group] and None

    yield _fault(made, "one live process killed", seconds, one.end, one.start)
    yield _fault(made, "all live processes killed", seconds, none(made.live), every(made.live))
    yield _fault(made, "one of two Redis killed", seconds, made.news[0].end, made.news[0].start)
    yield _fault(made, "both Redis killed", seconds, none(made.news), every(made.news))
    yield _fault(made, "network to Redis cut", seconds, made.news_host.cut, made.news_host.mend)
    yield _fault(made, "network to one live host cut", seconds, two.host.cut, two.host.mend)
    yield _fault(made, "PostgreSQL crashed and away", seconds, made.postgres.stop, made.postgres.start)


async def _fault(
    made: Town, what: str, lasts: float, begin: Callable[[], object], repair: Callable[[], object]
) -> Fault:
    await made.settle()
    begin()
    stale: set[Screen] = set()
    unsaid: set[Screen] = set()
    started = time.monotonic()
    while time.monotonic() < started + lasts:
        await asyncio.sleep(0.2)
        stale |= {screen for screen in made.screens if screen.stale}
        old = [each for each in made.wrong() if time.monotonic() > made.clinic.since[each.session] + SAID_BY]
        unsaid |= {screen for screen in old if not screen.stale}
    behind = len(made.wrong())
    await asyncio.to_thread(repair)
    await made.clinic.ask("versions")
    found = Fault(what, lasts, behind, len(stale), len(unsaid), round(await made.settle(), 2))
    print(found, file=sys.stderr, flush=True)
    return found
