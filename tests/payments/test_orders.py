"""R3.3 with both providers, on fake servers that speak their protocols: every order in which things can happen."""

import json
import logging

import pytest

from booking.errors import BookingError
from booking.models import Appointment, MoneyMove, Outbox, Payment
from booking.services import appointments, endings
from tests import factories
from tests.booking.clinic import slots
from tests.fakes.provider import new_key
from tests.payments.conftest import FEE, LATE, MINUTE, NOW, hold, ledger, start, state_of, tell

pytestmark = pytest.mark.django_db


@pytest.fixture
def held(session):
    return hold(session)


def messages(kind):
    return Outbox.objects.filter(kind=kind).count()


def test_a_booking_with_prepayment_is_held_for_fifteen_minutes(held):
    assert (held.state, held.fee, held.held_until) == ("held", FEE, NOW + 15 * MINUTE)
    assert messages("appointment_booked") == 0


def test_a_held_number_is_not_booked_by_saying_so(held):
    with pytest.raises(BookingError) as refused:
        appointments.confirm(appointment_id=held.pk, now=NOW)
    assert refused.value.code == "not_paid"


def test_a_paid_hold_is_booked_and_the_patient_told_in_one_step(held, fake):
    payment = start(held, fake)
    fake.pay(payment.number)
    assert tell(fake, *fake.notice(payment.number)).status_code == 200
    assert (state_of(held), state_of(payment)) == ("booked", "paid")
    assert ledger(payment) == [("received", FEE, FEE)]
    assert messages("appointment_booked") == 1
    assert fake.net() == FEE


def test_the_provider_takes_no_money_after_the_end_of_the_hold(held, fake):
    payment = start(held, fake)
    ends = {"wechat": "2026-11-11T12:15:00+08:00", "alipay": "2026-11-11 12:15:00"}[fake.name]
    assert fake.trades[payment.number]["until"] == ends


def test_the_notice_comes_before_the_payer_is_back(held, fake):
    """And who starts again then is told that it is paid."""
    payment = start(held, fake)
    fake.pay(payment.number)
    tell(fake, *fake.notice(payment.number))
    with pytest.raises(BookingError) as refused:
        start(held, fake)
    assert refused.value.code == "paid_already"


def test_starting_twice_is_one_payment(held, fake):
    assert start(held, fake) == start(held, fake)
    assert list(fake.trades) == [Payment.objects.get().number]


def test_a_notice_that_comes_twice_changes_nothing_the_second_time(held, fake, caplog):
    payment = start(held, fake)
    fake.pay(payment.number)
    caplog.set_level(logging.INFO)
    for _ in range(2):
        assert tell(fake, *fake.notice(payment.number)).status_code == 200
    assert "told again" in caplog.text
    assert ledger(payment) == [("received", FEE, FEE)]
    assert messages("appointment_booked") == 1


@pytest.mark.parametrize("expired", [True, False])
def test_a_notice_after_the_end_of_the_hold_is_refunded(held, fake, clock, expired, caplog):
    """Whether the task has freed the number by then or not."""
    caplog.set_level(logging.INFO)
    payment = start(held, fake)
    fake.pay(payment.number)
    clock.now = LATE
    if expired:
        endings.expire_holds()
    assert tell(fake, *fake.notice(payment.number)).status_code == 200
    assert (state_of(payment), payment.refund.reason) == ("refunding", "late")
    assert state_of(held) == ("expired" if expired else "held")
    assert messages("refund") == 1
    assert "go back (late)" in caplog.text


def test_a_notice_for_a_cancelled_hold_is_refunded(held, fake):
    payment = start(held, fake)
    endings.cancel(appointment_id=held.pk)
    fake.pay(payment.number)
    tell(fake, *fake.notice(payment.number))
    assert (state_of(held), state_of(payment), payment.refund.reason) == ("cancelled", "refunding", "late")


def test_paying_with_both_providers_books_once_and_refunds_the_second(held, fakes):
    first, second = (start(held, fake) for fake in fakes.values())
    for fake, payment in zip(fakes.values(), (first, second), strict=True):
        fake.pay(payment.number)
        tell(fake, *fake.notice(payment.number))
    assert (state_of(held), state_of(first), state_of(second)) == ("booked", "paid", "refunding")
    assert second.refund.reason == "twice"


@pytest.mark.parametrize("amount", [1, FEE - 1, FEE + 1])
def test_another_amount_books_nothing_and_all_of_it_goes_back(held, fake, amount):
    payment = start(held, fake)
    fake.pay(payment.number, amount=amount)
    tell(fake, *fake.notice(payment.number))
    assert (state_of(held), state_of(payment), payment.refund.reason) == ("held", "refunding", "amount")
    assert ledger(payment) == [("received", amount, amount)]
    assert payment.flag == f"{amount} fen came, {FEE} were asked"


def test_a_notice_for_a_number_that_is_none_of_ours_is_logged(held, fake, caplog):
    payment = start(held, fake)
    fake.pay(payment.number)
    fake.trades["somebody-elses"] = fake.trades[payment.number]
    assert tell(fake, *fake.notice("somebody-elses")).status_code == 200
    assert "no payment of ours" in caplog.text
    assert state_of(held) == "held"


