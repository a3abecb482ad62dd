"""Booking and cancelling by whoever has the link (R3.1, R3.2, R3.4)."""

from datetime import timedelta

import pytest

from booking.models import Appointment, CountedNoShow, Patient, QuotaMove, Suspension
from booking.services import suspensions
from queueboard.api.guards import AddressThrottle
from tests import factories
from tests.factories import at

API = "/api/v1"
pytestmark = pytest.mark.django_db
WANG = {"name": "王小明", "id_type": "resident", "id_number": "110101199003070011", "phone": "139-1234-5678"}


@pytest.fixture
def ahead(db):
    """Tomorrow's session: released, registration not yet open."""
    return factories.session(day=at("08:00") + timedelta(days=1), state="planned", pool_opened_at=None)


def book(client, session, slot=1, **patient):
    body = {"slot": session.slots.get(index=slot).pk, "patient": WANG | patient}
    return client.post(f"{API}/appointments/", body)


def test_anybody_books_and_gets_the_link_and_no_more_of_the_patient_than_a_masked_name(anybody, ahead):
    answer = book(anybody, ahead)
    assert answer.status_code == 201
    seen = answer.json()
    assert (seen["state"], seen["name"], seen["slot"]["index"]) == ("booked", "王*明", 1)
    assert answer["Location"] == f"{API}/appointments/{seen['token']}/"
    assert anybody.get(answer["Location"]).json() == seen
    for secret in ("110101199003070011", "13912345678", "王小明"):
        assert secret not in answer.content.decode()
    assert Patient.objects.get().phone == "13912345678"


def test_the_second_booking_of_one_patient_is_refused_and_tells_nothing_of_the_first(anybody, ahead):
    """R3.2, R6.2."""
    first = book(anybody, ahead).json()
    answer = book(anybody, ahead, slot=2)
    assert (answer.status_code, answer.json()["code"]) == (409, "already_booked")
    assert "appointment" not in answer.json()
    assert first["token"] not in answer.content.decode()


def test_an_id_number_books_for_its_own_name_only(anybody, ahead):
    book(anybody, ahead)
    answer = book(anybody, ahead, name="李四")
    assert (answer.status_code, answer.json()["code"]) == (409, "name_differs")


def test_a_stranger_with_the_id_number_cannot_change_the_phone(anybody, ahead):
    """R6.2: the phone is half of what finds a lost link."""
    factories.patient(**WANG | {"phone": "13900000000"})
    assert book(anybody, ahead, phone="13766666666").status_code == 201
    assert Patient.objects.get().phone == "13900000000"


def test_a_refused_booking_leaves_no_patient_behind(anybody, morning):
    answer = book(anybody, morning)
    assert (answer.status_code, answer.json()["code"]) == (409, "booking_closed")
    assert not Patient.objects.exists()


def test_a_full_slot_is_refused_with_what_is_left_elsewhere(anybody, ahead):
    for _number in range(4):
        factories.appointment(ahead, 1)
    answer = book(anybody, ahead)
    assert (answer.status_code, answer.json()["code"]) == (409, "none_left")
    assert {each["session"] for each in answer.json()["elsewhere"]} == {ahead.pk}


def test_cancelling_twice_is_cancelling_once(anybody, ahead):
    """R3.4."""
    token = book(anybody, ahead).json()["token"]
    assert anybody.delete(f"{API}/appointments/{token}/").json()["state"] == "cancelled"
    assert anybody.delete(f"{API}/appointments/{token}/").json()["state"] == "cancelled"
    assert QuotaMove.objects.filter(reason="cancelled").count() == 1


def test_cancelling_after_registration_has_opened_is_late(anybody, ahead, clock):
    """R3.4."""
    token = book(anybody, ahead).json()["token"]
    clock.now = ahead.registration_opens_at
    assert anybody.delete(f"{API}/appointments/{token}/").json()["state"] == "cancelled_late"


def test_an_appointment_is_moved_with_its_link(anybody, ahead):
    """R3.2, R3.4."""
    token = book(anybody, ahead).json()["token"]
    address, there = f"{API}/appointments/{token}/move/", ahead.slots.get(index=2)
    answer = anybody.post(address, {"slot": there.pk})
    assert (answer.status_code, answer.json()["slot"]["index"], answer.json()["token"]) == (200, 2, token)
    assert anybody.post(address, {"slot": factories.session().slots.first().pk}).json()["code"] == "other_department"
    assert anybody.post(address, {"slot": "x"}).json()["errors"][0]["pointer"] == "#/slot"


def suspend(patient, now):
    """As after three no-shows."""
    made = Suspension.objects.create(patient=patient, begins_at=now, until=now + timedelta(days=90))
    for days in (1, 2, 3):
        missed = factories.appointment(factories.session(day=now - timedelta(days=days)), who=patient)
        Appointment.objects.filter(pk=missed.pk).update(state="no_show")
        CountedNoShow.objects.create(suspension=made, appointment=missed)
    return made


def test_a_suspended_patient_is_refused_and_told_why_and_until_when_on_the_own_page_too(anybody, ahead, clock):
    """R3.6."""
    token = book(anybody, ahead).json()["token"]
    assert anybody.get(f"{API}/appointments/{token}/").json()["suspension"] is None
    made = suspend(Patient.objects.get(), clock.now)
    later = factories.session(day=at("08:00") + timedelta(days=2), state="planned", pool_opened_at=None)
    answer = book(anybody, later)
    assert (answer.status_code, answer.json()["code"]) == (409, "suspended")
    assert answer.json()["until"] == "2027-02-14T08:10:00+08:00"
    seen = anybody.get(f"{API}/appointments/{token}/").json()
    assert (seen["state"], seen["suspension"]["cause"]) == ("booked", "no_shows")
    assert seen["suspension"]["until"] == answer.json()["until"]
    assert seen["suspension"]["detail"] == answer.json()["detail"]
    assert "3 booked visits were missed" in answer.json()["detail"]
    suspensions.lift(suspension_id=made.pk, reason="The desk forgot her.", now=clock.now)
    assert book(anybody, later).status_code == 201


def test_an_unknown_token_is_not_found(anybody, db):
    for answer in (anybody.get(f"{API}/appointments/nobodys/"), anybody.delete(f"{API}/appointments/nobodys/")):
        assert (answer.status_code, answer.json()["code"]) == (404, "no_appointment")


def test_bookings_are_limited_per_address_and_a_header_makes_no_new_one(anybody, ahead, monkeypatch):
    monkeypatch.setattr(AddressThrottle, "THROTTLE_RATES", {"book": "2/min"})
    for number in range(2):
        assert book(anybody, ahead, id_number=f"11010119900307{number:04}").status_code == 201
    anybody.credentials(HTTP_X_FORWARDED_FOR="203.0.113.9")
    answer = book(anybody, ahead, id_number="110101199003079999")
    assert (answer.status_code, answer.json()["code"]) == (429, "throttled")
    assert answer.json()["retry_after"] > 0
    assert int(answer["Retry-After"]) > 0
    assert Appointment.objects.count() == 2


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"phone": "call me"}, "#/patient/phone"),
        ({"id_number": "1"}, "#/patient/id_number"),
        ({"name": "  "}, "#/patient/name"),
        ({"name": "王\x00"}, "#/patient/name"),
        ({"language": "xx"}, "#/patient/language"),
    ],
)
def test_a_wrong_field_is_pointed_at(anybody, ahead, wrong, pointer):
    answer = book(anybody, ahead, **wrong)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
