"""The terminal: one line at a time, each led by the name of who said it, and never a reason to wait."""

import contextlib
import os
import select
from collections import deque
from typing import TextIO

COLOURS = {"valkey": 35, "web": 32, "worker": 34, "beat": 36, "demo": 33}
KEPT = 2000  # lines that wait for a reader before the oldest are dropped
CHUNK = 1024  # a pipe that select calls writable takes this much without blocking


class Console:
    """Writes lines to `stream` as far as somebody reads them.

    A supervisor that waited for its reader (a stopped terminal, a full pipe) would stop reading its children's output,
    and they would stop in mid-morning. Lines that nobody reads are dropped instead, the oldest first.
    """

    def __init__(self, stream: TextIO) -> None:
        self._file = stream.fileno()
        self._colour = stream.isatty() and not os.environ.get("NO_COLOR")
        self._lines: deque[bytes] = deque(maxlen=KEPT)
        self._broken = False
        stream.flush()

    def say(self, text: str, *, name: str = "") -> None:
        """Print each line of `text`, led by `name` where there is one."""
        for line in text.splitlines() or [""]:
            lead = f"{name:<7}| " if name else ""
            if lead and self._colour:
                lead = f"\033[{COLOURS.get(name, 90)}m{lead}\033[0m"
            self._lines.append(f"{lead}{line}\n".encode(errors="replace"))
        self.flush()

    def flush(self) -> None:
        """Write what the reader takes now."""
        while self._lines and not self._broken and self._ready():
            line = self._lines.popleft()
            try:
                written = os.write(self._file, line[:CHUNK])
            except OSError:  # the reader has gone; the queue goes on without one
                self._broken = True
                break
            if written < len(line):
                self._lines.appendleft(line[written:])

    def _ready(self) -> bool:
        with contextlib.suppress(OSError, ValueError):
            return bool(select.select([], [self._file], [], 0)[1])
        return False
