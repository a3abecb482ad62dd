"""Two presses at once, on PostgreSQL: first shown to go wrong with the lock off, then right with it on."""

import contextlib
import threading

import pytest
from django.db import connection

from booking.models import Session
from queueboard.models import Ticket
from queueboard.services import arrivals, calls
from queueboard.services import queue as queue_module
from tests import factories
from tests.factories import at

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def press_at_once(session, room_ids, monkeypatch):
    """Presses "next" in each room from a thread of its own; all choose before any writes, if the lock lets them."""
    chosen = threading.Barrier(len(room_ids))
    plain = queue_module.Queue.first_to_call

    def first_to_call(self):
        first = plain(self)
        with contextlib.suppress(threading.BrokenBarrierError):
            chosen.wait(timeout=1)
        return first

    monkeypatch.setattr(queue_module.Queue, "first_to_call", first_to_call)
    called, errors = [], []

    def press(room_id):
        try:
            called.append(calls.call_next(session_id=session.pk, room_id=room_id, seen=None, now=at("08:00")))
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=press, args=(room_id,)) for room_id in room_ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return called, errors


@pytest.fixture
def pooled():
    session = factories.session(rooms=2)
    for _ in range(4):
        arrivals.register_walk_in(session_id=session.pk, patient_id=factories.patient().pk, now=at("07:30"))
    return session


def without_lock(session_id):
    return Session.objects.select_related("department", "expert").get(pk=session_id)


def test_without_the_lock_two_rooms_choose_the_same_patient(pooled, monkeypatch):
    monkeypatch.setattr(queue_module, "locked_session", without_lock)
    rooms = list(pooled.rooms.values_list("room_id", flat=True))
    called, errors = press_at_once(pooled, rooms, monkeypatch)
    assert errors or len({ticket.pk for ticket in called}) < 2


def test_with_the_lock_two_rooms_never_call_the_same_patient(pooled, monkeypatch):
    rooms = list(pooled.rooms.values_list("room_id", flat=True))
    called, errors = press_at_once(pooled, rooms, monkeypatch)
    assert not errors
    assert {ticket.number for ticket in called} == {1, 2}


def test_without_the_lock_one_room_pressed_by_two_goes_wrong(pooled, monkeypatch):
    monkeypatch.setattr(queue_module, "locked_session", without_lock)
    room = pooled.rooms.first().room_id
    _, errors = press_at_once(pooled, [room, room], monkeypatch)
    assert errors


def test_with_the_lock_two_clerks_pressing_for_one_room_call_one_patient(pooled, monkeypatch):
    room = pooled.rooms.first().room_id
    called, errors = press_at_once(pooled, [room, room], monkeypatch)
    assert not errors
    assert {ticket.number for ticket in called} == {1}
    assert Ticket.objects.filter(session=pooled, state="called").count() == 1
