"""The services of the queue, one by one: what they do, what they refuse, and that a second press does nothing."""

from datetime import timedelta

import pytest

from booking.models import Appointment
from queueboard.errors import QueueError
from queueboard.models import QueueEvent, Refusal
from queueboard.services import arrivals, calls, clock, hand_over, lifecycle, returns, rooms, undo
from tests import factories
from tests.factories import at

pytestmark = pytest.mark.django_db


@pytest.fixture
def morning():
    return factories.session()


def walk_in(session, clock="07:10", **fields):
    return arrivals.register_walk_in(session_id=session.pk, patient_id=factories.patient().pk, now=at(clock), **fields)


def booked(session, clock="07:50", slot=0):
    return arrivals.check_in(appointment_id=factories.appointment(session, slot).pk, now=at(clock))


def next_in(session, clock="08:00", room=0, **kwargs):
    room_id = list(session.rooms.order_by("pk"))[room].room_id
    return calls.call_next(session_id=session.pk, room_id=room_id, now=at(clock), **kwargs)


def test_a_check_in_issues_one_ticket_however_often_it_is_pressed(morning):
    appointment = factories.appointment(morning)
    first = arrivals.check_in(appointment_id=appointment.pk, now=at("07:40"))
    second = arrivals.check_in(appointment_id=appointment.pk, now=at("07:41"))
    assert first.pk == second.pk
    assert first.token == appointment.token
    appointment.refresh_from_db()
    assert appointment.state == Appointment.State.ARRIVED


def test_a_walk_in_gets_the_earliest_slot_with_walk_in_numbers_left(morning):
    """R4.1"""
    tickets = [walk_in(morning) for _ in range(12)]
    assert [t.slot.index for t in tickets] == [0] * 10 + [1] * 2
    assert [t.number for t in tickets] == list(range(1, 13))


def test_a_walk_in_does_not_get_a_slot_that_has_ended(morning):
    """R4.1"""
    assert walk_in(morning, "09:00").slot.index == 1


def test_a_refused_walk_in_is_logged_and_told_what_is_left_elsewhere():
    """R2.1, R4.1"""
    full = factories.session(split=((1, 0),))
    other = factories.session(split=((0, 3),), of=full.department)
    with pytest.raises(QueueError) as refused:
        walk_in(full)
    assert refused.value.code == "none_left"
    assert [(row["session"], row["left"]) for row in refused.value.extra["elsewhere"]] == [(other.pk, 3)]
    assert Refusal.objects.filter(session=full).count() == 1


def test_a_patient_who_waits_keeps_the_ticket_when_registered_again(morning):
    someone = factories.patient()
    one = arrivals.register_walk_in(session_id=morning.pk, patient_id=someone.pk, now=at("07:10"))
    two = arrivals.register_walk_in(session_id=morning.pk, patient_id=someone.pk, now=at("07:11"))
    assert one.pk == two.pk
    assert morning.slots.get(index=0).registered == 1


def test_who_has_an_appointment_is_checked_in_not_registered(morning):
    appointment = factories.appointment(morning)
    with pytest.raises(QueueError) as refused:
        arrivals.register_walk_in(session_id=morning.pk, patient_id=appointment.patient_id, now=at("07:10"))
    assert (refused.value.code, refused.value.extra["appointment"]) == ("has_appointment", appointment.pk)


def test_an_offer_says_slot_and_position_before_accepting(morning):
    """R4.1"""
    for _ in range(3):
        walk_in(morning)
    offer = arrivals.offer_walk_in(session_id=morning.pk, now=at("07:30"))
    assert (offer.slot.index, offer.position) == (0, 3)
    assert morning.tickets.count() == 3


def test_registration_before_it_opens_is_refused_and_the_first_one_after_opens_it():
    """R1.2, R3.5"""
    session = factories.session(split=((3, 1),), state="planned", pool_opened_at=None)
    with pytest.raises(QueueError) as refused:
        walk_in(session, "06:59")
    assert refused.value.code == "not_open"
    walk_in(session, "07:00")
    session.refresh_from_db()
    slot = session.slots.get()
    assert session.state == "open"
    assert (slot.bookable, slot.walk_in, slot.registered) == (0, 4, 1)


def test_registration_is_closed_at_the_end(morning):
    """R1.2"""
    with pytest.raises(QueueError) as refused:
        walk_in(morning, "12:00")
    assert refused.value.code == "registration_closed"


