"""The ceiling: a uvloop server that writes one pre-encoded frame to each socket when a line comes on standard input."""

import asyncio
import base64
import hashlib
import sys

import uvloop

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
transports: list[asyncio.Transport] = []


class Bare(asyncio.Protocol):
    """Answers the opening handshake, then only writes."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        for line in data.split(b"\r\n"):
            if line.lower().startswith(b"sec-websocket-key:"):
                accept = base64.b64encode(hashlib.sha1(line.split(b":", 1)[1].strip() + MAGIC).digest())
                self.transport.write(
                    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
                )
                transports.append(self.transport)
                self.transport.write(FRAME)


def frame(size: int) -> bytes:
    """A text frame with `size` bytes of payload."""
    return b"\x81\x7e" + size.to_bytes(2, "big") + b"x" * size


FRAME = frame(int(sys.argv[2]))


async def main(port: int) -> None:
    loop = asyncio.get_running_loop()
    await loop.create_server(Bare, "127.0.0.1", port, backlog=4096)

    def push() -> None:
        for transport in transports:
            transport.write(FRAME)

    while await loop.run_in_executor(None, sys.stdin.readline):
        push()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
