"""The demonstration's text messages: what the phone would show, in the log of the worker. Nothing is sent."""

import logging

from booking import phones
from queueboard.notify.interface import Notice

log = logging.getLogger(__name__)


class Console:
    def send(self, phone: str, notice: Notice) -> str:
        # A code must be seen by who tries the demonstration, all else only by who asks for it (LOG_LEVEL).
        level = logging.WARNING if notice.kind == "phone_code" else logging.INFO
        log.log(level, "SMS to %s: %s", phones.masked(phone), f"{notice.text} {notice.url}".strip())
        return ""
