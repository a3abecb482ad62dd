"""When a booked patient is told to come, and to set out (R5.3).

The way is asked once: kept on the phone for the next visit, and with this one, so that the patient is told there too.
"""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse

from booking.models import Appointment
from queueboard.notify import of_bookings
from queueboard.notify.words import floored
from queueboard.snapshots import Coming

COOKIE = "way"
KEPT = 365 * 24 * 3600
LONGEST = 600  # minutes


def way_of(request: HttpRequest, appointment: Appointment) -> int | None:
    """The minutes of one's way as just given (`?way=`), else as kept; None where that is no number in reason."""
    if "way" not in request.GET and appointment.way_minutes is not None:
        return appointment.way_minutes
    given = request.GET.get("way", request.COOKIES.get(COOKIE, ""))
    return int(given) if given.isdecimal() and len(given) <= 3 and 1 <= int(given) <= LONGEST else None


def keep_way(request: HttpRequest, response: HttpResponse, appointment: Appointment) -> None:
    """What was just given is kept, or forgotten where it was no number in reason; what the phone knew, with the visit
    too."""
    way = way_of(request, appointment)
    if way != appointment.way_minutes:
        Appointment.objects.filter(pk=appointment.pk).update(way_minutes=way)
    if "way" not in request.GET:
        return
    if way is None:
        response.delete_cookie(COOKIE, path="/t/")
    else:
        response.set_cookie(COOKIE, str(way), max_age=KEPT, path="/t/", samesite="Lax", httponly=True)


def told(appointment: Appointment, coming: Coming | None, way: int | None, now: datetime) -> dict[str, Any]:
    """For the page: `come` is at, now or late; `come_at`; and with a known way when to set out, None: at once."""
    come_at = of_bookings.come_at(appointment) if coming is None else floored(coming.come_at)
    if now > appointment.slot.ends_at:
        return {"come": "late", "come_at": come_at}
    if now >= come_at:
        return {"come": "now", "come_at": come_at}
    found = {"come": "at", "come_at": come_at, "way": way}
    if way is not None:
        leave = of_bookings.leave_at(come_at, way)
        found["set_out"] = leave if leave > now else None
    return found
