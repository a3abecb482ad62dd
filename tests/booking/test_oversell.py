"""R3.2: what keeps a slot from being oversold. Without it the rush oversells; each of the two parts alone is enough."""

from threading import Barrier

import pytest
from django.db import connection

from booking import invariants
from booking.models import Slot
from booking.services import appointments, claims
from tests import factories
from tests.booking.clinic import WEEK_BEFORE, planned, slots
from tests.booking.test_races import race

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

NUMBERS, PATIENTS = 4, 12
GUARD = "AND bookable - booked - withheld > 0"
CONSTRAINTS = {"booking_slot": "booked_within_quota", "booking_quotamove": "ledger_balance_not_negative"}


@pytest.fixture
def no_guard(monkeypatch):
    """A claim that does not ask whether a number is left."""
    assert GUARD in claims._STATEMENT
    monkeypatch.setattr(claims, "_STATEMENT", claims._STATEMENT.replace(GUARD, ""))


@pytest.fixture
def no_constraints():
    with connection.cursor() as cursor:
        definitions = {}
        for table, name in CONSTRAINTS.items():
            cursor.execute("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s", [name])
            (definitions[table],) = cursor.fetchone()
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        yield
        cursor.execute("TRUNCATE booking_slot CASCADE")
        for table, name in CONSTRAINTS.items():
            cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definitions[table]}")


@pytest.fixture
def rush(monkeypatch):
    """Everybody has looked, and seen numbers left, before the first claims one. What became of each."""
    slot = slots(planned(((NUMBERS, 0),)))[0]
    patients = [factories.patient().pk for _ in range(PATIENTS)]
    looked, claim = Barrier(PATIENTS), claims.claim

    def claim_when_all_have_looked(wanted):
        looked.wait(timeout=30)
        return claim(wanted)

    def run():
        monkeypatch.setattr(claims, "claim", claim_when_all_have_looked)
        book = appointments.book
        return race([lambda pk=pk: book(patient_id=pk, slot_id=slot.pk, now=WEEK_BEFORE).state for pk in patients])

    return run


@pytest.mark.usefixtures("no_guard", "no_constraints")
def test_with_neither_the_guard_nor_the_constraints_everybody_gets_a_number(rush):
    assert rush() == ["booked"] * PATIENTS
    assert Slot.objects.get().booked == PATIENTS > NUMBERS
    assert any("-8 bookable" in breach for breach in invariants.breaches())


@pytest.mark.usefixtures("no_constraints")
def test_the_guard_alone_keeps_to_what_there_is(rush):
    assert sorted(rush()) == ["booked"] * NUMBERS + ["none_left"] * (PATIENTS - NUMBERS)
    assert list(invariants.breaches()) == []


@pytest.mark.usefixtures("no_guard")
def test_the_constraints_alone_keep_to_what_there_is(rush):
    assert sorted(rush()) == ["booked"] * NUMBERS + ["constraint"] * (PATIENTS - NUMBERS)
    assert list(invariants.breaches()) == []


def test_with_both_everybody_else_is_told_so(rush):
    assert sorted(rush()) == ["booked"] * NUMBERS + ["none_left"] * (PATIENTS - NUMBERS)
    assert list(invariants.breaches()) == []
