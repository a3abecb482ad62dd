"""A refusal on a page: the sentence, and what to do next."""

import json
from datetime import datetime
from typing import Any, TypeVar

from django.conf import settings
from django.db.models import Model, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from booking.errors import BookingError
from booking.models import Account, Appointment
from queueboard.challenge import picture

Row = TypeVar("Row", bound=Model)


def told(refused: BookingError, *, move: str = "") -> dict[str, Any]:
    """For book/_refused.html: `sentence`, `advice` ("" for none), and `elsewhere`, what can be booked instead, or moved
    to where `move` is an appointment's token. For book/_challenge.html: `challenge`, what must be solved first."""
    elsewhere = refused.extra.get("elsewhere") or []
    assert isinstance(elsewhere, list)
    return {
        "code": refused.code,
        "sentence": str(refused.message),
        "advice": _advice(refused),
        "elsewhere": [
            each | {"at": datetime.fromisoformat(each["starts_at"]), "url": _address(each["slot"], move)}
            for each in elsewhere
        ],
        "challenge": _challenge(refused),
    }


def own_of(account: Account | None, refused: BookingError) -> Appointment | None:
    """The appointment that the patient has in the session already, where this account booked it."""
    return None if account is None else named(account.appointments.all(), refused, "appointment")


def named(rows: QuerySet[Row], refused: BookingError, name: str) -> Row | None:
    """Of these rows the one that the refusal names."""
    pk = refused.extra.get(name)
    return rows.filter(pk=pk).first() if isinstance(pk, int) else None


def _challenge(refused: BookingError) -> dict[str, Any] | None:
    if refused.code != "challenge":
        return None
    return {
        "work": json.dumps(refused.extra["challenge"]),
        "picture": picture.name(str(refused.extra["purpose"])),
        "phone": settings.HOSPITAL_PHONE,
    }


def _address(slot: int, move: str) -> str:
    return reverse("move_to", args=[move, slot]) if move else reverse("book_slot", args=[slot])


def _advice(refused: BookingError) -> str:
    code = refused.code
    if code == "none_left":
        return "" if refused.extra.get("elsewhere") else _("Please choose another day, or look again in a few minutes.")
    if code == "not_released":
        at = timezone.localtime(datetime.fromisoformat(str(refused.extra["released_at"])))
        return _("Numbers appear on %(day)s at %(time)s, for all at once.") % {
            "day": date_format(at, "MONTH_DAY_FORMAT"),
            "time": date_format(at, "H:i"),
        }
    if code == "code_wrong":
        return _("Please compare it with the message, or ask for another code.")
    if code == "booking_closed":
        return _("Please choose another day. On the day itself a walk-in number may be left at the desk.")
    if code == "already_booked":
        return _("It can be moved or cancelled on its own page. Lost the link? It is found with phone and ID.")
    if code in ("limit_per_day", "limit_per_department", "limit_per_phone"):
        return _("Please cancel an appointment that is not needed any more, or choose another day.")
    if code in ("limit_asking", "limit_waiting"):
        return _("Please take one back that is not needed any more, under My appointments.")
    if code in ("asked_already", "waits_already"):
        return _("Its page belongs to the phone that asked first.")
    if code == "name_differs":
        return _("Please compare name and number with the card. If both are right, the desk can help.")
    return ""
