"""The waitlist: who found nothing waits for a number of the session that is freed (R3.4)."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from booking.models.accounts import Account
from booking.models.appointments import Appointment, FreedNumber, new_token
from booking.models.patients import Patient
from booking.models.schedule import Session, Slot


class WaitlistEntry(models.Model):
    """A patient who waits for a freed number of a session, in the order of the ids.

    `slot` empty: any slot will do. Of all its life an entry has one offer: who lets that go may join again, behind the
    others. `freed` is the number that is or was offered, and theirs to take until `offered_until`.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        OFFERED = "offered", _("a number is offered")
        ACCEPTED = "accepted", _("number taken")
        DECLINED = "declined", _("number given up")
        LAPSED = "lapsed", _("no answer in time")
        LEFT = "left", pgettext_lazy("of a waitlist", "left")
        ENDED = "ended", _("list closed")
        CALLED_OFF = "called_off", _("session cancelled")

    ACTIVE = (State.WAITING, State.OFFERED)

    session = models.ForeignKey(Session, models.PROTECT, related_name="waitlist", verbose_name=_("session"))
    slot = models.ForeignKey(
        Slot, models.PROTECT, null=True, blank=True, related_name="waitlist", verbose_name=_("slot"),
        help_text=_("Empty: any slot."),
    )  # fmt: skip
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="waitlist", verbose_name=_("patient"))
    account = models.ForeignKey(
        Account, models.SET_NULL, null=True, blank=True, related_name="waitlist", verbose_name=_("account")
    )
    first_visit = models.BooleanField(_("first visit"), default=True)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.WAITING)
    token = models.CharField(max_length=32, unique=True, default=new_token, editable=False)
    freed = models.ForeignKey(FreedNumber, models.PROTECT, null=True, related_name="offers")
    appointment = models.OneToOneField(
        Appointment, models.PROTECT, null=True, related_name="waited", verbose_name=_("appointment")
    )
    joined_at = models.DateTimeField(_("joined at"))
    offered_at = models.DateTimeField(_("offered at"), null=True)
    offered_until = models.DateTimeField(_("offered until"), null=True)
    ended_at = models.DateTimeField(_("ended at"), null=True)

    class Meta:
        verbose_name = _("waitlist entry")
        verbose_name_plural = _("waitlist")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["patient", "session"],
                condition=Q(state__in=["waiting", "offered"]),
                name="waits_once_per_session",
            ),
            models.UniqueConstraint(
                fields=["freed"], condition=Q(state="offered"), name="one_offer_of_a_number_at_a_time"
            ),
            models.UniqueConstraint(fields=["freed", "patient"], name="a_number_is_offered_once_to_each"),
            models.CheckConstraint(
                condition=Q(state="waiting", freed__isnull=True)
                | Q(state__in=["left", "ended", "called_off"])
                | Q(state__in=["offered", "accepted", "declined", "lapsed"], freed__isnull=False),
                name="who_is_offered_something_is_offered_a_number",
            ),
            models.CheckConstraint(
                condition=Q(freed__isnull=True, offered_at__isnull=True, offered_until__isnull=True)
                | Q(
                    freed__isnull=False,
                    offered_at__isnull=False,
                    offered_until__isnull=False,
                    offered_until__gt=F("offered_at"),
                ),
                name="an_offer_ends",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "offered"], ended_at__isnull=True)
                | (~Q(state__in=["waiting", "offered"]) & Q(ended_at__isnull=False)),
                name="who_waits_no_more_has_ended",
            ),
            models.CheckConstraint(
                condition=Q(state="accepted", appointment__isnull=False)
                | (~Q(state="accepted") & Q(appointment__isnull=True)),
                name="who_accepted_has_an_appointment",
            ),
        ]
        indexes = [
            models.Index(fields=["session"], condition=Q(state="waiting"), name="waiting_by_session"),
            models.Index(fields=["offered_until"], condition=Q(state="offered"), name="offers_by_end"),
        ]

    @property
    def wanted(self) -> Slot | None:
        """The slot of the number that is or was offered, else the one that is waited for; None: any."""
        return self.slot if self.freed is None else self.freed.slot

    def __str__(self) -> str:
        return f"{self.patient} {self.session}"
