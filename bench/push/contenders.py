"""Who is measured: how each server is started, and what makes it push once."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.push import machine

ROOT = Path(__file__).resolve().parents[2]
EXTENSION, SEND = "queueboard.live.server:LiveProtocol", "websockets-sansio"


@dataclass(frozen=True)
class Contender:
    """A server. `command` gets the port; `pushes`: as many as are worth waiting for, by its speed."""

    name: str
    command: Callable[[int], list[str]]
    path: str = "/"
    hello: str = ""  # what a client says first
    pushes: int = 30
    environment: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def running(self) -> Iterator["Server"]:
        """On a core of its own, until the block ends."""
        port = machine.free_port()
        process = subprocess.Popen(
            self.command(port), env=os.environ | self.environment, cwd=ROOT, stdin=subprocess.PIPE, text=True,
            preexec_fn=machine.pinned(machine.SERVER_CORE),
        )  # fmt: skip
        try:
            machine.wait_for(port)
            yield Server(process, port)
        finally:
            process.kill()
            process.wait()


@dataclass(frozen=True)
class Server:
    process: subprocess.Popen
    port: int

    @property
    def pid(self) -> int:
        return self.process.pid

    def line(self) -> None:
        press(self.process)


def press(process: subprocess.Popen) -> None:
    """A line on its standard input."""
    assert process.stdin
    process.stdin.write("\n")
    process.stdin.flush()


def uvicorn(application: str, way: str) -> Callable[[int], list[str]]:
    """One process as `manage.py up` starts it, with a longer queue for connections."""
    options = ["--no-access-log", "--log-level", "error", "--backlog", "4096"]
    live = ["--ws", way, "--ws-ping-interval", "60", "--ws-per-message-deflate", "false"]
    live += ["--http", "queueboard.live.http:PromptProtocol"]
    server = [sys.executable, "-m", "uvicorn", application, "--loop", "uvloop", *live, *options]
    return lambda port: [*server, "--port", str(port)]


def module(name: str, size: int) -> Callable[[int], list[str]]:
    return lambda port: [sys.executable, "-m", name, str(port), str(size)]


def bare(size: int) -> Contender:
    return Contender("a bare uvloop server", module("bench.push.bare", size))


def rooms(size: int) -> Contender:
    address = "/socket.io/?EIO=4&transport=websocket"
    return Contender(
        "Flask-SocketIO on gevent, a room", module("bench.push.rooms", size), address, hello="40", pushes=10
    )


def groups(size: int, redis_url: str) -> Contender:
    return Contender(
        "Channels groups, Redis pub/sub", uvicorn("bench.push.groups:application", SEND), pushes=3,
        environment={"BENCH_BYTES": str(size), "REDIS_URL": redis_url},
    )  # fmt: skip


def plain(size: int) -> Contender:
    return Contender(
        "a bare ASGI application", uvicorn("bench.push.plain:application", EXTENSION),
        environment={"BENCH_BYTES": str(size)},
    )  # fmt: skip


def ours(way: str, environment: dict[str, str], session_id: int) -> Contender:
    return Contender(
        "ours", uvicorn("queueboard.asgi:application", way), f"/ws/queues/{session_id}/", environment=environment
    )
