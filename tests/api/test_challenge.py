"""R3.7: where much comes from one device or address, a booking is taken once something is solved."""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from booking.models import Appointment, Ballot, Patient, Session, SourceCount
from booking.services import sources
from booking.services.sources import What
from queueboard import devices
from queueboard.challenge.gate import HEADER
from tests import factories
from tests.api.conftest import client_of
from tests.challenge.solving import solution
from tests.factories import at

API = "/api/v1"
pytestmark = pytest.mark.django_db
HERE = "127.0.0.1"


@pytest.fixture(autouse=True)
def _soon(settings):
    settings.CHALLENGE_WORK = 200
    settings.CHALLENGE_TRIES_PER_ADDRESS = 3


@pytest.fixture
def ahead(db):
    """Tomorrow's session: released, registration not yet open."""
    split = ((9, 0), (9, 0))
    return factories.session(split=split, day=at("08:00") + timedelta(days=1), state="planned", pool_opened_at=None)


def book(client, session, *, number=11, name="王小明", slot=1, **headers):
    patient = {
        "name": name, "id_type": "other", "id_number": f"ID{number:08}", "phone": f"139000000{number:02}",
    }  # fmt: skip
    body = {"slot": session.slots.get(index=slot).pk, "patient": patient}
    return client.post(f"{API}/appointments/", body, headers=headers)


def tried(times, what=What.REFUSED):
    """So many tries from here were refused."""
    for _ in range(times):
        sources.count(sources.of(address=HERE), what=what, now=timezone.now())


def counted(what):
    return sum(SourceCount.objects.filter(what=what).values_list("count", flat=True))


@pytest.fixture
def refused(anybody, ahead):
    """A client from whose address as much was refused as may be."""
    assert book(anybody, ahead).status_code == 201
    tried(3)
    return anybody


def test_who_tries_names_for_an_id_is_asked_after_some(anybody, ahead, settings):
    settings.CHALLENGE_TRIES_PER_ADDRESS = 10
    assert book(anybody, ahead).status_code == 201
    codes = [book(anybody, ahead, name="别人").json()["code"] for _ in range(7)]
    # A client without a cookie may do half as much.
    assert codes == ["name_differs"] * 5 + ["challenge"] * 2


def test_after_some_refused_tries_a_booking_needs_a_solution_and_is_then_taken(refused, ahead):
    answer = book(refused, ahead, number=12)
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["purpose"]) == (428, "challenge", "book")
    assert Appointment.objects.count() == 1
    solved = solution(problem["challenge"])
    assert book(refused, ahead, number=12, **{HEADER: solved}).status_code == 201
    assert book(refused, ahead, number=13, **{HEADER: solved}).json()["code"] == "challenge"


def test_a_wrong_solution_is_a_try_more_and_gets_another_challenge(refused, ahead):
    before = counted("refused")
    first = book(refused, ahead, number=12).json()
    assert counted("refused") == before
    again = book(refused, ahead, number=12, **{HEADER: "wrong"}).json()
    assert again["code"] == "challenge"
    assert again["detail"] != first["detail"]
    assert again["challenge"]["signature"] != first["challenge"]["signature"]
    assert counted("refused") == before + 1


def test_a_request_sent_again_gets_its_booking_without_another_solution(refused, ahead):
    key = {"Idempotency-Key": "a-key-of-sixteen-letters"}
    solved = solution(book(refused, ahead, number=12).json()["challenge"])
    made = book(refused, ahead, number=12, **key | {HEADER: solved})
    assert made.status_code == 201
    assert book(refused, ahead, number=12, **key | {HEADER: solved}).json()["token"] == made.json()["token"]


def test_moving_is_guarded_as_booking_is(refused, ahead):
    token = Appointment.objects.get().token
    body = {"slot": ahead.slots.get(index=0).pk}
    problem = refused.post(f"{API}/appointments/{token}/move/", body).json()
    assert problem["code"] == "challenge"
    headers = {HEADER: solution(problem["challenge"])}
    assert refused.post(f"{API}/appointments/{token}/move/", body, headers=headers).status_code == 200


