"""R1.1, R3.5, R3.5b: sessions from templates, the walk-in pool opened, and passed on."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.db import IntegrityError, transaction

from booking import wanted
from booking.errors import BookingError
from booking.models import FreedNumber, Holiday, Leave, Session, SessionRoom, Slot, Template, TemplateRoom
from booking.services import appointments, endings, sessions
from tests import factories
from tests.booking.clinic import WEEK_BEFORE, counts, moves, planned, slots, split_of
from tests.factories import at

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nothing_is_breached")]

MONDAY = date(2026, 11, 16)


def template(of=None, *, pooled=False, **fields):
    of = of or factories.department()
    expert = None if pooled else factories.expert(of)
    values = {"weekday": 0, "starts": time(8), "ends": time(12), "numbers": 42, "title": "普通门诊" if pooled else ""}
    return Template.objects.create(**{"department": of, "expert": expert} | values | fields)


def make(days=14, **kwargs):
    return sessions.make_sessions(today=MONDAY, days=days, **kwargs)


class TestMaking:
    """R1.1"""

    def test_a_weekly_template_makes_a_session_a_week_two_weeks_ahead(self):
        template()
        made = sessions.make_sessions(today=MONDAY)
        assert [session.date for session in made] == [MONDAY + timedelta(days=n) for n in (0, 7, 14)]
        assert {session.state for session in made} == {"planned"}

    def test_the_department_says_how_far_ahead(self):
        template(factories.department(sessions_ahead_days=6))
        assert [session.date for session in sessions.make_sessions(today=MONDAY)] == [MONDAY]

    def test_twice_makes_nothing_more(self):
        template()
        make()
        assert make() == []
        assert Session.objects.count() == 3

    def test_what_another_run_has_made_meanwhile_is_no_harm(self, monkeypatch):
        """The look before missed it; the database does not."""
        template()
        make(days=7)
        monkeypatch.setattr(wanted, "_days", lambda *_: iter([MONDAY, MONDAY + timedelta(days=14)]))
        assert [session.date for session in make()] == [MONDAY + timedelta(days=14)]
        assert Session.objects.count() == 3

    def test_an_integrity_error_of_another_kind_is_not_swallowed(self, monkeypatch):
        template()

        def fails(**_kwargs):
            raise IntegrityError("something else")

        monkeypatch.setattr(sessions, "make_session", fails)
        with pytest.raises(IntegrityError):
            make()

    def test_killed_in_the_middle_of_a_session_nothing_of_it_is_left(self, monkeypatch):
        template()

        def dies(*_args, **_kwargs):
            raise SystemExit

        with monkeypatch.context() as broken:
            broken.setattr(sessions.quotas, "share_out", dies)
            with pytest.raises(SystemExit):
                make()
        assert not Session.objects.exists()
        assert len(make()) == 3

    @pytest.mark.parametrize("everywhere", [True, False])
    def test_a_holiday_has_no_session(self, everywhere):
        off = template()
        Holiday.objects.create(date=MONDAY, department=None if everywhere else off.department, name="节日")
        other = template()
        assert [session.department for session in make(days=0)] == [] if everywhere else [other.department]

    def test_an_expert_on_leave_has_no_session_on_its_first_and_last_day(self):
        away = template()
        Leave.objects.create(expert=away.expert, first_day=MONDAY, last_day=MONDAY + timedelta(days=7))
        assert [session.date for session in make()] == [MONDAY + timedelta(days=14)]

    def test_a_pooled_session_goes_on_without_the_expert_on_leave(self):
        """R1.5"""
        pool = template(pooled=True)
        seats = [
            TemplateRoom.objects.create(
                template=pool, room=factories.room(pool.department), expert=factories.expert(pool.department)
            )
            for _ in range(2)
        ]
        Leave.objects.create(expert=seats[0].expert, first_day=MONDAY, last_day=MONDAY)
        first, second = make(days=7)
        assert [seat.expert for seat in first.rooms.all()] == [seats[1].expert]
        assert second.rooms.count() == 2
        Leave.objects.create(expert=seats[1].expert, first_day=MONDAY, last_day=MONDAY + timedelta(days=14))
        Leave.objects.create(expert=seats[0].expert, first_day=MONDAY, last_day=MONDAY + timedelta(days=14))
        assert make() == []

    def test_rooms_are_those_of_the_template(self):
        of = template()
        seat = TemplateRoom.objects.create(template=of, room=factories.room(of.department), expert=of.expert)
        (made,) = make(days=0)
        assert [(s.room, s.expert) for s in SessionRoom.objects.filter(session=made)] == [(seat.room, seat.expert)]

    def test_templates_and_experts_that_are_not_active_make_nothing(self):
        template(active=False)
        retired = template()
        retired.expert.active = False
        retired.expert.save()
        assert make() == []

    def test_what_has_ended_today_is_not_made(self):
        template()
        assert make(days=0, now=at("12:00")) == []
        assert len(make(days=0, now=at("11:59"))) == 1

    def test_times_are_local_and_taken_from_the_department(self):
        """R1.2, R3.1: an hour before, 7 days ahead at 07:00."""
        template()
        (made,) = make(days=0)
        assert (made.starts_at, made.ends_at) == (at("08:00"), at("12:00"))
        assert made.starts_at == datetime(2026, 11, 16, 0, 0, tzinfo=UTC)
        assert made.registration_opens_at == at("07:00")
        assert made.released_at == at("07:00") - timedelta(days=7)

    @pytest.mark.parametrize(
        ("ends", "minutes", "ended"),
        [
            (time(12), 60, ["09:00", "10:00", "11:00", "12:00"]),
            (time(11, 30), 60, ["09:00", "10:00", "11:00", "11:30"]),
            (time(8, 40), 60, ["08:40"]),
            (time(9, 1), 30, ["08:30", "09:00", "09:01"]),
        ],
    )
    def test_slots_cover_the_session_and_the_last_may_be_shorter(self, ends, minutes, ended):
        """M = ceil((end - start) / length)"""
        template(ends=ends, slot_minutes=minutes)
        (made,) = make(days=0)
        assert [slot.ends_at for slot in slots(made)] == [at(clock) for clock in ended]
        assert [slot.starts_at for slot in slots(made)] == [at("08:00"), *(at(clock) for clock in ended[:-1])]

    def test_slots_are_as_long_where_the_clocks_change(self, settings):
        """Berlin, 25 October 2026: 00:00-04:00 is five hours."""
        settings.TIME_ZONE = "Europe/Berlin"
        template(weekday=6, starts=time(0), ends=time(4))
        (made,) = sessions.make_sessions(today=date(2026, 10, 25), days=0)
        lengths = [slot.ends_at - slot.starts_at for slot in slots(made)]
        assert lengths == [timedelta(hours=1)] * 5
        assert made.date == date(2026, 10, 25)

    def test_its_numbers_are_split_at_once_and_say_why(self):
        """R2.4 without history: 6 minutes a visit are 10 an hour, 4 walk-ins an hour from 07:00 on."""
        template()
        (made,) = make(days=0)
        assert split_of(made) == [(2, 8), (6, 4), (6, 4), (8, 4)]
        assert sum(b + w for b, w in split_of(made)) == made.numbers == 42
        assert {move[1] for move in moves(made, "planned")} == {"outside"}
        plan = made.plans.get()
        assert plan.basis["visits"]["source"] == plan.basis["walk_ins"]["source"] == "default"


class TestOpeningThePool:
    """R3.5"""

    def open(self, session, now=None):
        with transaction.atomic():
            return sessions.open_pool(session_id=session.pk, now=now or at("07:00"))

    def test_free_and_withheld_numbers_move_and_booked_ones_stay(self):
        session = planned(((4, 1), (2, 0)))
        kept, given_back = (
            appointments.book(patient_id=factories.patient().pk, slot_id=slots(session)[0].pk, now=WEEK_BEFORE)
            for _ in range(2)
        )
        endings.cancel(appointment_id=given_back.pk, now=at("06:59"))
        assert self.open(session) == 5
        assert counts(session) == [(0, 1, 0, 4, 0), (0, 0, 0, 2, 0)]
        assert moves(session, "opened") == [
            (0, "bookable", "pool", 2),
            (0, "withheld", "pool", 1),
            (1, "bookable", "pool", 2),
        ]
        assert kept.state == "booked"

    def test_a_number_that_was_waiting_to_be_free_does_not_come_twice(self):
        session = planned(((1, 0),))
        made = appointments.book(patient_id=factories.patient().pk, slot_id=slots(session)[0].pk, now=WEEK_BEFORE)
        endings.cancel(appointment_id=made.pk, now=at("06:59"))
        self.open(session)
        assert FreedNumber.objects.get().done_at == at("07:00")
        assert endings.free_numbers(now=at("07:30")) == 0
        assert counts(session) == [(0, 0, 0, 1, 0)]

    def test_a_second_call_does_nothing(self):
        session = planned()
        self.open(session)
        before = counts(session)
        assert self.open(session, at("07:05")) == 0
        assert counts(session) == before
        assert Session.objects.get(pk=session.pk).pool_opened_at == at("07:00")

    @pytest.mark.parametrize("state", ["closed", "cancelled"])
    def test_a_session_that_is_over_is_refused(self, state):
        session = planned(state=state)
        with pytest.raises(BookingError, check=lambda error: error.code == "session_over"):
            self.open(session)


class TestPassingOn:
    """R3.5b"""

    def pass_on(self, session, now):
        with transaction.atomic():
            return sessions.pass_on(session_id=session.pk, now=now)

    def test_an_ended_slot_passes_what_is_left_to_the_next(self):
        session = factories.session(split=((0, 2), (0, 6), (0, 6)))
        assert self.pass_on(session, at("08:59")) == 0
        assert self.pass_on(session, at("09:00")) == 2
        assert split_of(session) == [(0, 0), (0, 8), (0, 6)]
        assert moves(session, "passed_on") == [(0, "pool", "outside", 2), (1, "outside", "pool", 2)]
        assert [slot.passed_on for slot in slots(session)] == [True, False, False]

    def test_run_twice_it_passes_once(self):
        session = factories.session(split=((0, 2), (0, 6), (0, 6)))
        self.pass_on(session, at("09:00"))
        assert self.pass_on(session, at("09:01")) == 0
        assert split_of(session) == [(0, 0), (0, 8), (0, 6)]

    def test_after_a_long_silence_all_ended_slots_pass_on_in_order(self):
        session = factories.session(split=((0, 2), (0, 6), (0, 6)))
        assert self.pass_on(session, at("10:00")) == 2 + 8
        assert split_of(session) == [(0, 0), (0, 0), (0, 14)]

    def test_the_last_slot_passes_nothing_and_is_dealt_with(self):
        session = factories.session(split=((0, 2), (0, 6)))
        self.pass_on(session, at("10:00"))
        assert split_of(session) == [(0, 0), (0, 8)]
        assert all(slot.passed_on for slot in slots(session))

    def test_registered_walk_ins_keep_their_numbers(self):
        session = factories.session(split=((0, 3), (0, 1)))
        with transaction.atomic():
            sessions.numbers.move(
                slot_id=slots(session)[0].pk, source="pool", target="registered", reason="registered", now=at("08:00")
            )
        self.pass_on(session, at("09:00"))
        assert counts(session) == [(0, 0, 0, 0, 1), (0, 0, 0, 3, 0)]

    def test_a_department_may_keep_numbers_in_their_slot(self):
        of = factories.department(pass_on_unused=False)
        session = factories.session(split=((0, 2), (0, 6)), of=of)
        assert self.pass_on(session, at("09:00")) == 0
        assert split_of(session) == [(0, 2), (0, 6)]
        assert Slot.objects.filter(session=session, passed_on=True).count() == 1
