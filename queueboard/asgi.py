"""The ASGI entry: websockets and polls from the hub, all else from Django."""

import os

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "queueboard.settings")

django_application = get_asgi_application()  # sets Django up: what follows imports models

from queueboard.live.edge import Edge  # noqa: E402
from queueboard.live.hub import hub  # noqa: E402
from queueboard.live.routing import websockets  # noqa: E402

application = Edge(ProtocolTypeRouter({"http": django_application, "websocket": websockets}), hub)
