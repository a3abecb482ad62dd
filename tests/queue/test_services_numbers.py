"""R2.7, R3.5, R3.5b: no number is lost or counted twice, whichever way a patient comes and goes."""

import pytest

from booking import invariants as booking_invariants
from booking.models import Appointment, QuotaMove
from queueboard import invariants
from queueboard.errors import QueueError
from queueboard.services import arrivals, calls, clock, hand_over, lifecycle, returns, undo
from tests import factories
from tests.factories import at

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _every_invariant_holds():
    yield
    assert [*booking_invariants.breaches(), *invariants.breaches()] == []


def walk_in(session, clock="07:30", **fields):
    return arrivals.register_walk_in(session_id=session.pk, patient_id=factories.patient().pk, now=at(clock), **fields)


def next_in(session, clock="08:00"):
    return calls.call_next(session_id=session.pk, room_id=session.rooms.first().room_id, now=at(clock))


def take_back(session, clock):
    return undo.undo(event_id=undo.undoable(session_id=session.pk).pk, now=at(clock))


def left(session):
    return [slot.left_walk_in for slot in session.slots.order_by("index")]


@pytest.fixture
def three_slots():
    return factories.session(split=((1, 1), (0, 0), (0, 0)))


def test_who_gives_up_after_the_slot_has_ended_frees_a_number_that_can_still_be_given(three_slots):
    """R3.5b: in the last slot there is no later end that would pass it on."""
    appointment = factories.appointment(three_slots)
    ticket, other = arrivals.check_in(appointment_id=appointment.pk, now=at("07:50")), walk_in(three_slots)
    clock.end_slots(now=at("10:00"))
    arrivals.leave(ticket_id=ticket.pk, now=at("10:10"))
    arrivals.leave(ticket_id=other.pk, now=at("10:10"))
    assert left(three_slots) == [0, 0, 2]
    assert walk_in(three_slots, "10:11").slot.index == 2


def test_a_leave_after_the_slot_has_ended_is_undone_as_long_as_the_number_is_there(three_slots):
    appointment = factories.appointment(three_slots)
    ticket = arrivals.check_in(appointment_id=appointment.pk, now=at("07:50"))
    clock.end_slots(now=at("10:00"))
    assert left(three_slots) == [0, 0, 1]
    arrivals.leave(ticket_id=ticket.pk, now=at("10:10"))
    take_back(three_slots, "10:11")
    appointment.refresh_from_db()
    assert (appointment.state, left(three_slots)) == (Appointment.State.ARRIVED, [0, 0, 1])


def test_a_number_stays_in_its_slot_where_the_department_passes_none_on():
    session = factories.session(split=((0, 1), (0, 0)), of=factories.department(pass_on_unused=False))
    arrivals.leave(ticket_id=walk_in(session).pk, now=at("09:10"))
    assert left(session) == [1, 0]


def test_a_registration_taken_back_after_the_slot_has_ended_frees_a_number_that_can_still_be_given(three_slots):
    walk_in(three_slots, "08:59")
    clock.end_slots(now=at("10:00"))
    take_back(three_slots, "10:01")
    assert left(three_slots)[:2] == [0, 0]
    assert walk_in(three_slots, "10:02").slot.index == 2


def test_the_first_registration_after_a_slot_passes_its_numbers_on_should_the_task_be_late():
    """R3.5b, as R3.5."""
    session = factories.session(split=((0, 1), (0, 0)))
    assert arrivals.offer_walk_in(session_id=session.pk, now=at("09:00")).slot.index == 1
    assert walk_in(session, "09:00").slot.index == 1


