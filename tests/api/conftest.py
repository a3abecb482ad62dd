"""A morning at 08:10, and somebody of every role to look at it."""

import pytest
from django.contrib.auth.models import Group, User
from django.core.cache import cache
from django.utils import timezone
from rest_framework.test import APIClient

from booking.models import SessionRoom
from tests import factories
from tests.factories import at

IN_ORDER = {"HTTP_ACCEPT_LANGUAGE": "en"}


class Clock:
    """What the time is for the server; a test may turn it on."""

    def __init__(self) -> None:
        self.now = at("08:10")

    def turn_to(self, clock: str) -> None:
        self.now = at(clock)


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(timezone, "now", lambda: clock.now)
    cache.clear()
    return clock


@pytest.fixture
def morning(db):
    """A session that has run since 08:00, in a department of its own."""
    return factories.session(state="running")


@pytest.fixture
def room(morning):
    return SessionRoom.objects.get(session=morning).room_id


def user(role: str = "", **fields) -> User:
    made = User.objects.create(username=f"{role or 'nobody'}-{User.objects.count()}", is_staff=True, **fields)
    if role:
        made.groups.add(Group.objects.get(name=role))
    return made


def client_of(who: User | None = None) -> APIClient:
    """A browser of this user's, with the token against forged requests checked as in life."""
    client = APIClient(enforce_csrf_checks=True, **IN_ORDER)
    if who is not None:
        client.force_login(who, backend="django.contrib.auth.backends.ModelBackend")
        client.cookies["csrftoken"] = "a" * 32
        client.credentials(HTTP_X_CSRFTOKEN="a" * 32)
    return client


@pytest.fixture
def anybody(db):
    return client_of()


@pytest.fixture
def clerk(morning):
    who = user("clerk")
    morning.department.staff.add(who)
    return client_of(who)


@pytest.fixture
def other_clerk(db):
    who = user("clerk")
    factories.department().staff.add(who)
    return client_of(who)


@pytest.fixture
def expert(morning):
    who = user("expert")
    morning.expert.user = who
    morning.expert.save()
    return client_of(who)


@pytest.fixture
def other_expert(morning):
    """An expert of the same department, who sits elsewhere."""
    who = user("expert")
    factories.expert(morning.department, user=who)
    return client_of(who)


@pytest.fixture
def manager(db):
    return client_of(user("manager"))


@pytest.fixture
def screen(db):
    return client_of(user("board"))
