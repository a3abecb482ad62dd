"""Calling through the API: every action, pressed twice, and taken back (R4.4, R4.8 to R4.10)."""

import pytest

from queueboard.models import QueueEvent
from queueboard.services import arrivals
from tests import factories
from tests.factories import at

API = "/api/v1"
pytestmark = pytest.mark.django_db


@pytest.fixture
def line(morning):
    """Three walk-ins, in the order of their numbers."""
    return [
        arrivals.register_walk_in(session_id=morning.pk, patient_id=factories.patient().pk, now=at(clock))
        for clock in ("07:10", "07:20", "07:30")
    ]


class Desk:
    """Presses of one user in one session."""

    def __init__(self, client, session, room):
        self.client, self.session, self.room = client, session, room

    def press(self, action, **body):
        answer = self.client.post(f"{API}/queues/{self.session.pk}/{action}/", body)
        assert answer.status_code < 300, answer.content
        return answer.json() if answer.status_code != 204 else None

    def next(self, **body):
        return self.press("call-next", room=self.room, **body)

    def on(self, ticket, action, status=200, **body):
        answer = self.client.post(f"{API}/staff/tickets/{ticket.pk}/{action}/", body)
        assert answer.status_code == status, answer.content
        return answer.json()

    def queue(self):
        return self.client.get(f"{API}/queues/{self.session.pk}/staff/").json()


@pytest.fixture
def desk(expert, morning, room):
    return Desk(expert, morning, room)


def test_next_finishes_who_is_in_and_calls_the_first_in_order(desk, line):
    assert (desk.next()["id"], desk.next()["id"]) == (line[0].pk, line[1].pk)
    states = {ticket["id"]: ticket["state"] for ticket in desk.queue()["tickets"]}
    assert states == {line[0].pk: "done", line[1].pk: "called", line[2].pk: "waiting"}


def test_next_pressed_twice_with_what_was_seen_is_pressed_once(desk, line):
    """Issue: a double press is one press."""
    assert desk.next(seen=None)["id"] == line[0].pk
    assert desk.next(seen=None)["id"] == line[0].pk
    assert QueueEvent.objects.filter(kind="call").count() == 1
    assert desk.next(seen=line[0].pk)["id"] == line[1].pk


def test_next_with_nobody_waiting_has_no_content(desk):
    assert desk.next() is None


def test_a_visit_from_call_to_return(desk, line, clock):
    first = line[0]
    desk.next()
    assert desk.on(first, "recall", seen=1)["calls"] == 2
    assert desk.on(first, "recall", seen=1)["calls"] == 2
    assert desk.on(first, "start")["state"] == "serving"
    assert desk.on(first, "send-for-test")["state"] == "away"
    assert desk.on(first, "return-visit", reason="result is there")["state"] == "waiting"
    assert desk.on(first, "finish", status=409)["code"] == "action_refused"


def test_a_missed_patient_reports_back(desk, line):
    """R4.8."""
    desk.next()
    assert desk.on(line[0], "miss")["misses"] == 1
    assert desk.on(line[0], "miss")["misses"] == 1
    assert desk.on(line[0], "put-back")["state"] == "waiting"


def test_the_staff_sees_names_order_and_why(desk, line):
    desk.on(line[2], "priority", priority="emergency", reason="chest pain")
    queue = desk.queue()
    assert [each["ticket"] for each in queue["waiting"]] == [line[2].pk, line[0].pk, line[1].pk]
    assert queue["waiting"][0]["place"] == "emergency"
    assert queue["waiting"][1]["worse"][0]["by"] == 1
    assert {each["name"] for each in queue["tickets"]} == {ticket.patient.name for ticket in line}
    assert queue["rooms"][0]["mine"] is True


def test_a_priority_needs_a_reason(desk, line):
    """R4.9."""
    for reason in ("", "   "):
        assert desk.on(line[2], "priority", status=400, priority="priority", reason=reason)["code"] == "invalid"


def test_an_expert_does_not_get_the_links_of_patients_and_the_desk_does(desk, clerk, morning, room, line):
    assert {each["token"] for each in desk.queue()["tickets"]} == {None}
    seen = Desk(clerk, morning, room).queue()["tickets"]
    assert {each["token"] for each in seen} == {ticket.token for ticket in line}


def test_pause_says_until_when_and_resume_ends_it(desk, line):
    room = desk.press("pause", room=desk.room, until="2026-11-16T10:20:00+08:00", reason="round")
    assert (room["paused"]["reason"], room["paused"]["until"]) == ("round", "2026-11-16T10:20:00+08:00")
    refused = desk.client.post(f"{API}/queues/{desk.session.pk}/call-next/", {"room": desk.room})
    assert (refused.status_code, refused.json()["code"]) == (409, "paused")
    assert desk.press("resume", room=desk.room)["paused"] is None


