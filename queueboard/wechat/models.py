"""What all processes share of WeChat's interface: its one access token, and which calls are used up for now."""

from django.db import models

from booking.models.encrypted import EncryptedTextField


class WeChatToken(models.Model):
    """An account's access token. `serial` rises with each new one; who asks for the next has claimed the row."""

    app_id = models.CharField(max_length=64, unique=True)
    value = EncryptedTextField(null=True)  # encrypted fields keep "" as NULL
    serial = models.PositiveIntegerField(default=0)
    expires_at = models.DateTimeField(null=True)
    asking_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.app_id} no. {self.serial}"


class WeChatLimit(models.Model):
    """A call of WeChat's interface whose limit is used up, and until when nobody makes it."""

    call = models.CharField(max_length=64, unique=True)
    until = models.DateTimeField()

    def __str__(self) -> str:
        return self.call
