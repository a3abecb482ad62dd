"""Bad input is told as problem details (RFC 9457), in the language asked for; never a fault of the server."""

import subprocess
import sys

import pytest
from django.test import RequestFactory
from django.utils import translation
from rest_framework.exceptions import MethodNotAllowed

from queueboard.problems import server_error

API = "/api/v1"
pytestmark = pytest.mark.django_db


def told(answer, status, code):
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert {"type", "title", "status", "code", "detail"} <= set(body)
    assert (body["status"], body["code"]) == (status, code)
    return body


def test_it_can_be_the_first_that_is_imported():
    """Which of a circle of modules comes first is chance: DRF's settings name the parser, which names its problems."""
    code = "import django; django.setup(); import queueboard.problems"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("address", ["/api/v1/nowhere/", "/api/v2/queues/", "/api/v1/queues", "/api/v1/queues/0/"])
@pytest.mark.parametrize("method", ["get", "post", "delete", "put"])
def test_an_address_that_is_none_is_a_problem_and_not_a_page(anybody, address, method):
    told(getattr(anybody, method)(address), 404, "not_found")


@pytest.mark.parametrize(
    "address",
    [
        "/api/v1/queues/99999999999999999999/", "/api/v1/tickets/%00/", "/api/v1/tickets/..%2F..%2Fetc/",
        "/api/v1/tickets/" + "a" * 3000 + "/", "/api/v1/queues/-1/", "/api/v1/sessions/１/",
    ],
)  # fmt: skip
def test_what_no_row_can_be_called_is_not_found(anybody, address):
    told(anybody.get(address), 404, "not_found")


def test_a_method_that_is_none_says_which_are(anybody):
    answer = anybody.put(f"{API}/departments/")
    told(answer, 405, "method_not_allowed")
    assert "GET" in answer["Allow"]


@pytest.mark.parametrize("body", ['{"slot": ', "[" * 60_000, "\xff\xfe", '{"slot": NaN}', "1" * 5000, '"\\ud800"'])
def test_what_is_no_json_is_a_parse_error(anybody, body):
    data = body.encode("latin-1")
    told(anybody.generic("POST", f"{API}/appointments/", data, content_type="application/json"), 400, "parse_error")


@pytest.mark.parametrize("body", ["[]", "3", "null", '"text"', "[{}]"])
def test_json_that_is_no_object_is_not_valid(anybody, body):
    told(anybody.generic("POST", f"{API}/appointments/", body, content_type="application/json"), 400, "invalid")


def test_other_kinds_of_body_are_refused(anybody):
    answer = anybody.generic("POST", f"{API}/appointments/", "slot=1", content_type="application/x-www-form-urlencoded")
    told(answer, 415, "unsupported_media_type")


def test_a_huge_body_is_not_read_to_its_end(anybody):
    answer = anybody.generic("POST", f"{API}/appointments/", b'"' + b"x" * 3_000_000, content_type="application/json")
    told(answer, 413, "too_large")


@pytest.mark.parametrize(
    ("asked", "parameter"),
    [
        ({"date": "tomorrow"}, "date"), ({"date": "2026-02-30"}, "date"), ({"state": "sleeping"}, "state"),
        ({"department": "a/b"}, "department"), ({"department": "A B"}, "department"),
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_named(anybody, asked, parameter):
    body = told(anybody.get(f"{API}/sessions/", asked), 400, "invalid")
    assert [each["parameter"] for each in body["errors"]] == [parameter]


def test_what_no_database_can_look_for_is_refused(anybody, clerk):
    told(anybody.get(f"{API}/sessions/", {"department": "a\x00b"}), 400, "invalid")
    told(clerk.post(f"{API}/find/", {"q": "a\x00b"}), 400, "invalid")


@pytest.mark.parametrize("page", [{"limit": "x"}, {"offset": "9" * 30}, {"limit": "-1"}, {"limit": "9" * 30}])
def test_pages_that_are_none_break_nothing(anybody, page):
    assert anybody.get(f"{API}/sessions/", page).status_code == 200


def test_a_slot_of_the_wrong_kind_is_pointed_at(anybody):
    for slot in ("x", -1, 2**63, 1.5, None, [], {}, "9" * 4000):
        body = told(anybody.post(f"{API}/appointments/", {"slot": slot}), 400, "invalid")
        assert {each["pointer"] for each in body["errors"]} == {"#/slot", "#/patient"}, slot


def test_a_time_without_offset_is_refused(clerk, morning, room):
    for until in ("2026-11-16T10:20:00", "10:20", 5, True, "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"):
        body = told(clerk.post(f"{API}/queues/{morning.pk}/pause/", {"room": room, "until": until}), 400, "invalid")
        assert [each["pointer"] for each in body["errors"]] == ["#/until"], until


def test_a_missing_room_is_pointed_at(clerk, morning):
    body = told(clerk.post(f"{API}/queues/{morning.pk}/call-next/"), 400, "invalid")
    assert body["errors"][0] | {"detail": ""} == {"pointer": "#/room", "code": "required", "detail": ""}


def test_an_unknown_room_session_ticket_or_step_is_refused(clerk, manager, morning):
    told(clerk.post(f"{API}/queues/{morning.pk}/call-next/", {"room": 999_999}), 400, "wrong_room")
    told(clerk.post(f"{API}/queues/999999/call-next/", {"room": 1}), 404, "no_session")
    told(clerk.post(f"{API}/staff/tickets/999999/start/"), 404, "no_ticket")
    told(clerk.post(f"{API}/queues/{morning.pk}/undo/", {"event": 999_999}), 404, "no_event")
    told(clerk.post(f"{API}/queues/{morning.pk}/walk-ins/", {"patient_id": 999_999}), 404, "no_patient")
    told(manager.post(f"{API}/queues/999999/close/"), 404, "no_session")
    told(manager.post(f"{API}/queues/{morning.pk}/hand-over-all/", {}), 400, "invalid")


@pytest.mark.parametrize("language", ["en", "zh-hans", "zh-hant"])
def test_the_language_of_the_answer_is_the_one_asked_for(anybody, language):
    answer = anybody.put(f"{API}/departments/", HTTP_ACCEPT_LANGUAGE=language)
    assert answer["Content-Language"] == language
    with translation.override(language):
        assert told(answer, 405, "method_not_allowed")["detail"] == str(MethodNotAllowed("PUT").detail)


def test_a_fault_of_ours_is_a_problem_too_without_its_details():
    answer = server_error(RequestFactory().get("/api/v1/queues/"))
    assert (answer.status_code, answer["Content-Type"]) == (500, "application/problem+json")
    assert server_error(RequestFactory().get("/lookup/"))["Content-Type"].startswith("text/html")