def test_next_finishes_who_is_in_service_and_calls_the_first():
    """R4.4"""
    session = factories.session()
    a, b = walk_in(session, "07:10"), walk_in(session, "07:11")
    assert next_in(session, "08:00").pk == a.pk
    assert next_in(session, "08:06").pk == b.pk
    a.refresh_from_db()
    assert (a.state, a.served_seconds, a.started_at) == ("done", 360, at("08:00"))


def test_next_pressed_twice_is_pressed_once(morning):
    a, b = walk_in(morning), walk_in(morning)
    first = next_in(morning, "08:00", seen=None)
    again = next_in(morning, "08:00", seen=None)
    assert first.pk == again.pk == a.pk
    assert next_in(morning, "08:05", seen=a.pk).pk == b.pk
    assert next_in(morning, "08:05", seen=a.pk).pk == b.pk
    assert morning.events.filter(kind="call").count() == 2


def test_next_with_nobody_waiting_finishes_the_last_one(morning):
    a = walk_in(morning)
    next_in(morning, "08:00")
    assert next_in(morning, "08:05") is None
    a.refresh_from_db()
    assert a.state == "done"
    version = type(morning).objects.get(pk=morning.pk).version
    assert next_in(morning, "08:06") is None
    assert type(morning).objects.get(pk=morning.pk).version == version


def test_two_rooms_of_a_pooled_session_call_from_one_queue():
    """R1.5"""
    session = factories.session(rooms=2)
    a, b = walk_in(session), walk_in(session)
    assert [next_in(session, room=0).pk, next_in(session, room=1).pk] == [a.pk, b.pk]


def test_a_room_with_another_sessions_patient_is_refused():
    session = factories.session()
    seat = session.rooms.get()
    later = factories.session(start="14:00", of=session.department)
    later.rooms.update(room=seat.room)
    walk_in(session), walk_in(later, "13:10")
    next_in(session, "11:59")
    with pytest.raises(QueueError) as refused:
        next_in(later, "14:00")
    assert refused.value.code == "room_in_use"


def test_a_missed_call_counts_once_and_booked_come_back_next():
    """R4.8"""
    session = factories.session()
    a = booked(session)
    others = [walk_in(session, "07:55") for _ in range(4)]
    next_in(session, "08:00")
    calls.miss(ticket_id=a.pk, now=at("08:01"))
    assert calls.miss(ticket_id=a.pk, now=at("08:01")).misses == 1
    assert next_in(session, "08:02").pk == others[0].pk
    returns.put_back(ticket_id=a.pk, now=at("08:03"))
    returns.put_back(ticket_id=a.pk, now=at("08:04"))
    assert next_in(session, "08:05").pk == a.pk


def test_a_walk_in_back_after_a_miss_waits_behind_the_next_three():
    """R4.8"""
    session = factories.session()
    a, *others = [walk_in(session, "07:55") for _ in range(6)]
    next_in(session, "08:00")
    calls.miss(ticket_id=a.pk, now=at("08:01"))
    returns.put_back(ticket_id=a.pk, now=at("08:02"))
    called = [next_in(session, "08:03").pk for _ in range(5)]
    assert called == [others[0].pk, others[1].pk, others[2].pk, a.pk, others[3].pk]


def test_a_late_patient_who_was_passed_is_seen_at_the_end():
    """R4.7: decided once, at check-in."""
    session = factories.session()
    late = factories.appointment(session, 0)
    in_time = [booked(session, "08:50", slot=1), booked(session, "08:51", slot=1)]
    next_in(session, "09:00")
    ticket = arrivals.check_in(appointment_id=late.pk, now=at("09:30"))
    assert (ticket.late, ticket.passed) == (True, True)
    last = booked(session, "11:50", slot=3)
    assert [next_in(session, "11:55").pk for _ in range(3)] == [in_time[1].pk, last.pk, ticket.pk]


def test_whoever_loses_places_can_read_why():
    """R4.12"""
    session = factories.session()
    a, b = walk_in(session), walk_in(session)
    returns.set_priority(ticket_id=b.pk, priority="emergency", reason="chest pain", now=at("07:20"))
    event = session.events.last()
    assert event.worse == {str(a.number): {"by": 1, "reasons": ["priority"]}}


def test_a_priority_needs_a_reason(morning):
    """R4.9"""
    a = walk_in(morning)
    with pytest.raises(QueueError) as refused:
        returns.set_priority(ticket_id=a.pk, priority="priority", reason=" ", now=at("07:20"))
    assert refused.value.code == "reason_missing"


