"""The load: n websockets in one process that count whole rounds of messages, and say each round on standard output."""

import asyncio
import base64
import os
import sys

import uvloop


class Socket(asyncio.Protocol):
    """A client that reads frames and counts text messages; heartbeats (short ones) are passed by."""

    least = 600  # bytes; a snapshot is longer, a heartbeat shorter

    def __init__(self, path: str, host: str, counter: "Counter") -> None:
        self.path, self.host, self.counter = path, host, counter
        self.buffer = b""
        self.open = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET {self.path} HTTP/1.1\r\nHost: {self.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Origin: http://{self.host}\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        buffer = self.buffer + data
        if not self.open:
            head, found, buffer = buffer.partition(b"\r\n\r\n")
            if not found:
                self.buffer = head
                return
            if b" 101 " not in head[:16]:
                raise SystemExit(f"refused: {head[:80]!r}")
            self.open = True
        while len(buffer) >= 2:
            length, start = buffer[1] & 127, 2
            if length == 126:
                length, start = int.from_bytes(buffer[2:4], "big"), 4
            elif length == 127:
                length, start = int.from_bytes(buffer[2:10], "big"), 10
            if len(buffer) < start + length:
                break
            if length >= self.least:
                self.counter.one()
            buffer = buffer[start + length :]
        self.buffer = buffer

    def connection_lost(self, error: Exception | None) -> None:
        if not self.counter.ended:
            raise SystemExit("a socket was lost")


class Counter:
    """Says a line whenever every socket has had one message more."""

    def __init__(self, sockets: int) -> None:
        self.sockets, self.count, self.ended = sockets, 0, False

    def one(self) -> None:
        self.count += 1
        if self.count % self.sockets == 0:
            print(self.count // self.sockets, flush=True)


async def main(host: str, port: int, path: str, sockets: int) -> None:
    loop = asyncio.get_running_loop()
    counter = Counter(sockets)
    for _ in range(sockets):
        await loop.create_connection(lambda: Socket(path, f"{host}:{port}", counter), host, port)
    await loop.run_in_executor(None, sys.stdin.read)
    counter.ended = True


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
