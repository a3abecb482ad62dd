"""R1.3: a session that is cancelled or stopped pays back, once, all of it, and nobody is a no-show for it."""

import pytest

from booking import touched
from booking.models import Appointment, Outbox
from booking.services import refunds, schedules
from queueboard import ending, outbox
from queueboard.services import arrivals, calls, lifecycle
from tests import factories
from tests.booking.clinic import planned
from tests.factories import at
from tests.payments.conftest import FEE, hold, start, state_of, tell
from tests.payments.test_refunds import paid, send

pytestmark = pytest.mark.django_db


@pytest.fixture
def fake(fakes):
    """Which provider it is makes no difference here."""
    return fakes["alipay"]


@pytest.fixture
def session(db):
    return planned(((6, 1), (1, 1)), of=factories.department(prepayment=FEE, booked_per_patient_day=9))


def call_off(session, clock, **kwargs):
    return schedules.call_off(session_id=session.pk, reason="flood", now=clock.now, **kwargs)


def told(kind):
    return sorted(Outbox.objects.filter(kind=kind).values_list("payload__appointment", flat=True))


def test_a_cancelled_session_pays_everybody_back_once(session, fake, clock):
    booked = [paid(session, fake) for _ in range(2)]
    shown = touched.one(session)
    assert (shown.to_come, shown.paid) == (2, 2 * FEE)
    assert [call_off(session, clock, seen=shown.mark) for _press in range(2)] == [2, 0]
    assert {state_of(each) for each, _payment in booked} == {"called_off"}
    assert send(clock) == 2
    assert [(state_of(payment), payment.refund.reason) for _each, payment in booked] == [("refunded", "called_off")] * 2
    assert fake.net() == 0
    assert told("appointment_called_off") == [each.pk for each, _payment in booked]


def test_who_is_at_the_till_when_it_is_cancelled_gets_the_money_back_too(session, fake, clock):
    """The provider's notice comes after it."""
    held = hold(session)
    payment = start(held, fake)
    fake.pay(payment.number)
    assert touched.one(session).paid == 0
    assert call_off(session, clock) == 1
    tell(fake, *fake.notice(payment.number))
    assert (state_of(held), state_of(payment)) == ("called_off", "refunding")
    assert send(clock) == 1
    assert fake.net() == 0


def test_killed_before_the_money_is_ordered_nothing_is_cancelled(session, fake, clock, monkeypatch):
    booked, payment = paid(session, fake)
    with monkeypatch.context() as dies:
        dies.setattr(refunds, "order", lambda *args, **kwargs: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            call_off(session, clock)
    assert (state_of(session), state_of(booked), state_of(payment)) == ("planned", "booked", "paid")
    assert told("appointment_called_off") == []
    call_off(session, clock)
    assert state_of(payment) == "refunding"


def seen(session, clock):
    room_id = session.rooms.get().room_id
    ticket = calls.call_next(session_id=session.pk, room_id=room_id, seen=None, now=clock.now)
    calls.start(ticket_id=ticket.pk, now=clock.now)
    return ticket


@pytest.fixture
def morning(session, fake, clock):
    """By 09:10: one seen and in the room, one waiting, one late and one in the next hour to come, one never paid."""
    people = {name: paid(session, fake) for name in ("in_room", "waiting", "late")}
    clock.now = at("06:00")
    held = hold(session)
    Appointment.objects.filter(pk=held.pk).update(held_until=at("12:00"))
    for name in ("in_room", "waiting"):
        clock.now = at("07:40")
        arrivals.check_in(appointment_id=people[name][0].pk, now=clock.now)
    clock.now = at("08:00")
    seen(session, clock)
    clock.now = at("09:10")
    return people | {"held": (held, None)}


def test_a_stop_pays_back_who_has_not_come_at_once_and_who_waits_when_it_closes(session, morning, fake, clock):
    end = ending.of(session, now=clock.now)
    assert (end.to_come, end.to_come_paid, end.waiting, end.waiting_paid, end.in_room) == (2, FEE, 1, FEE, 1)
    for _press in range(2):
        lifecycle.stop_early(session_id=session.pk, reason="ill", now=clock.now)
    assert send(clock) == 1
    assert fake.net() == 2 * FEE
    assert {name: state_of(each) for name, (each, _payment) in morning.items()} == {
        "in_room": "arrived", "waiting": "arrived", "late": "called_off", "held": "called_off",
    }  # fmt: skip
    lifecycle.close_session(session_id=session.pk, now=clock.now)
    assert send(clock) == 1
    assert fake.net() == FEE
    assert {name: state_of(each) for name, (each, _payment) in morning.items()} == {
        "in_room": "seen", "waiting": "not_seen", "late": "called_off", "held": "called_off",
    }  # fmt: skip
    assert told("appointment_called_off") == sorted(morning[name][0].pk for name in ("late", "held"))
    assert Outbox.objects.filter(kind="session_stopped").count() == 1
    assert not Appointment.objects.filter(state="no_show").exists()


def test_a_stop_for_good_is_one_step_or_none(session, morning, fake, clock, monkeypatch):
    """Killed between the stop and the close, neither is done; done again it is done once."""
    stop = {"session_id": session.pk, "reason": "leave", "now": clock.now}
    with monkeypatch.context() as dies:
        dies.setattr(lifecycle, "close_session", lambda **kwargs: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            lifecycle.stop_for_good(**stop)
    assert (state_of(morning["late"][0]), state_of(morning["waiting"][0])) == ("booked", "arrived")
    for _press in range(2):
        lifecycle.stop_for_good(**stop)
    assert (state_of(session), state_of(morning["waiting"][0])) == ("closed", "not_seen")
    assert send(clock) == 2
    assert fake.net() == FEE
    assert outbox.send_due() > 0


def test_closing_says_first_what_it_does(session, morning, fake, clock):
    """R1.4: here nobody stopped it, so who was late and never came is a no-show."""
    end = ending.of(session, now=clock.now)
    assert (end.no_shows, end.could_not, end.could_not_paid) == (1, 0, 0)
    earlier = ending.of(session, now=at("08:50"))
    assert (earlier.no_shows, earlier.could_not, earlier.could_not_paid) == (0, 1, FEE)
    lifecycle.close_session(session_id=session.pk, now=clock.now)
    assert state_of(morning["late"][0]) == "no_show"
