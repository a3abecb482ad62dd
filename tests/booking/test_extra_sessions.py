"""R1.1: a session made by hand (加开门诊), beside those of the templates."""

import pytest

from booking.models import Expert, Holiday, Leave, Session
from booking.services import extra, sessions
from tests import factories
from tests.booking.clinic import WEEK_BEFORE, book, planned, refused, split_of
from tests.booking.test_races import race
from tests.factories import at

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nothing_is_breached")]


def read(expert):
    return Expert.objects.select_related("department").get(pk=expert.pk)


@pytest.fixture
def expert():
    return read(factories.expert(factories.department()))


def make(who, starts="14:00", ends="16:00", rooms=None, reason="many ask", now=WEEK_BEFORE, **fields):
    if rooms is None:
        rooms = [(factories.room(who.department), who)]
    session = Session(
        department=who.department, starts_at=at(starts), ends_at=at(ends), numbers=20,
        **({"expert": who} | fields),
    )  # fmt: skip
    return extra.make(sessions.draft(session, rooms=rooms), reason=reason, now=now)


def test_it_has_rooms_slots_and_numbers_and_can_be_booked_where_its_release_is_past(expert):
    made = make(expert)
    assert (made.template, made.by_hand, made.state) == (None, True, "planned")
    assert [(seat.expert, seat.room.department) for seat in made.rooms.all()] == [(expert, expert.department)]
    assert split_of(made) == [(2, 8), (6, 4)]
    assert made.released_at < WEEK_BEFORE
    assert book(made).state == "booked"


def test_a_pooled_one_is_for_all_who_sit_there(expert):
    """R1.5"""
    other = factories.expert(expert.department)
    rooms = [(factories.room(expert.department), each) for each in (expert, other)]
    made = make(expert, rooms=rooms, expert=None, title="普通门诊")
    assert made.rooms.count() == 2
    with refused("expert_busy"):
        make(other, "15:00", "17:00")


def test_on_a_holiday_it_is_made_all_the_same_and_the_task_leaves_it(expert):
    made = make(expert)
    Holiday.objects.create(date=made.date, name="节日")
    make(expert, "16:00", "18:00")
    assert sessions.make_sessions(today=made.date) == []


def test_only_by_somebody_who_is_there_and_free_in_time_to_come_and_with_a_reason(expert):
    with refused("reason_missing"):
        make(expert, reason="")
    with refused("time_past"):
        make(expert, now=at("14:00"))
    with refused("nobody_sits"):
        make(expert, rooms=[])
    with refused("no_such_expert"):
        make(expert, rooms=[(factories.room(expert.department), factories.expert(factories.department()))])
    planned(((1, 0),), of=expert.department, expert=expert, start="13:30")
    with refused("expert_busy"):
        make(expert)
    Leave.objects.create(expert=expert, first_day=at("00:00").date(), last_day=at("00:00").date())
    with refused("expert_on_leave"):
        make(expert, "16:00", "17:00")
    assert Session.objects.count() == 1


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_managers_who_make_it_at_once_one_does():
    expert = read(factories.expert(factories.department()))
    results = race([lambda: make(expert).state] * 4)
    assert sorted(results) == ["expert_busy"] * 3 + ["planned"]
