"""Tasks that ask a service outside: one that is slow takes one thread of a process, however often they are sent."""

import threading
from collections.abc import Callable
from functools import wraps


def alone(act: Callable[[], int]) -> Callable[[], int]:
    """Runs in one thread of a process at a time. Called meanwhile it does nothing, and returns 0."""
    at_work = threading.Lock()

    @wraps(act)
    def once() -> int:
        if not at_work.acquire(blocking=False):
            return 0
        try:
            return act()
        finally:
            at_work.release()

    return once
