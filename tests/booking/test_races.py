"""R3.2 under concurrency, on PostgreSQL: never more booked than there is. Each race is shown to be one first."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, time
from threading import Barrier

import pytest
from django.db import IntegrityError, connection, transaction

from booking import invariants
from booking.errors import BookingError
from booking.models import Appointment, QuotaMove, Session, Slot, Template
from booking.services import appointments, endings, quotas, sessions
from tests import factories
from tests.booking.clinic import WEEK_BEFORE, counts, planned, slots
from tests.factories import at

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

THREADS = 60
NUMBERS = 40


def race(acts):
    """Runs all `acts` at once, each on a connection of its own; returns their results, a refusal by its code."""
    ready = Barrier(len(acts))

    def run(act):
        try:
            connection.ensure_connection()
            ready.wait(timeout=30)
            return act()
        except BookingError as error:
            return error.code
        except IntegrityError:
            return "constraint"
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def naive_booking(slot_id, patient_id, looked):
    """What booking must not be: read, decide in Python, write. All look before one writes."""
    with transaction.atomic():
        slot = Slot.objects.get(pk=slot_id)
        left = slot.bookable - slot.booked
        looked.wait(timeout=30)
        if left < 1:
            return "none_left"
        Appointment.objects.create(
            patient_id=patient_id, session_id=slot.session_id, slot_id=slot_id, state="booked", booked_at=WEEK_BEFORE
        )
        return "thinks it has one"


def test_reading_and_then_writing_takes_more_than_there_is():
    """The race is real: with one number left, all who look at once think it is theirs."""
    session = planned(((1, 0),))
    (slot,) = slots(session)
    patients = [factories.patient().pk for _ in range(8)]
    looked = Barrier(len(patients))
    results = race([lambda pk=pk: naive_booking(slot.pk, pk, looked) for pk in patients])
    assert results == ["thinks it has one"] * 8
    assert session.appointments.count() == 8 > slot.bookable
    # Counted as they are, the database refuses them: so much is not left to the code.
    with pytest.raises(IntegrityError, match="booked_within_quota"), transaction.atomic():
        Slot.objects.filter(pk=slot.pk).update(booked=session.appointments.count())


def test_forty_numbers_and_sixty_patients_make_forty_bookings():
    """R3.2"""
    session = planned(((NUMBERS, 2),))
    (slot,) = slots(session)
    patients = [factories.patient().pk for _ in range(THREADS)]

    def book(pk):
        return appointments.book(patient_id=pk, slot_id=slot.pk, now=WEEK_BEFORE).state

    results = race([lambda pk=pk: book(pk) for pk in patients])
    assert sorted(set(results)) == ["booked", "none_left"]
    assert results.count("booked") == NUMBERS
    assert counts(session) == [(0, NUMBERS, 0, 2, 0)]
    assert QuotaMove.objects.filter(reason="booked").count() == NUMBERS
    assert list(invariants.breaches()) == []


def test_one_patient_pressing_ten_times_has_one_appointment():
    """R3.2"""
    session = planned(((9, 0), (9, 0)))
    who = factories.patient().pk
    ids = [slot.pk for slot in slots(session)]
    results = race(
        [lambda n=n: appointments.book(patient_id=who, slot_id=ids[n % 2], now=WEEK_BEFORE).state for n in range(10)]
    )
    assert sorted(results) == ["already_booked"] * 9 + ["booked"]
    assert list(invariants.breaches()) == []


def test_one_patient_in_many_sessions_at_once_stays_within_the_days_limit():
    """R3.2: two a day; without the patient's lock all would count before any has written."""
    open_sessions = [planned(((9, 0),)) for _ in range(8)]
    who = factories.patient().pk
    ids = [slots(session)[0].pk for session in open_sessions]
    results = race([lambda pk=pk: appointments.book(patient_id=who, slot_id=pk, now=WEEK_BEFORE).state for pk in ids])
    assert sorted(results) == ["booked"] * 2 + ["limit_per_day"] * 6


def test_bookings_while_the_pool_opens_are_booked_or_refused_and_no_number_is_lost():
    """R3.5: at the opening itself."""
    session = planned(((20, 0), (20, 0)))
    patients = [factories.patient().pk for _ in range(30)]
    ids = [slot.pk for slot in slots(session)]

    def open_pool():
        with transaction.atomic():
            return sessions.open_pool(session_id=session.pk, now=at("06:59"))

    acts = [
        lambda n=n, pk=pk: appointments.book(patient_id=pk, slot_id=ids[n % 2], now=at("06:59")).state
        for n, pk in enumerate(patients)
    ]
    results = race([*acts[:15], open_pool, *acts[15:]])
    moved = results.pop(15)
    assert set(results) <= {"booked", "none_left", "booking_closed"}
    assert moved + results.count("booked") == 40
    assert all(slot.left_bookable == 0 for slot in slots(session))
    assert list(invariants.breaches()) == []


def test_a_hold_is_confirmed_or_expired_or_cancelled_and_never_two_of_them():
    """R3.3"""
    session = planned(((10, 0),))
    held = [
        appointments.book(patient_id=factories.patient().pk, slot_id=slots(session)[0].pk, hold=True, now=WEEK_BEFORE)
        for _ in range(10)
    ]
    just_before, over = WEEK_BEFORE, held[0].held_until
    acts = []
    for made in held:
        acts.append(lambda pk=made.pk: appointments.confirm(appointment_id=pk, now=just_before).state)
        acts.append(lambda pk=made.pk: endings.cancel(appointment_id=pk, now=just_before).state)
    acts += [lambda: endings.expire_holds(now=over)] * 3
    results = race(acts)
    expired = sum(results[-3:])
    assert Appointment.objects.filter(state="expired").count() == expired
    assert not Appointment.objects.filter(state__in=["held", "booked"]).exclude(state="booked").exists()
    assert list(invariants.breaches()) == []


def test_numbers_are_freed_once_by_many_workers():
    """R3.4"""
    session = planned(((12, 0),))
    for _ in range(12):
        made = appointments.book(patient_id=factories.patient().pk, slot_id=slots(session)[0].pk, now=WEEK_BEFORE)
        endings.cancel(appointment_id=made.pk, now=WEEK_BEFORE)
    results = race([lambda: endings.free_numbers(now=at("06:00"))] * 6)
    assert sum(results) == 12
    assert counts(session) == [(12, 0, 0, 0, 0)]
    assert list(invariants.breaches()) == []


def test_sessions_are_made_once_by_many_workers():
    """R1.1"""
    of = factories.department()
    Template.objects.create(
        department=of, expert=factories.expert(of), weekday=0, starts=time(8), ends=time(12), numbers=42
    )
    results = race([lambda: len(sessions.make_sessions(today=date(2026, 11, 16), days=21))] * 6)
    assert sum(results) == Session.objects.count() == 4
    assert list(invariants.breaches()) == []


def test_quotas_are_recalculated_once_by_many_workers():
    """R2.6"""
    made = [planned(((0, 21), (0, 21))) for _ in range(4)]
    results = race([lambda: quotas.recalculate_all(now=at("00:00").replace(month=10))] * 6)
    assert sum(results) == 4
    assert [session.plans.count() for session in made] == [1] * 4
    assert list(invariants.breaches()) == []
