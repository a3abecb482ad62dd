"""A manager, a session to come and one that runs, each with people who booked and paid."""

from datetime import timedelta

import pytest
from django.utils import timezone

from queueboard.live import news
from queueboard.services import arrivals
from tests import factories
from tests.faces import staff
from tests.schedules.clinic import ahead_of, paid


@pytest.fixture(autouse=True)
def _snapshots_are_made_anew(monkeypatch):
    """A test that is rolled back gives its ids and versions to the next, which must not find its snapshots in Redis."""
    monkeypatch.setattr(news, "_ask", lambda session_id, question: None)


@pytest.fixture
def manager(client, db):
    who = staff.user("manager", name="li")
    client.force_login(who, backend=staff.BACKEND)
    return who


@pytest.fixture
def ahead(db):
    """The day after tomorrow, with one booked in each of two hours."""
    session = ahead_of(factories.department(name="神经内科", name_en="Neurology"))
    paid(session, 0)
    paid(session, 1)
    return session


@pytest.fixture
def running(db):
    """Begun half an hour ago: one in the room, one waiting, one booked and late, one booked for later."""
    began = timezone.localtime(timezone.now() - timedelta(minutes=30))
    session = factories.session(start=f"{began:%H:%M}", day=began, split=((6, 4), (4, 4)))
    waits = paid(session)
    arrivals.check_in(appointment_id=waits.pk)
    paid(session)
    paid(session, 1)
    return session