def test_changing_the_room_takes_the_patient_along(desk, line):
    other = factories.room(desk.session.department)
    desk.next()
    for _press in range(2):
        moved = desk.press("change-room", room=desk.room, to_room=other.pk)
        assert (moved["id"], moved["ticket"]) == (other.pk, line[0].pk)


def test_a_step_is_offered_for_undo_and_taken_back_once(desk, line):
    """R4.10."""
    desk.next()
    offered = desk.queue()["undo"]
    assert (offered["kind"], offered["label"]) == ("call", line[0].label)
    first = desk.press("undo", event=offered["id"])
    assert (first["kind"], first["id"]) == ("undo", desk.press("undo", event=offered["id"])["id"])
    assert [each["ticket"] for each in desk.queue()["waiting"]] == [ticket.pk for ticket in line]


def test_a_step_that_something_has_followed_from_stays(desk, line):
    """R4.10."""
    desk.next()
    step = desk.queue()["undo"]["id"]
    desk.on(line[0], "start")
    answer = desk.client.post(f"{API}/queues/{desk.session.pk}/undo/", {"event": step})
    assert (answer.status_code, answer.json()["code"]) == (409, "followed")


def test_a_patient_goes_on_to_another_session(desk, line):
    other = factories.session(of=desk.session.department, state="running")
    new = desk.on(line[0], "hand-over", to_session=other.pk, reason="other specialty")
    assert (new["session"], new["state"]) == (other.pk, "waiting")
    assert desk.on(line[0], "hand-over", to_session=other.pk)["id"] == new["id"]


def test_giving_up_twice_is_giving_up_once(desk, line):
    for _press in range(2):
        assert desk.on(line[0], "leave", reason="tired")["state"] == "left"
    assert QueueEvent.objects.filter(kind="leave").count() == 1


def test_a_chosen_patient_is_called_out_of_turn(desk, line):
    called = desk.on(line[2], "call", room=desk.room)
    assert (called["state"], called["room"]) == ("called", desk.room)


def test_a_manager_stops_hands_over_and_closes(manager, morning, room, line):
    other = factories.session(of=morning.department, state="running")
    desk = Desk(manager, morning, room)
    assert desk.press("stop", reason="expert ill")["stopped_early"] is True
    moved = desk.press("hand-over-all", to_session=other.pk, reason="expert ill")["tickets"]
    assert [each["session"] for each in moved] == [other.pk] * 3
    assert desk.press("close")["state"] == "closed"
    assert desk.press("close")["state"] == "closed"


def test_the_whole_queue_needs_a_bounded_number_of_queries(desk, line, morning, django_assert_max_num_queries):
    def read():
        with django_assert_max_num_queries(45):
            assert desk.queue()["tickets"]

    read()
    for _more in range(15):
        arrivals.register_walk_in(session_id=morning.pk, patient_id=factories.patient().pk)
    read()


def test_in_a_pooled_session_each_room_calls_its_own_next(manager):
    """R1.5."""
    pooled = factories.session(rooms=2, state="running")
    for _patient in range(2):
        arrivals.register_walk_in(session_id=pooled.pk, patient_id=factories.patient().pk)
    labels = [Desk(manager, pooled, seat.room_id).next()["label"] for seat in pooled.rooms.all()]
    assert labels == ["A001", "A002"]


def test_what_added_numbers_would_do_is_asked_before(morning, clerk, expert, manager):
    """R3.2b: 42 numbers of six minutes are 12 minutes over; nothing is added yet."""
    slot = morning.slots.get(index=3)
    address, asked = f"{API}/queues/{morning.pk}/added-numbers/", {"slot": slot.pk, "count": 2}
    assert clerk.get(address, asked).status_code == 403
    for who in (expert, manager):
        would = who.get(address, asked).json()
        assert (would["over"], would["over_now"], would["for_walk_ins"]) == (24, 12, True)
        assert len(would["words"]) == 3
    assert expert.get(address, {"slot": 10**9}).json()["code"] == "no_such_slot"
    assert morning.slots.get(index=3).numbers == slot.numbers


def test_the_expert_or_a_manager_adds_numbers_with_a_reason(morning, clerk, expert, other_expert, manager):
    """R3.2b."""
    slot = morning.slots.get(index=2)
    address, sent = f"{API}/queues/{morning.pk}/added-numbers/", {"slot": slot.pk, "reason": "a colleague's patient"}
    for who, status in ((clerk, 403), (other_expert, 403), (expert, 201), (manager, 201)):
        assert who.post(address, sent).status_code == status
    assert morning.slots.get(index=2).left_walk_in == slot.left_walk_in + 2
    assert expert.post(address, sent | {"reason": " "}).json()["code"] == "invalid"
    assert expert.post(address, sent | {"slot": 10**9}).json()["code"] == "no_such_slot"
    assert expert.post(address, sent | {"count": 99}).json()["code"] == "limit_added"
