"""R1.3, R1.4, R3.3, R3.4: money goes back when it must, once, and until it has."""

from datetime import timedelta

import pytest
from django.conf import settings

from booking import tasks as booking_tasks
from booking.models import Appointment, Outbox
from booking.services import endings, notices, payments, refunds
from queueboard import outbox, tasks
from queueboard.services import arrivals, calls, lifecycle, undo
from queueboard.services.hand_over import hand_over
from tests import factories
from tests.booking.clinic import planned
from tests.factories import at
from tests.payments.conftest import FEE, MINUTE, hold, ledger, start, state_of, tell

pytestmark = pytest.mark.django_db


def paid(session, fake):
    """A booked appointment and its payment."""
    held = hold(session)
    payment = start(held, fake)
    fake.pay(payment.number)
    tell(fake, *fake.notice(payment.number))
    return held, payment


def send(clock, minutes=0):
    clock.now += minutes * MINUTE
    return outbox.send_due(deliver=refunds.deliver, which=outbox.REFUNDS)


def test_a_cancelled_appointment_is_refunded_in_full(session, fake, clock):
    """R3.4"""
    booked, payment = paid(session, fake)
    endings.cancel(appointment_id=booked.pk)
    assert (state_of(payment), payment.refund.reason) == ("refunding", "cancelled")
    assert send(clock) == 1
    assert state_of(payment) == "refunded"
    assert ledger(payment) == [("received", FEE, FEE), ("refunded", FEE, 0)]
    assert fake.net() == 0


