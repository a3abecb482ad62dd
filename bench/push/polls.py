"""The load for polls: so many GET requests over a few connections that stay open."""

import asyncio
import sys

import uvloop

CONNECTIONS = 16


class Poller(asyncio.Protocol):
    """Asks again when it has an answer, until all have been asked."""

    def __init__(self, request: bytes, left: list[int], done: asyncio.Future) -> None:
        self.request, self.left, self.done = request, left, done
        self.buffer = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        buffer = self.buffer + data
        head, found, body = buffer.partition(b"\r\n\r\n")
        _, sized, rest = head.partition(b"content-length: ")
        if not found or len(body) < (int(rest.partition(b"\r\n")[0]) if sized else 0):
            self.buffer = buffer
            return
        self.buffer = b""
        if head[9:12] not in (b"200", b"304"):
            raise SystemExit(f"refused: {head[:80]!r}")
        self.left[0] -= 1
        if self.left[0] > 0:
            self.transport.write(self.request)
        elif not self.done.done():
            self.done.set_result(None)


async def main(port: int, path: str, polls: int, known: str) -> None:
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    asked = f"If-None-Match: {known}\r\n" if known else ""
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{asked}\r\n".encode()
    left = [polls]
    for _ in range(CONNECTIONS):
        await loop.create_connection(lambda: Poller(request, left, done), "127.0.0.1", port)
    await done


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]))
