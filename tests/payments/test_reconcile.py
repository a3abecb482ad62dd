"""R3.3: what a provider's books say and we have not heard is repaired, or flagged for a person."""

from datetime import timedelta

import pytest

from booking.services import endings, payments, refunds
from queueboard import outbox
from tests.payments.conftest import FEE, LATE, MINUTE, NOW, hold, ledger, start, state_of, tell

pytestmark = pytest.mark.django_db


@pytest.fixture
def held(session):
    return hold(session)


def compare(clock, minutes=2):
    clock.now += minutes * MINUTE
    return payments.reconcile()


def test_a_payment_whose_notice_was_lost_is_booked_while_the_hold_lasts(held, fake, clock):
    payment = start(held, fake)
    fake.pay(payment.number)
    assert compare(clock) == 1
    assert (state_of(held), state_of(payment)) == ("booked", "paid")
    assert ledger(payment) == [("received", FEE, FEE)]


def test_and_refunded_after_it(held, fake, clock):
    payment = start(held, fake)
    fake.pay(payment.number)
    clock.now = LATE
    endings.expire_holds()
    assert compare(clock) == 1
    assert state_of(payment) == "refunding"


def test_the_notice_that_comes_after_all_changes_nothing(held, fake, clock):
    payment = start(held, fake)
    fake.pay(payment.number)
    compare(clock)
    tell(fake, *fake.notice(payment.number))
    assert ledger(payment) == [("received", FEE, FEE)]


def test_a_payment_that_nobody_makes_is_closed_and_asked_about_no_more(held, fake, clock):
    payment = start(held, fake)
    compare(clock)
    assert state_of(payment) == "open"
    compare(clock, 15 + 60)
    assert state_of(payment) == "closed"
    fake.asked.clear()
    compare(clock, 600)
    assert fake.asked == []


def test_a_payment_that_the_provider_has_never_heard_of_is_closed_too(held, fake, clock):
    """Its page was never opened, or the request never arrived."""
    payment = start(held, fake)
    fake.trades.clear()
    compare(clock, 15 + 61)
    assert state_of(payment) == "closed"


def test_money_that_comes_for_a_closed_payment_is_refunded(held, fake, clock):
    payment = start(held, fake)
    compare(clock, 15 + 61)
    fake.pay(payment.number)
    tell(fake, *fake.notice(payment.number))
    assert (state_of(payment), payment.refund.reason) == ("refunding", "late")


def booked(held, fake):
    payment = start(held, fake)
    fake.pay(payment.number)
    tell(fake, *fake.notice(payment.number))
    return payment


def test_what_agrees_is_compared_once_after_each_change(held, fake, clock):
    payment = booked(held, fake)
    fake.asked.clear()
    assert [compare(clock) for _ in range(3)] == [0, 0, 0]
    assert len(fake.asked) == 1
    endings.cancel(appointment_id=held.pk)
    outbox.send_due(deliver=refunds.deliver, which=outbox.REFUNDS)
    fake.asked.clear()
    assert [compare(clock) for _ in range(3)] == [0, 0, 0]
    assert len(fake.asked) == 1
    assert state_of(payment) == "refunded"
    assert payment.flag == ""


def given_back_by_hand(fake, payment):
    fake.trades[payment.number]["state"] = {"wechat": "REFUND", "alipay": "TRADE_CLOSED"}[fake.name]


def less_than_told(fake, payment):
    fake.trades[payment.number]["paid"] = FEE - 1


def never_heard_of(fake, payment):
    fake.trades.clear()


@pytest.mark.parametrize("change", [given_back_by_hand, less_than_told, never_heard_of])
def test_a_paid_one_that_differs_is_flagged_for_a_person(held, fake, clock, change):
    payment = booked(held, fake)
    change(fake, payment)
    assert compare(clock) == 1
    assert state_of(payment) == "paid"
    assert payment.flag.startswith(f"paid, {FEE} fen; the provider says ")


def test_a_refund_that_the_provider_does_not_know_is_flagged(held, fake, clock):
    payment = booked(held, fake)
    endings.cancel(appointment_id=held.pk)
    outbox.send_due(deliver=refunds.deliver, which=outbox.REFUNDS)
    fake.refunds.clear()
    assert compare(clock) == 1
    payment.refresh_from_db()
    assert payment.flag == f"refunded, {FEE} fen; the provider says no, 0 fen"


def test_a_provider_that_is_down_is_asked_once_a_run_and_again_later(session, fake, clock):
    for _ in range(2):
        fake.pay(start(hold(session), fake).number)
    fake.down = True
    assert compare(clock) == 0
    fake.down = False
    clock.now += timedelta(minutes=10)
    assert compare(clock) == 2


def test_of_two_workers_one_compares(held, fake, clock, monkeypatch):
    payment = start(held, fake)
    fake.pay(payment.number)
    clock.now = NOW + 2 * MINUTE
    counted = []
    plain = payments._compare

    def and_another_worker(payment, now):
        counted.append(payments.reconcile())
        return plain(payment, now)

    monkeypatch.setattr(payments, "_compare", and_another_worker)
    assert payments.reconcile() == 1
    assert counted == [0]
    assert state_of(payment) == "paid"


def test_a_state_that_is_not_known_here_is_flagged_and_keeps_no_other_from_its_turn(session, fake, clock):
    odd, paid = (start(hold(session), fake) for _ in range(2))
    fake.trades[odd.number]["state"] = "SOMETHING_NEW"
    fake.pay(paid.number)
    assert compare(clock) == 1
    assert (state_of(odd), state_of(paid)) == ("open", "paid")
    assert odd.flag == "cannot be compared: unknown state SOMETHING_NEW"
