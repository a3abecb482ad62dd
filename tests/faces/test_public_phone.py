"""A patient's own page in each of its states (R4.1, R4.12, R5.1, R6.2)."""

import re
from datetime import datetime, timedelta

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from django.utils import timezone
from django.utils.translation import override

from booking.models import Appointment, Session, Suspension
from queueboard import snapshots
from queueboard.models import Ticket
from queueboard.services.arrivals import check_in, leave, register_walk_in
from queueboard.services.calls import call_next, finish, miss, start
from queueboard.services.lifecycle import stop_early
from queueboard.services.returns import put_back, send_for_test
from queueboard.services.rooms import pause
from queueboard.views import phone_face, source
from queueboard.views.texts import phone_texts
from tests import factories

pytestmark = pytest.mark.django_db
LANGUAGES = {"en": "en", "zh-hans": "zh-Hans", "zh-hant": "zh-Hant"}


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def session(now):
    began = timezone.localtime(now - timedelta(minutes=30))
    return factories.session(start=f"{began:%H:%M}", day=began)


def walk_in(session, now, name="张晓明"):
    return register_walk_in(session_id=session.pk, patient_id=factories.patient(name=name).pk, now=now)


def get(client, token, language="en"):
    return client.get(f"/t/{token}/?lang={language}")


def visible(html: str) -> set[str]:
    """The states whose section is shown."""
    sections = re.findall(r'<section[^>]*data-when="(\w+)"([^>]*)>', html)
    return {state for state, rest in sections if "hidden" not in rest}


def heading(html: str) -> str:
    """The heading that is shown: those of hidden sections left out."""
    shown = re.sub(r"<section[^>]*hidden[^>]*>.*?</section>", "", html, flags=re.S)
    found = re.search(r"<h1[^>]*>(.*?)</h1>", shown, re.S)
    return found[1].strip() if found else ""


def put(html: str, name: str) -> str:
    found = re.search(rf'data-put="{name}"[^>]*>(.*?)</', html, re.S)
    return found[1].strip() if found else ""


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_waiting_patient_reads_how_many_are_before(client, session, now, language):
    """R5.1: the largest thing on the page is the number of patients to be seen before."""
    mine = [walk_in(session, now - timedelta(minutes=20 - i)) for i in range(5)][-1]
    response = get(client, mine.token, language)
    html = response.content.decode()
    assert response.status_code == 200
    assert f'<html lang="{LANGUAGES[language]}">' in html
    assert visible(html) == {"waiting"}
    assert put(html, "ahead") == "4"
    assert mine.label in put(html, "before")
    assert re.search(r"\d\d:\d\d – \d\d:\d\d", put(html, "range"))
    assert html.count('<i class="ahead">') == 4
    assert html.count('<i class="me">') == 1


def test_the_first_in_line_is_told_to_wait_by_the_room(client, session, now):
    mine = walk_in(session, now)
    html = get(client, mine.token).content.decode()
    assert put(html, "ahead") == "0"
    assert session.rooms.get().room.name_en in put(html, "advice")


def test_the_advice_changes_with_the_place(client, session, now):
    tickets = [walk_in(session, now) for _ in range(12)]
    advice = [put(get(client, ticket.token).content.decode(), "advice") for ticket in tickets]
    assert len({advice[0], advice[1], advice[-1]}) == 3
    assert advice[1] == advice[3]  # up to three before: come to the waiting area


def test_a_called_patient_reads_the_room_and_the_way(client, session, now):
    seat = session.rooms.get()
    type(seat.room).objects.filter(pk=seat.room_id).update(way="右手边", way_en="on the right")
    mine = walk_in(session, now)
    call_next(session_id=session.pk, room_id=seat.room_id)
    html = get(client, mine.token).content.decode()
    assert visible(html) == {"called"}
    assert seat.room.name_en in html
    assert "on the right" in html


