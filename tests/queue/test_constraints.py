"""The database itself refuses what must never be (R3.2, R4), whatever the code does."""

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from queueboard.models import QueueEvent, Ticket
from queueboard.services import arrivals, calls
from tests import factories
from tests.factories import at

pytestmark = pytest.mark.django_db


@pytest.fixture
def tickets():
    session = factories.session(rooms=2)
    return [
        arrivals.register_walk_in(session_id=session.pk, patient_id=factories.patient().pk, now=at("07:30"))
        for _ in range(3)
    ]


def refused(act, why):
    with pytest.raises(IntegrityError, match=why), transaction.atomic():
        act()


def test_one_ticket_number_per_session(tickets):
    refused(
        lambda: Ticket.objects.filter(pk=tickets[1].pk).update(number=tickets[0].number),
        "ticket_number_once_per_session|queueboard_ticket.session_id, queueboard_ticket.number",
    )


def test_one_patient_in_service_per_room(tickets):
    session = tickets[0].session
    room = session.rooms.first().room_id
    calls.call_next(session_id=session.pk, room_id=room, now=at("08:00"))
    refused(
        lambda: Ticket.objects.filter(pk=tickets[1].pk).update(state="serving", room=room),
        "one_patient_in_service_per_room|queueboard_ticket.room_id",
    )


def test_a_call_has_a_room(tickets):
    refused(lambda: Ticket.objects.filter(pk=tickets[0].pk).update(state="called", room=None), "a_call_has_a_room")


def test_one_live_ticket_per_patient_and_session(tickets):
    refused(
        lambda: Ticket.objects.filter(pk=tickets[1].pk).update(patient=tickets[0].patient),
        "one_live_ticket_per_patient_and_session|queueboard_ticket.session_id, queueboard_ticket.patient_id",
    )


def test_one_event_per_version(tickets):
    event = QueueEvent.objects.first()
    refused(
        lambda: QueueEvent.objects.create(session=event.session, version=event.version, kind="call", at=event.at),
        "event_version_once|queueboard_queueevent.session_id, queueboard_queueevent.version",
    )


@pytest.mark.parametrize("act", ["update", "delete"])
def test_the_event_log_is_append_only(tickets, act):
    """R6.3"""
    event = QueueEvent.objects.filter(pk=QueueEvent.objects.first().pk)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        event.update(kind="call") if act == "update" else event._raw_delete(using="default")
