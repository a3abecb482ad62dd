"""Prepayments (R3.3): what is asked, what was received, what goes back, and the ledger of every fen."""

import secrets

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from booking.models.appointments import Appointment


def new_number() -> str:
    """A number of ours for a provider: 32 letters and digits, once in the world, and no address anybody can guess."""
    return secrets.token_hex(16)


class Payment(models.Model):
    """One appointment's prepayment by one provider. All amounts are whole fen.

    Open until the provider says that it is paid. Then the money is for the appointment (paid), or goes back
    (refunding, then refunded). Closed: the time is over and the provider says that nobody has paid.
    """

    class Provider(models.TextChoices):
        DEMO = "demo", _("demonstration")
        WECHAT = "wechat", _("WeChat Pay")
        ALIPAY = "alipay", _("Alipay")

    class State(models.TextChoices):
        OPEN = "open", _("not paid yet")
        PAID = "paid", _("paid")
        REFUNDING = "refunding", _("goes back")
        REFUNDED = "refunded", _("refunded")
        CLOSED = "closed", _("never paid")

    appointment = models.ForeignKey(Appointment, models.PROTECT, related_name="payments", verbose_name=_("appointment"))
    provider = models.CharField(_("provider"), max_length=8, choices=Provider.choices)
    number = models.CharField(_("number"), max_length=32, unique=True, default=new_number, editable=False)
    provider_number = models.CharField(_("number at the provider"), max_length=64, blank=True)
    amount = models.PositiveIntegerField(_("asked (fen)"))
    balance = models.PositiveIntegerField(_("held (fen)"), default=0)
    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=State.OPEN)
    made_at = models.DateTimeField(_("made at"))
    until = models.DateTimeField(_("can be paid until"))
    paid_at = models.DateTimeField(_("paid at"), null=True)
    # When to compare with the provider's record; None: they agree, and nothing can change any more by itself.
    check_at = models.DateTimeField(null=True)
    flag = models.CharField(_("look into"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["appointment", "provider"], name="one_payment_per_provider"),
            models.UniqueConstraint(
                fields=["appointment"], condition=Q(state="paid"), name="one_payment_pays_an_appointment"
            ),
            models.UniqueConstraint(
                fields=["provider", "provider_number"], condition=~Q(provider_number=""), name="received_once"
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="payment_asks_something"),
            models.CheckConstraint(
                condition=Q(state="paid", balance=F("amount"))
                | Q(state="refunding", balance__gt=0)
                | Q(state__in=["open", "refunded", "closed"], balance=0),
                name="payment_holds_what_its_state_says",
            ),
        ]
        indexes = [models.Index(fields=["check_at"], condition=Q(check_at__isnull=False), name="payments_to_compare")]

    def __str__(self) -> str:
        return self.number


class Refund(models.Model):
    """All of a payment's money on its way back; one per payment, so that nothing goes back twice.

    The provider knows it by `number`, and gives back once however often that is sent. Retried by its outbox row.
    """

    class Reason(models.TextChoices):
        CANCELLED = "cancelled", _("cancelled")
        CALLED_OFF = "called_off", _("session cancelled")
        NOT_SEEN = "not_seen", _("there and not seen")
        NO_SHOW = "no_show", _("no-show")
        LATE = "late", _("paid after the hold had ended")
        TWICE = "twice", _("paid twice")
        AMOUNT = "amount", _("another amount than asked")

    payment = models.OneToOneField(Payment, models.PROTECT, related_name="refund", verbose_name=_("payment"))
    number = models.CharField(_("number"), max_length=32, unique=True, default=new_number, editable=False)
    provider_number = models.CharField(_("number at the provider"), max_length=64, blank=True)
    amount = models.PositiveIntegerField(_("amount (fen)"))
    reason = models.CharField(_("why"), max_length=10, choices=Reason.choices)
    made_at = models.DateTimeField(_("ordered at"))
    done_at = models.DateTimeField(_("done at"), null=True)
    error = models.CharField(_("error"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        constraints = [models.CheckConstraint(condition=Q(amount__gt=0), name="refund_gives_something")]

    def __str__(self) -> str:
        return self.number


class MoneyMove(models.Model):
    """Money of a payment received or refunded. Append-only: triggers refuse the rest.

    `balance` is what is held of the payment after it; a trigger compares it with the payment's own.
    """

    class Kind(models.TextChoices):
        RECEIVED = "received", _("received")
        REFUNDED = "refunded", _("refunded")

    payment = models.ForeignKey(Payment, models.PROTECT, related_name="moves", verbose_name=_("payment"))
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices)
    amount = models.PositiveIntegerField(_("amount (fen)"))
    balance = models.PositiveIntegerField(_("held after (fen)"))
    provider_number = models.CharField(_("number at the provider"), max_length=64)
    at = models.DateTimeField(_("when"))

    class Meta:
        verbose_name = _("money ledger entry")
        verbose_name_plural = _("money ledger")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["payment", "kind"], name="money_moves_once_each_way"),
            models.CheckConstraint(
                condition=Q(kind="received", amount__gt=0, balance=F("amount"))
                | Q(kind="refunded", amount__gt=0, balance=0),
                name="money_balance_follows_from_the_move",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.amount}"