def test_a_return_visit_comes_after_every_two_others():
    """R4.9"""
    session = factories.session()
    a, *others = [walk_in(session, "07:55") for _ in range(5)]
    next_in(session, "08:00")
    calls.start(ticket_id=a.pk, now=at("08:01"))
    returns.send_for_test(ticket_id=a.pk, now=at("08:05"))
    assert next_in(session, "08:06").pk == others[0].pk
    returns.return_visit(ticket_id=a.pk, now=at("08:07"))
    assert [next_in(session, "08:08").pk for _ in range(3)] == [others[1].pk, others[2].pk, a.pk]
    calls.finish(ticket_id=a.pk, now=at("08:10"))
    a.refresh_from_db()
    assert a.served_seconds == 240 + 120


def test_a_paused_room_calls_nobody_and_resume_is_idempotent(morning):
    """R4.10"""
    walk_in(morning)
    seat = morning.rooms.get()
    rooms.pause(session_id=morning.pk, room_id=seat.room_id, until=at("08:20"), reason="ward round", now=at("08:00"))
    with pytest.raises(QueueError) as refused:
        next_in(morning, "08:01")
    assert refused.value.code == "paused"
    for _ in range(2):
        rooms.resume(session_id=morning.pk, room_id=seat.room_id, now=at("08:20"))
    assert morning.events.filter(kind="resume").count() == 1
    assert next_in(morning, "08:21") is not None


def test_a_change_of_room_takes_the_present_patient_along(morning):
    """R4.10"""
    a = walk_in(morning)
    seat = morning.rooms.get()
    next_in(morning, "08:00")
    new = factories.room(morning.department)
    rooms.change_room(session_id=morning.pk, room_id=seat.room_id, to_room_id=new.pk, now=at("08:01"))
    a.refresh_from_db()
    assert a.room_id == new.pk
    step = undo.undoable(session_id=morning.pk)
    undo.undo(event_id=step.pk, now=at("08:02"))
    a.refresh_from_db()
    assert a.room_id == seat.room_id == morning.rooms.get().room_id


def test_a_hand_over_keeps_the_link_and_loses_nobody_a_number():
    """R4.10"""
    here = factories.session()
    there = factories.session(of=here.department, split=((0, 1), (0, 0)))
    walk_in(there)
    appointment = factories.appointment(here)
    old = arrivals.check_in(appointment_id=appointment.pk, now=at("07:50"))
    new = hand_over.hand_over(ticket_id=old.pk, to_session_id=there.pk, reason="ill", now=at("08:00"))
    again = hand_over.hand_over(ticket_id=old.pk, to_session_id=there.pk, now=at("08:00"))
    assert new.pk == again.pk
    assert (new.token, new.arrived, new.appointment_id) == (old.token, old.arrived, appointment.pk)
    slot = there.slots.get(index=0)
    assert (slot.walk_in, slot.registered) == (2, 2)
    step = undo.undoable(session_id=here.pk)
    undo.undo(event_id=step.pk, now=at("08:01"))
    slot.refresh_from_db()
    old.refresh_from_db()
    new.refresh_from_db()
    assert (slot.walk_in, slot.registered, old.state, new.state) == (1, 1, "waiting", "left")


@pytest.mark.parametrize("action", ["recall", "start", "miss", "finish"])
def test_what_the_state_does_not_allow_is_refused_with_a_code(morning, action):
    a = walk_in(morning)
    with pytest.raises(QueueError) as refused:
        getattr(calls, action)(ticket_id=a.pk, now=at("08:00"))
    assert refused.value.code == "action_refused"
    assert a.label in str(refused.value)


def test_undo_takes_back_next_whole_and_then_the_step_before():
    """R4.10"""
    session = factories.session()
    a, b = walk_in(session), walk_in(session)
    next_in(session, "08:00")
    calls.start(ticket_id=a.pk, now=at("08:01"))
    next_in(session, "08:06")
    undo.undo(event_id=undo.undoable(session_id=session.pk).pk, now=at("08:06"))
    a.refresh_from_db()
    b.refresh_from_db()
    assert (a.state, a.started_at, b.state, b.called_no) == ("serving", at("08:01"), "waiting", 0)
    undo.undo(event_id=undo.undoable(session_id=session.pk).pk, now=at("08:07"))
    a.refresh_from_db()
    assert (a.state, a.started_at) == ("called", None)


def test_undo_is_refused_once_something_has_followed(morning):
    """R4.10"""
    a = walk_in(morning)
    next_in(morning, "08:00")
    call = morning.events.get(kind="call")
    calls.start(ticket_id=a.pk, now=at("08:01"))
    with pytest.raises(QueueError) as refused:
        undo.undo(event_id=call.pk, now=at("08:02"))
    assert refused.value.code == "followed"


