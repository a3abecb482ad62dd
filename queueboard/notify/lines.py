"""Services that do not answer, left alone for a while: their notices wait, and hold no others up."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

FIRST, LONGEST = timedelta(seconds=5), timedelta(minutes=5)


@dataclass
class Lines:
    """Of one way in this process: until when each line is left alone, and for how long the last time."""

    _down: dict[str, tuple[datetime, timedelta]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def left_alone(self, line: str, now: datetime) -> timedelta | None:
        """For how long yet; None where it is not."""
        with self._lock:
            until, _ = self._down.get(line, (now, FIRST))
        return until - now if now < until else None

    def failed(self, line: str, now: datetime, seconds: float | None = None) -> timedelta:
        """Leaves the line alone, each time twice as long as before, or for as long as the service asked."""
        with self._lock:
            last = self._down.get(line)
            pause = FIRST if last is None else min(2 * last[1], LONGEST)
            asked = pause if seconds is None else max(pause, timedelta(seconds=seconds))
            self._down[line] = (now + asked, pause)
        return asked

    def works(self, line: str) -> None:
        with self._lock:
            self._down.pop(line, None)
