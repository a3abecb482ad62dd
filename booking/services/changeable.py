"""Appointments that can still be changed: locked with their session, and refused where it is too late."""

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from booking.errors import BookingError
from booking.models import Appointment, Session
from booking.services import sessions

State = Appointment.State


def not_begun(appointment: Appointment) -> None:
    """Raises BookingError `checked_in`, `not_active` for what is neither held nor booked."""
    if appointment.state == State.ARRIVED:
        raise BookingError(_("The patient has checked in already."), code="checked_in")
    if appointment.state not in (State.HELD, State.BOOKED):
        raise not_active(appointment)


def not_active(appointment: Appointment) -> BookingError:
    return BookingError(_("This appointment has ended."), code="not_active", state=appointment.state)


def locked(appointment_id: int, *also: int) -> tuple[Session, Appointment]:
    """Its session, then the appointment, locked in the order that everybody keeps; sessions `also`, by their ids."""
    while True:
        with transaction.atomic():
            own = Appointment.objects.values_list("session_id", flat=True).get(pk=appointment_id)
            both = {session_id: sessions.locked(session_id) for session_id in sorted({own, *also})}
            appointment = Appointment.objects.select_for_update(no_key=True).get(pk=appointment_id)
            if appointment.session_id == own:
                return both[own], appointment
            # It was moved meanwhile. The rollback gives these locks back before others are taken.
            transaction.set_rollback(True)