def test_undoing_twice_is_undoing_once(morning):
    walk_in(morning)
    step = undo.undoable(session_id=morning.pk)
    one = undo.undo(event_id=step.pk, now=at("07:20"))
    two = undo.undo(event_id=step.pk, now=at("07:21"))
    assert one.pk == two.pk
    slot = morning.slots.get(index=0)
    assert (slot.registered, slot.left_walk_in) == (0, 10)


def test_an_undone_check_in_can_be_done_again_with_a_new_number(morning):
    appointment = factories.appointment(morning)
    first = arrivals.check_in(appointment_id=appointment.pk, now=at("07:40"))
    undo.undo(event_id=undo.undoable(session_id=morning.pk).pk, now=at("07:41"))
    second = arrivals.check_in(appointment_id=appointment.pk, now=at("07:45"))
    assert (first.number, second.number, second.token) == (1, 2, appointment.token)


def test_who_gives_the_place_up_gives_the_number_to_the_pool(morning):
    """R3.5"""
    ticket = booked(morning)
    arrivals.leave(ticket_id=ticket.pk, now=at("08:00"))
    arrivals.leave(ticket_id=ticket.pk, now=at("08:00"))
    slot = morning.slots.get(index=0)
    assert (slot.booked, slot.bookable, slot.walk_in) == (0, 1, 11)


def test_a_slot_that_ended_passes_its_numbers_on_once(morning):
    """R3.5b"""
    assert clock.end_slots(now=at("09:00")) == 1
    assert clock.end_slots(now=at("09:00")) == 0
    assert [(s.walk_in, s.passed_on) for s in morning.slots.order_by("index")][:2] == [(0, True), (16, False)]


def test_closing_settles_everybody_and_writes_the_history(morning):
    """R1.4"""
    served, waits = walk_in(morning), booked(morning)
    absent = factories.appointment(morning, 1)
    assert next_in(morning, "08:00").pk == served.pk
    calls.finish(ticket_id=served.pk, now=at("08:06"))
    lifecycle.close_session(session_id=morning.pk, now=at("12:00"))
    lifecycle.close_session(session_id=morning.pk, now=at("12:01"))
    waits.refresh_from_db()
    absent.refresh_from_db()
    assert (waits.state, waits.appointment.state, absent.state) == ("not_seen", "not_seen", "no_show")
    past = morning.expert.past_sessions.get()
    assert past.visits.exclude(seconds=None).count() == 1
    assert morning.events.filter(kind="close").count() == 1


def test_a_session_closes_by_itself_once_nobody_waits(morning):
    """R1.4"""
    a = walk_in(morning)
    assert clock.close_sessions(now=at("12:05")) == 0
    next_in(morning, "12:06")
    calls.finish(ticket_id=a.pk, now=at("12:10"))
    assert clock.close_sessions(now=at("12:11")) == 1
    assert clock.close_sessions(now=at("12:12")) == 0


def test_a_stopped_session_calls_nobody_more_and_takes_nobody(morning):
    walk_in(morning)
    lifecycle.stop_early(session_id=morning.pk, reason="expert ill", now=at("08:00"))
    for act in (lambda: next_in(morning, "08:01"), lambda: walk_in(morning, "08:01")):
        with pytest.raises(QueueError) as refused:
            act()
        assert refused.value.code == "stopped"


def test_a_call_not_answered_is_repeated_then_missed_and_the_next_is_called():
    """R4.4, where the department sets it."""
    session = factories.session(of=factories.department(auto_miss=True))
    a, b = walk_in(session), walk_in(session)
    next_in(session, "08:00")
    moment = at("08:00")
    for _ in range(3):
        moment += timedelta(seconds=20)
        clock.miss_unanswered(now=moment)
    a.refresh_from_db()
    b.refresh_from_db()
    assert (a.state, a.calls, b.state) == ("missed", 3, "called")


def test_every_change_raises_the_version_by_one_with_its_event(morning):
    """R4.11, R6.3"""
    a = walk_in(morning)
    next_in(morning, "08:00")
    calls.recall(ticket_id=a.pk, now=at("08:01"))
    calls.start(ticket_id=a.pk, now=at("08:02"))
    events = QueueEvent.objects.filter(session=morning)
    assert [e.version for e in events] == [1, 2, 3, 4]
    morning.refresh_from_db()
    assert morning.version == 4


def test_nobody_is_called_long_before_the_slot_where_the_department_says_so():
    """R4.3, its setting."""
    session = factories.session(of=factories.department(call_ahead_minutes=10))
    ticket = booked(session, "07:50", slot=1)
    assert next_in(session, "08:00") is None
    assert next_in(session, "08:50").pk == ticket.pk
