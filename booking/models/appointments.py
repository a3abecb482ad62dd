"""Appointments: a number that a patient booked ahead."""

import secrets

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from booking.models.accounts import Account
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
    # Who booked it on the pages, where that was not staff: it is seen and changed there.
    account = models.ForeignKey(
        Account, models.SET_NULL, null=True, blank=True, related_name="appointments", verbose_name=_("account")
    )
    session = models.ForeignKey(Session, models.PROTECT, related_name="appointments", verbose_name=_("session"))
    slot = models.ForeignKey(Slot, models.PROTECT, related_name="appointments", verbose_name=_("slot"))
    state = models.CharField(_("state"), max_length=14, choices=State.choices, default=State.BOOKED)
    token = models.CharField(max_length=32, unique=True, default=new_token, editable=False)
    first_visit = models.BooleanField(_("first visit"), default=True)
    fee = models.PositiveIntegerField(_("prepayment (fen)"), default=0)
    # Of the request that booked it, where that had a key: sent again, it is answered with this appointment.
    request_key = models.CharField(max_length=64, blank=True, editable=False)
    request_hash = models.CharField(max_length=64, blank=True, editable=False)
    # Where it was booked, as the limits per device and address know it; taken off after some time.
    device_hash = models.CharField(max_length=32, blank=True, editable=False)
    address_hash = models.CharField(max_length=32, blank=True, editable=False)
    booked_at = models.DateTimeField(_("booked at"))
    held_until = models.DateTimeField(_("held until"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    # When the patient told that they come late, and took that back: each once.
    late_said_at = models.DateTimeField(_("said to be late at"), null=True, blank=True)
    late_unsaid_at = models.DateTimeField(null=True, blank=True, editable=False)
    # How long the patient needs to get here, as told on the page (R5.3); never from where. Taken off a week later.
    way_minutes = models.PositiveSmallIntegerField(_("minutes to get here"), null=True, blank=True, editable=False)

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
            models.CheckConstraint(
                condition=Q(late_unsaid_at__isnull=True) | Q(late_unsaid_at__gte=F("late_said_at")),
                name="late_is_said_before_it_is_taken_back",
            ),
        ]
        indexes = [
            models.Index(fields=["held_until"], condition=Q(state="held"), name="holds_by_end"),
            models.Index(fields=["session", "state"], name="appointments_by_session"),
            models.Index(fields=["booked_at"], name="appointments_by_booking"),
        ]

    @property
    def says_late(self) -> bool:
        """Whether the patient is on the way, and told that they come late."""
        return self.late_said_at is not None and self.late_unsaid_at is None

    def __str__(self) -> str:
        return f"#{self.patient_id} {self.slot}"


class FreedNumber(models.Model):
    """A number that was let go, or added while somebody waits: offered to who waits, then, not before `free_at`, free
    to all (R3.4). `appointment`: whose it was; None: it was added."""

    slot = models.ForeignKey(Slot, models.CASCADE, related_name="freed")
    appointment = models.ForeignKey(Appointment, models.CASCADE, null=True, related_name="freed")
    free_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["free_at"], condition=Q(done_at__isnull=True), name="freed_by_time")]
