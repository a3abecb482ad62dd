"""The load: n websockets in one process that count whole rounds of messages, and say each round on standard output.

The first line is said when every socket has its first state. Each line is when 99 of 100 sockets had the message, on
the monotonic clock, which all processes of a machine share. It must cost less than a server, or it would be the limit:
no websocket library, and a frame that arrives whole is looked at once.
"""

import asyncio
import base64
import os
import sys
import time

import uvloop

from bench.push.machine import many_files

AT_ONCE = 200  # handshakes under way
LEAST = 600  # bytes: a state is longer, a heartbeat shorter
TEXT, PING = 0x81, 0x89
MASK = b"\0\0\0\0"


class Socket(asyncio.Protocol):
    """A client that reads frames and counts states. `hello`: said once it is open; Engine.IO's pings are answered."""

    def __init__(self, request: bytes, hello: bytes, counter: "Counter") -> None:
        self.request, self.hello, self.counter = request, hello, counter
        self.buffer = b""
        self.open = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        if (
            not self.buffer and self.open and data[0] == TEXT and data[1] == 126
            and len(data) == 4 + (data[2] << 8 | data[3]) > LEAST
        ):  # fmt: skip
            self.counter.one()
            return
        buffer = self.buffer + data
        if not self.open:
            head, found, buffer = buffer.partition(b"\r\n\r\n")
            if not found:
                self.buffer = head
                return
            if b" 101 " not in head[:16]:
                raise SystemExit(f"refused: {head[:80]!r}")
            self.open = True
            if self.hello:
                self.say(TEXT, self.hello)
        while len(buffer) >= 2:
            length, start = buffer[1] & 127, 2
            if length == 126:
                length, start = int.from_bytes(buffer[2:4], "big"), 4
            elif length == 127:
                length, start = int.from_bytes(buffer[2:10], "big"), 10
            if len(buffer) < start + length:
                break
            self.take(buffer[0], buffer[start : start + length])
            buffer = buffer[start + length :]
        self.buffer = buffer

    def take(self, kind: int, payload: bytes) -> None:
        if len(payload) >= LEAST:
            self.counter.one()
        elif kind == PING:
            self.say(0x8A, payload)
        elif kind == TEXT and payload == b"2":
            self.say(TEXT, b"3")

    def say(self, kind: int, payload: bytes) -> None:
        self.transport.write(bytes((kind, 0x80 | len(payload))) + MASK + payload)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.counter.ended:
            print(f"a socket was lost: {error}", file=sys.stderr)
            os._exit(1)


class Counter:
    """Says a line whenever every socket has had one message more."""

    def __init__(self, sockets: int) -> None:
        self.sockets, self.count, self.ended = sockets, 0, False
        self.late, self.late_at = sockets * 99 // 100, 0.0

    def one(self) -> None:
        self.count += 1
        place = self.count % self.sockets
        if place == self.late:
            self.late_at = time.monotonic()
        if place == 0:
            print(self.late_at, flush=True)


async def main(port: int, path: str, sockets: int, hello: str) -> None:
    many_files()
    loop = asyncio.get_running_loop()
    counter = Counter(sockets)
    gate = asyncio.Semaphore(AT_ONCE)
    host = f"127.0.0.1:{port}"

    async def one() -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        request = (
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Origin: http://{host}\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        ).encode()
        async with gate:
            await loop.create_connection(lambda: Socket(request, hello.encode(), counter), "127.0.0.1", port)

    await asyncio.gather(*(one() for _ in range(sockets)))
    await loop.run_in_executor(None, sys.stdin.read)
    counter.ended = True


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]))
