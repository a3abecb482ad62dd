"""R4.10: a step is taken back whole or refused with a code, whatever has happened beside it meanwhile."""

import pytest

from booking import invariants as booking_invariants
from booking.errors import BookingError
from queueboard import invariants
from queueboard.services import arrivals, calls, hand_over, returns, rooms, undo
from tests import factories
from tests.factories import at

pytestmark = pytest.mark.django_db


@pytest.fixture
def morning():
    return factories.session()


@pytest.fixture(autouse=True)
def _every_invariant_holds():
    yield
    assert [*booking_invariants.breaches(), *invariants.breaches()] == []


def walk_in(session, clock="07:30", who=None):
    who = who or factories.patient()
    return arrivals.register_walk_in(session_id=session.pk, patient_id=who.pk, now=at(clock))


def next_in(session, clock="08:00"):
    return calls.call_next(session_id=session.pk, room_id=session.rooms.first().room_id, now=at(clock))


def refused(session, kind, clock="08:10"):
    event = session.events.filter(kind=kind).last()
    with pytest.raises(BookingError) as error:
        undo.undo(event_id=event.pk, now=at(clock))
    return error.value.code


@pytest.mark.parametrize("ending", [calls.finish, calls.miss, returns.send_for_test, arrivals.leave])
def test_a_patient_does_not_get_back_into_a_room_that_the_next_one_is_in(morning, ending):
    first, second = walk_in(morning), walk_in(morning)
    next_in(morning)
    ending(ticket_id=first.pk, now=at("08:05"))
    kind = morning.events.last().kind
    assert next_in(morning, "08:06").pk == second.pk
    assert refused(morning, kind) == "followed"


def test_who_gave_up_and_came_again_is_not_put_back_beside_the_new_ticket(morning):
    who = factories.patient()
    first = walk_in(morning, who=who)
    arrivals.leave(ticket_id=first.pk, now=at("07:40"))
    walk_in(morning, "07:50", who)
    assert refused(morning, "leave") == "followed"


def test_a_leave_is_not_undone_once_the_number_has_been_taken():
    session = factories.session(split=((0, 1),))
    arrivals.leave(ticket_id=walk_in(session).pk, now=at("07:40"))
    walk_in(session, "07:50")
    assert refused(session, "leave") == "none_left"


def test_a_change_of_room_is_not_undone_once_somebody_is_called_to_the_new_room(morning):
    walk_in(morning)
    old = morning.rooms.get().room_id
    new = factories.room(morning.department).pk
    rooms.change_room(session_id=morning.pk, room_id=old, to_room_id=new, now=at("07:55"))
    next_in(morning)
    assert refused(morning, "change_room") == "followed"


def test_a_visit_is_not_reopened_in_a_room_that_the_expert_has_left(morning):
    first = walk_in(morning)
    old = morning.rooms.get().room_id
    next_in(morning)
    calls.finish(ticket_id=first.pk, now=at("08:05"))
    new = factories.room(morning.department).pk
    rooms.change_room(session_id=morning.pk, room_id=old, to_room_id=new, now=at("08:06"))
    assert refused(morning, "finish") == "followed"


def test_a_hand_over_that_was_taken_back_can_be_done_again(morning):
    there = factories.session(of=morning.department)
    ticket = walk_in(morning)
    for clock in ("08:00", "08:10"):
        new = hand_over.hand_over(ticket_id=ticket.pk, to_session_id=there.pk, now=at(clock))
        assert new.state == "waiting"
        undo.undo(event_id=undo.undoable(session_id=morning.pk).pk, now=at(clock))
        ticket.refresh_from_db()
        assert ticket.state == "waiting"
    assert there.tickets.filter(state="left").count() == 2


def test_after_a_hand_over_was_taken_back_the_link_opens_the_ticket_that_counts(morning):
    """R4.1: the newest ticket with the token is the one that the page shows."""
    there = factories.session(of=morning.department)
    ticket = walk_in(morning)
    hand_over.hand_over(ticket_id=ticket.pk, to_session_id=there.pk, now=at("08:00"))
    undo.undo(event_id=undo.undoable(session_id=morning.pk).pk, now=at("08:01"))
    shown = type(ticket).objects.filter(token=ticket.token).order_by("-pk").first()
    assert (shown.pk, shown.state) == (ticket.pk, "waiting")


def test_after_a_check_in_was_taken_back_the_link_opens_the_appointment(morning):
    """R4.1"""
    appointment = factories.appointment(morning)
    ticket = arrivals.check_in(appointment_id=appointment.pk, now=at("07:40"))
    undo.undo(event_id=undo.undoable(session_id=morning.pk).pk, now=at("07:41"))
    assert not type(ticket).objects.filter(token=appointment.token).exists()


def test_a_patient_who_is_in_the_queue_again_is_no_return_visit_as_well(morning):
    who = factories.patient()
    first = walk_in(morning, who=who)
    next_in(morning)
    calls.finish(ticket_id=first.pk, now=at("08:05"))
    walk_in(morning, "08:10", who)
    with pytest.raises(BookingError) as error:
        returns.return_visit(ticket_id=first.pk, now=at("08:20"))
    assert error.value.code == "in_queue"


def test_nobody_stays_passed_by_a_call_that_was_taken_back(morning):
    """R4.7, R4.11: only a call that stands may put a late patient at the end of the last slot."""
    early = factories.appointment(morning, 1)
    late = factories.appointment(morning, 0)
    arrivals.check_in(appointment_id=early.pk, now=at("08:55"))
    next_in(morning, "09:01")
    ticket = arrivals.check_in(appointment_id=late.pk, now=at("09:02"))
    assert (ticket.late, ticket.passed) == (True, True)
    undo.undo(event_id=morning.events.get(kind="call").pk, now=at("09:03"))
    ticket.refresh_from_db()
    assert (ticket.late, ticket.passed) == (True, False)
    assert next_in(morning, "09:04").pk == ticket.pk


def test_who_was_passed_by_another_call_too_stays_passed(morning):
    """R4.6"""
    for clock in ("08:50", "08:51"):
        arrivals.check_in(appointment_id=factories.appointment(morning, 1).pk, now=at(clock))
    next_in(morning, "08:55"), next_in(morning, "08:56")
    ticket = arrivals.check_in(appointment_id=factories.appointment(morning, 0).pk, now=at("08:58"))
    undo.undo(event_id=morning.events.filter(kind="call").last().pk, now=at("08:59"))
    ticket.refresh_from_db()
    assert ticket.passed
