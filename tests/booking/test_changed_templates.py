"""R1.1, R3.2b: sessions that were made and are not as their template asks now; how they follow it, or are made anew."""

from datetime import time, timedelta

import pytest
from django.utils import timezone

from booking import differing
from booking.models import Appointment, Holiday, Leave, Outbox, QuotaMove, Session, Template, TemplateRoom
from booking.services import endings, quotas, schedules, sessions, templates
from tests import factories
from tests.booking.clinic import book, planned, refused, slots, split_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nothing_is_breached")]
DAY = timedelta(days=1)


@pytest.fixture
def template():
    """08:00-12:00 three days from now, with its session, which can be booked."""
    of = factories.department(sessions_ahead_days=6)
    expert = factories.expert(of)
    made = Template.objects.create(
        department=of, expert=expert, weekday=(timezone.localdate() + 3 * DAY).weekday(), starts=time(8),
        ends=time(12), numbers=42,
    )  # fmt: skip
    TemplateRoom.objects.create(template=made, room=factories.room(of), expert=expert)
    sessions.make_sessions(today=timezone.localdate())
    return made


@pytest.fixture
def session(template):
    return template.sessions.get()


def change(template, **fields):
    for name, value in fields.items():
        setattr(template, name, value)
    template.save()


def found(template):
    return differing.differing(Template.objects.get(pk=template.pk), now=timezone.now())


def what(template):
    return [each.what for each in found(template)]


def booked(session, index=1):
    return book(session, index, now=timezone.now())


def told(kind):
    return list(Outbox.objects.filter(kind=kind).values_list("payload__appointment", flat=True))


@pytest.mark.parametrize(
    ("fields", "differs"),
    [
        ({"starts": time(8, 30)}, ("times",)),  # three hours and a half are four slots too
        ({"starts": time(9), "ends": time(13)}, ("times",)),
        ({"ends": time(11, 30)}, ("times",)),
        ({"ends": time(11)}, ("times", "slots")),
        ({"slot_minutes": 30}, ("slots",)),
        ({"numbers": 40}, ("numbers",)),
        ({"prefix": "B"}, ("prefix",)),
    ],
)
def test_each_difference_is_found(template, fields, differs):
    assert found(template) == []
    change(template, **fields)
    assert what(template) == [differs]


def test_another_expert_and_another_room_are_found(template):
    template.rooms.update(room=factories.room(template.department))
    assert what(template) == [("rooms",)]
    change(template, expert=factories.expert(template.department))
    assert what(template) == [("expert", "rooms")]


@pytest.mark.parametrize("why", ["inactive", "expert", "weekday"])
def test_a_template_that_asks_for_nothing_on_that_day_says_why(template, why):
    if why == "expert":
        template.expert.active = False
        template.expert.save()
    else:
        change(template, **({"active": False} if why == "inactive" else {"weekday": (template.weekday + 1) % 7}))
    assert [each.asked for each in found(template)] == ["weekday" if why == "weekday" else "inactive"]


def test_what_a_holiday_or_a_leave_keeps_from_being_made_is_theirs_to_show(template, session):
    Holiday.objects.create(date=session.date, name="节日")
    change(template, numbers=40)
    assert found(template) == []


def test_a_seat_that_was_given_up_for_a_leave_is_as_asked(template):
    of = template.department
    pool = Template.objects.create(
        department=of, title="普通门诊", weekday=template.weekday, starts=time(14), ends=time(16), numbers=20
    )
    seats = [
        TemplateRoom.objects.create(template=pool, room=factories.room(of), expert=factories.expert(of))
        for _ in range(2)
    ]
    (pooled,) = sessions.make_sessions(today=timezone.localdate())
    leave = Leave.objects.create(expert=seats[0].expert, first_day=pooled.date, last_day=pooled.date)
    assert found(pool) == []
    pooled.rooms.filter(expert=seats[0].expert).delete()
    assert found(pool) == []
    leave.delete()
    assert what(pool) == [("rooms",)]


