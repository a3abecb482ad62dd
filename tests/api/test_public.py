"""What anybody may read: clinic, sessions with what is left, queues, one's own place."""

from datetime import datetime, timedelta

import pytest

from booking.models import Session
from queueboard.services import arrivals, calls
from tests import factories
from tests.factories import at

API = "/api/v1"
pytestmark = pytest.mark.django_db


def waiting(session, name="王小明", **fields):
    who = factories.patient(name, id_number="110101199003070011", phone="13912345678", **fields)
    return arrivals.register_walk_in(session_id=session.pk, patient_id=who.pk)


def test_departments_and_experts_are_named_in_three_languages(anybody, morning):
    department = anybody.get(f"{API}/departments/").json()["results"][0]
    assert department["slug"] == morning.department.slug
    assert set(department["names"]) == {"en", "zh-hans", "zh-hant"}
    experts = anybody.get(f"{API}/experts/", {"department": morning.department.slug}).json()
    assert [each["code"] for each in experts["results"]] == [morning.expert.code]
    assert anybody.get(f"{API}/experts/", {"department": "elsewhere"}).json()["results"] == []


def test_an_expert_who_has_gone_is_not_listed(anybody, morning):
    morning.expert.active = False
    morning.expert.save()
    assert anybody.get(f"{API}/experts/").json()["count"] == 0


def test_a_session_tells_what_is_left_in_each_slot(anybody, morning):
    factories.appointment(morning, 1)
    waiting(morning)
    seen = anybody.get(f"{API}/sessions/{morning.pk}/").json()
    assert [slot["left_bookable"] for slot in seen["slots"]] == [2, 3, 4, 10]
    assert [slot["left_walk_in"] for slot in seen["slots"]] == [9, 6, 6, 0]
    assert seen["left_walk_in"] == 21
    assert len(seen["rooms"]) == 1


def test_walk_in_numbers_of_ended_slots_are_not_counted_as_left(anybody, morning, clock):
    clock.turn_to("09:30")
    seen = anybody.get(f"{API}/sessions/{morning.pk}/").json()
    assert seen["left_walk_in"] == 12


def test_sessions_can_be_booked_from_release_until_registration_opens(anybody, clock):
    """R3.1."""
    tomorrow = at("08:00") + timedelta(days=1)
    ahead = factories.session(day=tomorrow, state="planned", pool_opened_at=None)
    address = f"{API}/sessions/{ahead.pk}/"
    assert anybody.get(address).json()["can_be_booked"] is True
    clock.now = ahead.registration_opens_at
    assert anybody.get(address).json()["can_be_booked"] is False
    clock.now = ahead.released_at - timedelta(seconds=1)
    assert anybody.get(address).json()["can_be_booked"] is False


def test_sessions_are_listed_from_today_on_and_filtered(anybody, morning):
    yesterday = factories.session(day=at("08:00") - timedelta(days=1), state="closed")
    tomorrow = factories.session(day=at("08:00") + timedelta(days=1), state="planned")

    def listed(**asked):
        return [each["id"] for each in anybody.get(f"{API}/sessions/", asked).json()["results"]]

    assert listed() == [morning.pk, tomorrow.pk]
    assert listed(date="2026-11-15") == [yesterday.pk]
    assert listed(state="planned") == [tomorrow.pk]
    assert listed(department=morning.department.slug) == [morning.pk]
    assert listed(expert=tomorrow.expert.code) == [tomorrow.pk]


@pytest.mark.parametrize("address", ["sessions", "queues", "departments", "experts"])
def test_lists_need_as_many_queries_for_many_rows_as_for_one(anybody, morning, address, django_assert_max_num_queries):
    for _more in range(12):
        factories.session(state="running", of=morning.department, rooms=2)
    with django_assert_max_num_queries(4):
        assert anybody.get(f"{API}/{address}/").json()["count"] >= 1


def test_live_queues_are_listed_with_how_many_wait(anybody, morning):
    factories.session(state="planned")
    waiting(morning)
    queues = anybody.get(f"{API}/queues/").json()["results"]
    assert [(each["id"], each["waiting"]) for each in queues] == [(morning.pk, 1)]


def test_a_queue_shows_numbers_and_nothing_else_of_a_patient(anybody, morning):
    """R6.2: no names, IDs, phones or tokens of others."""
    ticket = waiting(morning)
    for address in (f"queues/{morning.pk}/", "queues/", f"sessions/{morning.pk}/"):
        text = anybody.get(f"{API}/{address}").content.decode()
        for secret in ("王", "明", "110101", "1391234", ticket.token):
            assert secret not in text, (address, secret)
    assert anybody.get(f"{API}/queues/{morning.pk}/").json()["waiting"][0]["number"] == ticket.label


def test_a_queue_that_has_not_changed_is_not_sent_again(anybody, morning):
    address = f"{API}/queues/{morning.pk}/"
    etag = anybody.get(address)["ETag"]
    assert anybody.get(address, HTTP_IF_NONE_MATCH=etag).status_code == 304
    waiting(morning)
    assert anybody.get(address, HTTP_IF_NONE_MATCH=etag).status_code == 200


def test_ones_own_place_is_the_number_of_patients_before(anybody, morning, room):
    """R5.1."""
    first = waiting(morning)
    second = arrivals.register_walk_in(session_id=morning.pk, patient_id=factories.patient().pk)
    place = anybody.get(f"{API}/tickets/{second.token}/").json()
    assert (place["state"], place["number"], place["position"]) == ("waiting", second.label, 1)
    assert place["median"] <= place["p90"]
    calls.call_next(session_id=morning.pk, room_id=room)
    assert anybody.get(f"{API}/tickets/{second.token}/").json()["position"] == 0
    called = anybody.get(f"{API}/tickets/{first.token}/").json()
    assert (called["state"], called["room"]["id"], called["times"]) == ("called", room, 1)
    assert called["position"] is None


def test_before_check_in_the_place_is_the_one_that_one_would_have_now(anybody, morning):
    """R5.1; and R5.3, a time to come that has not passed."""
    appointment = factories.appointment(morning, 0)
    waiting(morning)
    place = anybody.get(f"{API}/tickets/{appointment.token}/").json()
    assert (place["state"], place["number"], place["position"]) == ("booked", None, 1)
    assert datetime.fromisoformat(place["come_at"]) >= datetime.fromisoformat(place["at"])
    ticket = arrivals.check_in(appointment_id=appointment.pk)
    assert anybody.get(f"{API}/tickets/{appointment.token}/").json()["number"] == ticket.label


def test_a_place_in_a_session_that_has_not_opened_has_no_position(anybody):
    ahead = factories.session(state="planned", day=at("08:00") + timedelta(days=1), pool_opened_at=None)
    appointment = factories.appointment(ahead)
    place = anybody.get(f"{API}/tickets/{appointment.token}/").json()
    assert (place["state"], place["position"], place["number"]) == ("booked", None, None)


def test_who_was_handed_over_follows_the_same_token(anybody, morning):
    from queueboard.services import hand_over

    other = factories.session(of=morning.department, state=Session.State.RUNNING)
    ticket = waiting(morning)
    hand_over.hand_over(ticket_id=ticket.pk, to_session_id=other.pk)
    place = anybody.get(f"{API}/tickets/{ticket.token}/").json()
    assert (place["session"], place["state"]) == (other.pk, "waiting")
