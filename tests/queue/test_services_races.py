"""Different steps at the same moment, on PostgreSQL: one after the other, in either order, and nothing is lost."""

import contextlib
from threading import Barrier, BrokenBarrierError

import pytest

from booking import invariants as booking_invariants
from booking.models import Appointment, PastSession
from booking.services import appointments, endings
from queueboard import invariants
from queueboard.models import QueueEvent, Ticket
from queueboard.services import arrivals, calls, clock, hand_over, lifecycle, sharing, undo
from tests import factories
from tests.booking.test_races import race
from tests.factories import at

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _every_invariant_holds():
    yield
    assert [*booking_invariants.breaches(), *invariants.breaches()] == []


def walk_in(session):
    return arrivals.register_walk_in(session_id=session.pk, patient_id=factories.patient().pk, now=at("07:30"))


def test_a_patient_who_checks_in_while_somebody_cancels_has_one_of_the_two():
    """R3.4, R4.1"""
    session = factories.session(split=((6, 2),))
    booked = [factories.appointment(session).pk for _ in range(6)]
    acts = [lambda pk=pk: arrivals.check_in(appointment_id=pk, now=at("07:40")) and "in" for pk in booked]
    acts += [lambda pk=pk: endings.cancel(appointment_id=pk, now=at("07:40")) and "out" for pk in booked]
    results = race(acts)
    for came, cancelled in zip(results[:6], results[6:], strict=True):
        assert (came, cancelled) in {("in", "checked_in"), ("appointment_over", "out")}


def test_a_check_in_pressed_at_the_desk_and_on_the_phone_is_one_ticket():
    """R4.1"""
    session = factories.session(state="planned", pool_opened_at=None)
    pk = factories.appointment(session).pk
    results = race([lambda: arrivals.check_in(appointment_id=pk, now=at("07:00")).pk] * 6)
    assert len(set(results)) == 1
    assert session.events.filter(kind="registration_opened").count() == 1


def test_the_tasks_run_by_several_workers_do_everything_once():
    """R1.4, R3.5, R3.5b"""
    made = [factories.session(state="planned", pool_opened_at=None, split=((2, 2), (1, 1))) for _ in range(3)]
    for session in made:
        factories.appointment(session)
    assert sum(race([lambda: clock.open_registrations(now=at("07:00"))] * 4)) == 3
    assert sum(race([lambda: clock.start_sessions(now=at("08:00"))] * 4)) == 3
    assert sum(race([lambda: clock.end_slots(now=at("09:00"))] * 4)) == 3
    assert sum(race([lambda: clock.close_sessions(now=at("10:00"))] * 4)) >= 3
    assert QueueEvent.objects.filter(kind="close").count() == PastSession.objects.count() == 3
    assert Appointment.objects.filter(state="no_show").count() == 3


def test_a_session_closed_by_two_managers_while_patients_come_and_holds_are_paid_is_settled_once():
    """R1.4"""
    session = factories.session(split=((8, 4),))
    booked = [factories.appointment(session).pk for _ in range(3)]
    held = [factories.appointment(session, state="held", held_until=at("13:00")).pk for _ in range(3)]
    acts = [lambda pk=pk: arrivals.check_in(appointment_id=pk, now=at("09:00")).state for pk in booked]
    acts += [lambda pk=pk: appointments.confirm(appointment_id=pk, now=at("09:00")).state for pk in held]
    acts += [lambda: lifecycle.close_session(session_id=session.pk, now=at("09:00")).state] * 2
    results = race(acts)
    assert set(results[:3]) <= {"waiting", "closed", "appointment_over"}
    assert set(results[3:6]) <= {"booked", "hold_expired", "not_active"}
    assert results[6:] == ["closed"] * 2
    assert session.events.filter(kind="close").count() == 1


def test_two_experts_who_hand_over_to_each_other_at_once_do_not_block_each_other():
    """R4.10"""
    one = factories.session()
    other = factories.session(of=one.department)
    there = [walk_in(one).pk for _ in range(4)]
    back = [walk_in(other).pk for _ in range(4)]
    acts = []
    for here_pk, other_pk in zip(there, back, strict=True):
        acts.append(lambda pk=here_pk: hand_over.hand_over(ticket_id=pk, to_session_id=other.pk, now=at("08:00")).pk)
        acts.append(lambda pk=other_pk: hand_over.hand_over(ticket_id=pk, to_session_id=one.pk, now=at("08:00")).pk)
    results = race(acts)
    assert len(set(results)) == 8
    assert Ticket.objects.filter(state="waiting").count() == 8


def test_a_hand_over_taken_back_by_two_at_once_is_taken_back_once():
    """R4.10"""
    here = factories.session()
    there = factories.session(of=here.department)
    hand_over.hand_over(ticket_id=walk_in(here).pk, to_session_id=there.pk, now=at("08:00"))
    event = here.events.get(kind="hand_over").pk
    results = race([lambda: undo.undo(event_id=event, now=at("08:01")).pk] * 4)
    assert len(set(results)) == 1
    assert QueueEvent.objects.filter(kind="undo").count() == 2


def test_two_sessions_that_share_a_room_do_not_both_call_into_it():
    """R4.4: the session before runs over, the next one begins."""
    before = factories.session()
    after = factories.session(of=before.department)
    room_id = before.rooms.get().room_id
    after.rooms.update(room_id=room_id)
    walk_in(before), walk_in(after)

    def press(session):
        ticket = calls.call_next(session_id=session.pk, room_id=room_id, now=at("08:00"))
        return ticket.state

    results = race([lambda session=session: press(session) for session in (before, after)])
    assert sorted(results) == ["called", "room_in_use"]


def test_links_shared_at_once_are_no_more_than_a_visit_may_have(monkeypatch):
    """R6.2: without the visit's lock all would count before any has written."""
    visit, looked, new_token = walk_in(factories.session()), Barrier(8), sharing.new_token

    def all_have_looked():
        with contextlib.suppress(BrokenBarrierError):
            looked.wait(timeout=1)
        return new_token()

    monkeypatch.setattr(sharing, "new_token", all_have_looked)
    results = race([lambda: sharing.share(visit) and "shared"] * 8)
    assert sorted(results) == ["links_enough"] * 3 + ["shared"] * sharing.PER_VISIT
