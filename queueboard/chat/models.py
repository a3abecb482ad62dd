"""Who writes in a chat, and what was answered."""

from django.conf import settings
from django.db import models

from booking.models import PhoneCode
from booking.models.encrypted import EncryptedTextField
from booking.models.hashes import Hashed


class Correspondent(Hashed):
    """Somebody who writes to us by one chat system. What they are bound to is in queueboard.notify's addresses."""

    HASHED = {"address_hash": "address"}
    way = models.CharField(max_length=12)
    address = EncryptedTextField()
    address_hash = models.CharField(max_length=64, editable=False)
    language = models.CharField(max_length=7, choices=settings.LANGUAGES, default="zh-hans")
    # The code that was sent to the phone they want to bind, until they type it.
    asked = models.ForeignKey(PhoneCode, models.SET_NULL, null=True, related_name="+")
    made_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["way", "address_hash"], name="correspondent_once_per_way")]

    @staticmethod
    def normal(value: str) -> str:
        return value

    def __str__(self) -> str:
        return f"{self.way} {self.address_hash[:8]}"


class Heard(models.Model):
    """One message, answered once however often it is delivered.

    `look`: what its answer says of queues, read after the message has taken effect; None where nothing has to be read.
    Of who is forgotten the row stays for its day, without them, so that nothing of theirs can be delivered anew.
    """

    correspondent = models.ForeignKey(Correspondent, models.SET_NULL, null=True, related_name="heard")
    key = models.CharField(max_length=64, unique=True)
    at = models.DateTimeField(db_index=True)
    look = models.JSONField(null=True)
    answer = EncryptedTextField(null=True)  # None: nothing is said, or not yet

    class Meta:
        indexes = [models.Index(fields=["correspondent", "at"], name="heard_by_correspondent")]

    def __str__(self) -> str:
        return f"{self.correspondent_id} {self.at:%H:%M:%S}"


class Proof(models.Model):
    """What a chat system has vouched with, once: good for this one message, however often that is delivered with it.

    `heard` is None where it came with no message; then it is good for none.
    """

    value = models.CharField(max_length=64, unique=True)
    heard = models.ForeignKey(Heard, models.CASCADE, null=True, related_name="proofs")
    at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.value[:8]} {self.at:%H:%M:%S}"


class VisitCode(models.Model):
    """A code in a QR code that binds whoever scans it first to the visit behind a patient's page, for a short time."""

    token = models.CharField(max_length=32, db_index=True)
    code_hash = models.CharField(max_length=64, unique=True)
    url = models.CharField(max_length=200)
    until = models.DateTimeField()
    used_by = models.ForeignKey(Correspondent, models.SET_NULL, null=True, related_name="+")
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.pk} {self.until:%H:%M:%S}"
