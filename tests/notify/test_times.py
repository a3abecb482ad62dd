"""What time alone brings about is told once: the day before, and when times have moved much (R5.3, R5.4)."""

from datetime import datetime, timedelta

import pytest

from booking import invariants
from booking.models import Outbox
from booking.services import appointments, endings, refunds
from queueboard.notify import times
from queueboard.notify.facts import Facts
from queueboard.notify.kinds import compose
from queueboard.notify.models import ComeTold
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

    def test_who_could_be_called_much_sooner_is_told_though_that_is_soon(self, session, room):
        """The queue was long and is not any more: to come at half past eleven, and it is the turn already."""
        booked = factories.appointment(session, 1)
        ComeTold.objects.create(appointment=booked, come_at=at("09:50"))
        assert times.tell_changes(now=at("09:05")) == 1
        (sooner,) = told("time_changed")
        assert sooner["come_at"] == at("09:05").isoformat()
        assert times.tell_changes(now=at("09:06")) == 0


class TestSettingOut:
    """Who has told how long the way takes is told when it is time, and once (R5.3)."""

    @pytest.fixture
    def session(self):
        return factories.session(state="planned", split=((2, 10), (4, 6)))

    def booked(self, session, index=1, way=40, **fields):
        return factories.appointment(session, index, way_minutes=way, **fields)

    @staticmethod
    def told_at(*clocks):
        return [times.tell_to_set_out(now=at(clock)) for clock in clocks]

    def test_before_anybody_can_know_the_queue_it_follows_from_the_slot(self, session):
        """To be there at 08:50: 40 minutes with their spread and the door are 57."""
        booked = self.booked(session)
        assert self.told_at("07:45", "07:50", "07:51", "08:49") == [0, 1, 0, 0]
        (row,) = told("set_out")
        assert row["appointment"] == booked.pk
        assert datetime.fromisoformat(row["come_at"]) == at("08:50")

    def test_on_the_day_it_follows_from_the_queue_and_is_what_was_told_last(self, session):
        booked = self.booked(session)
        type(session).objects.update(state="running")
        rooms.pause(
            session_id=session.pk,
            room_id=session.rooms.get().room_id,
            until=at("09:40"),
            reason="ward",
            now=at("08:00"),
        )
        assert self.told_at("08:01", "08:45") == [0, 1]
        come_at = datetime.fromisoformat(told("set_out")[0]["come_at"])
        assert come_at >= at("09:10")
        assert times.told_to_come(type(booked).objects.get(pk=booked.pk)) == come_at

    def test_a_run_that_comes_when_it_is_too_late_tells_nobody(self, session):
        self.booked(session)
        assert self.told_at("08:50") == [0]

    def test_nobody_else_is_told(self, session):
        self.booked(session, way=None)
        self.booked(session, state="cancelled")
        type(session).objects.update(stopped_early=True)
        self.booked(session)
        assert self.told_at("07:50", "08:20") == [0, 0]

    def test_moved_to_another_day_it_is_told_on_that_too(self, session):
        booked = self.booked(session)
        self.told_at("07:50")
        later = factories.session(state="planned", day=at("08:00") + DAY)
        booked.session, booked.slot = later, later.slots.get(index=0)
        booked.save()
        assert times.tell_to_set_out(now=at("07:00") + DAY) == 1

    def test_it_is_said_in_their_language_and_not_when_they_are_here(self, session):
        booked = self.booked(session)
        self.told_at("07:50")
        facts = Facts(Outbox.objects.get(kind="set_out"))
        assert "please set out now, to be with" in compose(facts, "en").text
        assert "08:50" in compose(facts, "zh-hans").text
        type(booked).objects.update(state="arrived")
        assert compose(Facts(facts.cause), "en") is None


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
