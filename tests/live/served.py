"""The application as it is served, but what takes 10 s there takes 1 s here: tests need not wait."""

from queueboard.asgi import application
from queueboard.live import consumers, hub

consumers.STUCK_AFTER = 1.0
consumers.PARTING = 20.0
hub.SETUP_EVERY = 1.0

__all__ = ["application"]
