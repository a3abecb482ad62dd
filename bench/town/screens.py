"""Screens as static/js/live.js makes them: websocket, polling where that fails, and how old the state is said to be."""

import asyncio
import base64
import json
import os
import random
import time

QUIET = 10.0  # seconds without word, after which a screen says how old its state is
POLL_EVERY = 3.0
SOCKET_AGAIN = 60.0  # while polling
FAILURES = 2
SLOW_START, LOST = 5.0, 15.0
SPREAD, LONGEST_PAUSE = 3.0, 15.0
TEXT, CLOSE, PING = 0x81, 0x88, 0x89


class Screen:
    """One queue on one screen. `version` is what it shows, `shown` when it came to show it."""

    def __init__(self, address: tuple[str, int], session_id: int) -> None:
        self.address, self.session = address, session_id
        self.version = -1
        self.known_at = time.monotonic()
        self.failures = 0
        self.opened = 0  # websockets that brought a state
        self.opened_at = 0.0  # the last of them
        self.polled = 0
        self._socket_at = 0.0
        self._unreachable = False

    @property
    def stale(self) -> bool:
        """Whether it says that its state is old."""
        return time.monotonic() - self.known_at > QUIET

    async def run(self) -> None:
        while True:
            if self.failures < FAILURES or time.monotonic() >= self._socket_at:
                worked = await self._socket()
                self.failures = 0 if worked else self.failures + 1
                if self.failures < FAILURES:
                    await asyncio.sleep(self._pause())
                    continue
                self._socket_at = time.monotonic() + SOCKET_AGAIN * random.uniform(0.75, 1.25)
            await self._poll()
            await asyncio.sleep(POLL_EVERY)

    def _pause(self) -> float:
        return random.random() * min(LONGEST_PAUSE, SPREAD * 2**self.failures)

    def _take(self, version: int) -> bool:
        newer = version > self.version
        self.version = max(version, self.version)
        return newer

    async def _socket(self) -> bool:
        """Until it ends: whether it brought a state."""
        worked, writer = False, None
        try:
            async with asyncio.timeout(SLOW_START):
                reader, writer = await self._ask(f"/ws/queues/{self.session}/", upgrade=True)
                if b" 101 " not in await reader.readuntil(b"\r\n\r\n"):
                    return False
            while True:
                async with asyncio.timeout(LOST if worked else SLOW_START):
                    kind, payload = await _frame(reader)
                if kind == CLOSE:
                    return worked
                if kind == PING:
                    writer.write(bytes((0x8A, 0x80 | len(payload))) + bytes(4) + payload)
                elif kind == TEXT:
                    worked |= self._hear(json.loads(payload), first=not worked)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            return worked
        finally:
            if writer is not None:
                writer.close()

    def _hear(self, message: dict, *, first: bool) -> bool:
        """Whether it was a state."""
        if "heartbeat" in message:
            self.known_at = time.monotonic() - _seconds(message["heartbeat"], message["now"])
            return False
        if first:
            self.opened, self.opened_at = self.opened + 1, time.monotonic()
        if self._take(message["version"]) or first:
            self.known_at = time.monotonic()
        return True

    async def _poll(self) -> None:
        writer = None
        try:
            async with asyncio.timeout(SLOW_START):
                reader, writer = await self._ask(f"/live/queues/{self.session}", upgrade=False)
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
                body = await reader.readexactly(int(headers.get("content-length", 0)))
            if " 200 " in head.split("\r\n", 1)[0]:
                self.polled += 1
                self._take(json.loads(body)["version"])
                self.known_at = time.monotonic() - float(headers.get("queue-age", 0))
                if self._unreachable:
                    # The server was away: websockets failed for that, and need not be blocked.
                    self._unreachable, self.failures = False, 0
                    await asyncio.sleep(self._pause())
            else:
                self._unreachable = True
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            self._unreachable = True
        finally:
            if writer is not None:
                writer.close()

    async def _ask(self, path: str, *, upgrade: bool) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host = "{}:{}".format(*self.address)
        reader, writer = await asyncio.open_connection(*self.address)
        key = base64.b64encode(os.urandom(16)).decode()
        more = (
            f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            if upgrade
            else "Connection: close\r\n"
        )
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n{more}\r\n".encode())
        return reader, writer


async def _frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    kind, length = await reader.readexactly(2)
    if length == 126:
        length = int.from_bytes(await reader.readexactly(2), "big")
    elif length == 127:
        length = int.from_bytes(await reader.readexactly(8), "big")
    return kind, await reader.readexactly(length)


def _seconds(earlier: str, later: str) -> float:
    from datetime import datetime

    return max(0.0, (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds())
