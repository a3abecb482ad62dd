"""Who somebody is: one patient per ID number, however many ask at once."""

import threading

import pytest
from django.db import connection

from booking.errors import BookingError
from booking.models import Patient
from booking.services.patients import find_or_make

JANE = {"name": "Jane Smith", "id_type": "passport", "id_number": "X1234567"}


@pytest.mark.django_db
def test_the_same_number_is_the_same_patient_however_it_is_written():
    first = find_or_make(**JANE)
    again = find_or_make(name="jane  SMITH", id_type="passport", id_number="x123 4567")
    assert first.pk == again.pk


@pytest.mark.django_db
def test_a_number_of_another_kind_is_another_patient():
    assert find_or_make(**JANE).pk != find_or_make(**JANE | {"id_type": "other"}).pk


@pytest.mark.django_db
def test_another_name_is_refused():
    find_or_make(**JANE)
    with pytest.raises(BookingError) as refused:
        find_or_make(**JANE | {"name": "John Smith"})
    assert refused.value.code == "name_differs"


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_many_at_once_make_one_patient():
    """Each waits at the gate, so that all look before any has written."""
    gate, found = threading.Barrier(8), []

    def ask():
        gate.wait()
        found.append(find_or_make(**JANE).pk)
        connection.close()

    people = [threading.Thread(target=ask) for _ in range(8)]
    for each in people:
        each.start()
    for each in people:
        each.join()
    assert len(found) == 8
    assert len(set(found)) == Patient.objects.count() == 1
