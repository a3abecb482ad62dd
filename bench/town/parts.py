"""The parts of the town: PostgreSQL, two servers of news, live processes, and nginx in front of them."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import redis

from bench.push.machine import free_port, many_files
from bench.town.network import Host
from queueboard.supervisor import valkey

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120.0  # seconds for a part to answer: a busy machine takes long


def until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Waits for it. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("a part of the town did not answer")
        time.sleep(0.05)


class Part:
    """A process on a host that can be killed, and started again as it was."""

    def __init__(self, host: Host, command: list[str], env: dict[str, str], ready: Callable[[], object]) -> None:
        self.host, self.command, self.env, self.ready = host, command, env, ready
        self.process: subprocess.Popen | None = None

    def launch(self) -> None:
        """Without waiting for it."""
        self.process = self.host.popen(
            self.command, self.env, cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL, preexec_fn=many_files
        )

    def start(self) -> None:
        self.launch()
        until(self.ready)

    def end(self, how: signal.Signals = signal.SIGKILL) -> None:
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, how)
            self.process.wait()


class Postgres:
    """A cluster of its own, as the user postgres where this is root."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder, self.address, self.port = folder / "postgres", address, free_port()
        self.url = f"postgres://postgres@{address}:{self.port}/postgres"
        (program,) = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1:]
        self._programs = program

    def create(self) -> None:
        self.folder.mkdir()
        shutil.chown(self.folder, "postgres")
        self._run("initdb", "--auth=trust", "--username=postgres", "--no-sync", "-D", str(self.folder))
        with (self.folder / "postgresql.conf").open("a") as file:
            file.write(f"listen_addresses='{self.address}'\nport={self.port}\nfsync=off\nmax_connections=200\n")
            file.write(f"unix_socket_directories='{self.folder}'\n")
        with (self.folder / "pg_hba.conf").open("a") as file:
            file.write("host all all 10.77.0.0/16 trust\n")
        self.start()

    def start(self) -> None:
        self._run("pg_ctl", "-D", str(self.folder), "-w", "-l", str(self.folder / "log"), "start")

    def stop(self, mode: str = "immediate") -> None:
        """As if it had crashed, unless told otherwise."""
        self._run("pg_ctl", "-D", str(self.folder), "-m", mode, "stop")

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/", **user)  # type: ignore[call-overload]


def news_server(host: Host, folder: Path, port: int) -> tuple[Part, str]:
    """A Valkey that keeps nothing, and its address."""
    url = f"redis://{host.address}:{port}/0"
    command = [valkey.program(), "--port", str(port), "--bind", host.address, "--protected-mode", "no"]
    command += ["--save", "", "--dir", str(folder), "--logfile", str(folder / f"valkey{port}.log")]

    def answers() -> bool:
        with contextlib.suppress(redis.RedisError), redis.Redis.from_url(url, socket_timeout=1) as client:
            return bool(client.ping())
        return False

    return Part(host, command, dict(os.environ), answers), url


def live_process(host: Host, env: dict[str, str], processes: int = 1) -> Part:
    """uvicorn as in production, `processes` of it behind one port."""
    command = [sys.executable, "-m", "uvicorn", "queueboard.asgi:application", "--host", "0.0.0.0", "--port", "8000"]
    command += ["--ws", "queueboard.live.server:LiveProtocol", "--ws-ping-interval", "60", "--loop", "uvloop"]
    command += ["--http", "queueboard.live.http:PromptProtocol"]
    command += ["--no-access-log", "--log-level", "critical", "--backlog", "4096", "--timeout-graceful-shutdown", "2"]
    if processes > 1:
        command += ["--workers", str(processes)]
    return Part(host, command, env, lambda: listens(host.address, 8000))


def listens(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((address, port)) == 0


@contextlib.contextmanager
def proxy(hosts: list[Host]) -> Iterator[int]:
    """nginx by deploy/nginx.conf before the live processes of these hosts: its port."""
    port = free_port()
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    servers = "".join(f"server {host.address}:8000 max_fails=1 fail_timeout=2s; " for host in hosts)
    text = re.sub(r"(\n\s*server 10\.0\.0\.\d+:8000[^\n]*)+", "\n" + servers, text)
    text = text.replace("listen 8080", f"listen 127.0.0.1:{port}")
    with folder() as own:
        (own / "nginx.conf").write_text(f"pid {own}/pid; error_log {own}/log; daemon off;\n{text}")
        process = subprocess.Popen(
            ["nginx", "-c", str(own / "nginx.conf"), "-e", str(own / "log")], start_new_session=True,
            preexec_fn=many_files,
        )  # fmt: skip
        try:
            until(lambda: listens("127.0.0.1", port))
            yield port
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """One that the user postgres can go into."""
    path = Path(tempfile.mkdtemp(prefix="qbtown"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
