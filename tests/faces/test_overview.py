"""The overview: what it counts, who may see it, and that sixty sessions cost as many queries as one."""

import csv
import io
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from booking.models import Department
from queueboard import overview
from queueboard.services import arrivals, calls
from tests import factories
from tests.faces import staff
from tests.factories import at

pytestmark = pytest.mark.django_db
ADDRESS = "admin:booking_session_overview"


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    monkeypatch.setattr(timezone, "now", lambda: at("09:30"))


@pytest.fixture
def morning(db):
    """One seen after 20 minutes, one waiting since 08:40, one booked who has not come, at 09:30."""
    session = factories.session(state="running")
    room = session.rooms.get().room_id
    arrivals.register_walk_in(session_id=session.pk, patient_id=factories.patient().pk, now=at("08:00"))
    calls.call_next(session_id=session.pk, room_id=room, now=at("08:20"))
    arrivals.register_walk_in(session_id=session.pk, patient_id=factories.patient().pk, now=at("08:40"))
    calls.finish(ticket_id=session.tickets.get(number=1).pk, now=at("08:50"))
    factories.appointment(session, 0)
    return session


def test_a_queues_line_says_who_waits_how_long_how_far_behind_and_who_has_not_come(morning):
    """R5.2"""
    (line,) = overview.day(Department.objects.all()).lines
    assert (line.waiting, line.seen, line.longest, line.behind, line.absent) == (1, 1, 50, 30, 1)
    # The first slot's walk-in numbers are gone on to the second (R3.5b) or lost with it: only what can be had counts.
    assert line.pool == sum(slot.left_walk_in for slot in morning.slots.filter(ends_at__gt=at("09:30")))


def test_waits_are_told_beside_those_of_the_same_weekday(morning):
    before = factories.session(of=morning.department, day=at("08:00") - timedelta(weeks=1), state="running")
    room = before.rooms.get().room_id
    week = timedelta(weeks=1)
    arrivals.register_walk_in(session_id=before.pk, patient_id=factories.patient().pk, now=at("08:00") - week)
    calls.call_next(session_id=before.pk, room_id=room, now=at("08:40") - week)
    day = overview.day(Department.objects.all())
    assert (day.today.patients, day.today.median, day.usual.patients, day.usual.median) == (1, 20.0, 1, 40.0)


def test_load_is_counted_by_the_hour_beside_the_numbers_there_are(morning):
    hours = {hour.hour: (hour.came, hour.begun, hour.capacity) for hour in overview.day(Department.objects.all()).hours}
    assert hours == {8: (2, 1, 12.0), 9: (0, 0, 10.0), 10: (0, 0, 10.0), 11: (0, 0, 10.0)}


def test_sixty_sessions_cost_as_many_queries_as_one(morning, django_assert_max_num_queries):
    for _n in range(8):
        session = factories.session(of=morning.department)
        arrivals.register_walk_in(session_id=session.pk, patient_id=factories.patient().pk, now=at("08:10"))
    with django_assert_max_num_queries(6):
        assert len(overview.day(Department.objects.all()).lines) == 9


def test_a_manager_sees_filters_and_takes_it_away_as_files(client, morning):
    other = factories.session()
    client.force_login(staff.user("manager"), backend=staff.BACKEND)
    page = client.get(reverse(ADDRESS), headers={"accept-language": "en"})
    words = page.content.decode()
    assert page.status_code == 200
    assert "1 waiting, 1 seen, 1 booked and not come" in words
    assert other.expert.name_en in words
    alone = client.get(reverse(ADDRESS), {"department": morning.department.slug}).content.decode()
    assert f"session={other.pk}" not in alone
    for name, length in (("queues", 3), ("hours", 5)):
        text = client.get(reverse(ADDRESS), {"csv": name}).content.decode("utf-8-sig")
        assert len(list(csv.reader(io.StringIO(text)))) == length


def test_the_overview_is_the_managers(client, morning):
    client.force_login(staff.user("clerk", morning.department), backend=staff.BACKEND)
    assert client.get(reverse(ADDRESS)).status_code == 403


def test_an_empty_day_says_so(client, db):
    client.force_login(staff.user("manager"), backend=staff.BACKEND)
    page = client.get(reverse(ADDRESS), headers={"accept-language": "en"}).content.decode()
    assert "No session takes place today." in page
