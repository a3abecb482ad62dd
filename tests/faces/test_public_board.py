"""The board: what it shows, in which language, and to whom (R6.1, R6.2)."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from django.utils.translation import override

from booking.models import Session, SessionRoom
from queueboard.models import Board
from queueboard.services.arrivals import check_in
from queueboard.services.calls import call_next
from queueboard.services.lifecycle import stop_early
from queueboard.services.rooms import pause
from queueboard.views.texts import board_texts
from tests import factories
from tests.faces.scene import NAMES, ROUND, waiting_room

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene(db):
    return waiting_room()


def rows(html: str) -> list[str]:
    body = re.search(r'<tbody id="rows">(.*?)</tbody>', html, re.S)[1]
    return re.findall(r"<tr.*?</tr>", body, re.S)


def get(client, language="en", slug="hall"):
    return client.get(f"/board/{slug}/?lang={language}")


@pytest.mark.parametrize(("language", "html_lang"), [("en", "en"), ("zh-hans", "zh-Hans"), ("zh-hant", "zh-Hant")])
def test_one_row_per_queue_by_room_in_each_language(client, scene, language, html_lang):
    response = get(client, language)
    html = response.content.decode()
    assert f'<html lang="{html_lang}">' in html
    assert response.headers["Content-Language"] == language
    assert len(rows(html)) == 5
    assert [re.search(r'data-put="rooms"[^>]*>(.*?)<', row)[1] for row in rows(html)] == list("12345")
    assert scene.board.titles[language] in html


def test_the_newest_open_call_stands_left_with_number_masked_name_room_and_way(client, scene):
    html = get(client).content.decode()
    panel = re.search(r'<section class="call".*?</section>', html, re.S)[0]
    called = scene.sessions[1].tickets.get(state="called")
    assert called.label in panel
    assert "Room <b>2</b>" in panel
    assert "on the right" in panel
    assert "*" in re.search(r'data-put="name"[^>]*>(.*?)<', panel)[1]
    assert "data-called" in rows(html)[1]


def test_without_an_open_call_the_board_asks_to_wait(client, scene):
    scene.sessions[1].tickets.filter(state="called").update(state="serving")
    Session.objects.filter(pk=scene.sessions[1].pk).update(version=99)  # so that no older snapshot serves
    html = get(client).content.decode()
    assert "data-idle" in html


def test_a_row_shows_the_next_three_with_masked_names(client, scene):
    row = rows(get(client).content.decode())[0]
    shown = re.findall(r'<span class="one"><b>(\w+)</b><small[^>]*>(.*?)</small>', row)
    assert len(shown) == 3
    assert all("*" in name for _number, name in shown)


def test_a_paused_expert_shows_the_reason_and_the_time_of_return(client, scene):
    row = rows(get(client).content.decode())[3]
    until = timezone.localtime(scene.now + timedelta(minutes=38))
    assert ROUND in row
    assert f"{until:%H:%M}" in row


def test_a_reason_that_is_known_is_said_in_both_languages_of_the_board(client, scene):
    seat, until = scene.sessions[3].rooms.get(), scene.now + timedelta(minutes=9)
    for reason, second, words in (
        ("technical_problem", "zh-hant", ("技术故障", "技術故障")),
        ("consultation", "en", ("会诊", "Called to a consultation")),
    ):
        pause(session_id=seat.session_id, room_id=seat.room_id, reason=reason, until=until)
        Board.objects.update(language="zh-hans", second_language=second)
        row = rows(client.get("/board/hall/").content.decode())[3]
        assert all(each in row for each in words)


@pytest.mark.pure
def test_a_reason_is_said_in_the_second_language_also_where_it_is_the_same_word():
    """The second line has the sentence around it in its own language."""
    with override("zh-hans"):
        assert board_texts("zh-hans")["second"]["pause.consultation"] == "会诊"


def test_a_stopped_queue_says_so(client, scene):
    stop_early(session_id=scene.sessions[0].pk, reason="ill")
    assert "No more calls today" in rows(get(client).content.decode())[0]


def test_what_to_do_after_a_missed_call_is_always_there(client, scene):
    assert "Missed your call?" in get(client).content.decode()


def test_no_full_name_phone_or_id_is_on_the_board(client, scene):
    """R6.2, for the page with all that its scripts read."""
    html = get(client).content.decode()
    for ticket in scene.tickets:
        assert ticket.patient.phone not in html
        assert ticket.patient.id_number not in html
        assert ticket.token not in html
    assert not [name for name in NAMES if name in html]


def test_a_board_with_rooms_shows_only_their_queues(client, scene):
    scene.board.rooms.set([SessionRoom.objects.get(session=scene.sessions[2]).room])
    assert len(rows(get(client).content.decode())) == 1


def test_a_pooled_queue_is_one_row_with_all_its_rooms(client, db):
    """R1.5: one queue, several rooms."""
    now = timezone.localtime() - timedelta(minutes=30)
    session = factories.session(start=f"{now:%H:%M}", day=now, rooms=3)
    for _ in range(4):
        booked = factories.appointment(session, slot_index=1)
        check_in(appointment_id=booked.pk)
    other, newest = (call_next(session_id=session.pk, room_id=seat.room_id) for seat in session.rooms.all()[:2])
    board = Board.objects.create(slug="pool", title="普通门诊", public=True)
    board.departments.add(session.department)
    shown = rows(get(client, slug="pool").content.decode())
    codes = [seat.room.code for seat in session.rooms.select_related("room").order_by("room__code")]
    assert len(shown) == 1
    assert " ".join(codes) in shown[0]
    assert shown[0].count("A00") == 1 + 1 + 2  # the newest, the other beside its room, two who wait
    cell = re.search(r'<td class="now">(.*?)</td>', shown[0])[1]
    at, number, also = re.findall(r">([^<]*)</", cell)
    assert (at, number) == (newest.room.code, newest.label)
    assert also == f"{other.room.code} {other.label}"


def test_a_board_without_queues_says_so(client, db):
    Board.objects.create(slug="empty", title="空", public=True)
    html = get(client, slug="empty").content.decode()
    assert "No clinic is open here" in html
