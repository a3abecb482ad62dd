"""The ledger of every number, the reasons behind a split, and what must still go out."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from booking.models.schedule import Session, Slot


class QuotaMove(models.Model):
    """`count` numbers of a slot moved from one place to another (R2.7). Append-only: triggers refuse the rest.

    Numbers are conserved: what leaves `source` enters `target`. `bookable_left` and `walk_in_left` are the slot's
    balances after the move; a trigger compares them with the slot's own counts.
    """

    class Place(models.TextChoices):
        OUTSIDE = "outside", _("outside of the slot")
        BOOKABLE = "bookable", _("free to book")
        BOOKED = "booked", _("booked")
        WITHHELD = "withheld", _("cancelled, soon free")
        POOL = "pool", _("walk-in pool")
        REGISTERED = "registered", _("walk-ins registered")

    class Reason(models.TextChoices):
        PLANNED = "planned", _("session made")
        RECALCULATED = "recalculated", _("recalculated from history")
        LOCKED = "locked", _("split set by a manager")
        ADDED = "added", _("numbers added")
        HELD = "held", _("held")
        BOOKED = "booked", _("booked")
        EXPIRED = "expired", _("hold expired")
        CANCELLED = "cancelled", _("cancelled")
        FREED = "freed", _("free again")
        MOVED = "moved", _("appointment moved")
        OPENED = "opened", _("registration opened")
        REGISTERED = "registered", _("walk-in registered")
        WITHDRAWN = "withdrawn", _("walk-in withdrew")
        PASSED_ON = "passed_on", _("slot ended")
        HANDED_OVER = "handed_over", _("handed over")
        CALLED_OFF = "called_off", _("session cancelled")

    slot = models.ForeignKey(Slot, models.PROTECT, related_name="moves", verbose_name=_("slot"))
    source = models.CharField(_("from"), max_length=10, choices=Place.choices)
    target = models.CharField(_("to"), max_length=10, choices=Place.choices)
    count = models.PositiveSmallIntegerField(_("how many"))
    bookable_left = models.IntegerField(_("free to book after"))
    walk_in_left = models.IntegerField(_("walk-in pool after"))
    reason = models.CharField(_("why"), max_length=12, choices=Reason.choices)
    note = models.CharField(_("note"), max_length=200, blank=True)
    appointment = models.ForeignKey(
        "booking.Appointment", models.PROTECT, null=True, blank=True, verbose_name=_("appointment")
    )
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, verbose_name=_("who"))
    at = models.DateTimeField(_("when"))

    class Meta:
        verbose_name = _("quota ledger entry")
        verbose_name_plural = _("quota ledger")
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=Q(count__gt=0), name="move_counts_something"),
            models.CheckConstraint(condition=~Q(source=F("target")), name="move_goes_somewhere"),
            models.CheckConstraint(
                condition=Q(bookable_left__gte=0) & Q(walk_in_left__gte=0), name="ledger_balance_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.count} {self.get_source_display()} → {self.get_target_display()}"


class QuotaPlan(models.Model):
    """The answer to "why 3 bookable at 9-10?" (R2.5): one calculation with all it came from."""

    session = models.ForeignKey(Session, models.CASCADE, related_name="plans", verbose_name=_("session"))
    made_at = models.DateTimeField(_("made at"))
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, verbose_name=_("who"))
    basis = models.JSONField(_("what it came from"))
    rows = models.JSONField(_("slot by slot"))

    class Meta:
        verbose_name = _("quota calculation")
        verbose_name_plural = _("quota calculations")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.session} ({timezone.localtime(self.made_at):%Y-%m-%d %H:%M})"


class Outbox(models.Model):
    """What must go out even if the process dies after commit. Written in the transaction that causes it.

    A sender claims a row by a conditional update of `claimed_until`; one that dies lets the claim run out.
    """

    kind = models.CharField(_("kind"), max_length=40)
    payload = models.JSONField(_("content"))
    key = models.CharField(_("cause"), max_length=120, unique=True, help_text=_("Once per cause."))
    made_at = models.DateTimeField(_("written at"))
    claimed_until = models.DateTimeField(_("being sent until"), null=True)
    attempts = models.PositiveSmallIntegerField(_("tries"), default=0)
    sent_at = models.DateTimeField(_("sent at"), null=True)
    error = models.CharField(_("error"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("outgoing message")
        verbose_name_plural = _("outgoing messages")
        indexes = [models.Index(fields=["made_at"], condition=Q(sent_at__isnull=True), name="outbox_unsent")]

    def __str__(self) -> str:
        return self.key
