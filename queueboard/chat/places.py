"""What a chat says of a visit and of a queue: the words of the phone page and of the public pages, as lines of text."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from booking.models import Appointment, BallotEntry, Patient, Session, Slot, WaitlistEntry
from booking.services import waitlist
from queueboard import snapshots
from queueboard.masking import masked
from queueboard.models import Ticket
from queueboard.templatetags.faces import in_words
from queueboard.views import phone_face, public, source, when_to_come
from queueboard.views.texts import Texts

Lines = list[str]


def text(*parts: Sequence[str]) -> str:
    """Parts with an empty line between, without what has nothing to say."""
    return "\n\n".join("\n".join(line for line in part if line) for part in parts if any(part))


def link(name: str, *arguments: object) -> str:
    """The address of a page, as somebody far away opens it."""
    return settings.SITE_URL + reverse(name, args=arguments) if settings.SITE_URL else ""


def ticket(of: Ticket, texts: Texts, now: datetime, *, named: bool) -> Lines:
    """One's own place; `named`: whose, masked as on a board, where several are told of."""
    _snapshot, face = source.ticket(of, texts, now)
    head = [in_words(of.session.names), masked(of.patient.name) if named else ""]
    return [
        " · ".join(filter(None, head)),
        *_state_of_ticket(face["state"] or of.state, of.label, face),
        link("phone", of.token),
    ]


def _state_of_ticket(state: str, number: str, face: dict[str, Any]) -> Lines:
    room = face.get("room", {})
    at_room = in_words(room.get("names"))
    if state == "waiting":
        if "ahead" not in face:  # just back in line: the next snapshot knows the place
            return [number]
        # On the page the number of people stands by itself, in the largest type.
        before = f"{number} · {face['strip_text']}" if face["ahead"] else face["before"]
        return [before, face["range"], face["advice"], *(each["text"] for each in face["worse"][:1])]
    if state == "called":
        words = [_("It is your turn"), _("Please go to"), at_room, in_words(room.get("ways"))]
        return [f"{number} {words[0]}", f"{words[1]} {words[2]}", words[3]]
    if state == "serving":
        return [f"{number} {_('You are with the expert')}", at_room]
    if state == "missed":
        why = _(
            "Your number was called and nobody came. That is all right: report to the desk, and they put you back in "
            "line."
        )
        return [f"{number} {_('Please go to the desk')}", why]
    what = _("Come back with the result and report to the desk: return visits are called in turn with the others.")
    return [f"{number} {_('You are on your way to a test')}", what]


def appointment(of: Appointment, texts: Texts, now: datetime, *, named: bool) -> Lines:
    """A number that one has booked, and when to come."""
    return [
        _head(of.session, of.patient, named),
        _when(of.session, of.slot),
        *_state_of_appointment(of, texts, now),
        link("phone", of.token),
    ]


def _state_of_appointment(of: Appointment, texts: Texts, now: datetime) -> Lines:
    if of.state == Appointment.State.CALLED_OFF:
        sorry = _("We are sorry. A fee is paid back, and nothing counts against you. Please choose another date.")
        return [_("This clinic does not take place"), sorry]
    if of.state == Appointment.State.HELD:
        until = {"time": phone_face.clock(of.held_until)} if of.held_until else {}
        return [
            _("Your number is held until %(time)s.") % until,
            _("It is yours once it is paid. After this time it goes back to the others."),
        ]
    told = when_to_come.told(of, snapshots.coming(of, now=now), of.way_minutes, now)
    leave = _leaving(told) if told["come"] == "at" else ""
    if told["come"] == "at":
        come = f"{_('Please come at')} {phone_face.clock(told['come_at'])}"
    elif told["come"] == "now":
        come = _pair(_("It is your time"), _("Come now"))
    else:
        ended = _("Your time ended at %(end)s") % {"end": phone_face.clock(of.slot.ends_at)}
        come = f"{ended}. {_('Come all the same')}"
    return [come, leave, *_joining(of, texts, now)]


def _leaving(told: dict[str, Any]) -> str:
    """Where the way is known."""
    if told["way"] is None:
        return ""
    if told["set_out"] is None:
        return _("Set out now")
    return _("Set out at %(time)s") % {"time": phone_face.clock(told["set_out"])}


