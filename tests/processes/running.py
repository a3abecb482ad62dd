"""`manage.py up` in a process of its own, for tests: started, looked at, killed."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# How each process is known in the list of processes.
MARKS = {"valkey": "-server", "web": "uvicorn", "worker": " worker ", "beat": " beat ", "guardian": "guardian.py"}


def wait_for(condition: Callable[[], object], *, seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    found = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return bool(found.stdout.strip()) and not found.stdout.strip().startswith("Z")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment(folder: Path, **more: str) -> dict[str, str]:
    """The embedded default in this folder, whatever services the tests themselves use."""
    own = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "VALKEY_SOCKET", "REDIS_PREFIX")
    plain = {name: value for name, value in os.environ.items() if name not in own}
    return {**plain, "QUEUEBOARD_VAR": str(folder), **more}


class Up:
    """One run of `manage.py up`, with --no-demo unless `demo`."""

    def __init__(self, folder: Path, *, demo: bool = False, **more: str) -> None:
        self.port = free_port()
        self._log = folder / f"log-{self.port}"
        command = [sys.executable, "manage.py", "up", "--port", str(self.port), *([] if demo else ["--no-demo"])]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=environment(folder, **more), stdout=log, stderr=log, start_new_session=True
            )

    @property
    def said(self) -> str:
        return self._log.read_text()

    def children(self) -> dict[str, int]:
        """Process ids by name."""
        table = subprocess.run(
            ["ps", "-ww", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True
        ).stdout
        found = {}
        for pid, parent, args in (line.split(None, 2) for line in table.splitlines()):
            if int(parent) == self.process.pid:
                found |= {name: int(pid) for name, mark in MARKS.items() if mark in args}
        return found

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=2):
                return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False

    def ready(self) -> "Up":
        wait_for(lambda: "Ctrl-C stops" in self.said or self.process.poll() is not None, seconds=60, what="a start")
        assert self.process.poll() is None, self.said
        return self

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)
