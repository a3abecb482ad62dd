"""R3.2, R3.4 under concurrency, on PostgreSQL: moves against moves, bookings, cancellations and the opening."""

from datetime import timedelta
from threading import Barrier

import pytest
from django.db import transaction

from booking import invariants
from booking.models import Appointment, FreedNumber, Slot
from booking.services import appointments, endings, sessions
from tests import factories
from tests.booking.clinic import WEEK_BEFORE, book, counts, planned, slots
from tests.booking.test_races import race
from tests.factories import at

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def moving(made, slot):
    return lambda: appointments.move(appointment_id=made.pk, slot_id=slot.pk, now=WEEK_BEFORE).state


def opening(session):
    def act():
        with transaction.atomic():
            return sessions.open_pool(session_id=session.pk, now=WEEK_BEFORE)

    return act


def test_looking_and_then_moving_takes_more_than_there_is():
    """The race is real: with one number left, both who look at once think it is theirs."""
    session = planned(((2, 0), (1, 0)))
    people, looked = [book(session), book(session)], Barrier(2)
    target = slots(session)[1]

    def naive(made):
        with transaction.atomic():
            left = Slot.objects.get(pk=target.pk).left_bookable
            looked.wait(timeout=30)
            if left:
                Appointment.objects.filter(pk=made.pk).update(slot=target)

    race([lambda made=made: naive(made) for made in people])
    assert Appointment.objects.filter(slot=target).count() == 2 > target.bookable


def test_two_move_into_the_last_number_and_a_third_books_it():
    for _round in range(5):
        session = planned(((2, 0), (1, 0)))
        first, second, target = book(session), book(session), slots(session)[1]
        acts = [moving(first, target), moving(second, target), lambda s=session: book(s, 1).state]
        results = race(acts)
        assert sorted(results) == ["booked", "none_left", "none_left"]
        assert counts(session)[1] == (0, 1, 0, 0, 0)
        assert sum(slot.booked for slot in slots(session)) == session.appointments.count()
    assert list(invariants.breaches()) == []


def test_a_move_against_a_cancellation_leaves_one_number_let_go():
    for _round in range(8):
        here = planned(((1, 0),))
        there = planned(((1, 0),), of=here.department, day=at("00:00") + timedelta(days=1))
        made, target = book(here), slots(there)[0]
        moved, ended = race(
            [moving(made, target), lambda pk=made.pk: endings.cancel(appointment_id=pk, now=WEEK_BEFORE).state]
        )
        assert (moved, ended) in (("booked", "cancelled"), ("not_active", "cancelled"))
        assert [slot.booked for session in (here, there) for slot in slots(session)] == [0, 0]
        assert FreedNumber.objects.filter(appointment=made).count() == (2 if moved == "booked" else 1)
    assert list(invariants.breaches()) == []


def test_moves_in_both_directions_between_two_sessions_do_not_deadlock():
    """Sessions are locked by their ids, whichever way the move goes."""
    here = planned(((12, 0), (12, 0)))
    there = planned(((12, 0), (12, 0)), of=here.department, day=at("00:00") + timedelta(days=1))
    acts = []
    for n in range(6):
        acts.append(moving(book(here, n % 2), slots(there)[n % 2]))
        acts.append(moving(book(there, n % 2), slots(here)[n % 2]))
    assert race(acts) == ["booked"] * 12
    assert here.appointments.count() == there.appointments.count() == 6
    assert list(invariants.breaches()) == []


def test_one_appointment_moved_to_many_places_at_once_ends_in_one_of_them():
    of = factories.department()
    days = [planned(((1, 0),), of=of, start=f"{8 + n:02}:00", released_at=WEEK_BEFORE) for n in range(5)]
    made = book(days[0])
    results = race([moving(made, slots(day)[0]) for day in days[1:]])
    assert results == ["booked"] * 4
    made.refresh_from_db()
    assert [sum(slot.booked for slot in slots(day)) for day in days] == [int(day == made.session) for day in days]
    assert list(invariants.breaches()) == []


def test_a_move_and_bookings_of_the_same_patient_stay_within_the_days_limit():
    here = planned(((1, 0),))
    tomorrow = at("00:00") + timedelta(days=1)
    there = planned(((1, 0),), of=here.department, day=tomorrow)
    others = [planned(((1, 0),), day=tomorrow) for _ in range(3)]
    who = factories.patient()
    made = book(here, 0, who)
    results = race([moving(made, slots(there)[0]), *(lambda s=s: book(s, 0, who).state for s in others)])
    assert sorted(results) == ["booked"] * 2 + ["limit_per_day"] * 2
    assert who.appointments.filter(session__date=there.date).count() == 2


def test_a_move_while_the_pool_opens_is_before_it_or_refused():
    """R3.5: both of the session it leaves and of the one it goes to."""
    for _round in range(5):
        here = planned(((1, 0),))
        there = planned(((1, 0),), of=here.department, start="09:00")
        made = book(here)
        moved, *_opened = race([moving(made, slots(there)[0]), opening(here), opening(there)])
        assert moved in ("booked", "moving_closed", "booking_closed")
        assert all(slot.left_bookable == slot.withheld == 0 for session in (here, there) for slot in slots(session))
    assert list(invariants.breaches()) == []


def test_a_cancellation_that_waited_for_a_session_which_the_appointment_has_left_follows_it(monkeypatch):
    here = planned(((1, 0),))
    there = planned(((1, 0),), of=here.department, day=at("00:00") + timedelta(days=1))
    made = book(here)
    locked, meanwhile = sessions.locked, [moving(made, slots(there)[0])]

    def locked_after_the_move(session_id):
        if meanwhile:
            assert race([meanwhile.pop()]) == ["booked"]
        return locked(session_id)

    monkeypatch.setattr(sessions, "locked", locked_after_the_move)
    assert endings.cancel(appointment_id=made.pk, now=WEEK_BEFORE).state == "cancelled"
    assert [(slot.booked, slot.withheld) for session in (here, there) for slot in slots(session)] == [(0, 1), (0, 1)]
    assert list(invariants.breaches()) == []
