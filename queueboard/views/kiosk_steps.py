"""What each key of the kiosk does to the flow. What changes a queue is a service's: pressed twice it is done once."""

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.http import QueryDict
from django.utils.translation import get_language

from booking import identity
from booking.errors import BookingError
from booking.models import Patient, Session
from booking.services import patients
from queueboard.errors import QueueError
from queueboard.kiosk import people, reading, visits
from queueboard.kiosk.flow import Flow
from queueboard.kiosk.models import Kiosk
from queueboard.kiosk.visits import OPEN, Standing, Visit
from queueboard.models import Ticket
from queueboard.services import arrivals, lifecycle
from queueboard.services.queue import LIVE

FOUR = re.compile(r"[0-9A-Z]{4}")
LONGEST = 200  # characters of what is scanned or typed


@dataclass(frozen=True, slots=True)
class Press:
    """One key pressed. `place`: what tries are counted by."""

    kiosk: Kiosk
    sent: QueryDict
    place: str
    now: datetime

    def words(self, name: str) -> str:
        """What was typed, without what no database takes."""
        return self.sent.get(name, "")[:LONGEST].replace("\0", "").strip()


def take(flow: Flow, press: Press) -> None:
    """One step of the flow. A key that is not on this screen (pressed before the last answer came) does nothing."""
    do = press.sent.get("do", "")
    step = ALWAYS.get(do) or STEPS.get((flow.step, do))
    if step is None:
        return
    flow.problem = ""
    try:
        step(flow, press)
    except QueueError as error:
        _stop(flow, error.code)


def _anew(flow: Flow, _press: Press) -> None:
    """Nothing is left of whoever was here before, nor the language."""
    blank = Flow(kiosk=flow.kiosk)
    for each in fields(flow):
        setattr(flow, each.name, getattr(blank, each.name))


def _language(flow: Flow, press: Press) -> None:
    asked = press.sent.get("language", "")
    if asked in dict(settings.LANGUAGES):
        flow.language = asked


def _check_in(flow: Flow, _press: Press) -> None:
    flow.step, flow.session = "who", None


def _again(flow: Flow, _press: Press) -> None:
    """What was typed is forgotten; the queue that a walk-in chose stays chosen."""
    flow.step, flow.patients, flow.id_number, flow.name = "who", [], "", ""


def _walk_in(flow: Flow, press: Press) -> None:
    """The list of queues. One whose registration is due opens now, should the task be late (R3.5)."""
    if not press.kiosk.walk_ins:
        return
    flow.step, flow.session = "experts", None
    planned = Session.objects.filter(department__kiosks=press.kiosk, state=Session.State.PLANNED)
    due = planned.filter(registration_opens_at__lte=press.now, ends_at__gt=press.now)
    for pk in due.values_list("pk", flat=True):
        lifecycle.open_registration(session_id=pk, now=press.now)


def _scan(flow: Flow, press: Press) -> None:
    """Whoever scans a code begins anew, in the language chosen at the start, whatever else was on the screen."""
    if not press.words("q"):
        return
    language = flow.language if flow.step == "start" else ""
    _anew(flow, press)
    flow.step, flow.language = "who", language
    _who(flow, press)


# --- who


def _who(flow: Flow, press: Press) -> None:
    read = reading.read(press.words("q"))
    if read is None:
        flow.problem = "wrong"
        return None
    if read.token:
        visit = visits.with_token(read.token, press.kiosk, press.now)
        if visit is None:
            return _stop(flow, "not_found")
        if flow.session is None:
            return _arrive(flow, press, [visit])
        return _known(flow, press, [visit.row.patient_id])
    if read.patient is not None:
        return _known(flow, press, [read.patient])
    if read.phone:
        flow.step, flow.phone = "last_four", read.phone
        return None
    found = people.with_id(read.id_number, place=press.place, now=press.now)
    if not found and read.id_type == Patient.IdType.RESIDENT:
        flow.id_number, flow.name = read.id_number, read.name
    return _known(flow, press, found)


def _last_four(flow: Flow, press: Press) -> None:
    end = press.words("four").upper()
    if not FOUR.fullmatch(end):
        flow.problem = "four"
        return
    phone, flow.phone = flow.phone, ""
    found: list[int] = []
    number = identity.plain(Patient.IdType.OTHER, phone)
    if number.endswith(end):
        # Some passports have digits only: that was the ID, and this is its end.
        found = people.with_id(number, place=press.place, now=press.now)
    if not found:
        found = people.with_phone(phone, end, place=press.place, now=press.now)
    _known(flow, press, found)


def _known(flow: Flow, press: Press, found: list[int]) -> None:
    flow.patients = found
    if flow.session is not None:
        _before_offer(flow)
    else:
        _arrive(flow, press, visits.of_patients(found, press.kiosk, press.now))


# --- check-in


