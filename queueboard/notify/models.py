"""Where a person is reached, and what went out to whom by which way."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from booking.models import Account, Appointment, Outbox, Patient
from booking.models.encrypted import EncryptedTextField
from booking.models.hashes import Hashed


class Address(Hashed):
    """Where one way reaches somebody: of an account, of a patient, or of whoever holds the link of one visit.

    The phone of an account or a patient is no row here: it is known already.
    """

    HASHED = {"value_hash": "value"}
    way = models.CharField(_("way of telling"), max_length=12)
    value = EncryptedTextField(null=True, blank=True)
    value_hash = models.CharField(max_length=64, editable=False)
    # The service behind it: what is down together (of a push subscription its host).
    line = models.CharField(max_length=120, blank=True)
    account = models.ForeignKey(Account, models.CASCADE, null=True, blank=True, related_name="addresses")
    patient = models.ForeignKey(Patient, models.CASCADE, null=True, blank=True, related_name="addresses")
    token = models.CharField(max_length=32, blank=True, editable=False)
    language = models.CharField(_("language"), max_length=7, choices=settings.LANGUAGES, default="zh-hans")
    made_at = models.DateTimeField(_("made at"))
    dead_at = models.DateTimeField(_("dead since"), null=True, blank=True)

    class Meta:
        verbose_name = _("address for notices")
        verbose_name_plural = _("addresses for notices")
        constraints = [
            models.CheckConstraint(
                condition=(
                    Q(account__isnull=False, patient__isnull=True, token="")
                    | Q(account__isnull=True, patient__isnull=False, token="")
                    | (Q(account__isnull=True, patient__isnull=True) & ~Q(token=""))
                ),
                name="an_address_is_of_one_owner",
            ),
            models.UniqueConstraint(fields=["way", "value_hash", "account"], name="an_address_once_per_account"),
            models.UniqueConstraint(fields=["way", "value_hash", "patient"], name="an_address_once_per_patient"),
            models.UniqueConstraint(
                fields=["way", "value_hash", "token"], condition=~Q(token=""), name="an_address_once_per_visit"
            ),
            models.CheckConstraint(
                condition=Q(dead_at__isnull=True) | Q(value__isnull=True), name="a_dead_address_is_forgotten"
            ),
        ]
        indexes = [models.Index(fields=["token"], condition=~Q(token=""), name="addresses_by_token")]

    @staticmethod
    def normal(value: str) -> str:
        """The place itself is the first word; after it may stand what is needed to reach it."""
        return value.partition(" ")[0]

    def save(self, *args, **kwargs) -> None:
        if self.value:
            super().save(*args, **kwargs)
        else:
            models.Model.save(self, *args, **kwargs)  # a dead one keeps its hash, and is known again by it

    def __str__(self) -> str:
        return f"{self.way} {self.pk}"


class Delivery(models.Model):
    """One cause, one way, one address: sent once. A sender claims it by a conditional update of `due_at`."""

    class State(models.TextChoices):
        WAITING = "waiting", _("to be sent")
        SENT = "sent", _("sent")
        DEAD = "dead", _("address is dead")
        REFUSED = "refused", _("refused by the service")
        OVERTAKEN = "overtaken", _("no longer true")

    cause = models.ForeignKey(Outbox, models.CASCADE, related_name="deliveries", verbose_name=_("cause"))
    way = models.CharField(_("way of telling"), max_length=12)
    line = models.CharField(max_length=120, blank=True)
    # None: a phone, looked up in what the cause names.
    address = models.ForeignKey(Address, models.CASCADE, null=True, blank=True, related_name="deliveries")
    to_hash = models.CharField(max_length=64)
    language = models.CharField(_("language"), max_length=7)
    urgent = models.BooleanField(_("urgent"), default=False)
    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=State.WAITING)
    due_at = models.DateTimeField(_("not before"))
    attempts = models.PositiveSmallIntegerField(_("tries"), default=0)
    ended_at = models.DateTimeField(_("ended at"), null=True)
    provider_number = models.CharField(_("number at the service"), max_length=100, blank=True)
    error = models.CharField(_("error"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        constraints = [
            models.UniqueConstraint(fields=["cause", "way", "to_hash"], name="a_cause_once_per_way_and_address"),
            models.CheckConstraint(
                condition=Q(state="waiting", ended_at__isnull=True) | (~Q(state="waiting") & Q(ended_at__isnull=False)),
                name="a_notice_waits_or_has_ended",
            ),
        ]
        indexes = [
            models.Index(fields=["way", "-urgent", "id"], condition=Q(state="waiting"), name="notices_to_be_sent"),
            models.Index(fields=["to_hash"], condition=Q(way="sms", state="dead"), name="phones_that_are_dead"),
            models.Index(fields=["provider_number"], condition=~Q(provider_number=""), name="notices_by_number"),
        ]

    def __str__(self) -> str:
        return f"{self.cause_id} {self.way}"


class ComeTold(models.Model):
    """When a booked patient was last told to come on the day; before that it is what booking and reminder said."""

    appointment = models.OneToOneField(Appointment, models.CASCADE, related_name="come_told")
    come_at = models.DateTimeField()
