"""The running queues for everybody, one queue's numbers, the languages, and what is not found."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from booking.models import Session, Slot
from queueboard.services.arrivals import register_walk_in
from tests import factories
from tests.faces.scene import NAMES, ROUND, waiting_room

pytestmark = pytest.mark.django_db
LANGUAGES = {"en": "en", "zh-hans": "zh-Hans", "zh-hant": "zh-Hant"}


@pytest.fixture
def scene(db):
    return waiting_room()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_queues_stand_by_department_with_number_and_how_many_wait(client, scene, language):
    html = client.get(f"/?lang={language}").content.decode()
    assert f'<html lang="{LANGUAGES[language]}">' in html
    for department in scene.departments:
        assert department.names[language] in html
    for session in scene.sessions:
        assert f"/q/{session.pk}/" in html
        assert session.tickets.filter(state__in=("called", "serving")).first().label in html
    assert html.count('class="queue"') == 5
    assert ROUND in html
    assert "/lookup/" in html


def test_a_newcomer_reads_the_expected_time_or_that_no_number_is_left(client, scene):
    part = client.get("/?part=queues&lang=en").content.decode()
    assert len(re.findall(r"<dd>about \d\d:\d\d – \d\d:\d\d</dd>", part)) == 5
    hour = timedelta(hours=1)
    Slot.objects.update(starts_at=scene.now - 2 * hour, ends_at=scene.now - hour)
    part = client.get("/?part=queues&lang=en").content.decode()
    assert part.count("no walk-in numbers left") == 5


def test_the_part_that_is_fetched_again_is_answered_304_until_a_queue_changes(client, scene):
    first = client.get("/?part=queues&lang=en")
    again = client.get("/?part=queues&lang=en", headers={"if-none-match": first.headers["ETag"]})
    other = client.get("/?part=queues&lang=zh-hans", headers={"if-none-match": first.headers["ETag"]})
    register_walk_in(session_id=scene.sessions[0].pk, patient_id=factories.patient().pk)
    changed = client.get("/?part=queues&lang=en", headers={"if-none-match": first.headers["ETag"]})
    assert (first.status_code, again.status_code, other.status_code, changed.status_code) == (200, 304, 200, 200)


def test_a_department_without_open_sessions_does_not_show(client, scene):
    Session.objects.filter(department=scene.departments[0]).update(state="closed")
    assert scene.departments[0].name_en not in client.get("/?lang=en").content.decode()


def test_with_nothing_open_the_page_says_so(client, db):
    assert "No clinic is open" in client.get("/?lang=en").content.decode()


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_queue_shows_numbers_and_rooms(client, scene, language):
    session = scene.sessions[2]
    html = client.get(f"/q/{session.pk}/?lang={language}").content.decode()
    assert f'<html lang="{LANGUAGES[language]}">' in html
    assert session.tickets.get(state="serving").label in html
    assert session.tickets.get(state="missed").label in html
    waiting = re.search(r'data-put="lines">(.*?)</ol>', html, re.S)[1]
    assert waiting.count("<li>") == session.tickets.filter(state="waiting").count()


def test_a_planned_and_an_unknown_queue_are_not_found(client, scene):
    planned = factories.session(state="planned", day=timezone.localtime())
    assert client.get(f"/q/{planned.pk}/").status_code == 404
    assert client.get("/q/999999/").status_code == 404


def test_a_closed_queue_says_that_it_is_closed(client, scene):
    Session.objects.filter(pk=scene.sessions[0].pk).update(state="closed", version=99)
    assert "Closed for today" in client.get(f"/q/{scene.sessions[0].pk}/?lang=en").content.decode()


def test_no_name_phone_or_id_is_on_a_public_page(client, scene):
    """R6.2: numbers only, not even masked names."""
    pages = ["/?lang=en", *(f"/q/{session.pk}/?lang=en" for session in scene.sessions)]
    for page in pages:
        html = client.get(page).content.decode()
        assert not [name for name in NAMES if name in html]
        assert not re.search(r"\w\*+\w?", re.sub(r"<script.*?</script>", "", html, flags=re.S))
        for ticket in scene.tickets:
            assert ticket.patient.phone not in html
            assert ticket.patient.id_number not in html
            assert ticket.token not in html


# --- languages


@pytest.mark.parametrize(
    ("accept", "html_lang"),
    [("en-GB,en", "en"), ("zh-CN", "zh-Hans"), ("zh-TW", "zh-Hant"), ("zh-HK", "zh-Hant"), ("fr", "zh-Hans")],
)
def test_the_browsers_language_is_taken_and_the_hospitals_where_it_is_none_of_ours(client, db, accept, html_lang):
    html = client.get("/lookup/", headers={"accept-language": accept}).content.decode()
    assert f'<html lang="{html_lang}">' in html


def test_the_language_switch_works_without_script_and_comes_back(db):
    client = Client(enforce_csrf_checks=True)
    html = client.get("/lookup/").content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', html)[1]
    back = re.search(r'name="next" value="(.*?)"', html)[1]
    fields = {"csrfmiddlewaretoken": token, "next": back, "language": "zh-hant"}
    response = client.post("/i18n/setlang/", fields, follow=True)
    assert response.redirect_chain == [("/lookup/", 302)]
    assert '<html lang="zh-Hant">' in response.content.decode()


def test_an_unknown_language_in_the_address_is_ignored(client, db):
    assert client.get("/lookup/?lang=xx").status_code == 200


# --- the strict policy


def test_no_page_needs_inline_scripts_or_styles(client, scene):
    """The content security policy allows neither, so a page with one would not work."""
    token = scene.tickets[-1].token
    pages = ["/", "/lookup/", "/board/hall/", f"/t/{token}/", f"/q/{scene.sessions[0].pk}/", "/nothing/"]
    for page in pages:
        response = client.get(page)
        html = response.content.decode()
        assert not re.search(r"<[^>]+ style=", html), page
        assert not re.search(r"<[^>]+ on\w+=", html), page
        assert "<style" not in html, page
        for attributes in re.findall(r"<script([^>]*)>", html):
            assert "src=" in attributes or 'type="application/json"' in attributes, page
        assert "'unsafe" not in response.headers["Content-Security-Policy"]


def test_a_fault_has_a_page_of_its_own(client, db, monkeypatch):
    from queueboard.views import public

    monkeypatch.setattr(public.source, "live_sessions", lambda: 1 / 0)
    client.raise_request_exception = False
    response = client.get("/", headers={"accept-language": "en"})
    assert response.status_code == 500
    assert "Your place in the queue is safe" in response.content.decode()
