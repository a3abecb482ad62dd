"""Booking and cancelling by whoever has the link (R3.1, R3.2, R3.4)."""

import hashlib
import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from booking import invariants
from booking.models import Appointment, CountedNoShow, Patient, QuotaMove, Suspension
from booking.services import suspensions
from queueboard.api.guards import AddressThrottle
from queueboard.demo.invented import resident_id
from tests import factories
from tests.api.conftest import client_of
from tests.booking.test_races import race
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


@pytest.mark.parametrize("written", ["+86 139 1234 5678", "0086-13912345678", "139 (1234) 5678"])
def test_a_phone_is_one_phone_however_it_is_written(anybody, ahead, written):
    """R3.7: else each way to write it would have the limits of a phone anew."""
    ahead.department.booked_per_phone_day = 1
    ahead.department.save()
    assert book(anybody, ahead, phone=written).status_code == 201
    assert Patient.objects.get().phone == "13912345678"
    answer = book(anybody, ahead, name="李四", id_number="110101199003079999")
    assert answer.json()["code"] == "limit_per_phone"


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


class TestPressedTwice:
    """A request that is sent again with its Idempotency-Key is the same booking."""

    KEY = "0d9fca5e-6f5b-4a0e-9a53-5b6f0c6a7c11"

    def send(self, client, session, key=KEY, slot=1, **patient):
        body = {"slot": session.slots.get(index=slot).pk, "patient": WANG | patient}
        return client.post(f"{API}/appointments/", body, headers={"Idempotency-Key": key})

    def test_the_same_key_and_body_get_the_same_answer(self, anybody, ahead):
        first, second = self.send(anybody, ahead), self.send(anybody, ahead)
        assert (first.status_code, second.status_code) == (201, 201)
        assert (second.json(), second["Location"]) == (first.json(), first["Location"])
        assert Appointment.objects.count() == Patient.objects.count() == 1
        assert QuotaMove.objects.filter(reason="booked").count() == 1

    def test_also_after_the_last_number_is_gone_or_registration_has_opened(self, anybody, ahead, clock):
        token = self.send(anybody, ahead).json()["token"]
        for _number in range(3):
            factories.appointment(ahead, 1)
        assert self.send(anybody, ahead).json()["token"] == token
        clock.now = ahead.registration_opens_at
        assert self.send(anybody, ahead).json()["token"] == token

    def test_after_a_cancellation_it_books_nothing_anew(self, anybody, ahead):
        token = self.send(anybody, ahead).json()["token"]
        anybody.delete(f"{API}/appointments/{token}/")
        again = self.send(anybody, ahead)
        assert (again.status_code, again.json()["token"], again.json()["state"]) == (201, token, "cancelled")
        assert Appointment.objects.count() == 1

    @pytest.mark.parametrize("other", [{"slot": 2}, {"name": "王 小明"}, {"id_number": "110101199003079999"}])
    def test_the_same_key_with_another_body_is_refused_and_changes_nothing(self, anybody, ahead, other):
        self.send(anybody, ahead)
        answer = self.send(anybody, ahead, **other)
        assert (answer.status_code, answer.json()["code"]) == (422, "key_reused")
        assert Appointment.objects.count() == Patient.objects.count() == 1

    def test_a_refused_request_may_come_again_with_its_key(self, anybody, ahead, clock):
        clock.now = ahead.released_at - timedelta(seconds=1)
        assert self.send(anybody, ahead).json()["code"] == "not_released"
        clock.now = ahead.released_at
        assert self.send(anybody, ahead).status_code == 201

    def test_another_key_is_another_request(self, anybody, ahead):
        self.send(anybody, ahead)
        assert self.send(anybody, ahead, key="another-" * 4).json()["code"] == "already_booked"

    @pytest.mark.parametrize("key", ["1", "", "x" * 65, "sixteen letters!", "十六个字十六个字十六个字十六个字"])
    def test_what_is_no_key_is_pointed_at(self, anybody, ahead, key):
        answer = self.send(anybody, ahead, key=key)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
        assert [each["parameter"] for each in answer.json()["errors"]] == ["Idempotency-Key"]

    def test_what_is_kept_of_the_body_does_not_tell_it(self, anybody, ahead):
        """R6.2"""
        self.send(anybody, ahead)
        kept = Appointment.objects.get()
        assert (kept.request_key, len(kept.request_hash)) == (self.KEY, 64)
        body = json.dumps({"slot": kept.slot_id, "patient": WANG}, sort_keys=True)
        assert kept.request_hash != hashlib.sha256(body.encode()).hexdigest()

    def test_a_key_costs_no_query_more(self, anybody, ahead):
        for id_number in ("110101199003070011", "110101199003079999"):
            factories.patient(**WANG | {"id_number": id_number, "phone": "13912345678"})
        assert book(anybody, ahead, slot=2, id_number="110101199003078881").status_code == 201
        with CaptureQueriesContext(connection) as with_key:
            assert self.send(anybody, ahead).status_code == 201
        with CaptureQueriesContext(connection) as without:
            assert book(anybody, ahead, id_number="110101199003079999").status_code == 201
        assert len(with_key) == len(without)


