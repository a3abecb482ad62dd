"""What happens in a queue is told to whom it concerns, once for each cause (R5.4)."""

from datetime import timedelta

import pytest

from booking.models import Outbox
from queueboard.models import QueueEvent, Ticket
from queueboard.notify.facts import Facts
from queueboard.notify.kinds import compose
from queueboard.services import arrivals, calls, hand_over, lifecycle, returns, rooms, undo
from tests import factories
from tests.factories import at

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
FIELDS = ("patient", "ticket", "appointment", "room", "call", "ahead")


@pytest.fixture
def session():
    return factories.session(split=((2, 10), (4, 6)))


@pytest.fixture
def room(session):
    return session.rooms.get().room


def register(session, count=1, now=None):
    return [
        arrivals.register_walk_in(session_id=session.pk, patient_id=factories.patient().pk, now=now or at("07:30"))
        for _ in range(count)
    ]


def call(session, room, now=None):
    return calls.call_next(session_id=session.pk, room_id=room.pk, now=now or at("08:00"))


def told(kind):
    """Whom of this kind, and what: ticket or appointment, then the rest of the payload."""
    rows = Outbox.objects.filter(kind=kind).order_by("pk").values_list("payload", flat=True)
    return [tuple(row[name] for name in FIELDS if name in row) for row in rows]


def ahead():
    """By ticket number, how many were ahead when it was told."""
    numbers = dict(Ticket.objects.values_list("pk", "number"))
    return [(numbers[ticket], before) for ticket, before in told("ahead")]


def last_event(kind):
    return QueueEvent.objects.filter(kind=kind).latest("version")


class TestFewAhead:
    def test_three_ahead_is_told_once_to_each(self, session, room):
        register(session, 6)
        assert ahead() == [(1, 0), (2, 1), (3, 2), (4, 3)]
        call(session, room)
        assert ahead()[4:] == [(5, 3)]
        call(session, room)
        assert ahead()[5:] == [(6, 3)]

    def test_how_many_is_a_setting_of_the_department(self, session):
        type(session.department).objects.update(tell_when_ahead=1)
        register(session, 4)
        assert ahead() == [(1, 0), (2, 1)]

    def test_who_jumps_from_five_to_two_is_told_once_with_what_is_true(self, session):
        tickets = register(session, 6)
        for gone in tickets[1:4]:
            arrivals.leave(ticket_id=gone.pk, now=at("07:40"))
        assert ahead()[4:] == [(5, 3), (6, 3)]
        type(session.department).objects.update(tell_when_ahead=2)
        assert len(ahead()) == 6

    def test_a_jump_over_the_mark_is_told(self, session, room):
        later = register(session, 6)[5]
        returns.set_priority(ticket_id=later.pk, priority="priority", reason="aged 80", now=at("07:40"))
        assert ahead()[4:] == [(6, 0)]

    def test_back_and_forth_over_the_mark_is_told_once(self, session):
        register(session, 4)
        first = returns.set_priority(
            ticket_id=register(session)[0].pk, priority="emergency", reason="faint", now=at("07:35")
        )
        returns.set_priority(ticket_id=first.pk, priority="", reason="a mistake", now=at("07:36"))
        returns.set_priority(ticket_id=first.pk, priority="emergency", reason="after all", now=at("07:37"))
        assert sorted(number for number, _ in ahead()) == [1, 2, 3, 4, 5]

    def test_a_step_taken_back_tells_nobody_again(self, session, room):
        register(session, 6)
        call(session, room)
        undo.undo(event_id=last_event("call").pk, now=at("08:01"))
        call(session, room, now=at("08:02"))
        assert len(ahead()) == len(set(ahead())) == 5

    def test_who_comes_back_from_a_test_is_told_anew(self, session, room):
        register(session, 5)
        first = call(session, room)
        returns.send_for_test(ticket_id=first.pk, now=at("08:05"))
        returns.return_visit(ticket_id=first.pk, now=at("08:20"))
        assert [number for number, _ in ahead()].count(1) == 2
        undo.undo(event_id=last_event("return_visit").pk, now=at("08:21"))

    def test_who_comes_back_from_a_test_further_behind_is_told_when_few_are_ahead(self, session, room):
        type(session.department).objects.update(tell_when_ahead=1)
        first = register(session, 6)[0]
        call(session, room)
        returns.send_for_test(ticket_id=first.pk, now=at("08:05"))
        returns.return_visit(ticket_id=first.pk, now=at("08:06"))
        assert [number for number, _ in ahead()].count(1) == 1
        call(session, room, now=at("08:07"))
        assert ahead()[-1] == (1, 1)

    def test_in_a_session_that_was_stopped_nobody_is_told_of_a_place(self, session):
        lifecycle.stop_early(session_id=session.pk, reason="ill", now=at("07:20"))
        assert ahead() == []

    def test_a_booked_patient_who_checks_in_is_told_as_the_others(self, session):
        booked = factories.appointment(session)
        arrivals.check_in(appointment_id=booked.pk, now=at("07:50"))
        assert ahead() == [(1, 0)]


