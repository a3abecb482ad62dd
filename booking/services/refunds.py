"""Money goes back: ordered in the transaction that causes it, sent by the outbox until the provider has done it."""

import logging
from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from booking import payments as providers
from booking.models import Appointment, Department, Outbox, Payment, Refund
from booking.payments.interface import Paid, ProviderError, Record, Refused, Return
from booking.services import money

log = logging.getLogger(__name__)

KIND, DONE = "refund", "refund_done"  # of its outbox rows: it goes back, and it has
Ended = Appointment.State
Reason = Refund.Reason
State = Payment.State


class UnderWay(ProviderError):
    """The provider has taken the refund on and has not done it yet."""


def give_back(*, appointment_ids: Iterable[int], now: datetime) -> int:
    """Orders the refund of those of these appointments that have ended in a way that gives the money back.

    Inside the transaction that ends them (R1.3, R1.4, R3.4); twice is once. Returns how many refunds were ordered.
    """
    paid = Payment.objects.filter(state=State.PAID, appointment__in=list(appointment_ids))
    locked = paid.select_for_update(no_key=True, of=("self",)).order_by("pk")
    ordered = 0
    for payment in locked.select_related("appointment__session__department"):
        reason = _reason(payment.appointment.state, payment.appointment.session.department)
        if reason is not None:
            Payment.objects.filter(pk=payment.pk).update(state=State.REFUNDING)
            order(payment, reason=reason, amount=payment.balance, now=now)
            ordered += 1
    return ordered


def would_go_back(department: Department, *, late: bool) -> bool:
    """Whether a prepayment goes back where its appointment is cancelled now (R3.4)."""
    return _reason(Ended.CANCELLED_LATE if late else Ended.CANCELLED, department) is not None


def _reason(ended: str, department: Department) -> Reason | None:
    """Why the prepayment of an appointment that has ended so goes back; None: it does not."""
    if ended == Ended.CANCELLED or (ended == Ended.CANCELLED_LATE and department.refund_late):
        return Reason.CANCELLED
    if ended == Ended.CALLED_OFF:
        return Reason.CALLED_OFF
    if ended == Ended.NOT_SEEN:
        return Reason.NOT_SEEN
    if ended == Ended.NO_SHOW and not department.no_show_forfeits:
        return Reason.NO_SHOW
    return None


def order(payment: Payment, *, reason: Reason, amount: int, now: datetime) -> Refund:
    """The refund of a payment that is refunding, and the outbox row that sends it. Inside a transaction."""
    refund = Refund.objects.create(payment=payment, amount=amount, reason=reason, made_at=now)
    Outbox.objects.create(kind=KIND, key=key(refund), payload={"refund": refund.pk}, made_at=now)
    log.info("payment %s: %d fen go back (%s)", payment.pk, amount, reason)
    return refund


def key(refund: Refund) -> str:
    """Of the refund's outbox row."""
    return f"{KIND}:{refund.pk}"


def deliver(message: Outbox) -> None:
    """Has a refund done by its provider; raises ProviderError until it is, so that the outbox tries again (R3.3).

    A refund that was done without our hearing of it is asked for again under the same number, which gives nothing.
    """
    refund = Refund.objects.select_related("payment").get(pk=message.payload["refund"])
    if refund.done_at is not None:
        return
    try:
        record = providers.provider(refund.payment.provider).refund(wanted(refund))
        if record.paid is not Paid.YES:
            raise UnderWay("under way")
    except ProviderError as error:
        Refund.objects.filter(pk=refund.pk).update(error=str(error)[:200])
        if isinstance(error, Refused):  # it may never succeed: somebody has to know
            unseen = Payment.objects.filter(pk=refund.payment_id, flag="")
            unseen.update(flag=f"the refund is refused: {error}"[:200])
        raise
    done(refund, record)


def done(refund: Refund, record: Record) -> None:
    """The provider has given the money back. Twice is once."""
    now = timezone.now()
    with transaction.atomic():
        if not Refund.objects.filter(pk=refund.pk, done_at=None).update(
            done_at=now, error="", provider_number=record.provider_number
        ):
            return
        money.returned(refund, provider_number=record.provider_number, now=now)
        Outbox.objects.create(kind=DONE, key=f"{DONE}:{refund.pk}", payload={"refund": refund.pk}, made_at=now)
    log.info("payment %s: %d fen have gone back", refund.payment_id, refund.amount)


def wanted(refund: Refund) -> Return:
    """The refund in the words of the providers."""
    return Return(number=refund.payment.number, refund_number=refund.number, amount=refund.amount)
