"""Who may do what: each role against each kind of address."""

import pytest

from booking.models import SessionRoom
from queueboard import access
from queueboard.models import QueueEvent
from queueboard.services import arrivals, calls
from tests import factories
from tests.api.conftest import client_of, user

API = "/api/v1"
pytestmark = [pytest.mark.django_db, pytest.mark.once]

DESK = {"find/": "post", "queues/{session}/walk-in-offer/": "get", "queues/{session}/walk-ins/": "post",
        "appointments/{token}/check-in/": "post"}  # fmt: skip
QUEUE = {"queues/{session}/staff/": "get"} | {
    f"queues/{{session}}/{action}/": "post" for action in ("call-next", "pause", "resume", "change-room", "undo")
}
TICKET = {
    f"staff/tickets/{{ticket}}/{action}/": "post"
    for action in ("call", "recall", "start", "finish", "miss", "put-back", "send-for-test", "return-visit",
                   "priority", "leave", "hand-over")
}  # fmt: skip
MANAGE = {f"queues/{{session}}/{action}/": "post" for action in ("stop", "close", "hand-over-all")}
ALL = DESK | QUEUE | TICKET | MANAGE


@pytest.fixture
def scene(morning, room):
    ticket = arrivals.register_walk_in(session_id=morning.pk, patient_id=factories.patient().pk)
    token = factories.appointment(morning).token
    event = QueueEvent.objects.get(kind="register")
    body = {
        "room": room, "to_room": factories.room(morning.department).pk, "event": event.pk, "reason": "r",
        "priority": "priority", "to_session": factories.session(of=morning.department, state="running").pk,
        "patient": {"name": "李四"}, "q": "A001",
    }  # fmt: skip
    return {"session": morning.pk, "ticket": ticket.pk, "token": token, "body": body}


def asked(client, address, method, scene):
    path = f"{API}/{address}".format(**scene)
    return client.get(path) if method == "get" else client.post(path, scene["body"])


@pytest.mark.parametrize(("address", "method"), ALL.items())
def test_nobody_is_let_in_without_a_login(anybody, scene, address, method):
    answer = asked(anybody, address, method, scene)
    assert (answer.status_code, answer.json()["code"]) == (403, "not_authenticated")


def test_what_staff_and_patients_get_is_kept_by_no_proxy(manager, scene):
    own = {"tickets/{token}/": "get", "appointments/{token}/": "get"}
    for address, method in (ALL | own).items():
        assert "no-store" in asked(manager, address, method, scene)["Cache-Control"], address


@pytest.mark.parametrize(("address", "method"), ALL.items())
def test_a_screen_reads_and_never_acts(screen, scene, address, method):
    assert asked(screen, address, method, scene).status_code == 403
    assert QueueEvent.objects.count() == 1


@pytest.mark.parametrize(("address", "method"), (DESK | QUEUE | TICKET | MANAGE).items())
def test_a_clerk_of_another_department_is_refused(other_clerk, scene, address, method):
    if address.startswith("find/"):
        assert asked(other_clerk, address, method, scene).json()["results"] == []
        return
    answer = asked(other_clerk, address, method, scene)
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    assert QueueEvent.objects.count() == 1


@pytest.mark.parametrize(("address", "method"), (QUEUE | TICKET).items())
def test_an_expert_acts_in_the_own_session_only(other_expert, scene, address, method):
    assert asked(other_expert, address, method, scene).status_code == 403
    assert QueueEvent.objects.count() == 1


@pytest.mark.parametrize(("address", "method"), (DESK | MANAGE).items())
def test_an_expert_does_not_work_the_desk_nor_close_the_session(expert, scene, address, method):
    assert asked(expert, address, method, scene).status_code == 403


@pytest.mark.parametrize(("address", "method"), MANAGE.items())
def test_a_clerk_does_not_stop_or_close_a_session(clerk, scene, address, method):
    assert asked(clerk, address, method, scene).status_code == 403


@pytest.mark.parametrize(("address", "method"), (DESK | QUEUE | TICKET).items())
def test_a_clerk_may_do_all_of_desk_and_queue_in_the_own_department(clerk, scene, address, method):
    """What the state does not allow is refused as such, not as forbidden."""
    assert asked(clerk, address, method, scene).status_code in (200, 201, 409)


