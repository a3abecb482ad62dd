"""When a booked patient is told to come, and to set out (R5.3). The way is asked once and kept on the phone alone."""

from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse

from booking.models import Appointment
from queueboard.notify import of_bookings
from queueboard.notify.words import floored
from queueboard.snapshots import Coming
from queueboard.waiting import leaving

COOKIE = "way"
KEPT = 365 * 24 * 3600
LONGEST = 600  # minutes


def way_of(request: HttpRequest) -> int | None:
    """The minutes of one's way as just given (`?way=`), else as kept; None where neither is a number in reason."""
    given = request.GET.get("way", request.COOKIES.get(COOKIE, ""))
    return int(given) if given.isdecimal() and len(given) <= 3 and 1 <= int(given) <= LONGEST else None


def keep_way(request: HttpRequest, response: HttpResponse) -> None:
    """What was just given is kept, or forgotten where it was no number in reason."""
    if "way" not in request.GET:
        return
    way = way_of(request)
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
        leave = come_at - timedelta(minutes=-leaving.set_out(0.0, way))
        found["set_out"] = floored(leave) if leave > now else None
    return found
