"""R1.4: what closing, stopping and the clock leave behind, for those handed over and those who could not come too."""

from datetime import timedelta

import pytest

from booking import invariants as booking_invariants
from booking import touched
from booking.errors import BookingError
from booking.models import Appointment, Outbox
from queueboard import invariants
from queueboard.errors import QueueError
from queueboard.models import Refusal
from queueboard.services import arrivals, calls, clock, hand_over, lifecycle, returns, rooms, undo
from tests import factories
from tests.factories import at

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _every_invariant_holds():
    yield
    assert [*booking_invariants.breaches(), *invariants.breaches()] == []


@pytest.fixture
def morning():
    return factories.session()


def walk_in(session, clock="07:30"):
    return arrivals.register_walk_in(session_id=session.pk, patient_id=factories.patient().pk, now=at(clock))


def next_in(session, clock="08:00"):
    return calls.call_next(session_id=session.pk, room_id=session.rooms.first().room_id, now=at(clock))


def code_of(act):
    with pytest.raises(QueueError) as error:
        act()
    return error.value.code


def test_who_was_handed_over_is_still_waiting_when_the_first_session_closes(morning):
    there = factories.session(of=morning.department)
    appointment = factories.appointment(morning)
    old = arrivals.check_in(appointment_id=appointment.pk, now=at("07:50"))
    new = hand_over.hand_over(ticket_id=old.pk, to_session_id=there.pk, now=at("08:00"))
    lifecycle.close_session(session_id=morning.pk, now=at("08:10"))
    assert [*booking_invariants.breaches(), *invariants.breaches()] == []
    next_in(there, "08:20")
    calls.finish(ticket_id=new.pk, now=at("08:30"))
    appointment.refresh_from_db()
    assert appointment.state == Appointment.State.SEEN


@pytest.mark.parametrize("closed", [False, True])
def test_a_handed_over_patient_who_checks_in_again_gets_the_ticket_that_counts(morning, closed):
    """R4.1: the old link or code, pressed again."""
    there = factories.session(of=morning.department)
    appointment = factories.appointment(morning)
    old = arrivals.check_in(appointment_id=appointment.pk, now=at("07:50"))
    new = hand_over.hand_over(ticket_id=old.pk, to_session_id=there.pk, now=at("08:00"))
    if closed:
        lifecycle.close_session(session_id=morning.pk, now=at("08:10"))
    assert arrivals.check_in(appointment_id=appointment.pk, now=at("08:20")).pk == new.pk


def test_a_return_visit_that_waits_at_the_end_has_been_seen(morning):
    there = factories.session(of=morning.department)
    appointment = factories.appointment(morning)
    ticket = arrivals.check_in(appointment_id=appointment.pk, now=at("07:50"))
    next_in(morning)
    returns.send_for_test(ticket_id=ticket.pk, now=at("08:05"))
    returns.return_visit(ticket_id=ticket.pk, now=at("08:30"))
    hand_over.hand_over(ticket_id=ticket.pk, to_session_id=there.pk, now=at("08:40"))
    lifecycle.close_session(session_id=there.pk, now=at("12:00"))
    appointment.refresh_from_db()
    assert appointment.state == Appointment.State.SEEN


def test_a_session_that_has_not_opened_is_not_closed():
    """R1.4, R1.3: closing it would make no-shows of everybody booked."""
    session = factories.session(state="planned", pool_opened_at=None)
    appointment = factories.appointment(session)
    assert code_of(lambda: lifecycle.close_session(session_id=session.pk, now=at("06:00"))) == "not_open"
    appointment.refresh_from_db()
    assert appointment.state == Appointment.State.BOOKED


def state_of(row):
    row.refresh_from_db()
    return row.state


def told(kind):
    return list(Outbox.objects.filter(kind=kind).order_by("pk").values_list("payload__patient", flat=True))