@pytest.mark.parametrize(("address", "method"), (QUEUE | TICKET).items())
def test_an_expert_may_do_all_that_calling_needs_in_the_own_room(expert, scene, address, method):
    # The only step there is was the registration, which is the desk's to take back.
    status = asked(expert, address, method, scene).status_code
    assert status == 403 if address.endswith("undo/") else status in (200, 409)


@pytest.mark.parametrize(("address", "method"), ALL.items())
def test_a_manager_may_do_all_everywhere(manager, scene, address, method):
    assert asked(manager, address, method, scene).status_code in (200, 201, 409)


@pytest.mark.parametrize(("address", "method"), ALL.items())
def test_whoever_has_left_the_house_may_do_nothing(morning, scene, address, method):
    who = user("manager", is_active=False)
    assert asked(client_of(who), address, method, scene).status_code == 403


def test_an_expert_of_a_pooled_session_calls_to_the_own_room_only(clock):
    """R1.5."""
    pooled = factories.session(rooms=2, state="running")
    first, second = SessionRoom.objects.filter(session=pooled).order_by("pk")
    who = second.expert.user = user("expert")
    second.expert.save()
    client = client_of(who)
    arrivals.register_walk_in(session_id=pooled.pk, patient_id=factories.patient().pk)
    ticket = calls.call_next(session_id=pooled.pk, room_id=first.room_id)
    assert client.post(f"{API}/queues/{pooled.pk}/call-next/", {"room": first.room_id}).status_code == 403
    assert client.post(f"{API}/staff/tickets/{ticket.pk}/finish/").status_code == 403
    step = QueueEvent.objects.get(kind="call")
    assert client.post(f"{API}/queues/{pooled.pk}/undo/", {"event": step.pk}).status_code == 403
    assert client.post(f"{API}/queues/{pooled.pk}/call-next/", {"room": second.room_id}).status_code == 204
    mine = client.get(f"{API}/queues/{pooled.pk}/staff/").json()["rooms"]
    assert {room["id"]: room["mine"] for room in mine} == {first.room_id: False, second.room_id: True}


def test_a_stop_is_taken_back_by_a_manager_only(clerk, manager, morning):
    manager.post(f"{API}/queues/{morning.pk}/stop/", {"reason": "ill"})
    step = {"event": QueueEvent.objects.get(kind="stop_early").pk}
    assert clerk.post(f"{API}/queues/{morning.pk}/undo/", step).status_code == 403
    assert manager.post(f"{API}/queues/{morning.pk}/undo/", step).status_code == 200


def test_a_step_of_another_queue_is_none_of_this_one(clerk, morning):
    other = factories.session(state="running")
    arrivals.register_walk_in(session_id=other.pk, patient_id=factories.patient().pk)
    answer = clerk.post(f"{API}/queues/{morning.pk}/undo/", {"event": QueueEvent.objects.get().pk})
    assert (answer.status_code, answer.json()["code"]) == (404, "no_event")


def test_a_forged_request_with_the_clerks_cookie_is_refused(clerk, scene):
    """A page elsewhere can make a browser send the cookie; it cannot read the token."""
    clerk.credentials()
    for address, method in (DESK | QUEUE | TICKET).items():
        if method == "post":
            assert asked(clerk, address, method, scene).status_code == 403, address
    assert QueueEvent.objects.count() == 1


def test_departments_and_sessions_of_each_role(morning, clerk, expert, manager, screen):
    other = factories.session()

    def of(client):
        from django.contrib.auth.models import User

        who = User.objects.get(pk=client.session["_auth_user_id"])
        departments = set(access.departments_of(who).values_list("pk", flat=True))
        return departments, set(access.sessions_of(who).values_list("pk", flat=True))

    both = {morning.department_id, other.department_id}
    assert of(clerk) == ({morning.department_id}, {morning.pk})
    assert of(expert) == (set(), {morning.pk})
    assert of(manager) == (both, {morning.pk, other.pk})
    assert of(screen) == (set(), set())
