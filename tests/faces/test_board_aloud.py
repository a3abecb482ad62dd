"""A board's calls as sound made by the server: real sound, of the calls shown and of nothing else."""

import io
import wave

import numpy as np
import pytest
from django.test import Client

from queueboard.models import Board
from queueboard.services.calls import call_next
from queueboard.spoken import recordings
from queueboard.views import board_aloud, source
from tests.faces import staff
from tests.faces.scene import waiting_room

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene(db):
    recordings._made.cache_clear()
    return waiting_room(queues=2, patients=4)


def address(ticket, language: str = "zh-hans", slug: str = "hall") -> str:
    return f"/board/{slug}/say/{language}/{ticket.session_id}/{ticket.label}.wav"


def samples(sound: bytes) -> tuple[np.ndarray, float]:
    """The samples from -1 to 1, and the seconds they last."""
    with wave.open(io.BytesIO(sound)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        read = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2") / 32768
        return read, file.getnframes() / file.getframerate()


@pytest.mark.parametrize("language", ["en", "zh-hans", "zh-hant"])
def test_a_call_is_sound_that_differs_from_number_to_number(client, scene, language):
    called = scene.sessions[1].tickets.get(state="called")
    serving = scene.sessions[0].tickets.get(state="serving")  # already in the room when its turn to be said comes
    answers = [client.get(address(each, language)) for each in (called, serving)]
    for answer in answers:
        assert answer["Content-Type"] == "audio/wav"
        read, seconds = samples(answer.content)
        assert 2 < seconds < 10
        assert np.abs(read).max() > 0.1
        assert np.sqrt((read**2).mean()) > 0.01
    assert answers[0].content != answers[1].content


@pytest.mark.parametrize(
    ("language", "words"), [("en", "B. 0 0 2, please go to Room 2"), ("zh-hans", "请 B 零 零 二 到2 诊室就诊")]
)
def test_number_and_room_are_said_and_no_name(scene, language, words):
    called = scene.sessions[1].tickets.get(state="called")
    queues = source.of_board(scene.board)
    assert board_aloud.of_call(queues, called.session_id, called.label, language) == words


@pytest.mark.parametrize(
    ("name", "language", "words"),
    [
        ("Room 302", "en", "Room 3 0 2"), ("302诊室", "zh-hans", "三 零 二 诊室"),
        ("Room 12", "en", "Room 12"), ("12诊室", "zh-hans", "12诊室"),
    ],
)  # fmt: skip
def test_a_room_of_three_digits_is_no_count(name, language, words):
    assert board_aloud.room_read_out(name, language) == words


def test_a_sentence_is_made_once(client, scene, monkeypatch):
    made = []
    run = recordings.subprocess.run
    monkeypatch.setattr(recordings.subprocess, "run", lambda *given, **more: made.append(1) or run(*given, **more))
    called = scene.sessions[1].tickets.get(state="called")
    assert client.get(address(called)).content == client.get(address(called)).content
    assert len(made) == 1


def test_only_what_the_board_calls_now_can_be_heard(client, scene):
    called = scene.sessions[1].tickets.get(state="called")
    waiting = scene.sessions[1].tickets.filter(state="waiting").first()
    good = address(called)
    assert client.get(good).status_code == 200
    elsewhere = good.replace(f"/{called.session_id}/", f"/{scene.sessions[0].pk}/")
    for wrong in (address(waiting), address(called, "fr"), address(called, slug="other"), elsewhere):
        refused = client.get(wrong)
        assert (refused.status_code, refused.content, len(refused.cookies)) == (404, b"", 0)
    call_next(session_id=called.session_id, room_id=called.room_id)
    assert client.get(good).status_code == 404


@pytest.mark.parametrize("sound", ["chime", "off"])
def test_a_board_without_a_voice_says_nothing(client, scene, sound):
    Board.objects.update(sound=sound)
    assert client.get(address(scene.sessions[1].tickets.get(state="called"))).status_code == 404


def test_a_board_that_is_not_public_is_heard_by_its_screens_and_staff_only(client, scene):
    Board.objects.update(public=False)
    called = scene.sessions[1].tickets.get(state="called")
    assert client.get(address(called)).status_code == 404
    watcher = Client()
    watcher.force_login(staff.user("board"), backend=staff.BACKEND)
    assert watcher.get(address(called)).status_code == 200


def test_without_the_engine_there_is_no_file_and_the_board_gives_the_signal(client, scene, monkeypatch):
    monkeypatch.setattr(recordings, "find_spec", lambda name: None)
    assert client.get(address(scene.sessions[1].tickets.get(state="called"))).status_code == 404


def test_an_engine_that_fails_is_noted_and_asked_again(client, scene, monkeypatch, caplog):
    called = scene.sessions[1].tickets.get(state="called")
    monkeypatch.setattr(recordings, "ENGINE", recordings.ENGINE.with_name("none.py"))
    assert client.get(address(called)).status_code == 404
    assert "could not be made into sound" in caplog.text
    monkeypatch.undo()
    assert client.get(address(called)).status_code == 200