def test_who_was_handed_over_and_gives_up_is_no_longer_expected():
    here = factories.session()
    there = factories.session(of=here.department)
    appointment = factories.appointment(here)
    old = arrivals.check_in(appointment_id=appointment.pk, now=at("07:50"))
    new = hand_over.hand_over(ticket_id=old.pk, to_session_id=there.pk, now=at("08:00"))
    arrivals.leave(ticket_id=new.pk, now=at("08:10"))
    appointment.refresh_from_db()
    assert appointment.state == Appointment.State.NOT_SEEN
    assert (here.slots.get(index=0).booked, there.slots.get(index=0).registered) == (1, 0)
    take_back(there, "08:11")
    appointment.refresh_from_db()
    assert appointment.state == Appointment.State.ARRIVED


@pytest.mark.parametrize("back", [False, True], ids=["away", "waiting as a return visit"])
def test_who_leaves_after_having_been_seen_was_seen_and_frees_no_number(back):
    """A number is one visit, and that visit has been."""
    session = factories.session()
    appointment = factories.appointment(session)
    ticket = arrivals.check_in(appointment_id=appointment.pk, now=at("07:50"))
    next_in(session)
    returns.send_for_test(ticket_id=ticket.pk, now=at("08:05"))
    if back:
        returns.return_visit(ticket_id=ticket.pk, now=at("08:30"))
    for _ in range(2):
        assert arrivals.leave(ticket_id=ticket.pk, now=at("08:40")).state == "done"
    appointment.refresh_from_db()
    assert (appointment.state, session.slots.get(index=0).booked) == (Appointment.State.SEEN, 1)
    assert session.events.filter(kind="leave").count() == 1


def test_the_ledger_says_who_registered_and_who_took_it_back(django_user_model):
    """R2.7: why, from where, to where, how many, who, when."""
    clerk = django_user_model.objects.create(username="clerk")
    session = factories.session()
    ticket = walk_in(session, actor=clerk)
    undo.undo(event_id=session.events.get(ticket=ticket).pk, actor=clerk, now=at("07:31"))
    moves = QuotaMove.objects.filter(slot__session=session).exclude(reason="planned")
    assert [(move.reason, move.actor) for move in moves] == [("registered", clerk), ("withdrawn", clerk)]


def test_the_ledger_says_whose_appointment_a_freed_number_was():
    """R2.7"""
    session = factories.session()
    appointment = factories.appointment(session)
    arrivals.leave(ticket_id=arrivals.check_in(appointment_id=appointment.pk, now=at("07:50")).pk, now=at("08:00"))
    assert QuotaMove.objects.get(reason="cancelled").appointment == appointment


def test_a_patient_is_handed_over_to_the_last_slot_where_all_have_ended():
    here = factories.session()
    there = factories.session(of=here.department)
    ticket = walk_in(here, "11:30")
    new = hand_over.hand_over(ticket_id=ticket.pk, to_session_id=there.pk, now=at("12:10"))
    assert new.slot.index == 3


def test_nobody_is_handed_over_to_a_session_without_slots():
    here = factories.session()
    there = factories.session(of=here.department, split=((1, 1),))
    empty = type(there).objects.create(
        department=there.department, expert=there.expert, date=there.date, starts_at=there.starts_at,
        ends_at=there.ends_at, registration_opens_at=there.registration_opens_at, released_at=there.released_at,
        numbers=0, state="open",
    )  # fmt: skip
    with pytest.raises(QueueError) as error:
        hand_over.hand_over(ticket_id=walk_in(here).pk, to_session_id=empty.pk, now=at("08:00"))
    assert error.value.code == "no_slots"


def test_handing_all_over_goes_on_after_one_who_cannot_be():
    here = factories.session()
    there = factories.session(of=here.department)
    both = factories.patient()
    for session in (here, there):
        arrivals.register_walk_in(session_id=session.pk, patient_id=both.pk, now=at("07:10"))
    others = [walk_in(here).patient_id for _ in range(2)]
    made = hand_over.hand_over_all(session_id=here.pk, to_session_id=there.pk, now=at("08:00"))
    assert [ticket.patient_id for ticket in made] == others
    assert hand_over.hand_over_all(session_id=here.pk, to_session_id=there.pk, now=at("08:00")) == []
    lifecycle.close_session(session_id=here.pk, now=at("12:00"))
