"""R3.6 under concurrency, on PostgreSQL: sessions that close at once, and a booking beside them."""

import pytest
from django.db import transaction

from booking import invariants
from booking.models import Appointment, Suspension
from booking.services import appointments, endings
from tests import factories
from tests.booking.clinic import planned, slots
from tests.booking.test_races import race
from tests.factories import at

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def closing(session):
    def close():
        with transaction.atomic():
            endings.settle(session_id=session.pk, now=at("12:00"))
            type(session).objects.filter(pk=session.pk).update(state="closed")

    return close


def test_no_shows_of_sessions_that_close_at_once_are_all_counted():
    """Each patient missed three sessions in different order: none is overlooked, and nothing deadlocks."""
    people = [factories.patient() for _ in range(6)]
    missed = [planned(((6, 0),)) for _ in range(3)]
    for number, session in enumerate(missed):
        for who in people[number:] + people[:number]:
            factories.appointment(session, 0, who)
    race([closing(session) for session in missed])
    assert sorted(Suspension.objects.values_list("patient", flat=True)) == sorted(who.pk for who in people)
    assert Appointment.objects.filter(counted__isnull=False).count() == 18
    assert list(invariants.breaches()) == []


def test_a_booking_beside_the_settling_is_before_it_or_refused():
    of = factories.department(no_show_limit=1)
    ahead = planned(((30, 0),), of=of, start="20:00")
    people = [factories.patient() for _ in range(10)]
    missed = planned(((10, 0),), of=of)
    for who in people:
        factories.appointment(missed, 0, who)
    slot = slots(ahead)[0].pk
    acts = [lambda pk=who.pk: appointments.book(patient_id=pk, slot_id=slot, now=at("12:00")).state for who in people]
    results = race([*acts[:5], closing(missed), *acts[5:]])
    results.pop(5)
    assert set(results) <= {"booked", "suspended"}
    assert Suspension.objects.count() == 10
    assert Appointment.objects.filter(state="booked").count() == results.count("booked")
    again = race(acts)
    assert again == ["suspended"] * 10
