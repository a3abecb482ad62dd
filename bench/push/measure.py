"""One contender measured: pushes, handshakes, memory and polls, in its own processor time."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench.push import machine
from bench.push.contenders import ROOT, Contender, Server

SETTLE = 1.0  # seconds between the last handshake and the first push
POLLS = 10_000


@dataclass(frozen=True)
class Pushes:
    """`per_cpu`: messages per second of the server's processor time; `latency`: ms until the last socket has it,
    the median; `load`: the load's processor time for one second of the server's."""

    per_cpu: float
    latency: float
    load: float


@dataclass(frozen=True)
class Opened:
    """`per_cpu`: sockets accepted per second of the server's processor time; `memory`: bytes for each that is idle."""

    per_cpu: float
    memory: float


def pushes(contender: Contender, sockets: int, every: float, push: Callable[[], None] | None = None) -> Pushes:
    """Each push comes after the last socket has the one before, and `every` seconds after it at the earliest."""
    with contender.running() as server, load(contender, server, sockets) as said:
        said()
        time.sleep(SETTLE)
        spans = []
        server_before, load_before = machine.cpu_seconds(server.pid), machine.cpu_seconds(said.pid)
        for _ in range(contender.pushes):
            started = time.perf_counter()
            (push or server.line)()
            said()
            spans.append(time.perf_counter() - started)
            time.sleep(max(0.0, every - spans[-1]))
        used = machine.cpu_seconds(server.pid) - server_before
        load_used = machine.cpu_seconds(said.pid) - load_before
    middle = sorted(spans)[len(spans) // 2]
    return Pushes(contender.pushes * sockets / used, 1000 * middle, load_used / used)


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
    """The next line of the load; it is called."""

    def __init__(self, process: subprocess.Popen) -> None:
        self.process, self.pid = process, process.pid

    def __call__(self) -> None:
        assert self.process.stdout
        if not self.process.stdout.readline():
            raise RuntimeError("the load ended early")


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
