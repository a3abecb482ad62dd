"""Whatever is pressed in whatever order: every invariant holds, and the log leaves every ticket where it stands."""

import contextlib
from datetime import timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from booking import invariants as booking_invariants
from booking.errors import BookingError
from booking.models import Appointment
from queueboard import invariants
from queueboard.models import QueueEvent, Ticket
from queueboard.services import arrivals, calls, hand_over, lifecycle, returns, rooms, undo
from tests import factories
from tests.chance import examples
from tests.factories import at

ON_TICKET = {
    "recall": calls.recall,
    "start": calls.start,
    "finish": calls.finish,
    "miss": calls.miss,
    "put_back": returns.put_back,
    "send_for_test": returns.send_for_test,
    "return_visit": returns.return_visit,
    "leave": arrivals.leave,
}
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["walk_in"] * 3
            + ["check_in"] * 3
            + ["next"] * 6
            + ["undo", "undo", "undo_any", "emergency", "pause", "resume", "hand_over", "call", "slot_ends"]
            + ["change_room", "swap", "stop"]
            + [*ON_TICKET] * 2
        ),
        st.integers(0, 30),
        st.integers(0, 40),
    ),
    min_size=5,
    max_size=45,
)


class Morning:
    """Two sessions of one department, one of them pooled over two rooms, and a clock that only goes forward."""

    def __init__(self):
        self.here = factories.session(rooms=2, split=((3, 4), (3, 3)))
        self.there = factories.session(of=self.here.department, split=((0, 2), (0, 0)))
        self.spare = factories.room(self.here.department).pk
        self.now = at("07:05")

    def press(self, what, which, minutes):
        self.now += timedelta(minutes=minutes / 10)
        seats = list(self.here.rooms.order_by("pk"))
        seat = seats[which % len(seats)]
        tickets = list(Ticket.objects.filter(session=self.here))
        ticket = tickets[which % len(tickets)].pk if tickets else 0
        here = {"session_id": self.here.pk, "now": self.now}
        if what in (*ON_TICKET, "emergency", "hand_over", "call") and not tickets:
            return
        if what == "walk_in":
            arrivals.register_walk_in(patient_id=factories.patient().pk, **here)
        elif what == "check_in":
            booked = list(Appointment.objects.filter(session=self.here))
            if len(booked) < 6:
                booked.append(factories.appointment(self.here, which % 2))
            arrivals.check_in(appointment_id=booked[-1 - which % 2 if len(booked) > 1 else -1].pk, now=self.now)
        elif what == "next":
            calls.call_next(room_id=seat.room_id, **here)
        elif what == "undo":
            step = undo.undoable(session_id=self.here.pk)
            if step:
                undo.undo(event_id=step.pk, now=self.now)
        elif what == "undo_any":
            events = list(QueueEvent.objects.filter(session__in=(self.here, self.there)).order_by("-pk")[:12])
            if events:
                undo.undo(event_id=events[which % len(events)].pk, now=self.now)
        elif what == "change_room":
            rooms.change_room(room_id=seat.room_id, to_room_id=self.spare, **here)
            self.spare = seat.room_id
        elif what == "swap":
            # What follows happens in the other queue, where those handed over are.
            self.here, self.there = self.there, self.here
        elif what == "stop":
            lifecycle.stop_early(reason="ill", **here)
        elif what == "emergency":
            returns.set_priority(ticket_id=ticket, priority="emergency", reason="pain", now=self.now)
        elif what in ("pause", "resume"):
            getattr(rooms, what)(room_id=seat.room_id, **here)
        elif what == "hand_over":
            hand_over.hand_over(ticket_id=ticket, to_session_id=self.there.pk, now=self.now)
        elif what == "call":
            calls.call_ticket(ticket_id=ticket, room_id=seat.room_id, now=self.now)
        elif what == "slot_ends":
            lifecycle.end_slots(**here)
        else:
            ON_TICKET[what](ticket_id=ticket, now=self.now)


def broken():
    return [*booking_invariants.breaches(), *invariants.breaches()]


@pytest.mark.django_db
@given(steps=STEPS)
@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_invariant_holds_after_any_morning(steps):
    """R2.7, R4.11: nobody lost, nobody twice, numbers conserved."""
    with transaction.atomic():
        morning = Morning()
        for step in steps:
            with contextlib.suppress(BookingError), transaction.atomic():
                morning.press(*step)
        assert broken() == []
        for session in (morning.here, morning.there):
            lifecycle.close_session(session_id=session.pk, now=morning.now)
            assert broken() == []
        versions = list(QueueEvent.objects.filter(session=morning.here).values_list("version", flat=True))
        assert versions == list(range(1, len(versions) + 1))
        transaction.set_rollback(True)
