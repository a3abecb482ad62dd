"""Signing in by a code, and what one sees of one's own then (R3.6, R3.7)."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from booking.models import Account, Appointment, CountedNoShow, Patient, PhoneCode, Suspension
from booking.services import accounts, appointments
from tests import factories
from tests.book.conftest import PHONE, WANG, ahead, sign_in, slot_of

pytestmark = pytest.mark.django_db
SIGN_IN = "/book/sign-in/"


@pytest.fixture
def client():
    return Client(headers={"accept-language": "en"})


def mine(client) -> str:
    return client.get("/book/mine/").content.decode()


# --- signing in


def test_the_phone_stands_in_no_address_no_cookie_and_only_masked_on_the_page(client):
    """R6.2"""
    asked = client.post(SIGN_IN, {"phone": PHONE, "next": "/book/mine/"})
    assert PHONE not in asked.headers["Location"]
    page = client.get(asked.headers["Location"])
    assert "139****5678" in page.content.decode()
    assert PHONE not in page.content.decode() + str(client.session.items()) + str(client.cookies)


def test_a_phone_that_is_none_is_refused_and_stays_in_the_field(client):
    answer = client.post(SIGN_IN, {"phone": "12 ab"})
    assert answer.status_code == 400
    assert 'value="12 ab"' in answer.content.decode()
    assert client.post(SIGN_IN, {"phone": ""}).status_code == 400


def test_a_code_asked_for_twice_is_sent_once_and_the_second_press_leads_on(client):
    for _ in range(2):
        assert client.post(SIGN_IN, {"phone": PHONE}).status_code == 302
    assert PhoneCode.objects.count() == 1
    other = Client(headers={"accept-language": "en"}).post(SIGN_IN, {"phone": PHONE})
    assert (other.status_code, b"wait a minute" in other.content) == (429, True)


def test_a_wrong_code_is_refused_until_the_tries_are_over_and_then_a_new_one_is_asked_for(client):
    client.post(SIGN_IN, {"phone": PHONE})
    code = PhoneCode.objects.get().code
    wrong = f"{(int(code) + 1) % 10**6:06}"
    for _ in range(accounts.TRIES):
        answer = client.post(SIGN_IN, {"code": wrong})
        assert (answer.status_code, b"not right" in answer.content) == (403, True)
    assert client.post(SIGN_IN, {"code": code}).status_code == 403
    assert not Account.objects.exists()
    assert b"What is your phone number" in client.get(f"{SIGN_IN}?again").content
    PhoneCode.objects.update(until=timezone.now())
    answer = client.post(SIGN_IN, {"code": code})
    assert (answer.status_code, b"ask for a new one" in answer.content) == (403, True)


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "mine", ""])
def test_one_comes_back_to_this_site_only(client, back):
    client.post(SIGN_IN, {"phone": PHONE, "next": back})
    answer = client.post(SIGN_IN, {"code": PhoneCode.objects.get().code, "next": back})
    assert answer.headers["Location"] == "/book/mine/"


def test_a_session_that_somebody_else_began_is_not_signed_in(client):
    client.post(SIGN_IN, {"phone": PHONE})
    before = client.session.session_key
    client.post(SIGN_IN, {"code": PhoneCode.objects.get().code})
    assert client.session.session_key != before
    stranger = Client()
    stranger.cookies["sessionid"] = before
    assert stranger.get("/book/mine/").status_code == 302


def test_signing_out_forgets_the_account_and_twice_is_once(client):
    sign_in(client)
    for _ in range(2):
        assert client.post("/book/sign-out/").headers["Location"] == "/book/"
    assert client.get("/book/mine/").headers["Location"] == f"{SIGN_IN}?next=%2Fbook%2Fmine%2F"
    assert client.get("/book/sign-out/").status_code == 405


def test_without_cookies_a_form_says_what_to_do():
    answer = Client(enforce_csrf_checks=True, headers={"accept-language": "en"}).post(SIGN_IN, {"phone": PHONE})
    assert (answer.status_code, b"nothing has happened yet" in answer.content) == (403, True)


def test_the_language_is_remembered_on_the_account_and_comes_along_to_another_phone(client):
    sign_in(client)
    assert Account.objects.get().language == "en"
    client.post("/i18n/setlang/", {"language": "zh-hant", "next": "/book/mine/"})
    assert Account.objects.get().language == "zh-hant"
    PhoneCode.objects.all().delete()
    elsewhere = Client(headers={"accept-language": "en"})
    sign_in(elsewhere)
    assert "我的預約" in elsewhere.get("/book/mine/").content.decode()


# --- what is seen then


def test_appointments_to_come_and_earlier_ones_are_listed_in_words_and_nobody_elses(client, session):
    account = sign_in(client)
    who, stranger = factories.patient("张晓明"), factories.patient("孙大海")
    coming = appointments.book(patient_id=who.pk, slot_id=slot_of(session).pk, account_id=account.pk)
    elsewhere = appointments.book(patient_id=who.pk, slot_id=slot_of(ahead(2)).pk)
    other = appointments.book(patient_id=stranger.pk, slot_id=slot_of(session).pk)
    past = factories.appointment(ahead(-3), state="no_show", account=account, who=who)
    html = mine(client)
    assert f"/t/{coming.token}/" in html.split("<details")[0]
    assert f"/t/{past.token}/" in html.split("<details")[1]
    assert "Missed without cancelling" in html
    assert "张*明" in html
    for hidden in (elsewhere.token, other.token, "张晓明", who.id_number, who.phone):
        assert hidden not in html


def test_every_state_has_its_words(client, session):
    account = sign_in(client)
    made = appointments.book(
        patient_id=factories.patient().pk, slot_id=slot_of(session).pk, account_id=account.pk
    )  # fmt: skip
    until = timezone.now() + timedelta(minutes=9)
    seen = set()
    for state in Appointment.State.values:
        Appointment.objects.filter(pk=made.pk).update(state=state, held_until=until)
        seen.add(client.get("/book/mine/").context["coming" if state in Appointment.ACTIVE else "earlier"][0]["state"])
    Appointment.objects.filter(pk=made.pk).update(state="booked", held_until=None)
    assert len(seen) == len(Appointment.State.values)
    assert "" not in seen


def test_a_suspended_member_is_told_why_and_until_when(client, session):
    """R3.6"""
    account = sign_in(client)
    who = factories.patient("张晓明")
    accounts.add_member(account=account, patient_id=who.pk)
    until = timezone.now() + timedelta(days=40)
    missed = factories.appointment(ahead(-3), who=who, state="no_show")
    suspension = Suspension.objects.create(patient=who, begins_at=timezone.now(), until=until)
    CountedNoShow.objects.create(suspension=suspension, appointment=missed)
    html = mine(client)
    assert "1 booked visit was missed" in html
    assert f"{timezone.localtime(until).day}, {until.year}" in html


def test_somebody_is_added_to_the_family_once_and_taken_off_and_never_changed(client):
    """R3.7: no transfer of a number to another name."""
    account = sign_in(client)
    for _ in range(2):
        assert client.post("/book/mine/add/", WANG).headers["Location"] == "/book/mine/"
    patient = Patient.objects.get()
    assert list(account.members.all()) == [patient]
    answer = client.post("/book/mine/add/", WANG | {"name": "李四"})
    assert (answer.status_code, b"another name" in answer.content) == (409, True)
    assert 'value="李四"' in answer.content.decode()
    for _ in range(2):
        assert client.post(f"/book/mine/drop/{patient.pk}/").headers["Location"] == "/book/mine/"
    assert not account.members.exists()
    patient.refresh_from_db()
    assert patient.name == "王小明"


def test_who_is_taken_off_keeps_what_is_booked(client, session):
    account = sign_in(client)
    client.post(f"/book/slot/{slot_of(session).pk}/", WANG)
    made = Appointment.objects.get()
    client.post(f"/book/mine/drop/{made.patient_id}/")
    assert not account.members.exists()
    assert f"/t/{made.token}/" in mine(client)


@pytest.mark.parametrize("path", ["mine/", "mine/add/"])
def test_private_pages_are_for_who_is_signed_in_and_kept_nowhere(client, path):
    assert client.get(f"/book/{path}").status_code == 302
    sign_in(client)
    answer = client.get(f"/book/{path}")
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["Referrer-Policy"] == "strict-origin"


@pytest.mark.parametrize("count", [1, 4])
def test_the_own_page_costs_as_many_queries_for_one_appointment_as_for_many(
    client, count, django_assert_max_num_queries
):  # fmt: skip
    account = sign_in(client)
    for n in range(count):
        who = factories.patient()
        accounts.add_member(account=account, patient_id=who.pk)
        appointments.book(patient_id=who.pk, slot_id=slot_of(ahead(n % 6 + 1)).pk, account_id=account.pk)
        Suspension.objects.create(patient=who, begins_at=timezone.now(), until=timezone.now() + timedelta(days=1))
    with django_assert_max_num_queries(8):
        assert client.get("/book/mine/").status_code == 200
