"""A link that a patient shares: whoever has it looks, and does nothing; it ends with the visit, or before (R6.2)."""

import json
import re
from datetime import timedelta

import pytest
from django.apps import apps
from django.utils import timezone

from booking.models import Appointment, Payment, Session
from queueboard.models import SharedLink, Ticket
from queueboard.notify.forgetting import forget_visits
from queueboard.services import sharing
from queueboard.services.arrivals import check_in, register_walk_in
from queueboard.services.calls import call_next, call_ticket, finish, miss, start
from queueboard.services.returns import put_back, send_for_test
from tests import factories
from tests.faces import staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def session():
    began = timezone.localtime(timezone.now() - timedelta(minutes=30))
    return factories.session(start=f"{began:%H:%M}", day=began, date=began.date())


@pytest.fixture
def ticket(session):
    return walk_in(session)


def walk_in(session) -> Ticket:
    return register_walk_in(session_id=session.pk, patient_id=factories.patient("欧阳觅踪", phone="18955501234").pk)


def shared(client, visit) -> str:
    """The address behind a new link."""
    answer = client.post(f"/t/{visit.token}/share/", headers={"accept": "application/json"})
    return re.fullmatch(r"http://testserver(/t/[\w-]{22}/)", answer.json()["url"])[1]


def read(client, address, language="en") -> str:
    answer = client.get(f"{address}?lang={language}")
    assert answer.status_code == 200
    return answer.content.decode()


# --- what it shows


def test_the_link_shows_the_place_and_the_room_and_nothing_of_the_person(client, session, ticket):
    before = [walk_in(session) for _ in range(3)]
    html = read(client, shared(client, before[-1]))
    assert before[-1].label in html
    assert re.search(r'data-put="ahead">3<', html)
    assert session.rooms.get().room.name_en in html
    for hidden in ("欧", "踪", "1895550", before[-1].token, "/tell/", "/give-up/", "/share/", "What happened"):
        assert hidden not in html, hidden
    # What is pressed here chooses a language, and nothing else.
    assert set(re.findall(r'<form[^>]*action="([^"]*)"', html)) == {"/i18n/setlang/"}


def test_who_looks_at_an_appointment_sees_neither_the_code_nor_whether_it_is_paid(client, session):
    mine = factories.appointment(session, slot_index=2, fee=2000)
    address = shared(client, mine)
    booked = read(client, address)
    Appointment.objects.filter(pk=mine.pk).update(state="held", held_until=timezone.now() + timedelta(minutes=9))
    held = read(client, address)
    for html in (booked, held):
        assert "<img" not in html
        assert "¥" not in html
        assert f"{timezone.localtime(mine.slot.starts_at):%H:%M}" in html
        assert re.search(r'data-put="joining">[^<]+</span> <span class="soft" data-put="joining-range">[^<]+<', html)
    assert re.search(r"<h1.*?</h1>", booked)[0] == re.search(r"<h1.*?</h1>", held)[0]


@pytest.mark.parametrize("language", ["en", "zh-hans", "zh-hant"])
def test_it_follows_the_visit_through_all_its_states(client, session, ticket, language):
    """R4.1: from booking on, and over check-in."""
    mine, room = factories.appointment(session), session.rooms.get().room_id
    address = shared(client, mine)
    heads = [heading(read(client, address, language))]
    own = check_in(appointment_id=mine.pk)
    first = call_next(session_id=session.pk, room_id=room)
    heads.append(heading(read(client, address, language)))
    start(ticket_id=first.pk)
    call_next(session_id=session.pk, room_id=room)
    for step in (None, miss, lambda ticket_id: call_back(ticket_id, room), start, send_for_test):
        if step is not None:
            step(ticket_id=own.pk)
        heads.append(heading(read(client, address, language)))
    assert all(heads)
    assert len(set(heads)) == 6  # called twice


def heading(html: str) -> str:
    shown = re.sub(r"<section[^>]*hidden[^>]*>.*?</section>", "", html, flags=re.S)
    return re.search(r"<h1[^>]*>(.*?)</h1>", shown, re.S)[1]


def call_back(ticket_id: int, room: int) -> None:
    put_back(ticket_id=ticket_id)
    call_ticket(ticket_id=ticket_id, room_id=room)


def test_what_it_embeds_is_what_everybody_gets_of_the_queue(client, session, ticket):
    """R6.2: its socket and its polls are the queue's public ones, with numbers only."""
    html = read(client, shared(client, ticket))
    embedded = json.loads(re.search(r'id="snapshot" type="application/json">(.*?)</script>', html, re.S)[1])
    assert "name" not in embedded["waiting"][0]
    assert f'data-session="{session.pk}"' in html


# --- what it does not do