def test_a_patient_in_service_a_missed_and_one_put_back(client, session, now):
    room = session.rooms.get().room_id
    first, second = walk_in(session, now), walk_in(session, now)
    call_next(session_id=session.pk, room_id=room)
    start(ticket_id=first.pk)
    assert visible(get(client, first.token).content.decode()) == {"serving"}
    call_next(session_id=session.pk, room_id=room)
    miss(ticket_id=second.pk)
    assert visible(get(client, second.token).content.decode()) == {"missed"}
    put_back(ticket_id=second.pk)
    assert visible(get(client, second.token).content.decode()) == {"waiting"}


def test_pages_of_patients_who_are_away_seen_or_gone(client, session, now):
    room = session.rooms.get().room_id
    away, seen, left = (walk_in(session, now) for _ in range(3))
    call_next(session_id=session.pk, room_id=room)
    start(ticket_id=away.pk)
    send_for_test(ticket_id=away.pk)
    call_next(session_id=session.pk, room_id=room)
    start(ticket_id=seen.pk)
    finish(ticket_id=seen.pk)
    leave(ticket_id=left.pk)
    pages = {}
    for ticket in (away, seen, left):
        html = get(client, ticket.token).content.decode()
        assert visible(html) <= {"away", "done", "left"}
        pages[ticket] = heading(html)
    assert len(set(pages.values())) == 3


@pytest.mark.parametrize("state", [state for state in Ticket.State.values if state not in ("called", "serving")])
def test_every_state_of_a_ticket_has_a_page_with_a_heading(client, session, now, state):
    mine = walk_in(session, now)
    Ticket.objects.filter(pk=mine.pk).update(state=state)
    assert heading(get(client, mine.token).content.decode())


@pytest.mark.parametrize("state", Appointment.State.values)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_state_of_an_appointment_has_a_page_with_a_heading(client, session, now, state, language):
    """R4.1: the page exists from booking on."""
    mine = factories.appointment(session, slot_index=2)
    Appointment.objects.filter(pk=mine.pk).update(state=state, held_until=now + timedelta(minutes=5))
    response = get(client, mine.token, language)
    assert response.status_code == 200
    assert heading(response.content.decode())


def test_a_booked_patient_reads_when_to_come_and_the_place_if_checked_in_now(client, session, now):
    """R5.1: not on site, the position that one would have; R5.3: when to come."""
    for _ in range(3):
        walk_in(session, now)
    mine = factories.appointment(session, slot_index=2)
    html = get(client, mine.token).content.decode()
    come = told_time(html, r'<p class="ahead time">(.*?)</p>', mine.slot.starts_at)
    # To five minutes, the earlier.
    assert mine.slot.starts_at - timedelta(minutes=5) <= come <= mine.slot.ends_at - timedelta(minutes=10)
    assert "3" in put(html, "joining")


def told_time(html: str, where: str, near: datetime) -> datetime:
    """The time of day in the page, on that side of midnight that is nearer."""
    hour, minute = map(int, re.search(where, html)[1].split(":"))
    found = timezone.localtime(near).replace(hour=hour, minute=minute, second=0, microsecond=0)
    return min((found + timedelta(days=day) for day in (-1, 0, 1)), key=lambda moment: abs(moment - near))


def test_beside_the_snapshot_the_queue_is_read_once_for_a_booked_patient(client, session, monkeypatch):
    booked, stored, read, reads = factories.appointment(session, 2), source.phone(session), snapshots._read, []
    monkeypatch.setattr(source, "phone", lambda _session: stored)
    monkeypatch.setattr(snapshots, "_read", lambda pk: reads.append(pk) or read(pk))
    html = get(client, booked.token).content.decode()
    assert "You are early" in html
    assert put(html, "joining")
    assert reads == [session.pk]


def test_the_way_is_asked_once_and_then_the_page_says_when_to_set_out(client, session):
    """R5.3: with the way's spread and the door, so that nine of ten are there in time."""
    mine = factories.appointment(session, slot_index=2)
    assert 'name="way"' in get(client, mine.token).content.decode()
    html = client.get(f"/t/{mine.token}/?lang=en&way=20").content.decode()
    assert 'name="way"' not in html
    come = told_time(html, r'<p class="ahead time">(.*?)</p>', mine.slot.starts_at)
    leave = told_time(html, r"Set out at (\d\d:\d\d)", come)
    assert timedelta(minutes=31) <= come - leave <= timedelta(minutes=36)
    assert "Set out at" in get(client, mine.token).content.decode()
    client.get(f"/t/{mine.token}/?way=")
    assert 'name="way"' in get(client, mine.token).content.decode()


