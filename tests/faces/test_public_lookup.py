"""The look-up of a lost link (R6.2): phone and last four of the ID, limited per address, silent to strangers."""

import re
from datetime import timedelta

import pytest
from django.test import override_settings
from django.utils import timezone

from queueboard.models import LookupTry
from queueboard.services.arrivals import check_in, register_walk_in
from queueboard.views import lookup
from tests import factories

pytestmark = pytest.mark.django_db
PHONE = "13812345678"
ID = "11010519491231002X"


@pytest.fixture
def session(db):
    now = timezone.localtime()
    return factories.session(start=f"{now:%H:%M}", day=now)


@pytest.fixture
def patient(db):
    return factories.patient(name="张晓明", phone=PHONE, id_number=ID)


def ask(client, phone=PHONE, last_four="002X", **extra):
    return client.post("/lookup/?lang=en", {"phone": phone, "last_four": last_four}, **extra)


def plain(response) -> str:
    """The answer without what differs by request: the token of the form and what was typed."""
    html = response.content.decode()
    html = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", html)
    return re.sub(r' value="[^"]*"', "", html)


@pytest.mark.parametrize("language", ["en", "zh-hans", "zh-hant"])
def test_the_form_is_served_in_each_language(client, language):
    html = client.get(f"/lookup/?lang={language}").content.decode()
    assert 'name="phone"' in html
    assert 'name="last_four"' in html


@pytest.mark.parametrize("phone", [PHONE, "138 1234 5678", "+86 138-1234-5678", "008613812345678"])
def test_one_visit_leads_straight_to_its_page(client, session, patient, phone):
    ticket = register_walk_in(session_id=session.pk, patient_id=patient.pk)
    response = ask(client, phone=phone, last_four="002x")
    assert response.status_code == 302
    assert response.headers["Location"] == f"/t/{ticket.token}/"


def test_several_visits_are_listed_the_nearest_first(client, session, patient):
    tomorrow = timezone.localtime() + timedelta(days=1)
    later = factories.appointment(factories.session(day=tomorrow), slot_index=1, who=patient)
    today = factories.appointment(session, slot_index=1, who=patient)
    html = ask(client).content.decode()
    assert html.index(today.token) < html.index(later.token)


def test_a_ticket_and_its_appointment_are_one_visit(client, session, patient):
    appointment = factories.appointment(session, slot_index=0, who=patient)
    check_in(appointment_id=appointment.pk)
    assert ask(client).status_code == 302


def test_yesterdays_visits_are_not_shown(client, patient):
    yesterday = timezone.localtime() - timedelta(days=1)
    factories.appointment(factories.session(day=yesterday, state="closed"), slot_index=1, who=patient)
    response = ask(client)
    assert response.status_code == 200
    assert "/t/" not in response.content.decode()


def test_a_queue_that_runs_past_midnight_is_still_found(client, patient):
    yesterday = timezone.localtime() - timedelta(days=1)
    waiting = factories.appointment(factories.session(day=yesterday, state="running"), slot_index=1, who=patient)
    assert ask(client).headers["Location"] == f"/t/{waiting.token}/"


def test_strangers_get_one_answer_whatever_was_wrong(client, session, patient):
    """Unknown phone, wrong ID, and right but without a visit look the same."""
    unknown = ask(client, phone="13800000000")
    wrong = ask(client, last_four="0021")
    without_visit = ask(client)
    register_walk_in(session_id=session.pk, patient_id=patient.pk)
    wrong_with_visit = ask(client, last_four="0021")
    answers = {plain(each) for each in (unknown, wrong, without_visit, wrong_with_visit)}
    assert len(answers) == 1
    assert {each.status_code for each in (unknown, wrong, without_visit, wrong_with_visit)} == {200}


def test_an_unknown_phone_costs_as_much_as_a_wrong_id(patient, django_assert_num_queries, monkeypatch):
    """R6.2: the time must not tell an unknown phone from a wrong ID."""
    done = []
    monkeypatch.setattr(lookup, "_decrypt_for_nothing", lambda: done.append("decrypted"))
    today = timezone.localdate()
    with django_assert_num_queries(1):
        assert list(lookup.find("13800000000", "0021", today)) == []
    assert done == ["decrypted"]
    with django_assert_num_queries(1):
        assert list(lookup.find(PHONE, "0021", today)) == []


def test_the_dummy_decryption_decrypts():
    lookup._decrypt_for_nothing()
    assert lookup._secret("id_number") != "0" * 18


def test_a_family_with_one_phone_is_told_apart_by_the_id(client, session, patient):
    child = factories.patient(name="张小小", phone=PHONE, id_number="110105201001011234")
    register_walk_in(session_id=session.pk, patient_id=patient.pk)
    ticket = register_walk_in(session_id=session.pk, patient_id=child.pk)
    assert ask(client, last_four="1234").headers["Location"] == f"/t/{ticket.token}/"


def test_after_ten_tries_an_address_waits_and_is_told_how_long(client, session, patient):
    """R6.2: limited per address, the right answer included."""
    register_walk_in(session_id=session.pk, patient_id=patient.pk)
    assert [ask(client, last_four="0000").status_code for _ in range(10)] == [200] * 10
    refused = ask(client)
    assert refused.status_code == 429
    assert "15 minutes" in refused.content.decode()
    assert ask(client, REMOTE_ADDR="10.0.0.9").status_code == 302


def test_the_limit_ends_a_quarter_of_an_hour_after_the_tries(client, session, patient):
    for _ in range(11):
        ask(client, last_four="0000")
    assert LookupTry.objects.count() == 10  # the refused one does not prolong the wait
    LookupTry.objects.update(at=timezone.now() - timedelta(minutes=15, seconds=1))
    assert ask(client, last_four="0000").status_code == 200
    assert LookupTry.objects.count() == 1  # old tries are not kept


def test_one_household_on_ipv6_is_one_address(client):
    for n in range(10):
        ask(client, REMOTE_ADDR=f"2001:db8::{n + 1:x}")
    assert ask(client, REMOTE_ADDR="2001:db8::ffff").status_code == 429
    assert ask(client, REMOTE_ADDR="2001:db8:1::1").status_code == 200


def test_a_forwarded_address_counts_only_behind_a_trusted_proxy(client):
    """A client must not get new tries by making addresses up."""
    for n in range(10):
        ask(client, headers={"x-forwarded-for": f"10.1.1.{n}"})
    assert ask(client, headers={"x-forwarded-for": "10.1.1.99"}).status_code == 429
    with override_settings(TRUST_PROXY=True):
        assert ask(client, headers={"x-forwarded-for": "1.2.3.4, 10.1.1.99"}).status_code == 200


def test_no_address_is_kept_in_plain(client):
    ask(client, REMOTE_ADDR="10.20.30.40")
    assert "10.20.30.40" not in LookupTry.objects.get().address_hash


@pytest.mark.parametrize(
    ("phone", "last_four"), [("", "1234"), (PHONE, ""), (PHONE, "12"), (PHONE, "12345"), ("1" * 31, "1234")]
)
def test_an_incomplete_form_is_sent_back_and_costs_no_try(client, phone, last_four):
    assert ask(client, phone=phone, last_four=last_four).status_code == 200
    assert not LookupTry.objects.exists()


def test_an_id_shorter_than_four_characters_never_fits(client, session):
    short = factories.patient(phone=PHONE, id_number="234")
    register_walk_in(session_id=session.pk, patient_id=short.pk)
    assert ask(client, last_four="1234").status_code == 200
