"""The words of notices: pieces that all kinds share, in the language that is active."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from booking.models import Room, Session, named
from queueboard.masking import masked
from queueboard.notify.facts import Facts

STEP = 300  # seconds: nobody comes to the minute, and the earlier is the safer


@dataclass(frozen=True, slots=True)
class Said:
    """A few words, a sentence or two, and the facts in them by name."""

    title: str
    text: str
    values: Mapping[str, str]


def said(title: str, text: str, values: Mapping[str, str]) -> Said:
    """`title` and `text` with their %(name)s filled in."""
    return Said(title % values, text % values, values)


def day(moment: date | datetime) -> str:
    """Monday, 16 November 2026."""
    local = timezone.localtime(moment).date() if isinstance(moment, datetime) else moment
    written = {"weekday": date_format(local, "l"), "day": date_format(local, "DATE_FORMAT")}
    return _("{weekday}, {day}").format(**written)


def clock(moment: datetime) -> str:
    return f"{timezone.localtime(moment):%H:%M}"


def floored(moment: datetime) -> datetime:
    """As a time to come is told."""
    return datetime.fromtimestamp(moment.timestamp() // STEP * STEP, timezone.get_current_timezone())


def who(session: Session) -> str:
    """The expert, or the title of a pooled session, in the active language."""
    return session.names.get(get_language() or "", session.name)


def way(room: Room) -> str:
    return room.ways.get(get_language() or "", room.way)


def of_visit(facts: Facts) -> dict[str, str]:
    """What every notice about a visit may name: never more of the patient than a board shows."""
    session, slot = facts.session, facts.slot
    values = {"token": facts.token or (facts.entry.token if facts.entry else "")}
    if facts.patient is not None:
        values["patient"] = masked(facts.patient.name)
    if session is not None:
        values |= {
            "expert": who(session),
            "department": named(session.department),
            "day": day(session.date),
            "date": date_format(session.date, "DATE_FORMAT"),
        }
    if slot is not None:
        values |= {"start": clock(slot.starts_at), "end": clock(slot.ends_at)}
    if facts.ticket is not None:
        values["number"] = facts.ticket.label
    if facts.room is not None:
        values |= {"room": named(facts.room), "way": way(facts.room)}
    return values
