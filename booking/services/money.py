"""Money comes in and goes back, each time with its row in the ledger (R3.3)."""

from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from booking.models import MoneyMove, Payment, Refund

Kind = MoneyMove.Kind
State = Payment.State


def received(payment: Payment, *, state: str, amount: int, provider_number: str, now: datetime) -> None:
    """A payment that had none has `amount` fen now, and `state`. Inside a transaction."""
    _moved(
        payment,
        Payment.objects.filter(state__in=(State.OPEN, State.CLOSED)),
        {"state": state, "balance": amount, "provider_number": provider_number, "paid_at": now, "check_at": now},
        MoneyMove(kind=Kind.RECEIVED, amount=amount, balance=amount, provider_number=provider_number, at=now),
    )


def returned(refund: Refund, *, provider_number: str, now: datetime) -> None:
    """All that was held of a payment has gone back. Inside a transaction."""
    _moved(
        refund.payment,
        Payment.objects.filter(state=State.REFUNDING, balance=refund.amount),
        {"state": State.REFUNDED, "balance": 0, "check_at": now},
        MoneyMove(kind=Kind.REFUNDED, amount=refund.amount, balance=0, provider_number=provider_number, at=now),
    )


def _moved(payment: Payment, expected: QuerySet[Payment], values: dict[str, Any], move: MoneyMove) -> None:
    """One conditional UPDATE is guard and claim at once, as with numbers."""
    if not connection.in_atomic_block:
        raise RuntimeError("money moves inside a transaction only")
    if not expected.filter(pk=payment.pk).update(**values):
        raise RuntimeError(f"payment {payment.pk} is not where this money could come from or go to")
    move.payment = payment
    move.save()
