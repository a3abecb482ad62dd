"""What a booked patient can say on the way: I am here, I am late; and what it means for the place (R4.5-R4.7)."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from booking.errors import BookingError
from booking.models import Appointment, Session
from queueboard.rules import Place
from queueboard.services import by_phone
from queueboard.snapshots import Coming
from queueboard.views import phone
from queueboard.views.address import address_of
from queueboard.views.language import in_language
from queueboard.views.own import appointment_of
from queueboard.views.private import private


def told(appointment: Appointment, coming: Coming | None, now: datetime) -> dict[str, Any]:
    """For the page of who is booked: whether check-in is open (`here`), else when it `opens`; whether it `may_say` to
    be late; and in words where one would be `placed`, checking in now."""
    session = appointment.session
    today = session.date <= timezone.localdate(now)
    opened = session.state in Session.LIVE or now >= session.registration_opens_at
    return {
        "here": opened and not session.stopped_early,
        "opens": session.registration_opens_at if today and not opened else None,
        "may_say": today and appointment.late_said_at is None,
        "says_late": appointment.says_late,
        "placed": "" if coming is None else _placed(appointment, coming.place),
    }


def _placed(appointment: Appointment, place: Place) -> str:
    match place:
        case Place.LATE_PASSED:
            return _(
                "Your time is over, and patients of a later time have been called. You are still seen today: after "
                "those who keep their time."
            )
        case Place.LATE:
            return _("Your time is over, but the clinic runs behind: you still come among the patients of your time.")
        case Place.ON_TIME_PASSED:
            return _("Patients of a later time are called already. You are in time: once checked in, you are next.")
        case Place.EARLY:
            return _("You are early: your place counts from shortly before your time.")
        case _:
            end = f"{timezone.localtime(appointment.slot.ends_at):%H:%M}"
            return _("Nothing is lost until %(end)s: check in by then and you keep your time.") % {"end": end}


@require_http_methods(["GET", "HEAD", "POST"])
@private
@in_language
def here(request: HttpRequest, token: str) -> HttpResponse:
    """A POST with the code shown on site checks in."""
    appointment = appointment_of(token)
    if request.method == "POST":
        try:
            by_phone.check_in(
                appointment_id=appointment.pk, typed=request.POST.get("code", ""), address=address_of(request)
            )
        except BookingError as error:
            return phone.shown(request, token, refused=error)
    return redirect("phone", token=token)


@require_http_methods(["GET", "HEAD", "POST"])
@private
@in_language
def late(request: HttpRequest, token: str) -> HttpResponse:
    """A POST says that one is late, or with `back` takes it back."""
    appointment = appointment_of(token)
    if request.method == "POST":
        say = by_phone.unsay_late if "back" in request.POST else by_phone.say_late
        try:
            say(appointment_id=appointment.pk)
        except BookingError as error:
            return phone.shown(request, token, refused=error)
    return redirect("phone", token=token)