def test_what_somebody_changed_by_hand_is_marked(template, session):
    change(template, numbers=40)
    assert [each.by_hand for each in found(template)] == [False]
    quotas.lock_split(slot_id=slots(session)[0].pk, bookable=0, actor=None)
    assert [each.by_hand for each in found(template)] == [True]
    session.slots.update(locked=False)
    schedules.add_numbers(slot_id=slots(session)[1].pk, count=1, reason="one more")
    assert [each.by_hand for each in found(template)] == [True]


def test_sessions_that_have_opened_are_left(template, session):
    change(template, numbers=40)
    Session.objects.filter(pk=session.pk).update(state="open")
    assert found(template) == []


class TestFollowing:
    def follow(self, session, **kwargs):
        return templates.follow(session_id=session.pk, reason="changed", **kwargs)

    def test_everybody_keeps_the_slot_and_is_told_what_is_different(self, template, session):
        made = booked(session)
        was = made.slot.starts_at
        other = factories.expert(template.department)
        change(template, starts=time(9), ends=time(13), expert=other, prefix="C")
        template.rooms.update(expert=other)
        before = split_of(session)
        assert self.follow(session) == 2
        session.refresh_from_db()
        assert (session.expert, session.prefix, session.by_hand) == (other, "C", False)
        assert [seat.expert for seat in session.rooms.all()] == [other]
        assert Appointment.objects.get(pk=made.pk).slot.starts_at == was + timedelta(hours=1)
        assert split_of(session) == before
        assert told("session_time_changed") == told("expert_substituted") == [made.pk]
        assert found(template) == []
        assert self.follow(session) == 0

    def test_another_room_is_told_where_the_expert_stays(self, template, session):
        made, room = booked(session), factories.room(template.department)
        template.rooms.update(room=room)
        assert self.follow(session) == 1
        assert (told("session_room_changed"), session.rooms.get().room) == ([made.pk], room)

    def test_other_slots_or_another_department_cannot_be_followed(self, template, session):
        made = booked(session)
        change(template, slot_minutes=30)
        assert [each.can_follow for each in found(template)] == [False]
        with refused("cannot_follow"):
            self.follow(session)
        change(template, slot_minutes=None, active=False)
        with refused("cannot_follow"):
            self.follow(session)
        assert told("session_time_changed") == []
        assert Appointment.objects.get(pk=made.pk).state == "booked"

    def test_nor_over_another_session_of_its_expert(self, template, session):
        planned(
            ((1, 0),), of=template.department, expert=template.expert, start="12:30",
            day=timezone.localtime(session.starts_at),
        )  # fmt: skip
        change(template, starts=time(9), ends=time(13))
        with refused("expert_busy"):
            self.follow(session)

    def test_its_numbers_are_split_anew_and_never_under_what_is_booked(self, template, session):
        """R2.6, R2.7"""
        for _ in range(3):
            booked(session)
        quotas.renumber(session_id=session.pk, numbers_in_all=30)
        session.refresh_from_db()
        assert session.numbers == sum(bookable + walk_in for bookable, walk_in in split_of(session)) == 30
        assert slots(session)[1].bookable >= 3
        with refused("quota_too_few_numbers"):
            quotas.renumber(session_id=session.pk, numbers_in_all=2)
        session.refresh_from_db()
        assert session.numbers == 30
        schedules.add_numbers(slot_id=slots(session)[0].pk, count=2, reason="two more")
        quotas.renumber(session_id=session.pk, numbers_in_all=50)
        assert sum(bookable + walk_in for bookable, walk_in in split_of(session)) == 52


def test_made_anew_the_old_one_keeps_its_ledger_and_the_new_one_fits(template, session):
    """R2.7: nothing is deleted; and what was cancelled there before stays with it."""
    endings.cancel(appointment_id=booked(session).pk)
    moves = QuotaMove.objects.filter(slot__session=session).count()
    change(template, starts=time(8, 30), ends=time(11, 30), numbers=30)
    schedules.call_off(session_id=session.pk, reason="changed", cause="template")
    (new,) = sessions.make_sessions(today=session.date, days=0, template_id=template.pk)
    assert sessions.make_sessions(today=timezone.localdate()) == []
    assert (new.numbers, new.slots.count(), new.state) == (30, 3, "planned")
    assert QuotaMove.objects.filter(slot__session=session).count() == moves
    assert endings.free_numbers(now=new.starts_at - timedelta(hours=2)) == 1
    assert found(template) == []
