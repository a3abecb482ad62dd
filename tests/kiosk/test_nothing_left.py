"""R6.2: nothing of one person is left for the next, nothing is in addresses, and guessing is limited."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session as WebSession
from django.test import Client
from django.utils import timezone

from queueboard.kiosk import flow, people
from queueboard.models import LookupTry, Ticket
from queueboard.services import lookup
from tests import factories
from tests.kiosk.conftest import ADDRESS, PHONE, RESIDENT, Visitor

pytestmark = pytest.mark.django_db


@pytest.fixture
def patient(db):
    return factories.patient(name="张晓明", phone=PHONE, id_type="resident", id_number=RESIDENT)


def test_the_end_leaves_no_session_behind(visitor, session, patient):
    booked = factories.appointment(session, who=patient)
    visitor.press("scan", q=booked.token)
    assert WebSession.objects.count() == 1
    screen = visitor.press("start")
    assert WebSession.objects.count() == 0
    assert visitor.step == "start"
    assert booked.token not in screen


def test_what_is_kept_meanwhile_is_encrypted(visitor, session):
    visitor.press("walk_in")
    visitor.press("choose", session=session.pk)
    visitor.press("who", q=f"张晓明,{RESIDENT}")
    kept = WebSession.objects.get().get_decoded()[flow.KEY]
    assert RESIDENT not in kept
    assert "patients" not in kept


def test_whoever_goes_away_is_forgotten(visitor, session, patient, monkeypatch):
    booked = factories.appointment(session, who=patient)
    visitor.press("scan", q=booked.token)
    later = timezone.now() + flow.FORGOTTEN
    monkeypatch.setattr(flow.timezone, "now", lambda: later)
    visitor.response = visitor.client.get(ADDRESS)
    assert visitor.step == "start"


def test_a_browser_without_script_goes_back_by_itself(visitor, session, patient):
    booked = factories.appointment(session, who=patient)
    screen = visitor.press("scan", q=booked.token)
    assert '<noscript><meta http-equiv="refresh"' in screen
    answer = visitor.client.get("/kiosk/hall/?start&lang=en")
    assert (answer.status_code, answer.headers["Location"]) == (302, ADDRESS)
    visitor.response = visitor.client.get(ADDRESS)
    assert visitor.step == "start"


def test_no_screen_is_kept_by_the_browser(visitor, session):
    for response in (visitor.response, Client().post(ADDRESS, {"do": "check_in"})):
        assert "no-store" in response.headers["Cache-Control"]
    screen = visitor.press("check_in")
    assert screen.count('autocomplete="off"') >= screen.count('type="text"')


def test_the_next_scan_begins_anew_while_the_last_ticket_is_shown(visitor, session, patient):
    first, second = factories.appointment(session), factories.appointment(session, who=patient)
    visitor.press("language", language="zh-hant")
    visitor.press("scan", q=first.token)
    screen = visitor.press("scan", q=second.token)
    assert visitor.response.context["ticket"].appointment == second
    assert first.token not in screen
    assert 'lang="en"' in screen  # the language of the last one is not the next one's


def test_the_language_goes_back_with_the_start(visitor):
    assert 'lang="zh-Hant"' in visitor.press("language", language="zh-hant")
    visitor.press("start")
    assert '<html lang="en"' in visitor.screen


def test_a_key_that_is_not_on_the_screen_does_nothing(visitor, session):
    for do in ("take", "visit", "name", "four", "nothing", ""):
        visitor.press(do)
        assert visitor.step == "start"
    assert not Ticket.objects.exists()


def test_another_kiosks_flow_is_not_shown(visitor, kiosk, session, patient):
    booked = factories.appointment(session, who=patient)
    visitor.press("scan", q=booked.token)
    type(kiosk).objects.create(slug="other", title="二楼", public=True)
    answer = visitor.client.get("/kiosk/other/")
    assert answer.context["step"] == "start"


# --- guessing


def guess(visitor, number="D1234567"):
    visitor.press("start")
    visitor.press("check_in")
    return visitor.press("who", q=number)


def test_whoever_types_numbers_at_random_is_stopped_and_scans_go_on(visitor, session, patient):
    """R6.2"""
    booked = factories.appointment(session, who=patient)
    for n in range(people.MISSES):
        guess(visitor, f"D{n:07d}")
    assert "Please go to the desk" in guess(visitor, RESIDENT)
    assert not Ticket.objects.exists()
    visitor.press("scan", q=booked.token)
    assert Ticket.objects.count() == 1


def test_those_who_are_right_are_not_counted(visitor, session, patient):
    factories.appointment(session, who=patient)
    for _ in range(people.MISSES + 2):
        guess(visitor, RESIDENT)
    assert visitor.step == "done"


def test_the_limit_is_of_one_address(visitor, session, patient):
    """A public kiosk: a stranger far away does not stop the one on site."""
    factories.appointment(session, who=patient)
    for n in range(people.MISSES + 1):
        guess(visitor, f"D{n:07d}")
    far = Visitor()
    far.client = Client(REMOTE_ADDR="203.0.113.9")
    guess(far, RESIDENT)
    assert far.step == "done"


def test_one_phone_is_guessed_at_no_more_here_than_on_the_page_of_lost_links(visitor, session, patient, now):
    """R6.2: the tries of both count together, and nobody is told."""
    factories.appointment(session, who=patient)
    LookupTry.objects.bulk_create(
        LookupTry(address_hash="elsewhere", phone_hash=lookup.phone_hash(PHONE), at=now - timedelta(hours=1))
        for _ in range(lookup.PHONE_TRIES)
    )
    guess(visitor, PHONE)
    visitor.press("four", four="002X")
    assert visitor.response.context["code"] == "not_found"
