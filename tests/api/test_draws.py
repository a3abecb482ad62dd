"""Asking to be drawn, and waiting for a freed number, by whoever has the link (R3.4, R3.7)."""

from datetime import timedelta

import pytest

from booking import draws
from booking.models import Ballot, Patient
from booking.services import ballots, endings
from tests import factories
from tests.api.test_booking import WANG
from tests.factories import at

API = "/api/v1"
pytestmark = pytest.mark.django_db


def ahead(**fields):
    day = at("08:00") + timedelta(days=1)
    return factories.session(day=day, state="planned", pool_opened_at=None, split=((1, 1), (1, 1)), **fields)


@pytest.fixture
def drawn():
    """Tomorrow's session, released at 08:00 today (it is 08:10), whose numbers are drawn at 08:30."""
    session = ahead(released_at=at("08:00"))
    Ballot.objects.create(session=session, minutes=30)
    return session


@pytest.fixture
def full():
    session = ahead()
    for index in range(2):
        factories.appointment(session, index)
    return session


def ask(client, session, **body):
    return client.post(f"{API}/draws/{session.pk}/requests/", {"patient": WANG} | body)


def join(client, session, **body):
    return client.post(f"{API}/sessions/{session.pk}/waitlist/", {"patient": WANG} | body)


class TestDraw:
    def test_whoever_asks_has_a_link_and_a_code_that_are_not_the_same(self, anybody, drawn):
        slot = drawn.slots.get(index=1)
        answer = ask(anybody, drawn, wishes=[slot.pk], any_slot=False, waitlist=True)
        assert answer.status_code == 201
        seen = answer.json()
        assert anybody.get(answer["Location"]).json() == seen
        assert (seen["state"], seen["name"], seen["wishes"], seen["slot"]) == ("asked", "王*明", [slot.pk], None)
        assert seen["closes_at"] == at("08:30").isoformat()
        for secret in (WANG["name"], WANG["id_number"], "13912345678"):
            assert secret not in answer.content.decode()

    def test_a_session_says_that_its_numbers_are_drawn(self, anybody, drawn, clock):
        seen = anybody.get(f"{API}/sessions/{drawn.pk}/").json()
        assert (seen["can_be_booked"], seen["ballot"]["commitment"]) == (False, drawn.ballot.commitment)
        slot = drawn.slots.first().pk
        answer = anybody.post(f"{API}/appointments/", {"slot": slot, "patient": WANG})
        assert (answer.status_code, answer.json()["code"]) == (409, "ballot_open")
        assert answer.json()["closes_at"] == at("08:30").isoformat()
        clock.turn_to("08:30")
        ballots.draw_due(now=at("08:30"))
        assert anybody.get(f"{API}/sessions/{drawn.pk}/").json()["can_be_booked"] is True

    def test_who_wins_finds_the_appointment_and_anybody_the_record(self, anybody, drawn, clock):
        own = ask(anybody, drawn).json()
        for _other in range(3):
            ballots.ask(session_id=drawn.pk, patient_id=factories.patient().pk, now=at("08:10"))
        before = anybody.get(f"{API}/draws/{drawn.pk}/").json()
        assert (before["seed"], before["entries"]) == (None, [])
        clock.turn_to("08:30")
        ballots.draw_due(now=at("08:30"))
        record = anybody.get(f"{API}/draws/{drawn.pk}/").json()
        assert list(draws.faults(record)) == []
        assert record["commitment"] == before["commitment"]
        mine = next(entry for entry in record["entries"] if entry["code"] == own["code"])
        seen = anybody.get(f"{API}/draw-requests/{own['token']}/").json()
        assert (seen["place"], seen["state"]) == (mine["place"], "lost" if mine["won"] is None else "won")
        assert (seen["appointment"] is None) is (mine["won"] is None)

    def test_where_the_task_is_late_who_looks_brings_it_about(self, anybody, drawn, clock):
        token = ask(anybody, drawn).json()["token"]
        clock.turn_to("08:30")
        assert anybody.get(f"{API}/draw-requests/{token}/").json()["state"] == "asked"
        clock.turn_to("08:31")
        assert anybody.get(f"{API}/draw-requests/{token}/").json()["state"] == "won"

    def test_a_request_is_taken_back_while_the_draw_is_open(self, anybody, drawn, clock):
        token, late = ask(anybody, drawn).json()["token"], at("08:30")
        for _twice in range(2):
            assert anybody.delete(f"{API}/draw-requests/{token}/").json()["state"] == "withdrawn"
        token = ask(anybody, drawn).json()["token"]
        clock.now = late
        answer = anybody.delete(f"{API}/draw-requests/{token}/")
        assert (answer.status_code, answer.json()["code"]) == (409, "ballot_closed")

    def test_a_refusal_tells_nothing_of_the_patient_and_leaves_none_behind(self, anybody, drawn, full):
        answer = ask(anybody, full)
        assert (answer.status_code, answer.json()["code"]) == (409, "no_ballot")
        assert not Patient.objects.filter(id_type="resident").exists()
        assert ask(anybody, drawn).status_code == 201
        answer = ask(anybody, drawn)
        assert (answer.status_code, answer.json()["code"]) == (409, "asked_already")
        assert anybody.get(f"{API}/draws/{full.pk}/").status_code == 404
        assert anybody.get(f"{API}/draw-requests/{'x' * 22}/").json()["code"] == "no_request"


class TestWaitlist:
    def test_who_waits_is_offered_a_freed_number_and_takes_it(self, anybody, full, clock):
        answer = join(anybody, full)
        assert answer.status_code == 201
        seen = answer.json()
        assert (seen["state"], seen["name"], seen["before"], seen["slot"]) == ("waiting", "王*明", 0, None)
        freed = full.appointments.get(slot__index=1)
        endings.cancel(appointment_id=freed.pk, now=clock.now)
        seen = anybody.get(answer["Location"]).json()
        assert (seen["state"], seen["slot"]["index"], seen["offered_until"]) == ("offered", 1, at("08:20").isoformat())
        accept = f"{answer['Location']}accept/"
        made = anybody.post(accept).json()
        assert (made["state"], made["slot"]["index"]) == ("booked", 1)
        assert anybody.post(accept).json() == made
        assert anybody.get(answer["Location"]).json()["appointment"] == made["token"]

    def test_an_offer_that_is_over_goes_to_the_next_when_somebody_looks(self, anybody, full, clock):
        first = join(anybody, full)["Location"]
        second = join(anybody, full, patient=WANG | {"id_number": "11010119900307002X", "phone": "13700000000"})[
            "Location"
        ]
        endings.cancel(appointment_id=full.appointments.first().pk, now=clock.now)
        clock.turn_to("08:20")
        answer = anybody.post(f"{first}accept/")
        assert (answer.status_code, answer.json()["code"]) == (409, "offer_over")
        assert anybody.get(second).json()["state"] == "offered"
        assert anybody.get(first).json()["state"] == "lapsed"
        assert anybody.delete(second).json()["state"] == "declined"

    def test_a_refusal_has_its_code(self, anybody, full, drawn):
        assert join(anybody, ahead()).json()["code"] == "numbers_left"
        assert join(anybody, drawn).json()["code"] == "ballot_open"
        assert join(anybody, full, slot=drawn.slots.first().pk).json()["code"] == "no_such_slot"
        assert join(anybody, full).status_code == 201
        assert join(anybody, full).json()["code"] == "waits_already"
        assert anybody.get(f"{API}/waitlist/{'x' * 22}/").json()["code"] == "not_waiting"
