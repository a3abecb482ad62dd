"""The sheets that are printed, and the page on which they are entered: who may, and what a line becomes."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from queueboard.services import arrivals
from tests import factories
from tests.faces import staff
from tests.factories import at

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    monkeypatch.setattr(timezone, "now", lambda: at("10:00"))


@pytest.fixture
def queue(db):
    session = factories.session(state="running")
    arrivals.register_walk_in(
        session_id=session.pk, patient_id=factories.patient("张晓明", phone="13900001111").pk, now=at("07:30")
    )
    factories.appointment(session, 3, who=factories.patient("欧阳晓雨"))
    return session


@pytest.fixture
def clerk(client, queue):
    client.force_login(staff.user("clerk", queue.department), backend=staff.BACKEND)
    return client


def test_the_sheets_have_the_order_the_booked_and_blank_lines_and_it_is_noted_who_printed_them(clerk, queue):
    """R6.2, R6.3: names, as people are called by them then, and no phone or ID."""
    page = clerk.post(reverse("paper")).content.decode()
    for words in ("A001", "张晓明", "欧阳晓雨", "A002", "A019", "2026-11-16 10:00"):
        assert words in page
    assert "13900001111" not in page
    event = queue.events.get(kind="printed")
    assert event.actor.username.startswith("clerk")


def test_looking_at_the_sheets_notes_nothing_and_prints_nothing(clerk, queue):
    assert "data-print" not in clerk.get(reverse("paper")).content.decode()
    assert not queue.events.filter(kind="printed").exists()


def test_other_departments_are_neither_printed_nor_entered(client, queue):
    client.force_login(staff.user("clerk", factories.department()), backend=staff.BACKEND)
    assert "张晓明" not in client.post(reverse("paper")).content.decode()
    assert client.get(reverse("paper_enter", args=[queue.pk])).status_code == 403
    client.force_login(staff.user("expert"), backend=staff.BACKEND)
    assert client.get(reverse("paper")).status_code == 403


def test_lines_become_steps_with_their_times_and_are_taken_back(clerk, queue):
    """R4.10, R6.3"""
    address = reverse("paper_enter", args=[queue.pk])
    ticket, booked, room = queue.tickets.get(), queue.appointments.get(), queue.rooms.get().room_id
    sent = {
        f"t{ticket.pk}-called": "0801", f"t{ticket.pk}-ended": "8:10", f"t{ticket.pk}-room": room,
        f"a{booked.pk}-came": "９：００", "n1-name": "李四", "n1-number": "2", "n1-came": "8.05",
    }  # fmt: skip
    assert clerk.post(address, sent).status_code == 302
    states = {t.patient.name: (t.state, f"{timezone.localtime(t.arrived):%H:%M}") for t in queue.tickets.all()}
    assert states == {"张晓明": ("done", "07:30"), "李四": ("waiting", "08:05"), "欧阳晓雨": ("waiting", "09:00")}
    page = clerk.get(address).content.decode()
    assert "take_back" in page
    clerk.post(address, {"take_back": "yes"})
    ticket.refresh_from_db()
    assert ticket.state == "waiting"
    assert queue.appointments.get().state == "booked"


@pytest.mark.parametrize(
    ("typed", "words"), [("25:00", "9:05"), ("soon", "9:05"), ("10:30", "时间"), ("07:00", "A001")]
)
def test_what_does_not_fit_is_said_at_its_line_and_what_was_typed_stays(clerk, queue, typed, words):
    ticket, room = queue.tickets.get(), queue.rooms.get().room_id
    answer = clerk.post(
        reverse("paper_enter", args=[queue.pk]), {f"t{ticket.pk}-called": typed, f"t{ticket.pk}-room": room}
    )
    page = answer.content.decode()
    assert answer.status_code == 400
    assert words in page.split('class="why"')[1]
    assert f'value="{typed}"' in page
    ticket.refresh_from_db()
    assert ticket.state == "waiting"


def test_of_a_session_that_is_closed_nothing_is_entered(clerk, queue):
    queue.state = "closed"
    queue.closed_at = at("10:00") - timedelta(minutes=1)
    queue.save()
    assert clerk.post(reverse("paper_enter", args=[queue.pk]), {"n1-name": "李四", "n1-came": "800"}).status_code == 400