def _joining(of: Appointment, texts: Texts, now: datetime) -> Lines:
    """The place that one would have if one checked in now (R5.1)."""
    if of.session.state not in Session.LIVE:
        return []
    found = phone_face.joining(source.phone(of.session), of.slot.index, texts, now)
    return [] if found is None else [found["text"], found["range"]]


def wait(of: WaitlistEntry, *, named: bool) -> Lines:
    """A place on the waitlist, with the number that is offered, and the page where it is taken (R3.4)."""
    if of.offered_until is not None:
        until = {"until": phone_face.clock(of.offered_until)}
        state = [
            _("A number is free for you"),
            _("It is kept for you until %(until)s. After that it goes to the next.") % until,
        ]
    else:
        state = [_("You are on the waitlist"), _pair(_("Waiting before you"), waitlist.before(of))]
    return [_head(of.session, of.patient, named), _when(of.session, of.wanted), *state, link("book_waiting", of.token)]


def request(of: BallotEntry, now: datetime, *, named: bool) -> Lines:
    """A request in a draw, and when it is drawn (R3.7)."""
    session, closes_at = of.ballot.session, of.ballot.closes_at
    drawn = _pair(_("Drawn at"), phone_face.clock(closes_at)) if closes_at > now else _("The numbers are being drawn")
    state = [_("You are in the draw"), drawn]
    return [_head(session, of.patient, named), _when(session, None), *state, link("book_request", of.token)]


def _head(session: Session, patient: Patient, named: bool) -> str:
    """Whom it is with and, where several are told of, whose it is."""
    return " · ".join(filter(None, [in_words(session.names), masked(patient.name) if named else ""]))


def _when(session: Session, slot: Slot | None) -> str:
    """Day and time of a slot; None: of the whole session."""
    day = {"weekday": date_format(session.date, "l"), "day": date_format(session.date)}
    span = slot or session
    time = f"{phone_face.clock(span.starts_at)}–{phone_face.clock(span.ends_at)}"
    return _("{weekday}, {day}").format(**day) + f" {time}"


def number(session: Session, label: str, texts: Texts, now: datetime) -> Lines:
    """How far anybody's number is: what a board shows of it, and when it will be its turn (R6.2)."""
    snapshot = source.phone(session)
    return [
        in_words(snapshot["names"]),
        *_state_of_number(session, snapshot, label, texts, now),
        link("queue", session.pk),
    ]


def _state_of_number(session: Session, snapshot: dict[str, Any], label: str, texts: Texts, now: datetime) -> Lines:
    face = phone_face.face(snapshot, label, texts, now, near=session.department.tell_when_ahead)
    values = {"number": label, "room": in_words(face.get("room", {}).get("names"))}
    if face["state"] == "called":
        return [_("{number} is called to {room}").format(**values)]
    if face["state"] == "serving":
        return [_("{number} is with the expert, {room}").format(**values)]
    if face["state"] == "missed":
        return [_("{number} was called and nobody came").format(**values)]
    if face["state"] == "":
        return [_("{number} is not in line now").format(**values)]
    if not face["ahead"]:
        return [_("{number} is next").format(**values), face["range"]]
    before = ngettext("{n} patient before {number}", "{n} patients before {number}", face["ahead"])
    return [before.format(n=face["ahead"], **values), face["range"]]


def queue(session: Session, texts: Texts, sits: Sequence[str] = ()) -> Lines:
    """Who is called, how many wait, and what a newcomer would wait; `sits`: names to be told with a pooled clinic's."""
    found = public.summary(session, texts)
    rooms = {room["code"]: in_words(room["names"]) for room in found["rooms"]}
    busy = [f"{each['number']} {rooms.get(each['room'], '')}".strip() for each in found["busy"]]
    return [
        " · ".join([in_words(found["names"]), *sits]),
        _pair(_("In the rooms now"), ", ".join(busy) or _("nobody is called yet")),
        found["words"],
        _pair(_("Waiting"), found["waiting"]) if found["waiting"] else "",
        _pair(_("If you came now"), found["newcomer"] or _("no walk-in numbers left")),
        link("queue", session.pk),
    ]


def _pair(what: str, value: object) -> str:
    return _("{what}: {value}").format(what=what, value=value)
