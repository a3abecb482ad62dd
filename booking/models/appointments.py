"""Appointments: a number that a patient booked ahead."""

import secrets

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from booking.models.patients import Patient
from booking.models.schedule import Session, Slot


def new_token() -> str:
    """The unguessable part of a patient's link: 128 bits."""
    return secrets.token_urlsafe(16)


class Appointment(models.Model):
    """One patient's number in one slot. Held until paid, then booked; arrived once checked in."""

    class State(models.TextChoices):
        HELD = "held", _("held until paid")
        BOOKED = "booked", _("booked")
        ARRIVED = "arrived", _("checked in")
        SEEN = "seen", _("seen")
        NOT_SEEN = "not_seen", _("there and not seen")
        CANCELLED = "cancelled", _("cancelled")
        CANCELLED_LATE = "cancelled_late", _("cancelled late")
        EXPIRED = "expired", _("hold expired")
        NO_SHOW = "no_show", _("no-show")
        CALLED_OFF = "called_off", _("session cancelled")

    ACTIVE = (State.HELD, State.BOOKED, State.ARRIVED)
    # A number is used as long as its appointment is in one of these: the ledger counts them as booked.
    COUNTED = (*ACTIVE, State.SEEN, State.NOT_SEEN, State.NO_SHOW, State.CALLED_OFF)

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="appointments", verbose_name=_("patient"))
    session = models.ForeignKey(Session, models.PROTECT, related_name="appointments", verbose_name=_("session"))
    slot = models.ForeignKey(Slot, models.PROTECT, related_name="appointments", verbose_name=_("slot"))
    state = models.CharField(_("state"), max_length=14, choices=State.choices, default=State.BOOKED)
    token = models.CharField(max_length=32, unique=True, default=new_token, editable=False)
    first_visit = models.BooleanField(_("first visit"), default=True)
    fee = models.PositiveIntegerField(_("prepayment (fen)"), default=0)
    # Of the request that booked it, where that had a key: sent again, it is answered with this appointment.
    request_key = models.CharField(max_length=64, blank=True, editable=False)
    request_hash = models.CharField(max_length=64, blank=True, editable=False)
    booked_at = models.DateTimeField(_("booked at"))
    held_until = models.DateTimeField(_("held until"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("appointment")
        verbose_name_plural = _("appointments")
        ordering = ["-booked_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["patient", "session"],
                condition=Q(state__in=["held", "booked", "arrived"]),
                name="one_active_appointment_per_session",
            ),
            models.UniqueConstraint(
                fields=["request_key"], condition=~Q(request_key=""), name="one_booking_per_request_key"
            ),
            models.CheckConstraint(condition=~Q(state="held") | Q(held_until__isnull=False), name="a_hold_ends"),
        ]
        indexes = [
            models.Index(fields=["held_until"], condition=Q(state="held"), name="holds_by_end"),
            models.Index(fields=["session", "state"], name="appointments_by_session"),
        ]

    def __str__(self) -> str:
        return f"{self.patient} {self.slot}"


class FreedNumber(models.Model):
    """A number that was cancelled or moved away from, and that all may book again from `free_at` on (R3.4)."""

    slot = models.ForeignKey(Slot, models.CASCADE, related_name="freed")
    appointment = models.ForeignKey(Appointment, models.CASCADE, related_name="freed")
    free_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["free_at"], condition=Q(done_at__isnull=True), name="freed_by_time")]
