"""One contender measured: pushes, handshakes, memory and polls, in its own processor time."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from statistics import median

from bench.push import machine
from bench.push.contenders import ROOT, Contender, Server

SETTLE = 1.0  # seconds between the last handshake and the first push
POLLS = 10_000


@dataclass(frozen=True)
class Pushes:
    """`per_cpu`: messages per second of the server's processor time; `latency`: ms until the last socket has it,
    the median, and `late`: until 99 of 100 have; `load`: the load's processor time for one second of the server's."""

    per_cpu: float
    latency: float
    late: float
    load: float


@dataclass(frozen=True)
class Opened:
    """`per_cpu`: sockets accepted per second of the server's processor time; `memory`: bytes for each that is idle."""

    per_cpu: float
    memory: float


def pushes(
    contender: Contender, sockets: int, every: float, push: Callable[[], None] | None = None, *, deaf: int = 0
) -> Pushes:
    """Each push comes after the last socket has the one before, and `every` seconds after it at the earliest.

    `deaf`: so many more, which are not counted, never read.
    """
    with contender.running() as server, load(contender, server, sockets) as said, _deaf(contender, server, deaf):
        said()
        time.sleep(SETTLE)
        spans, late = [], []
        server_before, load_before = machine.cpu_seconds(server.pid), machine.cpu_seconds(said.pid)
        for _ in range(contender.pushes):
            started = time.monotonic()
            (push or server.line)()
            late.append(said() - started)
            spans.append(time.monotonic() - started)
            time.sleep(max(0.0, every - spans[-1]))
        used = machine.cpu_seconds(server.pid) - server_before
        load_used = machine.cpu_seconds(said.pid) - load_before
    return Pushes(contender.pushes * sockets / used, 1000 * median(spans), 1000 * median(late), load_used / used)


def opened(contender: Contender, sockets: int) -> Opened:
    """Handshakes at once, each answered with a state; then the memory that they hold."""
    with contender.running() as server:
        with load(contender, server, 1) as said:  # whatever is loaded once is loaded now
            said()
        before, cpu_before = machine.resident(server.pid), machine.cpu_seconds(server.pid)
        with load(contender, server, sockets) as said:
            said()
            used = machine.cpu_seconds(server.pid) - cpu_before
            time.sleep(SETTLE)
            return Opened(sockets / used, (machine.resident(server.pid) - before) / sockets)


def polled(contender: Contender, path: str, known: str = "") -> float:
    """Answers to GET per second of the server's processor time. `known`: an If-None-Match of the request."""
    with contender.running() as server:
        command = [sys.executable, "-m", "bench.push.polls", str(server.port), path, str(POLLS), known]
        for _ in range(2):  # the first round warms it up
            before = machine.cpu_seconds(server.pid)
            subprocess.run(command, cwd=ROOT, check=True, preexec_fn=machine.pinned(machine.LOAD_CORE))
            used = machine.cpu_seconds(server.pid) - before
        return POLLS / used


class Said:
    """The next line of the load; it is called, and returns when 99 of 100 sockets had the message."""

    def __init__(self, process: subprocess.Popen) -> None:
        self.process, self.pid = process, process.pid

    def __call__(self) -> float:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the load ended early")
        return float(line)


@contextmanager
def _deaf(contender: Contender, server: Server, count: int) -> Iterator[None]:
    """Sockets that ask for what the others are told and read nothing of it."""
    request = (
        f"GET {contender.path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nOrigin: http://127.0.0.1:{server.port}\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    with ExitStack() as stack:
        for _ in range(count):
            each = stack.enter_context(socket.socket())
            each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            each.connect(("127.0.0.1", server.port))
            each.sendall(request.encode())
        yield


@contextmanager
def load(contender: Contender, server: Server, sockets: int) -> Iterator[Said]:
    command = [sys.executable, "-m", "bench.push.load", str(server.port), contender.path, str(sockets), contender.hello]
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        preexec_fn=machine.pinned(machine.LOAD_CORE),
    )  # fmt: skip
    try:
        yield Said(process)
    finally:
        process.kill()
        process.wait()


@contextmanager
def publisher(environment: dict[str, str], size: int) -> Iterator[tuple[subprocess.Popen, int, int]]:
    """The desk in a process of its own: it, its session's id and the bytes of its state."""
    with subprocess.Popen(
        [sys.executable, "-m", "bench.push.publisher", str(size)], env=environment, cwd=ROOT,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdin
        assert process.stdout
        session_id, have = json.loads(process.stdout.readline())
        yield process, session_id, have
        process.stdin.close()
