"""Patients: identity encrypted at rest, found by keyed hash."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from booking.models.encrypted import EncryptedCharField
from booking.models.hashes import Hashed


class Patient(Hashed):
    """One person, by real name."""

    HASHED = {"id_hash": "id_number", "phone_hash": "phone"}

    class IdType(models.TextChoices):
        RESIDENT = "resident", _("resident ID")
        PASSPORT = "passport", _("passport")
        OTHER = "other", _("other")

    name = models.CharField(pgettext_lazy("of a person", "name"), max_length=80)
    id_type = models.CharField(_("kind of ID"), max_length=8, choices=IdType.choices, default=IdType.RESIDENT)
    # Encrypted fields keep "" as NULL, so both must allow it.
    id_number = EncryptedCharField(_("ID number"), max_length=255, blank=True, null=True, default="")
    id_hash = models.CharField(max_length=64, blank=True, editable=False)
    phone = EncryptedCharField(_("phone"), max_length=255, blank=True, null=True, default="")
    phone_hash = models.CharField(max_length=64, blank=True, editable=False, db_index=True)
    # When the phone was typed online, which proves nothing: whoever knows a name and an ID can enter somebody with the
    # own phone. Empty: staff noted it.
    phone_typed_at = models.DateTimeField(null=True, editable=False)
    language = models.CharField(_("language"), max_length=7, choices=settings.LANGUAGES, default="zh-hans")
    made_at = models.DateTimeField(auto_now_add=True)
    # Rises with each number claimed and each suspension: what was looked at before it rose is looked at again, so two
    # claims cannot both be the last within a limit. The first patient of a phone counts for all of that phone.
    bookings = models.PositiveIntegerField(default=0, editable=False)

    # When the person was taken out of the row: nothing here names anybody then, and nothing can be booked for it.
    erased_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("patient")
        verbose_name_plural = _("patients")
        constraints = [
            models.UniqueConstraint(
                fields=["id_type", "id_hash"], condition=~models.Q(id_hash=""), name="patient_once_per_id"
            )
        ]

    def __str__(self) -> str:
        # Goes into logs, and into the admin's history for good: no name there.
        return f"#{self.pk}"