class TestCalls:
    def test_a_call_is_told_with_its_room_and_a_recall_is_not_told_again(self, session, room):
        register(session, 2)
        ticket = call(session, room)
        calls.recall(ticket_id=ticket.pk, now=at("08:01"))
        assert told("called") == [(ticket.pk, room.pk, 1)]

    def test_a_second_call_after_a_miss_is_told(self, session, room):
        ticket = register(session)[0]
        call(session, room)
        calls.miss(ticket_id=ticket.pk, now=at("08:02"))
        returns.put_back(ticket_id=ticket.pk, now=at("08:10"))
        call(session, room, now=at("08:11"))
        assert told("called") == [(ticket.pk, room.pk, 1), (ticket.pk, room.pk, 2)]

    def test_a_call_taken_back_is_told_and_the_next_one_too(self, session, room):
        ticket = register(session)[0]
        call(session, room)
        undo.undo(event_id=last_event("call").pk, now=at("08:01"))
        call(session, room, now=at("08:02"))
        assert told("call_taken_back") == [(ticket.pk,)]
        assert len(told("called")) == 2

    def test_a_call_that_is_over_is_not_told_any_more(self, session, room):
        register(session, 2)
        call(session, room)
        cause = Outbox.objects.get(kind="called")
        assert compose(Facts(cause), "en") is not None
        call(session, room, now=at("08:10"))
        assert compose(Facts(cause), "en") is None


class TestRooms:
    def test_who_is_called_and_who_waits_near_the_room_hear_of_another_room(self, session, room):
        tickets = register(session, 7)
        call(session, room)
        other = factories.room(session.department)
        rooms.change_room(session_id=session.pk, room_id=room.pk, to_room_id=other.pk, now=at("08:05"))
        assert told("room_changed") == [(ticket.pk, other.pk) for ticket in tickets[:5]]

    def test_in_a_pooled_session_only_who_is_called_there(self):
        session = factories.session(rooms=2)
        first, _second = (seat.room for seat in session.rooms.all())
        ticket, *_others = register(session, 3)
        call(session, first)
        other = factories.room(session.department)
        rooms.change_room(session_id=session.pk, room_id=first.pk, to_room_id=other.pk, now=at("08:05"))
        assert told("room_changed") == [(ticket.pk, other.pk)]

    def test_back_to_the_old_room_is_told_too(self, session, room):
        ticket = register(session)[0]
        call(session, room)
        other = factories.room(session.department)
        rooms.change_room(session_id=session.pk, room_id=room.pk, to_room_id=other.pk, now=at("08:05"))
        undo.undo(event_id=last_event("change_room").pk, now=at("08:06"))
        assert told("room_changed") == [(ticket.pk, other.pk), (ticket.pk, room.pk)]