def test_the_refund_is_ordered_with_the_cancelling_or_neither_is(session, fake, monkeypatch):
    booked, payment = paid(session, fake)
    monkeypatch.setattr(notices, "send", lambda *args, **kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        endings.cancel(appointment_id=booked.pk)
    assert (state_of(booked), state_of(payment)) == ("booked", "paid")
    assert not Outbox.objects.filter(kind="refund").exists()


@pytest.mark.parametrize(("refund_late", "state"), [(False, "paid"), (True, "refunding")])
def test_a_late_cancellation_is_refunded_where_the_department_says_so(session, fake, clock, refund_late, state):
    """R3.4"""
    session.department.refund_late = refund_late
    session.department.save()
    booked, payment = paid(session, fake)
    clock.now = at("07:30")
    assert endings.cancel(appointment_id=booked.pk).state == "cancelled_late"
    assert state_of(payment) == state
    assert send(clock) == refund_late


@pytest.mark.parametrize(
    ("forfeits", "stopped", "ended", "state"),
    [
        (True, False, "no_show", "paid"),
        (False, False, "no_show", "refunding"),
        (True, True, "called_off", "refunding"),
    ],
)
def test_what_closing_makes_of_who_never_came(session, fake, forfeits, stopped, ended, state):
    """R1.3, R1.4, R3.6"""
    session.department.no_show_forfeits = forfeits
    session.department.save()
    booked, payment = paid(session, fake)
    endings.settle(session_id=session.pk, now=at("10:00"), stopped=stopped)
    assert (state_of(booked), state_of(payment)) == (ended, state)


def checked_in(session, fake, clock):
    booked, payment = paid(session, fake)
    clock.now = at("07:40")
    return booked, payment, arrivals.check_in(appointment_id=booked.pk)


def test_who_was_there_and_not_seen_gets_the_money_back(session, fake, clock):
    """R1.4"""
    booked, payment, _ticket = checked_in(session, fake, clock)
    clock.now = at("12:00")
    lifecycle.close_session(session_id=session.pk)
    assert (state_of(booked), state_of(payment), payment.refund.reason) == ("not_seen", "refunding", "not_seen")


def test_also_in_the_session_that_they_were_handed_over_to(session, fake, clock):
    """R1.4, R4.10"""
    booked, payment, ticket = checked_in(session, fake, clock)
    there = factories.session(of=session.department)
    hand_over(ticket_id=ticket.pk, to_session_id=there.pk)
    clock.now = at("12:00")
    lifecycle.close_session(session_id=session.pk)
    assert (state_of(booked), state_of(payment)) == ("arrived", "paid")
    lifecycle.close_session(session_id=there.pk)
    assert (state_of(booked), state_of(payment)) == ("not_seen", "refunding")


def test_who_was_seen_has_paid_for_it(session, fake, clock):
    booked, payment, ticket = checked_in(session, fake, clock)
    clock.now = at("08:00")
    calls.call_next(session_id=session.pk, room_id=session.rooms.get().room_id, seen=None)
    calls.start(ticket_id=ticket.pk)
    clock.now = at("12:00")
    lifecycle.close_session(session_id=session.pk)
    assert (state_of(booked), state_of(payment)) == ("seen", "paid")


def test_a_step_whose_refund_is_ordered_cannot_be_taken_back(session, fake, clock):
    """R4.10: the money is on its way."""
    session.department.refund_late = True
    session.department.save()
    _booked, payment, ticket = checked_in(session, fake, clock)
    arrivals.leave(ticket_id=ticket.pk)
    assert state_of(payment) == "refunding"
    event = undo.undoable(session_id=session.pk)
    with pytest.raises(undo.QueueError) as refused:
        undo.undo(event_id=event.pk)
    assert refused.value.code == "followed"


def test_leaving_without_a_refund_can_be_taken_back(session, fake, clock):
    booked, payment, ticket = checked_in(session, fake, clock)
    arrivals.leave(ticket_id=ticket.pk)
    undo.undo(event_id=undo.undoable(session_id=session.pk).pk)
    assert (state_of(booked), state_of(payment)) == ("arrived", "paid")


def test_a_refused_refund_is_tried_again_ever_more_slowly_until_it_is_done(session, fake, clock):
    booked, payment = paid(session, fake)
    endings.cancel(appointment_id=booked.pk)
    fake.refusals = 2
    assert [send(clock, minutes) for minutes in (0, 0, 1, 0, 2)] == [0, 0, 0, 0, 1]
    assert fake.refusals == 0
    assert state_of(payment) == "refunded"
    assert fake.net() == 0


def test_why_a_refund_was_refused_can_be_read(session, fake, clock):
    booked, payment = paid(session, fake)
    endings.cancel(appointment_id=booked.pk)
    fake.refusals = 1
    send(clock)
    assert "NOT_ENOUGH" in payment.refund.error


def test_a_payment_whose_refund_is_refused_is_flagged_and_one_whose_provider_is_down_is_not(session, fake, clock):
    booked, payment = paid(session, fake)
    endings.cancel(appointment_id=booked.pk)
    fake.down = True
    send(clock)
    payment.refresh_from_db()
    assert payment.flag == ""
    fake.down, fake.refusals = False, 1
    send(clock, minutes=1)
    payment.refresh_from_db()
    assert payment.flag.startswith("the refund is refused: ")


def test_a_refund_that_the_provider_has_only_taken_on_is_asked_for_until_it_is_done(session, fake, clock):
    booked, payment = paid(session, fake)
    endings.cancel(appointment_id=booked.pk)
    fake.slow = True
    assert send(clock) == 0
    assert state_of(payment) == "refunding"
    fake.slow = False
    assert send(clock, minutes=1) == 1
    assert fake.net() == 0


def test_a_refund_whose_answer_was_lost_is_given_once(session, fake, clock, monkeypatch):
    """The process dies between the provider's answer and noting it."""
    booked, payment = paid(session, fake)
    endings.cancel(appointment_id=booked.pk)
    with monkeypatch.context() as dies:
        dies.setattr(refunds, "done", lambda *args: 1 / 0)
        assert send(clock) == 0
    assert fake.net() == 0
    assert send(clock, minutes=1) == 1
    assert state_of(payment) == "refunded"
    assert fake.net() == 0


def test_a_provider_that_is_down_loses_no_refund_and_holds_no_message_up(session, fake, clock):
    booked, _payment = paid(session, fake)
    endings.cancel(appointment_id=booked.pk)
    fake.down = True
    assert send(clock) == 0
    assert outbox.send_due() == 2  # booked, cancelled
    fake.down = False
    assert send(clock, minutes=1) == 1
    assert fake.net() == 0


def test_without_prepayment_there_is_nothing_to_give_back(clock):
    free = planned()
    made = factories.appointment(free)
    endings.cancel(appointment_id=made.pk)
    assert Appointment.objects.get().fee == 0
    assert not Outbox.objects.filter(kind="refund").exists()


def test_a_hold_that_expires_unpaid_has_nothing_to_give_back(session, fake, clock):
    payment = start(hold(session), fake)
    clock.now += timedelta(minutes=16)
    assert endings.expire_holds() == 1
    assert state_of(payment) == "open"
    assert not Outbox.objects.filter(kind="refund").exists()


@pytest.mark.parametrize(
    ("task", "service", "name"),
    [(tasks.send_refunds, outbox, "send_due"), (booking_tasks.reconcile_payments, payments, "reconcile")],
)
def test_a_provider_that_is_slow_keeps_one_thread_waiting_and_no_task_of_the_queue(task, service, name, monkeypatch):
    asked = []

    def slow(**_kwargs):
        asked.append(task())  # sent again while the first one waits for its answer
        return 1

    monkeypatch.setattr(service, name, slow)
    assert (task(), asked) == (1, [0])
    assert (task(), asked) == (1, [0, 0])
    assert settings.CELERY_TASK_ROUTES[task.name]["queue"] == settings.NOTICES_QUEUE
