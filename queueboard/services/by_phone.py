"""What patients do to their own visit on the phone: check in (R4.1), say that they come late, give their place up.

Who does it is whoever has the link; the log has no member of staff there, and NOTE as the reason.
"""

from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from booking.models import Appointment, Session
from booking.models.hashes import keyed_hash
from queueboard import on_site
from queueboard.errors import QueueError
from queueboard.models import OnSiteTry, Ticket
from queueboard.services import arrivals
from queueboard.services.queue import change, not_live

NOTE = "by_phone"
# Wrong codes; an address is loose, as a hospital's network is one for all who wait in it.
WINDOW = timedelta(minutes=10)
TRIES_PER_VISIT, TRIES_PER_ADDRESS = 5, 60
# Of one visit, whatever the address: two codes of 10,000 fit, so that one in 250 who only guess all day gets in.
DAY = timedelta(days=1)
TRIES_PER_DAY = 20


def check_in(*, appointment_id: int, typed: str, address: str, now: datetime | None = None) -> Ticket:
    """Checks in whoever types the code shown on site. A second press returns the same ticket.

    Not inside a transaction: a wrong code counts. Raises QueueError `code_wrong`, `too_many_tries` (with `minutes`, or
    0: not on the phone any more), and what refuses a check-in at the desk, before the code is looked at.
    """
    now = now or timezone.now()
    appointment = Appointment.objects.select_related("session").get(pk=appointment_id)
    here = arrivals.checked_in(appointment_id)
    if here is not None:
        return here
    arrivals.refuse_unless_expected(appointment)
    _refuse_unless_open(appointment.session, now)
    _refuse_unless_on_site(appointment, typed, address, now)
    return arrivals.check_in(appointment_id=appointment_id, reason=NOTE, now=now)


def say_late(*, appointment_id: int, now: datetime | None = None) -> Appointment:
    """Staff sees that the patient is on the way and late; nothing else follows from it. Twice is once.

    Raises QueueError `too_early` before the day of the visit, `taken_back` where it was, and what refuses a check-in.
    """
    now = now or timezone.now()
    with change(_session_of(appointment_id), actor=None, now=now, live=False) as queue:
        appointment = Appointment.objects.select_for_update().get(pk=appointment_id)
        if appointment.says_late:
            return appointment
        if appointment.late_unsaid_at is not None:
            raise QueueError(_("You have taken this back before. Please just come."), code="taken_back")
        arrivals.refuse_unless_expected(appointment)
        if timezone.localdate(now) < queue.session.date:
            raise QueueError(_("This can be said on the day of the visit."), code="too_early")
        queue.write(appointment, late_said_at=now)
        queue.happened("late_said")
        return appointment


def unsay_late(*, appointment_id: int, now: datetime | None = None) -> Appointment:
    """Takes that back. Twice is once, and where it was not said there is nothing to take back."""
    now = now or timezone.now()
    with change(_session_of(appointment_id), actor=None, now=now, live=False) as queue:
        appointment = Appointment.objects.select_for_update().get(pk=appointment_id)
        if appointment.says_late:
            queue.write(appointment, late_unsaid_at=now)
            queue.happened("late_unsaid")
        return appointment


def give_up(*, ticket_id: int, now: datetime | None = None) -> Ticket:
    """Leaves the queue: the number goes to the others. Twice is once.

    Raises QueueError `action_refused` for who is in the room, and `away` for who was sent for a test and is expected.
    """
    if Ticket.objects.filter(pk=ticket_id, state=Ticket.State.AWAY).exists():
        raise QueueError(_("You are expected back with your result. Please tell the desk."), code="away")
    return arrivals.leave(ticket_id=ticket_id, reason=NOTE, now=now)


def forget(*, now: datetime | None = None) -> int:
    """Deletes tries that count for nothing any more. Returns how many."""
    return OnSiteTry.objects.filter(at__lte=(now or timezone.now()) - DAY).delete()[0]


def _session_of(appointment_id: int) -> int:
    return Appointment.objects.values_list("session", flat=True).get(pk=appointment_id)


def _refuse_unless_open(session: Session, now: datetime) -> None:
    if session.state in Session.OVER:
        raise not_live(session)
    opens = timezone.localtime(session.registration_opens_at)
    if session.state == Session.State.PLANNED and now < opens:
        if opens.date() == timezone.localdate(now):
            words = _("Check-in opens at %(time)s.") % {"time": f"{opens:%H:%M}"}
        else:
            day = date_format(opens, "MONTH_DAY_FORMAT")
            words = _("Your visit is on another day: check-in opens on %(day)s at %(time)s.") % {
                "day": day, "time": f"{opens:%H:%M}",
            }  # fmt: skip
        raise QueueError(words, code="not_open")


def _refuse_unless_on_site(appointment: Appointment, typed: str, address: str, now: datetime) -> None:
    """A try is written before it is counted, so that many at once are not more than one after the other."""
    mine = OnSiteTry.objects.create(appointment=appointment, address_hash=keyed_hash(address), at=now)
    of_visit = OnSiteTry.objects.filter(appointment=appointment)
    from_here = OnSiteTry.objects.filter(address_hash=mine.address_hash, at__gt=now - WINDOW)
    if of_visit.filter(at__gt=now - DAY).count() > TRIES_PER_DAY:
        mine.delete()
        words = _("The code was wrong too often. Please check in at the desk or at a kiosk.")
        raise QueueError(words, code="too_many_tries", status=429, minutes=0)
    if of_visit.filter(at__gt=now - WINDOW).count() > TRIES_PER_VISIT or from_here.count() > TRIES_PER_ADDRESS:
        mine.delete()  # one refused is not counted on
        words = _("The code was wrong several times. Please wait ten minutes, or check in at the desk.")
        raise QueueError(words, code="too_many_tries", status=429, minutes=WINDOW.seconds // 60)
    if not on_site.fits(appointment.session.department_id, typed, now):
        words = _("This is not the code that is shown now. It changes every minute: please read it once more.")
        raise QueueError(words, code="code_wrong", status=400)
    mine.delete()
