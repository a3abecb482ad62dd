"""The application as it is served, but what takes long there takes a tenth of it here: tests need not wait."""

from queueboard.asgi import application
from queueboard.live import feeds, hub, outlets, sockets

feeds.PACE = 0.05
outlets.STUCK_AFTER = 1.0
sockets.PARTING = 20.0
hub.SETUP_EVERY = 1.0

__all__ = ["application"]