def test_a_second_transaction_for_one_payment_is_flagged(held, fake):
    """No provider does that; if one did, a person must hear of it."""
    payment = start(held, fake)
    for _ in range(2):
        fake.pay(payment.number)
        tell(fake, *fake.notice(payment.number))
    payment.refresh_from_db()
    assert payment.flag.startswith(f"paid again: {FEE} fen in ")


def test_a_notice_of_something_else_than_a_payment_is_taken_and_ignored(held, fake):
    payment = start(held, fake)
    fake.pay(payment.number)
    other = {"wechat": {"trade_state": "CLOSED"}, "alipay": {"trade_status": "TRADE_CLOSED"}}[fake.name]
    assert tell(fake, *fake.notice(payment.number, **other)).status_code == 200
    assert state_of(payment) == "open"


def forged_by_another_key(fake, number):
    return fake.notice(number, key=new_key())


def changed_after_signing(fake, number):
    headers, body = fake.notice(number)
    return headers, body[:-3] + b"0" + body[-2:]


def signed_for_another(fake, number):
    return fake.notice(number, **{"wechat": {"mchid": "1"}, "alipay": {"app_id": "1"}}[fake.name])


def without_signature(fake, number):
    headers, body = fake.notice(number)
    plain = {"Content-Type": headers["Content-Type"]}
    return plain, body.split(b"&sign=")[0] if fake.name == "alipay" else body


def nonsense(fake, number):
    return {"Content-Type": "application/json"}, b"\xff\x00{"


FORGERIES = [forged_by_another_key, changed_after_signing, signed_for_another, without_signature, nonsense]


@pytest.mark.parametrize("forge", FORGERIES)
def test_a_forged_notice_is_refused_logged_and_changes_nothing(held, fake, forge, caplog):
    payment = start(held, fake)
    fake.pay(payment.number)
    asked = list(fake.asked)
    assert tell(fake, *forge(fake, payment.number)).status_code == 401
    assert f"forged notice of {fake.name} from 127.0.0.1" in caplog.text
    assert (state_of(held), state_of(payment)) == ("held", "open")
    assert not MoneyMove.objects.exists()
    # Whoever sends forgeries cannot make us ask the provider anything.
    assert fake.asked == asked


def test_wechats_notice_encrypted_with_another_key_is_refused(held, fakes):
    fake = fakes["wechat"]
    payment = start(held, fake)
    fake.pay(payment.number)
    assert tell(fake, *fake.notice(payment.number, api_key="x" * 32)).status_code == 401
    assert state_of(held) == "held"


def test_wechats_signature_of_one_notice_does_not_fit_another(held, fakes):
    fake = fakes["wechat"]
    payment = start(held, fake)
    fake.pay(payment.number)
    (headers, _), (_, body) = fake.notice(payment.number), fake.notice(payment.number)
    assert tell(fake, headers, body).status_code == 401
    assert json.loads(body)["resource_type"] == "encrypt-resource"


def test_while_the_provider_is_down_the_hold_stays_and_the_patient_reads_a_sentence(held, fakes):
    fake = fakes["wechat"]  # Alipay is not asked: the payer's browser goes there with a signed address
    fake.down = True
    with pytest.raises(BookingError) as refused:
        start(held, fake)
    assert (refused.value.code, refused.value.status) == ("provider_down", 503)
    assert "12:15" in str(refused.value)
    assert state_of(held) == "held"
    fake.down = False
    start(held, fake)


def test_an_answer_that_the_provider_has_not_signed_is_no_answer(held, fakes):
    fake = fakes["wechat"]
    fake.theirs = new_key()
    with pytest.raises(BookingError) as refused:
        start(held, fake)
    assert refused.value.code == "provider_down"


def test_after_the_end_of_the_hold_nothing_can_be_started(held, fake, clock):
    clock.now = LATE
    with pytest.raises(BookingError) as refused:
        start(held, fake)
    assert refused.value.code == "hold_expired"


def test_a_provider_that_is_not_offered_is_refused(held, fake, settings):
    settings.PAYMENT_PROVIDERS = ["demo"]
    with pytest.raises(BookingError) as refused:
        start(held, fake)
    assert refused.value.code == "no_provider"
    assert tell(fake, *nonsense(fake, "")).status_code == 404


def test_who_wants_the_number_of_a_hold_that_has_ended_gets_it_without_waiting_for_the_task(session, clock):
    hold(session), hold(session)
    clock.now = LATE
    taken = appointments.book(patient_id=factories.patient().pk, slot_id=slots(session)[0].pk)
    assert taken.state == "held"
    assert sorted(Appointment.objects.values_list("state", flat=True)) == ["expired", "expired", "held"]


def test_a_patient_books_again_after_the_own_hold_has_ended(session, clock):
    first = hold(session)
    clock.now = LATE
    again = appointments.book(patient_id=first.patient_id, slot_id=slots(session)[0].pk)
    assert (state_of(first), again.state) == ("expired", "held")
