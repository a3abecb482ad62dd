"""Ballots: what is asked for in the first minutes after the release of a scarce expert's numbers is drawn (R3.7)."""

import secrets
from datetime import datetime, timedelta

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from booking import draws
from booking.models.accounts import Account
from booking.models.appointments import Appointment, new_token
from booking.models.encrypted import EncryptedCharField
from booking.models.patients import Patient
from booking.models.schedule import Session, Slot

# Without I, L and O, which are read as 1 and 0, and without U.
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_seed() -> str:
    """256 bits as hexadecimal digits."""
    return secrets.token_hex(32)


def new_code() -> str:
    """What stands for a request in public: 60 bits, in groups that can be read out."""
    return "-".join("".join(secrets.choice(_LETTERS) for _letter in range(4)) for _group in range(3))


class Ballot(models.Model):
    """The draw of one session's numbers. Made before the release, so that what binds to the seed is known before.

    Open from the release for `minutes`; `closed_at`: the order is fixed; `drawn_at`: all have been drawn, and what is
    left is first come, first served. `numbers`: what could be booked when it closed, `{"slot", "numbers"}` in order.
    """

    session = models.OneToOneField(Session, models.CASCADE, related_name="ballot", verbose_name=_("session"))
    minutes = models.PositiveSmallIntegerField(_("open for (minutes)"), validators=[MinValueValidator(1)])
    seed = EncryptedCharField(max_length=255, default=new_seed, editable=False)
    commitment = models.CharField(_("SHA-256 of the seed"), max_length=64, editable=False)
    numbers = models.JSONField(_("numbers"), default=list, editable=False)
    closed_at = models.DateTimeField(_("closed at"), null=True, editable=False)
    drawn_at = models.DateTimeField(_("drawn at"), null=True, editable=False)

    class Meta:
        verbose_name = _("draw")
        verbose_name_plural = _("draws")
        ordering = ["-session__starts_at"]
        constraints = [
            models.CheckConstraint(condition=Q(minutes__gt=0), name="a_ballot_is_open_for_a_while"),
            models.CheckConstraint(
                condition=Q(drawn_at__isnull=True) | Q(closed_at__isnull=False), name="drawn_after_it_closed"
            ),
        ]

    def save(self, *args, **kwargs) -> None:
        # Once: a seed that no key can read any more must not make another commitment.
        self.commitment = self.commitment or draws.commitment(self.seed)
        super().save(*args, **kwargs)

    @property
    def closes_at(self) -> datetime:
        return self.session.released_at + timedelta(minutes=self.minutes)

    def __str__(self) -> str:
        return str(self.session)


def waited_for(session: Session) -> Ballot | None:
    """The draw that the session's numbers wait for; None: they go to who comes first."""
    ballot: Ballot | None = getattr(session, "ballot", None)
    return None if ballot is None or ballot.drawn_at is not None else ballot


class BallotEntry(models.Model):
    """A patient's request in a ballot. `code` stands for it in public, `token` opens its page.

    `wishes`: ids of slots, the one liked best first; `any_slot`: any other will do too. `place`: in the order drawn.
    """

    class State(models.TextChoices):
        ASKED = "asked", _("in the draw")
        WITHDRAWN = "withdrawn", _("withdrawn")
        WON = "won", _("drawn")
        LOST = "lost", _("not drawn")
        CALLED_OFF = "called_off", _("session cancelled")

    ballot = models.ForeignKey(Ballot, models.PROTECT, related_name="entries", verbose_name=_("draw"))
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="ballot_entries", verbose_name=_("patient"))
    account = models.ForeignKey(
        Account, models.SET_NULL, null=True, blank=True, related_name="ballot_entries", verbose_name=_("account")
    )
    code = models.CharField(_("code"), max_length=14, unique=True, default=new_code, editable=False)
    token = models.CharField(max_length=32, unique=True, default=new_token, editable=False)
    wishes = models.JSONField(_("wishes"), default=list)
    any_slot = models.BooleanField(_("any slot"), default=True)
    waitlist = models.BooleanField(_("waitlist if not drawn"), default=False)
    first_visit = models.BooleanField(_("first visit"), default=True)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.ASKED)
    place = models.PositiveIntegerField(_("place"), null=True)
    lost_because = models.CharField(_("why not"), max_length=40, blank=True)
    appointment = models.OneToOneField(
        Appointment, models.PROTECT, null=True, related_name="drawn", verbose_name=_("appointment")
    )
    slot = models.ForeignKey(
        Slot,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("slot"),
        help_text=_("That it won."),
    )
    asked_at = models.DateTimeField(_("asked at"))
    ended_at = models.DateTimeField(_("ended at"), null=True)

    class Meta:
        verbose_name = _("request in a draw")
        verbose_name_plural = _("requests in draws")
        ordering = ["ballot", "place", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["ballot", "patient"], condition=~Q(state="withdrawn"), name="asks_once_per_ballot"
            ),
            models.UniqueConstraint(fields=["ballot", "place"], name="one_place_each"),
            models.CheckConstraint(
                condition=Q(state__in=["asked", "called_off"])
                | Q(state="withdrawn", place__isnull=True)
                | Q(state__in=["won", "lost"], place__isnull=False),
                name="drawn_in_its_place",
            ),
            models.CheckConstraint(
                condition=Q(state="won", appointment__isnull=False, slot__isnull=False)
                | (~Q(state="won") & Q(appointment__isnull=True, slot__isnull=True)),
                name="who_won_has_an_appointment",
            ),
            models.CheckConstraint(
                condition=Q(state="lost") & ~Q(lost_because="") | (~Q(state="lost") & Q(lost_because="")),
                name="who_lost_knows_why",
            ),
            models.CheckConstraint(
                condition=Q(state="asked", ended_at__isnull=True) | (~Q(state="asked") & Q(ended_at__isnull=False)),
                name="what_is_asked_has_not_ended",
            ),
        ]

    def __str__(self) -> str:
        return self.code
