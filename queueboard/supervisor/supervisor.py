"""Starts the children, hears them, starts them again when they die, and stops them in the reverse order."""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType

from queueboard.supervisor.console import Console
from queueboard.supervisor.guard import Guard
from queueboard.supervisor.services import Service

TICK = 0.1  # seconds between two looks at the children
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0  # seconds before a dead child is started again
SETTLED = 20.0  # a child that has lived this long starts from the first pause again


class Stopped(Exception):
    """Somebody asked for the end: Ctrl-C, SIGTERM, a closed terminal."""


class Child:
    """A service and its present process."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.process: subprocess.Popen[bytes] | None = None
        self.started = 0.0
        self.pause = FIRST_PAUSE
        self.due = 0.0
        self.status: int | None = None  # with which its last process ended
        self.over = False  # it ended and is not to be started again


class Supervisor:
    """One thread, one loop. No thread is ever started here, so that a fork is safe at any moment.

    `parent`: stop when this process is no longer our parent (None: whoever it is).
    """

    def __init__(
        self, *, guard: Guard, console: Console, env: Mapping[str, str], cwd: Path, parent: int | None = None
    ) -> None:
        self._guard = guard
        self._console = console
        self._env = dict(env)
        self._cwd = cwd
        self._parent = parent
        self._children: list[Child] = []
        self._outputs = selectors.DefaultSelector()
        self._asked: float | None = None  # when somebody first asked for the end
        self._hurry = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        # A signal to a whole group arrives twice, from the sender and from make: only a later one is impatience.
        now = time.monotonic()
        self._hurry = self._asked is not None and now - self._asked > 1.0
        self._asked = self._asked or now

    # --- processes ----------------------------------------------------------------------------------------------
    def _spawn(self, name: str, command: Sequence[str]) -> subprocess.Popen[bytes]:
        process = self._guard.popen(command, env=self._env, cwd=self._cwd, stdout=subprocess.PIPE)
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        self._outputs.register(process.stdout, selectors.EVENT_READ, (name, bytearray()))
        return process

    def run(self, name: str, command: Sequence[str]) -> int:
        """Run a step to its end and return its exit status. Raises Stopped."""
        process = self._spawn(name, command)
        try:
            self.run_until(lambda: process.poll() is not None)
        finally:
            self._guard.end(process, grace=2)
            self._hear(0)
        return process.returncode

    def start(self, service: Service) -> Child:
        """Start a service and keep it running from now on."""
        child = Child(service)
        self._children.append(child)
        self._launch(child)
        return child

    def _launch(self, child: Child) -> None:
        try:
            child.process = self._spawn(child.service.name, child.service.command)
        except (OSError, subprocess.SubprocessError) as error:
            self._put_off(child, f"cannot be started ({error})")
        child.started = time.monotonic()

    def _look_after(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is None:
            if not child.over and now >= child.due:
                self._launch(child)
            return
        status = child.process.poll()
        if status is None:
            return
        self._hear(0)
        self._guard.release(child.process)
        child.process, child.status = None, status
        if status in child.service.last:
            child.over = True
            return
        if now - child.started > SETTLED:
            child.pause = FIRST_PAUSE
        self._put_off(child, f"was killed by signal {-status}" if status < 0 else f"ended with status {status}")

    def _put_off(self, child: Child, what: str) -> None:
        self._console.say(f"{child.service.name} {what}; it is started again in {child.pause:g} s")
        child.due = time.monotonic() + child.pause
        child.pause = min(child.pause * 2, LONGEST_PAUSE)

    # --- the loop -----------------------------------------------------------------------------------------------
    def run_until(self, condition: Callable[[], bool]) -> None:
        """Look after the children until the condition holds. Raises Stopped when asked to stop."""
        while not condition():
            if self._asked is not None or (self._parent is not None and os.getppid() != self._parent):
                raise Stopped
            self._hear(TICK)
            if self._guard.check():
                self._console.say("the guardian was killed; it has been started again")
            for child in self._children:
                self._look_after(child)
            self._console.flush()

    def _hear(self, seconds: float) -> None:
        """Pass on what children have said. Waits for something to be said, `seconds` at most."""
        for key, _ in self._outputs.select(seconds):
            name, unfinished = key.data
            try:
                said = os.read(key.fd, 65536)
            except BlockingIOError:
                continue
            *lines, rest = (bytes(unfinished) + said).split(b"\n")
            if not said or len(rest) > 16384:
                lines, rest = [*lines, rest], b""
            unfinished[:] = rest
            for line in lines:
                if line.strip():
                    self._console.say(line.decode(errors="replace").rstrip(), name=name)
            if not said:
                self._outputs.unregister(key.fileobj)
                with contextlib.suppress(OSError):
                    key.fileobj.close()  # type: ignore[union-attr]

    def stop(self) -> None:
        """End all children, the last started first; asked a second time, at once."""
        for child in reversed(self._children):
            if child.process is None:
                continue
            if child.process.poll() is None:
                os.killpg(child.process.pid, signal.SIGTERM)
            deadline = time.monotonic() + child.service.grace
            while child.process.poll() is None and time.monotonic() < deadline and not self._hurry:
                self._hear(TICK / 2)
            self._guard.end(child.process, grace=0)
            child.process = None
        self._hear(0)
