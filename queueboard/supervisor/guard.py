"""The supervisor's end of the guardian: starts it, starts processes under it, starts it again when it dies."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from queueboard.supervisor import guardian


class Guard:
    """Every process started through `popen` ends with this process, even when this process is killed.

    `held` are descriptors that the guardian keeps open until its work is done: the lock of the folder, so that the
    next supervisor does not start among the remains of the last one.
    """

    def __init__(self, *, held: Sequence[int] = ()) -> None:
        self._held = tuple(held)
        self._groups: set[int] = set()
        self._start()

    def _start(self) -> None:
        read_end, self._pipe = os.pipe()  # neither is inherited by what we start: only we hold the write end
        self._guardian = subprocess.Popen(
            [sys.executable, "-I", "-S", str(guardian.__file__)],
            stdin=read_end,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=self._held,
        )
        os.close(read_end)
        for group in self._groups:
            self._tell("+", group)

    def _tell(self, sign: str, group: int) -> None:
        # A guardian that has just died is found and told everything again by `check`.
        with contextlib.suppress(BrokenPipeError):
            os.write(self._pipe, f"{sign}{group}\n".encode())

    @property
    def pid(self) -> int:
        return self._guardian.pid

    def check(self) -> bool:
        """Start the guardian again if it has died; True if so."""
        if self._guardian.poll() is None:
            return False
        os.close(self._pipe)
        self._start()
        return True

    def popen(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stdout: int | IO[bytes] | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a process as leader of a group of its own, with standard error going where its output goes."""
        pipe = self._pipe

        def enrol() -> None:
            # In the child, before its program is loaded: were we killed between the fork and a line of ours,
            # nobody would know of it.
            os.write(pipe, f"+{os.getpid()}\n".encode())

        process = subprocess.Popen(
            list(command),
            env=dict(env) if env is not None else None,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.STDOUT if stdout is not None else None,
            start_new_session=True,
            preexec_fn=enrol,
        )
        self._groups.add(process.pid)
        return process

    def release(self, process: subprocess.Popen[bytes]) -> None:
        """After a process has ended: kill what it may have left in its group, and forget the group."""
        guardian.send(process.pid, signal.SIGKILL)
        if process.pid in self._groups:
            self._groups.discard(process.pid)
            self._tell("-", process.pid)

    def end(self, process: subprocess.Popen[bytes], *, grace: float) -> None:
        """Ask a process to stop, kill it after `grace` seconds, and release it."""
        if process.poll() is None:
            guardian.send(process.pid, signal.SIGTERM)
            deadline = time.monotonic() + grace
            while process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.02)
        self.release(process)
        process.wait()

    def close(self) -> None:
        """Let the guardian go; it ends what has not been released."""
        os.close(self._pipe)
        self._guardian.wait()
