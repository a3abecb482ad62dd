"""R6.2: what is taken out of every line that is logged, and what is left in."""

import logging

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.http import QueryDict
from django.test import RequestFactory

from queueboard.discreet import HIDDEN, Reporter, discreet

TOKEN = "okA1dDhP8lJWNY4cfgvVbw"


@pytest.mark.parametrize(
    ("said", "written"),
    [
        (f"Not Found: /t/{TOKEN}/", f"Not Found: /t/{HIDDEN}/"),
        (f'"GET /api/v1/tickets/{TOKEN}/ HTTP/1.1" 200', f'"GET /api/v1/tickets/{HIDDEN}/ HTTP/1.1" 200'),
        (f"/api/v1/appointments/{TOKEN}/move/", f"/api/v1/appointments/{HIDDEN}/move/"),
        (f"/pay/demo/{'0123456789abcdef' * 2}/", f"/pay/demo/{HIDDEN}/"),
        ("GET /find/?q=%E5%BC%A0 HTTP/1.1", f"GET /find/?{HIDDEN} HTTP/1.1"),
        ("phone 13812345678, or +86 138 1234 5678", f"phone {HIDDEN}, or {HIDDEN}"),
        ("ID 11010119900307803x.", f"ID {HIDDEN}."),
        ("null value\nDETAIL:  Failing row contains (1, 张三,\nx).", f"null value\nDETAIL: {HIDDEN}"),
        ("no such column\nLINE 1: SELECT '张三'\n             ^", f"no such column\nLINE {HIDDEN}\n             ^"),
    ],
)
def test_what_is_a_patients_is_hidden(said, written):
    assert discreet(said) == written


@pytest.mark.parametrize(
    "said",
    [
        'File "/srv/queueboard/.venv/lib/python3.11/site-packages/django/core/handlers/exception.py", line 55',
        "/admin/booking/patient/17/change/",
        "/static/js/simulation_words.js",
        "2026-11-27 05:11:54,769 session 12345678901234 took 1.234567 s; what? a=b",
        "redis://127.0.0.1:6379/15",
    ],
)
def test_what_helps_to_find_a_fault_stays(said):
    assert discreet(said) == said


def test_what_is_logged_keeps_its_arguments_and_their_kinds(caplog):
    """uvicorn's formatter takes them apart."""
    logging.getLogger("uvicorn.access").warning('%s - "%s %s" %d', "127.0.0.1:1", "GET", f"/t/{TOKEN}/", 200)
    assert caplog.records[0].args == ("127.0.0.1:1", "GET", f"/t/{HIDDEN}/", 200)
    logging.getLogger("x").warning("%(what)s: %(error)s", {"what": "no", "error": ValueError("13812345678")})
    assert caplog.messages[1] == f"no: {HIDDEN}"


def failing(request: WSGIRequest, phone: str) -> str:
    """The report of a fault in a view that knew a phone."""
    name = "张三"
    try:
        raise RuntimeError(f"no answer for {phone}")
    except RuntimeError as error:
        assert name
        return str(Reporter(request, type(error), error, error.__traceback__).get_traceback_html())


def test_an_error_report_holds_neither_what_was_sent_nor_what_variables_held(settings):
    request = RequestFactory().post(f"/t/{TOKEN}/?name=李四", {"name": "李四"}, headers={"cookie": "seen=abcdef"})
    request.session = {}
    assert isinstance(request.POST, QueryDict)
    for settings.DEBUG in (False, True):
        report = failing(request, "13812345678")
        assert "RuntimeError" in report
        assert "failing" in report
        for secret in ("13812345678", "张三", "李四", TOKEN, "abcdef", "%E6%9D%8E"):
            assert secret not in report.replace('name = "张三"', "")