def test_the_way_is_kept_with_the_visit_and_told_on_the_page_of_the_next(client, session):
    """So that the patient is told when to set out by other ways than the page too."""
    mine, another = factories.appointment(session, slot_index=2), factories.appointment(session, slot_index=2)
    client.get(f"/t/{mine.token}/?way=20")
    assert Appointment.objects.get(pk=mine.pk).way_minutes == 20
    get(client, another.token)
    assert Appointment.objects.get(pk=another.pk).way_minutes == 20
    assert "Set out at" in get(Client(), mine.token).content.decode()
    client.get(f"/t/{mine.token}/?way=")
    assert Appointment.objects.get(pk=mine.pk).way_minutes is None


def test_who_lives_far_away_is_told_to_set_out_at_once(client, session):
    mine = factories.appointment(session, slot_index=2)
    assert "Set out now" in client.get(f"/t/{mine.token}/?lang=en&way=600").content.decode()


@pytest.mark.parametrize("way", ["0", "-5", "601", "9999999", "abc", "1e2", "²", ""])
def test_a_way_that_is_no_number_in_reason_is_asked_for_again(client, session, way):
    mine = factories.appointment(session, slot_index=2)
    response = client.get(f"/t/{mine.token}/", {"way": way})
    assert response.status_code == 200
    assert 'name="way"' in response.content.decode()


def test_the_page_survives_check_in(client, session, now):
    """R4.1: the same link shows the appointment first and then the ticket."""
    mine = factories.appointment(session, slot_index=0)
    assert 'data-number=""' in get(client, mine.token).content.decode()
    ticket = check_in(appointment_id=mine.pk, now=now)
    assert f'data-number="{ticket.label}"' in get(client, mine.token).content.decode()


def test_a_worse_position_comes_with_its_reason_and_nothing_about_the_other(client, session, now):
    """R4.12: by how many, and by which rule; no number, name or time of the other."""
    room = session.rooms.get().room_id
    missed = walk_in(session, now - timedelta(minutes=9), name="孙大海")
    call_next(session_id=session.pk, room_id=room)
    miss(ticket_id=missed.pk)
    others = [walk_in(session, now - timedelta(minutes=8 - i)) for i in range(5)]
    put_back(ticket_id=missed.pk, now=now)
    html = get(client, others[-1].token).content.decode()
    worse = re.search(r'<li class="worse">(.*?)</li>', html, re.S)[1]
    assert "a patient who was called earlier came back" in worse
    assert missed.label not in worse
    assert "孙" not in html


def test_a_pause_and_a_stop_are_told_with_what_happens_next(client, session, now):
    mine = walk_in(session, now)
    until = now + timedelta(minutes=20)
    pause(session_id=session.pk, room_id=session.rooms.get().room_id, reason="查房", until=until)
    assert f"{timezone.localtime(until):%H:%M}" in put(get(client, mine.token).content.decode(), "advice")
    paused = put(get(client, mine.token).content.decode(), "advice")
    stop_early(session_id=session.pk, reason="ill")
    stopped = get(client, mine.token).content.decode()
    assert put(stopped, "advice") != paused


@pytest.mark.parametrize("token", ["nothing", "x" * 32, "%00"])
def test_an_unknown_token_is_not_found_and_says_how_to_find_the_page(client, db, token):
    response = client.get(f"/t/{token}/")
    assert response.status_code == 404
    assert "/lookup/" in response.content.decode()


def test_the_page_is_not_kept_not_indexed_and_its_address_stays_here(client, session, now):
    """R6.2: the token never goes out in a referrer."""
    mine = walk_in(session, now)
    response = get(client, mine.token)
    assert "no-store" in response.headers["Cache-Control"]
    assert response.headers["Referrer-Policy"] == "strict-origin"
    assert "noindex" in response.headers["X-Robots-Tag"]


