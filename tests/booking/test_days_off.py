"""R1.1, R1.3, R1.5: holidays and leave over sessions that have been made, and what comes back when they are gone."""

from datetime import timedelta

import pytest
from django.utils import timezone

from booking import days_off
from booking.models import Holiday, Leave, Session, SessionRoom, Template, TemplateRoom
from booking.services import schedules, seats, sessions
from tests import factories
from tests.booking.clinic import planned, refused
from tests.factories import at

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nothing_is_breached")]
DAY = timedelta(days=1)


@pytest.fixture
def today():
    return timezone.localdate()


@pytest.fixture
def template(today):
    """A session on every one of the next days' weekday, made ahead."""
    of = factories.department(sessions_ahead_days=13)
    made = Template.objects.create(
        department=of, expert=factories.expert(of), weekday=(today + 3 * DAY).weekday(), starts="08:00", ends="12:00",
        numbers=20,
    )  # fmt: skip
    sessions.make_sessions(today=today)
    return made


def first(template):
    return template.sessions.order_by("date").first()


def call_off(session, cause=""):
    schedules.call_off(session_id=session.pk, reason="closed", cause=cause)


def make(today):
    return [session.date for session in sessions.make_sessions(today=today)]


@pytest.mark.parametrize("everywhere", [True, False])
def test_a_holiday_touches_the_sessions_of_its_department_or_of_all_that_are_not_over(everywhere):
    of = factories.department()
    mine, open_now, other = planned(((1, 0),), of=of), factories.session(of=of), planned(((1, 0),))
    planned(((1, 0),), of=of, state="cancelled")
    planned(((1, 0),), of=of, day=at("00:00") + DAY)
    holiday = Holiday.objects.create(date=mine.date, department=None if everywhere else of, name="节日")
    assert set(days_off.sessions_in(holiday)) == {mine, open_now} | ({other} if everywhere else set())


def test_a_leave_touches_the_experts_own_sessions_and_their_seats_in_pooled_ones():
    of = factories.department()
    who = factories.expert(of)
    days = [at("00:00") + n * DAY for n in range(4)]
    own = [planned(((1, 0),), of=of, expert=who, day=day) for day in days]
    pooled = planned(((1, 0),), of=of, rooms=2, expert=None, title="普通门诊", day=days[1])
    SessionRoom.objects.filter(pk=pooled.rooms.first().pk).update(expert=who)
    planned(((1, 0),), of=of, rooms=2, expert=None, title="普通门诊", day=days[1])
    planned(((1, 0),), of=of, day=days[1])
    Session.objects.filter(pk=own[2].pk).update(state="closed")
    leave = Leave.objects.create(expert=who, first_day=own[1].date, last_day=own[2].date)
    assert list(days_off.sessions_in(leave)) == [own[1], pooled]


@pytest.mark.parametrize("kind", ["holiday", "leave"])
def test_what_was_cancelled_for_it_is_made_again_once_it_is_gone(today, template, kind):
    """R1.1: with all its numbers free; the old one and its ledger stay as they are."""
    session = first(template)
    if kind == "holiday":
        off = Holiday.objects.create(date=session.date, name="节日")
    else:
        off = Leave.objects.create(expert=template.expert, first_day=today, last_day=session.date)
    call_off(session, kind)
    assert make(today) == []
    assert [(each.template, each.day) for each in days_off.again_if_gone(off)] == [(template, session.date)]
    off.delete()
    assert [each.day for each in days_off.again_after(off)] == [session.date]
    assert make(today) == [session.date]
    assert make(today) == []
    both = Session.objects.filter(template=template, date=session.date).order_by("pk")
    assert [(each.state, each.cancelled_for) for each in both] == [("cancelled", kind), ("planned", "")]


def test_a_leave_that_ends_earlier_gives_back_the_days_after_it(today, template):
    one, two = template.sessions.order_by("date")
    leave = Leave.objects.create(expert=template.expert, first_day=one.date, last_day=two.date)
    for session in (one, two):
        call_off(session, "leave")
    Leave.objects.update(last_day=one.date)
    assert [each.day for each in days_off.again_after(leave)] == [two.date]
    assert make(today) == [two.date]


def test_a_session_that_was_cancelled_for_itself_is_not_made_again(today, template):
    call_off(first(template))
    holiday = Holiday.objects.create(date=first(template).date, name="节日")
    assert days_off.again_if_gone(holiday) == []
    holiday.delete()
    assert make(today) == []


def test_where_another_reason_stays_nothing_is_made_again(today, template):
    session = first(template)
    holiday = Holiday.objects.create(date=session.date, name="节日")
    Holiday.objects.create(date=session.date, department=template.department, name="搬迁")
    call_off(session, "holiday")
    assert days_off.again_if_gone(holiday) == []
    Leave.objects.create(expert=template.expert, first_day=session.date, last_day=session.date)
    Holiday.objects.all().delete()
    assert make(today) == []


def test_who_is_free_is_of_the_department_and_neither_away_nor_busy():
    of = factories.department()
    session = planned(((1, 0), (1, 0)), of=of)
    free, away = factories.expert(of), factories.expert(of)
    factories.expert(of, active=False)
    factories.expert(factories.department())
    Leave.objects.create(expert=away, first_day=session.date, last_day=session.date)
    planned(((1, 0),), of=of, start="09:00")
    later = planned(((1, 0),), of=of, start="10:00").expert
    pooled = planned(((1, 0),), of=of, rooms=2, expert=None, title="普通门诊", start="09:30")
    assert set(days_off.free_experts([session])[session.pk]) == {free, later}
    assert later not in days_off.free_experts([pooled])[pooled.pk]


class TestGivingASeatUp:
    """R1.5"""

    @pytest.fixture
    def pooled(self):
        return planned(((4, 0),), rooms=2, expert=None, title="普通门诊")

    def give_up(self, session, expert, **kwargs):
        seats.give_seat_up(session_id=session.pk, expert_id=expert.pk, reason="leave", **kwargs)

    def test_the_others_go_on_and_nobody_loses_a_number(self, pooled):
        appointment = factories.appointment(pooled)
        going, staying = pooled.rooms.all()
        for _press in range(2):
            self.give_up(pooled, going.expert)
        assert list(pooled.rooms.all()) == [staying]
        appointment.refresh_from_db()
        assert appointment.state == "booked"
        with refused("last_seat"):
            self.give_up(pooled, staying.expert)

    def test_not_in_an_experts_own_session_nor_once_registration_is_open(self, pooled):
        own = planned(((1, 0),))
        with refused("not_pooled"):
            self.give_up(own, own.expert)
        Session.objects.filter(pk=pooled.pk).update(state="open")
        with refused("session_begun"):
            self.give_up(pooled, pooled.rooms.first().expert)
        Session.objects.filter(pk=pooled.pk).update(state="closed")
        with refused("session_over"):
            self.give_up(pooled, pooled.rooms.first().expert)


def test_a_pooled_session_that_nobody_is_left_for_is_made_again_when_one_comes_back(today, template):
    """R1.5"""
    of = template.department
    pool = Template.objects.create(
        department=of, title="普通门诊", weekday=template.weekday, starts="14:00", ends="16:00", numbers=10
    )
    seat = TemplateRoom.objects.create(template=pool, room=factories.room(of), expert=factories.expert(of))
    (made, _next_week) = sessions.make_sessions(today=today)
    leave = Leave.objects.create(expert=seat.expert, first_day=made.date, last_day=made.date)
    call_off(made, "leave")
    assert make(today) == []
    assert [each.template for each in days_off.again_if_gone(leave)] == [pool]
    leave.delete()
    assert make(today) == [made.date]
