"""What a booked patient takes along: the code that the desk scans, and an entry for the calendar."""

from datetime import UTC, datetime, timedelta

import segno
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from icalendar import Alarm, Calendar, Event

from booking.models import Appointment, QuotaMove, named
from booking.models.hashes import keyed_hash
from queueboard.notify.of_bookings import come_at
from queueboard.templatetags.faces import hospital_name
from queueboard.views.language import in_language
from queueboard.views.own import appointment_of
from queueboard.views.private import private

REMIND = (timedelta(days=1), timedelta(hours=2))  # before the time to come


def code(appointment: Appointment) -> str:
    """The check-in code as a picture in an address of its own, so that no request carries it."""
    return segno.make_qr(appointment.token, error="m").svg_data_uri(scale=8, border=2, dark="#000", light="#fff")


@require_safe
@private
@in_language
def calendar(request: HttpRequest, token: str) -> HttpResponse:
    """The visit as an iCalendar file: neither who comes nor what could be used to find or change it.

    Raises Http404 for one that is not to come.
    """
    appointment = appointment_of(token)
    if appointment.state not in Appointment.ACTIVE:
        raise Http404
    answer = HttpResponse(_calendar(appointment), content_type="text/calendar; charset=utf-8")
    answer.headers["Content-Disposition"] = 'attachment; filename="visit.ics"'
    return answer


def _calendar(appointment: Appointment) -> bytes:
    slot, session = appointment.slot, appointment.session
    # The same entry in a calendar for as long as the appointment is moved about; it leads back to nothing.
    moved = QuotaMove.objects.filter(appointment=appointment, reason=QuotaMove.Reason.MOVED, source="booked").count()
    event = Event()
    event.add("uid", f"{keyed_hash(f'calendar {appointment.token}')[:32]}@queueboard")
    event.add("sequence", moved)
    event.add("dtstamp", timezone.now().astimezone(UTC))
    event.add("dtstart", _utc(come_at(appointment)))
    event.add("dtend", _utc(slot.ends_at))
    event.add("summary", f"{named(session)} · {named(session.department)}")  # type: ignore[arg-type]
    event.add("location", hospital_name())
    event.add("description", _description(appointment))
    for before in REMIND:
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", _("Your visit"))
        alarm.add("trigger", -before)
        event.add_component(alarm)
    made = Calendar()
    made.add("prodid", "-//queueboard//visit//")
    made.add("version", "2.0")
    made.add_component(event)
    return made.to_ical()


def _description(appointment: Appointment) -> str:
    slot = appointment.slot
    return _("Please come at %(come)s. Your time is %(start)s–%(end)s.") % {
        "come": f"{timezone.localtime(come_at(appointment)):%H:%M}",
        "start": f"{timezone.localtime(slot.starts_at):%H:%M}",
        "end": f"{timezone.localtime(slot.ends_at):%H:%M}",
    }


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)
