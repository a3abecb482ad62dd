"""The addresses of the websockets."""

from channels.routing import URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.urls import path

from queueboard.live.consumers import BoardConsumer, DeskConsumer, LiveConsumer, QueueConsumer, Refused
from queueboard.live.feeds import Feed
from queueboard.live.protocol import UNKNOWN
from queueboard.live.visitors import Visitor


class NowhereConsumer(LiveConsumer):
    """Any other address: closed with a code, where a router's own error would be a traceback in the log."""

    async def feed_for(self, visitor: Visitor) -> Feed:
        raise Refused(UNKNOWN)


websockets = AllowedHostsOriginValidator(
    URLRouter(
        [
            path("ws/queues/<int:session_id>/", QueueConsumer.as_asgi()),
            path("ws/boards/<slug:slug>/", BoardConsumer.as_asgi()),
            path("ws/desk/<int:session_id>/", DeskConsumer.as_asgi()),
            path("<path:elsewhere>", NowhereConsumer.as_asgi()),
        ]
    )
)