def _arrive(flow: Flow, press: Press, found: list[Visit]) -> None:
    """Checks in where there is one thing to do; else asks which, or says what is the matter."""
    if found and not flow.patients:
        flow.patients = sorted({each.row.patient_id for each in found})
    ready = [each for each in found if each.standing in OPEN]
    if len(ready) == 1:
        return _enter(flow, press, ready[0])
    if ready:
        flow.step, flow.visits = "which", [each.row.token for each in ready]
        return None
    if not found:
        return _stop(flow, "not_found")
    first = found[0].standing
    return _stop(flow, first, [each.row.token for each in found if each.standing == first])


def _which(flow: Flow, press: Press) -> None:
    chosen = press.sent.get("visit", "")
    token = {str(n): each for n, each in enumerate(flow.visits)}.get(chosen, "")
    visit = visits.with_token(token, press.kiosk, press.now) if token else None
    if visit is not None:
        _arrive(flow, press, [visit])


def _enter(flow: Flow, press: Press, visit: Visit) -> None:
    row = visit.row
    if isinstance(row, Ticket):
        return _done(flow, row)
    try:
        return _done(flow, arrivals.check_in(appointment_id=row.pk, now=press.now))
    except QueueError as error:
        mine = Ticket.objects.filter(patient=row.patient_id, session=row.session_id, state__in=LIVE).first()
        if error.code == "in_queue" and mine is not None:
            return _done(flow, mine)
        # Somebody else has just changed it: what it is now says why.
        now = visits.with_token(row.token, press.kiosk, press.now)
        code = error.code if now is None or now.standing in OPEN else now.standing
        return _stop(flow, code, [row.token])


# --- walk-in


def _choose(flow: Flow, press: Press) -> None:
    chosen = press.sent.get("session", "")
    sessions = Session.objects.filter(department__kiosks=press.kiosk, state__in=Session.LIVE)
    session = sessions.filter(pk=int(chosen)).first() if chosen.isdecimal() and len(chosen) < 12 else None
    if session is None:
        flow.step = "experts"
        return
    flow.session = session.pk
    arrivals.offer_walk_in(session_id=session.pk, now=press.now)
    if flow.patients or flow.id_number:
        _before_offer(flow)
    else:
        flow.step = "who"


def _before_offer(flow: Flow) -> None:
    """Who it is must be one person: known, or new with a resident ID and a name."""
    if len(flow.patients) == 1 or (not flow.patients and flow.id_number and flow.name):
        flow.step = "offer"
    elif not flow.patients and flow.id_number:
        flow.step = "name"
    else:
        _stop(flow, "not_known")


def _name(flow: Flow, press: Press) -> None:
    name = " ".join(press.words("name").split())[:80]
    if sum(character.isalpha() for character in name) < 2:
        flow.problem = "name"
        return
    flow.name = name
    _before_offer(flow)


def _take(flow: Flow, press: Press) -> None:
    session = Session.objects.filter(pk=flow.session or 0, department__kiosks=press.kiosk).first()
    if session is None or not press.kiosk.walk_ins:
        return _stop(flow, "closed")
    try:
        patient = flow.patients[0] if flow.patients else _new_patient(flow)
    except BookingError as error:
        return _stop(flow, error.code)
    try:
        ticket = arrivals.register_walk_in(
            session_id=session.pk,
            patient_id=patient,
            first_visit=not visits.been_before(patient, session),
            now=press.now,
        )
    except QueueError as error:
        if error.code != "has_appointment":
            raise
        booked = error.extra["appointment"]
        assert isinstance(booked, int)
        ticket = arrivals.check_in(appointment_id=booked, now=press.now)
    return _done(flow, ticket)


def _new_patient(flow: Flow) -> int:
    with transaction.atomic():
        return patients.find_or_make(
            name=flow.name,
            id_type=Patient.IdType.RESIDENT,
            id_number=flow.id_number,
            language=get_language() or "",
        ).pk


# --- ends


def _done(flow: Flow, ticket: Ticket) -> None:
    """The ticket is all that is left to show."""
    flow.step, flow.visits = "done", [ticket.token]
    flow.session, flow.phone, flow.patients, flow.id_number, flow.name = None, "", [], "", ""


def _stop(flow: Flow, code: str | Standing, tokens: list[str] | None = None) -> None:
    """What is the matter is said; who it is stays known, as a walk-in may follow."""
    flow.step, flow.problem, flow.visits = "problem", str(code), tokens or []


Step = Callable[[Flow, Press], None]
ALWAYS: dict[str, Step] = {"start": _anew, "language": _language, "scan": _scan}
STEPS: dict[tuple[str, str], Step] = {
    ("start", "check_in"): _check_in,
    ("start", "walk_in"): _walk_in,
    ("who", "who"): _who,
    ("last_four", "four"): _last_four,
    ("which", "visit"): _which,
    ("problem", "again"): _again,
    ("problem", "walk_in"): _walk_in,
    ("problem", "choose"): _choose,
    ("experts", "choose"): _choose,
    ("name", "name"): _name,
    ("offer", "take"): _take,
}
