"""What the demonstration's people can do, done as people do it: pages and REST of the running server."""

import http.client
import json
import logging
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime
from http.cookiejar import CookieJar
from typing import Any

from queueboard.demo.clinic import password_of
from queueboard.demo.hands import Away, Refused
from queueboard.demo.invented import Person

log = logging.getLogger(__name__)

PATIENCE = 10.0  # seconds
LOGIN = "/admin/login/"
LOGIN_AGAIN = 300.0  # seconds after a login that was refused: somebody has changed the password


class Web:
    """One browser for each login and one for all patients. `base`: http://host:port."""

    def __init__(self, base: str) -> None:
        self._base = base.rstrip("/")
        self._browsers: dict[str, Browser] = {"": Browser(self._base)}

    def book(self, *, slot_id: int, person: Person, first_visit: bool, now: datetime) -> None:
        self._post("", "appointments/", slot=slot_id, first_visit=first_visit, patient=_patient(person))

    def check_in(self, *, who: str, token: str, now: datetime) -> None:
        self._post(who, f"appointments/{token}/check-in/")

    def walk_in(self, *, who: str, session_id: int, person: Person, first_visit: bool, now: datetime) -> None:
        self._post(who, f"queues/{session_id}/walk-ins/", first_visit=first_visit, patient=_patient(person))

    def call_next(self, *, who: str, session_id: int, room_id: int, seen: int | None, now: datetime) -> None:
        self._post(who, f"queues/{session_id}/call-next/", room=room_id, seen=seen)

    def ticket(self, action: str, *, who: str, ticket_id: int, now: datetime, **details: Any) -> None:
        self._post(who, f"staff/tickets/{ticket_id}/{action}/", **details)

    def room(self, action: str, *, who: str, session_id: int, room_id: int, now: datetime, **details: Any) -> None:
        self._post(who, f"queues/{session_id}/{action}/", room=room_id, **details)

    def close(self, *, who: str, session_id: int, now: datetime) -> None:
        self._post(who, f"queues/{session_id}/close/", reason="")

    def look(self, *, token: str) -> None:
        self._browsers[""].ask("GET", f"/t/{token}/")

    def _post(self, who: str, path: str, **body: Any) -> None:
        if who not in self._browsers:
            self._browsers[who] = Browser(self._base, login=who)
        self._browsers[who].ask("POST", f"/api/v1/{path}", body)


class Browser:
    """Cookies of one person; logs in where `login` is given, again after a session has run out."""

    def __init__(self, base: str, *, login: str = "") -> None:
        self._base = base
        self._login = login
        self._cookies = CookieJar()
        # The demonstration talks to its own machine: no proxy of the environment comes between.
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(self._cookies)
        )
        self._logged_in = not login
        self._no_login_until = 0.0

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> None:
        """One request. Raises Refused with the problem's code, Away where nobody answers."""
        if not self._logged_in:
            self._log_in()
        status, text = self._send(method, path, body)
        if status in (401, 403) and self._login and _code(text) != "permission_denied":
            self._log_in()
            status, text = self._send(method, path, body)
        if status >= 500:
            log.warning("%s %s: status %d", method, path, status)
            raise Away(status) if status != 500 else Refused("http_500")
        if status >= 400:
            raise Refused(_code(text) or f"http_{status}")

    def _log_in(self) -> None:
        if time.monotonic() < self._no_login_until:
            raise Refused("login")
        self._cookies.clear()
        self._send("GET", LOGIN)
        form = {"username": self._login, "password": password_of(self._login), "next": "/healthz"}
        self._send("POST", LOGIN, form=form | {"csrfmiddlewaretoken": self._cookie("csrftoken")})
        self._logged_in = bool(self._cookie("sessionid"))
        if not self._logged_in:
            log.warning("the demonstration cannot log in as %s", self._login)
            self._no_login_until = time.monotonic() + LOGIN_AGAIN
            raise Refused("login")

    def _send(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, form: dict[str, str] | None = None
    ) -> tuple[int, str]:
        headers = {"Accept": "application/json, text/html", "X-CSRFToken": self._cookie("csrftoken")}
        data = None
        if form is not None:
            data = urllib.parse.urlencode(form).encode()
        elif body is not None:
            data = json.dumps(body, default=datetime.isoformat).encode()
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(self._base + path, data=data, headers=headers, method=method)
        try:
            with self._opener.open(request, timeout=PATIENCE) as answer:
                return answer.status, answer.read().decode(errors="replace")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            raise Away(str(error)) from error

    def _cookie(self, name: str) -> str:
        return next((cookie.value or "" for cookie in self._cookies if cookie.name == name), "")


def _patient(person: Person) -> dict[str, str]:
    return {
        "name": person.name,
        "id_type": person.id_type,
        "id_number": person.id_number,
        "phone": person.phone,
        "language": person.language,
    }


def _code(text: str) -> str:
    """The code of a problem (RFC 9457), "" for anything else."""
    found = re.search(r'"code":\s*"([a-z_0-9]+)"', text)
    return found[1] if found else ""
