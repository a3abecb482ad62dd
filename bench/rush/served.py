"""The processes of a rush: the site's WSGI entry as in production, Celery's worker and a Valkey, and the load."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.push import machine
from queueboard.supervisor import services, valkey

ROOT = Path(__file__).resolve().parents[2]
PROCESSES, THREADS = 2, 4
# A patient's address is what the proxy noted, so that the limits per address are those of the default settings.
SETTINGS = {"TRUST_PROXY": "true", "LOG_LEVEL": "ERROR"}


@dataclass(frozen=True)
class Site:
    """The WSGI server's `port`, and the processes that serve."""

    port: int
    pid: int

    @property
    def used(self) -> float:
        """Seconds of processor time of its processes."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return sum(machine.cpu_seconds(int(pid)) for pid in (self.pid, *children))


@contextmanager
def site(**settings: str) -> Iterator[Site]:
    port = machine.free_port()
    command = [
        sys.executable, "-m", "granian", "--interface", "wsgi", "queueboard.wsgi:application", "--port", str(port),
        "--workers", str(PROCESSES), "--blocking-threads", str(THREADS), "--backlog", "2048", "--no-ws", "--no-log",
    ]  # fmt: skip
    with _running(command, settings) as process:
        machine.wait_for(port)
        yield Site(port, process.pid)


@contextmanager
def worker(**settings: str) -> Iterator[subprocess.Popen]:
    with _running(services.worker().command, settings) as process:
        yield process


@contextmanager
def news(folder: Path) -> Iterator[tuple[str, subprocess.Popen]]:
    """A Valkey of its own: its URL, and the process."""
    socket = folder / "valkey.sock"
    with _running(valkey.command(folder=folder, socket=socket), {}) as process:
        while not (socket.exists() and valkey.answers(socket)):
            pass
        yield valkey.url(socket), process


@contextmanager
def _running(command: Sequence[str], settings: dict[str, str]) -> Iterator[subprocess.Popen]:
    environment = os.environ | SETTINGS | settings
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()
