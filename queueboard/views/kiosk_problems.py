"""What is the matter, and what to do: a heading and a sentence for each thing that a kiosk cannot do."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from booking.models import Session, named
from booking.services import suspensions
from queueboard.kiosk.visits import Visit


def told(code: str, found: Sequence[Visit], session: Session | None) -> dict[str, Any]:
    """For kiosk/problem.html. `found`: the visits that it is about. `session`: the one that a walk-in chose."""
    title, words = _said(code, found, session)
    return {
        "code": code,
        "title": title,
        "words": words,
        "may_walk_in": code in ASK_FOR_A_NUMBER,
        "again": code in ("not_found", "not_known"),
        "shows_visits": code in SHOWN,
    }


ASK_FOR_A_NUMBER = ("not_found", "other_day", "cancelled", "expired", "closed", "called_off")
SHOWN = ("too_early", "other_day", "other_department", "not_paid", "called_off", "stopped")


def _said(code: str, found: Sequence[Visit], session: Session | None) -> tuple[str, str]:
    row = found[0].row if found else None
    if code == "too_early" and row is not None:
        opens = _clock(row.session.registration_opens_at)
        return (
            _("You are early"),
            _("Check-in for this visit opens at %(time)s. Please come back to this machine then.") % {"time": opens},
        )
    if code == "not_paid" and row is not None:
        until = getattr(row, "held_until", None)
        return (
            _("Not paid yet"),
            _("It is held until %(time)s. Scan this code to pay on your phone, or pay at the desk, then check in.")
            % {"time": _clock(until) if until else ""},
        )
    if code == "none_left" and session is not None:
        return (
            _("No numbers left"),
            _("Today's numbers of %(expert)s are all given out.") % {"expert": named(session)},  # type: ignore[arg-type]
        )
    if code in ("closed", "registration_closed") and session is not None:
        return _("Registration is closed"), _("%(expert)s takes nobody more today.") % {"expert": named(session)}  # type: ignore[arg-type]
    return _texts().get(code, _texts()["refused"])


def _texts() -> dict[str, tuple[str, str]]:
    desk = _("Please go to the desk: they can help.")
    return {
        "not_found": (
            _("We found no visit of today"),
            _("Please compare what was typed, or scan the code of your visit. The desk can look for it too."),
        ),
        "not_known": (
            _("We do not know you yet"),
            _("Please type the whole number of your resident ID, or register at the desk with another document."),
        ),
        "other_department": (
            _("Your visit is in another department"),
            _("This machine does not check in for it. Please go there."),
        ),
        "other_day": (_("Your visit is on another day"), _("Nothing is booked for today.")),
        "called_off": (
            _("This clinic does not take place"),
            _("We are sorry. A fee is paid back, and nothing counts against you. Please ask at the desk."),
        ),
        "stopped": (
            _("This clinic has ended early"),
            _("We are sorry: nobody more is called today, and nothing counts against you. Please ask at the desk."),
        ),
        "closed": (_("This clinic is over"), _("Nobody more is called today. Please ask at the desk.")),
        "seen": (_("Your visit is over"), _("Sent for a test? Please go to the desk with the result.")),
        "not_seen": (_("We could not see you today"), _("This does not count against you. Please ask at the desk.")),
        "cancelled": (_("This appointment was cancelled"), _("You can take a number for today, if any is left.")),
        "expired": (
            _("This appointment was not paid in time"),
            _("You can take a number for today, if any is left."),
        ),
        "name_differs": (
            _("Name and number do not fit"),
            _("We know this ID number under another name. Please go to the desk with the card."),
        ),
        "too_many_tries": (
            _("Please go to the desk"),
            _("Too much was typed wrong here. For a while only the code of a visit can be scanned."),
        ),
        "refused": (_("That did not work"), desk),
    }


def suspension_of(patient_ids: Sequence[int], now: datetime) -> str:
    """That the patient cannot book, and can still register here (R3.6); "" for who can."""
    for pk in patient_ids:
        if suspension := suspensions.of(pk, now=now):
            return suspensions.sentence(suspension)
    return ""


def _clock(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), "H:i")
