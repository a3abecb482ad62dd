"""A subscription of this process at one server of news: the topics it serves, for as long as Redis is there."""

import asyncio
import contextlib
import logging
from collections.abc import Callable

import redis.asyncio
from django.conf import settings
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0  # seconds between tries to connect
QUIET = 5.0  # seconds without a message after which Redis is asked whether it is there
READ_ERRORS = (redis.RedisError, OSError, asyncio.TimeoutError)


class Link:
    """Keeps one pub/sub connection, subscribed to the wanted topics; what comes is handed on as bytes."""

    def __init__(self, url: str, on_message: Callable[[bytes], None]) -> None:
        self.url = url
        self.on_message = on_message
        self.connected = False
        self._topics: set[str] = set()
        self._changed = asyncio.Event()

    def want(self, topic: str) -> None:
        self._topics.add(topic)
        self._changed.set()

    def drop(self, topic: str) -> None:
        self._topics.discard(topic)
        self._changed.set()

    async def run(self) -> None:
        """Until cancelled: connects, listens, and connects again."""
        pause = FIRST_PAUSE
        while True:
            try:
                await self._listen()
            except READ_ERRORS as error:
                if self.connected:
                    log.warning("the news are gone (%s): screens follow the sweep", error)
                    pause = FIRST_PAUSE
            self.connected = False
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 2)

    async def _listen(self) -> None:
        # No timeout on reads: redis-py's default of 5 s would end every quiet subscription.
        client = redis.asyncio.Redis.from_url(
            self.url, protocol=2, socket_timeout=None, socket_connect_timeout=1.0,
            retry=Retry(NoBackoff(), 0), driver_info=None,
        )  # fmt: skip
        async with client, client.pubsub() as pubsub:
            await pubsub.subscribe(f"{settings.REDIS_PREFIX}:hello")  # a connection needs a topic to be read from
            self._changed.set()
            following = asyncio.create_task(self._follow(pubsub))
            try:
                await self._read(pubsub)
            finally:
                following.cancel()
                with contextlib.suppress(asyncio.CancelledError, *READ_ERRORS):
                    await following

    async def _read(self, pubsub: redis.asyncio.client.PubSub) -> None:
        asked = False
        while True:
            message = await pubsub.get_message(timeout=QUIET)
            if message is None:
                if asked:
                    raise TimeoutError("no answer from Redis")
                await pubsub.ping()
                asked = True
                continue
            asked = False
            self.connected = True
            if message["type"] == "message":
                self.on_message(message["data"])

    async def _follow(self, pubsub: redis.asyncio.client.PubSub) -> None:
        """Subscribes to what is newly wanted and leaves what is not any more."""
        subscribed: set[str] = set()
        while True:
            await self._changed.wait()
            self._changed.clear()
            new, gone = self._topics - subscribed, subscribed - self._topics
            if new:
                await pubsub.subscribe(*new)
            if gone:
                await pubsub.unsubscribe(*gone)
            subscribed = (subscribed | new) - gone
