"""R3.2b: a session at another time of its day, or in another room: everybody keeps their number and is told."""

from datetime import datetime, timedelta

import pytest

from booking import touched
from booking.models import Appointment, Leave, Outbox, Session
from booking.services import endings, schedules, seats, times
from tests import factories
from tests.booking.clinic import WEEK_BEFORE, book, counts, planned, refused, slots
from tests.factories import at

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nothing_is_breached")]


@pytest.fixture
def session():
    return planned(((2, 1), (2, 1), (1, 0)))


def change(session, starts, ends, now=WEEK_BEFORE, reason="ward round", **kwargs):
    return times.change_times(
        session_id=session.pk, starts_at=at(starts), ends_at=at(ends), reason=reason, now=now, **kwargs
    )


def clocks(session):
    return [(slot.starts_at, slot.ends_at) for slot in slots(session)]


def told(kind):
    return sorted(Outbox.objects.filter(kind=kind).values_list("payload__appointment", flat=True))


class TestAnotherTime:
    def test_all_slots_move_along_and_who_is_booked_is_told_what_it_was(self, session):
        made = [book(session), book(session, 1, hold=True)]
        endings.cancel(appointment_id=book(session, 2).pk, now=WEEK_BEFORE)
        before = counts(session)
        assert change(session, "09:30", "12:30") == 2
        session.refresh_from_db()
        assert (session.starts_at, session.ends_at) == (at("09:30"), at("12:30"))
        assert session.registration_opens_at == at("08:30")
        assert session.by_hand
        assert clocks(session) == [(at("09:30"), at("10:30")), (at("10:30"), at("11:30")), (at("11:30"), at("12:30"))]
        assert counts(session) == before
        assert told("session_time_changed") == [each.pk for each in made]
        was = Outbox.objects.filter(kind="session_time_changed").order_by("pk").values_list("payload__was", flat=True)
        assert [datetime.fromisoformat(each) for each in was] == [at("08:00"), at("09:00")]

    @pytest.mark.parametrize("ends", ["10:20", "13:00"])
    def test_the_last_slot_ends_when_the_session_does(self, session, ends):
        book(session, 2)
        assert change(session, "08:00", ends) == 0
        assert clocks(session)[1:] == [(at("09:00"), at("10:00")), (at("10:00"), at(ends))]
        assert told("session_time_changed") == []

    def test_earlier_is_possible_until_registration_opens(self, session):
        book(session)
        assert change(session, "07:00", "10:00") == 1
        with refused("booking_closed"):
            book(session, 1, now=at("06:30"))

    def test_what_cannot_be_is_refused_and_changes_nothing(self, session):
        book(session)
        seen = touched.one(session).mark
        for starts, ends, code in (
            ("08:00", "11:00", "same_times"),
            ("09:00", "11:00", "last_slot_lost"),
            ("23:00", "23:30", "last_slot_lost"),
        ):
            with refused(code):
                change(session, starts, ends)
        with refused("time_past"):
            change(session, "08:30", "12:00", now=at("08:30"))
        with refused("other_day"):
            day = at("00:00") + timedelta(days=1)
            times.change_times(
                session_id=session.pk, starts_at=at("08:00", day), ends_at=at("12:00", day), reason="x", now=WEEK_BEFORE
            )
        with refused("reason_missing"):
            change(session, "09:00", "12:00", reason=" ")
        assert touched.one(Session.objects.get(pk=session.pk)).mark == seen
        book(session, 1)
        with refused("changed_meanwhile"):
            change(session, "09:00", "12:00", seen=seen)
        with refused("session_over"):
            change(planned(((1, 0),), state="closed"), "09:00", "12:00")

    def test_not_over_another_session_of_its_experts(self, session):
        later = planned(((1, 0),), of=session.department, expert=session.expert, start="12:00")
        with refused("expert_busy"):
            change(session, "09:30", "12:30")
        Session.objects.filter(pk=later.pk).update(state="cancelled")
        change(session, "09:30", "12:30")

    def test_an_expert_who_is_late_keeps_those_who_have_come(self):
        """Registration is open: later only, and until the first slot ends."""
        session = factories.session(split=((1, 2), (1, 2)))
        appointment = factories.appointment(session)
        with refused("only_later"):
            change(session, "07:50", "10:00", now=at("07:30"))
        assert change(session, "08:40", "10:40", now=at("07:30")) == 1
        session.refresh_from_db()
        assert session.registration_opens_at == at("07:00")
        assert Appointment.objects.get(pk=appointment.pk).slot.starts_at == at("08:40")
        with refused("slot_ended"):
            change(session, "10:00", "12:00", now=at("09:40"))

    def test_a_leave_that_a_manager_let_stand_does_not_keep_it_from_moving(self, session):
        Leave.objects.create(expert=session.expert, first_day=session.date, last_day=session.date)
        change(session, "09:00", "12:00")

    def test_killed_between_the_slots_nothing_has_moved(self, session, monkeypatch):
        book(session)
        before = clocks(session)
        monkeypatch.setattr(times.notices, "tell", lambda *args, **kwargs: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            change(session, "09:00", "12:00")
        assert clocks(session) == before
        assert Session.objects.get(pk=session.pk).starts_at == at("08:00")


class TestAnotherRoom:
    def move(self, session, room=None, reason="painting", **kwargs):
        seat = session.rooms.first()
        return seats.change_room(
            session_id=session.pk, room_id=seat.room_id, to_room_id=(room or factories.room(session.department)).pk,
            reason=reason, now=WEEK_BEFORE, **kwargs,
        )  # fmt: skip

    def test_who_booked_its_expert_is_told(self, session):
        made, there = book(session), factories.room(session.department)
        assert self.move(session, there) == 1
        assert session.rooms.get().room == there
        assert told("session_room_changed") == [made.pk]
        assert Outbox.objects.get(kind="session_room_changed").payload["room"] == there.pk

    def test_in_a_pooled_session_the_room_is_said_with_the_call(self):
        pooled = planned(((1, 0),), rooms=2, expert=None, title="普通门诊")
        book(pooled)
        assert self.move(pooled) == 0
        with refused("room_in_use"):
            self.move(pooled, pooled.rooms.last().room)

    def test_what_cannot_be_is_refused(self, session):
        with refused("wrong_room"):
            self.move(session, factories.room(factories.department()))
        with refused("reason_missing"):
            self.move(session, reason="")
        seen = touched.one(session).mark
        book(session)
        with refused("changed_meanwhile"):
            self.move(session, seen=seen)
        Session.objects.filter(pk=session.pk).update(state="open")
        with refused("session_begun"):
            self.move(session)


def test_a_changed_session_is_marked_as_changed_by_hand(session):
    """A changed template leaves it."""
    schedules.substitute(
        session_id=session.pk, away_id=session.expert_id, expert_id=factories.expert(session.department).pk,
        reason="ill", now=WEEK_BEFORE,
    )  # fmt: skip
    assert Session.objects.get(pk=session.pk).by_hand
