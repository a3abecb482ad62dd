"""The admin's lists: found by what a person has in hand, and as many queries for many rows as for few."""

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from booking.models import Suspension, WaitlistEntry
from queueboard.models import Board
from tests import factories
from tests.faces import staff
from tests.faces.scene import waiting_room

pytestmark = pytest.mark.django_db
LISTS = [f"{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry]


@pytest.fixture
def manager(client, db):
    client.force_login(staff.user("manager"), backend=staff.BACKEND)
    return client


def queries(client, name):
    with CaptureQueriesContext(connection) as asked:
        answer = client.get(reverse(f"admin:{name}_changelist"))
    return len(asked) if answer.status_code == 200 else None


def more(session):
    """Rows for the lists that a waiting room leaves empty."""
    who = factories.patient()
    Suspension.objects.create(patient=who, begins_at=session.starts_at, until=session.ends_at)
    WaitlistEntry.objects.create(session=session, patient=who, joined_at=session.starts_at)


def test_no_list_asks_more_for_more_rows(manager):
    few = waiting_room(queues=2, patients=4)
    more(few.sessions[0])
    Board.objects.update(slug="other")
    before = {name: queries(manager, name) for name in LISTS}
    for session in waiting_room(queues=4, patients=8).sessions:
        more(session)
    after = {name: queries(manager, name) for name in LISTS}
    grown = {name: (before[name], after[name]) for name in LISTS if (after[name] or 0) > (before[name] or 0)}
    assert grown == {}
    assert sum(count is not None for count in after.values()) > 20


def found(client, name, text):
    answer = client.post(reverse(f"admin:{name}_changelist"), {"q": text}, follow=True)
    return list(answer.context["cl"].result_list)


@pytest.mark.parametrize("by", ["name", "id", "phone"])
def test_visits_are_found_by_what_a_patient_has_in_hand(client, by):
    """R6.2: by the whole ID or phone, which are kept as hashes."""
    session = waiting_room(queues=1).sessions[0]
    who = factories.patient("欧阳山", id_number="D7654321", phone="13700001234")
    booked = factories.appointment(session, 3, who=who)
    text = {"name": "欧阳山", "id": "D7654321", "phone": "13700001234"}[by]
    client.force_login(staff.user("clerk", session.department), backend=staff.BACKEND)
    assert found(client, "booking_appointment", text) == [booked]


def test_a_ticket_and_what_was_done_to_it_are_found_by_the_number_that_is_called(client):
    session = waiting_room(queues=1).sessions[0]
    ticket = session.tickets.get(number=2)
    client.force_login(staff.user("clerk", session.department), backend=staff.BACKEND)
    assert found(client, "queueboard_ticket", "a002") == [ticket]
    answer = client.get(reverse("admin:queueboard_queueevent_changelist"), {"q": "A002"})
    assert {event.ticket for event in answer.context["cl"].result_list} == {ticket}
