"""R3.3 on PostgreSQL: a notice against the end of the hold, against cancelling, and against itself."""

import contextlib
from threading import Barrier, BrokenBarrierError

import pytest

from booking import invariants
from booking.models import Appointment, Payment, Refund
from booking.payments import Told
from booking.services import appointments, endings, payments, refunds
from queueboard import outbox
from tests import factories
from tests.booking.clinic import WEEK_BEFORE, planned, slots
from tests.booking.test_races import race

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
FEE = 2000
PAIRS = 8


@pytest.fixture
def started():
    """Held appointments, each with a payment that its payer has just made."""
    session = planned(((PAIRS, 0),), of=factories.department(prepayment=FEE, booked_per_patient_day=99))
    made = []
    for _ in range(PAIRS):
        held = appointments.book(patient_id=factories.patient().pk, slot_id=slots(session)[0].pk, now=WEEK_BEFORE)
        begun = payments.start(appointment_id=held.pk, provider="demo", return_url="", address="", now=WEEK_BEFORE)
        made.append((held, begun.payment))
    return made


def tell(payment, now=WEEK_BEFORE):
    told = Told(number=payment.number, amount=FEE, provider_number=f"demo-{payment.number}")
    return payments.receive(provider="demo", told=told, now=now).value


def expired_between(monkeypatch, held, payment):
    """The notice decides, in time by its clock; then, if nothing keeps it from it, the hold expires; then it writes."""
    decided, gone = Barrier(2), Barrier(2)
    plain = payments._goes_back

    def goes_back(*args):
        reason = plain(*args)
        with contextlib.suppress(BrokenBarrierError):
            decided.wait(timeout=5)
            gone.wait(timeout=1)
        return reason

    def expire():
        decided.wait(timeout=5)
        count = endings.expire_holds(now=held.held_until)
        with contextlib.suppress(BrokenBarrierError):
            gone.wait(timeout=1)
        return count

    monkeypatch.setattr(payments, "_goes_back", goes_back)
    return race([lambda: tell(payment), expire])


def test_without_the_lock_a_hold_expires_under_the_notice_that_pays_it(started, monkeypatch):
    """And the money that came is in no ledger."""
    held, payment = started[0]
    monkeypatch.setattr(payments, "_locked_appointment", lambda pk: Appointment.objects.get(pk=pk))
    told, expired = expired_between(monkeypatch, held, payment)
    assert (told, expired) == ("hold_expired", PAIRS)
    assert not payment.moves.exists()


def test_with_the_lock_the_notice_has_booked_before_the_hold_can_expire(started, monkeypatch):
    held, payment = started[0]
    told, expired = expired_between(monkeypatch, held, payment)
    assert told == "booked"
    assert expired == PAIRS - 1
    assert Appointment.objects.get(pk=held.pk).state == "booked"
    assert list(invariants.breaches()) == []


def test_a_notice_and_the_end_of_its_hold_at_once_book_or_refund(started):
    acts = [lambda payment=payment: tell(payment) for _held, payment in started]
    results = race([*acts, *[lambda: endings.expire_holds(now=started[0][0].held_until)] * 3])
    booked = results[:PAIRS].count("booked")
    assert set(results[:PAIRS]) <= {"booked", "refunded"}
    assert booked + sum(results[PAIRS:]) == PAIRS
    assert Payment.objects.filter(state="paid").count() == booked
    assert Refund.objects.count() == PAIRS - booked
    assert list(invariants.breaches()) == []


def test_one_notice_told_by_many_at_once_is_received_once(started):
    _held, payment = started[0]
    results = race([lambda: tell(payment)] * 6)
    assert sorted(results) == ["booked"] + ["repeated"] * 5
    assert payment.moves.count() == 1


def test_a_notice_while_the_patient_cancels_ends_with_the_money_back(started):
    acts = []
    for held, payment in started:
        acts.append(lambda payment=payment: tell(payment))
        acts.append(lambda pk=held.pk: endings.cancel(appointment_id=pk, now=WEEK_BEFORE).state)
    results = race(acts)
    assert results[1::2] == ["cancelled"] * PAIRS
    assert Refund.objects.count() == PAIRS
    assert list(invariants.breaches()) == []


def test_refunds_sent_by_many_workers_go_back_once(started):
    for held, payment in started:
        tell(payment)
        endings.cancel(appointment_id=held.pk, now=WEEK_BEFORE)
    results = race([lambda: outbox.send_due(deliver=refunds.deliver, which=outbox.REFUNDS)] * 4)
    assert sum(results) == PAIRS
    assert set(Payment.objects.values_list("state", "balance")) == {("refunded", 0)}
    assert list(invariants.breaches()) == []
