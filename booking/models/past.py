"""The log of past sessions that quotas and predictions are computed from."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from booking.models.clinic import Expert
from booking.models.schedule import Session


class PastSession(models.Model):
    """One past service period of an expert: imported, or written when a live session closes."""

    expert = models.ForeignKey(Expert, models.CASCADE, related_name="past_sessions", verbose_name=_("expert"))
    session = models.OneToOneField(
        Session, models.SET_NULL, null=True, blank=True, related_name="past", verbose_name=_("session")
    )
    source = models.CharField(_("source"), max_length=80)
    starts_at = models.DateTimeField(_("starts"))
    ends_at = models.DateTimeField(_("ends"))
    morning = models.BooleanField(_("morning"))
    has_arrivals = models.BooleanField(_("arrivals known"), default=True)
    # A session that was stopped early: who would have come after that is not known (R2.1).
    logged_until = models.DateTimeField(_("logged until"), null=True, blank=True)

    class Meta:
        verbose_name = _("past session")
        verbose_name_plural = _("past sessions")
        ordering = ["starts_at"]
        constraints = [
            # The same period imported twice is the same row.
            models.UniqueConstraint(fields=["expert", "source", "starts_at"], name="past_session_once"),
        ]

    def __str__(self) -> str:
        return f"{self.expert} {timezone.localtime(self.starts_at):%Y-%m-%d %H:%M}"


class PastVisit(models.Model):
    """One visit of a past session, or a walk-in who had to be refused (R2.1)."""

    past_session = models.ForeignKey(PastSession, models.CASCADE, related_name="visits")
    position = models.PositiveSmallIntegerField(_("place in the session"))
    booked = models.BooleanField(_("booked"), null=True)
    refused = models.BooleanField(_("refused"), default=False)
    first_visit = models.BooleanField(_("first visit"), null=True)
    slot_index = models.PositiveSmallIntegerField(_("slot"), null=True)
    arrived_at = models.DateTimeField(_("arrived"), null=True)
    started_at = models.DateTimeField(_("started"), null=True)
    seconds = models.PositiveIntegerField(_("visit length (seconds)"), null=True)

    class Meta:
        verbose_name = _("past visit")
        verbose_name_plural = _("past visits")
        ordering = ["past_session", "position"]
        constraints = [
            models.UniqueConstraint(fields=["past_session", "position"], name="past_position_once"),
            models.CheckConstraint(
                condition=Q(refused=False) | Q(started_at__isnull=True), name="refused_was_not_seen"
            ),
        ]

    def __str__(self) -> str:
        return str(self.position)
