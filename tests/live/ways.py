"""Sockets of one feed served by a uvicorn in the test's own loop: each way to write to them, TLS, middleware."""

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.asyncio.client import ClientConnection, connect

from queueboard.live.feeds import QueueFeed
from queueboard.live.http import PromptProtocol
from queueboard.live.server import LiveProtocol
from queueboard.live.sockets import serving
from queueboard.snapshots import Snapshot

EXTENSION, SEND = LiveProtocol, "websockets-sansio"


def snapshot(session: int, version: int, *, bulk: int = 0) -> Snapshot:
    """A session's state, with so many bytes more."""
    body = json.dumps({"session": session, "version": version, "bulk": "x" * bulk}).encode()
    return Snapshot(
        session=session, version=version, mark="db", department=1, live=True, rooms=(1,), sort=("1", session),
        board=body, phone=body, desk=body,
    )  # fmt: skip


def certificate(folder: Path) -> Path:
    """A certificate for 127.0.0.1 and its key in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


@dataclass
class Served:
    """A feed and the server of its sockets."""

    feed: QueueFeed
    port: int
    trust: ssl.SSLContext | None
    connections: set = field(default_factory=set)  # that the server has open
    passed: list[str] = field(default_factory=list)  # types of the messages that a middleware saw

    def show(self, version: int, *, bulk: int = 0) -> None:
        self.feed.take(snapshot(1, version, bulk=bulk))

    def connect(self, **options) -> connect:
        scheme = "ws" if self.trust is None else "wss"
        options = {"ssl": self.trust, "proxy": None, "compression": None} | options
        return connect(f"{scheme}://127.0.0.1:{self.port}/", **options)

    @contextmanager
    def silent(self) -> Iterator[socket.socket]:
        """A client that has asked for a websocket and reads nothing of what comes."""
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            client.connect(("127.0.0.1", self.port))
            client.sendall(
                b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            )
            yield client


@asynccontextmanager
async def served(way, pem: Path | None = None, *, behind: bool = False, **options) -> AsyncIterator[Served]:
    """A feed at version 1. `pem`: with TLS; `behind`: a middleware stands before the sockets."""
    feed = QueueFeed(snapshot(1, 1))
    feed.read_at = datetime.now(UTC)
    passed: list[str] = []

    async def find(scope) -> QueueFeed:
        return feed

    sockets = serving("phone", find)

    async def middleware(scope, receive, send) -> None:
        async def noting(message) -> None:
            passed.append(message["type"])
            await asyncio.sleep(0)
            await send(message)

        await sockets(dict(scope), receive, noting)

    server = uvicorn.Server(
        uvicorn.Config(
            middleware if behind else sockets, port=0, ws=way, http=PromptProtocol, lifespan="off", log_config=None,
            ssl_certfile=pem, timeout_graceful_shutdown=1, **options,
        )
    )  # fmt: skip
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.001)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        trust = ssl.create_default_context(cafile=pem) if pem else None
        yield Served(feed, port, trust, server.server_state.connections, passed)
    finally:
        server.should_exit = True
        await running


async def state(ws: ClientConnection) -> dict:
    """The next state; heartbeats are passed over."""
    while True:
        message = json.loads(await asyncio.wait_for(ws.recv(), 5))
        if "heartbeat" not in message:
            return message


async def come_true(condition) -> None:
    """Waits for a condition. Fails after 10 s."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)
