"""What the demonstration's people can do, and doing it through the services (on any clock: seeding, tests)."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from django.contrib.auth import get_user_model

from booking.errors import BookingError
from booking.models import Appointment
from booking.services import appointments, patients
from queueboard.demo.invented import Person
from queueboard.services import arrivals, calls, hand_over, lifecycle, returns, rooms


class Refused(Exception):
    """The clinic said no: `code` says why. Where people press the same buttons, that is part of the day."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Away(Exception):
    """Nobody answers just now: try again later."""


class Hands(Protocol):
    """`who` is the login that acts, `now` the moment (of no meaning where the clock is the server's own).

    Each raises Refused where it is not allowed, Away where nobody answers.
    """

    def book(self, *, slot_id: int, person: Person, first_visit: bool, now: datetime) -> None: ...

    def check_in(self, *, who: str, token: str, now: datetime) -> None: ...

    def walk_in(self, *, who: str, session_id: int, person: Person, first_visit: bool, now: datetime) -> None: ...

    def call_next(self, *, who: str, session_id: int, room_id: int, seen: int | None, now: datetime) -> None: ...

    def ticket(self, action: str, *, who: str, ticket_id: int, now: datetime, **details: Any) -> None:
        """start, finish, miss, recall, put-back, send-for-test, return-visit, leave; priority (priority, reason);
        hand-over (to_session, reason)."""

    def room(self, action: str, *, who: str, session_id: int, room_id: int, now: datetime, **details: Any) -> None:
        """pause (until, reason), resume."""

    def close(self, *, who: str, session_id: int, now: datetime) -> None: ...

    def look(self, *, token: str) -> None:
        """A patient opens the own page."""


TICKETS: dict[str, Callable[..., Any]] = {
    "start": calls.start,
    "finish": calls.finish,
    "miss": calls.miss,
    "recall": calls.recall,
    "put-back": returns.put_back,
    "send-for-test": returns.send_for_test,
    "return-visit": returns.return_visit,
    "priority": returns.set_priority,
    "leave": arrivals.leave,
    "hand-over": hand_over.hand_over,
}
ROOMS: dict[str, Callable[..., Any]] = {"pause": rooms.pause, "resume": rooms.resume}


class Services:
    """The same doings as calls of the services."""

    def __init__(self) -> None:
        self._users: dict[str, Any] = {}

    def book(self, *, slot_id: int, person: Person, first_visit: bool, now: datetime) -> None:
        patient_id = _patient(person)
        _do(appointments.book, patient_id=patient_id, slot_id=slot_id, first_visit=first_visit, now=now)

    def check_in(self, *, who: str, token: str, now: datetime) -> None:
        pk = Appointment.objects.values_list("pk", flat=True).get(token=token)
        _do(arrivals.check_in, appointment_id=pk, actor=self._user(who), now=now)

    def walk_in(self, *, who: str, session_id: int, person: Person, first_visit: bool, now: datetime) -> None:
        patient_id, actor = _patient(person), self._user(who)
        _do(
            arrivals.register_walk_in,
            session_id=session_id, patient_id=patient_id, first_visit=first_visit, actor=actor, now=now,
        )  # fmt: skip

    def call_next(self, *, who: str, session_id: int, room_id: int, seen: int | None, now: datetime) -> None:
        actor = self._user(who)
        _do(calls.call_next, session_id=session_id, room_id=room_id, seen=seen, actor=actor, now=now)

    def ticket(self, action: str, *, who: str, ticket_id: int, now: datetime, **details: Any) -> None:
        if "to_session" in details:
            details["to_session_id"] = details.pop("to_session")
        _do(TICKETS[action], ticket_id=ticket_id, actor=self._user(who), now=now, **details)

    def room(self, action: str, *, who: str, session_id: int, room_id: int, now: datetime, **details: Any) -> None:
        _do(ROOMS[action], session_id=session_id, room_id=room_id, actor=self._user(who), now=now, **details)

    def close(self, *, who: str, session_id: int, now: datetime) -> None:
        _do(lifecycle.close_session, session_id=session_id, actor=self._user(who), now=now)

    def look(self, *, token: str) -> None:
        """There is no page without a server."""

    def _user(self, who: str) -> Any:
        if who not in self._users:
            self._users[who] = get_user_model().objects.get(username=who)
        return self._users[who]


def _do(service: Callable[..., Any], **arguments: Any) -> None:
    try:
        service(**arguments)
    except BookingError as error:
        raise Refused(error.code) from error


def _patient(person: Person) -> int:
    try:
        return patients.find_or_make(
            name=person.name,
            id_type=person.id_type,
            id_number=person.id_number,
            phone=person.phone,
            language=person.language,
        ).pk
    except BookingError as error:
        raise Refused(error.code) from error
