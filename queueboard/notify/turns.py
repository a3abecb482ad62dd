"""One notice of a process is under way at a time, whichever way it goes: a kill can repeat no more than that one."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE = 1.0  # seconds: a service that takes longer holds no other up


class Turns:
    """From before a notice is sent until it is noted. Who has the turn for longer than PATIENCE loses it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._since: float | None = None

    @contextmanager
    def one(self) -> Iterator[None]:
        with self._changed:
            while self._since is not None and (left := self._since + PATIENCE - time.monotonic()) > 0:
                self._changed.wait(left)
            mine = self._since = time.monotonic()
        try:
            yield
        finally:
            with self._changed:
                if self._since == mine:
                    self._since = None
                self._changed.notify_all()
