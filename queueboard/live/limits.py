"""How many sockets a process takes, in all and from one address, and how much it listens to one."""

import contextlib
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from http import HTTPStatus
from typing import Any

from django.conf import settings

from queueboard import addresses
from queueboard.live import metrics

LONGEST_MESSAGE = 64  # characters that a client may send
KEPT_FILES = 200  # for polls, the database, Redis and what else a process opens
MOST_MESSAGES, WINDOW = 20, 10.0  # from a client in so many seconds


class Full(Exception):
    """No more sockets: from this address (429), or at all (503)."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


class Places:
    """The sockets of a process, counted by address."""

    def __init__(self) -> None:
        self._total = 0
        self._by_address: Counter[str] = Counter()

    @contextmanager
    def one(self, scope: Mapping[str, Any]) -> Iterator[None]:
        """A socket's place while it lasts. Raises Full."""
        address = address_of(scope)
        if self._total >= min(settings.LIVE_SOCKETS, files()):
            metrics.refused.labels("process").inc()
            raise Full(HTTPStatus.SERVICE_UNAVAILABLE)
        if address and self._by_address[address] >= settings.LIVE_SOCKETS_PER_ADDRESS:
            metrics.refused.labels("address").inc()
            raise Full(HTTPStatus.TOO_MANY_REQUESTS)
        self._total += 1
        self._by_address[address] += 1
        try:
            yield
        finally:
            self._total -= 1
            self._by_address[address] -= 1
            if not self._by_address[address]:
                del self._by_address[address]


@cache
def files() -> int:
    """Sockets that the limit of open files (`ulimit -n`, raised as far as it may be) leaves room for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # "no limit at all" is more than some systems take
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft - KEPT_FILES


def address_of(scope: Mapping[str, Any]) -> str:
    """Who connects; "" for a server on a unix socket that is told no address."""
    forwarded = next((value for name, value in scope["headers"] if name == b"x-forwarded-for"), b"")
    client = scope.get("client")
    return addresses.counted(client[0] if client else "", forwarded.decode("latin-1"))


class Patience:
    """How often a client has spoken lately."""

    __slots__ = ("_count", "_ends")

    def __init__(self) -> None:
        self._count, self._ends = 0, 0.0

    def over(self) -> bool:
        """Counts one message; whether that is one too many."""
        now = time.monotonic()
        if now >= self._ends:
            self._count, self._ends = 0, now + WINDOW
        self._count += 1
        return self._count > MOST_MESSAGES


places = Places()