class TestTheSession:
    def test_a_stop_is_told_to_who_waits_and_so_is_its_end(self, session, room):
        inside, waits = register(session, 2)
        call(session, room)
        calls.start(ticket_id=inside.pk, now=at("08:01"))
        lifecycle.stop_early(session_id=session.pk, reason="ill", now=at("08:10"))
        assert told("session_stopped") == [(waits.pk,)]
        undo.undo(event_id=last_event("stop_early").pk, now=at("08:11"))
        assert told("session_goes_on") == [(waits.pk,)]
        assert compose(Facts(Outbox.objects.filter(kind="session_stopped").first()), "en") is None

    def test_who_waits_when_it_is_closed_by_hand_is_told_and_nobody_twice(self, session, room):
        inside, waits = register(session, 2)
        call(session, room)
        calls.start(ticket_id=inside.pk, now=at("08:01"))
        coming = factories.appointment(session, 1)
        lifecycle.close_session(session_id=session.pk, now=at("08:30"))
        assert told("session_stopped") == [(waits.pk,)]
        assert told("appointment_called_off") == [(coming.patient_id, coming.pk)]
        assert compose(Facts(Outbox.objects.get(kind="session_stopped")), "en") is not None

    def test_who_was_called_at_the_stop_hears_at_the_close_that_nobody_sees_them(self, session, room):
        called, waits = register(session, 2)
        call(session, room)
        lifecycle.stop_early(session_id=session.pk, reason="ill", now=at("08:05"))
        undo.undo(event_id=last_event("stop_early").pk, now=at("08:06"))
        lifecycle.stop_early(session_id=session.pk, reason="ill after all", now=at("08:10"))
        assert told("session_stopped") == [(waits.pk,)] * 2
        lifecycle.close_session(session_id=session.pk, now=at("08:30"))
        assert told("session_stopped")[2:] == [(called.pk,)]

    def test_a_session_stopped_for_good_is_told_to_everybody_here_once(self, session, room):
        called, waits = register(session, 2)
        call(session, room)
        lifecycle.stop_for_good(session_id=session.pk, reason="ill", now=at("08:10"))
        assert sorted(told("session_stopped")) == [(called.pk,), (waits.pk,)]

    def test_who_is_expected_hears_at_the_stop_that_it_does_not_take_place_and_the_close_adds_nothing(self, session):
        register(session)
        coming = factories.appointment(session, 1)
        lifecycle.stop_early(session_id=session.pk, reason="ill", now=at("08:10"))
        assert told("appointment_called_off") == [(coming.patient_id, coming.pk)]
        lifecycle.close_session(session_id=session.pk, now=at("08:30"))
        assert len(told("session_stopped")) == 1
        assert "does not take place" in compose(Facts(Outbox.objects.get(kind="appointment_called_off")), "en").text

    def test_who_is_handed_over_gets_the_new_number_and_back_the_old_one(self, session):
        other = factories.session(of=session.department)
        ticket = register(session)[0]
        new = hand_over.hand_over(ticket_id=ticket.pk, to_session_id=other.pk, now=at("08:00"))
        assert told("handed_over") == [(new.pk,)]
        undo.undo(event_id=last_event("hand_over").pk, now=at("08:01"))
        assert told("handed_over") == [(new.pk,), (ticket.pk,)]


def test_payloads_hold_ids_and_nothing_that_names_anybody(session, room):
    who = factories.patient(name="欧阳小明", phone="13812345678")
    arrivals.register_walk_in(session_id=session.pk, patient_id=who.pk, now=at("07:30"))
    call(session, room)
    for row in Outbox.objects.all():
        assert all(isinstance(value, int) for value in row.payload.values()), row.kind


def test_a_change_that_tells_nobody_writes_nothing(session, room):
    register(session, 8)
    ticket = call(session, room)
    before = Outbox.objects.count()
    calls.start(ticket_id=ticket.pk, now=at("08:01"))
    assert Outbox.objects.count() == before
