"""R2.1, R2.3: a closed session is logged as booking/history.py reads it: who came for whom, and who saw whom."""

import pytest

from booking import history
from booking.models import PastSession, SessionRoom
from queueboard.errors import QueueError
from queueboard.services import arrivals, calls, hand_over, lifecycle, returns, rooms, undo
from tests import factories
from tests.factories import at

pytestmark = pytest.mark.django_db


def walk_in(session, clock="07:30"):
    return arrivals.register_walk_in(session_id=session.pk, patient_id=factories.patient().pk, now=at(clock))


def seat(session, number=0):
    return list(session.rooms.order_by("pk"))[number]


def see_one(session, clock, until, number=0):
    room_id = seat(session, number).room_id
    ticket = calls.call_next(session_id=session.pk, room_id=room_id, now=at(clock))
    calls.finish(ticket_id=ticket.pk, now=at(until))
    return ticket


def logged(session):
    """Per expert of the session, in order of the seats: minutes of the visits, and how many arrivals."""
    lifecycle.close_session(session_id=session.pk, now=at("12:00"))
    rows = []
    for expert_id in dict.fromkeys(session.rooms.order_by("pk").values_list("expert_id", flat=True)):
        past = PastSession.objects.get(expert_id=expert_id, source="live")
        visits = past.visits.order_by("position")
        minutes = [visit.seconds // 60 for visit in visits if visit.started_at is not None]
        rows.append((minutes, visits.exclude(arrived_at=None).count() if past.has_arrivals else None))
    return rows


def test_visits_before_a_change_of_room_count():
    session = factories.session()
    walk_in(session), walk_in(session)
    see_one(session, "08:00", "08:05")
    new = factories.room(session.department)
    rooms.change_room(session_id=session.pk, room_id=seat(session).room_id, to_room_id=new.pk, now=at("08:06"))
    see_one(session, "08:10", "08:17")
    assert logged(session) == [([5, 7], 2)]


def test_two_experts_of_a_pooled_session_who_change_rooms_keep_their_own_visits():
    session = factories.session(rooms=2)
    for _ in range(4):
        walk_in(session)
    first, second = seat(session, 0).room_id, seat(session, 1).room_id
    third = factories.room(session.department).pk
    see_one(session, "08:00", "08:01", 0)
    see_one(session, "08:00", "08:02", 1)
    for old, new in ((first, third), (second, first)):
        rooms.change_room(session_id=session.pk, room_id=old, to_room_id=new, now=at("08:10"))
    see_one(session, "08:20", "08:23", 0)
    see_one(session, "08:20", "08:24", 1)
    assert logged(session) == [([1, 3], 4), ([2, 4], None)]


def test_an_expert_with_two_rooms_has_one_log_of_both():
    session = factories.session()
    SessionRoom.objects.create(session=session, room=factories.room(session.department), expert=session.expert)
    walk_in(session), walk_in(session)
    see_one(session, "08:00", "08:05", 0)
    see_one(session, "08:06", "08:12", 1)
    assert logged(session) == [([5, 6], 2)]


def test_a_visit_whose_patient_was_to_come_back_counts_though_nobody_called_again():
    session = factories.session()
    ticket = walk_in(session)
    calls.call_next(session_id=session.pk, room_id=seat(session).room_id, now=at("08:00"))
    returns.send_for_test(ticket_id=ticket.pk, now=at("08:05"))
    returns.return_visit(ticket_id=ticket.pk, now=at("11:59"))
    assert logged(session) == [([5], 1)]


def test_who_was_handed_over_came_for_the_first_expert_and_was_seen_by_the_second():
    """R2.1: walk-ins are counted for whom they came."""
    here = factories.session()
    there = factories.session(of=here.department)
    new = hand_over.hand_over(ticket_id=walk_in(here).pk, to_session_id=there.pk, now=at("08:00"))
    assert see_one(there, "08:10", "08:18").pk == new.pk
    assert logged(here) == [([], 1)]
    assert logged(there) == [([8], 0)]


def test_a_registration_that_was_taken_back_is_no_arrival():
    session = factories.session()
    walk_in(session)
    undo.undo(event_id=undo.undoable(session_id=session.pk).pk, now=at("07:31"))
    left = walk_in(session, "07:40")
    arrivals.leave(ticket_id=left.pk, now=at("07:50"))
    assert logged(session) == [([], 1)]


def test_the_log_counts_visits_and_arrivals_and_refusals_by_slot():
    session = factories.session(split=((1, 2), (0, 0)))
    booked = arrivals.check_in(appointment_id=factories.appointment(session).pk, now=at("07:20"))
    walk_in(session, "07:10"), walk_in(session, "08:10")
    with pytest.raises(QueueError):
        walk_in(session, "08:20")
    see_one(session, "08:05", "08:10"), see_one(session, "08:50", "08:59"), see_one(session, "09:01", "09:05")
    lifecycle.close_session(session_id=session.pk, now=at("10:00"))
    visits = session.past.visits.order_by("position")
    assert [(v.booked, v.refused, v.slot_index, v.seconds) for v in visits] == [
        (False, False, 0, 300), (True, False, 0, 540), (False, False, 1, 240), (False, True, None, None),
    ]  # fmt: skip
    assert visits.get(booked=True).arrived_at == booked.arrived


def test_who_came_for_one_expert_with_two_rooms_came_for_one():
    """R2.1: rates are per expert at work, not per door."""
    session = factories.session()
    SessionRoom.objects.create(session=session, room=factories.room(session.department), expert=session.expert)
    walk_in(session)
    lifecycle.close_session(session_id=session.pk, now=at("12:00"))
    assert history.read(morning=True, limit=9).came_for.tolist() == [1]