def test_a_page_holds_no_name_phone_or_id_of_anybody(client, session, now):
    """R6.2: beyond the own name, masked."""
    people = [factories.patient(name=name) for name in ("张晓明", "李小四", "John Smith")]
    tickets = [register_walk_in(session_id=session.pk, patient_id=each.pk, now=now) for each in people]
    call_next(session_id=session.pk, room_id=session.rooms.get().room_id)
    html = get(client, tickets[2].token).content.decode()
    assert "J. S***" in html
    for each in people:
        assert each.name not in html
        assert each.phone not in html
        assert each.id_number not in html
    assert "张*" not in html
    assert tickets[0].token not in html


def test_without_script_the_page_loads_itself_again(client, session, now):
    mine = walk_in(session, now)
    html = get(client, mine.token).content.decode()
    assert re.search(r'<noscript><meta http-equiv="refresh" content="\d+"></noscript>', html)


def test_the_page_of_a_called_off_session_does_not_wait_for_news(client, session, now):
    mine = factories.appointment(session, slot_index=1)
    Session.objects.filter(pk=session.pk).update(state="cancelled")
    Appointment.objects.filter(pk=mine.pk).update(state="called_off")
    html = get(client, mine.token).content.decode()
    assert "data-live" not in html
    assert "http-equiv" not in html


@pytest.mark.parametrize(
    ("language", "words"), [("en", "Booking is suspended"), ("zh-hans", "2027年"), ("zh-hant", "2027年")]
)
def test_a_suspended_patient_reads_why_and_until_when_and_is_still_seen_on_site(client, session, now, language, words):
    """R3.6"""
    mine = walk_in(session, now)
    until = timezone.make_aware(datetime(2027, 12, 24, 12, 30))
    Suspension.objects.create(patient=mine.patient, begins_at=now, until=until)
    html = get(client, mine.token, language).content.decode()
    assert words in html
    assert "12:30" in html
    assert visible(html) == {"waiting"}
    Suspension.objects.update(until=now + timedelta(microseconds=1))
    assert words not in get(client, mine.token, language).content.decode()


@pytest.mark.parametrize(
    ("median", "p90", "words"),
    [(1.1, 1.9, "about 08:01"), (0.5, 2.5, "about 08:00 – 08:02"), (3, 16, "about 08:00 – 08:20")],
)
def test_a_span_within_a_minute_is_said_as_one_time(median, p90, words):
    """R5.2"""
    at = factories.at("08:00")
    with override("en"):
        shown = phone_face.span_text({"at": at.isoformat()}, {"median": median, "p90": p90}, phone_texts(), at)
    assert shown == words


# --- as an app on the phone


@pytest.mark.parametrize(("language", "name"), [("en", "Your visit"), ("zh-hans", "您的就诊"), ("zh-hant", "您的看診")])
def test_the_page_can_be_installed_in_its_language_with_icons_of_our_own(client, session, now, language, name):
    mine = walk_in(session, now)
    address = re.search(r'<link rel="manifest" href="([^"]+)"', get(client, mine.token, language).content.decode())[1]
    answer = client.get(address)
    manifest = answer.json()
    assert (answer.headers["Content-Type"], manifest["short_name"]) == ("application/manifest+json", name)
    assert (manifest["start_url"], manifest["scope"], manifest["id"]) == (f"/t/{mine.token}/", "/t/", "/t/")
    for icon in manifest["icons"]:
        assert finders.find(icon["src"].removeprefix("/static/"))
    Ticket.objects.update(state="done")
    assert client.get(address).status_code == 404
    assert 'rel="manifest"' not in get(client, mine.token).content.decode()


def test_one_worker_opens_pages_without_a_connection_and_shows_what_patients_are_told(client):
    script = client.get("/t/worker.js").content.decode()
    assert all(f'addEventListener("{event}"' in script for event in ("push", "fetch"))
