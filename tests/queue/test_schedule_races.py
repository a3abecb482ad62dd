"""R1.3, R3.2b on PostgreSQL: a schedule that changes while patients come, book and pay. Nobody is left in between."""

import pytest

from booking import invariants as booking_invariants
from booking import touched
from booking.models import Appointment, Outbox, Payment, Refund, Session
from booking.payments import Told
from booking.services import appointments, payments, schedules
from queueboard import invariants
from queueboard.services import arrivals, lifecycle
from queueboard.services import schedules as steps
from tests import factories
from tests.booking.clinic import WEEK_BEFORE, planned, slots
from tests.booking.test_races import race
from tests.factories import at

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
FEE = 2000
PEOPLE = 6


@pytest.fixture(autouse=True)
def _every_invariant_holds():
    yield
    assert [*booking_invariants.breaches(), *invariants.breaches()] == []


def test_who_checks_in_while_the_session_is_stopped_is_here_or_called_off():
    """R1.3: each has a place or a message, none both or neither."""
    session = factories.session(split=((PEOPLE, 2),))
    booked = [factories.appointment(session) for _ in range(PEOPLE)]
    acts = [lambda pk=each.pk: arrivals.check_in(appointment_id=pk, now=at("07:40")) and "here" for each in booked]
    acts.insert(3, lambda: lifecycle.stop_early(session_id=session.pk, reason="ill", now=at("07:40")) and "stopped")
    results = race(acts)
    del results[3]
    told = set(Outbox.objects.filter(kind="appointment_called_off").values_list("payload__appointment", flat=True))
    for each, result in zip(booked, results, strict=True):
        assert (result, each.pk in told) in {("here", False), ("stopped", True), ("appointment_over", True)}


def told_of(payment):
    return Told(number=payment.number, amount=FEE, provider_number=f"demo-{payment.number}")


@pytest.fixture
def at_the_till():
    """A session with people who hold a number and have just paid, which we have not heard of yet."""
    session = planned(((PEOPLE, 0),), of=factories.department(prepayment=FEE, booked_per_patient_day=99))
    started = []
    for _ in range(PEOPLE):
        held = appointments.book(patient_id=factories.patient().pk, slot_id=slots(session)[0].pk, now=WEEK_BEFORE)
        begun = payments.start(appointment_id=held.pk, provider="demo", return_url="", address="", now=WEEK_BEFORE)
        started.append(begun.payment)
    return session, started


def test_of_managers_who_stop_and_close_it_at_once_each_refund_is_ordered_once(at_the_till):
    session, started = at_the_till
    for payment in started:
        payments.receive(provider="demo", told=told_of(payment), now=WEEK_BEFORE)
        arrivals.check_in(appointment_id=payment.appointment_id, now=at("07:40"))
    acts = [
        lambda: lifecycle.stop_for_good(session_id=session.pk, reason="ill", now=at("09:00")).state,
        lambda: lifecycle.close_session(session_id=session.pk, now=at("09:00")).state,
    ]
    assert set(race(acts * 2)) == {"closed"}
    assert Refund.objects.filter(reason="not_seen").count() == PEOPLE
    assert Outbox.objects.filter(kind="session_stopped").count() == PEOPLE


def test_who_pays_while_the_session_is_cancelled_has_the_money_back(at_the_till):
    """R3.3: the notice before it or after it."""
    session, started = at_the_till
    acts = [
        lambda each=each: payments.receive(provider="demo", told=told_of(each), now=WEEK_BEFORE).value
        for each in started
    ]
    acts.insert(3, lambda: schedules.call_off(session_id=session.pk, reason="flood", now=WEEK_BEFORE))
    assert race(acts)[3] == PEOPLE
    assert set(Payment.objects.values_list("state", flat=True)) == {"refunding"}
    assert set(Appointment.objects.values_list("state", flat=True)) == {"called_off"}


def test_what_is_confirmed_while_others_book_is_exactly_what_was_shown():
    """The mark is compared under the session's lock."""
    session = planned(((20, 0),))
    seen = touched.one(Session.objects.get(pk=session.pk)).mark
    acts = [
        lambda: (
            appointments.book(patient_id=factories.patient().pk, slot_id=slots(session)[0].pk, now=WEEK_BEFORE).state
        )
        for _ in range(PEOPLE)
    ]
    acts.insert(3, lambda: steps.call_off(session_id=session.pk, reason="flood", seen=seen, now=WEEK_BEFORE))
    off = race(acts)[3]
    off_now = session.appointments.filter(state="called_off").count()
    assert (off, off_now) in {("changed_meanwhile", 0), (0, 0)}
    assert Session.objects.get(pk=session.pk).state == ("planned" if off else "cancelled")


def test_one_expert_is_the_substitute_in_one_of_two_sessions_at_once():
    """R3.2b: the expert's row is locked."""
    of = factories.department()
    both = [planned(((1, 0),), of=of) for _ in range(2)]
    free = factories.expert(of)
    acts = [
        lambda each=each: schedules.substitute(
            session_id=each.pk, away_id=each.expert_id, expert_id=free.pk, reason="ill", now=WEEK_BEFORE
        )
        for each in both
    ]
    assert sorted(map(str, race(acts))) == ["0", "expert_busy"]
