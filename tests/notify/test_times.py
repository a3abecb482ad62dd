"""What time alone brings about is told once: the day before, and when times have moved much (R5.3, R5.4)."""

from datetime import timedelta

import pytest

from booking import invariants
from booking.models import Outbox
from booking.services import appointments, endings, refunds
from queueboard.notify import times
from queueboard.services import arrivals, calls, rooms
from tests import factories
from tests.booking.clinic import planned
from tests.factories import at

pytestmark = pytest.mark.django_db
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
EVENING = at("18:00") - DAY


def told(kind):
    return list(Outbox.objects.filter(kind=kind).order_by("pk").values_list("payload", flat=True))


class TestReminder:
    @pytest.fixture
    def booked(self):
        return factories.appointment(planned())

    def test_it_comes_once_from_the_hour_of_the_setting_on(self, booked):
        assert [times.remind(now=EVENING + after) for after in (-MINUTE, 0 * MINUTE, 5 * MINUTE)] == [0, 1, 0]
        assert told("reminder") == [{"appointment": booked.pk}]

    def test_a_run_that_missed_the_hour_makes_up_for_it_that_evening(self, booked):
        assert times.remind(now=EVENING + timedelta(hours=5)) == 1

    def test_nobody_else_is_reminded(self, booked):
        factories.appointment(booked.session, 1, booked_at=EVENING + MINUTE)
        factories.appointment(booked.session, 1, state="held", held_until=EVENING + DAY)
        factories.appointment(planned(day=at("08:00") + DAY))
        factories.appointment(factories.session(state="cancelled"))
        assert times.remind(now=EVENING + timedelta(hours=1)) == 1


class TestChangedTimes:
    @pytest.fixture
    def session(self):
        return factories.session(split=((2, 10), (4, 6)))

    @pytest.fixture
    def room(self, session):
        return session.rooms.get().room

    def register(self, session, count):
        for _ in range(count):
            arrivals.register_walk_in(session_id=session.pk, patient_id=factories.patient().pk, now=at("07:30"))
        return list(session.tickets.order_by("number"))

    def test_what_hardly_moves_is_not_told(self, session, room):
        self.register(session, 8)
        assert [times.tell_changes(now=at(clock)) for clock in ("07:31", "07:40", "07:59")] == [0, 0, 0]

    def test_a_long_pause_is_told_once_to_who_waits_further_back(self, session, room):
        tickets = self.register(session, 8)
        times.tell_changes(now=at("07:59"))
        calls.call_next(session_id=session.pk, room_id=room.pk, now=at("08:00"))
        calls.finish(ticket_id=tickets[0].pk, now=at("08:06"))
        rooms.pause(session_id=session.pk, room_id=room.pk, until=at("09:10"), reason="ward", now=at("08:06"))
        assert [times.tell_changes(now=at(clock)) for clock in ("08:07", "08:08")] == [3, 0]
        rows = told("turn_changed")
        assert [row["ticket"] for row in rows] == [ticket.pk for ticket in tickets[5:]]
        assert all(row["turn"] > at("09:10").isoformat() for row in rows)

    def test_who_is_at_home_is_told_to_come_later_and_when_it_is_over_to_come_sooner(self, session, room):
        booked = factories.appointment(session, 1)
        self.register(session, 4)
        assert times.tell_changes(now=at("07:59")) == 0
        rooms.pause(session_id=session.pk, room_id=room.pk, until=at("09:40"), reason="ward", now=at("08:00"))
        assert [times.tell_changes(now=at(clock)) for clock in ("08:01", "08:02")] == [1, 0]
        (later,) = told("time_changed")
        assert later["appointment"] == booked.pk
        assert later["come_at"] >= at("09:10").isoformat()
        rooms.resume(session_id=session.pk, room_id=room.pk, now=at("08:10"))
        assert times.tell_changes(now=at("08:11")) == 1
        assert told("time_changed")[1]["come_at"] == at("09:00").isoformat()

    def test_nobody_is_told_shortly_before_or_of_a_session_that_was_stopped(self, session, room):
        booked = factories.appointment(session, 1)
        rooms.pause(session_id=session.pk, room_id=room.pk, until=at("09:40"), reason="ward", now=at("08:00"))
        type(session).objects.update(stopped_early=True)
        assert times.tell_changes(now=at("08:01")) == 0
        type(session).objects.update(stopped_early=False)
        type(booked).objects.update(state="cancelled")
        assert times.tell_changes(now=at("08:01")) == 0


def test_a_hold_that_expires_is_told():
    session = planned()
    slot = session.slots.first()
    held = appointments.book(patient_id=factories.patient().pk, slot_id=slot.pk, hold=True, now=EVENING)
    endings.expire_holds(now=EVENING + timedelta(hours=1))
    assert told("hold_expired") == [{"patient": held.patient_id, "appointment": held.pk}]


def test_money_that_has_gone_back_is_told_once():
    from booking.models import Payment
    from booking.payments.interface import Paid, Record, Told
    from booking.services import payments

    session = planned(of=factories.department(prepayment=2000))
    held = appointments.book(patient_id=factories.patient().pk, slot_id=session.slots.first().pk, now=EVENING)
    payments.start(appointment_id=held.pk, provider="demo", return_url="", address="", now=EVENING)
    number = Payment.objects.get().number
    payments.receive(provider="demo", told=Told(number, 2000, "p1"), now=EVENING)
    endings.cancel(appointment_id=held.pk, now=EVENING)
    refund = Payment.objects.get().refund
    for _ in range(2):
        refunds.done(refund, Record(Paid.YES, 2000, "r1"))
    assert told("refund_done") == [{"refund": refund.pk}]
    assert list(invariants.breaches()) == []