def test_closed_early_nobody_is_a_no_show_whose_slot_had_not_ended(morning):
    """R1.3, R1.4"""
    missing, could_have_come = factories.appointment(morning, 0), factories.appointment(morning, 2)
    lifecycle.close_session(session_id=morning.pk, now=at("09:30"))
    assert (state_of(missing), state_of(could_have_come)) == (Appointment.State.NO_SHOW, Appointment.State.CALLED_OFF)
    assert told("appointment_called_off") == [could_have_come.patient_id]


def test_a_stop_tells_who_is_to_come_and_who_waits_at_once_and_makes_nobody_a_no_show(morning):
    """R1.3: nor who was late already, and could have come still."""
    late, to_come = factories.appointment(morning, 0), factories.appointment(morning, 2)
    held = factories.appointment(morning, 3, state="held", held_until=at("09:40"))
    here = factories.appointment(morning, 1)
    first, ticket = walk_in(morning), arrivals.check_in(appointment_id=here.pk, now=at("09:00"))
    assert next_in(morning, "09:05") == first
    stop = {"session_id": morning.pk, "reason": "expert ill"}
    for _press in range(2):
        lifecycle.stop_early(**stop, now=at("09:30"))
    assert {state_of(each) for each in (late, to_come, held)} == {Appointment.State.CALLED_OFF}
    assert told("appointment_called_off") == [each.patient_id for each in (late, to_come, held)]
    assert list(Outbox.objects.filter(kind="session_stopped").values_list("payload__ticket", flat=True)) == [ticket.pk]
    assert (state_of(here), state_of(first)) == ("arrived", "called")
    assert clock.close_sessions(now=at("12:00")) == 1
    assert (state_of(here), state_of(late)) == (Appointment.State.NOT_SEEN, Appointment.State.CALLED_OFF)


def test_a_stop_is_taken_back_as_long_as_nobody_was_told_to_stay_away(morning):
    """R4.10"""
    lifecycle.stop_early(session_id=morning.pk, reason="expert ill", now=at("09:30"))
    undo.undo(event_id=undo.undoable(session_id=morning.pk).pk, now=at("09:31"))
    factories.appointment(morning, 2)
    lifecycle.stop_early(session_id=morning.pk, reason="expert ill", now=at("09:32"))
    assert undo.undoable(session_id=morning.pk) is None
    stop = morning.events.filter(kind="stop_early").last()
    assert code_of(lambda: undo.undo(event_id=stop.pk, now=at("09:33"))) == "followed"


def test_a_stop_that_was_shown_otherwise_is_not_done(morning):
    """R1.3: somebody has checked in meanwhile."""
    appointment = factories.appointment(morning, 0)
    seen = touched.one(morning).mark
    arrivals.check_in(appointment_id=appointment.pk, now=at("08:00"))
    with pytest.raises(BookingError, check=lambda error: error.code == "changed_meanwhile"):
        lifecycle.stop_early(session_id=morning.pk, reason="expert ill", seen=seen, now=at("08:01"))
    morning.refresh_from_db()
    assert not morning.stopped_early
    lifecycle.stop_early(session_id=morning.pk, reason="expert ill", seen=touched.one(morning).mark, now=at("08:01"))


def test_the_clock_closes_nothing_in_which_somebody_has_come_to_wait_since_it_looked(morning):
    """R1.4: between its look and the lock."""
    walk_in(morning)
    assert clock._close_if_idle(morning.pk, at("12:05")) is False
    morning.refresh_from_db()
    assert morning.state == "open"


@pytest.mark.parametrize(("stop", "code"), [(True, "stopped"), (False, "paused")])
def test_a_chosen_patient_is_not_called_where_next_would_not_be(morning, stop, code):
    """R4.10"""
    ticket, room_id = walk_in(morning), morning.rooms.get().room_id
    if stop:
        lifecycle.stop_early(session_id=morning.pk, reason="expert ill", now=at("08:00"))
    else:
        rooms.pause(session_id=morning.pk, room_id=room_id, now=at("08:00"))
    assert code_of(lambda: calls.call_ticket(ticket_id=ticket.pk, room_id=room_id, now=at("08:01"))) == code


