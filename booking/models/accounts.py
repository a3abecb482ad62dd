"""Accounts: a phone that was confirmed by a code, and the family that is booked for with it (R3.7)."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from booking.models.encrypted import EncryptedCharField
from booking.models.hashes import Hashed
from booking.models.patients import Patient


class Account(Hashed):
    """One confirmed phone. What is booked with it, for whomever, is seen and changed by who has the phone."""

    HASHED = {"phone_hash": "phone"}

    phone = EncryptedCharField(_("phone"), max_length=255)
    phone_hash = models.CharField(max_length=64, unique=True, editable=False)
    language = models.CharField(_("language"), max_length=7, choices=settings.LANGUAGES, default="zh-hans")
    made_at = models.DateTimeField(_("made at"))
    members = models.ManyToManyField(Patient, through="Member", related_name="accounts")

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")

    def __str__(self) -> str:
        return f"#{self.pk}"


class Member(models.Model):
    """A patient who is booked for with an account: oneself, or one of the family."""

    account = models.ForeignKey(Account, models.CASCADE, verbose_name=_("account"))
    patient = models.ForeignKey(Patient, models.CASCADE, verbose_name=_("patient"))
    made_at = models.DateTimeField(_("made at"))

    class Meta:
        verbose_name = _("family member")
        verbose_name_plural = _("family members")
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["account", "patient"], name="member_once_per_account")]

    def __str__(self) -> str:
        return f"#{self.patient_id}"


class PhoneCode(Hashed):
    """A code sent to a phone: whoever types it has the phone. It works once, for a short time, for a few tries."""

    HASHED = {"phone_hash": "phone"}

    phone = EncryptedCharField(_("phone"), max_length=255)
    phone_hash = models.CharField(max_length=64, editable=False, db_index=True)
    code = EncryptedCharField(max_length=255)
    language = models.CharField(_("language"), max_length=7, choices=settings.LANGUAGES, default="zh-hans")
    address_hash = models.CharField(max_length=64, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    made_at = models.DateTimeField(_("made at"))
    until = models.DateTimeField(_("until"))
    used_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("code sent to a phone")
        verbose_name_plural = _("codes sent to phones")
        ordering = ["-pk"]
        indexes = [models.Index(fields=["address_hash", "made_at"], name="codes_by_address")]

    def __str__(self) -> str:
        return f"#{self.pk}"
