"""Text messages: one way, and who carries them (SMS_PROVIDER)."""

from datetime import timedelta
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from queueboard.notify.interface import Notice

PROVIDERS = {
    "console": "queueboard.notify.sms.console.Console",
    "tencent": "queueboard.notify.sms.tencent.Tencent",
}


class Provider(Protocol):
    def send(self, phone: str, notice: Notice) -> str:
        """As Way.send; `phone` as booking.phones writes it."""


class Sms:
    """A phone gets the notice as one text with the patient's link."""

    name = "sms"
    answers_within = timedelta(seconds=25)

    def __init__(self) -> None:
        self._provider: Provider = import_string(PROVIDERS[settings.SMS_PROVIDER])()

    def send(self, to: str, notice: Notice) -> str:
        return self._provider.send(to, notice)
