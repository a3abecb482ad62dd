"""What `check_invariants` says of booking: nothing of a sound clinic, and a line for each breach."""

import pytest

from booking import invariants
from booking.models import Appointment, FreedNumber, Session, Slot
from booking.services import appointments, endings
from tests import factories
from tests.booking.clinic import WEEK_BEFORE, planned, slots
from tests.factories import at

pytestmark = pytest.mark.django_db


@pytest.fixture
def session():
    made = planned()
    appointments.book(patient_id=factories.patient().pk, slot_id=slots(made)[0].pk, now=WEEK_BEFORE)
    return made


def breaches(words):
    found = list(invariants.breaches())
    return [line for line in found if words in line], found


def test_a_sound_clinic_has_none(session):
    assert list(invariants.breaches()) == []


def test_a_count_that_the_ledger_does_not_know(session):
    """R2.7"""
    Slot.objects.filter(pk=slots(session)[1].pk).update(walk_in=9)
    (wrong,), _ = breaches("9 pool, but the ledger says 2")
    assert f"slot {slots(session)[1].pk}" in wrong


def test_a_last_balance_that_is_not_the_slots(session):
    """R2.7"""
    Slot.objects.filter(pk=slots(session)[1].pk).update(walk_in=9)
    assert breaches("last balance")[0] == [
        f"slot {slots(session)[1].pk}: (3, 9) left, but the ledger's last balance is (3, 2)"
    ]


def test_an_appointment_without_a_number(session):
    """R3.2"""
    slot = slots(session)[0]
    Appointment.objects.create(
        patient=factories.patient(), session=session, slot=slot, state="booked", booked_at=WEEK_BEFORE
    )
    assert list(invariants.breaches()) == [f"slot {slot.pk}: 1 booked, but 2 appointments use a number"]


@pytest.mark.parametrize("state", ["seen", "not_seen", "no_show", "arrived", "called_off"])
def test_an_appointment_that_came_or_should_have_come_uses_its_number(session, state):
    session.appointments.update(state=state)
    assert breaches("use a number")[0] == []


@pytest.mark.parametrize("state", ["cancelled", "cancelled_late", "expired"])
def test_one_that_gave_it_back_does_not(session, state):
    session.appointments.update(state=state)
    assert len(breaches("use a number")[0]) == 1


def test_numbers_that_were_lost(session):
    """R2.4: N is conserved."""
    Session.objects.filter(pk=session.pk).update(numbers=9)
    assert list(invariants.breaches()) == [f"session {session.pk}: 8 numbers in its slots, should be 9 and 0 added"]


@pytest.mark.parametrize("state", ["closed", "cancelled"])
def test_an_appointment_left_open_in_a_session_that_is_over(session, state):
    """R1.4"""
    Session.objects.filter(pk=session.pk).update(state=state)
    pk = session.appointments.get().pk
    assert list(invariants.breaches()) == [f"appointment {pk}: booked, but session {session.pk} is over"]


def test_a_withheld_number_that_nobody_will_free(session):
    """R3.4"""
    endings.cancel(appointment_id=session.appointments.get().pk, now=WEEK_BEFORE)
    FreedNumber.objects.update(done_at=at("06:00"))
    assert list(invariants.breaches()) == [f"slot {slots(session)[0].pk}: 1 withheld, but 0 wait to be freed"]


def test_an_appointment_in_another_sessions_slot(session):
    other = slots(planned())[0]
    session.appointments.update(slot=other)
    assert breaches("is not one of session")[0]
