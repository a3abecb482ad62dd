"""Who gets the desk and which room's page: by role, department and seat; and what the pages bring along."""

import json
import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from booking.models import SessionRoom
from queueboard import rules
from queueboard.services import undo
from queueboard.services.foretold import Foretold
from queueboard.staff_words import event_words, foretold_words, place_words
from tests import factories
from tests.faces import staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def queue(db):
    """A session that began half an hour ago, in a department of its own."""
    return begun()


def begun(**fields):
    began = timezone.localtime(timezone.now() - timedelta(minutes=30))
    return factories.session(start=f"{began:%H:%M}", day=began, **fields)


def embedded(response, name: str):
    html = response.content.decode()
    return json.loads(re.search(rf'<script id="{name}" type="application/json">(.*?)</script>', html, re.S)[1])


def test_the_desk_has_the_queues_of_the_clerks_departments_only(client, queue):
    begun()
    client.force_login(staff.user("clerk", queue.department), backend=staff.BACKEND)
    shown = embedded(client.get(reverse("desk")), "queues")
    assert [each["session"] for each in shown] == [queue.pk]


def test_a_manager_has_the_queues_of_all_departments(client, queue):
    other = begun()
    client.force_login(staff.user("manager"), backend=staff.BACKEND)
    assert {each["session"] for each in embedded(client.get(reverse("desk")), "queues")} == {queue.pk, other.pk}


def test_an_expert_has_no_desk_and_somebody_without_a_role_has_no_page(client, queue):
    client.force_login(staff.user("expert"), backend=staff.BACKEND)
    assert client.get(reverse("desk")).status_code == 403
    client.force_login(staff.user(""), backend=staff.BACKEND)
    assert client.get(reverse("desk")).status_code == 403
    assert client.get(reverse("expert")).status_code == 403


@pytest.mark.parametrize("name", ["desk", "expert"])
def test_who_is_not_logged_in_is_asked_to(client, name):
    answer = client.get(reverse(name))
    assert answer.status_code == 302
    assert answer["Location"].startswith("/admin/login/?next=")


def test_an_expert_comes_straight_to_the_room_where_they_sit(client, queue):
    doctor = staff.user("expert")
    queue.expert.user = doctor
    queue.expert.save()
    client.force_login(doctor, backend=staff.BACKEND)
    html = client.get(reverse("expert")).content.decode()
    assert f'data-session="{queue.pk}" data-room="{queue.rooms.get().room_id}"' in html


def test_an_expert_with_two_sessions_chooses_and_may_not_have_anothers_room(client, queue):
    doctor = staff.user("expert")
    queue.expert.user = doctor
    queue.expert.save()
    other = begun()
    later = begun(of=queue.department)
    SessionRoom.objects.filter(session=later).update(expert=queue.expert)
    client.force_login(doctor, backend=staff.BACKEND)
    html = client.get(reverse("expert")).content.decode()
    assert f"session={queue.pk}&amp;room=" in html
    assert f"session={later.pk}&amp;room=" in html
    assert f"session={other.pk}&" not in html
    assert client.get(reverse("expert"), {"session": other.pk}).status_code == 403


def test_a_clerk_reaches_the_rooms_of_the_own_departments(client, queue):
    other = begun()
    client.force_login(staff.user("clerk", queue.department), backend=staff.BACKEND)
    assert client.get(reverse("expert"), {"session": queue.pk}).status_code == 200
    assert client.get(reverse("expert"), {"session": other.pk}).status_code == 403


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "Last 30 days, 10 patients: half were called within 4 min of the time told, 8 of 10 before the later"),
        ("zh-hans", "近 30 天 10 位患者：一半与所告知的时间相差不超过 4 分钟，10 位中有 8 位在较晚的时间之前被叫到。"),
        ("zh-hant", "近 30 天 10 位患者：一半與所告知的時間相差不超過 4 分鐘，10 位中有 8 位在較晚的時間之前被叫到。"),
    ],
)
def test_the_experts_page_says_how_good_the_predictions_of_the_last_month_were(client, queue, language, words):
    """R5.2"""
    staff.foretold(queue, -9, -6, -4, -2, 0, 0, 2, 4, 7, 30)
    client.force_login(staff.user("clerk", queue.department), backend=staff.BACKEND)
    asked = {"data": {"session": queue.pk}, "headers": {"accept-language": language}}
    assert words in client.get(reverse("expert"), **asked).content.decode()


def test_of_few_patients_the_experts_page_says_nothing(client, queue):
    staff.foretold(queue, *[1.0] * 9)
    client.force_login(staff.user("clerk", queue.department), backend=staff.BACKEND)
    assert "foretold" not in client.get(reverse("expert"), {"session": queue.pk}).content.decode()


@pytest.mark.parametrize(
    ("share", "of_ten"), [(1.0, "10"), (0.99, "9"), (0.96, "9"), (0.86, "9"), (0.84, "8"), (0, "0")]
)
def test_ten_of_ten_is_said_where_all_were(share, of_ten):
    with override("en"):
        words = foretold_words(Foretold(patients=100, error_minutes=5.0, half_within=0.2, before_p90=share))
    assert f" {of_ten} of 10 " in words
    assert "within 1 min" in words


def test_a_session_that_is_none_is_no_error(client, queue):
    client.force_login(staff.user("clerk", queue.department), backend=staff.BACKEND)
    for wrong in (
        {"session": "999999"},
        {"session": "x"},
        {"session": str(queue.pk), "room": "999999"},
        {"session": "²"},
    ):
        assert client.get(reverse("expert"), wrong).status_code == 200
    assert client.get(reverse("desk"), {"session": "999999"}).status_code == 200


def test_every_place_of_the_order_and_every_step_has_its_words():
    assert set(place_words()) == set(rules.Place)
    assert set(event_words()) >= undo.UNDOABLE | {"close", "slot_ended", "session_started", "registration_opened"}


@pytest.mark.parametrize("script", ["desk.js", "desk_queue.js", "expert.js", "staff.js"])
def test_every_sentence_that_a_script_says_is_in_the_page(script):
    from queueboard.settings import BASE_DIR
    from queueboard.staff_words import desk_words, expert_words

    source = (BASE_DIR / "static" / "js" / script).read_text()
    said = set(re.findall(r'say\("([\w.-]+)"', source))
    pages = {"expert.js": [expert_words()], "staff.js": [desk_words(), expert_words()]}.get(script, [desk_words()])
    assert said
    for words in pages:
        assert said <= set(words), said - set(words)