@pytest.mark.parametrize(
    "act",
    ["late/", "here/", "give-up/", "cancel/", "move/", "move/{slot}/", "pay/", "share/", "wechat/", "calendar.ics"],
)
@pytest.mark.parametrize(
    ("language", "words"), [("en", "you can look"), ("zh-hans", "只能看，不能操作"), ("zh-hant", "這個連結只能看")]
)
def test_every_act_is_refused_in_words(client, session, act, language, words, monkeypatch):
    monkeypatch.setattr("queueboard.wechat.is_set_up", lambda: True)
    mine = factories.appointment(session, fee=2000)
    asked = f"{shared(client, mine)}{act.format(slot=session.slots.get(index=1).pk)}?lang={language}"
    only_read = act in ("move/", "calendar.ics")
    for ask in (client.get,) if only_read else (client.get, client.post):
        answer = ask(asked)
        assert (answer.status_code, words in answer.content.decode()) == (403, True)
    mine.refresh_from_db()
    assert (mine.state, mine.late_said_at) == ("booked", None)
    assert SharedLink.objects.count() == 1
    assert not Payment.objects.exists()
    assert not Ticket.objects.exists()


def test_the_interface_refuses_with_a_code(client, ticket, session):
    secret = shared(client, ticket).split("/")[2]
    asked = [
        client.get(f"/api/v1/tickets/{secret}/"),
        client.get(f"/api/v1/appointments/{secret}/"),
        client.delete(f"/api/v1/appointments/{secret}/"),
        client.post(f"/t/{secret}/tell/", {}, content_type="application/json"),
    ]
    assert [(each.status_code, each.json()["code"]) for each in asked] == [(403, "only_looks")] * 4


def test_no_desk_or_kiosk_takes_it_for_the_patients_link(client, ticket, session):
    secret = shared(client, ticket).split("/")[2]
    client.force_login(staff.user("clerk", session.department))
    for scan in (secret, f"http://testserver/t/{secret}/"):
        found = client.post("/api/v1/find/", {"q": scan}, content_type="application/json")
        assert found.json()["results"] == []


# --- when it ends


def test_the_patient_ends_all_links_at_once(client, ticket):
    addresses = [shared(client, ticket) for _ in range(2)]
    assert client.post(f"/t/{ticket.token}/share/", {"end": "1"}).status_code == 302
    for address in addresses:
        answer = client.get(f"{address}?lang=en")
        assert (answer.status_code, "This link has ended" in answer.content.decode()) == (410, True)
        assert client.post(f"{address}give-up/").status_code == 403
    assert client.get(shared(client, ticket)).status_code == 200


def test_it_ends_with_the_visit(client, session, ticket):
    address = shared(client, ticket)
    call_next(session_id=session.pk, room_id=session.rooms.get().room_id)
    start(ticket_id=ticket.pk)
    assert client.get(address).status_code == 200
    finish(ticket_id=ticket.pk)
    assert client.get(address).status_code == 410
    refused = client.post(f"/t/{ticket.token}/share/?lang=en")
    assert (refused.status_code, "This visit is over" in refused.content.decode()) == (409, True)


def test_it_ends_with_an_appointment_that_is_cancelled_or_whose_session_is(client, session):
    first, second = (factories.appointment(session, slot_index=1) for _ in range(2))
    addresses = [shared(client, each) for each in (first, second)]
    Appointment.objects.filter(pk=first.pk).update(state="cancelled")
    Session.objects.filter(pk=session.pk).update(state="cancelled")
    assert [client.get(each).status_code for each in addresses] == [410, 410]


def test_there_are_so_many_and_no_more_until_they_are_ended(client, ticket):
    for _ in range(sharing.PER_VISIT):
        shared(client, ticket)
    by_script = client.post(f"/t/{ticket.token}/share/", headers={"accept": "application/json"})
    assert (by_script.status_code, by_script.json()["code"]) == (409, "links_enough")
    page = client.post(f"/t/{ticket.token}/share/?lang=en")
    assert (page.status_code, "as many links as can be" in page.content.decode()) == (409, True)
    client.post(f"/t/{ticket.token}/share/", {"end": "1"})
    assert client.get(shared(client, ticket)).status_code == 200


def test_without_script_the_link_stands_on_a_page(client, ticket, settings):
    settings.SITE_URL = "https://queue.example"
    html = client.post(f"/t/{ticket.token}/share/?lang=en").content.decode()
    address = re.search(r'value="https://queue\.example(/t/[\w-]{22}/)"', html)[1]
    assert client.get(address).status_code == 200
    assert address != f"/t/{ticket.token}/"


# --- what is kept of it


def test_the_database_does_not_know_the_secret(client, ticket):
    secret = shared(client, ticket).split("/")[2]
    for model in apps.get_models():
        for row in model.objects.values_list():
            assert not any(secret in str(value) for value in row), model


def test_links_are_forgotten_a_week_after_the_visit(client, session, ticket):
    address = shared(client, ticket)
    visit = session.starts_at
    assert forget_visits(now=visit + timedelta(days=7)) == 0
    assert forget_visits(now=visit + timedelta(days=9)) == 1
    assert client.get(address).status_code == 404