@pytest.mark.parametrize("address", ["draws/{}/requests/", "sessions/{}/waitlist/"])
def test_asking_in_a_draw_and_joining_a_waitlist_are_guarded_too(refused, ahead, address):
    if address.startswith("draws"):
        Session.objects.filter(pk=ahead.pk).update(released_at=timezone.now() - timedelta(minutes=1))
        Ballot.objects.create(session=ahead, minutes=60)
    else:
        ahead.slots.update(bookable=F("booked"))
    body = {"patient": {"name": "李四", "id_type": "other", "id_number": "ID77", "phone": "13900000077"}}
    problem = refused.post(f"{API}/{address.format(ahead.pk)}", body).json()
    assert problem["code"] == "challenge"
    assert not Patient.objects.filter(name="李四").exists()
    headers = {HEADER: solution(problem["challenge"])}
    assert refused.post(f"{API}/{address.format(ahead.pk)}", body, headers=headers).status_code == 201


def test_after_a_while_nothing_is_asked_any_more(refused, ahead, clock):
    clock.now += 2 * sources.SPELL
    assert book(refused, ahead, number=12).status_code == 201


def test_staff_is_never_asked_and_what_it_is_refused_is_not_counted(refused, clerk, ahead):
    assert book(clerk, ahead, name="别人").json()["code"] == "name_differs"
    assert counted("refused") == 3
    assert book(clerk, ahead, number=12).status_code == 201


def test_full_slots_and_double_presses_are_nobodys_fault(anybody, ahead):
    assert book(anybody, ahead).status_code == 201
    ahead.slots.filter(index=0).update(walk_in=9, bookable=0)
    for _ in range(5):
        assert book(anybody, ahead).json()["code"] == "already_booked"
        assert book(anybody, ahead, number=12, slot=0).json()["code"] == "none_left"
    assert not counted("refused")


def test_in_the_second_of_the_release_who_tried_before_it_is_asked(anybody, ahead, clock):
    clock.now = ahead.released_at - timedelta(seconds=2)
    tried(8, What.EARLY)
    assert book(anybody, ahead).json()["code"] == "not_released"
    clock.now = ahead.released_at
    assert book(anybody, ahead, number=12).status_code == 201
    tried(1, What.EARLY)
    assert book(anybody, ahead, number=13).json()["code"] == "challenge"
    clock.now += timedelta(seconds=1)
    assert book(anybody, ahead, number=13).status_code == 201


def test_without_a_cookie_at_a_busy_address_one_is_asked_and_with_an_old_one_not(anybody, ahead, monkeypatch):
    tried(2)
    assert book(anybody, ahead).json()["code"] == "challenge"
    anybody.get("/book/")
    assert book(anybody, ahead).json()["code"] == "challenge"
    monkeypatch.setattr(devices, "YOUNG", timedelta(0))
    assert book(anybody, ahead).status_code == 201


def test_a_device_has_a_number_of_bookings_a_day_whatever_its_address(ahead, settings):
    settings.BOOKINGS_PER_DEVICE = 2
    settings.TRUST_PROXY = True
    browser = client_of()
    browser.get("/book/")

    def from_elsewhere(n):
        answer = book(browser, ahead, number=n, **{"X-Forwarded-For": f"203.0.113.{n}"})
        problem = answer.json()
        if problem.get("code") == "challenge":  # half of what it may is booked
            more = {HEADER: solution(problem["challenge"])}
            answer = book(browser, ahead, number=n, **{"X-Forwarded-For": f"203.0.113.{n}"} | more)
        return answer

    assert [from_elsewhere(n).status_code for n in (1, 2)] == [201, 201]
    answer = from_elsewhere(3)
    assert (answer.status_code, answer.json()["code"]) == (429, "limit_per_device")
    browser.cookies[devices.COOKIE] = "forged"
    assert from_elsewhere(4).status_code == 201


def test_what_may_be_done_unasked_is_read_in_one_query_and_counted_in_the_claim(anybody, ahead):
    factories.patient(id_type="other", id_number="ID00000011", name="王小明", phone="13900000011")
    with CaptureQueriesContext(connection) as queries:
        assert book(anybody, ahead).status_code == 201
    about_sources = [each["sql"] for each in queries if "sourcecount" in each["sql"]]
    assert sum(sql.startswith("SELECT") for sql in about_sources) == 1
    assert len(about_sources) == 2
