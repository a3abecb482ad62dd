"""Half an hour of a live process with its screens: whether memory stays flat, and whether sockets are lost."""

import asyncio
import re
import time
import urllib.request

from bench.push import machine
from bench.town.town import town

CALL_EVERY = 1.0
SAMPLE_EVERY = 10.0
COMES_AND_GOES = 0.2  # of the screens, each sample: phones are taken out and put away


async def run(screens: int, minutes: float) -> dict[str, object]:
    """The most memory in MB that each quarter of the time saw, and how
    websockets ended, by the process's own count: `renewed` of them because their screens went away."""
    async with town([1]) as made:
        (live,) = made.live
        address = (live.host.address, 8000)
        assert live.process
        with made.watched(address, screens), made.calling(CALL_EVERY):
            await made.settle(120.0)
            samples: list[float] = []
            ends = time.monotonic() + 60 * minutes
            renewed = 0
            while time.monotonic() < ends:
                made.renew(int(screens * COMES_AND_GOES))
                renewed += int(screens * COMES_AND_GOES)
                await asyncio.sleep(SAMPLE_EVERY)
                samples.append(machine.resident(live.process.pid) / 2**20)
            right = await made.settle()
            closed = await asyncio.to_thread(_closed, address)
    quarter = len(samples) // 4
    return {
        "screens": screens, "minutes": minutes, "calls": made.clinic.calls,
        "memory": [round(max(samples[n * quarter : (n + 1) * quarter])) for n in range(4)],
        "closed": closed, "renewed": renewed, "right": right,
    }  # fmt: skip


def _closed(address: tuple[str, int]) -> dict[str, int]:
    """Websockets that have ended, by reason."""
    with urllib.request.urlopen("http://{}:{}/metrics".format(*address), timeout=10) as response:
        text = response.read().decode()
    found = re.findall(r'^queueboard_live_closed_total\{reason="([^"]+)"\} ([0-9.e+]+)', text, re.MULTILINE)
    return {reason: int(float(count)) for reason, count in found}
