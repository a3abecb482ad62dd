"""Real processes for these tests: a server over the test database, and a Valkey that can be stopped."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from django.db import connection
from websockets.sync.client import ClientConnection, connect

from queueboard.supervisor import valkey
from queueboard.supervisor.guard import Guard

PATIENCE = 180.0  # seconds for a server to start: a busy machine takes long to import it all
PREFIX = f"test-live-{os.getpid()}"


def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Waits for a condition. Fails after so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.01)


class Server:
    """One uvicorn process on a free port."""

    def __init__(self, redis_url: str, **environment: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        environment = (
            os.environ
            | environment
            | {
                "DATABASE_URL": _database_url(),
                "REDIS_URL": redis_url,
                "REDIS_PREFIX": PREFIX,
                "DJANGO_SETTINGS_MODULE": "queueboard.settings",
            }
        )
        self.guard = Guard()  # so that it ends with the tests, even when those are killed
        self.process = self.guard.popen(
            [
                *(sys.executable, "-m", "uvicorn", "tests.live.served:application"),
                *("--port", str(self.port), "--ws", "queueboard.live.server:LiveProtocol", "--log-level", "warning"),
            ],
            env=environment,
        )
        try:
            until(self._answers, PATIENCE)
        except BaseException:
            self.stop()
            raise

    def _answers(self) -> bool:
        assert self.process.poll() is None, "the server ended"
        with contextlib.suppress(URLError, OSError):
            return self.get("/healthz")[0] == 200
        return False

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers (lower case) and body of a GET."""
        request = Request(
            f"http://127.0.0.1:{self.port}{path}", headers={k.replace("_", "-"): v for k, v in headers.items()}
        )
        try:
            with urlopen(request, timeout=10) as response:
                return response.status, {k.lower(): v for k, v in response.headers.items()}, response.read()
        except HTTPError as error:
            return error.code, {k.lower(): v for k, v in error.headers.items()}, error.read()

    def connect(self, path: str, **headers: str) -> ClientConnection:
        """A websocket."""
        return connect(
            f"ws://127.0.0.1:{self.port}{path}", additional_headers={k.replace("_", "-"): v for k, v in headers.items()}
        )

    def stop(self) -> None:
        self.guard.end(self.process, grace=10)
        self.guard.close()


def _database_url() -> str:
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    where = f"{database['HOST'] or '127.0.0.1'}:{database['PORT'] or 5432}"
    return f"postgres://{database['USER']}:{database['PASSWORD']}@{where}/{database['NAME']}"


def state(ws: ClientConnection, *, newer_than: int = -1, within: float = 5.0) -> dict:
    """The next state on a socket that is newer than a version; heartbeats are passed over."""
    deadline = time.monotonic() + within
    while True:
        message = json.loads(ws.recv(timeout=max(0.0, deadline - time.monotonic())))
        if "heartbeat" not in message and message["version"] > newer_than:
            return message


class OwnValkey:
    """A Valkey that a test may stop and start again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "valkey.sock"
        self.url = valkey.url(self.socket)
        self.start()

    def start(self) -> None:
        command = valkey.command(folder=self.folder, socket=self.socket)
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        until(lambda: self.socket.exists() and valkey.answers(self.socket), PATIENCE)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.socket.unlink(missing_ok=True)
