"""Channels as in its tutorial: a consumer in a group, and a line on standard input sends to the group."""

import asyncio
import json
import os
import sys

import django
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import get_channel_layer
from django.conf import settings

BODY = "x" * int(os.environ["BENCH_BYTES"])

settings.configure(
    CHANNEL_LAYERS={
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [{"address": os.environ["REDIS_URL"], "socket_timeout": None}]},
        }
    }
)
django.setup()
pushing: set[asyncio.Task] = set()


class QueueConsumer(AsyncWebsocketConsumer):
    async def connect(self) -> None:
        await self.channel_layer.group_add("queue", self.channel_name)
        await self.accept()
        await self.send(text_data=BODY)

    async def disconnect(self, code) -> None:
        await self.channel_layer.group_discard("queue", self.channel_name)

    async def state(self, event) -> None:
        await self.send(text_data=json.dumps({"message": event["message"]}))


async def push() -> None:
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        await get_channel_layer().group_send("queue", {"type": "state", "message": BODY})


consumer = QueueConsumer.as_asgi()


async def application(scope, receive, send) -> None:
    if not pushing:
        pushing.add(asyncio.create_task(push()))
    await consumer(scope, receive, send)
