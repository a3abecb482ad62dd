"""The Redis or Valkey servers that carry news, and which of them a session's go by.

Nobody waits for one of them longer than 200 ms, and one that does not answer is left alone for a while.
"""

import logging
import threading
import time
from collections.abc import Callable
from functools import cache

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

log = logging.getLogger(__name__)

PATIENCE = 0.2  # seconds for connecting, and for an answer
LEFT_ALONE = 2.0  # seconds without a try after a failure: a staff action pays for a dead Redis once, not each time


class Carrier:
    """One server, asked by every thread of this process."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._lock = threading.Lock()
        self._client: redis.Redis | None = None
        self._left_alone_until = 0.0

    @property
    def left_alone(self) -> bool:
        return time.monotonic() < self._left_alone_until

    def ask(self, question: Callable[[redis.Redis], object]) -> object:
        """The answer; None while it is left alone after a failure."""
        with self._lock:
            if self.left_alone:
                return None
            if self._client is None:
                # RESP2 and no library name: a new connection then needs no round trip before the question.
                self._client = redis.Redis.from_url(
                    self.url, protocol=2, socket_connect_timeout=PATIENCE, socket_timeout=PATIENCE,
                    retry=Retry(NoBackoff(), 0), driver_info=None,
                )  # fmt: skip
            client = self._client
        try:
            return question(client)
        except redis.RedisError as error:
            with self._lock:
                self._left_alone_until = time.monotonic() + LEFT_ALONE
            log.warning("Redis: %s; left alone for %s s", error, LEFT_ALONE)
            return None


def urls() -> list[str]:
    """The servers, in the order that every process of the site must have them in."""
    return settings.NEWS_URLS or [settings.REDIS_URL]


def url_of(session_id: int) -> str:
    """The server that carries this session's news: sessions are dealt out to them in turn."""
    servers = urls()
    return servers[session_id % len(servers)]


@cache
def by_url(url: str) -> Carrier:
    """The carrier with this address; one for each in a process."""
    return Carrier(url)
