"""Somebody who is not known yet is saved with their first number, or nothing of them stays (R3.2, R3.7)."""

import contextlib
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from booking import invariants
from booking.models import Appointment, Outbox, Patient, SourceCount
from booking.services import appointments, patients
from tests import factories
from tests.booking.clinic import WEEK_BEFORE, book, counts, planned, refused, slots
from tests.booking.test_races import race

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nothing_is_breached")]
WANG = {"name": "王小明", "id_type": "resident", "id_number": "110101199003070011", "phone": "13912345678"}


@pytest.fixture
def session():
    return planned()


def first(session):
    return slots(session)[0]


def come(slot, now=WEEK_BEFORE, **who):
    patient = patients.find_or_describe(**WANG | who)
    return appointments.book(
        patient_id=patient.pk,
        newcomer=None if patient.pk else patient,
        slot_id=slot.pk,
        now=now,
        address="192.0.2.1",
    )


def test_a_newcomer_is_saved_with_the_number_as_anybody_is(session):
    made = come(first(session))
    who = Patient.objects.get()
    assert made.patient == who == patients.find_or_make(**WANG)
    assert (who.name, who.id_number, who.phone, who.bookings) == ("王小明", WANG["id_number"], WANG["phone"], 1)
    assert who.made_at is not None
    assert Appointment.objects.get().patient == who
    assert Outbox.objects.get().payload == {"patient": who.pk, "appointment": made.pk}
    assert (made.slot.left_bookable, counts(session)[0]) == (1, (1, 1, 0, 1, 0))


def test_somebody_known_is_found_and_only_by_the_own_name(session):
    known = factories.patient(**WANG)
    assert come(first(session)).patient_id == known.pk
    with refused("name_differs"):
        come(first(session), name="李四")


def test_of_a_newcomer_who_is_refused_nothing_stays(session):
    for _number in range(2):
        book(session)
    with refused("none_left"):
        come(first(session))
    assert not Patient.objects.filter(name=WANG["name"]).exists()


def test_nor_where_the_last_number_goes_between_the_look_and_the_claim(session, monkeypatch):
    """What was counted for the address is taken back too (R3.7)."""
    claim = appointments.claims.claim

    def claim_after_others(wanted):
        monkeypatch.setattr(appointments.claims, "claim", claim)
        for _number in range(2):
            book(session)
        return claim(wanted)

    monkeypatch.setattr(appointments.claims, "claim", claim_after_others)
    with refused("none_left"):
        come(first(session))
    assert not Patient.objects.filter(name=WANG["name"]).exists()
    assert not SourceCount.objects.filter(count__gt=0).exists()


def test_the_phone_of_others_counts_for_a_newcomer_too(session):
    """R3.7"""
    session.department.booked_per_phone_day = 1
    session.department.save()
    book(session, 0, factories.patient(phone=WANG["phone"]))
    with refused("limit_per_phone"):
        come(first(session))
    assert come(first(session), phone="13900000000").state == "booked"


def test_who_is_saved_by_another_request_meanwhile_is_that_patient(session, monkeypatch):
    claim = appointments.claims.claim

    def claim_after_the_other(wanted):
        monkeypatch.setattr(appointments.claims, "claim", claim)
        come(first(planned()))
        return claim(wanted)

    monkeypatch.setattr(appointments.claims, "claim", claim_after_the_other)
    assert come(first(session)).patient == Patient.objects.get()
    assert Patient.objects.get().bookings == Appointment.objects.count() == 2


def test_while_keys_are_changed_a_newcomer_is_saved_at_once(session, settings):
    """So that what another process writes under the old key is brought over, and nobody is there twice."""
    settings.DATA_KEYS = [("new", "", ""), *settings.DATA_KEYS]
    assert patients.find_or_describe(**WANG) == Patient.objects.get()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_requests_for_one_newcomer_at_once_make_one_patient_with_one_booking_in_each_session(session):
    """R3.2"""
    other = planned(((9, 0),), of=session.department)
    results = race([lambda n=n: come(first((session, other)[n % 2])).state for n in range(12)])
    assert sorted(results) == ["already_booked"] * 10 + ["booked"] * 2
    assert Patient.objects.count() == 1
    assert list(invariants.breaches()) == []


def statements(session, refusal=None, **who):
    """How each begins, or all that it writes."""
    slot = first(session)
    with CaptureQueriesContext(connection) as sent, refused(refusal) if refusal else contextlib.nullcontext():
        come(slot, **who)
    sqls = [query["sql"] for query in sent.captured_queries]
    return [
        re.findall(r'(?:INSERT INTO|UPDATE) "?(booking_\w+)', sql) or sql.split(maxsplit=1)[0].upper() for sql in sqls
    ]


@pytest.mark.embedded
@pytest.mark.skipif(connection.vendor != "sqlite", reason="what SQLite is sent")
@pytest.mark.django_db(transaction=True)
def test_on_sqlite_a_claim_is_one_transaction_in_which_quota_check_and_count_are_one_statement(session):
    """There is no round trip to save, and each row that is written is a statement: SQLite has no other way."""
    factories.patient(**WANG)
    look = ["SELECT", "WITH"]  # who it is; the slot with the limits
    still_true = ["SELECT", "SELECT", ["booking_patient"], ["booking_sourcecount"]]  # the session and the counts
    number = [["booking_appointment"], ["booking_slot"], ["booking_quotamove"]]
    message = [["booking_outbox"]]
    counts_for_the_answer = ["SELECT"]
    claim = ["BEGIN", *still_true, *number, *message, *counts_for_the_answer, "COMMIT"]
    assert statements(session) == [*look, *claim]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_on_postgresql_a_claim_is_one_round_trip_and_a_refusal_costs_no_write(session):
    """Who it is, the slot with the limits, and the claim: all that is written is one statement."""
    factories.patient(**WANG)
    counted = ["booking_patient", "booking_sourcecount", "booking_slot"]
    written = ["booking_appointment", "booking_quotamove", "booking_outbox"]
    assert statements(session) == ["SELECT", "WITH", [*counted, *written]]
    newcomer = {"id_number": "110101199003078888", "phone": "13900000001"}
    assert statements(session, **newcomer) == ["SELECT", "WITH", [*counted, "booking_patient", *written]]
    too_late = {"id_number": "110101199003079999", "phone": "13900000002"}
    assert statements(session, "none_left", **too_late) == ["SELECT", "WITH", "SELECT"]  # what is left elsewhere
