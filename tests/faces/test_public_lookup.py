"""The look-up of a lost link (R6.2): phone and last four of the ID, limited, silent to strangers."""

import re
from datetime import timedelta

import pytest
from cryptography.fernet import MultiFernet
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from queueboard import tasks
from queueboard.models import LookupTry
from queueboard.services import lookup
from queueboard.services.arrivals import check_in, register_walk_in
from queueboard.views import lookup as lookup_page
from tests import factories

pytestmark = pytest.mark.django_db
PHONE = "13812345678"
ID = "11010519491231002X"


class Clock:
    """Between two looks at it pass `took` seconds, and nobody waits for `slept`."""

    def __init__(self) -> None:
        self.now, self.took, self.slept = 100.0, 0.004, []

    def monotonic(self) -> float:
        self.now += self.took
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.fixture(autouse=True)
def clock(monkeypatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(lookup_page, "time", made)
    return made


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


@pytest.fixture
def cases(session, patient) -> dict[str, tuple[str, str]]:
    """What a stranger may type whom nothing is to be told."""
    family = [factories.patient(phone="13800000002") for _ in range(lookup.SHARED_PHONE + 1)]
    factories.patient(phone="13800000003", id_number="")
    with_visit = factories.patient(phone="13800000004", id_number=ID[::-1])
    register_walk_in(session_id=session.pk, patient_id=with_visit.pk)
    tried = factories.patient(phone="13800000005", id_number="110105200001011234")
    register_walk_in(session_id=session.pk, patient_id=tried.pk)
    for n in range(lookup.PHONE_TRIES):
        lookup.look_up(phone=tried.phone, last_four="0000", address=str(n))
    return {
        "unknown phone": ("13800000001", "0021"),
        "known phone, wrong ID": (PHONE, "0021"),
        "right, without a visit": (PHONE, "002X"),
        "wrong ID of who has a visit": (with_visit.phone, "0021"),
        "a family": (family[0].phone, "0021"),
        "one of a family without a visit": (family[0].phone, family[0].id_number[-4:]),
        "a patient without an ID": ("13800000003", "0021"),
        "right, of a phone tried too often": (tried.phone, "1234"),
    }


def test_strangers_cost_the_same_work_and_get_the_same_bytes(cases, client, monkeypatch):
    """R6.2: the same statements, as many decryptions, the same answer, whatever was wrong."""
    done = {}
    decrypt = MultiFernet.decrypt
    decrypted = []
    monkeypatch.setattr(MultiFernet, "decrypt", lambda box, *args: decrypted.append(1) or decrypt(box, *args))
    for number, (name, (phone, last_four)) in enumerate(cases.items()):
        decrypted.clear()
        with CaptureQueriesContext(connection) as queries:
            answer = ask(client, phone=phone, last_four=last_four, REMOTE_ADDR=f"10.0.0.{number}")
        statements = tuple(re.sub(r"'[^']*'|\s*-?\b\d+\b", "?", each["sql"]) for each in queries)
        size = len(answer.content)
        done[name] = (answer.status_code, plain(answer), size, len(decrypted), statements)
    assert len(set(done.values())) == 1, {name: each[2:4] for name, each in done.items()}
    assert done["unknown phone"][3] == lookup.SHARED_PHONE


@pytest.mark.parametrize(("took", "held_back"), [(0.004, 0.046), (0.031, 0.019), (0.2, 0.0)])
def test_a_try_that_finds_nothing_is_answered_at_one_moment_whatever_it_took(client, patient, clock, took, held_back):
    """R6.2: what was found in no cache, or has to be read from a disk, takes longer and does not show."""
    clock.took = took
    assert ask(client, last_four="0021").status_code == 200
    assert clock.slept == [pytest.approx(held_back)]


def test_what_is_found_and_who_tried_too_often_is_answered_at_once(client, session, patient, clock):
    register_walk_in(session_id=session.pk, patient_id=patient.pk)
    for _ in range(lookup.TRIES):
        assert ask(client).status_code == 302
    assert ask(client).status_code == 429
    assert clock.slept == []


def test_one_of_a_large_family_is_found(client, session):
    family = [factories.patient(phone=PHONE, id_number=f"ID{n:04}") for n in range(lookup.SHARED_PHONE)]
    ticket = register_walk_in(session_id=session.pk, patient_id=family[3].pk)
    assert ask(client, last_four="0003").headers["Location"] == f"/t/{ticket.token}/"


def test_a_phone_tried_too_often_from_many_addresses_opens_to_nobody_for_a_day(client, session, patient):
    """Nobody is told: who guesses the last four goes on in vain. What was found does not count."""
    ticket = register_walk_in(session_id=session.pk, patient_id=patient.pk)
    for n in range(lookup.PHONE_TRIES + 5):
        assert ask(client, REMOTE_ADDR=f"10.0.1.{n}").headers["Location"] == f"/t/{ticket.token}/"
    for n in range(lookup.PHONE_TRIES):
        ask(client, last_four="0000", phone="+86 138 1234 5678" if n % 2 else PHONE, REMOTE_ADDR=f"10.0.0.{n}")
    right = ask(client, REMOTE_ADDR="10.0.0.99")
    assert right.status_code == 200
    assert plain(right) == plain(ask(client, phone="13800000000", REMOTE_ADDR="10.0.0.98"))
    kept = LookupTry.objects.update(at=timezone.now() - timedelta(days=1, seconds=1))
    assert ask(client).headers["Location"] == f"/t/{ticket.token}/"
    assert tasks.forget_tries() == kept
    assert LookupTry.objects.count() == 1


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


def test_neither_address_nor_phone_is_kept_in_plain(client):
    ask(client, REMOTE_ADDR="10.20.30.40")
    kept = LookupTry.objects.get()
    assert re.fullmatch("[0-9a-f]{64}", kept.address_hash)
    assert re.fullmatch("[0-9a-f]{64}", kept.phone_hash)


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
