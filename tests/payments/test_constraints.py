"""R3.3: the database itself refuses money that does not add up, whatever the code does."""

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from booking import invariants
from booking.models import MoneyMove, Outbox, Payment, Refund
from booking.services import appointments, endings, money
from tests.payments.conftest import FEE, LATE, NOW, hold

pytestmark = pytest.mark.django_db


@pytest.fixture
def booked(session):
    return hold(session)


@pytest.fixture
def payment(booked):
    return Payment.objects.create(
        appointment=booked, provider="demo", amount=FEE, made_at=NOW, until=LATE, check_at=None
    )


def receive(payment, state="paid", amount=FEE):
    with transaction.atomic():
        money.received(payment, state=state, amount=amount, provider_number=f"p-{payment.pk}", now=NOW)
        appointments.confirm(appointment_id=payment.appointment_id, now=NOW)


@pytest.mark.parametrize(
    "values",
    [
        {"state": "paid", "balance": FEE - 1},
        {"state": "paid", "balance": 0},
        {"state": "open", "balance": FEE},
        {"state": "closed", "balance": 1},
        {"state": "refunded", "balance": FEE},
        {"state": "refunding", "balance": 0},
        {"amount": 0},
    ],
)
def test_a_payment_holds_what_its_state_says(payment, values):
    with pytest.raises(IntegrityError), transaction.atomic():
        Payment.objects.filter(pk=payment.pk).update(**values)


def test_one_payment_pays_an_appointment(payment, booked):
    receive(payment)
    other = Payment.objects.create(appointment=booked, provider="wechat", amount=FEE, made_at=NOW, until=LATE)
    with pytest.raises(IntegrityError), transaction.atomic():
        money.received(other, state="paid", amount=FEE, provider_number="p", now=NOW)


def test_one_payment_per_appointment_and_provider(payment, booked):
    with pytest.raises(IntegrityError), transaction.atomic():
        Payment.objects.create(appointment=booked, provider="demo", amount=FEE, made_at=NOW, until=LATE)


def test_one_refund_per_payment(payment):
    Refund.objects.create(payment=payment, amount=FEE, reason="late", made_at=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        Refund.objects.create(payment=payment, amount=FEE, reason="late", made_at=NOW)
    Refund.objects.all().delete()


def test_money_that_has_come_does_not_come_again_and_what_is_not_there_does_not_go(payment):
    with pytest.raises(RuntimeError), transaction.atomic():
        money.returned(Refund(payment=payment, amount=FEE), provider_number="r", now=NOW)
    receive(payment)
    with pytest.raises(RuntimeError), transaction.atomic():
        money.received(payment, state="paid", amount=FEE, provider_number="p", now=NOW)


class TestLedger:
    def row(self, payment, **fields):
        values = {"kind": "received", "amount": FEE, "balance": FEE, "provider_number": "x", "at": NOW}
        return MoneyMove(payment=payment, **values | fields)

    def test_a_row_that_the_payment_does_not_hold_is_refused(self, payment):
        with pytest.raises(IntegrityError, match="does not agree"), transaction.atomic():
            self.row(payment).save()

    @pytest.mark.parametrize("fields", [{"balance": 1}, {"amount": 0, "balance": 0}, {"kind": "refunded"}])
    def test_a_balance_that_does_not_follow_from_the_move_is_refused(self, payment, fields):
        with pytest.raises(IntegrityError), transaction.atomic():
            self.row(payment, **fields).save()

    def test_money_moves_once_each_way(self, payment):
        receive(payment)
        with pytest.raises(IntegrityError), transaction.atomic():
            self.row(payment).save()

    def test_the_ledger_is_append_only(self, payment):
        receive(payment)
        for change in (lambda rows: rows.update(amount=1), lambda rows: rows.delete()):
            with pytest.raises(DatabaseError, match="the money ledger is append-only"), transaction.atomic():
                change(MoneyMove.objects.all())


class TestWhatIsSaidOfABreach:
    """`check_invariants`, each line once."""

    @pytest.fixture(autouse=True)
    def _undone_afterwards(self, payment):
        """What a test breaks is mended before the clinic is looked at."""
        receive(payment)
        point = transaction.savepoint()
        yield
        transaction.savepoint_rollback(point)

    def test_a_booked_appointment_that_nobody_paid(self, payment):
        Payment.objects.filter(pk=payment.pk).update(state="refunding")
        assert f"appointment {payment.appointment_id}: not paid, but it is booked" in list(invariants.breaches())

    @pytest.mark.parametrize("state", ["held", "expired", "cancelled", "not_seen", "called_off"])
    def test_money_kept_for_nothing(self, payment, state):
        appointment = payment.appointment
        type(appointment).objects.filter(pk=appointment.pk).update(state=state, held_until=LATE)
        assert f"payment {payment.pk}: kept, but its appointment is {state}" in list(invariants.breaches())

    def test_money_that_the_ledger_does_not_know(self, payment):
        Payment.objects.filter(pk=payment.pk).update(state="closed", balance=0)
        line = f"payment {payment.pk}: holds 0 fen, the ledger's sum is {FEE}, its last balance {FEE}"
        assert line in list(invariants.breaches())

    def test_a_refund_that_nobody_sends(self, payment):
        endings.cancel(appointment_id=payment.appointment_id, now=NOW)
        assert list(invariants.breaches()) == []
        Outbox.objects.filter(kind="refund").update(sent_at=NOW)
        assert list(invariants.breaches()) == [f"refund {payment.refund.pk}: nobody sends it"]

    def test_a_payment_that_goes_back_without_a_refund(self, payment):
        Payment.objects.filter(pk=payment.pk).update(state="refunding")
        assert f"payment {payment.pk}: refunding, which its refund is not" in list(invariants.breaches())
