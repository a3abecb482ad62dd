"""Suspensions: who did not come too often cannot book for a while (R3.6)."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from booking.models.appointments import Appointment
from booking.models.patients import Patient


class Suspension(models.Model):
    """A patient cannot book until `until`, or until a manager lifts it.

    `ended_at`: when it was lifted, else `until` once that has been noted, which is when the next one begins.
    """

    class Cause(models.TextChoices):
        NO_SHOWS = "no_shows", _("no-shows")

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="suspensions", verbose_name=_("patient"))
    cause = models.CharField(_("why"), max_length=8, choices=Cause.choices, default=Cause.NO_SHOWS)
    begins_at = models.DateTimeField(_("begins"))
    until = models.DateTimeField(_("until"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, verbose_name=_("lifted by")
    )
    lift_reason = models.CharField(_("reason for lifting it"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("suspension")
        verbose_name_plural = _("suspensions")
        ordering = ["-begins_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["patient"], condition=Q(ended_at__isnull=True), name="one_suspension_at_a_time"
            ),
            models.CheckConstraint(condition=Q(until__gt=F("begins_at")), name="suspension_ends_after_start"),
            models.CheckConstraint(
                condition=Q(lift_reason="", lifted_by__isnull=True) | (Q(ended_at__isnull=False) & ~Q(lift_reason="")),
                name="a_lift_has_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.patient_id} {timezone.localtime(self.until):%Y-%m-%d %H:%M}"


class CountedNoShow(models.Model):
    """A no-show that a suspension came from. It counts for one only, whatever became of that."""

    suspension = models.ForeignKey(Suspension, models.CASCADE, related_name="counted")
    appointment = models.OneToOneField(
        Appointment, models.PROTECT, related_name="counted", verbose_name=_("appointment")
    )

    class Meta:
        verbose_name = _("counted no-show")
        verbose_name_plural = _("counted no-shows")
        ordering = ["pk"]

    def __str__(self) -> str:
        return str(self.appointment)
