"""What speaks against one more booking of a patient, read in one query (R3.2, R3.6, R3.7).

The query is written out: every booking of a rush sends it, and to build it anew each time takes longer than to run it.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db import connection
from django.utils.translation import gettext_lazy as _

from booking.errors import BookingError
from booking.models import Appointment, Session, Suspension
from booking.services import suspensions

State = Appointment.State


def within(
    *, patient_id: int, session: Session, now: datetime, moving: Appointment | None = None
) -> dict[int, int]:  # fmt: skip
    """The counts of bookings at which nothing spoke against one more; a claim compares them.

    Of the patient, and of the first patient with the same phone, by id. `moving`: the appointment that comes from
    elsewhere: it does not count where it is, and comes although its patient is suspended, as it is no visit more.
    Raises BookingError as `appointments.book` does.
    """
    department = session.department
    own, suspended, present, this_day, open_here, first, first_bookings, by_phone = _read(
        patient_id, session, now, moving
    )
    if suspended is not None and moving is None:
        raise suspensions.refusal(Suspension.objects.get(pk=suspended))
    if present is not None:
        raise already_booked(present)
    if this_day >= department.booked_per_patient_day:
        raise BookingError(
            _("No more appointments can be booked for this day."),
            code="limit_per_day",
            limit=department.booked_per_patient_day,
        )
    if open_here >= department.booked_per_patient_department:
        raise BookingError(
            _("No more appointments can be booked in this department."),
            code="limit_per_department",
            limit=department.booked_per_patient_department,
        )
    if by_phone >= department.booked_per_phone_day:
        raise BookingError(
            _("No more appointments can be booked for this day with this phone number."),
            code="limit_per_phone",
            limit=department.booked_per_phone_day,
        )
    return ({} if first is None else {first: first_bookings}) | {patient_id: own}


def already_booked(present: int) -> BookingError:
    """The refusal of who has the appointment `present` (its id) in the session already."""
    words = _("This patient has an appointment in this session already.")
    return BookingError(words, code="already_booked", appointment=present)


def _listed(states: Iterable[State]) -> str:
    return ", ".join(f"'{state.value}'" for state in states)


_ACTIVE = _listed(Appointment.ACTIVE)
_TAKEN = _listed(state for state in Appointment.COUNTED if state != State.CALLED_OFF)
# A hold whose time is over counts no more, whether the task has noticed yet or not.
_APPOINTMENTS = """
    FROM booking_appointment made JOIN booking_session session ON session.id = made.session_id
    WHERE made.id <> %(moving)s AND NOT (made.state = 'held' AND made.held_until <= %(now)s) AND made.patient_id"""
_QUERY = f"""
SELECT own.bookings,
    (SELECT min(id) FROM booking_suspension WHERE patient_id = own.id AND begins_at <= %(now)s AND until > %(now)s
        AND (ended_at IS NULL OR ended_at > %(now)s)),
    (SELECT min(made.id) {_APPOINTMENTS} = own.id AND made.state IN ({_ACTIVE}) AND session.id = %(session)s),
    (SELECT count(*) {_APPOINTMENTS} = own.id AND made.state IN ({_TAKEN}) AND session.date = %(day)s),
    (SELECT count(*) {_APPOINTMENTS} = own.id AND made.state IN ({_ACTIVE}) AND session.department_id = %(department)s),
    first.id,
    first.bookings,
    (SELECT count(*) {_APPOINTMENTS} IN (SELECT id FROM booking_patient WHERE phone_hash = own.phone_hash)
        AND own.phone_hash <> '' AND made.state IN ({_TAKEN}) AND session.date = %(day)s
        AND session.department_id = %(department)s)
FROM booking_patient own LEFT JOIN booking_patient first
    ON first.id = (SELECT min(id) FROM booking_patient WHERE phone_hash = own.phone_hash AND own.phone_hash <> '')
WHERE own.id = %(patient)s
"""


def _read(patient_id: int, session: Session, now: datetime, moving: Appointment | None) -> tuple:
    values = {
        "patient": patient_id,
        "session": session.pk,
        "department": session.department_id,
        "day": connection.ops.adapt_datefield_value(session.date),
        "now": connection.ops.adapt_datetimefield_value(now),
        "moving": 0 if moving is None else moving.pk,
    }
    with connection.cursor() as cursor:
        cursor.execute(_QUERY, values)
        return cursor.fetchone()
