"""R3.7: on the pages of booking, where much comes from one device or address: one small step more."""

import html
import json
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from booking.errors import BookingError
from booking.models import Appointment, PhoneCode, SourceCount
from booking.services import sources
from booking.services.sources import What
from queueboard import devices
from queueboard.challenge import gate, picture
from tests.book.conftest import PHONE, WANG, sign_in, slot_of
from tests.challenge.solving import solution

HERE = "127.0.0.1"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _soon(settings):
    settings.CHALLENGE_WORK = 200


def refused_here(times=40):
    """So many tries from this address were refused."""
    sources.count(sources.of(address=HERE), what=What.REFUSED, now=timezone.now())
    SourceCount.objects.filter(what=What.REFUSED).update(count=times)


def ask_code(client, **more):
    return client.post("/book/sign-in/?lang=en", {"phone": PHONE, "next": "/book/mine/"} | more)


def book(client, slot, **more):
    return client.post(f"/book/slot/{slot.pk}/?lang=en", WANG | more)


def challenge_of(answer):
    """What the page asks for, and the name of its picture."""
    assert answer.status_code == 428
    page = answer.content.decode()
    work = json.loads(html.unescape(re.search(r'data-challenge="([^"]+)"', page)[1]))
    return work, html.unescape(re.search(r'name="picture" value="([^"]+)"', page)[1])


def read(name):
    """Looks at the picture and knows what it shows."""
    digits = "23456"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(picture, "_digits", lambda: digits)
        answer = Client().get(f"/picture/{name}.png")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/png")
    assert "no-store" in answer.headers["Cache-Control"]
    return digits


def test_a_code_is_sent_once_the_work_is_done_and_the_phone_stays_typed(client):
    refused_here()
    answer = ask_code(client)
    assert f'value="{PHONE}"' in answer.content.decode()
    assert not PhoneCode.objects.exists()
    work, _name = challenge_of(answer)
    assert ask_code(client, solution=solution(work)).status_code == 302
    assert PhoneCode.objects.count() == 1


def test_a_code_is_sent_once_the_picture_is_read(client):
    refused_here()
    _work, name = challenge_of(ask_code(client))
    answer = ask_code(client, picture=name, digits="99999")
    assert "That was not the solution" in answer.content.decode()
    _work, name = challenge_of(answer)
    assert ask_code(client, picture=name, digits=read(name)).status_code == 302
    assert client.get(f"/picture/{name}.png").status_code == 404


def test_many_codes_from_one_browser_are_tries(client, settings):
    settings.CHALLENGE_TRIES_PER_DEVICE = 2
    client.get("/book/")
    for phone in ("13900000001", "13900000002"):
        assert ask_code(client, phone=phone).status_code == 302
    assert ask_code(client, phone="13900000003").status_code == 428
    elsewhere = Client()
    assert ask_code(elsewhere, phone="13900000003").status_code == 302


def test_wrong_codes_are_tries(client):
    ask_code(client)
    for _ in range(3):
        client.post("/book/sign-in/?lang=en", {"code": "wrong"})
    assert SourceCount.objects.get(kind="address", what="refused").count == 3


def test_a_number_is_booked_once_it_is_solved_and_nothing_typed_is_lost(patient, session):
    refused_here()
    answer = book(patient, slot_of(session))
    assert 'value="王小明"' in answer.content.decode()
    assert not Appointment.objects.exists()
    work, _name = challenge_of(answer)
    answer = book(patient, slot_of(session), solution=solution(work))
    made = Appointment.objects.get()
    assert answer.headers["Location"] == f"/t/{made.token}/"
    assert book(patient, slot_of(session), solution=solution(work)).headers["Location"] == f"/t/{made.token}/"


def test_who_tries_names_for_an_id_number_on_the_familys_list_has_to_solve_something(patient, settings):
    """R6.2: an ID number under another name is told, so it must not be tried out without end."""
    settings.CHALLENGE_TRIES_PER_DEVICE = 2
    patient.post("/book/mine/add/", WANG)
    for name in ("李四", "张三"):
        assert patient.post("/book/mine/add/", WANG | {"name": name}).status_code == 409
    answer = patient.post("/book/mine/add/?lang=en", WANG | {"name": "王五"})
    work, _name = challenge_of(answer)
    assert b"another name" not in answer.content
    assert patient.post("/book/mine/add/", WANG | {"solution": solution(work)}).headers["Location"] == "/book/mine/"


@pytest.mark.parametrize("code", ["limit_asking", "limit_waiting"])
def test_who_asks_or_waits_for_too_many_is_counted_like_who_books_too_many(rf, code):
    request = rf.get("/", headers={"user-agent": "x"})
    with pytest.raises(BookingError), gate.counted(request):
        raise BookingError("", code=code)
    assert SourceCount.objects.get(kind="address", what="refused").count == 1


def test_a_solution_for_a_code_books_nothing(patient, session):
    refused_here()
    work, _name = challenge_of(ask_code(Client()))
    assert book(patient, slot_of(session), solution=solution(work)).status_code == 428


def test_an_appointment_is_moved_once_it_is_solved(patient, session):
    book(patient, slot_of(session))
    made = Appointment.objects.get()
    address = f"/t/{made.token}/move/{slot_of(session, 1).pk}/"
    refused_here()
    work, _name = challenge_of(patient.post(address))
    assert patient.post(address, {"solution": solution(work)}).headers["Location"] == f"/t/{made.token}/"
    made.refresh_from_db()
    assert made.slot == slot_of(session, 1)


def test_a_booking_counts_for_the_account_the_device_and_the_address(patient, session):
    book(patient, slot_of(session))
    made = Appointment.objects.get()
    assert (made.device_hash, made.address_hash) != ("", "")
    counts = SourceCount.objects.filter(what="booked").values_list("kind", "count")
    assert sorted(counts) == [("account", 1), ("address", 1), ("device", 1)]


def test_an_account_has_a_number_of_bookings_a_day_on_all_its_browsers(patient, session, settings):
    settings.BOOKINGS_PER_ACCOUNT = 1
    assert book(patient, slot_of(session)).status_code == 302
    other = Client()
    PhoneCode.objects.update(made_at=timezone.now() - timedelta(minutes=2))
    sign_in(other)
    answer = book(other, slot_of(session, 1), id_number="110101190001010022", name="李四")
    assert answer.status_code == 429
    assert "Too many appointments were booked with this phone today" in answer.content.decode()


class TestDevice:
    def test_a_browser_gets_its_cookie_on_the_pages_of_booking_only_and_keeps_it(self, client, session):
        client.get("/")
        assert devices.COOKIE not in client.cookies
        client.get("/book/")
        given = client.cookies[devices.COOKIE]
        assert (given["httponly"], given["samesite"]) == (True, "Lax")
        client.get("/book/sign-in/")
        assert client.cookies[devices.COOKIE].value == given.value

    def test_a_forged_cookie_is_none_and_is_replaced(self, client, session):
        client.cookies[devices.COOKIE] = "invented:1xxxxx:signature"
        client.get("/book/")
        assert client.cookies[devices.COOKIE].value != "invented:1xxxxx:signature"