@pytest.mark.django_db(transaction=True)
def test_many_at_once_with_one_key_are_one_booking_and_get_the_same_answer(ahead):
    body = {"slot": ahead.slots.get(index=1).pk, "patient": WANG}

    def post():
        answer = client_of().post(f"{API}/appointments/", body, headers={"Idempotency-Key": TestPressedTwice.KEY})
        return answer.status_code, answer["Location"], answer.content

    ((status, location, content),) = set(race([post] * 20))
    assert status == 201
    assert client_of().get(location).content == content
    assert Appointment.objects.count() == Patient.objects.count() == 1
    assert list(invariants.breaches()) == []


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
        assert book(anybody, ahead, id_number=resident_id(number)).status_code == 201
    anybody.credentials(HTTP_X_FORWARDED_FOR="203.0.113.9")
    answer = book(anybody, ahead, id_number="110101199003079999")
    assert (answer.status_code, answer.json()["code"]) == (429, "throttled")
    assert answer.json()["retry_after"] > 0
    assert int(answer["Retry-After"]) > 0
    assert Appointment.objects.count() == 2


def test_an_address_has_a_number_of_bookings_a_day_and_staff_has_none(anybody, clerk, ahead, settings):
    """R3.7: counted in the database; a header of the client's counts behind a trusted proxy only."""
    settings.BOOKINGS_PER_ADDRESS = 1
    assert book(anybody, ahead).status_code == 201
    other = {"id_number": "110101199003079999"}
    anybody.credentials(HTTP_X_FORWARDED_FOR="203.0.113.9")
    answer = book(anybody, ahead, **other)
    assert (answer.status_code, answer.json()["code"]) == (429, "limit_per_address")
    assert Patient.objects.count() == 1
    settings.TRUST_PROXY = True
    assert book(anybody, ahead, **other).status_code == 201
    settings.TRUST_PROXY = False
    assert book(clerk, ahead, id_number="110101199003078881").status_code == 201


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"phone": "call me"}, "#/patient/phone"),
        ({"phone": "(1) 2-3 4"}, "#/patient/phone"),
        ({"id_number": "1"}, "#/patient/id_number"),
        ({"id_number": "110101199003070012"}, "#/patient/id_number"),  # R3.7: one digit off
        ({"id_type": "passport", "id_number": "X123"}, "#/patient/id_number"),
        ({"id_type": "passport"}, "#/patient/id_number"),  # R3.7: the same person would be another patient
        ({"id_type": "other"}, "#/patient/id_number"),
        ({"name": "  "}, "#/patient/name"),
        ({"name": "王\x00"}, "#/patient/name"),
        ({"language": "xx"}, "#/patient/language"),
    ],
)
def test_a_wrong_field_is_pointed_at(anybody, ahead, wrong, pointer):
    answer = book(anybody, ahead, **wrong)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
