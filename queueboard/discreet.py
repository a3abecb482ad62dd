"""What patients have told the hospital stays out of logs and error reports, whoever writes them (R6.2).

Every line that is logged in a process of ours is looked through before any handler has it: Django's, uvicorn's,
Celery's or a library's. Names have no pattern: they are kept out by never being logged, and by reports without values.
"""

import logging
import re
import traceback
from collections.abc import Mapping
from numbers import Number
from typing import Any

from django.http import HttpRequest
from django.utils.safestring import SafeString, mark_safe
from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter

HIDDEN = "…"
PATTERNS = (
    # The unguessable part of an address: a patient's token, a payment's number.
    (re.compile(r"(?<=/)(?=[a-z_-]*[A-Z0-9])[A-Za-z0-9_-]{20,}(?![\w.-])"), HIDDEN),
    # What stands after the question mark of an address.
    (re.compile(r"(?<=[\w/])\?[^\s\"'<>]*=[^\s\"'<>]*"), f"?{HIDDEN}"),
    # Resident IDs and mobile phones.
    (re.compile(r"(?<![0-9A-Za-z])\d{17}[0-9Xx](?![0-9A-Za-z])"), HIDDEN),
    (re.compile(r"(?<![0-9A-Za-z])(?:\+?86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?![0-9A-Za-z])"), HIDDEN),
    # PostgreSQL shows whole rows and the statement where one is refused.
    (re.compile(r"DETAIL:.*?(?=\n\n|\nHINT:|\nCONTEXT:|\Z)", re.DOTALL), f"DETAIL: {HIDDEN}"),
    (re.compile(r"^LINE \d+: .*$", re.MULTILINE), f"LINE {HIDDEN}"),
)
# Of a request's environment, what an error report may show.
SHOWN = {"REQUEST_METHOD", "CONTENT_TYPE", "CONTENT_LENGTH", "SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL",
         "HTTP_HOST", "HTTP_ACCEPT", "HTTP_ACCEPT_LANGUAGE", "HTTP_USER_AGENT", "wsgi.url_scheme"}  # fmt: skip


def discreet(text: str) -> str:
    """The text without tokens, queries, ID numbers, phones and rows of the database."""
    for pattern, instead in PATTERNS:
        text = pattern.sub(instead, text)
    return text


class Discreet:
    """Stands for what is logged and no text: written, it is discreet."""

    def __init__(self, of: object) -> None:
        self._of = of

    def __str__(self) -> str:
        return discreet(str(self._of))

    def __repr__(self) -> str:
        return discreet(repr(self._of))


def install() -> None:
    """From now on every record of this process is discreet. Twice is once."""
    plain = logging.getLogRecordFactory()
    if getattr(plain, "discreet", False):
        return

    def record(*args: Any, **kwargs: Any) -> logging.LogRecord:
        made = plain(*args, **kwargs)
        made.msg = _said(made.msg)
        if isinstance(made.args, Mapping):
            made.args = {name: _said(value) for name, value in made.args.items()}
        elif made.args:
            made.args = tuple(_said(value) for value in made.args)
        if made.exc_info and made.exc_info[0] is not None:
            # Formatters keep to a text that is there.
            made.exc_text = discreet("".join(traceback.format_exception(*made.exc_info)).rstrip("\n"))
        return made

    record.discreet = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(record)


def _said(value: object) -> Any:
    if isinstance(value, str):
        return discreet(value)
    return value if value is None or isinstance(value, Number) else Discreet(value)


class ReporterFilter(SafeExceptionReporterFilter):
    """Of a report, neither what was sent nor what any variable held: both may be a patient's."""

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        return _hidden({} if request is None else request.POST)

    def get_traceback_frame_variables(self, request: HttpRequest | None, tb_frame: Any) -> Any:
        return _hidden(tb_frame.f_locals).items()

    def get_safe_request_meta(self, request: HttpRequest) -> dict[str, Any]:
        return {name: value for name, value in super().get_safe_request_meta(request).items() if name in SHOWN}

    def get_safe_cookies(self, request: HttpRequest) -> dict[str, Any]:
        return _hidden(request.COOKIES)


class Reporter(ExceptionReporter):
    """Django's report of an exception, discreet; its page for developers (DEBUG) included."""

    def get_traceback_data(self) -> dict[str, Any]:
        data = super().get_traceback_data()
        if self.request is not None:
            data["request_GET_items"] = _hidden(self.request.GET).items()
        return data

    def get_traceback_text(self) -> SafeString:
        return mark_safe(discreet(super().get_traceback_text()))

    def get_traceback_html(self) -> SafeString:
        return mark_safe(discreet(super().get_traceback_html()))


def _hidden(values: Mapping[str, Any]) -> dict[str, str]:
    return dict.fromkeys(values, HIDDEN)