def test_a_stopped_session_offers_nothing(morning):
    """R4.1: what is offered can be had."""
    lifecycle.stop_early(session_id=morning.pk, reason="expert ill", now=at("08:00"))
    assert code_of(lambda: arrivals.offer_walk_in(session_id=morning.pk, now=at("08:01"))) == "stopped"


def test_who_is_refused_at_the_offer_is_logged_once_however_often_it_is_asked():
    """R2.1: at the desk nobody registers who has been told that nothing is left."""
    full = factories.session(split=((1, 0),))
    for moment in (at("07:30"), at("07:30") + timedelta(seconds=20)):
        assert code_of(lambda moment=moment: arrivals.offer_walk_in(session_id=full.pk, now=moment)) == "none_left"
    assert Refusal.objects.filter(session=full).count() == 1
    assert code_of(lambda: arrivals.offer_walk_in(session_id=full.pk, now=at("07:40"))) == "none_left"
    assert Refusal.objects.filter(session=full).count() == 2


@pytest.fixture
def by_itself():
    return factories.session(of=factories.department(auto_miss=True, miss_after_calls=1))


def test_a_call_missed_by_itself_and_the_next_one_are_one_step_for_a_process_that_dies(by_itself, monkeypatch):
    """R4.4: killed between the two, the next run does both."""
    first, second = walk_in(by_itself), walk_in(by_itself)
    next_in(by_itself)
    with monkeypatch.context() as patched:
        patched.setattr(calls, "call_next", lambda **_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            clock.miss_unanswered(now=at("08:01"))
    clock.miss_unanswered(now=at("08:01"))
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, second.state) == ("missed", "called")


def test_nobody_misses_a_call_to_a_room_that_pauses(by_itself):
    """R4.4, R4.10: no calls to the room for now, the repeated ones included."""
    ticket = walk_in(by_itself)
    next_in(by_itself)
    rooms.pause(session_id=by_itself.pk, room_id=by_itself.rooms.get().room_id, now=at("08:00"))
    assert clock.miss_unanswered(now=at("08:05")) == 0
    ticket.refresh_from_db()
    assert (ticket.state, ticket.calls) == ("called", 1)


def test_one_session_that_cannot_open_does_not_keep_the_others_closed(monkeypatch):
    """R3.5"""
    broken, sound = (factories.session(state="planned", pool_opened_at=None) for _ in range(2))
    plain = lifecycle.sessions.open_pool

    def open_pool(*, session_id, **kwargs):
        if session_id == broken.pk:
            raise BookingError("No number is left in this slot.", code="none_left")
        return plain(session_id=session_id, **kwargs)

    monkeypatch.setattr(lifecycle.sessions, "open_pool", open_pool)
    assert clock.open_registrations(now=at("07:00")) == 1
    sound.refresh_from_db()
    assert sound.state == "open"


def test_a_long_reason_is_cut_not_refused_by_the_database(morning):
    ticket = walk_in(morning)
    next_in(morning)
    calls.finish(ticket_id=ticket.pk, now=at("08:05"))
    returns.return_visit(ticket_id=ticket.pk, reason="x" * 300, now=at("08:20"))
    assert len(morning.events.last().reason) == 120


@pytest.mark.parametrize(("state", "again"), [("open", True), ("running", True), ("planned", False), ("closed", False)])
def test_once_a_minute_what_is_shown_of_a_queue_is_computed_anew_under_a_new_version(state, again, monkeypatch):
    """R4.11, R5.2: also before the start, when who is expected and does not come changes what is expected."""
    session = factories.session(state=state)
    told = []
    monkeypatch.setattr(clock.news, "announce", told.append)
    assert clock.refresh_estimates() == again
    assert told == ([session.pk] if again else [])
    before = session.version
    session.refresh_from_db()
    assert session.version == before + again
